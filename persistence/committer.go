package persistence

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// CommitterConfig bounds a Committer. Zeros mean what is said beside them.
type CommitterConfig struct {
	// Workers is the rounds under way at once; 2: while one waits for the disk, or for
	// somebody's lock, the other goes on. Measured without fsync on two cores, one against
	// two: 256 askers 8.6 and 10.9 thousand a second, 64 alike, 8 a tenth less, 1 alike.
	Workers  int
	RoundMax int // asks decided together; 128: beyond it a round takes longer and saves nothing
	// Enough is for how many asks a second round is begun beside the first; 32. Measured
	// with fsync against 1: 64 askers 12 % more a second, 8 alike for a third less of the
	// processors, 256 and 1 alike. 64 and 128 take a tenth from 64 askers.
	Enough   int
	QueueMax int // asks waiting; 16 rounds: more than the gate before the actors lets in, so that it says who is turned away
}

func (c CommitterConfig) withDefaults() CommitterConfig {
	if c.Workers == 0 {
		c.Workers = 2
	}
	if c.RoundMax == 0 {
		c.RoundMax = 128
	}
	if c.Enough == 0 {
		c.Enough = 32
	}
	c.Enough = min(c.Enough, c.RoundMax)
	if c.QueueMax == 0 {
		c.QueueMax = 16 * c.RoundMax
	}
	return c
}

// gatherWithin is about what a round takes on a quick disk.
const gatherWithin = 5 * time.Millisecond

// roundsWithin bounds what becomes of one round, its halves included. Whatever is
// not committed by then was not: its askers come again.
const roundsWithin = 10 * time.Second

// Committer is Apply for many at once: whatever waits is decided together, each
// under its own lock, and made durable by one COMMIT (docs/adr/0006). It adds no
// wait of its own: alone, an ask is a round of one. Start and Stop it.
type Committer struct {
	store  *Store
	config CommitterConfig
	queue  chan *waiting
	quit   chan struct{}
	done   sync.WaitGroup
	busy   atomic.Int32  // rounds under way
	freed  chan struct{} // one has ended

	mu     sync.RWMutex // nobody enters a queue that has been drained
	closed bool
}

// waiting is one ask in the queue. Either its asker leaves or a round takes it,
// never both.
type waiting struct {
	ctx   context.Context //nolint:containedctx // the asker's, to see that they have left
	ask   engine.Ask
	taken atomic.Bool // by a round, or by the asker who leaves
	told  chan answer // holds one
}

// NewCommitter commits through the store.
func NewCommitter(store *Store, config CommitterConfig) *Committer {
	config = config.withDefaults()
	return &Committer{
		store: store, config: config,
		queue: make(chan *waiting, config.QueueMax), quit: make(chan struct{}), freed: make(chan struct{}, 1),
	}
}

// Start begins to commit.
func (c *Committer) Start(context.Context) error {
	for range c.config.Workers {
		c.done.Go(c.work)
	}
	return nil
}

// Stop takes no more asks and commits those that wait.
func (c *Committer) Stop(context.Context) error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.quit)
	}
	c.mu.Unlock()
	c.done.Wait()
	return nil
}

// Apply is Store.Apply, in company. Overloaded at once when the queue is full.
func (c *Committer) Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	w := &waiting{ctx: ctx, ask: ask, told: make(chan answer, 1)}
	err := c.enter(w)
	var a answer
	if err == nil {
		a, err = w.wait()
	}
	return c.store.told(ask, a, err)
}

// Waiting is how many asks no round has taken yet.
func (c *Committer) Waiting() int { return len(c.queue) }

func (c *Committer) enter(w *waiting) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return overloaded("the store is closing", nil)
	}
	select {
	case c.queue <- w:
		return nil
	default:
		return overloaded("too many wait to be committed", nil)
	}
}

// wait ends with the round's answer. Who leaves before a round has taken the ask
// was not served; afterwards its end is known in a moment, and is waited for.
func (w *waiting) wait() (answer, error) {
	select {
	case a := <-w.told:
		return a, nil
	case <-w.ctx.Done():
		if w.taken.CompareAndSwap(false, true) {
			return answer{}, w.ctx.Err()
		}
		return <-w.told, nil
	}
}

func (w *waiting) tell(a answer) { w.told <- a }

// work commits rounds until Stop, and then what is left.
func (c *Committer) work() {
	r := &gathering{max: c.config.RoundMax}
	for {
		r.begin()
		if !r.full() && r.empty() {
			select {
			case w := <-c.queue:
				r.add(w)
			case <-c.quit:
				c.drain(r)
				return
			}
		}
		c.take(r)
		c.gather(r)
		c.busy.Add(1)
		c.settle(r.round, 0, time.Now().Add(roundsWithin))
		c.busy.Add(-1)
		select {
		case c.freed <- struct{}{}:
		default: // who gathers has been told
		}
	}
}

