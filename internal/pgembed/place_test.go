//go:build unix

package pgembed

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// longName makes every path below it too long for a socket.
var longName = strings.Repeat("long", 30)

func TestSocketFindsAShortPlace(t *testing.T) {
	// TMPDIR belongs to the whole process: not parallel.
	base := filepath.Join(tempBase(t), longName)
	config := quick(t, base)
	t.Setenv("TMPDIR", filepath.Join(filepath.Dir(base), longName))
	s := start(t, config)
	require.Equal(t, "/tmp", filepath.Dir(s.socket))
	require.Equal(t, 1, ask[int](t, s.DSN("cauri"), "SELECT 1"))
	require.NoError(t, s.Stop(t.Context()))
	requireExists(t, s.socket, false)
}

func TestSocketWithoutAPlaceSaysWhatToDo(t *testing.T) {
	t.Parallel()
	base := filepath.Join(tempBase(t), longName)
	_, _, err := makeSocketDir(base, []string{base, filepath.Join(base, "absent")}, nil)
	require.ErrorContains(t, err, "set TMPDIR to a short one")
}

func TestUnreachableDirectoryIsNamed(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(tempBase(t), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	open := filepath.Join(closed, "open")
	require.NoError(t, os.Mkdir(open, 0o755))
	stranger := &syscall.Credential{Uid: 54321, Gid: 54321}
	require.ErrorContains(t, reachable(open, stranger), closed+" (-rwx------) cannot be entered")
	require.NoError(t, reachable(filepath.Dir(closed), stranger))
	require.NoError(t, reachable(open, nil), "ourselves need no check")
}

func TestRemoveDeletesTheClusterAndNothingElse(t *testing.T) {
	t.Parallel()
	config := quick(t, filepath.Join(tempBase(t), "cluster"))
	require.NoError(t, Remove(config.BaseDir), "nothing there yet")
	s := start(t, config)
	require.NoError(t, s.Stop(t.Context()))
	thesis := filepath.Join(config.BaseDir, "thesis.txt")
	require.NoError(t, os.WriteFile(thesis, nil, 0o600))

	require.NoError(t, Remove(config.BaseDir))
	requireExists(t, s.DataDir, false)
	requireExists(t, thesis, true)

	require.NoError(t, os.Remove(thesis))
	require.NoError(t, Remove(config.BaseDir))
	requireExists(t, config.BaseDir, false)
}

func TestLongLogIsPutAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), logName)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, logBytesMax+1))
	log, err := openLog(path)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Size())
	requireExists(t, filepath.Join(filepath.Dir(path), oldLogName), true)
}

// A program that stops its server and starts it again is not kept out by a child it
// happens to be forking in between.
func TestOurOwnLockOfAMomentAgoIsWaitedFor(t *testing.T) {
	t.Parallel()
	base := tempBase(t)
	require.NoError(t, os.MkdirAll(base, 0o755))
	lock, err := lockBase(base)
	require.NoError(t, err)
	copied, err := syscall.Dup(int(lock.Fd())) // as a forked child has it
	require.NoError(t, err)
	require.NoError(t, lock.Close())
	execs := time.AfterFunc(50*time.Millisecond, func() { _ = syscall.Close(copied) })
	defer execs.Stop()
	again, err := lockBase(base)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}
