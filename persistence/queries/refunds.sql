-- name: InsertRefunds
INSERT INTO refunds (transaction_id, no, attempt_no, cause, amount, owed_at)
SELECT n.transaction_id, n.no, n.attempt_no, n.cause, n.amount, n.owed_at
  FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::bigint[], $6::timestamptz[])
       AS n (transaction_id, no, attempt_no, cause, amount, owed_at);
