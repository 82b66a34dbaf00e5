//go:build unix

package pgembed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// initCache is shared by the tests to which a durable cluster makes no difference.
var initCache string

// childMode as the first argument makes this binary a program that holds a
// server, for other processes to kill.
const childMode = "hold-a-server"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == childMode {
		if err := hold(os.Args[2], os.Args[3:]); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	var err error
	if initCache, err = os.MkdirTemp("", "pgembed-cache-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(initCache); err != nil {
		panic(err)
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// hold starts a server, says so, and stops it when its input ends.
func hold(base string, options []string) error {
	config := Config{BaseDir: base, orphan: slices.Contains(options, "orphan"), Fast: slices.Contains(options, "fast")}
	if base == "default" {
		config.BaseDir = ""
	}
	s, err := Start(context.Background(), config)
	if err != nil {
		return err
	}
	fmt.Println("serving", s.process.Pid, s.DSN("cauri"))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Stop(context.Background())
}

// child is this binary in another process, holding a server.
type child struct {
	command *exec.Cmd
	input   io.Closer
	output  *bufio.Reader
	ended   bool
}

func startChild(t *testing.T, change func(*exec.Cmd), args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(self, append([]string{childMode}, args...)...)
	if change != nil {
		change(command)
	}
	input, err := command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	c := &child{command: command, input: input, output: bufio.NewReader(output)}
	t.Cleanup(c.kill)
	return c
}

// serving waits until the child's server serves.
func (c *child) serving(t *testing.T) (postmaster int, dsn string) {
	t.Helper()
	line, err := c.output.ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(line)
	require.Equal(t, "serving", fields[0], line)
	postmaster, err = strconv.Atoi(fields[1])
	require.NoError(t, err)
	return postmaster, fields[2]
}

// kill ends the child as an out-of-memory killer would.
func (c *child) kill() {
	if !c.ended {
		c.ended = true
		_ = c.command.Process.Kill()
		_ = c.command.Wait()
	}
}

// tempBase is a base directory that whoever runs PostgreSQL can reach, which
// t.TempDir is not when root runs the tests, with a path short enough for a socket.
func tempBase(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgembed-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	dir, err = filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// quick is the configuration of tests to which durability makes no difference.
func quick(t *testing.T, base string) Config {
	t.Helper()
	return Config{BaseDir: base, Fast: true, InitCache: initCache, Logf: t.Logf}
}

func start(t *testing.T, config Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

// execute runs SQL on a connection of its own.
func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

// ask returns the one value that a query answers.
func ask[T any](t *testing.T, dsn, sql string) (answer T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&answer))
	require.NoError(t, conn.Close(t.Context()))
	return answer
}

// eventually waits for what another process does in its own time.
func eventually(t *testing.T, look func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, until(ctx, func() (bool, error) { return look(), nil }))
}

// asAccount makes a program run as the account that runs PostgreSQL here.
func asAccount(t *testing.T, command *exec.Cmd) {
	t.Helper()
	who, err := account("")
	require.NoError(t, err)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	command.Dir = "/"
}

func requireNoProcess(t *testing.T, pid int) {
	t.Helper()
	eventually(t, func() bool { return !alive(pid) })
}

func requireExists(t *testing.T, path string, want bool) {
	t.Helper()
	_, err := os.Lstat(path)
	require.Equal(t, want, !errors.Is(err, os.ErrNotExist), path)
}
