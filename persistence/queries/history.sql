-- name: InsertHistory
INSERT INTO history (transaction_id, version, machine, subject, step, from_status, to_status, note, moved_at)
SELECT n.transaction_id, n.version, n.machine, n.subject, n.step, n.from_status, n.to_status, n.note, n.moved_at
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])
       AS n (transaction_id, version, machine, subject, step, from_status, to_status, note, moved_at);

-- name: ReadHistory
SELECT moved_at, machine, subject, from_status, to_status, note
  FROM history
 WHERE transaction_id = ANY($1::uuid[])
 ORDER BY version, moved_at, machine, step;
