-- name: WriteDue
INSERT INTO due (transaction_id, kind, due_at)
SELECT n.transaction_id, n.kind, n.due_at
  FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])
       AS n (transaction_id, kind, due_at)
 ORDER BY 1, 2
    ON CONFLICT (transaction_id, kind) DO UPDATE
   SET due_at = excluded.due_at, claimed_until = NULL;

-- name: ClearDue
-- What was due and is no more.
DELETE FROM due d
 USING unnest($1::uuid[], $2::text[]) AS n (transaction_id, kind)
 WHERE d.transaction_id = n.transaction_id AND d.kind = n.kind;

-- name: ClaimDue
-- One claim covers all that is due of a transaction: Tick looks at everything.
WITH ready AS (
    SELECT transaction_id, kind
      FROM due
     WHERE due_at <= now() AND (claimed_until IS NULL OR claimed_until <= now())
     ORDER BY due_at
     LIMIT $1
       FOR UPDATE SKIP LOCKED), -- who claims at the same time takes others
claimed AS (
    UPDATE due d
       SET claimed_until = now() + $2::interval
      FROM ready r
     WHERE d.transaction_id = r.transaction_id AND d.kind = r.kind
    RETURNING d.transaction_id, d.due_at)
SELECT transaction_id
  FROM claimed
 GROUP BY transaction_id
 ORDER BY min(due_at);

-- name: DueAge
SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8
  FROM due
 WHERE due_at <= now();
