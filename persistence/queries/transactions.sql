-- name: LockTransactions
-- The lock, in id order: every writer takes them so, or two rounds deadlock.
SELECT id, version, principal, booking_id, talent_id, amount, currency, method, operator, phone_sealed, email,
       payer_id, delivery_due_at, status, step, code, review, inquired_at, created_at, paid_at, event_seq, journal_seq
  FROM transactions
 WHERE id = ANY($1::uuid[])
 ORDER BY id
   FOR UPDATE;

-- name: WaitForLocks
-- Of this database transaction alone, in milliseconds.
SELECT set_config('lock_timeout', $1, true);

-- name: ReadTransactions
SELECT id, version, principal, booking_id, talent_id, amount, currency, method, operator, phone_sealed, email,
       payer_id, delivery_due_at, status, step, code, review, inquired_at, created_at, paid_at, event_seq, journal_seq
  FROM transactions
 WHERE id = ANY($1::uuid[])
 ORDER BY id;

-- name: Clock
-- Read after the locks: a decision is dated when it was made, not when it began to
-- wait. The number is what Fate asks by when the COMMIT is not answered.
SELECT clock_timestamp(), pg_current_xact_id()::text;

-- name: Fate
-- What became of a COMMIT. "committed" is said only of what every later snapshot
-- sees: the server looks among the running transactions first.
SELECT coalesce(pg_xact_status($1::text::xid8), 'too old');

-- name: Stands
-- Whether what was decided stands, or has been built upon. The number of a database
-- transaction alone does not prove a COMMIT ours: a crash of the server that loses
-- it gives the number to the next writer, who may well commit. A statement of its
-- own, after Fate: in one, the snapshot would be older than the answer.
SELECT NOT EXISTS (
         SELECT 1
           FROM unnest($1::uuid[], $2::integer[], $3::uuid[]) AS n (id, version, decision)
           LEFT JOIN transactions t ON t.id = n.id
          WHERE t.id IS NULL OR t.version < n.version OR (t.version = n.version AND t.decision <> n.decision));

-- name: InsertTransactions
INSERT INTO transactions (id, version, principal, booking_id, talent_id, amount, currency, method, operator, phone_sealed, phone_index,
       email, payer_id, delivery_due_at, status, step, code, review, inquired_at, created_at, paid_at, event_seq, journal_seq, decision)
SELECT n.id, n.version, n.principal, n.booking_id, n.talent_id, n.amount, n.currency, n.method, n.operator, n.phone_sealed, n.phone_index, n.email,
       n.payer_id, n.delivery_due_at, n.status, n.step, n.code, n.review, n.inquired_at, n.created_at, n.paid_at, n.event_seq, n.journal_seq, n.decision
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
              $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::timestamptz[], $15::text[], $16::integer[], $17::text[], $18::text[],
              $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], $22::integer[], $23::integer[], $24::uuid[])
       AS n (id, version, principal, booking_id, talent_id, amount, currency, method, operator, phone_sealed, phone_index, email, payer_id,
             delivery_due_at, status, step, code, review, inquired_at, created_at, paid_at, event_seq, journal_seq, decision);

-- name: UpdateTransactions
-- What was fixed at the beginning is not in the list. A trigger refuses a version
-- that is not the next one: the row was locked, so it always is.
UPDATE transactions t
   SET version = n.version, status = n.status, step = n.step, code = n.code, review = n.review,
       inquired_at = n.inquired_at, paid_at = n.paid_at, event_seq = n.event_seq, journal_seq = n.journal_seq,
       decision = n.decision
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
              $9::integer[], $10::integer[], $11::uuid[])
       AS n (id, version, status, step, code, review, inquired_at, paid_at, event_seq, journal_seq, decision)
 WHERE t.id = n.id;

-- name: ReadSlots
-- One array of bookings, not two conditions: an OR would read the whole table.
SELECT b.booking_id, b.transaction_id, coalesce(t.ever_paid, false)
  FROM open_bookings b
  LEFT JOIN transactions t ON t.id = b.transaction_id
 WHERE b.booking_id = ANY($1::text[] || ARRAY(SELECT booking_id FROM transactions WHERE id = ANY($2::uuid[])));

-- name: TakeSlots
-- A slot that was taken meanwhile is a unique violation: the loser decides again.
-- One that is ours already stays.
INSERT INTO open_bookings (booking_id, transaction_id)
SELECT n.booking_id, n.transaction_id
  FROM unnest($1::text[], $2::uuid[]) AS n (booking_id, transaction_id)
 WHERE NOT EXISTS (SELECT 1 FROM open_bookings b WHERE b.transaction_id = n.transaction_id)
 ORDER BY n.booking_id;

-- name: LeaveSlots
DELETE FROM open_bookings
 WHERE transaction_id = ANY($1::uuid[]);

-- name: BookingPayment
-- The payment that owns the slot, else the latest one.
SELECT transaction_id FROM open_bookings WHERE booking_id = $1
 UNION ALL
(SELECT id FROM transactions WHERE booking_id = $1 ORDER BY id DESC LIMIT 1)
 LIMIT 1;

-- name: MigrateAlone
-- Held until the connection is closed.
SELECT pg_advisory_lock(hashtextextended('cauri migrations', 0));

-- name: ReadFingerprint
-- By which migrations the schema was made; empty before that was written down.
SELECT coalesce(obj_description('goose_db_version'::regclass, 'pg_class'), '');
