-- name: ReadAttempts
SELECT transaction_id, no, gateway, flow, live_money, status, step, coalesce(disposition, ''), captured, fee, fee_subunits, gateway_reference,
       doubt, next_action, redirect_url, display_text, code, otp_tries, otp_in_flight, asked_at, since_at, window_at, check_at, absent_at,
       absences
  FROM attempts
 WHERE transaction_id = ANY($1::uuid[])
 ORDER BY transaction_id, no;

-- name: InsertAttempts
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
             check_at, absent_at, absences);

-- name: UpdateAttempts
-- Who was asked, when, how and under which reference was fixed before the call.
UPDATE attempts a
   SET status = n.status, step = n.step, disposition = nullif(n.disposition, ''), captured = n.captured, fee = n.fee,
       fee_subunits = n.fee_subunits, gateway_reference = n.gateway_reference, doubt = n.doubt, next_action = n.next_action,
       redirect_url = n.redirect_url, display_text = n.display_text, code = n.code, otp_tries = n.otp_tries,
       otp_in_flight = n.otp_in_flight, since_at = n.since_at, window_at = n.window_at, check_at = n.check_at, absent_at = n.absent_at,
       absences = n.absences
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[],
              $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::integer[], $16::boolean[], $17::timestamptz[],
              $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::integer[])
       AS n (transaction_id, no, status, step, disposition, captured, fee, fee_subunits, gateway_reference, doubt, next_action,
             redirect_url, display_text, code, otp_tries, otp_in_flight, since_at, window_at, check_at, absent_at, absences)
 WHERE a.transaction_id = n.transaction_id AND a.no = n.no;
