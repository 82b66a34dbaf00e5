package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bookmi/cauri/engine"
)

// notifiesMax bounds the waiting notifications in flight.
const notifiesMax = 64

// inboxLease is how long a claimed notification is hidden from others: longer
// than any of its tries may take, short beside the third of them.
const inboxLease = 60 * time.Second

// retries are the moments, counted from the parking, at which a notification is
// tried again. Persistence sets the first; after the last it is buried.
var retries = []time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second, 270 * time.Second, 810 * time.Second}

// inboxClock tries again what could not be applied when it came: a webhook faster
// than our own commit, a kind that a newer release reads.
type inboxClock struct {
	*loop
	notifies slots
}

func newInboxClock(s *System, every time.Duration) *inboxClock {
	i := &inboxClock{notifies: slots{max: notifiesMax}}
	i.loop = &loop{name: "inbox", every: every, sys: s, round: i.claim}
	return i
}

func (i *inboxClock) claim(ctx context.Context) {
	s := i.sys
	limit := i.notifies.free()
	if limit <= 0 {
		return
	}
	waiting, err := s.inbox.ClaimWaiting(ctx, limit, inboxLease)
	if err != nil {
		s.log.Warn("waiting notifications can't be claimed", "error", err)
		return
	}
	for _, p := range waiting {
		i.notifies.take()
		s.gate.hold()
		i.retell(p)
	}
	s.metrics.claimed.WithLabelValues(i.name).Add(float64(len(waiting)))
	if len(waiting) == limit {
		i.nudge() // there may be more
	}
}

// retell asks its transaction again, with each of the bytes it was told in until some
// count: the first may be the wrong ones.
func (i *inboxClock) retell(p engine.Parked) { i.tell(p, 0, errNoEvidence) }

// errNoEvidence is a row of the inbox whose bytes are gone.
var errNoEvidence = errors.New("its bytes are not kept any more")

// tell parses the nth delivery anew. cause is why those before it did not count.
func (i *inboxClock) tell(p engine.Parked, nth int, cause error) {
	if nth == len(p.Deliveries) {
		i.settle(func() { i.failed(p, cause) })
		return
	}
	n, err := i.sys.parse(p.Gateway, p.Deliveries[nth])
	if err != nil {
		i.tell(p, nth+1, err)
		return
	}
	q := &question{
		ask: engine.Ask{Transaction: n.Reference.Transaction, Command: engine.Notify{Notification: n}},
		reply: func(applied engine.Applied, err error) {
			switch {
			case transient(err) && !errors.Is(err, engine.Internal): // its lease lapses and it is claimed again
				i.settle(func() {})
			case err == nil && slices.Contains(applied.Counted, p.Identity): // it has left the inbox
				i.settle(func() {})
			default: // refused, or taken as a doubt only: it may be told again
				i.tell(p, nth+1, err)
			}
		},
	}
	if refused := i.sys.send(q); refused != "" {
		i.settle(func() {}) // as transient as it gets
	}
}

// settle ends a try. It may be called in an actor, so the writing is done elsewhere.
func (i *inboxClock) settle(write func()) {
	i.sys.start(func() {
		defer i.sys.gate.release()
		defer i.notifies.give()
		write()
	})
}

// failed sets the next try, or gives up with an alarm.
func (i *inboxClock) failed(p engine.Parked, cause error) {
	s := i.sys
	ctx, cancel := context.WithTimeout(s.base, roundWithin)
	defer cancel()
	tried := p.Tries + 1
	if tried < len(retries) {
		if err := s.inbox.Postpone(ctx, p.Identity, retries[tried]-retries[tried-1]); err != nil {
			s.log.Warn("a notification can't be postponed", "gateway", p.Gateway, "kind", p.Kind, "error", err)
		}
		return
	}
	reason := "it was applied and did not count"
	if cause != nil {
		reason = cause.Error()
	}
	if err := s.inbox.Bury(ctx, p.Identity, reason); err != nil {
		s.log.Warn("a notification can't be buried", "gateway", p.Gateway, "kind", p.Kind, "error", err)
		return
	}
	s.metrics.buried.WithLabelValues(string(p.Gateway)).Inc()
	s.log.Error("a notification is buried: nobody could apply it", "gateway", p.Gateway, "kind", p.Kind, "reason", reason)
}

// parse reads a stored body with its gateway's own parser.
func (s *System) parse(gateway engine.Gateway, d engine.Delivery) (n engine.Notification, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			s.broke("parser", reason, "gateway", gateway)
			err = fmt.Errorf("the parser of %s broke", gateway)
		}
	}()
	parser := s.gateways[gateway].Webhooks
	if parser == nil {
		return n, engine.Errorf(engine.Unsupported, engine.CodeUnsupported, "no parser for %s", gateway)
	}
	if n, err = parser.Parse(d); err != nil {
		return n, fmt.Errorf("parse: %w", err)
	}
	return n, nil
}
