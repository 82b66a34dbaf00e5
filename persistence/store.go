package persistence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
)

// Config says where the database is and what decisions are made with.
type Config struct {
	DSN      string
	PoolMax  int32                 // connections; 0 means 24
	Policy   *engine.Policy        // required
	Fresh    func() engine.ID      // 0 means UUIDv7
	Log      *slog.Logger          // nil means slog's default
	Registry prometheus.Registerer // nil: counted for nobody
}

// The limits of one Apply, in the server's own hands so that they hold when we
// are too busy to look.
const (
	poolMax          = 24                     // sum × nodes stays under PostgreSQL's 100 with room for people
	statementTimeout = 2 * time.Second        // a healthy round takes milliseconds
	lockTimeout      = time.Second            // another node's round, twice over
	poolWait         = 250 * time.Millisecond // beyond it: 503, and the caller comes again
	decideAgainMax   = 5                      // lost races in a row; each has a winner who got on
)

// Store is PostgreSQL. Open and Close it.
type Store struct {
	pool    *pgxpool.Pool
	policy  *engine.Policy
	fresh   func() engine.ID
	log     *slog.Logger
	metrics *metrics
	feed    *Feed
}

// Open connects to a migrated database.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Policy == nil {
		return nil, errors.New("a store needs a policy to decide with")
	}
	if c.Fresh == nil {
		c.Fresh = func() engine.ID { return engine.ID(uuid.Must(uuid.NewV7())) }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	config, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, errors.New("DATABASE_URL can't be read as a PostgreSQL address") // the reason would repeat its password
	}
	config.MaxConns = poolMax
	if c.PoolMax > 0 {
		config.MaxConns = c.PoolMax
	}
	for name, value := range map[string]time.Duration{"statement_timeout": statementTimeout, "lock_timeout": lockTimeout} {
		config.ConnConfig.RuntimeParams[name] = strconv.FormatInt(value.Milliseconds(), 10)
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "cauri"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	s := &Store{pool: pool, policy: c.Policy, fresh: c.Fresh, log: c.Log, feed: newFeed(c.DSN, pool, c.Log)}
	if s.metrics, err = newMetrics(c.Registry, pool); err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// Close ends every connection once its statement is done.
func (s *Store) Close() { s.pool.Close() }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// Feed tells who waits which transaction has changed.
func (s *Store) Feed() *Feed { return s.feed }

// Apply decides a command under the lock of its transaction, commits what
// follows, and only then answers. Its errors are engine errors: those of Decide
// as they are, Overloaded when the database is busy or gone (the same ask may
// come again), Internal for a bug.
func (s *Store) Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	var applied engine.Applied
	var err error
	for again := 0; again <= decideAgainMax; again++ {
		applied, err = s.applyOnce(ctx, ask)
		var settled *engine.Error
		if errors.As(err, &settled) || (!isRace(err) && !isLost(err)) {
			break
		}
		// A lost race is decided again on what the winner wrote. A connection lost
		// at COMMIT leaves us not knowing: deciding again under the lock finds out,
		// because what was committed makes the same ask a duplicate, a replay, or
		// (initiate) a row that is there already.
		s.metrics.again(err)
		if ctx.Err() != nil {
			break
		}
	}
	s.metrics.applied(ask, applied, err)
	if err != nil {
		return engine.Applied{}, translate(err)
	}
	return applied, nil
}

// applyOnce is one database transaction: a round of one.
func (s *Store) applyOnce(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return engine.Applied{}, err
	}
	defer conn.Release()
	answers, err := s.round(ctx, conn.Conn(), []engine.Ask{ask})
	if err != nil {
		return engine.Applied{}, err
	}
	return answers[0].applied, answers[0].err
}

// acquire waits for a connection, but not for long.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, poolWait)
	defer cancel()
	conn, err := s.pool.Acquire(waiting)
	if err != nil {
		return nil, &engine.Error{Kind: engine.Overloaded, Code: engine.CodeOverloaded, Detail: "no connection is free", Err: err}
	}
	return conn, nil
}
