package bench

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
)

// field is a database of the run, with the window through which the benchmark looks
// at it and fills it.
type field struct {
	name   string
	dsn    string
	policy *engine.Policy
	vault  *vault.Vault
	store  *persistence.Store
	window *pgxpool.Pool
	model  engine.ID // the payment all others are copies of: asked, and not yet paid
	seeded int       // payments so far: each has a phone of its own
	since  engine.ID // the first payment of the present round: older ones have been checked
}

// openField migrates a database and makes its model payment, through the engine
// itself, so that what the benchmark copies is what the engine writes.
func openField(ctx context.Context, name, dsn string, policy *engine.Policy, log *slog.Logger) (_ *field, err error) {
	if err := persistence.Migrate(ctx, dsn, log); err != nil {
		return nil, err
	}
	f := &field{name: name, dsn: dsn, policy: policy, vault: vault.Development()}
	if f.store, err = persistence.Open(ctx, persistence.Config{DSN: dsn, Vault: f.vault, Policy: policy, Log: log}); err != nil {
		return nil, err
	}
	if f.window, err = pgxpool.New(ctx, dsn); err != nil {
		f.store.Close()
		return nil, err
	}
	if err := f.renew(ctx); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *field) close() {
	f.window.Close()
	f.store.Close()
}

func freshID() engine.ID { return engine.ID(uuid.Must(uuid.NewV7())) }

// amount is every payment's, in francs: the benchmark is not about amounts.
const amount money.Amount = 50_000

// Initiation begins a payment whose booking and phone are nobody else's.
func Initiation(n int) engine.InitiateCharge {
	return engine.InitiateCharge{
		Principal: "platform", Booking: fmt.Sprintf("bench-%09d", n), Talent: fmt.Sprintf("talent-%d", n%1000),
		Amount: amount, Currency: money.XOF, Method: engine.MobileMoney,
		Payer: engine.Payer{Operator: phone.MTN, Phone: phone.MustParse(fmt.Sprintf("05%08d", n)), Email: "payer@example.com"},
	}
}

// Accepted is a gateway's answer to it: the payer has the request on their phone.
func Accepted() engine.RecordChargeAnswer {
	return engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone, Text: "Tapez *133# pour approuver"}}
}

// renew begins another model.
func (f *field) renew(ctx context.Context) error {
	f.seeded++
	f.model = freshID()
	f.since = f.model
	for _, command := range []engine.Command{Initiation(f.seeded), Accepted()} {
		if _, err := f.store.Apply(ctx, engine.Ask{Transaction: f.model, Command: command}); err != nil {
			return fmt.Errorf("begin the model payment: %w", err)
		}
	}
	return nil
}

// seed adds payments that wait for their money: copies of the model under names of
// their own.
func (f *field) seed(ctx context.Context, n int) ([]engine.ID, error) {
	ids := make([]engine.ID, n)
	for i := range ids {
		ids[i] = freshID()
	}
	err := pgx.BeginFunc(ctx, f.window, func(tx pgx.Tx) error {
		const seeds = `CREATE TEMPORARY TABLE seeds (id uuid, body text, booking text, sealed bytea, index bytea) ON COMMIT DROP`
		if _, err := tx.Exec(ctx, seeds); err != nil {
			return err
		}
		rows := pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			f.seeded++
			payment := Initiation(f.seeded)
			sealed, index := persistence.SealPayer(f.vault, ids[i], payment.Payer.Phone)
			return []any{[16]byte(ids[i]), ids[i].String(), payment.Booking, sealed, index}, nil
		})
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"seeds"}, []string{"id", "body", "booking", "sealed", "index"}, rows)
		if err != nil {
			return err
		}
		for _, table := range []string{"transactions", "open_bookings", "open_prompts", "attempts", "history", "due"} {
			if err := f.copyRows(ctx, tx, table, table, "seeds n"); err != nil {
				return fmt.Errorf("seed %s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.since = ids[0]
	_, err = f.window.Exec(ctx, "ANALYZE transactions, attempts, due, open_bookings, open_prompts, history")
	return ids, err
}

// copied says what of a copy is its own. All else is the model's.
var copied = map[string]string{
	"id": "n.id", "transaction_id": "n.id", "booking_id": "n.booking", "phone_sealed": "n.sealed", "phone_index": "n.index",
	"reference": "n.body || '-c1'",
	"subject":   "replace(m.subject, $2, n.body)", "identity": "replace(m.identity, $2, n.body)",
}

// copyRows copies the model's rows of a table, as source holds them, for each new
// payment.
func (f *field) copyRows(ctx context.Context, tx pgx.Tx, table, source, from string) error {
	columns, err := columnsOf(ctx, tx, table)
	if err != nil {
		return err
	}
	key, values := "transaction_id", make([]string, len(columns))
	if table == "transactions" {
		key = "id"
	}
	for i, column := range columns {
		values[i] = "m." + column
		if own, is := copied[column]; is && (column != "id" || table == "transactions") {
			values[i] = own
		}
	}
	_, err = tx.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s m, %s WHERE m.%s = $1 AND $2::text <> ''",
		table, strings.Join(columns, ", "), strings.Join(values, ", "), source, from, key), [16]byte(f.model), f.model.String())
	return err
}

// columnsOf lists what may be written of a table.
func columnsOf(ctx context.Context, tx pgx.Tx, table string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`, table)
	if err != nil {
		return nil, err
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(columns) == 0 {
		err = fmt.Errorf("no table %s", table)
	}
	return slices.Clip(columns), err
}
