//go:build unix

package pgembed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A postmaster that is shutting down, or backends that have not noticed their
// postmaster's death, are gone within a second; a long checkpoint may take more.
const adoptWithin = 20 * time.Second

// adopt takes over the postmaster that already serves this cluster, ends one that
// was started with less durability than wanted, waits for one that is going, and
// clears what a dead one left. Afterwards either s.Adopted, or the cluster is free
// to be started: run.lock keeps everybody else away.
func (s *Server) adopt(ctx context.Context, wanted Config) error {
	ctx, cancel := context.WithTimeout(ctx, adoptWithin)
	defer cancel()
	pid := 0
	err := until(ctx, func() (bool, error) {
		note, err := readPidFile(s.DataDir)
		switch pid = note.pid; {
		case errors.Is(err, os.ErrNotExist):
			return true, nil
		case err != nil:
			return false, err
		case !isPostmaster(note.pid, s.DataDir):
			if busy(s.DataDir) {
				return false, nil
			}
			return true, note.retire(s.DataDir)
		case note.status == statusReady && (wanted.Fast || durablyStarted(note.pid)):
			return true, s.takeOver(note)
		case note.status == statusReady:
			return false, syscall.Kill(note.pid, syscall.SIGINT)
		}
		return false, nil // it is starting or stopping
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("a PostgreSQL of %s (process %d) neither serves nor ends: end it and start again: %w", s.DataDir, pid, err)
	}
	return err
}

// DSN is the address of a database of the server that the other process keeps, in the
// form of Server.DSN: a tool may ask it something while it runs. False when it serves
// nobody yet, or no longer.
func (e *InUse) DSN(database string) (string, bool) {
	data := filepath.Join(e.BaseDir, dataName)
	note, err := readPidFile(data)
	if err != nil || note.status != statusReady || !isPostmaster(note.pid, data) {
		return "", false
	}
	return (&Server{socket: note.socket}).DSN(database), true
}

// takeOver makes a running postmaster ours to watch and to stop.
func (s *Server) takeOver(note pidFile) error {
	process, err := os.FindProcess(note.pid)
	if err != nil {
		return err
	}
	s.Adopted, s.process = true, process
	s.socket, s.ownSocket = note.socket, temporarySocket(note.socket)
	go func() {
		// Not our child, so nothing tells us of its end: we look.
		_ = until(context.Background(), func() (bool, error) { return !alive(note.pid), nil }) // yes is its only way out
		s.exit = errors.New("no exit status: adopted")
		close(s.done)
	}()
	return nil
}

// pidFile is postmaster.pid, where PostgreSQL notes who serves a cluster, how to
// reach it and how far it is (src/include/utils/pidfile.h).
type pidFile struct {
	lines  []string
	pid    int    // line 1; 0 when unreadable: a power cut can leave the file empty
	socket string // line 5, the socket's directory
	status string // line 8, padded: "starting", "ready", "stopping"
}

const (
	pidFileName = "postmaster.pid"
	statusReady = "ready"
)

func readPidFile(data string) (pidFile, error) {
	text, err := os.ReadFile(filepath.Join(data, pidFileName))
	if err != nil {
		return pidFile{}, err
	}
	note := pidFile{lines: strings.Split(string(text), "\n")}
	note.pid, _ = strconv.Atoi(strings.TrimSpace(note.lines[0]))
	if len(note.lines) > 4 {
		note.socket = note.lines[4]
	}
	if len(note.lines) > 7 {
		note.status = strings.TrimSpace(note.lines[7])
	}
	return note, nil
}

// retire makes the note of a dead postmaster harmless. PostgreSQL clears a stale
// note itself, but refuses to when the pid lives on as somebody else's, or as a
// zombie that nobody has buried. It never suspects its own parent, though, so the
// pid becomes ours: it then still makes its own last check, that no backend is
// attached to the old shared memory, which deleting the note would skip.
func (note pidFile) retire(data string) error {
	if temporarySocket(note.socket) {
		_ = os.RemoveAll(note.socket) // a temporary directory of ours: litter at worst
	}
	path := filepath.Join(data, pidFileName)
	if note.pid <= 0 {
		return os.Remove(path)
	}
	note.lines[0] = strconv.Itoa(os.Getpid())
	return os.WriteFile(path, []byte(strings.Join(note.lines, "\n")), 0o600)
}

// isPostmaster tells whether pid is a postgres on this cluster, and not whatever
// got its number since. A zombie has no command line.
func isPostmaster(pid int, data string) bool {
	if pid <= 0 || !alive(pid) {
		return false
	}
	return bytes.Contains(commandLine(pid), []byte(data))
}

// durablyStarted tells whether a postmaster was given the durable settings, which
// launch always spells out.
func durablyStarted(pid int) bool {
	command := commandLine(pid)
	for name, value := range durable {
		if !bytes.Contains(command, []byte(name+"="+value)) {
			return false
		}
	}
	return true
}

// commandLine returns what a process was started with, nothing when it is gone.
func commandLine(pid int) []byte {
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err == nil {
		return command
	}
	// No /proc here, or gone: then ps says nothing either.
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	command, _ = exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return command
}

// alive tells whether a process runs: a zombie does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !bytes.Contains(stat, []byte(") Z "))
}

// busy tells whether a process still works in the cluster: a backend that has not
// noticed its postmaster's death. Where there is no /proc, PostgreSQL's own check
// of the shared memory stands alone.
func busy(data string) bool {
	workplaces, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is valid
	for _, link := range workplaces {
		if dir, err := os.Readlink(link); err == nil && dir == data {
			return true
		}
	}
	return false
}
