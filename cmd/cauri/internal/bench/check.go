package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// verdict is how many questions with one right answer were asked, and which were not
// answered so.
type verdict struct {
	Checked int      `json:"checked"`
	Broken  int      `json:"broken"`
	Found   []string `json:"found,omitempty"`
}

func (v *verdict) add(other verdict) {
	v.Checked += other.Checked
	v.Broken += other.Broken
	v.Found = append(v.Found, other.Found...)
}

func (v *verdict) hold(is bool, what string, args ...any) {
	v.Checked++
	if !is {
		v.Broken++
		v.Found = append(v.Found, fmt.Sprintf(what, args...))
	}
}

// fresh is the schema through whose views the invariants see only what the benchmark
// has made: standing rows are there to be in the way, and tell no story.
const fresh = "fresh"

// views makes the views, once the standing rows are there.
func (f *field) views(ctx context.Context) error {
	rows, err := f.window.Query(ctx, `SELECT table_name, CASE table_name WHEN 'transactions' THEN 'id' ELSE 'transaction_id' END,
		       string_agg(column_name, ', ' ORDER BY ordinal_position)
		  FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		 WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
		 GROUP BY table_name HAVING table_name = 'transactions' OR bool_or(column_name = 'transaction_id')`)
	if err != nil {
		return err
	}
	statements := []string{"DROP SCHEMA IF EXISTS " + fresh + " CASCADE", "CREATE SCHEMA " + fresh}
	keyed, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Key, Columns string }])
	if err != nil {
		return err
	}
	for _, k := range keyed {
		statements = append(statements, fmt.Sprintf("CREATE VIEW %s.%s AS SELECT %s FROM public.%s WHERE %s >= '%x'",
			fresh, k.Table, k.Columns, k.Table, k.Key, [16]byte(f.since)))
	}
	// A path leaves out, without a word, a schema that the engine's role may not use.
	statements = append(statements, "GRANT USAGE ON SCHEMA "+fresh+" TO PUBLIC", "GRANT SELECT ON ALL TABLES IN SCHEMA "+fresh+" TO PUBLIC")
	_, err = f.window.Exec(ctx, strings.Join(statements, "; "))
	return err
}

// invariants asks the engine's own, of what the benchmark has made.
func (f *field) invariants(ctx context.Context) (v verdict, err error) {
	if err := f.views(ctx); err != nil {
		return v, err
	}
	store, err := persistence.Open(ctx, persistence.Config{
		DSN: f.dsn + "&search_path=" + fresh + ",public", Vault: f.vault, Policy: f.policy, PoolMax: 2,
	})
	if err != nil {
		return v, err
	}
	defer store.Close()
	found, err := store.CheckInvariants(ctx)
	if err != nil {
		return v, err
	}
	broken := map[string]bool{}
	for _, one := range found {
		if !broken[one.Invariant] {
			broken[one.Invariant] = true
			v.Found = append(v.Found, f.name+": "+one.Invariant+": "+one.What)
		}
	}
	v.Checked, v.Broken = len(persistence.Invariants()), len(broken)
	return v, nil
}

// kept counts, among these payments, what a charge.success leaves behind once.
func (f *field) kept(ctx context.Context, ids []engine.ID) (holds, events, counted, postings int, err error) {
	names := make([][16]byte, len(ids))
	for i, id := range ids {
		names[i] = id
	}
	err = f.window.QueryRow(ctx, `SELECT (SELECT count(*) FROM holds WHERE transaction_id IN (SELECT unnest($1::uuid[]))),
		(SELECT count(*) FROM outbox WHERE transaction_id IN (SELECT unnest($1::uuid[])) AND kind = 'payment.received'),
		(SELECT count(*) FROM inbox WHERE transaction_id IN (SELECT unnest($1::uuid[])) AND status = 'counted'),
		(SELECT count(*) FROM postings WHERE transaction_id IN (SELECT unnest($1::uuid[])))`, names).Scan(&holds, &events, &counted, &postings)
	return holds, events, counted, postings, err
}
