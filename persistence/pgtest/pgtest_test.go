package pgtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

// purses is a schema that counts how often it is migrated.
func purses(name string, migrated *atomic.Int32) Schema {
	return Schema{Name: name, Migrate: func(ctx context.Context, dsn string) error {
		migrated.Add(1)
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE TABLE purses (owner text PRIMARY KEY, francs bigint NOT NULL)")
		return errors.Join(err, conn.Close(ctx))
	}}
}

func TestEachTestHasItsOwnDatabaseOfASchemaMigratedOnce(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	schema := purses("once", &migrated)
	t.Run("many at once", func(t *testing.T) {
		for range 12 {
			t.Run("one of many", func(t *testing.T) {
				t.Parallel()
				pool := New(t, schema)
				_, err := pool.Exec(t.Context(), "INSERT INTO purses VALUES ('awa', 25000)")
				require.NoError(t, err)
				var owners int
				require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM purses").Scan(&owners))
				require.Equal(t, 1, owners, "no other test's row")
			})
		}
	})
	require.EqualValues(t, 1, migrated.Load())
}

func TestSchemasAreToldApartByName(t *testing.T) {
	t.Parallel()
	var first, second atomic.Int32
	New(t, purses("first", &first))
	New(t, purses("second", &second))
	require.EqualValues(t, 1, first.Load())
	require.EqualValues(t, 1, second.Load())
}

func TestZeroSchemaIsAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), DSN(t, Schema{}))
	require.NoError(t, err)
	var tables int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
	require.Zero(t, tables)
	require.NoError(t, conn.Close(t.Context()))
}

func TestFailedMigrationFailsEveryTestThatNeedsIt(t *testing.T) {
	t.Parallel()
	require.NoError(t, the.start())
	broken := Schema{Name: "broken", Migrate: func(context.Context, string) error { return errors.New("no such column") }}
	for range 2 {
		_, err := the.template(t.Context(), broken)
		require.ErrorContains(t, err, `migrate schema "broken": no such column`)
	}
}

func TestFailedRunKeepsItsClusterAndALaterRunSweepsIt(t *testing.T) {
	t.Parallel()
	failed := server{owned: true}
	require.NoError(t, failed.start())
	require.NoError(t, failed.stop(true))
	require.FileExists(t, filepath.Join(failed.base, "data", "PG_VERSION"), "kept for whoever wants to look")

	sweepDirectories()
	require.DirExists(t, failed.base, "an hour has not passed")
	old := filepath.Join(os.TempDir(), basePrefix+"1000000000-"+filepath.Base(failed.base))
	require.NoError(t, os.Rename(failed.base, old))
	sweepDirectories()
	require.NoDirExists(t, old)
}

func TestSharedServerIsSweptOfRunsLongGone(t *testing.T) {
	t.Parallel()
	require.NoError(t, the.start())
	require.NoError(t, the.create(t.Context(), "test_1000000000_gone_1", "template0"))
	conn, err := pgx.Connect(t.Context(), the.admin)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()

	shared := server{owned: true, prefix: "test_9999999999_shared"}
	require.NoError(t, shared.share(t.Context(), the.admin))
	var exists bool
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'test_1000000000_gone_1')").Scan(&exists))
	require.False(t, exists)

	var migrated atomic.Int32
	template, err := shared.template(t.Context(), purses("shared", &migrated))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(template, shared.prefix), "no other binary's template has this name")
	require.NoError(t, shared.stop(true), "it goes on for the others")
}

func TestServerThatNobodyWouldStopIsNotStarted(t *testing.T) {
	t.Parallel()
	var forgotten server
	require.ErrorContains(t, forgotten.start(), "pgtest.Main(m)")
}
