-- name: InsertJournals
INSERT INTO journals (transaction_id, no, kind, cause, booked_at)
SELECT n.transaction_id, n.no, n.kind, n.cause, n.booked_at
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[])
       AS n (transaction_id, no, kind, cause, booked_at);

-- name: OpenAccounts
-- In address order too: a row that two rounds open at once is waited for.
INSERT INTO accounts (address, floor)
SELECT n.address, n.floor
  FROM unnest($1::text[], $2::bigint[])
       AS n (address, floor)
 ORDER BY n.address
    ON CONFLICT (address) DO NOTHING;

-- name: LockAccounts
-- The last locks, in address order: the postings' trigger then finds them held. A
-- function of the owner's: locking a balance is no right to write one.
SELECT lock_accounts($1::text[]);

-- name: InsertPostings
INSERT INTO postings (transaction_id, journal_no, line, account, amount, currency)
SELECT n.transaction_id, n.journal_no, n.line, n.account, n.amount, n.currency
  FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::bigint[], $6::text[])
       AS n (transaction_id, journal_no, line, account, amount, currency);

-- name: Balances
-- Story 4.8's three numbers, each from the ledger. Months are Abidjan's, which is UTC.
SELECT now(),
       EXISTS (SELECT 1 FROM wallets WHERE talent_id = $1) OR EXISTS (SELECT 1 FROM transactions WHERE talent_id = $1),
       (SELECT coalesce(sum(amount), 0) FROM postings
         WHERE account = 'talent:' || $1 || ':payable' AND account LIKE 'talent:%')::bigint,
       (SELECT coalesce(sum(p.amount), 0)
          FROM payouts o
          JOIN journals j ON j.transaction_id = o.transaction_id
               AND j.kind IN ('payout.paid', 'payout.found', 'payout.reversed')
               AND j.booked_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
          JOIN postings p ON p.transaction_id = j.transaction_id AND p.journal_no = j.no AND p.account LIKE 'gateway:%'
         WHERE o.talent_id = $1)::bigint,
       (SELECT coalesce(sum(h.talent_fee), 0)
          FROM holds h
          JOIN transactions t ON t.id = h.transaction_id AND t.talent_id = $1
         WHERE (SELECT sum(p.amount) FROM postings p
                 WHERE p.transaction_id = h.transaction_id AND p.account IN ('escrow:held', 'escrow:frozen')) > 0)::bigint;
