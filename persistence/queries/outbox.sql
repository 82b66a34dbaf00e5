-- name: InsertEvents
INSERT INTO outbox (transaction_id, seq, id, kind, subject, step, happened_at, payload)
SELECT n.transaction_id, n.seq, n.id, n.kind, nullif(n.subject, ''), nullif(n.step, 0), n.happened_at, n.payload
  FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::timestamptz[], $8::text[])
       AS n (transaction_id, seq, id, kind, subject, step, happened_at, payload);
