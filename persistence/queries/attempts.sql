-- name: ReadAttempts
SELECT transaction_id, no, gateway, flow, live_money, status, step, coalesce(disposition, ''), captured, fee, fee_subunits, gateway_reference,
       doubt, next_action, redirect_url, display_text, code, otp_tries, otp_in_flight, asked_at, since_at, window_at, check_at, absent_at,
       absences
  FROM attempts
 WHERE transaction_id = ANY($1::uuid[])
 ORDER BY transaction_id, no;

-- name: WriteAttempts
INSERT INTO attempts (transaction_id, no, gateway, flow, live_money, reference, asked_at, status, step, disposition, captured, fee,
       fee_subunits, gateway_reference, doubt, next_action, redirect_url, display_text, code, otp_tries, otp_in_flight, since_at, window_at,
       check_at, absent_at, absences)
SELECT n.transaction_id, n.no, n.gateway, n.flow, n.live_money, n.reference, n.asked_at, n.status, n.step, nullif(n.disposition, ''),
       n.captured, n.fee, n.fee_subunits, n.gateway_reference, n.doubt, n.next_action, n.redirect_url, n.display_text, n.code, n.otp_tries,
       n.otp_in_flight, n.since_at, n.window_at, n.check_at, n.absent_at, n.absences
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::timestamptz[], $8::text[], $9::integer[],
              $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
              $19::text[], $20::integer[], $21::boolean[], $22::timestamptz[], $23::timestamptz[], $24::timestamptz[], $25::timestamptz[],
              $26::integer[])
       AS n (transaction_id, no, gateway, flow, live_money, reference, asked_at, status, step, disposition, captured, fee, fee_subunits,
             gateway_reference, doubt, next_action, redirect_url, display_text, code, otp_tries, otp_in_flight, since_at, window_at,
             check_at, absent_at, absences)
    ON CONFLICT (transaction_id, no) DO UPDATE
   SET status = excluded.status, step = excluded.step, disposition = excluded.disposition, captured = excluded.captured, fee = excluded.fee,
       fee_subunits = excluded.fee_subunits, gateway_reference = excluded.gateway_reference, doubt = excluded.doubt,
       next_action = excluded.next_action, redirect_url = excluded.redirect_url, display_text = excluded.display_text, code = excluded.code, otp_tries = excluded.otp_tries,
       otp_in_flight = excluded.otp_in_flight, since_at = excluded.since_at, window_at = excluded.window_at, check_at = excluded.check_at,
       absent_at = excluded.absent_at, absences = excluded.absences;
