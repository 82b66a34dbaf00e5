package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// standing is when the oldest standing row was made, and how far apart they are: in
// order, as ids are.
const (
	standingSince = 90 * 24 * time.Hour
	standingEvery = time.Millisecond
)

// stand fills the tables in which a webhook is looked up, and those it updates, with
// payments that have long been paid: transactions, attempts, holds and inbox. What is
// only ever appended to is as full as it is. PostgreSQL writes no WAL for a table that
// is emptied in the same transaction, and builds an index faster than it grows one.
func (f *field) stand(ctx context.Context, n int) error {
	if err := f.pay(ctx); err != nil {
		return err
	}
	// As long as a sealed phone is, and nobody's: what has long been paid is looked up, and
	// its payer is asked for nothing.
	const unread = `'\x010b'::bytea || 'development' || sha256(g::text::bytea) || substr(sha256(g::text::bytea), 1, 10)`
	first := time.Now().Add(-standingSince).UnixMilli()
	rows := fmt.Sprintf(`(SELECT (lpad(to_hex(%d + g * %d), 12, '0') || '7000' || lpad(to_hex(g), 16, '8'))::uuid AS id,
		'standing' || lpad(g::text, 18, '0') AS body, 'standing-' || g AS booking, sha256(('phone' || g)::bytea) AS index, %s AS sealed
		FROM generate_series(1, %d) AS g) n`, first, standingEvery.Milliseconds(), unread, n)
	tables := []string{"transactions", "attempts", "inbox", "holds"}
	errs := make([]error, len(tables))
	var filling sync.WaitGroup
	for i, table := range tables { // side by side: each is one core's work
		filling.Go(func() {
			if errs[i] = f.standIn(ctx, table, rows); errs[i] != nil {
				errs[i] = fmt.Errorf("fill %s: %w", table, errs[i])
			}
		})
	}
	filling.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if _, err := f.window.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	return f.renew(ctx)
}

// standIn fills one table and leaves it as autovacuum would have, long ago.
func (f *field) standIn(ctx context.Context, table, rows string) error {
	err := pgx.BeginFunc(ctx, f.window, func(tx pgx.Tx) error {
		// Triggers are for rows that come one by one; these satisfy them as the model does.
		if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica; SET LOCAL maintenance_work_mem = '256MB'"); err != nil {
			return err
		}
		return f.fill(ctx, tx, table, rows)
	})
	if err != nil {
		return err
	}
	_, err = f.window.Exec(ctx, "VACUUM (ANALYZE, FREEZE) "+table)
	return err
}

// fill empties a table and fills it with copies of what it held of the model.
func (f *field) fill(ctx context.Context, tx pgx.Tx, table, rows string) error {
	keys, err := keysOf(ctx, tx, table)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE kept ON COMMIT DROP AS TABLE "+table); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "TRUNCATE "+table); err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := tx.Exec(ctx, k.Drop); err != nil {
			return err
		}
	}
	if err := f.copyRows(ctx, tx, table, "kept", rows); err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := tx.Exec(ctx, k.Make); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "DROP TABLE kept")
	return err
}

// key is an index, or the constraint it serves, as it is dropped and made again.
type key struct{ Drop, Make string }

func keysOf(ctx context.Context, tx pgx.Tx, table string) ([]key, error) {
	rows, err := tx.Query(ctx, `
		SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', $1::text, conname),
		       format('ALTER TABLE %I ADD CONSTRAINT %I %s', $1::text, conname, pg_get_constraintdef(oid))
		  FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('p', 'u')
		 UNION ALL
		SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
		  FROM pg_index i WHERE indrelid = $1::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)`, table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[key])
}

// pay makes the model a paid one, as the engine would.
func (f *field) pay(ctx context.Context) error {
	_, err := f.store.Apply(ctx, engine.Ask{Transaction: f.model, Command: engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "charge.success", Reference: reference(f.model),
		Identity: engine.NewIdentity(engine.Paystack, "charge.success", reference(f.model).String(), "success"),
		Charge:   &engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: amount, Currency: money.XOF, GatewayReference: "302961"},
	}}})
	return err
}

func reference(id engine.ID) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1}
}
