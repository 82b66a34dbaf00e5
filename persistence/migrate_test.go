package persistence_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// days lists the deliveries' daily partitions.
func days(t *testing.T, window *pgxpool.Pool) (names []string) {
	t.Helper()
	rows, err := window.Query(t.Context(), `SELECT inhrelid::regclass::text FROM pg_inherits
		WHERE inhparent = 'deliveries'::regclass AND inhrelid <> 'deliveries_default'::regclass ORDER BY 1`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	return names
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t, pgtest.Schema{})
	before, err := persistence.MigrationStatus(t.Context(), dsn)
	require.NoError(t, err)
	require.Zero(t, before.Version)
	require.Positive(t, before.Pending)

	const processes = 3
	results := make(chan error, processes)
	var done sync.WaitGroup
	for range processes {
		done.Go(func() { results <- persistence.Migrate(t.Context(), dsn, slog.New(slog.DiscardHandler)) })
	}
	done.Wait()
	close(results)
	for err := range results {
		require.NoError(t, err)
	}
	after, err := persistence.MigrationStatus(t.Context(), dsn)
	require.NoError(t, err)
	require.Zero(t, after.Pending)
	require.EqualValues(t, before.Pending, after.Version, "they are numbered from one, without a gap")
}

func TestADatabaseOfAnotherBuildIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, "COMMENT ON TABLE goose_db_version IS 'another'")
	err := persistence.Migrate(t.Context(), w.dsn, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, persistence.ErrOtherSchema)
	w.exec(t, "COMMENT ON TABLE goose_db_version IS NULL")
	err = persistence.Migrate(t.Context(), w.dsn, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, persistence.ErrOtherSchema, "one from before builds were told apart")
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	status, err := persistence.MigrationStatus(t.Context(), w.dsn)
	require.NoError(t, err)
	made := days(t, w.window)
	for range 2 {
		require.NoError(t, persistence.Migrate(t.Context(), w.dsn, slog.New(slog.DiscardHandler)))
	}
	again, err := persistence.MigrationStatus(t.Context(), w.dsn)
	require.NoError(t, err)
	require.Equal(t, status, again)
	require.Equal(t, made, days(t, w.window))
	_, err = w.Payment(t.Context(), id)
	require.NoError(t, err)
}

func TestDeliveriesGoToTheDayTheyCame(t *testing.T) {
	t.Parallel()
	w := open(t)
	made := days(t, w.window)
	require.Len(t, made, 8, "today and the week to come")
	w.paid(t, "B1")
	require.NoError(t, w.Park(t.Context(), succeeded(freshID(), 50_000).Notification))
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries"))
	require.Zero(t, w.count(t, "SELECT count(*) FROM deliveries_default"), "nobody makes partitions, or the clock is wrong")
	require.Equal(t, 1, w.count(t, "SELECT count(DISTINCT tableoid) FROM deliveries"))
}

// An engine that ran past its last partition has put deliveries into the default
// one: starting again must not fail for that, and must lose none of them.
func TestADayBegunInTheDefaultPartitionStaysThere(t *testing.T) {
	t.Parallel()
	w := open(t)
	made := days(t, w.window)
	for _, name := range made {
		w.exec(t, "DROP TABLE "+name)
	}
	w.paid(t, "B1")
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries_default"))
	require.NoError(t, persistence.Migrate(t.Context(), w.dsn, slog.New(slog.DiscardHandler)))
	require.Equal(t, made[1:], days(t, w.window), "every day but today")
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
	w.paid(t, "B2")
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries_default"))
}

// The days are UTC's, as the rows' clock is: not the machine's.
func TestPartitionsAreCutAtMidnightUTC(t *testing.T) {
	t.Parallel()
	w := open(t)
	today := time.Now().UTC().Format("20060102")
	name := "deliveries_" + today
	if made := days(t, w.window); made[0] != name { // midnight has just passed
		name = made[0]
	}
	day, err := time.Parse("20060102", name[len("deliveries_"):])
	require.NoError(t, err)
	conn, err := w.window.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "SET timezone = 'UTC'")
	require.NoError(t, err)
	var bounds string
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = $1", name).Scan(&bounds))
	require.Equal(t, fmt.Sprintf("FOR VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00')",
		day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly)), bounds)
}

func TestAnAddressThatCannotBeReadIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://cauri:s3cret@[::1/db", "postgres://cauri:s3cret@localhost:notaport/db"} {
		_, opening := persistence.Open(t.Context(), persistence.Config{DSN: dsn, Vault: vault.Development(), Policy: open(t).policy})
		for _, err := range []error{opening, persistence.Migrate(t.Context(), dsn, slog.New(slog.DiscardHandler))} {
			require.Error(t, err)
			require.NotContains(t, err.Error(), "s3cret")
		}
	}
}
