package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/bookmi/cauri/engine"
)

// commandWithin bounds one Apply, whatever its caller would wait for: far beyond a
// commit, and below the leases that are built on it.
const commandWithin = 10 * time.Second

// errPanicked marks the answer of a command that broke its actor: it is not worth
// a retry, whatever its kind says.
var errPanicked = errors.New("the command broke its actor")

// transaction is the actor of one payment. It holds nothing that PostgreSQL does
// not: it is made again from an id.
type transaction struct {
	sys        *System
	id         engine.ID
	generation uint64
	seen       uint64 // questions so far, in this generation
	memory     memory
}

// Receive takes one message after the other: that is the serialisation. Nothing
// happens in Started, Stopping and Stopped: a panic there would lose Terminated.
func (t *transaction) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *question:
		t.seen++
		t.handle(c, m)
	case *rest:
		t.offerRest(c)
	}
}

// handle answers one command, from memory or from the store, and sets going what
// follows from it. No connection is held beyond Apply, and no gateway is called.
func (t *transaction) handle(c actor.Context, q *question) {
	s := t.sys
	defer s.done(q)
	defer t.survive(c, q)
	name := engine.NameOf(q.ask.Command)
	notify, notified := q.ask.Command.(engine.Notify)
	if notified && t.memory.knows(notify.Notification) {
		s.metrics.remembered.Inc()
		s.metrics.asks.WithLabelValues(name, string(engine.Duplicate)).Inc()
		q.answer(t.duplicate(notify.Notification.Identity), nil)
		return
	}
	begun := s.clock.Now()
	if !q.deadline.IsZero() && !begun.Before(q.deadline) {
		s.metrics.asks.WithLabelValues(name, "expired").Inc()
		q.answer(none, engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "its time was over before its turn came"))
		return
	}
	applied, err := t.apply(q, begun)
	s.metrics.asks.WithLabelValues(name, outcomeOf(applied, err)).Inc()
	if err != nil {
		if errors.Is(err, engine.NotFound) {
			t.offerRest(c) // the actor of a payment that is not there
		}
		q.answer(none, err)
		return
	}
	if notified {
		t.memory.learn(notify.Notification, applied)
	}
	q.answer(applied, nil)
	if applied.Outcome != engine.Replayed { // that answer is another command's: its calls were made
		s.lanes.take(applied.Effects, q, begun)
	}
	if applied.Outcome == engine.Changed {
		s.metrics.moved(applied)
		s.config.Committed(applied)
		s.feed.Changed(t.id)
		s.dues.hint(applied.State.Due())
	}
}

// apply blocks on the store until the command is committed or refused. The
// caller's context is not used: they may leave, and its values may be recycled
// with their request, while the commit goes on; only their deadline counts.
func (t *transaction) apply(q *question, begun time.Time) (engine.Applied, error) {
	within := commandWithin
	if !q.deadline.IsZero() {
		within = min(within, q.deadline.Sub(begun))
	}
	ctx, cancel := context.WithTimeout(t.sys.base, within)
	defer cancel()
	applied, err := t.sys.store.Apply(ctx, q.ask)
	var known *engine.Error
	if err != nil && !errors.As(err, &known) {
		err = &engine.Error{Kind: engine.Overloaded, Code: engine.CodeOverloaded, Detail: "the store did not say what became of it", Err: err}
	}
	return applied, err
}

// duplicate is the answer from memory. It claims no state: what the payment is
// today, nobody has read.
func (t *transaction) duplicate(identity engine.Identity) engine.Applied {
	known := none
	known.Counted = []engine.Identity{identity} // whoever told it from the inbox need not tell it again
	known.State.ID = t.id
	known.Outcome = engine.Duplicate
	return known
}

// survive turns a panic into an answer. The memory is dropped with whatever was
// half done to it, and the shard is told before the caller, so that who asks
// again after the third is refused.
func (t *transaction) survive(c actor.Context, q *question) {
	reason := recover()
	if reason == nil {
		return
	}
	t.memory = memory{}
	name := engine.NameOf(q.ask.Command)
	t.sys.broke("transaction", reason, "transaction", t.id.String(), "command", name)
	t.sys.metrics.asks.WithLabelValues(name, "panicked").Inc()
	c.Send(c.Parent(), &panicked{id: t.id})
	q.answer(none, &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: "a bug of ours", Err: errPanicked})
}

// offerRest lets the shard retire this actor, unless more was sent meanwhile.
func (t *transaction) offerRest(c actor.Context) {
	c.Send(c.Parent(), &resting{id: t.id, generation: t.generation, seen: t.seen})
}

// none is the Applied beside an error. Only persistence makes others.
var none engine.Applied

// transient reports that a command may do better in a moment: nothing, or nothing
// known, was done. A command that broke its actor would break it again.
func transient(err error) bool {
	if err == nil || errors.Is(err, errPanicked) {
		return false
	}
	return errors.Is(err, engine.Overloaded) || errors.Is(err, engine.Internal)
}
