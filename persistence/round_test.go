package persistence

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// rounds is a store whose rounds a test puts together by hand, on a database
// that looks for deadlocks at once, so that none hides behind the lock timeout.
type rounds struct {
	*Store
	dsn string
}

func openRounds(t *testing.T) rounds {
	t.Helper()
	dsn := pgtest.DSN(t, pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
		return Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
	}})
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	var database string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&database))
	_, err = conn.Exec(t.Context(), "ALTER DATABASE "+database+" SET deadlock_timeout = '10ms'")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	policy := engine.DefaultPolicy()
	policy.Live = map[engine.Gateway]bool{engine.Paystack: true}
	s, err := Open(t.Context(), Config{DSN: dsn, Vault: vault.Development(), Policy: &policy, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return rounds{s, dsn}
}

// together runs one round and returns its first error.
func (r rounds) together(ctx context.Context, asks ...engine.Ask) error {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	answers, err := r.round(ctx, conn.Conn(), asks, 0)
	for _, a := range answers {
		if err == nil {
			err = a.err
		}
	}
	return err
}

// opposed runs rounds at the same moment and returns what they came to.
func (r rounds) opposed(ctx context.Context, sides ...[]engine.Ask) []error {
	errs := make([]error, len(sides))
	var start, done sync.WaitGroup
	start.Add(1)
	for i, asks := range sides {
		done.Go(func() {
			start.Wait()
			errs[i] = r.together(ctx, asks...)
		})
	}
	start.Done()
	done.Wait()
	return errs
}

func toEach(cmd engine.Command, ids ...engine.ID) []engine.Ask {
	asks := make([]engine.Ask, len(ids))
	for i, id := range ids {
		asks[i] = engine.Ask{Transaction: id, Command: cmd}
	}
	return asks
}

// payers counts them, so that each has a phone of their own.
var payers atomic.Int32

// held brings payments to their holds, one for each talent named.
func (r rounds) held(ctx context.Context, talents ...string) ([]engine.ID, error) {
	ids := make([]engine.ID, len(talents))
	var begin, succeed []engine.Ask
	for i, talent := range talents {
		ids[i] = engine.ID(uuid.Must(uuid.NewV7()))
		reference := engine.Reference{Transaction: ids[i], Kind: engine.ChargeReference, Number: 1}
		begin = append(begin, engine.Ask{Transaction: ids[i], Command: engine.InitiateCharge{
			Principal: "platform", Booking: ids[i].String(), Talent: talent, Amount: 50_000, Currency: money.XOF, Method: engine.MobileMoney,
			Payer: engine.Payer{Operator: phone.MTN, Phone: phone.MustParse(fmt.Sprintf("05%08d", payers.Add(1))), Email: "payer@example.com"},
		}})
		succeed = append(succeed, engine.Ask{Transaction: ids[i], Command: engine.RecordInquiry{
			Reference: reference,
			Charge:    &engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: 50_000, Currency: money.XOF, Live: true},
		}})
	}
	if err := r.together(ctx, begin...); err != nil {
		return nil, err
	}
	return ids, r.together(ctx, succeed...)
}

