-- name: ReadPrompts
-- Of the phones and amounts that are about to be asked, and of those the
-- transactions named are for.
SELECT p.phone_index, p.amount, p.transaction_id
  FROM (SELECT n.phone_index, n.amount FROM unnest($1::bytea[], $2::bigint[]) AS n (phone_index, amount)
         UNION
        SELECT phone_index, amount FROM transactions WHERE id = ANY($3::uuid[])) w
  JOIN open_prompts p USING (phone_index, amount);

-- name: TakePrompts
-- A phone that is being asked for that amount meanwhile is a unique violation: the
-- loser decides again, and sees the winner.
INSERT INTO open_prompts (phone_index, amount, transaction_id)
SELECT n.phone_index, n.amount, n.transaction_id
  FROM unnest($1::bytea[], $2::bigint[], $3::uuid[]) AS n (phone_index, amount, transaction_id)
 ORDER BY n.phone_index, n.amount;

-- name: LeavePrompts
DELETE FROM open_prompts
 WHERE transaction_id = ANY($1::uuid[]);
