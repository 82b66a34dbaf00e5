package pgembed

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
)

// OldestMajor is the first PostgreSQL the engine's SQL runs on: 15 brought
// CREATE DATABASE … STRATEGY, MERGE and NULLS NOT DISTINCT.
const OldestMajor = 15

// Config says where the private PostgreSQL lives and what it may cost. Its zero
// value is a durable cluster in the usual place, from programs already here.
type Config struct {
	// BaseDir holds the cluster, its socket, log and lock. Empty means
	// /var/lib/<App> for root, whose home other accounts cannot enter, and
	// ~/.local/share/<App> for everybody else.
	BaseDir string
	// App names the default directories. Empty means "cauri".
	App string
	// Database is created when missing. Empty means App.
	Database string
	// BinDir holds initdb and postgres. Empty means: look for the newest.
	BinDir string
	// CacheDir keeps downloaded programs. Empty means /var/cache/<App> for root
	// and the user's cache directory for everybody else.
	CacheDir string
	// Settings are added to postgresql's own, name to value. What would weaken
	// durability or open the network is refused.
	Settings map[string]string
	// Fast gives up durability for speed. For tests: a power cut may destroy
	// the whole cluster.
	Fast bool
	// InitCache is a directory that keeps one finished initdb to copy, which
	// takes a fifth of the time. The copy is not flushed to disk: Fast only.
	InitCache string
	// Auto allows a download (when DownloadURL is set) or, for root on a
	// machine with apt-get, an installation, when no programs are found.
	Auto bool
	// DownloadURL is where builds are served, as <DownloadURL>/<goos>-<goarch>/
	// postgres-<DownloadVersion>.tar.gz with its .sha256 beside it. Empty means
	// that nothing is downloaded. https, unless the host is this machine.
	DownloadURL string
	// Logf is told, in sentences for people, what takes time or changes the
	// machine. Nil means nobody listens.
	Logf func(format string, args ...any)

	orphan bool     // tests: leave postgres running when we are killed, as macOS does
	places []string // tests: search these instead of the machine's usual directories
	apt    *apt     // tests: instead of the machine's apt-get
}

// Server is a running private PostgreSQL. It serves until Stop, or until Done
// is closed because it died.
type Server struct {
	// Cold tells that the cluster was made by this start.
	Cold bool
	// Adopted tells that a server left running by a killed process was taken over.
	Adopted bool
	// DataDir is the cluster's directory.
	DataDir string
	// Version is the server's, as "15.18".
	Version string
	// URL is for people: the line that opens psql on the configured database.
	URL string
	// Log is the file that postgres writes its messages to.
	Log string

	process   *os.Process
	done      chan struct{} // closed when the process is gone
	exit      error         // why it went; read after done only
	lock      *os.File
	socket    string
	ownSocket bool // a temporary directory of ours, to remove

	stopping sync.Once
	stopErr  error
}

// DSN returns the address of one of the server's databases, in the form that
// pgx, goose, psql and DATABASE_URL all read.
func (s *Server) DSN(database string) string {
	// The port is said, or PGPORT in our environment would win.
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%s&sslmode=disable",
		superuser, url.PathEscape(database), url.PathEscape(s.socket), socketPort)
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// The names PostgreSQL uses when nobody says otherwise, so that psql needs none.
const (
	superuser  = "postgres"
	socketPort = "5432"
)

// InUse is returned by Start and Remove when another process owns the base
// directory.
type InUse struct {
	BaseDir string
	PID     int // 0 when it had not yet said who it is
}

// Error says who has it and what to do.
func (e *InUse) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is in use by %s: stop it, or set DATABASE_URL to share one database", e.BaseDir, who)
}

// NotFound is returned when the machine has no usable PostgreSQL programs.
type NotFound struct {
	Searched []string // the directories and patterns that were looked at
	Tried    error    // why getting some did not work; nil when it was not tried
}

// Error is the help text: the exact lines that put it right.
func (e *NotFound) Error() string {
	text := fmt.Sprintf(`no PostgreSQL server programs (initdb and postgres, version %d or newer) were found
  Debian, Ubuntu   apt-get install -y postgresql
  Fedora, RHEL     dnf install -y postgresql-server
  Alpine           apk add postgresql
  Arch             pacman -S postgresql
  macOS            brew install postgresql@17
  containers       docker compose up -d postgres
                   export DATABASE_URL=postgres://user:password@host:5432/cauri
  elsewhere        export CAURI_PG_BIN=/directory/with/initdb/and/postgres
  looked in        %s`, OldestMajor, strings.Join(e.Searched, ", "))
	if e.Tried != nil {
		text += "\n  also tried       " + strings.ReplaceAll(e.Tried.Error(), "\n", "\n                   ")
	}
	return text
}

// Unwrap gives what was tried to errors.Is and errors.As.
func (e *NotFound) Unwrap() error { return e.Tried }

// ErrUnsupported is returned on systems without Unix accounts and sockets.
var ErrUnsupported = errors.New("a private PostgreSQL is not supported on this system: " +
	"set DATABASE_URL=postgres://user:password@host:5432/cauri, for example after docker compose up -d postgres")
