//go:build unix

package pgembed

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// A recovery replays at most max_wal_size: 2 GB take half a minute on a slow disk.
	readyWithin = 60 * time.Second
	// A fast shutdown writes one checkpoint: at most shared_buffers, 256 MB.
	stopWithin = 30 * time.Second
	// After SIGQUIT or SIGKILL nothing is written any more.
	killWithin = 5 * time.Second
	// How often a moment is looked for that nothing announces.
	lookEvery = 10 * time.Millisecond
	// The log is started afresh when it has grown beyond this, one old one kept.
	logBytesMax = 8 << 20
	// How much of the log an error quotes.
	logTailBytes = 1500
)

// Start returns a PostgreSQL that serves. ctx bounds the start, not the server's
// life. Errors: *InUse when another process has the base directory, *NotFound
// when there are no programs, otherwise what PostgreSQL said.
func Start(ctx context.Context, config Config) (_ *Server, err error) {
	config, err = config.complete()
	if err != nil {
		return nil, err
	}
	base, err := makeBase(config.BaseDir)
	if err != nil {
		return nil, fmt.Errorf("place the private PostgreSQL: %w", err)
	}
	lock, err := lockBase(base)
	if err != nil {
		return nil, err
	}
	s := &Server{
		DataDir: filepath.Join(base, dataName),
		Log:     filepath.Join(base, logName),
		lock:    lock,
		done:    make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := s.adopt(ctx, config); err != nil {
		return nil, err
	}
	if !s.Adopted {
		if err := s.launch(ctx, config); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(ctx, config.Database); err != nil {
		// The cause is what matters to the caller, not how the rest was cleared away.
		_ = s.Stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// launch makes the cluster when there is none and starts postgres on it.
func (s *Server) launch(ctx context.Context, config Config) error {
	programs, err := config.programs(ctx, s.DataDir)
	if err != nil {
		return err
	}
	who, err := account(s.DataDir)
	if err != nil {
		return err
	}
	if err := reachable(filepath.Dir(s.DataDir), who); err != nil {
		return err
	}
	if err := reachable(programs.Dir, who); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.DataDir, versionFile)); err != nil {
		if err := makeCluster(ctx, config, programs, s.DataDir, who); err != nil {
			return err
		}
		s.Cold = true
	}
	temporary := []string{os.TempDir(), "/tmp"}
	if s.socket, s.ownSocket, err = makeSocketDir(filepath.Dir(s.DataDir), temporary, who); err != nil {
		return err
	}
	log, err := openLog(s.Log)
	if err != nil {
		return err
	}
	command := exec.Command(filepath.Join(programs.Dir, "postgres"), config.arguments(s.DataDir, s.socket)...)
	command.Dir, command.Env = "/", plainEnvironment
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true, // Ctrl-C reaches us alone: we drain first, then stop it
		Credential: who,
	}
	if !config.orphan {
		dieWithParent(command.SysProcAttr)
	}
	return s.spawn(command, log)
}

// plainEnvironment keeps our PG… variables and locale from changing the server.
var plainEnvironment = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}

// spawn starts postgres and watches it. Its end is tied to the thread that
// started it (see dieWithParent), so that thread waits for it and does nothing
// else; the runtime ends the thread with its goroutine.
func (s *Server) spawn(command *exec.Cmd, log *os.File) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer func() { _ = log.Close() }() // postgres writes to its own copy
		err := command.Start()
		s.process = command.Process
		started <- err
		if err == nil {
			s.exit = command.Wait()
			close(s.done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	return nil
}

// prepare waits until the server serves and makes the database when missing.
func (s *Server) prepare(ctx context.Context, database string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	// Its own note says when it serves; connecting to find out would fill its log.
	err := until(ctx, func() (bool, error) {
		select {
		case <-s.done:
			return false, fmt.Errorf("postgres ended while starting (%w); the last of %s:\n%s", s.exit, s.Log, tail(s.Log))
		default:
		}
		note, err := readPidFile(s.DataDir)
		return err == nil && note.pid == s.process.Pid && note.status == statusReady, nil
	})
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing pending on it
	var exists bool
	if err := conn.QueryRow(ctx, `
		SELECT split_part(current_setting('server_version'), ' ', 1),
		       EXISTS (SELECT FROM pg_database WHERE datname = $1)`, database).Scan(&s.Version, &exists); err != nil {
		return fmt.Errorf("ask PostgreSQL: %w", err)
	}
	if !exists {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize()); err != nil {
			return fmt.Errorf("create database %s: %w", database, err)
		}
	}
	s.URL = fmt.Sprintf("psql -h '%s' -U %s '%s'", s.socket, superuser, database)
	return nil
}

// Recreate throws a database of the server away, with all that is in it, and makes
// an empty one of the same name.
func (s *Server) Recreate(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("recreate database %s: %w", database, err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing pending on it
	name := pgx.Identifier{database}.Sanitize()
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("recreate database %s: %w", database, err)
		}
	}
	return nil
}

// Stop ends the server and waits until it is gone: first a fast shutdown, which
// rolls open transactions back and writes everything down; when that takes too
// long or ctx ends, an immediate one, after which the next start replays the WAL.
// Calling it again is harmless and returns what the first call did.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Do(func() {
		s.stopErr = s.stop(ctx)
		s.release()
	})
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	fastCtx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if s.signal(fastCtx, syscall.SIGINT) {
		return nil
	}
	for _, hard := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		hardCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killWithin)
		gone := s.signal(hardCtx, hard)
		cancel()
		if gone {
			return fmt.Errorf("PostgreSQL did not stop in time and was ended with %s: the next start recovers", hard)
		}
	}
	return fmt.Errorf("PostgreSQL process %d cannot be ended", s.process.Pid)
}

// signal sends one signal and tells whether the server was gone before ctx ended.
func (s *Server) signal(ctx context.Context, signal os.Signal) bool {
	_ = s.process.Signal(signal) // fails when it is gone already, which done tells
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// release gives back what the process holds besides the server itself.
func (s *Server) release() {
	if s.ownSocket {
		_ = os.RemoveAll(s.socket) // a leftover in the temporary directory harms nobody
	}
	_ = s.lock.Close()
}

// until looks again and again until look says yes or fails, or ctx ends.
func until(ctx context.Context, look func() (bool, error)) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if yes, err := look(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// openLog opens the server's log to append, after putting a long one aside.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logBytesMax {
		if err := os.Rename(path, filepath.Join(filepath.Dir(path), oldLogName)); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// tail returns the end of the log, or nothing when it cannot be read.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // only read
	if info, err := file.Stat(); err == nil && info.Size() > logTailBytes {
		if _, err := file.Seek(-logTailBytes, io.SeekEnd); err != nil {
			return ""
		}
	}
	text, _ := io.ReadAll(file) // half a tail is better than none
	return strings.TrimSpace(string(text))
}
