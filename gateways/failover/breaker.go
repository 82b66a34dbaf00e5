package failover

import (
	"context"
	"errors"
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

// Known reports whether c is one of the classes.
func (c Class) Known() bool { return c == Collect || c == Verify || c == Payout || c == Refund }

// State is what a breaker does with calls.
type State string

// The states.
const (
	Closed   State = "closed"    // calls go through
	HalfOpen State = "half_open" // a few go through, to try it: a prober's if there is one
	Open     State = "open"      // none does
)

// buckets divide the window: what is older than one is forgotten piecemeal.
const buckets = 12

// Breaker judges one class of one gateway. Make it with Breakers.
type Breaker struct {
	gateway engine.Gateway
	class   Class
	config  Config
	cb      *gobreaker.CircuitBreaker[struct{}]
	wait    wait                     // how long it stays open: gobreaker's own can neither vary nor grow
	pause   *pause                   // the gateway's, shared by its classes
	forced  atomic.Pointer[Override] // nil: it judges by itself
	probed  atomic.Bool              // a prober tries it, so no payer does
}

func newBreaker(gateway engine.Gateway, class Class, config Config, pause *pause) *Breaker {
	b := &Breaker{gateway: gateway, class: class, config: config, pause: pause}
	b.cb = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: string(gateway) + "." + string(class), MaxRequests: config.Probes,
		Interval: config.Window, BucketPeriod: config.Window / buckets,
		Timeout:       config.OpenFor / 2, // shorter than any wait of ours, which decides
		ReadyToTrip:   b.trips,
		IsSuccessful:  healthy,
		IsExcluded:    excluded,
		OnStateChange: b.changed,
	})
	return b
}

// changed runs under gobreaker's lock: it notes the time, hands over, and asks
// the breaker nothing.
func (b *Breaker) changed(_ string, from, to gobreaker.State) {
	switch to {
	case gobreaker.StateOpen:
		b.wait.begin(time.Now(), b.config, from == gobreaker.StateHalfOpen, b.probed.Load())
	case gobreaker.StateClosed:
		b.wait.end(time.Now())
	case gobreaker.StateHalfOpen:
	}
	b.config.Changed(b.gateway, b.class, stateOf(from), stateOf(to))
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

// State is what the breaker does with calls now, a person's override included
// and a gateway's pause not.
func (b *Breaker) State() State {
	if o := b.override(); o != nil {
		return o.State
	}
	return b.judged()
}

// judged is its own state. It does not ask gobreaker before the wait is over:
// being asked is what turns gobreaker half-open.
func (b *Breaker) judged() State {
	if b.wait.left(time.Now()) > 0 {
		return Open
	}
	return stateOf(b.cb.State())
}

// RetryAfter is in how long a payer's call may go through again: zero while it
// may now. Of a breaker that is being probed it is what the good probes take.
func (b *Breaker) RetryAfter() time.Duration {
	now := time.Now()
	left := b.pause.left(now)
	if o := b.override(); o != nil {
		if o.State == Open {
			left = max(left, o.Until.Sub(now))
		}
		return left
	}
	switch b.judged() {
	case Open:
		return max(left, b.wait.left(now))
	case HalfOpen:
		if b.probed.Load() {
			return max(left, time.Duration(b.config.Probes)*probeEvery)
		}
	case Closed:
	}
	return left
}

// run makes a payer's call through the breaker: of so many requests, under the
// caller's deadline or else Config.CallTimeout. Not called at all is Unavailable:
// provably nothing was sent, and Refused is told.
func run[T any](ctx context.Context, b *Breaker, requests int, call func(context.Context) (T, error)) (answer T, err error) {
	if _, has := ctx.Deadline(); !has { // a hung call would hold its place for ever
		within, cancel := context.WithTimeout(ctx, b.config.CallTimeout)
		defer cancel()
		ctx = within
	}
	made := false
	if b.probed.Load() && b.override() == nil && b.judged() == HalfOpen {
		err = b.refusal()
	} else {
		answer, err = pass(ctx, b, requests, func(ctx context.Context) (T, error) { made = true; return call(ctx) })
	}
	if !made {
		b.config.Refused(b.gateway, b.class)
	}
	return answer, err
}

// pass makes a call, a payer's or a probe. Each of its requests may take SlowAfter.
func pass[T any](ctx context.Context, b *Breaker, requests int, call func(context.Context) (T, error)) (T, error) {
	var answer T
	var failure error
	attempt := func() (struct{}, error) {
		began := time.Now()
		answer, failure = call(ctx)
		b.pause.heed(failure)
		if failure == nil && time.Since(began) > time.Duration(requests)*b.config.SlowAfter {
			return struct{}{}, errSlow
		}
		return struct{}{}, failure
	}
	o := b.override()
	switch {
	case b.pause.left(time.Now()) > 0: // above an override: nobody can order a gateway to answer
		return answer, tooSoon(b.gateway)
	case o != nil && o.State == Open, o == nil && b.wait.left(time.Now()) > 0:
		return answer, b.refusal()
	case o != nil:
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

func tooSoon(gateway engine.Gateway) error {
	return engine.Errorf(engine.Unavailable, engine.CodeGatewayRateLimited, "%s asked for a pause: nothing was sent", gateway)
}
