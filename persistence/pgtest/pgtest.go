package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Schema is what a database holds before its test begins. The zero Schema is an
// empty database.
type Schema struct {
	// Name tells the schemas of one test binary apart: each is migrated once.
	Name string
	// Migrate brings an empty database to the schema, and closes every
	// connection it opened: one that stays open keeps the copies waiting.
	Migrate func(ctx context.Context, dsn string) error
}

// keep is how long a failed run's data outlives it, for whoever wants to look.
const keep = time.Hour

// A copy waits for the checkpoints of the copies beside it; a first start may
// have to install PostgreSQL.
const (
	copyWithin  = 30 * time.Second
	startWithin = 10 * time.Minute
	stopWithin  = 30 * time.Second
)

// the is this test binary's server, started by the first test that needs it.
var the server

// Main runs a test binary's tests, ends its PostgreSQL, and fails the run when a
// goroutine was left behind. It does not return.
func Main(m *testing.M, ignore ...goleak.Option) {
	the.owned = true
	code := m.Run()
	if err := the.stop(code != 0); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(ignore...); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest: left after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// New returns a pool on a database that only this test has. It is closed when
// the test ends.
func New(t testing.TB, schema Schema) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), DSN(t, schema))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// DSN returns the address of a database that only this test has.
func DSN(t testing.TB, schema Schema) string {
	t.Helper()
	require.NoError(t, the.start())
	ctx, cancel := context.WithTimeout(t.Context(), copyWithin)
	defer cancel()
	from, err := the.template(ctx, schema)
	require.NoError(t, err)
	name := fmt.Sprintf("%s_%d", the.prefix, the.serial.Add(1))
	require.NoError(t, the.create(ctx, name, from))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("this test's database is kept for an hour: %s", name)
		}
	})
	return the.dsn(name)
}

// template is one schema's database to copy, made by whoever asks first.
type template struct {
	once sync.Once
	name string
	err  error
}

func (s *server) template(ctx context.Context, schema Schema) (string, error) {
	if schema.Migrate == nil {
		return "template0", nil
	}
	s.mu.Lock()
	made, ok := s.templates[schema.Name]
	if !ok {
		made = &template{name: fmt.Sprintf("%s_template_%d", s.prefix, len(s.templates))}
		if s.templates == nil {
			s.templates = map[string]*template{}
		}
		s.templates[schema.Name] = made
	}
	s.mu.Unlock()
	made.once.Do(func() {
		if made.err = s.create(ctx, made.name, "template0"); made.err != nil {
			return
		}
		if err := schema.Migrate(ctx, s.dsn(made.name)); err != nil {
			made.err = fmt.Errorf("migrate schema %q: %w", schema.Name, err)
		}
	})
	return made.name, made.err
}

// create copies a database, file by file: three times faster here than through
// the WAL, PostgreSQL's default.
func (s *server) create(ctx context.Context, name, from string) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing pending on it
	_, err = conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, from))
	if err != nil {
		return fmt.Errorf("copy database %s: %w", from, err)
	}
	return nil
}

// server is where the databases are: a private one, or TEST_DATABASE_URL's.
type server struct {
	owned  bool // Main will stop it
	once   sync.Once
	err    error
	admin  string // the address that databases are made from
	prefix string // of this binary's database names; the second part is when, in Unix seconds
	serial atomic.Int64
	base   string // of a private server's cluster
	dsn    func(database string) string
	end    func(failed bool) error

	mu        sync.Mutex
	templates map[string]*template
}
