-- name: InsertHistory
INSERT INTO history (transaction_id, version, place, machine, subject, step, from_status, to_status, note, moved_at)
SELECT n.transaction_id, n.version, n.place, n.machine, n.subject, n.step, n.from_status, n.to_status, n.note, n.moved_at
  FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[], $9::text[],
              $10::timestamptz[])
       AS n (transaction_id, version, place, machine, subject, step, from_status, to_status, note, moved_at);

-- name: ReadHistory
-- In the order in which it was decided.
SELECT moved_at, machine, subject, from_status, to_status, note
  FROM history
 WHERE transaction_id = ANY($1::uuid[])
 ORDER BY version, place;
