package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/internal/pgembed"
)

// start connects this binary to a server, once; every test asks.
func (s *server) start() error {
	if !s.owned {
		return errors.New("nobody would stop the server: add func TestMain(m *testing.M) { pgtest.Main(m) }")
	}
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startWithin)
		defer cancel()
		s.prefix = strings.ToLower(fmt.Sprintf("test_%d_%s", time.Now().Unix(), rand.Text()[:8]))
		if address := os.Getenv("TEST_DATABASE_URL"); address != "" {
			s.err = s.share(ctx, address)
		} else {
			s.err = s.startPrivate(ctx)
		}
	})
	return s.err
}

// stop ends what start began. It is the last thing a test binary does.
func (s *server) stop(failed bool) error {
	if s.end == nil {
		return nil
	}
	return s.end(failed)
}

// A private cluster's directory is basePrefix, when it was made in Unix seconds,
// a dash and something random.
const basePrefix = "cauri-pgtest-"

func (s *server) startPrivate(ctx context.Context) error {
	sweepDirectories()
	base, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", basePrefix, time.Now().Unix()))
	if err != nil {
		return err
	}
	if err := os.Chmod(base, 0o711); err != nil { // when root runs the tests, another account runs PostgreSQL
		return err
	}
	config := pgembed.Config{
		BaseDir: base,
		Fast:    true,
		Auto:    true, // the tests need nothing but Go; what is installed is announced
		Logf:    func(format string, args ...any) { fmt.Fprintf(os.Stderr, "pgtest: "+format+"\n", args...) },
	}
	if cache, err := os.UserCacheDir(); err == nil {
		config.InitCache = filepath.Join(cache, "cauri", "pgtest")
	}
	private, err := pgembed.Start(ctx, config)
	if err != nil {
		return errors.Join(err, os.RemoveAll(base))
	}
	s.base = base
	s.dsn, s.admin = private.DSN, private.DSN("postgres")
	s.end = func(failed bool) error {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		if err := private.Stop(ctx); err != nil {
			return err
		}
		if failed {
			fmt.Fprintf(os.Stderr, "pgtest: the databases are kept for an hour; to look at them: postgres -D %s -k %s\n", private.DataDir, base)
			return nil
		}
		return pgembed.Remove(base)
	}
	return nil
}

// sweepDirectories removes what failed and killed runs left more than an hour
// ago. A cluster still in use refuses to be removed.
func sweepDirectories() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), basePrefix+"*")) // the pattern is valid
	for _, base := range left {
		made, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(base), basePrefix), "-")
		if seconds, err := strconv.ParseInt(made, 10, 64); err == nil && time.Since(time.Unix(seconds, 0)) > keep {
			_ = pgembed.Remove(base) // in use, or another account's: not ours to remove
		}
	}
}

// share uses a server that others use as well.
func (s *server) share(ctx context.Context, address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme == "" {
		return errors.New("TEST_DATABASE_URL is not a URL such as postgres://user:password@host:5432/postgres")
	}
	s.admin = address
	s.dsn = func(database string) string {
		other := *parsed
		other.Path = "/" + database
		return other.String()
	}
	return s.sweepDatabases(ctx)
}

// sweepDatabases drops the databases of runs long gone from a shared server.
func (s *server) sweepDatabases(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("TEST_DATABASE_URL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing pending on it
	rows, err := conn.Query(ctx, `
		SELECT datname
		FROM pg_database
		WHERE datname ~ '^test_[0-9]+_'
		  AND split_part(datname, '_', 2)::bigint < $1`, time.Now().Add(-keep).Unix())
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}
