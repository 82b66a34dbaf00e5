package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bookmi/cauri/engine"
)

// naive is one database transaction for each webhook and one round trip for each
// statement: BEGIN, lock, look, fifteen writes' worth of rows in twelve statements,
// COMMIT.
type naive struct {
	pool  *pgxpool.Pool
	terms Terms
}

func (n *naive) Shared() (rounds, asks int) { return 0, 0 }
func (n *naive) Close()                     { n.pool.Close() }

// Ask commits the notification, or finds that it had been committed.
func (n *naive) Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	f, err := n.terms.facts(ask)
	if err != nil {
		return engine.Applied{}, err
	}
	applied := duplicate()
	err = pgx.BeginFunc(ctx, n.pool, func(tx pgx.Tx) error {
		row, err := lock(ctx, tx, f)
		if err != nil || row.status == "succeeded" {
			return err
		}
		applied = changed()
		return n.write(ctx, tx, f, row)
	})
	return applied, err
}

// locked is the payment as it stands.
type locked struct {
	status, booking, talent string
	amount                  int64
	version, step, events   int
	journals, attemptStep   int
	now                     time.Time
}

func lock(ctx context.Context, tx pgx.Tx, f facts) (row locked, err error) {
	err = tx.QueryRow(ctx, `SELECT status, booking_id, talent_id, amount, version, step, event_seq, journal_seq, clock_timestamp()
		FROM transactions WHERE id = $1 FOR UPDATE`, f.id).Scan(
		&row.status, &row.booking, &row.talent, &row.amount, &row.version, &row.step, &row.events, &row.journals, &row.now)
	if err != nil {
		return row, fmt.Errorf("lock the payment: %w", err)
	}
	if row.amount != f.amount {
		return row, fmt.Errorf("%s: %d F were asked and %d captured", f.reference, row.amount, f.amount)
	}
	err = tx.QueryRow(ctx, `SELECT step FROM attempts WHERE transaction_id = $1 AND reference = $2`, f.id, f.reference).Scan(&row.attemptStep)
	return row, err
}

// write is what a person would write first: each table in turn.
func (n *naive) write(ctx context.Context, tx pgx.Tx, f facts, row locked) error {
	text, err := f.payload(row.booking, row.talent, row.now)
	if err != nil {
		return err
	}
	hold := f.body + "-hold"
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE transactions SET version = version + 1, status = 'succeeded', step = step + 1, paid_at = $2, event_seq = event_seq + 1,
			journal_seq = journal_seq + 2, decision = $3 WHERE id = $1`, []any{f.id, row.now, f.name}},
		{`UPDATE attempts SET status = 'succeeded', disposition = 'kept', step = step + 1, captured = $3, fee = $4, fee_subunits = $5,
			gateway_reference = $6, next_action = 'none', check_at = NULL WHERE transaction_id = $1 AND reference = $2`,
			[]any{f.id, f.reference, f.amount, f.fee, f.feeSubunits, f.theirs}},
		{`DELETE FROM open_prompts WHERE transaction_id = $1`, []any{f.id}},
		{`INSERT INTO holds (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission, talent_fee,
			auto_release_hours, held_at, release_at, released_by)
			VALUES ($1, 'XOF', 'held', 1, $2::bigint, 0, 0, $3, $4::bigint, $2::bigint - $4::bigint, $5::integer, $6::timestamptz,
			$6::timestamptz + make_interval(hours => $5::integer), '')`,
			[]any{f.id, f.amount, int(n.terms.Policy.Commission), f.commission, f.hours, row.now}},
		{`INSERT INTO history (transaction_id, version, place, machine, subject, step, from_status, to_status, note, moved_at) VALUES
			($1, $2::integer, 1, 'attempt', $3, $4, 'customer', 'succeeded', '', $8), ($1, $2, 2, 'hold', $5, 1, '', 'held', '', $8),
			($1, $2, 3, 'charge', $6, $7, 'processing', 'succeeded', '', $8)`,
			[]any{f.id, row.version + 1, f.reference, row.attemptStep + 1, hold, f.body, row.step + 1, row.now}},
		{`INSERT INTO outbox (transaction_id, seq, id, kind, subject, step, happened_at, payload)
			VALUES ($1, $2, $3, 'payment.received', $4, $5, $6, $7)`,
			[]any{f.id, row.events + 1, [16]byte(f.event), f.body, row.step + 1, row.now, text}},
		{`INSERT INTO inbox (identity, gateway, kind, transaction_id, status, parked_at)
			VALUES ($1, 'paystack', 'charge.success', $2, 'counted', $3)`, []any{f.identity, f.id, row.now}},
		{`INSERT INTO deliveries (identity, gateway, signature, body, received_at) VALUES ($1, 'paystack', $2, $3, now())`,
			[]any{f.identity, f.signature, f.raw}},
		{`DELETE FROM due WHERE transaction_id = $1 AND kind = 'charge'`, []any{f.id}},
		{`INSERT INTO due (transaction_id, kind, due_at) VALUES ($1, 'release', $2)`,
			[]any{f.id, row.now.Add(time.Duration(f.hours) * time.Hour)}},
		{`INSERT INTO journals (transaction_id, no, kind, cause, booked_at) VALUES
			($1, $2::integer, 'charge.kept', 'c1', $3), ($1, $2::integer + 1, 'charge.fee', 'c1', $3)`, []any{f.id, row.journals + 1, row.now}},
		{`INSERT INTO postings (transaction_id, journal_no, line, account, amount, currency) VALUES
			($1, $2::integer, 1, 'gateway:paystack:balance', -$3::bigint, 'XOF'), ($1, $2, 2, 'escrow:held', $3, 'XOF'),
			($1, $2::integer + 1, 1, 'expense:gateway_fee', -$4::bigint, 'XOF'),
			($1, $2::integer + 1, 2, 'gateway:paystack:balance', $4, 'XOF')`,
			[]any{f.id, row.journals + 1, f.amount, f.fee}},
	} {
		if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}
