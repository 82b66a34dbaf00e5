-- name: ReadKeys
SELECT k.principal, k.operation, k.key, k.hash, k.transaction_id
  FROM idempotency k
  JOIN unnest($1::text[], $2::text[], $3::text[]) AS n (principal, operation, key) USING (principal, operation, key);

-- name: InsertKeys
-- The same key twice is a unique violation: the loser finds the winner's.
INSERT INTO idempotency (principal, operation, key, hash, transaction_id, created_at)
SELECT n.principal, n.operation, n.key, n.hash, n.transaction_id, n.created_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::timestamptz[])
       AS n (principal, operation, key, hash, transaction_id, created_at)
 ORDER BY 1, 2, 3;

-- name: Remember
-- The first answer wins; every later writer leaves it and reads it.
UPDATE idempotency
   SET answer_status = $5, answer_body = $6
 WHERE principal = $1 AND operation = $2 AND key = $3 AND hash = ANY($4::bytea[]) AND answer_status IS NULL;

-- name: Recall
SELECT hash, answer_status, answer_body
  FROM idempotency
 WHERE principal = $1 AND operation = $2 AND key = $3;
