package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/persistence"
)

// A demo of yesterday's build must not keep today's from starting.
func TestADemoOfAnotherVersionIsThrownAwayAndSaysSo(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "cauri-demo-test-") // a short path: the socket's is bounded
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) // as root, PostgreSQL runs as an account that must get in
	settings := Settings{DataDir: filepath.Join(dir, "demo"), PGAuto: true}
	var running lifecycle.Group
	t.Cleanup(func() {
		require.NoError(t, running.Stop(context.Background()))
		require.NoError(t, os.RemoveAll(dir))
	})
	d := &demo{}
	quiet := slog.New(slog.DiscardHandler)
	d.database, err = settings.database(t.Context(), &running, demoApp, quiet)
	require.NoError(t, err)
	var said bytes.Buffer
	require.NoError(t, d.migrate(t.Context(), settings, streams{&said, &said}, quiet))
	require.Empty(t, said.String())

	conn, err := pgx.Connect(t.Context(), d.database.dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "COMMENT ON TABLE goose_db_version IS 'another'; CREATE TABLE left_behind ()")
	require.NoError(t, err)
	require.NoError(t, d.migrate(t.Context(), settings, streams{&said, &said}, quiet))
	require.Contains(t, said.String(), "thrown away")
	status, err := persistence.MigrationStatus(t.Context(), d.database.dsn)
	require.NoError(t, err)
	require.Zero(t, status.Pending)
	afresh, err := pgx.Connect(t.Context(), d.database.dsn)
	require.NoError(t, err)
	var left bool
	require.NoError(t, afresh.QueryRow(t.Context(), "SELECT to_regclass('left_behind') IS NOT NULL").Scan(&left))
	require.False(t, left)
	require.NoError(t, afresh.Close(t.Context()))
}

// A key that cauri keys made works in a demo that was given nothing: both hash with what
// a developer need not set. And who types at a terminal has the time to.
func TestADemoTakesKeysThatWereMadeForIt(t *testing.T) {
	t.Parallel()
	var theirs, ours Settings
	theirs.Env, ours.Env = Development, Development
	demoCommand{}.setUp(&theirs)
	ours.assumeAccess()
	may, err := theirs.access()
	require.NoError(t, err)
	made, err := ours.peppers()
	require.NoError(t, err)
	newest, _ := made.Newest(time.Now())
	known, has := may.peppers.Find(newest.ID)
	require.True(t, has)
	require.Equal(t, newest.Value.Reveal(), known.Value.Reveal())

	for lasts, window := range map[time.Duration]time.Duration{
		0: 2 * time.Minute, 20 * time.Second: 8 * time.Second, time.Minute: 15 * time.Second, time.Hour: 2 * time.Minute,
	} {
		require.Equal(t, window, demoCommand{For: lasts}.window(), lasts)
	}
}
