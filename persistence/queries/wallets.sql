-- name: ShareWallets
-- A decision about released money reads its talent's wallet, and may end in
-- waiting for another. Whoever sets one must not come between: deciders share this
-- lock until they commit, and LockWallets excludes them. 1 is any seed, the same
-- in both.
SELECT pg_advisory_xact_lock_shared(hashtextextended(talent_id, 1))
  FROM (SELECT DISTINCT talent_id FROM transactions WHERE id = ANY($1::uuid[]) AND ever_paid ORDER BY talent_id) t;

-- name: LockWallets
SELECT pg_advisory_xact_lock(hashtextextended($1::text, 1));

-- name: ReadWallets
-- The current wallet of each talent, and the gateways' names for it.
SELECT DISTINCT ON (w.talent_id) w.talent_id, w.no, w.operator, w.phone_sealed, w.name, w.set_at,
       (SELECT coalesce(jsonb_object_agg(r.gateway, r.code), '{}') FROM recipients r WHERE r.talent_id = w.talent_id AND r.wallet_no = w.no)
  FROM wallets w
 WHERE w.talent_id IN (SELECT talent_id FROM transactions WHERE id = ANY($1::uuid[]))
 ORDER BY w.talent_id, w.no DESC;

-- name: CurrentWallet
SELECT no, operator, phone_sealed, name
  FROM wallets
 WHERE talent_id = $1
 ORDER BY no DESC
 LIMIT 1;

-- name: AddWallet
INSERT INTO wallets (talent_id, no, operator, phone_sealed, name, set_at)
VALUES ($1, $2, $3, $4, $5, now());

-- name: WakePayouts
-- Payouts that waited for this wallet look again at once.
INSERT INTO due (transaction_id, kind, due_at)
SELECT transaction_id, 'payout', now()
  FROM payouts
 WHERE talent_id = $1
   AND status IN ('due', 'failed', 'reversed')
   AND waiting IN ('wallet_missing', 'wallet_rejected', 'operator_unavailable')
 ORDER BY transaction_id
    ON CONFLICT (transaction_id, kind) DO UPDATE
   SET due_at = excluded.due_at, claimed_until = NULL;

-- name: LearnRecipients
INSERT INTO recipients (talent_id, wallet_no, gateway, code)
SELECT n.talent_id, n.wallet_no, n.gateway, n.code
  FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[])
       AS n (talent_id, wallet_no, gateway, code)
 ORDER BY 1, 2, 3
    ON CONFLICT (talent_id, wallet_no, gateway) DO NOTHING;
