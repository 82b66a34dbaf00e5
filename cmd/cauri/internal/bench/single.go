package bench

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bookmi/cauri/engine"
)

// single is one statement for each webhook: the update is the lock and the check,
// and everything else hangs on the row it returns. PostgreSQL commits it by itself.
type single struct {
	pool  *pgxpool.Pool
	terms Terms
}

func (s *single) Shared() (rounds, asks int) { return 0, 0 }
func (s *single) Close()                     { s.pool.Close() }

// Ask commits the notification, or finds that it had been committed.
func (s *single) Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	f, err := s.terms.facts(ask)
	if err != nil {
		return engine.Applied{}, err
	}
	var rows int
	err = s.pool.QueryRow(ctx, singleStatement, f.id, f.reference, f.amount, f.fee, f.feeSubunits, f.theirs, f.identity, f.signature, f.raw,
		f.name, [16]byte(f.event), f.event.Event(), f.body, int(s.terms.Policy.Commission), f.commission, f.hours).Scan(&rows)
	if err != nil || rows == 0 {
		return duplicate(), err
	}
	return changed(), nil
}

// Parameters: 1 id, 2 reference, 3 amount, 4 fee, 5 fee in subunits, 6 their
// reference, 7 identity, 8 signature, 9 body, 10 decision, 11 event, 12 the event's
// public name, 13 our name's body, 14 commission's share, 15 commission, 16 hours.
const singleStatement = `
WITH t AS (
  UPDATE transactions SET version = version + 1, status = 'succeeded', step = step + 1, paid_at = now(), event_seq = event_seq + 1,
         journal_seq = journal_seq + 2, decision = $10
   WHERE id = $1 AND status = 'processing' AND amount = $3
  RETURNING id, version, step, event_seq, journal_seq, booking_id, talent_id),
a AS (
  UPDATE attempts x SET status = 'succeeded', disposition = 'kept', step = x.step + 1, captured = $3, fee = $4::bigint,
         fee_subunits = $5, gateway_reference = $6, next_action = 'none', check_at = NULL
    FROM t WHERE x.transaction_id = t.id AND x.reference = $2
  RETURNING x.step),
prompt AS (DELETE FROM open_prompts p USING t WHERE p.transaction_id = t.id),
hold AS (
  INSERT INTO holds (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission, talent_fee,
         auto_release_hours, held_at, release_at, released_by)
  SELECT id, 'XOF', 'held', 1, $3, 0, 0, $14::integer, $15::bigint, $3 - $15::bigint, $16::integer, now(),
         now() + make_interval(hours => $16::integer), '' FROM t),
moves AS (
  INSERT INTO history (transaction_id, version, place, machine, subject, step, from_status, to_status, note, moved_at)
  SELECT t.id, t.version, m.place, m.machine, m.subject, CASE m.place WHEN 1 THEN a.step WHEN 2 THEN 1 ELSE t.step END,
         m.was, m.became, '', now()
    FROM t, a, (VALUES (1, 'attempt', $2, 'customer', 'succeeded'), (2, 'hold', $13::text || '-hold', '', 'held'),
                       (3, 'charge', $13::text, 'processing', 'succeeded')) AS m (place, machine, subject, was, became)),
event AS (
  INSERT INTO outbox (transaction_id, seq, id, kind, subject, step, happened_at, payload)
  SELECT id, event_seq, $11, 'payment.received', $13::text, step, now(),
         json_build_object('id', $12::text, 'type', 'payment.received', 'payment_id', 'pay_' || $13::text, 'seq', event_seq,
         'occurred_at', now(), 'booking_id', booking_id, 'talent_id', talent_id, 'amount', $3::bigint, 'currency', 'XOF',
         'reference', $2::text)::text
    FROM t),
seen AS (
  INSERT INTO inbox (identity, gateway, kind, transaction_id, status, parked_at)
  SELECT $7::text, 'paystack', 'charge.success', id, 'counted', now() FROM t),
delivery AS (
  INSERT INTO deliveries (identity, gateway, signature, body, received_at) SELECT $7::text, 'paystack', $8::bytea, $9::bytea, now() FROM t),
due AS (
  UPDATE due d SET kind = 'release', due_at = now() + make_interval(hours => $16::integer)
    FROM t WHERE d.transaction_id = t.id AND d.kind = 'charge'),
journal AS (
  INSERT INTO journals (transaction_id, no, kind, cause, booked_at)
  SELECT id, journal_seq - 2 + n, CASE n WHEN 1 THEN 'charge.kept' ELSE 'charge.fee' END, 'c1', now() FROM t, generate_series(1, 2) AS n),
line AS (
  INSERT INTO postings (transaction_id, journal_no, line, account, amount, currency)
  SELECT id, journal_seq - 2 + p.journal, p.line, p.account, p.amount, 'XOF'
    FROM t, (VALUES (1, 1, 'gateway:paystack:balance', -$3::bigint), (1, 2, 'escrow:held', $3::bigint),
                    (2, 1, 'expense:gateway_fee', -$4::bigint), (2, 2, 'gateway:paystack:balance', $4::bigint))
           AS p (journal, line, account, amount))
SELECT count(*) FROM t`
