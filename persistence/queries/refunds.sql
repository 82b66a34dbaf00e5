-- name: InsertRefunds
INSERT INTO refunds (transaction_id, no, attempt_no, cause, amount, owed_at)
SELECT *
  FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::bigint[], $6::timestamptz[]);
