package actors

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
)

// What this room needs of others: all that touches the outside, so that a
// simulation replaces it and drives a whole System from one goroutine.

// Store is the only way to change a transaction: it locks the row, lets it
// Decide, writes, commits, and only then answers. It takes data, never a
// callback, so there is nowhere to call a gateway while a lock is held.
//
// Errors that are worth a retry are Overloaded, Internal or not an engine.Error;
// after those the commit may have happened all the same.
type Store interface {
	Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error)
}

// Due is what time has made ready, by the database's clock.
type Due interface {
	// ClaimDue takes up to limit transactions of which something is due, the
	// longest overdue first, and hides them from every other claim for lease.
	// Applying the Tick sets what is due next; a lost one is claimed again.
	ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]engine.ID, error)
}

// Inbox is the notifications that are stored and not applied. One that counts
// leaves it in the commit that makes it count.
type Inbox interface {
	// ClaimWaiting takes up to limit of those whose next try has come, and hides
	// them from every other claim for lease.
	ClaimWaiting(ctx context.Context, limit int, lease time.Duration) ([]engine.Parked, error)
	// Postpone counts a try that came to nothing and sets the next one, so long
	// from now by the database's clock.
	Postpone(ctx context.Context, identity engine.Identity, after time.Duration) error
	// Bury ends the tries. People replay what is buried.
	Bury(ctx context.Context, identity engine.Identity, reason string) error
}

// Gateway is what one payment company can do for us. What it can't do is nil,
// and whoever asks for it is answered Unsupported.
type Gateway struct {
	Collector      engine.Collector
	OTPSubmitter   engine.OTPSubmitter
	Disburser      engine.Disburser
	Refunder       engine.Refunder
	ChargeInquirer engine.ChargeInquirer
	PayoutInquirer engine.PayoutInquirer
	RefundInquirer engine.RefundInquirer
	Webhooks       Parser
}

// Gateways is every gateway there is.
type Gateways map[engine.Gateway]Gateway

// Parser translates a verified webhook: the half of engine.Webhooks that is needed
// to try a stored one again.
type Parser interface {
	Parse(d engine.Delivery) (engine.Notification, error)
}

// Feed is told which transaction has just changed: a hint for those who wait,
// never a fact. Changed does not block.
type Feed interface {
	Changed(id engine.ID)
}

// Clock is time as this process sees it. It paces loops and measures waits; what
// is due, and every deadline of money, is the database's clock to say.
type Clock interface {
	// Now keeps its monotonic reading: waits are measured with it, and a wall clock
	// that is set back must not make a late call look early.
	Now() time.Time
	// AfterFunc calls f once, in a goroutine of the clock's, when d has passed.
	// Functions given to it never block.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a call to come. *time.Timer is one.
type Timer interface {
	Stop() bool
}

// Go runs work that may block in a goroutine of its own. Every goroutine of this
// room, the actors' included, is started through it.
type Go func(work func())

// Dispatcher runs an actor's mailbox when it has something to do: protoactor's
// interface, repeated so that only this room knows protoactor. A simulation gives
// one that keeps the functions and runs them one by one, in an order of its own.
type Dispatcher interface {
	Schedule(run func())
	Throughput() int
}

// through is the Dispatcher of production.
type through struct{ start Go }

// Schedule gives the mailbox a goroutine until it is empty.
func (d through) Schedule(run func()) { d.start(run) }

// Throughput is how many messages an actor takes before it lets others run:
// protoactor's own default.
func (through) Throughput() int { return 300 }
