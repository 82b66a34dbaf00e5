package persistence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/vault"
)

// Config says where the database is and what decisions are made with.
type Config struct {
	DSN      string
	Role     string                // of the database's, to work in; empty means RoleApp
	PoolMax  int32                 // connections of each of the two pools; 0 means 12
	Policy   *engine.Policy        // required
	Vault    *vault.Vault          // required: what is personal is sealed with it
	Fresh    func() engine.ID      // nil means UUIDv7
	Health   func() engine.Health  // of gateways and operators, asked before any lock is taken; nil: all well
	Log      *slog.Logger          // nil means slog's default
	Registry prometheus.Registerer // nil: counted for nobody
	Rehearse bool                  // what staff do is tried and rolled back
}

// The limits of one Apply, in the server's own hands so that they hold when we
// are too busy to look.
const (
	poolMax          = 12                     // of each pool: both × nodes stay under PostgreSQL's 100 with room for people
	statementTimeout = 2 * time.Second        // a healthy round takes milliseconds
	lockTimeout      = time.Second            // another node's round, twice over
	idleTimeout      = 5 * time.Second        // a process that is paused lets go of its rows
	poolWait         = 250 * time.Millisecond // beyond it: 503, and the caller comes again
	decideAgainMax   = 5                      // lost races in a row; each has a winner who got on

	// A commit in doubt is asked about for as long as its statement may still run,
	// and at most 3 s / 50 ms = 60 times.
	fateWithin = statementTimeout + time.Second
	fateEvery  = 50 * time.Millisecond
)

// Store is PostgreSQL. Open and Close it.
type Store struct {
	pool    *pgxpool.Pool // for those who read or keep something
	rounds  *pgxpool.Pool // for those who decide, and who claim what is to be decided: a report never takes their place
	policy  *engine.Policy
	vault   *vault.Vault
	fresh   func() engine.ID
	health  func() engine.Health
	log     *slog.Logger
	metrics *metrics
	feed    *Feed

	rehearses bool // what staff do is rolled back
}

