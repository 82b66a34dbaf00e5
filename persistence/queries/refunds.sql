-- name: ReadRefunds
SELECT transaction_id, no, attempt_no, gateway, cause, amount, status, step, flights, sends, gateway_reference, code, said, owed_at,
       sent_at, since_at, next_at, absent_at, absences
  FROM refunds
 WHERE transaction_id = ANY($1::uuid[])
 ORDER BY transaction_id, no;

-- name: WriteRefunds
-- What is owed, for what and through whom was fixed when it became so.
INSERT INTO refunds (transaction_id, no, attempt_no, gateway, reference, cause, amount, owed_at, status, step, flights, sends,
       gateway_reference, code, said, sent_at, since_at, next_at, absent_at, absences)
SELECT n.transaction_id, n.no, n.attempt_no, n.gateway, n.reference, n.cause, n.amount, n.owed_at, n.status, n.step, n.flights, n.sends,
       n.gateway_reference, n.code, n.said, n.sent_at, n.since_at, n.next_at, n.absent_at, n.absences
  FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[], $9::text[],
              $10::integer[], $11::integer[], $12::integer[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[],
              $18::timestamptz[], $19::timestamptz[], $20::integer[])
       AS n (transaction_id, no, attempt_no, gateway, reference, cause, amount, owed_at, status, step, flights, sends,
             gateway_reference, code, said, sent_at, since_at, next_at, absent_at, absences)
    ON CONFLICT (transaction_id, no) DO UPDATE
   SET status = excluded.status, step = excluded.step, flights = excluded.flights, sends = excluded.sends,
       gateway_reference = excluded.gateway_reference, code = excluded.code, said = excluded.said, sent_at = excluded.sent_at,
       since_at = excluded.since_at, next_at = excluded.next_at, absent_at = excluded.absent_at, absences = excluded.absences;

-- name: RefundsWaiting
-- What does not come to an end without people: theirs to make, held up at the
-- gateway for want of something, at odds with what it shows, or sent so often that
-- another call will not mend it ($2). What the engine still sends is not listed:
-- whoever gave it back beside it would give it twice.
SELECT r.transaction_id, r.reference, a.reference, r.gateway, a.gateway_reference, r.gateway_reference, t.booking_id, r.amount, t.currency,
       r.status, r.code, r.said, r.owed_at
  FROM refunds r
  JOIN attempts a ON a.transaction_id = r.transaction_id AND a.no = r.attempt_no
  JOIN transactions t ON t.id = r.transaction_id
 WHERE r.next_at IS NOT NULL AND (r.status = 'manual' OR r.code = ANY($3::text[]) OR (r.status <> 'done' AND r.sends >= $2))
 ORDER BY r.owed_at, r.transaction_id, r.no
 LIMIT $1;
