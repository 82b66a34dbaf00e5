-- name: ReadPrompts
-- Of the phones and amounts that are about to be asked, and of those the
-- transactions named are for.
SELECT p.phone, p.amount, p.transaction_id
  FROM (SELECT n.phone, n.amount FROM unnest($1::text[], $2::bigint[]) AS n (phone, amount)
         UNION
        SELECT phone, amount FROM transactions WHERE id = ANY($3::uuid[])) w
  JOIN open_prompts p USING (phone, amount);

-- name: TakePrompts
-- A phone that is being asked for that amount meanwhile is a unique violation: the
-- loser decides again, and sees the winner.
INSERT INTO open_prompts (phone, amount, transaction_id)
SELECT n.phone, n.amount, n.transaction_id
  FROM unnest($1::text[], $2::bigint[], $3::uuid[]) AS n (phone, amount, transaction_id)
 ORDER BY n.phone, n.amount;

-- name: LeavePrompts
DELETE FROM open_prompts
 WHERE transaction_id = ANY($1::uuid[]);
