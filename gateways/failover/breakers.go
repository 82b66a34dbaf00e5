package failover

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/bookmi/cauri/engine"
)

// Class is a kind of operation with a health of its own.
type Class string

// The classes.
const (
	Collect Class = "collect" // charges and one-time codes
	Verify  Class = "verify"  // inquiries
	Payout  Class = "payout"
	Refund  Class = "refund"
)

// State is what a breaker does with calls.
type State string

// The states.
const (
	Closed   State = "closed"    // calls go through
	HalfOpen State = "half_open" // a few probes do
	Open     State = "open"      // none does
)

// Config is how breakers judge. The zero value is docs/adr/0007's.
type Config struct {
	Window      time.Duration // how far back failures count; 60 s
	OpenFor     time.Duration // how long an open breaker waits before it probes; 20 s
	InARow      uint32        // failures in a row that open it; 5
	AtLeast     uint32        // calls in the window before the share counts; 20
	SlowAfter   time.Duration // a success that took longer is a failure to the breaker; 8 s
	CallTimeout time.Duration // the deadline inside every call: a hung probe would block it for ever; 15 s
	// Changed is told of every change, under the breaker's lock: it hands over (a
	// send that does not block) and never asks a breaker anything. It may be nil.
	Changed func(engine.Gateway, Class, State, State)
	Now     func() time.Time // for the slow; nil means the machine's clock
}

func (c Config) withDefaults() Config {
	for _, d := range []struct{ value, otherwise *time.Duration }{
		{&c.Window, ptr(60 * time.Second)}, {&c.OpenFor, ptr(20 * time.Second)},
		{&c.SlowAfter, ptr(8 * time.Second)}, {&c.CallTimeout, ptr(15 * time.Second)},
	} {
		if *d.value == 0 {
			*d.value = *d.otherwise
		}
	}
	if c.InARow == 0 {
		c.InARow = 5
	}
	if c.AtLeast == 0 {
		c.AtLeast = 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func ptr[T any](v T) *T { return &v }

// probes is both how many calls a half-open breaker lets through and how many
// must succeed to close it (gobreaker's MaxRequests).
const probes = 3

// buckets divide the window: what is older than one is forgotten piecemeal.
const buckets = 12

// Breaker judges one class of one gateway. Make it with Breakers.
type Breaker struct {
	gateway engine.Gateway
	class   Class
	config  Config
	cb      *gobreaker.CircuitBreaker[struct{}]
	forced  atomic.Pointer[Override]
	opened  atomic.Int64 // unix nanoseconds of the last opening
}

// Override is a person's decision, which stands above the breaker's own until
// it is taken back or its time is over.
type Override struct {
	State State // Open or Closed
	Who   string
	Why   string
	Until time.Time
}

func newBreaker(gateway engine.Gateway, class Class, config Config) *Breaker {
	b := &Breaker{gateway: gateway, class: class, config: config.withDefaults()}
	b.cb = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: string(gateway) + "." + string(class), MaxRequests: probes,
		Interval: b.config.Window, BucketPeriod: b.config.Window / buckets, Timeout: b.config.OpenFor,
		ReadyToTrip:   b.trips,
		IsSuccessful:  healthy,
		IsExcluded:    excluded,
		OnStateChange: b.changed,
	})
	return b
}

// trips decides on the window's counts. Requests includes calls still running.
func (b *Breaker) trips(c gobreaker.Counts) bool {
	asked := c.Requests - c.TotalExclusions
	done := c.TotalSuccesses + c.TotalFailures
	return c.ConsecutiveFailures >= b.config.InARow ||
		(asked >= b.config.AtLeast && done >= b.config.AtLeast/2 && c.TotalFailures*2 >= done)
}

// errSlow is a success that took too long: fine for the payer, a failure for
// the breaker.
var errSlow = errors.New("slow")

// healthy reports that the gateway is alive, whatever it answered: a decline, a
// refused request or a duplicate reference is an answer.
func healthy(err error) bool {
	if err == nil {
		return true
	}
	e := engine.GatewayError(err)
	switch {
	case errors.Is(err, errSlow):
		return false
	case e.Kind == engine.Declined, e.Kind == engine.Unsupported, e.Code == engine.CodeDuplicateReference:
		return true
	case e.Kind == engine.Unavailable:
		return e.Code == engine.CodeGatewayDeclined // a listed 4xx: it read us
	}
	return false
}

