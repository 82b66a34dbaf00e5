package persistence_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
)

// seizing is another session that holds what Apply wants, until it is let go.
func (w *world) seizing(t *testing.T, statement string, args ...any) pgx.Tx {
	t.Helper()
	tx, err := w.window.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // unless the test has ended it
	_, err = tx.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
	return tx
}

// waiting waits until a session is held up by another's lock.
func (w *world) waiting(t *testing.T, sessions int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return w.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == sessions
	}, 10*time.Second, time.Millisecond)
}

// later applies beside the test and says what it came to.
func (w *world) later(t *testing.T, ask engine.Ask) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	go func() {
		_, err := w.Apply(t.Context(), ask)
		result <- err
	}()
	return result
}

func (w *world) version(t *testing.T, id engine.ID) int {
	t.Helper()
	return w.count(t, "SELECT version FROM transactions WHERE id = $1", [16]byte(id))
}

// A row that somebody holds for longer than a second is not waited for: the
// gateway is told to come again, and nothing is written.
func TestARowHeldForLongIsOverloaded(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	holder := w.seizing(t, "SELECT id FROM transactions WHERE id = $1 FOR UPDATE", [16]byte(id))
	begun := time.Now()
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
	require.ErrorIs(t, err, engine.Overloaded)
	require.Greater(t, time.Since(begun), 900*time.Millisecond, "it has waited")
	require.NoError(t, holder.Rollback(t.Context()))
	require.Equal(t, 1, w.version(t, id))
	require.Zero(t, w.count(t, "SELECT count(*) FROM inbox"))
	require.Equal(t, engine.Changed, w.apply(t, id, succeeded(id, 50_000)).Outcome, "told again, it counts")
	w.sound(t)
}

// One statement of a round takes longer than any may: all of it is undone.
func TestAStatementThatNeverEndsIsCutAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	w.exec(t, `CREATE FUNCTION never_ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
		CREATE TRIGGER never_ends AFTER INSERT ON journals FOR EACH STATEMENT EXECUTE FUNCTION never_ends()`)
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
	require.ErrorIs(t, err, engine.Overloaded)
	w.exec(t, "DROP TRIGGER never_ends ON journals")
	require.Equal(t, 1, w.version(t, id))
	for _, table := range []string{"holds", "inbox", "deliveries", "outbox", "journals", "postings"} {
		require.Zero(t, w.count(t, "SELECT count(*) FROM "+table), table)
	}
	require.Equal(t, engine.Changed, w.apply(t, id, succeeded(id, 50_000)).Outcome)
	w.sound(t)
}

func TestAnExhaustedPoolIsOverloadedAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	small, err := persistence.Open(t.Context(), persistence.Config{
		DSN: w.dsn, PoolMax: 1, Vault: vault.Development(), Policy: w.policy, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(small.Close)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	holder := w.seizing(t, "SELECT id FROM transactions WHERE id = $1 FOR UPDATE", [16]byte(id))
	busy := make(chan error, 1)
	go func() {
		_, err := small.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
		busy <- err
	}()
	w.waiting(t, 1)
	_, err = small.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B2")})
	require.ErrorIs(t, err, engine.Overloaded)
	require.NoError(t, holder.Rollback(t.Context()))
	require.NoError(t, <-busy)
	_, err = small.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B2")})
	require.NoError(t, err)
}

// A connection that is ended in the middle of a round has committed nothing:
// the command is decided again, on another one.
func TestAConnectionEndedMidwayIsAppliedOnAnother(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	holder := w.seizing(t, "LOCK TABLE journals IN SHARE MODE") // where the round's writes will stop
	result := w.later(t, engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
	w.waiting(t, 1)
	w.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	require.NoError(t, holder.Rollback(t.Context()))
	require.NoError(t, <-result)
	require.Equal(t, 2, w.version(t, id))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM holds"))
	w.sound(t)
}

// Our own locks are taken in order; somebody at a prompt takes theirs in any.
// The round that is chosen as the victim is decided again.
func TestAVictimOfADeadlockIsDecidedAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	var database string
	require.NoError(t, w.window.QueryRow(t.Context(), "SELECT current_database()").Scan(&database))
	w.exec(t, "ALTER DATABASE "+database+" SET deadlock_timeout = '20ms'") // of the store's connections from here on
	writer := w.another(t)
	w.apply(t, w.paid(t, "B0"), engine.ConfirmDelivery{}) // the talent's balance exists
	id := w.paid(t, "B1")

	gate := w.seizing(t, "LOCK TABLE journals IN SHARE MODE")
	person := w.seizing(t, "SELECT address FROM accounts FOR UPDATE")
	_, err := person.Exec(t.Context(), "SET LOCAL deadlock_timeout = '1h'") // never the victim
	require.NoError(t, err)
	released := make(chan error, 1)
	go func() {
		_, err := writer.Apply(t.Context(), engine.Ask{Transaction: id, Command: engine.ConfirmDelivery{}})
		released <- err
	}()
	w.waiting(t, 1) // it holds the transaction
	wanted := make(chan error, 1)
	go func() {
		_, err := person.Exec(t.Context(), "SELECT id FROM transactions WHERE id = $1 FOR UPDATE", [16]byte(id))
		wanted <- err
	}()
	w.waiting(t, 2)
	require.NoError(t, gate.Rollback(t.Context())) // the round goes on to the balance: now each waits for the other
	require.NoError(t, <-wanted, "the round has given way")
	require.NoError(t, person.Rollback(t.Context()))
	require.NoError(t, <-released)
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM payouts"))
	w.sound(t)
}

// What can only be a bug of ours is said to be one: told that we are busy, a
// gateway would repeat it for days and nobody would look.
func TestARefusalOfTheSchemaIsNotTakenForBusyness(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	w.exec(t, "INSERT INTO journals (transaction_id, no, kind, cause, booked_at) VALUES ($1, 99, 'charge.kept', 'c1', now())", [16]byte(id))
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
	require.ErrorIs(t, err, engine.Internal)
	require.Equal(t, 1, w.version(t, id))
}
