//go:build unix

package pgembed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What a base directory holds.
const (
	dataName   = "data"
	newPrefix  = "data.new-" // an initdb that has not finished
	socketName = "socket"
	lockName   = "run.lock"
	logName    = "postgres.log"
	oldLogName = "postgres.log.1"
)

// named fills in what follows from the application's name.
func (c Config) named() Config {
	if c.App == "" {
		c.App = "cauri"
	}
	if c.Database == "" {
		c.Database = c.App
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	if c.CacheDir == "" {
		c.CacheDir = filepath.Join("/var/cache", c.App)
		if cache, err := os.UserCacheDir(); os.Geteuid() != 0 && err == nil {
			c.CacheDir = filepath.Join(cache, c.App)
		}
	}
	return c
}

// complete fills in everything that was left empty and refuses what must not be.
func (c Config) complete() (Config, error) {
	c = c.named()
	if c.InitCache != "" && !c.Fast {
		return c, errors.New("InitCache is for Fast clusters: its copies are not flushed to disk")
	}
	if err := checkSettings(c.Settings, c.Fast); err != nil {
		return c, err
	}
	if c.BaseDir == "" {
		var err error
		if c.BaseDir, err = DefaultBaseDir(c.App); err != nil {
			return c, err
		}
	}
	return c, nil
}

// DefaultBaseDir is where an application's private PostgreSQL lives when nobody
// says otherwise: /var/lib/<app> for root, whose home other accounts can't
// enter, and ~/.local/share/<app> for everybody else.
func DefaultBaseDir(app string) (string, error) {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib", app), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("place the private PostgreSQL: %w", err)
	}
	return filepath.Join(home, ".local", "share", app), nil
}

// downloads is the folder of downloaded programs, one folder a version.
func (c Config) downloads() string { return filepath.Join(c.CacheDir, "postgres") }

// makeBase makes the base directory and returns its real path, which is what
// /proc shows for the processes that work in it.
func makeBase(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711 // the account must pass through it to reach data/, which is 0700
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// lockLingers is how long the lock of an owner that was killed, or that was ourselves
// a moment ago, may outlive it: a child just being forked holds the file too, until
// its exec closes it.
const lockLingers = 2 * time.Second

// lockBase makes this process the only owner of the base directory. The kernel
// drops the lock when we die, however we die.
func lockBase(base string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(base, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for patience := time.NewTimer(lockLingers); ; {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		owner := ownerOf(lock)
		if !errors.Is(err, syscall.EWOULDBLOCK) || (alive(owner) && owner != os.Getpid()) || expired(patience) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid := ownerOf(lock)
		_ = lock.Close()
		return nil, &InUse{BaseDir: base, PID: pid}
	}
	if err == nil {
		err = lock.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(lock, os.Getpid())
	}
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock %s: %w", base, err)
	}
	return lock, nil
}

// ownerOf reads who last took the lock; 0 when it has not said so yet. An
// unreadable owner is still an owner.
func ownerOf(lock *os.File) int {
	said := make([]byte, 32) // a process id and a newline
	n, _ := lock.ReadAt(said, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(said[:n])))
	return pid
}

// expired waits a moment, or says that the timer's time is over.
func expired(patience *time.Timer) bool {
	moment := time.NewTimer(20 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-patience.C:
		return true
	case <-moment.C:
		return false
	}
}

const (
	// A Unix socket's path holds 107 bytes on Linux and 103 on macOS: the smaller serves both.
	socketPathMax = 103
	socketFile    = "/.s.PGSQL." + socketPort
	socketPrefix  = "cauri-pg-"
	// os.MkdirTemp puts at most ten digits after the prefix.
	randomDigits = 10
)

// makeSocketDir makes the directory of the server's socket, which only the
// account and root can enter: that is the whole access control. It stands in the
// base directory, so that its path stays the same from start to start; where that
// is too long, in a temporary one below the first parent that is short enough.
func makeSocketDir(base string, parents []string, who *syscall.Credential) (dir string, temporary bool, err error) {
	dir = filepath.Join(base, socketName)
	if len(dir+socketFile) <= socketPathMax {
		// What a killed server left there would make PostgreSQL hesitate; run.lock says it is ours.
		if err := os.RemoveAll(dir); err != nil {
			return "", false, err
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", false, err
		}
		return dir, false, own(dir, who)
	}
	for _, parent := range parents {
		if len(filepath.Join(parent, socketPrefix))+randomDigits+len(socketFile) > socketPathMax || reachable(parent, who) != nil {
			continue
		}
		if dir, err = os.MkdirTemp(parent, socketPrefix); err == nil {
			return dir, true, own(dir, who)
		}
	}
	return "", false, fmt.Errorf("PostgreSQL's socket has no place: its path may hold %d bytes and %s is too long, "+
		"nor can a directory be made in %s: choose a shorter directory, or set TMPDIR to a short one",
		socketPathMax, base, strings.Join(parents, " or "))
}

// temporarySocket tells our temporary socket directories from all others.
func temporarySocket(dir string) bool {
	return strings.HasPrefix(filepath.Base(dir), socketPrefix)
}

// Remove deletes the cluster of a base directory, and the directory when nothing
// else is in it. It returns *InUse when a process owns it, and touches nothing
// then. Only what Start makes is deleted: a mistaken path loses nothing.
func Remove(baseDir string) error {
	base, err := filepath.EvalSymlinks(baseDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if base, err = filepath.Abs(base); err != nil {
		return err
	}
	lock, err := lockBase(base)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // releases; nothing was written to lose
	data := filepath.Join(base, dataName)
	if note, err := readPidFile(data); err == nil && isPostmaster(note.pid, data) {
		return &InUse{BaseDir: base, PID: note.pid}
	}
	unfinished, err := filepath.Glob(filepath.Join(base, newPrefix+"*"))
	if err != nil {
		return err
	}
	for _, name := range []string{dataName, socketName, logName, oldLogName, lockName} {
		unfinished = append(unfinished, filepath.Join(base, name))
	}
	for _, path := range unfinished {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err == nil {
		_ = os.Remove(base) // fails when somebody else's files are there, which is right
	}
	return err
}
