package actors

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
)

// ticksMax bounds the ticks in flight: what one group commit takes. At one commit
// every 10 ms it is ten times what a busy marketplace makes due.
const ticksMax = 128

// dueLease is how long a claimed transaction is hidden from others: a tick that
// waits its longest (commandWithin) and is then applied as slowly as it may be.
const dueLease = 2 * commandWithin

// dueClock asks Tick of every transaction of which something is due. No timer in
// memory is the only one: a crash between claim and tick costs one lease.
type dueClock struct {
	*loop
	ticks slots
}

func newDueClock(s *System, every time.Duration) *dueClock {
	d := &dueClock{ticks: slots{max: ticksMax}}
	d.loop = &loop{name: "due", every: every, sys: s, round: d.claim}
	return d
}

// claim takes no more than can be asked now, and no more than the lanes have room
// for what follows: what is not claimed waits in the table, where it is safe.
func (d *dueClock) claim(ctx context.Context) {
	s := d.sys
	limit := min(d.ticks.free(), s.lanes.room())
	if limit <= 0 {
		return
	}
	ids, err := s.due.ClaimDue(ctx, limit, dueLease)
	if err != nil {
		s.log.Warn("due rows can't be claimed", "error", err)
		return
	}
	s.metrics.claimed.WithLabelValues(d.name).Add(float64(len(ids)))
	for _, id := range ids {
		d.ticks.take()
		q := &question{
			ask:   engine.Ask{Transaction: id, Command: engine.Tick{}},
			reply: func(_ engine.Applied, err error) { d.ticked(id, err) },
		}
		if refused := s.send(q); refused != "" {
			d.ticks.give() // its lease lapses and it is claimed again
		}
	}
	if len(ids)*kindsOfDue >= limit {
		d.nudge() // there may be more: the limit is of rows
	}
}

// kindsOfDue is how many rows a transaction has at most.
const kindsOfDue = 4

func (d *dueClock) ticked(id engine.ID, err error) {
	d.ticks.give()
	if err != nil && !transient(err) {
		d.sys.log.Error("a tick was refused", "transaction", id.String(), "error", err)
	}
}

// hint wakes the clock when a commit left something that is due already, as a
// release leaves a payout.
func (d *dueClock) hint(dues []engine.Due) {
	now := d.sys.clock.Now()
	for _, due := range dues {
		if !due.At.After(now) {
			d.nudge()
			return
		}
	}
}