// Open connects to a migrated database.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Policy == nil {
		return nil, errors.New("a store needs a policy to decide with")
	}
	if c.Vault == nil {
		return nil, errNoVault
	}
	if c.Fresh == nil {
		c.Fresh = func() engine.ID { return engine.ID(uuid.Must(uuid.NewV7())) }
	}
	if c.Health == nil {
		c.Health = func() engine.Health { return engine.Health{} }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Role == "" {
		c.Role = RoleApp
	}
	role, err := roleOf(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &Store{policy: c.Policy, vault: c.Vault, fresh: c.Fresh, health: c.Health, log: c.Log, rehearses: c.Rehearse}
	if s.pool, err = connect(ctx, c, role); err != nil {
		return nil, err
	}
	// A round finds every row by its key. A plan made while a table was still small
	// would read all of it, and a prepared statement keeps its plan until the next
	// ANALYZE: 11 ms instead of 0.1 on a table of 12,000.
	if s.rounds, err = connect(ctx, c, role, [2]string{"enable_seqscan", "off"}); err != nil {
		s.pool.Close()
		return nil, err
	}
	s.feed = newFeed(c.DSN, s.pool, c.Log)
	if s.metrics, err = newMetrics(c.Registry, s.pool, s.rounds); err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// roleOf is the role that the store's connections work in.
func roleOf(ctx context.Context, c Config) (string, error) {
	config, err := pgx.ParseConfig(c.DSN)
	if err != nil {
		return "", ErrUnreadableAddress
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing pending on it
	return actsAs(ctx, conn, c.Role)
}

// connect makes a pool; it connects when it is asked to.
func connect(ctx context.Context, c Config, role string, settings ...[2]string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, ErrUnreadableAddress
	}
	config.MaxConns = poolMax
	if c.PoolMax > 0 {
		config.MaxConns = c.PoolMax
	}
	for name, value := range map[string]time.Duration{
		"statement_timeout": statementTimeout, "lock_timeout": lockTimeout, "idle_in_transaction_session_timeout": idleTimeout,
	} {
		config.ConnConfig.RuntimeParams[name] = strconv.FormatInt(value.Milliseconds(), 10)
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "cauri"
	if role != "" {
		config.ConnConfig.RuntimeParams["role"] = role
	}
	for _, setting := range settings {
		config.ConnConfig.RuntimeParams[setting[0]] = setting[1]
	}
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		takeArrays(conn.TypeMap())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	return pool, nil
}

// Close ends every connection once its statement is done.
func (s *Store) Close() {
	s.rounds.Close()
	s.pool.Close()
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return nil
}

// Feed tells who waits which transaction has changed.
func (s *Store) Feed() *Feed { return s.feed }

// Apply decides a command under the lock of its transaction, commits what
// follows, and only then answers. Its errors are engine errors: those of Decide
// as they are, Overloaded when the database is busy or gone (the same ask may
// come again), Internal for a bug. A decision that panics panics here.
func (s *Store) Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	var a answer
	answers, err := s.settleAgain(ctx, []engine.Ask{ask}, patience{again: decideAgainMax})
	if err == nil {
		a = answers[0]
	}
	return s.told(ask, a, err)
}

// patience is what a round may cost those who are in it.
type patience struct {
	again int           // how often it is decided again after a lost race or connection
	locks time.Duration // how long it waits for each lock; 0: lockTimeout
}

// settleAgain decides again what lost a race or its connection.
func (s *Store) settleAgain(ctx context.Context, asks []engine.Ask, p patience) (answers []answer, err error) {
	for range p.again + 1 {
		if answers, err = s.settle(ctx, asks, p.locks); err == nil {
			return answers, nil
		}
		// What is an engine error already is an answer. Its cause may look like a lost
		// connection (a deadline is a net.Error), and is none.
		var answered *engine.Error
		if ctx.Err() != nil || errors.As(err, &answered) || !(isRace(err) || isLost(err)) {
			break
		}
		s.metrics.again(err)
	}
	return nil, err
}

// settle is a round on a connection of its own whose end is known. Deciding
// again would not do for a lost COMMIT that did happen: the same ask would be a
// duplicate or a conflict, and its effects, which only its first answer carries,
// would never be run. So PostgreSQL is asked what became of that very commit.
func (s *Store) settle(ctx context.Context, asks []engine.Ask, locks time.Duration) ([]answer, error) {
	answers, err := s.onConnection(ctx, asks, locks)
	var unknown *doubt
	if !errors.As(err, &unknown) {
		return answers, err
	}
	s.metrics.doubts.Inc()
	fate, asked := s.fate(ctx, unknown)
	switch {
	case asked != nil: // the database is gone, for longer than we wait
		return nil, overloaded("nobody knows whether it is committed", errors.Join(unknown, asked))
	case fate == "committed":
		s.log.Warn("a COMMIT was not answered: it is committed", "cause", unknown.cause)
		s.replayElsewhere(ctx, answers) // the round's own connection is gone
		return answers, nil
	}
	s.log.Warn("a COMMIT was not answered: it is decided again", "cause", unknown.cause)
	return nil, unknown.cause
}

// replayElsewhere is replay on another connection. Who asked under a key seen before is
// not told of a payment that is not there.
func (s *Store) replayElsewhere(ctx context.Context, answers []answer) {
	if !slices.ContainsFunc(answers, func(a answer) bool { return a.err == nil && !a.first.IsZero() }) {
		return
	}
	conn, err := s.acquire(ctx)
	if err == nil {
		defer conn.Release()
		s.replay(ctx, conn.Conn(), answers)
		return
	}
	for i := range answers {
		if a := &answers[i]; a.err == nil && !a.first.IsZero() {
			a.err = err
		}
	}
}

func (s *Store) onConnection(ctx context.Context, asks []engine.Ask, locks time.Duration) ([]answer, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	return s.round(ctx, conn.Conn(), asks, locks)
}

// acquire waits for a connection, but not for long.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, poolWait)
	defer cancel()
	conn, err := s.rounds.Acquire(waiting)
	if err != nil {
		return nil, overloaded("no connection is free", err)
	}
	return conn, nil
}

// fate says what became of a database transaction: committed or aborted. One
// still in progress is waited for: its server process has yet to notice that
// nobody listens. (PostgreSQL docs, Transaction ID functions: pg_xact_status is
// made for exactly this.)
func (s *Store) fate(ctx context.Context, d *doubt) (fate string, err error) {
	var stand columns
	for _, one := range d.decided {
		if one.decision.Changed() {
			stand.row([16]byte(one.decision.Next.ID), one.decision.Next.Version, [16]byte(one.name))
		}
	}
	if stand.rows == 0 { // a key or an identity alone: writing them again is writing them once
		return "aborted", nil
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), fateWithin)
	defer cancel()
	for {
		if err = s.pool.QueryRow(within, sql("Fate"), d.xid).Scan(&fate); err == nil && fate == "committed" {
			var stands bool
			if err = s.pool.QueryRow(within, sql("Stands"), stand.cells()...).Scan(&stands); err == nil && !stands {
				fate = "aborted" // the number was given to somebody else
			}
		}
		if err == nil && (fate == "committed" || fate == "aborted") {
			return fate, nil
		}
		if pause(within, fateEvery) != nil {
			return "", errors.Join(err, within.Err())
		}
	}
}
