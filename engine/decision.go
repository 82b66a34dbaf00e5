package engine

import "github.com/bookmi/cauri/engine/ledger"

// Decision is everything that follows from a command, none of which has
// happened. The zero Effects, Journals and Moves of a duplicate are not an
// error: nothing to do is an answer.
type Decision struct {
	Next       Transaction      // to store; Next.Due() goes to the due table
	Moves      []Move           // to history
	Journals   []ledger.Journal // each balances, or the whole decision is refused
	Events     []Event          // to the outbox, numbered
	Effects    []Effect         // not to be run from here: read them from Applied
	Counted    []Identity       // notifications that, from now on, can never mean anything new
	Recipients []Recipient      // gateways' names for wallets, learnt

	was int // the version decided upon
}

// Changed reports whether there is anything to store.
func (d Decision) Changed() bool { return d.Next.Version != d.was }

// Outcome says what an Ask came to.
type Outcome string

// The outcomes.
const (
	Changed   Outcome = "changed"   // something is committed that was not before
	Duplicate Outcome = "duplicate" // nothing to do: it had been done, or means nothing
	Replayed  Outcome = "replayed"  // this idempotency key has been answered before; State is the first one's
)

// Applied is a Decision that is committed. Only persistence makes one.
type Applied struct {
	State   Transaction
	Moves   []Move
	Events  []Event
	Effects []Effect
	Counted []Identity
	Outcome Outcome
}

// Recipient is a gateway's name for a talent's wallet: created once, kept for ever.
type Recipient struct {
	Talent   string
	WalletNo int
	Gateway  Gateway
	Code     string
}

// DueKind says what of a transaction time has made ready. A transaction has at
// most one due row of a kind.
type DueKind string

// What may be due.
const (
	DueCharge  DueKind = "charge"  // an attempt wants an inquiry, or its window is over
	DueRelease DueKind = "release" // the hold ends in the talent's favour
	DuePayout  DueKind = "payout"  // a try wants to be made, or inquired about
	DueRefund  DueKind = "refund"  // a refund wants to be sent, or inquired about
)
