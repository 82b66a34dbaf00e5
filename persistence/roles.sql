-- Who may do what (security: least privilege). Run by the owner after every migration; the
-- same again changes nothing. A table that is not named here is nobody's but its owner's.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, cauri_app, cauri_ro, cauri_ops;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, cauri_app, cauri_ro, cauri_ops;

-- The engine. What was booked, moved, told, received, set or done is added to and read,
-- nothing else: no role but the owner could try, and the triggers refuse the owner.
GRANT SELECT, INSERT ON journals, postings, accounts, history, outbox, deliveries, wallets, recipients, gateway_overrides, audit
   TO cauri_app;
GRANT SELECT, INSERT, UPDATE ON transactions, attempts, holds, payouts, payout_tries, refunds, inbox, idempotency TO cauri_app;
GRANT SELECT, INSERT, DELETE ON open_bookings, open_prompts TO cauri_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON due, quota_uses TO cauri_app;
GRANT SELECT ON legal_moves, staff, api_keys, proposals, deliveries_default, goose_db_version TO cauri_app;
GRANT INSERT, UPDATE (verdict, checker, checked_at) ON proposals TO cauri_app;
GRANT UPDATE (last_used_at) ON api_keys TO cauri_app;
-- Balances are the postings' trigger's to write. Locking them is no right to.
GRANT EXECUTE ON FUNCTION lock_accounts(text[]), make_partitions(integer) TO cauri_app;

-- People's commands on the machine: all of that, and who has keys.
GRANT INSERT, UPDATE ON staff, api_keys TO cauri_ops;
-- Sealing what is there anew (cauri keys reseal): the triggers let the seal change alone.
GRANT UPDATE (phone_sealed) ON wallets, proposals TO cauri_ops;

-- Whoever only looks: no body of a gateway's, no key's hash, no answer that was given, and
-- of people neither what a phone is sealed as, nor what it is found by, nor an address.
GRANT SELECT ON attempts, holds, payouts, refunds, journals, postings, accounts, legal_moves, history, outbox, inbox, due, open_bookings,
      quota_uses, recipients, gateway_overrides, staff, audit, goose_db_version
   TO cauri_ro;
GRANT SELECT (identity, gateway, received_at) ON deliveries TO cauri_ro;
GRANT SELECT (id, staff, pepper, label, scopes, created_at, expires_at, revoked_at, last_used_at) ON api_keys TO cauri_ro;
GRANT SELECT (principal, operation, transaction_id, created_at, answer_status) ON idempotency TO cauri_ro;
DO $$
DECLARE
    one     text;
    columns text;
BEGIN
    FOREACH one IN ARRAY ARRAY['transactions', 'payout_tries', 'wallets', 'proposals', 'open_prompts'] LOOP
        SELECT string_agg(quote_ident(attname), ', ')
          INTO columns
          FROM pg_attribute
         WHERE attrelid = one::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('phone_sealed', 'phone_index', 'email');
        EXECUTE format('GRANT SELECT (%s) ON %I TO cauri_ro', columns, one);
    END LOOP;
END $$;
