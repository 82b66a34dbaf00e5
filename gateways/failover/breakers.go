package failover

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Breakers has one breaker for each gateway and class, made when first asked for.
type Breakers struct {
	config   Config
	applying sync.Mutex // taken before mu
	mu       sync.Mutex
	all      []*Breaker // by gateway, then class; a handful
	pauses   map[engine.Gateway]*pause
}

// NewBreakers returns none yet.
func NewBreakers(config Config) *Breakers {
	return &Breakers{config: config.withDefaults(), pauses: map[engine.Gateway]*pause{}}
}

// Of returns the breaker of a class of a gateway.
func (bs *Breakers) Of(gateway engine.Gateway, class Class) *Breaker {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	at, made := slices.BinarySearchFunc(bs.all, gateway, func(b *Breaker, gateway engine.Gateway) int {
		return cmp.Or(cmp.Compare(b.gateway, gateway), cmp.Compare(b.class, class))
	})
	if made {
		return bs.all[at]
	}
	b := newBreaker(gateway, class, bs.config, bs.pauseOf(gateway))
	bs.all = slices.Insert(slices.Clone(bs.all), at, b) // a copy: list gives the old one away
	return b
}

// pauseOf is the gateway's, which all its classes share. The caller holds mu.
func (bs *Breakers) pauseOf(gateway engine.Gateway) *pause {
	if bs.pauses[gateway] == nil {
		bs.pauses[gateway] = &pause{}
	}
	return bs.pauses[gateway]
}

// Beside makes a call that no breaker judges or refuses, such as a look at what an
// account offers. The gateway's pause holds for it too, and is told as Unavailable
// with CodeGatewayRateLimited: nothing was sent; its own 429 begins one.
func (bs *Breakers) Beside(ctx context.Context, gateway engine.Gateway, call func(context.Context) error) error {
	bs.mu.Lock()
	pause := bs.pauseOf(gateway)
	bs.mu.Unlock()
	if pause.left(time.Now()) > 0 {
		return tooSoon(gateway)
	}
	err := call(ctx)
	pause.heed(err)
	return err
}

// list is all there are now, in order. What is made later makes a new list.
func (bs *Breakers) list() []*Breaker {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.all
}

// Status is what one breaker does, and why, at one moment.
type Status struct {
	Gateway     engine.Gateway
	Class       Class
	State       State         // a person's override included
	RetryAfter  time.Duration // in how long a payer's call may go through; 0: now
	Since       time.Time     // UTC; since when it has not let every call through; zero: it does, or nobody noted it
	Forced      *Override     // nil: it judges by itself
	PausedUntil time.Time     // UTC; zero: the gateway asked for no pause
}

// Snapshot is all of them, by gateway and class.
func (bs *Breakers) Snapshot() []Status {
	all := bs.list()
	out := make([]Status, 0, len(all))
	for _, b := range all {
		_, paused := b.pause.span(time.Now())
		out = append(out, Status{
			Gateway: b.gateway, Class: b.class, State: b.State(), RetryAfter: b.RetryAfter(), Since: b.since().UTC(),
			Forced: b.override(), PausedUntil: paused.UTC(),
		})
	}
	return out
}

// since is when the oldest began of what still keeps calls back: a person's
// decision or else its own opening, trials that failed included, and the gateway's
// pause.
func (b *Breaker) since() time.Time {
	began := b.wait.since()
	if o := b.override(); o != nil {
		began = time.Time{}
		if o.State == Open {
			began = o.At
		}
	}
	if paused, _ := b.pause.span(time.Now()); began.IsZero() || (!paused.IsZero() && paused.Before(began)) {
		return paused
	}
	return began
}

// Resting is the gateways that would not take a payer's charge now: whose collect
// breaker is open, being probed or forced open, or who asked for a pause. A
// breaker that payers' calls try out is not resting: it needs them.
func (bs *Breakers) Resting() []engine.Gateway {
	var out []engine.Gateway
	for _, b := range bs.list() {
		if b.class == Collect && b.RetryAfter() > 0 {
			out = append(out, b.gateway)
		}
	}
	return out
}

// RetryAfter is in how long the first of the resting gateways may take a payer's
// charge again; zero when none is resting.
func (bs *Breakers) RetryAfter() time.Duration {
	var soonest time.Duration
	for _, b := range bs.list() {
		if left := b.RetryAfter(); b.class == Collect && left > 0 && (soonest == 0 || left < soonest) {
			soonest = left
		}
	}
	return soonest
}
