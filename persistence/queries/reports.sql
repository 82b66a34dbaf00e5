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
       (SELECT count(*) FROM inbox WHERE next_at IS NOT NULL);

-- name: Captures
SELECT reference, captured
  FROM attempts
 WHERE status = 'succeeded';

-- name: PaidTries
SELECT reference, amount
  FROM payout_tries
 WHERE status = 'paid';
