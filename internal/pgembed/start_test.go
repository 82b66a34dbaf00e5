//go:build unix

package pgembed

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	config := Config{BaseDir: tempBase(t), App: "cauri", Database: "wages"}
	first := start(t, config)
	require.True(t, first.Cold)
	require.False(t, first.Adopted)
	execute(t, first.DSN("wages"), "CREATE TABLE paid AS SELECT 42500 AS francs")
	require.NoError(t, first.Stop(t.Context()))

	second := start(t, config)
	require.False(t, second.Cold)
	require.Equal(t, 42500, ask[int](t, second.DSN("wages"), "SELECT francs FROM paid"))
}

func TestServerIsDurableAndPrivate(t *testing.T) {
	t.Parallel()
	s := start(t, Config{BaseDir: tempBase(t), Settings: map[string]string{"work_mem": "8MB"}})
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"listen_addresses": "", "log_min_error_statement": "panic", "log_error_verbosity": "terse", "work_mem": "8MB",
	} {
		require.Equal(t, want, ask[string](t, s.DSN("cauri"), "SHOW "+setting), setting)
	}
	require.True(t, strings.HasPrefix(ask[string](t, s.DSN("cauri"), "SHOW server_version"), s.Version))
	info, err := os.Stat(s.socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "whoever enters it is a superuser")
}

func TestSettingsCannotBreakThePromises(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]string{
		"durability":      {"fsync": "off"},
		"in capitals":     {"Synchronous_Commit": "off"},
		"network":         {"listen_addresses": "*"},
		"socket for all":  {"unix_socket_permissions": "0777"},
		"someone's data":  {"data_directory": "/var/lib/postgresql/15/main"},
		"another address": {"port": "5433"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), Config{BaseDir: tempBase(t), Settings: settings})
			require.ErrorContains(t, err, "setting ")
		})
	}
	_, err := Start(t.Context(), Config{BaseDir: tempBase(t), InitCache: initCache})
	require.ErrorContains(t, err, "Fast")
}

func TestWrongSettingIsExplainedByTheLog(t *testing.T) {
	t.Parallel()
	config := quick(t, tempBase(t))
	config.Settings = map[string]string{"shared_buffers": "plenty"}
	_, err := Start(t.Context(), config)
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers"`)
	config.Settings = nil
	start(t, config)
}

func TestLineForPeopleOpensPsql(t *testing.T) {
	t.Parallel()
	s := start(t, quick(t, filepath.Join(tempBase(t), "with a space")))
	require.Equal(t, 1, ask[int](t, s.DSN("cauri"), "SELECT 1"))
	programs, err := Find("")
	require.NoError(t, err)
	shell := exec.Command("sh", "-c", s.URL+" -AtXc 'SELECT current_database()'")
	shell.Env = append(os.Environ(), "PATH="+programs.Dir+":/usr/bin:/bin")
	said, err := shell.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Equal(t, "cauri\n", string(said))
}

func TestSecondInstanceIsToldWhoHasIt(t *testing.T) {
	t.Parallel()
	config := quick(t, tempBase(t))
	s := start(t, config)

	_, err := Start(t.Context(), config)
	var inUse *InUse
	require.ErrorAs(t, err, &inUse)
	require.Equal(t, os.Getpid(), inUse.PID)

	other := startChild(t, nil, config.BaseDir)
	line, err := other.output.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "in use by process "+strconv.Itoa(os.Getpid())+": stop it, or set DATABASE_URL")
	require.Equal(t, 1, ask[int](t, s.DSN("cauri"), "SELECT 1"), "the first is not disturbed")

	require.ErrorAs(t, Remove(config.BaseDir), &inUse)
	require.Equal(t, 1, ask[int](t, s.DSN("cauri"), "SELECT 1"))
}

func TestStoppingTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	s := start(t, quick(t, tempBase(t)))
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, s.Stop(t.Context()))
	requireNoProcess(t, s.process.Pid)
	<-s.Done()
}

func TestHurriedStopLosesNoCommit(t *testing.T) {
	t.Parallel()
	config := Config{BaseDir: tempBase(t)}
	s := start(t, config)
	execute(t, s.DSN("cauri"), "CREATE TABLE paid AS SELECT 1 AS n")
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, s.Stop(hurry), "the next start recovers")
	requireNoProcess(t, s.process.Pid)

	require.Equal(t, 1, ask[int](t, start(t, config).DSN("cauri"), "SELECT n FROM paid"))
}

func TestCancelledStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	config := quick(t, tempBase(t))
	config.InitCache = "" // initdb takes long enough to be cancelled
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		_ = until(t.Context(), func() (bool, error) {
			made, err := filepath.Glob(filepath.Join(config.BaseDir, newPrefix+"*", "global"))
			return len(made) > 0, err
		})
	}()
	_, err := Start(ctx, config)
	require.Error(t, err)
	left, err := filepath.Glob(filepath.Join(config.BaseDir, dataName+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
	start(t, config)
}

func TestOrdinaryUserNeedsNothing(t *testing.T) {
	t.Parallel()
	home := tempBase(t)
	// go test builds where only we may enter.
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	copied := filepath.Join(home, "program")
	require.NoError(t, os.WriteFile(copied, program, 0o755))

	ordinary := startChild(t, func(command *exec.Cmd) {
		command.Path = copied
		command.Dir = "/"
		command.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
		if os.Geteuid() == 0 {
			nobody, err := user.Lookup("nobody")
			require.NoError(t, err)
			uid, err := strconv.Atoi(nobody.Uid)
			require.NoError(t, err)
			gid, err := strconv.Atoi(nobody.Gid)
			require.NoError(t, err)
			require.NoError(t, os.Chown(home, uid, gid))
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
	}, "default")
	postmaster, dsn := ordinary.serving(t)
	require.Contains(t, dsn, "share%2Fcauri%2Fsocket")
	require.Equal(t, 1, ask[int](t, dsn, "SELECT 1"))
	requireExists(t, filepath.Join(home, ".local/share/cauri/data/PG_VERSION"), true)
	require.NoError(t, ordinary.input.Close())
	requireNoProcess(t, postmaster)
}