// excluded reports what says nothing about the gateway's health: our own
// cancelling, our own limits, a wrong key, its rate limit. gobreaker calls it
// with nil too.
func excluded(err error) bool {
	if err == nil || errors.Is(err, errSlow) {
		return false
	}
	code := engine.CodeOf(err)
	return errors.Is(err, context.Canceled) || code == engine.CodeGatewayUnauthorized || code == engine.CodeGatewayRateLimited ||
		code == engine.CodeOverloaded
}

// changed runs under the breaker's lock: it hands over and touches nothing.
func (b *Breaker) changed(_ string, from, to gobreaker.State) {
	if to == gobreaker.StateOpen {
		b.opened.Store(b.config.Now().UnixNano())
	}
	if b.config.Changed != nil {
		b.config.Changed(b.gateway, b.class, stateOf(from), stateOf(to))
	}
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	case gobreaker.StateClosed:
	}
	return Closed
}

// State is what the breaker does with calls now, a person's override included.
func (b *Breaker) State() State {
	if o := b.override(); o != nil {
		return o.State
	}
	return stateOf(b.cb.State())
}

// RetryAfter is how long an open breaker stays open; zero otherwise.
func (b *Breaker) RetryAfter() time.Duration {
	if b.State() != Open {
		return 0
	}
	if o := b.override(); o != nil {
		return o.Until.Sub(b.config.Now())
	}
	return max(0, time.Unix(0, b.opened.Load()).Add(b.config.OpenFor).Sub(b.config.Now()))
}

// Force makes a person's decision stand above the breaker's until its time is
// over; the zero State takes it back. Whoever calls it writes the audit row.
func (b *Breaker) Force(o Override) error {
	switch {
	case o.State == "":
		b.forced.Store(nil)
		return nil
	case o.State != Open && o.State != Closed:
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is forced open or closed")
	case o.Who == "" || o.Why == "":
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "who forces a breaker, and why?")
	case !o.Until.After(b.config.Now()):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "until when is it forced?")
	}
	b.forced.Store(&o)
	return nil
}

func (b *Breaker) override() *Override {
	o := b.forced.Load()
	if o == nil || !o.Until.After(b.config.Now()) {
		return nil
	}
	return o
}

// run makes a call through the breaker, under a deadline of its own. Not called
// at all is Unavailable: provably nothing was sent.
func run[T any](ctx context.Context, b *Breaker, call func(context.Context) (T, error)) (T, error) {
	var answer T
	var failure error
	attempt := func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, b.config.CallTimeout)
		defer cancel()
		began := b.config.Now()
		answer, failure = call(ctx)
		if failure == nil && b.config.Now().Sub(began) > b.config.SlowAfter {
			return struct{}{}, errSlow
		}
		return struct{}{}, failure
	}
	if o := b.override(); o != nil {
		if o.State == Open {
			return answer, b.refusal()
		}
		_, _ = attempt() // forced closed: made without being judged; its error is failure's
		return answer, failure
	}
	_, err := b.cb.Execute(attempt)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return answer, b.refusal()
	}
	return answer, failure
}

func (b *Breaker) refusal() error {
	return engine.Errorf(engine.Unavailable, engine.CodeGatewayUnreachable, "%s of %s is resting: nothing was sent", b.class, b.gateway)
}

// Breakers has one breaker for each gateway and class, made when first asked for.
type Breakers struct {
	config Config
	mu     sync.Mutex
	all    map[string]*Breaker
}

// NewBreakers returns none yet.
func NewBreakers(config Config) *Breakers {
	return &Breakers{config: config, all: map[string]*Breaker{}}
}

// Of returns the breaker of a class of a gateway.
func (bs *Breakers) Of(gateway engine.Gateway, class Class) *Breaker {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	name := fmt.Sprintf("%s.%s", gateway, class)
	b, made := bs.all[name]
	if !made {
		b = newBreaker(gateway, class, bs.config)
		bs.all[name] = b
	}
	return b
}

// Each visits every breaker there is, for metrics and readiness.
func (bs *Breakers) Each(visit func(engine.Gateway, Class, *Breaker)) {
	bs.mu.Lock()
	all := make([]*Breaker, 0, len(bs.all))
	for _, b := range bs.all {
		all = append(all, b)
	}
	bs.mu.Unlock()
	for _, b := range all {
		visit(b.gateway, b.class, b)
	}
}
