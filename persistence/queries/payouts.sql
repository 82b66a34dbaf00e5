-- name: ReadPayouts
SELECT transaction_id, status, step, amount, gateway, waiting, code, due_at, next_at, paid_at
  FROM payouts
 WHERE transaction_id = ANY($1::uuid[]);

-- name: ReadTries
SELECT transaction_id, no, gateway, live_money, status, step, amount, wallet_no, operator, phone_sealed, name, recipient, gateway_reference,
       fee, fee_subunits, doubt, code, said, sends, asked_at, sent_at
  FROM payout_tries
 WHERE transaction_id = ANY($1::uuid[])
 ORDER BY transaction_id, no;

-- name: WritePayouts
INSERT INTO payouts (transaction_id, talent_id, status, step, amount, gateway, waiting, code, due_at, next_at, paid_at)
SELECT n.transaction_id, n.talent_id, n.status, n.step, n.amount, n.gateway, n.waiting, n.code, n.due_at, n.next_at, n.paid_at
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
              $10::timestamptz[], $11::timestamptz[])
       AS n (transaction_id, talent_id, status, step, amount, gateway, waiting, code, due_at, next_at, paid_at)
    ON CONFLICT (transaction_id) DO UPDATE
   SET status = excluded.status, step = excluded.step, gateway = excluded.gateway, waiting = excluded.waiting, code = excluded.code,
       next_at = excluded.next_at, paid_at = excluded.paid_at;

-- name: WriteTries
INSERT INTO payout_tries (transaction_id, no, gateway, live_money, reference, amount, wallet_no, operator, phone_sealed, name, asked_at, status, step,
       recipient, gateway_reference, fee, fee_subunits, doubt, code, said, sends, sent_at)
SELECT n.transaction_id, n.no, n.gateway, n.live_money, n.reference, n.amount, n.wallet_no, n.operator, n.phone_sealed, n.name,
       n.asked_at, n.status, n.step, n.recipient, n.gateway_reference, n.fee, n.fee_subunits, n.doubt, n.code, n.said, n.sends, n.sent_at
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::integer[], $8::text[], $9::bytea[], $10::text[],
              $11::timestamptz[], $12::text[], $13::integer[], $14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::text[], $19::text[],
              $20::text[], $21::integer[], $22::timestamptz[])
       AS n (transaction_id, no, gateway, live_money, reference, amount, wallet_no, operator, phone_sealed, name, asked_at, status,
             step, recipient, gateway_reference, fee, fee_subunits, doubt, code, said, sends, sent_at)
    ON CONFLICT (transaction_id, no) DO UPDATE
   SET status = excluded.status, step = excluded.step, recipient = excluded.recipient, gateway_reference = excluded.gateway_reference,
       fee = excluded.fee, fee_subunits = excluded.fee_subunits, doubt = excluded.doubt, code = excluded.code, said = excluded.said, sends = excluded.sends,
       sent_at = excluded.sent_at;
