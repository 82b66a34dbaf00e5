package persistence

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bookmi/cauri/engine"
)

// Feed says which transaction has changed, here at once and on other nodes a
// moment later: a hint to look, never a fact. It carries ids and nothing else.
// A hint may be lost; whoever waits looks again by itself now and then.
type Feed struct {
	dsn  string
	pool *pgxpool.Pool
	log  *slog.Logger

	mu      sync.Mutex
	waiting map[engine.ID]map[chan struct{}]struct{}
	outgo   map[engine.ID]struct{} // ids other nodes are still to be told
	wake    chan struct{}

	stop context.CancelFunc
	done sync.WaitGroup
}

const (
	feedChannel = "cauri_changed"
	// Hints for other nodes leave together: NOTIFY takes a lock of the whole
	// cluster at COMMIT, so it is never sent from a payment's own commit.
	feedEvery = 50 * time.Millisecond
	// More changed at once than this, and the rest is dropped: whoever waits on
	// another node looks by itself.
	feedOutgoMax = 10_000
	// NOTIFY takes 8000 bytes; an id and its comma are 27.
	feedIDsMax       = 250
	feedRetryAfter   = time.Second
	feedStatementMax = 2 * time.Second
)

func newFeed(dsn string, pool *pgxpool.Pool, log *slog.Logger) *Feed {
	return &Feed{
		dsn: dsn, pool: pool, log: log, waiting: map[engine.ID]map[chan struct{}]struct{}{}, outgo: map[engine.ID]struct{}{},
		wake: make(chan struct{}, 1),
	}
}

// Start listens to other nodes and tells them.
func (f *Feed) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background()) // Stop's to end, not the starter's
	f.stop = cancel
	f.done.Go(func() { f.tell(ctx) })
	f.done.Go(func() { f.listen(ctx) })
	return nil
}

// Stop ends both. Subscribers here are still woken by Changed.
func (f *Feed) Stop(context.Context) error {
	if f.stop != nil {
		f.stop()
		f.done.Wait()
	}
	return nil
}

// Changed says that a transaction has changed. It does not block.
func (f *Feed) Changed(id engine.ID) {
	f.mu.Lock()
	if len(f.outgo) < feedOutgoMax {
		f.outgo[id] = struct{}{}
	}
	f.mu.Unlock()
	f.wakeSubscribers(id)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Subscribe returns a channel that is ready whenever the transaction may have
// changed since it was last read, and a function that ends the subscription.
func (f *Feed) Subscribe(id engine.ID) (<-chan struct{}, func()) {
	hint := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[id] == nil {
		f.waiting[id] = map[chan struct{}]struct{}{}
	}
	f.waiting[id][hint] = struct{}{}
	return hint, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.waiting[id], hint)
		if len(f.waiting[id]) == 0 {
			delete(f.waiting, id)
		}
	}
}

func (f *Feed) wakeSubscribers(id engine.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for hint := range f.waiting[id] {
		select {
		case hint <- struct{}{}:
		default: // it has one already
		}
	}
}

// tell sends what has changed to the other nodes, off every payment's path.
func (f *Feed) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		if pause(ctx, feedEvery) != nil {
			return
		}
		for _, message := range f.messages() {
			within, cancel := context.WithTimeout(ctx, feedStatementMax)
			if _, err := f.pool.Exec(within, "SELECT pg_notify($1, $2)", feedChannel, message); err != nil && ctx.Err() == nil {
				f.log.Warn("other nodes were not told what changed: they will look by themselves", "err", err)
			}
			cancel()
		}
	}
}

// messages empties the list into messages short enough to send.
func (f *Feed) messages() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	var text []byte
	n := 0
	for id := range f.outgo {
		text = append(append(text, id.String()...), ',')
		if n++; n%feedIDsMax == 0 {
			out, text = append(out, string(text)), nil
		}
	}
	if len(text) > 0 {
		out = append(out, string(text))
	}
	clear(f.outgo)
	return out
}

// listen wakes subscribers of what other nodes changed, and comes back when its
// connection is lost: everybody who waits is woken then, for what was missed.
func (f *Feed) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		f.log.Warn("the feed's connection was lost; listening again", "err", err)
		if pause(ctx, feedRetryAfter) != nil {
			return
		}
	}
}

func (f *Feed) listenOnce(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, f.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+feedChannel); err != nil {
		return err
	}
	f.wakeAll()
	for {
		note, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		for text := note.Payload; len(text) >= idChars; text = text[min(len(text), idChars+1):] {
			if id, err := engine.ParseID(text[:idChars]); err == nil {
				f.wakeSubscribers(id)
			}
		}
	}
}

// idChars is how long an id is written.
const idChars = 26

func (f *Feed) wakeAll() {
	f.mu.Lock()
	ids := make([]engine.ID, 0, len(f.waiting))
	for id := range f.waiting {
		ids = append(ids, id)
	}
	f.mu.Unlock()
	for _, id := range ids {
		f.wakeSubscribers(id)
	}
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