// gather lets a small round grow while another is under way: the disk and the
// processors would serve two small ones no sooner. It ends with the other, when there
// is enough, or after a moment: the other may be waiting for somebody's lock.
func (c *Committer) gather(r *gathering) {
	var over <-chan time.Time
	for c.busy.Load() > 0 && len(r.round)+len(r.held) < c.config.Enough {
		if over == nil {
			timer := time.NewTimer(gatherWithin)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case w := <-c.queue:
			r.add(w)
		case <-c.freed:
		case <-over:
			return
		case <-c.quit:
			return
		}
	}
}

// take adds whatever waits, without waiting for it.
func (c *Committer) take(r *gathering) {
	for !r.full() {
		select {
		case w := <-c.queue:
			r.add(w)
		default:
			return
		}
	}
}

// drain commits what entered before Stop.
func (c *Committer) drain(r *gathering) {
	for {
		r.begin()
		c.take(r)
		if r.empty() {
			return
		}
		c.settle(r.round, 0, time.Now().Add(roundsWithin))
	}
}

// halvesWait is how long a half waits for a lock: seven halvings of 128, and a
// second for the whole, keep the others of a round under two seconds.
const halvesWait = lockTimeout / 10

// settle commits a round and tells each its answer. A failure that is one ask's
// alone must not be everybody's: the round is halved until it stands alone.
func (c *Committer) settle(round []*waiting, locks time.Duration, deadline time.Time) {
	if len(round) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	asks := make([]engine.Ask, len(round))
	for i, w := range round {
		asks[i] = w.ask
	}
	c.store.metrics.rounds.Observe(float64(len(asks)))
	p := patience{again: 1, locks: locks} // in company: who loses twice is tried apart
	if len(asks) == 1 {
		p.again = decideAgainMax
	}
	answers, err := c.store.settleAgain(ctx, asks, p)
	switch {
	case err == nil:
		for i, w := range round {
			w.tell(answers[i])
		}
	case len(round) > 1 && ctx.Err() == nil && !errors.Is(err, engine.Overloaded):
		c.store.metrics.halved.Inc()
		half := len(round) / 2
		c.settle(round[:half], halvesWait, deadline)
		c.settle(round[half:], halvesWait, deadline)
	default:
		for _, w := range round {
			w.tell(answer{err: err})
		}
	}
}

// gathering is the round that comes together. Two asks that could not both stand
// as they are decided now, because each would be decided without the other's
// outcome, come one round after another.
type gathering struct {
	max   int
	round []*waiting
	held  []*waiting // for a round to come, in order; bounded by max
	names map[any]struct{}
}

// begin starts the next round with what was held back from the last.
func (g *gathering) begin() {
	held := g.held
	g.round, g.held, g.names = nil, nil, make(map[any]struct{}, len(held)+1)
	for _, w := range held {
		g.add(w)
	}
}

func (g *gathering) empty() bool { return len(g.round) == 0 }

// full bounds what is held back too: a round of copies of one delivery would
// otherwise pull in the whole queue.
func (g *gathering) full() bool { return len(g.round)+len(g.held) >= g.max }

// add takes an ask into the round, unless its asker has left. One that is held back may
// still be left.
func (g *gathering) add(w *waiting) {
	names := contended(w.ask)
	for _, name := range names {
		if _, met := g.names[name]; met {
			g.held = append(g.held, w)
			return
		}
	}
	if w.ctx.Err() != nil || !w.taken.CompareAndSwap(false, true) {
		return
	}
	for _, name := range names {
		g.names[name] = struct{}{}
	}
	g.round = append(g.round, w)
}

// contended names what an ask may take that another may want.
func contended(ask engine.Ask) []any {
	names := []any{ask.Transaction}
	if ask.Key != nil {
		names = append(names, nameOf(*ask.Key))
	}
	if c, initiates := ask.Command.(engine.InitiateCharge); initiates {
		names = append(names, booking(c.Booking))
		if !c.Payer.Phone.IsZero() { // a card's payer may have none
			names = append(names, asked{c.Payer.Phone, c.Amount})
		}
	}
	return names
}

// asked is a phone and what it is asked for, in this process alone.
type asked struct {
	phone  phone.Number
	amount money.Amount
}

// booking keeps a booking's name apart from other names.
type booking string