// Rounds that name the same transactions in opposite orders, and rounds whose
// journals open and move the same balances in opposite orders, all get through:
// locks are taken by id, then by address.
func TestOpposingRoundsNeverDeadlock(t *testing.T) {
	t.Parallel()
	r := openRounds(t)
	const tries, lanes = 100, 4 // tries that share nothing run beside each other
	failures := make(chan error, tries*5)
	var done sync.WaitGroup
	for lane := range lanes {
		done.Go(func() {
			for try := lane; try < tries; try += lanes {
				var talents []string
				for i := range 4 {
					talents = append(talents, fmt.Sprintf("T%d of %d", i, try))
				}
				ids, err := r.held(t.Context(), append(talents, talents...)...)
				failures <- err
				if err != nil {
					return
				}
				release := engine.ConfirmDelivery{}
				for _, err := range r.opposed(t.Context(), toEach(release, ids[:4]...), toEach(release, ids[4:]...)) {
					failures <- err
				}
				forth := slices.Clone(ids)
				slices.Reverse(ids)
				for _, err := range r.opposed(t.Context(), toEach(engine.Tick{}, forth...), toEach(engine.Tick{}, ids...)) {
					failures <- err
				}
			}
		})
	}
	done.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	found, err := r.CheckInvariants(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}

// The control of the test above: out of order, the same locks do deadlock, and
// this database says so.
func TestLocksOutOfOrderWouldDeadlock(t *testing.T) {
	t.Parallel()
	r := openRounds(t)
	ids, err := r.held(t.Context(), "A", "B")
	require.NoError(t, err)
	var first, both sync.WaitGroup
	first.Add(2)
	errs := make([]error, 2)
	for i, order := range [][]engine.ID{{ids[0], ids[1]}, {ids[1], ids[0]}} {
		both.Go(func() {
			conn, err := pgx.Connect(t.Context(), r.dsn)
			if err != nil {
				first.Done()
				errs[i] = err
				return
			}
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			errs[i] = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
				lock := func(id engine.ID) error {
					_, err := tx.Exec(t.Context(), "SELECT id FROM transactions WHERE id = $1 FOR UPDATE", [16]byte(id))
					return err
				}
				err := lock(order[0])
				first.Done()
				if err != nil {
					return err
				}
				first.Wait() // both hold one, and want the other's
				return lock(order[1])
			})
		})
	}
	both.Wait()
	states := []string{stateOf(errs[0]), stateOf(errs[1])}
	slices.Sort(states)
	require.Equal(t, []string{"", stateDeadlock}, states, "one of the two is the victim")
	var refused *pgconn.PgError
	require.ErrorAs(t, slices.MaxFunc(errs, func(a, b error) int { return len(stateOf(a)) - len(stateOf(b)) }), &refused)
	require.True(t, isRace(refused), "and decides again")
}

// A crash of the server that loses a COMMIT gives its number to the next writer.
// That this one commits says nothing about ours.
func TestAStrangersCommitUnderTheSameNumberIsNotOurs(t *testing.T) {
	t.Parallel()
	r := openRounds(t)
	ids, err := r.held(t.Context(), "A")
	require.NoError(t, err)
	var theirs string
	require.NoError(t, r.pool.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text").Scan(&theirs))
	state, err := r.load(t.Context(), r.pool, want{ids: ids})
	require.NoError(t, err)
	before := *state.found[ids[0]]
	name := r.fresh()
	decision, err := before.Decide(engine.ConfirmDelivery{}, engine.Given{Now: before.PaidAt, Fresh: name, Policy: r.policy})
	require.NoError(t, err)
	lost := &doubt{xid: theirs, decided: []decided{{before: before, decision: decision, name: name}}}

	fate, err := r.fate(t.Context(), lost)
	require.NoError(t, err)
	require.Equal(t, "aborted", fate, "nobody wrote the version we decided")
	require.NoError(t, r.together(t.Context(), toEach(engine.ConfirmDelivery{}, ids...)...))
	fate, err = r.fate(t.Context(), lost)
	require.NoError(t, err)
	require.Equal(t, "aborted", fate, "somebody else did")
	lost.decided[0].name = r.decisionOf(t, ids[0])
	fate, err = r.fate(t.Context(), lost)
	require.NoError(t, err)
	require.Equal(t, "committed", fate, "it is ours, and stands")
}

func (r rounds) decisionOf(t *testing.T, id engine.ID) engine.ID {
	t.Helper()
	var name [16]byte
	require.NoError(t, r.pool.QueryRow(t.Context(), "SELECT decision FROM transactions WHERE id = $1", [16]byte(id)).Scan(&name))
	return name
}
