-- Lists and searches: first the ids of a stretch of what could be meant, walked by an
-- index in the order of the page; then which of them are. $1 and $2 bound the stretch
-- from above and below, $3 its length.

-- name: AnyPayments
SELECT id
  FROM transactions
 WHERE id < $1 AND id >= $2
 ORDER BY id DESC
 LIMIT $3;

-- name: PaymentsOfAPlatform
SELECT id
  FROM transactions
 WHERE principal = $4
   AND id < $1 AND id >= $2
 ORDER BY id DESC
 LIMIT $3;

-- name: PaymentsOfAPayer
-- payer_id <> '' says no more than $5 does: it lets the partial index serve.
SELECT id
  FROM transactions
 WHERE principal = $4 AND payer_id = $5 AND payer_id <> ''
   AND id < $1 AND id >= $2
 ORDER BY id DESC
 LIMIT $3;

-- name: PaymentsOfATalent
SELECT id
  FROM transactions
 WHERE talent_id = $4
   AND id < $1 AND id >= $2
 ORDER BY id DESC
 LIMIT $3;

-- name: PaymentsOfABooking
SELECT id
  FROM transactions
 WHERE booking_id = $4
   AND id < $1 AND id >= $2
 ORDER BY id DESC
 LIMIT $3;

-- name: PaymentsUnderReview
SELECT id
  FROM transactions
 WHERE review <> ''
   AND id < $1 AND id >= $2
 ORDER BY id DESC
 LIMIT $3;

-- name: PaymentsInSuspense
SELECT transaction_id
  FROM attempts
 WHERE disposition = 'suspense'
   AND transaction_id < $1 AND transaction_id >= $2
 GROUP BY transaction_id
 ORDER BY transaction_id DESC
 LIMIT $3;

-- name: PaymentsByName
-- $4 is a booking or a gateway's own reference, $5 what its phone is looked up by, $6
-- the ids it spells. An arm each: an OR would read the whole table.
SELECT id
  FROM (SELECT id FROM transactions WHERE id = ANY($6::uuid[])
         UNION ALL
       (SELECT id FROM transactions WHERE booking_id = $4 AND id < $1 ORDER BY id DESC LIMIT $3)
         UNION ALL
       (SELECT id FROM transactions WHERE phone_index = ANY($5::bytea[]) AND phone_index <> '' AND id < $1 ORDER BY id DESC LIMIT $3)
         UNION ALL
       (SELECT transaction_id FROM attempts WHERE gateway_reference = $4 AND gateway_reference <> '' AND transaction_id < $1
         ORDER BY transaction_id DESC LIMIT $3)
         UNION ALL
       (SELECT transaction_id FROM payout_tries WHERE gateway_reference = $4 AND gateway_reference <> '' AND transaction_id < $1
         ORDER BY transaction_id DESC LIMIT $3)
         UNION ALL
       (SELECT transaction_id FROM refunds WHERE gateway_reference = $4 AND gateway_reference <> '' AND transaction_id < $1
         ORDER BY transaction_id DESC LIMIT $3)) AS named (id)
 WHERE id < $1 AND id >= $2
 GROUP BY id
 ORDER BY id DESC
 LIMIT $3;

-- name: FilterPayments
SELECT t.id
  FROM transactions t
 WHERE t.id = ANY($1::uuid[])
   AND ($2::text = '' OR t.principal = $2)
   AND ($3::text = '' OR t.payer_id = $3)
   AND ($4::text = '' OR t.talent_id = $4)
   AND ($5::text = '' OR t.booking_id = $5)
   AND ($6::text[] = '{}' OR t.status = ANY($6))
   AND ($7::text = '' OR t.operator = $7)
   AND ($8::text = '' OR EXISTS (SELECT 1 FROM attempts a WHERE a.transaction_id = t.id AND a.gateway = $8))
   AND ($9::timestamptz IS NULL OR t.created_at >= $9)
   AND ($10::timestamptz IS NULL OR t.created_at < $10)
   AND (NOT $11::boolean OR t.review <> '')
   AND ($12::text = '' OR EXISTS (SELECT 1 FROM holds h WHERE h.transaction_id = t.id AND h.status = $12))
   AND (NOT $13::boolean OR EXISTS (SELECT 1 FROM attempts a WHERE a.transaction_id = t.id AND a.disposition = 'suspense'))
 ORDER BY t.id DESC;

-- name: AnyPayouts
SELECT transaction_id
  FROM payouts
 WHERE transaction_id < $1 AND transaction_id >= $2
 ORDER BY transaction_id DESC
 LIMIT $3;

-- name: PayoutsNotPaid
SELECT transaction_id
  FROM payouts
 WHERE status <> 'paid'
   AND transaction_id < $1 AND transaction_id >= $2
 ORDER BY transaction_id DESC
 LIMIT $3;

-- name: PayoutsOfATalent
SELECT transaction_id
  FROM payouts
 WHERE talent_id = $4
   AND transaction_id < $1 AND transaction_id >= $2
 ORDER BY transaction_id DESC
 LIMIT $3;

-- name: FilterPayouts
SELECT p.transaction_id
  FROM payouts p
  JOIN transactions t ON t.id = p.transaction_id
 WHERE p.transaction_id = ANY($1::uuid[])
   AND ($2::text = '' OR t.principal = $2)
   AND ($3::text = '' OR t.payer_id = $3)
   AND ($4::text = '' OR p.talent_id = $4)
   AND ($5::text[] = '{}' OR p.status = ANY($5))
   AND ($6::text = '' OR p.waiting = $6)
   AND ($7::text = '' OR t.booking_id = $7)
   AND ($8::text = '' OR p.gateway = $8)
   AND ($9::timestamptz IS NULL OR p.due_at >= $9)
   AND ($10::timestamptz IS NULL OR p.due_at < $10)
 ORDER BY p.transaction_id DESC;

-- name: EventsAfter
SELECT seq, kind, payload
  FROM outbox
 WHERE transaction_id = $1 AND seq > $2
 ORDER BY seq
 LIMIT $3;
