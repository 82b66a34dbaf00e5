-- name: CountPayments
SELECT status, count(*), count(*) FILTER (WHERE review <> '')
  FROM transactions
 GROUP BY status;

-- name: CountMoney
SELECT (SELECT coalesce(sum(amount - released - refunded), 0) FROM holds)::bigint,
       (SELECT coalesce(sum(released), 0) FROM holds)::bigint,
       (SELECT coalesce(sum(amount), 0) FROM payouts WHERE status = 'paid')::bigint,
       (SELECT count(*) FROM payouts WHERE status <> 'paid'),
       (SELECT count(*) FROM inbox WHERE status = 'counted'),
       (SELECT count(*) FROM inbox WHERE next_at IS NOT NULL),
       (SELECT count(*) FROM attempts WHERE status IN ('unknown', 'quarantine')),
       (SELECT count(*) FROM refunds),
       (SELECT coalesce(sum(amount), 0) FROM refunds WHERE status <> 'done')::bigint,
       (SELECT coalesce(sum(amount), 0) FROM refunds WHERE status = 'done')::bigint;

-- name: CapturedAttempts
SELECT reference, captured
  FROM attempts
 WHERE status = 'succeeded';

-- name: RefundedAttempts
SELECT a.reference, sum(r.amount)::bigint
  FROM refunds r
  JOIN attempts a ON a.transaction_id = r.transaction_id AND a.no = r.attempt_no
 WHERE r.status = 'done'
 GROUP BY a.reference;

-- name: PaidTries
SELECT reference, amount
  FROM payout_tries
 WHERE status = 'paid';
