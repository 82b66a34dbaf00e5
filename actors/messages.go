package actors

import (
	"sync/atomic"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Every message between our actors is in this file, and is sealed.

// sealed keeps a message out of protoactor's log when it can't be delivered:
// commands carry phones and one-time codes.
type sealed struct{}

// IgnoreDeadLetterLogging is protoactor's name for it.
func (sealed) IgnoreDeadLetterLogging() {}

// question is a command on its way to its actor. Whoever holds it must settle it:
// answer it, and let it leave the gate.
type question struct {
	sealed
	ask      engine.Ask
	deadline time.Time // past it, not begun; zero = none
	slot     *lane     // a slot for the call that will follow, reserved before the commit; nil = none
	reply    func(engine.Applied, error)

	answered atomic.Bool
	left     atomic.Bool
}

// answer replies, once. A second answer, after a panic behind the first, is nobody's.
func (q *question) answer(applied engine.Applied, err error) {
	if q.answered.CompareAndSwap(false, true) {
		q.reply(applied, err)
	}
}

// rest asks a transaction whether it has anything left to do.
type rest struct{ sealed }

// resting says that a transaction has seen that many questions and has nothing
// left: it may be retired, if no more than those were sent to it.
type resting struct {
	sealed
	id         engine.ID
	generation uint64
	seen       uint64
}

// panicked says that a command broke its transaction's actor.
type panicked struct {
	sealed
	id engine.ID
}

// sweep tells a shard to retire the idle and to look after the stuck.
type sweep struct {
	sealed
	now time.Time
}

// drain tells a shard to retire everybody and then to stop.
type drain struct{ sealed }
