package http

import (
	"context"
	"net/netip"
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

// Quotas counts, for all nodes together, what is done again and again.
type Quotas interface {
	// Use uses every quota once, or none of them. It returns the places of those that
	// are used up, and how long until there is room again. The same intent again is no
	// further use.
	Use(ctx context.Context, intent [32]byte, quotas []engine.Quota) (full []int, wait time.Duration, err error)
}

// Receiver reads one gateway's webhooks.
type Receiver struct {
	engine.Webhooks
	Header string // where its signature is: x-paystack-signature

	// Sources is where the gateway says that its webhooks come from; empty when it
	// does not say. What comes from elsewhere is counted and warned of, and refused
	// when SourcesEnforced.
	Sources         []netip.Prefix
	SourcesEnforced bool
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

// Keys are the API keys that work, as they were a moment ago.
type Keys interface {
	// Key finds a key by its id. Overloaded when it is too long ago that they were read:
	// a key that was revoked since must not work.
	Key(id string) (engine.APIKey, bool, error)
	// Used notes that a key was used. It does not wait.
	Used(id string, at time.Time)
}

// Staff keeps what people who work for us propose, approve and did.
type Staff interface {
	// Propose returns it with when it ends. Forbidden when the maker may not.
	Propose(ctx context.Context, p engine.Proposal, by engine.Act) (engine.Proposal, error)
	// Refuse is Conflict with CodeProposalOver when it was ruled on before.
	Refuse(ctx context.Context, id engine.ID, by engine.Act) error
	// Proposal returns NotFound with CodeProposalUnknown.
	Proposal(ctx context.Context, id engine.ID) (engine.Proposal, error)
	// Proposals are those that wait for a second person, oldest first.
	Proposals(ctx context.Context, most int) ([]engine.Proposal, error)
	// Audit tells what was done, the latest first, from before on; a zero payment is all.
	Audit(ctx context.Context, payment, before engine.ID, most int) ([]engine.AuditRecord, error)
	// SetWalletByStaff sets a wallet under an approved proposal.
	SetWalletByStaff(ctx context.Context, talent string, w engine.Wallet, by engine.Act) (engine.Wallet, error)
}

// Ports is everything this room needs of others.
type Ports struct {
	Asker    Asker
	Inbox    Inbox
	Reports  Reports
	Wallets  Wallets
	Keys     Keys
	Staff    Staff
	Feed     Feed
	Answers  Answers
	Quotas   Quotas
	Webhooks map[engine.Gateway]Receiver
	Health   Health
	Outside  Outside
}
