//go:build unix

package pgembed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestKilledProgramLosesNoCommit(t *testing.T) {
	t.Parallel()
	base := tempBase(t)
	killed := startChild(t, nil, base)
	_, dsn := killed.serving(t)
	execute(t, dsn, "CREATE TABLE paid AS SELECT 42500 AS francs")
	killed.kill()

	s := start(t, Config{BaseDir: base}) // at once: the old server may still be stopping
	require.Equal(t, 42500, ask[int](t, s.DSN("cauri"), "SELECT francs FROM paid"))
}

func TestProgramAndServerKilledTogetherLoseNoCommit(t *testing.T) {
	t.Parallel()
	base := tempBase(t)
	killed := startChild(t, nil, base)
	postmaster, dsn := killed.serving(t)
	execute(t, dsn, "CREATE TABLE paid AS SELECT 42500 AS francs")
	require.NoError(t, syscall.Kill(postmaster, syscall.SIGKILL))
	killed.kill()

	s := start(t, Config{BaseDir: base})
	require.False(t, s.Adopted)
	require.Equal(t, 42500, ask[int](t, s.DSN("cauri"), "SELECT francs FROM paid"))
}

func TestOrphanIsAdopted(t *testing.T) {
	t.Parallel()
	base := tempBase(t)
	killed := startChild(t, nil, base, "orphan")
	postmaster, dsn := killed.serving(t)
	execute(t, dsn, "CREATE TABLE paid AS SELECT 42500 AS francs")
	killed.kill()
	require.True(t, alive(postmaster))

	var inUse *InUse
	require.ErrorAs(t, Remove(base), &inUse, "a running cluster is not removed under its feet")
	require.Equal(t, postmaster, inUse.PID)

	s := start(t, Config{BaseDir: base})
	require.True(t, s.Adopted)
	require.False(t, s.Cold)
	_, err := Start(t.Context(), Config{BaseDir: base})
	require.ErrorAs(t, err, &inUse)
	beside, serves := inUse.DSN("cauri")
	require.True(t, serves)
	require.Equal(t, 42500, ask[int](t, beside, "SELECT francs FROM paid"), "a tool may ask it beside its keeper")
	require.Equal(t, 42500, ask[int](t, s.DSN("cauri"), "SELECT francs FROM paid"))
	require.NoError(t, s.Stop(t.Context()))
	requireNoProcess(t, postmaster)
}

func TestOrphanThatIsNotDurableIsReplaced(t *testing.T) {
	t.Parallel()
	base := tempBase(t)
	killed := startChild(t, nil, base, "orphan", "fast")
	postmaster, dsn := killed.serving(t)
	execute(t, dsn, "CREATE TABLE paid AS SELECT 42500 AS francs")
	killed.kill()
	require.True(t, alive(postmaster))

	s := start(t, Config{BaseDir: base})
	require.False(t, s.Adopted)
	requireNoProcess(t, postmaster)
	require.Equal(t, "on", ask[string](t, s.DSN("cauri"), "SHOW fsync"))
	require.Equal(t, 42500, ask[int](t, s.DSN("cauri"), "SELECT francs FROM paid"))
}

func TestServersDeathIsAnnounced(t *testing.T) {
	t.Parallel()
	s := start(t, quick(t, tempBase(t)))
	require.NoError(t, s.process.Kill())
	<-s.Done()
	require.NoError(t, s.Stop(t.Context()))
}

// TestStaleNoteOfADeadServerIsNoObstacle holds the cases in which PostgreSQL
// itself either manages or refuses to start on what a dead postmaster left.
func TestStaleNoteOfADeadServerIsNoObstacle(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]func(t *testing.T) string{
		"dead process": func(*testing.T) string { return "" },
		"empty file":   nil,
		"pid reused by the same account": func(t *testing.T) string {
			stranger := exec.Command("sleep", "60")
			asAccount(t, stranger)
			require.NoError(t, stranger.Start())
			t.Cleanup(func() { _, _ = stranger.Process.Kill(), stranger.Wait() })
			return strconv.Itoa(stranger.Process.Pid)
		},
		"zombie": func(t *testing.T) string {
			zombie := exec.Command("true")
			asAccount(t, zombie)
			require.NoError(t, zombie.Start())
			t.Cleanup(func() { _ = zombie.Wait() })
			eventually(t, func() bool { return !alive(zombie.Process.Pid) })
			return strconv.Itoa(zombie.Process.Pid)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := quick(t, tempBase(t))
			config.Settings = map[string]string{"synchronous_commit": "on"} // Fast would lose what was not yet written
			dead := start(t, config)
			execute(t, dead.DSN("cauri"), "CREATE TABLE paid AS SELECT 1 AS n")
			require.NoError(t, dead.process.Kill())
			require.NoError(t, dead.Stop(t.Context()))

			note := filepath.Join(dead.DataDir, pidFileName)
			text, err := os.ReadFile(note)
			require.NoError(t, err)
			if pid == nil {
				require.NoError(t, os.Truncate(note, 0))
			} else if number := pid(t); number != "" {
				_, rest, _ := strings.Cut(string(text), "\n")
				require.NoError(t, os.WriteFile(note, []byte(number+"\n"+rest), 0o600))
			}
			require.Equal(t, 1, ask[int](t, start(t, config).DSN("cauri"), "SELECT n FROM paid"))
		})
	}
}

func TestBackendThatOutlivesItsPostmasterIsWaitedFor(t *testing.T) {
	t.Parallel()
	config := quick(t, tempBase(t))
	dead := start(t, config)
	conn, err := pgx.Connect(t.Context(), dead.DSN("cauri"))
	require.NoError(t, err)
	// A busy loop notices no death; clock_timestamp ends it after a second.
	answer := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), `DO $$ DECLARE began timestamptz := clock_timestamp();
			BEGIN WHILE clock_timestamp() < began + interval '1 second' LOOP END LOOP; END $$`)
		answer <- err
	}()
	eventually(t, func() bool {
		return ask[bool](t, dead.DSN("cauri"), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DO $$%' AND state = 'active')")
	})
	require.NoError(t, dead.process.Kill())
	<-dead.Done()
	require.NoError(t, dead.Stop(t.Context()))
	require.True(t, busy(dead.DataDir))

	start(t, config)
	<-answer
	_ = conn.Close(t.Context()) // its server is gone
}

func TestInterruptedInitdbLeavesNoHalfCluster(t *testing.T) {
	t.Parallel()
	for name, moment := range map[string]string{
		"at once":   "data.new-*",
		"half-way":  "data.new-*/global/pg_control",
		"near done": "data.new-*/base/4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := tempBase(t)
			interrupted := startChild(t, nil, base)
			eventually(t, func() bool {
				made, err := filepath.Glob(filepath.Join(base, moment))
				require.NoError(t, err)
				return len(made) > 0
			})
			interrupted.kill()
			requireExists(t, filepath.Join(base, dataName), false)

			s := start(t, quick(t, base))
			require.True(t, s.Cold)
			require.Equal(t, 1, ask[int](t, s.DSN("cauri"), "SELECT 1"))
		})
	}
}

func TestClusterOfAnotherVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	config := quick(t, tempBase(t))
	s := start(t, config)
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(s.DataDir, versionFile), []byte("99\n"), 0o600))
	_, err := Start(t.Context(), config)
	require.ErrorContains(t, err, "was made by PostgreSQL 99")
	require.ErrorContains(t, err, "pg_dump")
	requireExists(t, filepath.Join(s.DataDir, "global", "pg_control"), true)
}
