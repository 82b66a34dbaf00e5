package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A server under load runs in a process of its own, so that its CPU and memory are
// its own too. It writes one line of JSON when it listens, serves until its standard
// input ends, and writes one more. Killed parents close that input: nothing is left
// behind.

// Listening is a server's first line.
type Listening struct {
	API string `json:"api"` // host:port
}

// Ended is a server's last line.
type Ended struct {
	Rounds uint64  `json:"rounds"` // commits that were shared
	Asks   float64 `json:"asks"`   // what was committed by them
	Did    int     `json:"did"`    // Initiated: payments that were begun and answered
	P50    float64 `json:"p50_ms,omitempty"`
	P99    float64 `json:"p99_ms,omitempty"`
}

// Launch says how a server of a design is started: the program and its arguments.
type Launch func(ctx context.Context, design Design, dsn string) *exec.Cmd

// server is one running child.
type server struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	lines   *bufio.Reader
	api     string
}

// startsWithin and stopsWithin bound a child's way up and down: both take well under
// a second, and 30 s is when its own parts are left behind.
const (
	startsWithin = 30 * time.Second
	stopsWithin  = 30 * time.Second
)

func start(ctx context.Context, command *exec.Cmd) (_ *server, err error) {
	s := &server{command: command}
	if s.stdin, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.lines = bufio.NewReader(out)
	if err := command.Start(); err != nil {
		return nil, err
	}
	overdue := time.AfterFunc(startsWithin, func() { _ = command.Process.Kill() }) // its line then ends in an error
	defer overdue.Stop()
	var listening Listening
	if err := s.line(&listening); err != nil {
		return nil, errors.Join(fmt.Errorf("the server did not come up: %w", err), s.kill())
	}
	s.api = listening.API
	return s, ctx.Err()
}

func (s *server) line(into any) error {
	text, err := s.lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// stop ends the child and returns its last words.
func (s *server) stop() (ended Ended, err error) {
	overdue := time.AfterFunc(stopsWithin, func() { _ = s.command.Process.Kill() })
	defer overdue.Stop()
	err = errors.Join(s.stdin.Close(), s.line(&ended))
	return ended, errors.Join(err, s.command.Wait())
}

func (s *server) kill() error {
	_ = s.command.Process.Kill() // it may be gone
	err := s.command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil // we killed it
	}
	return err
}

// errNoProc says that this system does not tell what a process has used.
var errNoProc = errors.New("no /proc on this system")

// cpuOf is what the process has used, in user and kernel mode.
func cpuOf(pid int) (time.Duration, error) {
	own, _, err := cpuTimes(strconv.Itoa(pid))
	return own, err
}

// postgresCPU is what a PostgreSQL has used: its postmaster, the children that are
// there, and those it has buried.
func postgresCPU(dataDir string) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return 0, errNoProc
	}
	postmaster, _, _ := strings.Cut(string(text), "\n")
	own, buried, err := cpuTimes(postmaster)
	if err != nil {
		return 0, err
	}
	sum := own + buried
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, process := range processes {
		pid := filepath.Base(process)
		fields, err := statFields(pid)
		if err != nil || fields[1] != postmaster { // gone meanwhile, or somebody else's
			continue
		}
		if own, _, err := cpuTimes(pid); err == nil {
			sum += own
		}
	}
	return sum, nil
}

// tick is the unit of /proc's times: USER_HZ, which is 100 on every Linux that Go
// runs on (proc(5)).
const tick = 10 * time.Millisecond

// cpuTimes are a process's own time and that of the children it has buried.
func cpuTimes(pid string) (own, buried time.Duration, err error) {
	fields, err := statFields(pid)
	if err != nil {
		return 0, 0, err
	}
	var ticks [4]int64 // utime, stime, cutime, cstime: fields 14 to 17 (proc(5))
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(fields[11+i], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	return time.Duration(ticks[0]+ticks[1]) * tick, time.Duration(ticks[2]+ticks[3]) * tick, nil
}

// statFields are the fields of /proc/<pid>/stat behind the name, which may hold
// anything: the state is the first, the parent the second.
func statFields(pid string) ([]string, error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil, errNoProc
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return nil, errNoProc
	}
	return fields, nil
}

// residentMax is the most memory the process has had resident, in bytes.
func residentMax(pid int) (int64, error) { return statusOf(pid, "VmHWM:") }

// residentNow is what it has now.
func residentNow(pid int) (int64, error) { return statusOf(pid, "VmRSS:") }

// statusOf reads a size of the process (proc(5), /proc/pid/status), in bytes.
func statusOf(pid int, name string) (int64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, errNoProc
	}
	for line := range strings.Lines(string(text)) {
		if value, is := strings.CutPrefix(line, name); is {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errNoProc
}
