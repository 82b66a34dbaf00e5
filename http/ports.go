package http

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
)

// What this room needs of others. Every error is an *engine.Error or a context's.

// Asker is the way in: a command goes through its transaction's actor and is
// committed before Ask returns. Errors a caller can act on: Overloaded (nothing
// was done), NotFound, Invalid, Conflict. When the context ends first the command
// may still be committed.
type Asker interface {
	Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error)
}

// Inbox keeps signed notifications that can't be applied now. Parking the same
// identity again changes nothing. It returns nil only once it is committed.
type Inbox interface {
	Park(ctx context.Context, n engine.Notification) error
}

// Reports answers questions without going through an actor.
type Reports interface {
	// Payment returns NotFound with CodePaymentUnknown.
	Payment(ctx context.Context, id engine.ID) (engine.Statement, error)
	// BookingPayment finds the payment that owns the booking's slot. It returns
	// NotFound with CodeBookingUnknown.
	BookingPayment(ctx context.Context, booking string) (engine.ID, error)
	// Balances returns NotFound with CodeTalentUnknown.
	Balances(ctx context.Context, talent string) (engine.Balances, error)
	// Payments and Payouts return a page of what the search's owner has.
	Payments(ctx context.Context, q engine.Search) (engine.Page, error)
	Payouts(ctx context.Context, q engine.PayoutSearch) (engine.Page, error)
	// Events returns what happened to a payment after one of its events, oldest first.
	Events(ctx context.Context, id engine.ID, after, limit int) ([]engine.Published, error)
}

// Wallets keeps talents' wallets. Setting the one they have changes nothing and
// says so with false.
type Wallets interface {
	SetWallet(ctx context.Context, talent string, w engine.Wallet) (engine.Wallet, bool, error)
}

// Feed tells that a transaction has changed: a hint to look, never a fact. The
// second result ends the subscription.
type Feed interface {
	Subscribe(id engine.ID) (<-chan struct{}, func())
}

// Answers keeps the bytes a money POST was answered with.
type Answers interface {
	// Recall returns the answer remembered for the key, and false when there is
	// none yet. The same key with another hash is a Conflict with
	// CodeIdempotencyKeyReused.
	Recall(ctx context.Context, key engine.IdempotencyKey) (status int, body []byte, found bool, err error)
	// Remember stores the answer if it is the key's first, and returns the first.
	// The key may have had no effect of its own: what it asks was done already.
	Remember(ctx context.Context, key engine.IdempotencyKey, status int, body []byte) (int, []byte, error)
}

// Receiver reads one gateway's webhooks.
type Receiver struct {
	engine.Webhooks
	Header string // where its signature is: x-paystack-signature
}

// Health is what readiness and the backlog's gauges ask.
type Health interface {
	// Ready returns nil, or an error that says in one line what is not: the
	// database does not answer, a worker's loop is dead.
	Ready(ctx context.Context) error
	// Backlog tells how long the oldest work has been waiting.
	Backlog(ctx context.Context) (Backlog, error)
}

// Backlog is how old the oldest waiting things are; zero when nothing waits.
type Backlog struct {
	InboxWaiting time.Duration // the oldest notification received and not applied
	Due          time.Duration // the oldest row whose time has come and passed
}

// Ports is everything this room needs of others.
type Ports struct {
	Asker    Asker
	Inbox    Inbox
	Reports  Reports
	Wallets  Wallets
	Feed     Feed
	Answers  Answers
	Webhooks map[engine.Gateway]Receiver
	Health   Health
	Outside  Outside
}
