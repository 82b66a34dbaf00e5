package engine

import (
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// EventKind names a fact of ours that subscribers may learn. The set is closed:
// every kind is in this file.
type EventKind string

// The facts.
const (
	PaymentReceived    EventKind = "payment.received"
	PaymentFailed      EventKind = "payment.failed"
	PaymentExpired     EventKind = "payment.expired"
	PaymentUnderReview EventKind = "payment.under_review"
	PaymentSurplus     EventKind = "payment.surplus"
	PaymentCancelled   EventKind = "payment.cancelled"
	PaymentRefunded    EventKind = "payment.refunded"     // what was captured once too often is back with the payer
	RefundNeedsPeople  EventKind = "refund.action_needed" // a refund that no API of the gateway can make
	EscrowReleased     EventKind = "escrow.released"
	PayoutSent         EventKind = "payout.sent"
	PayoutPaid         EventKind = "payout.paid"
	PayoutFailed       EventKind = "payout.failed"
	PayoutReversed     EventKind = "payout.reversed"
)

// Event is a committed fact, one row of the outbox. Persistence numbers events
// per transaction, from 1, in the order they stand in the Decision.
type Event struct {
	ID          ID
	Kind        EventKind
	Transaction ID
	Seq         int
	Subject     string // the move that made it, in history; empty when no move did
	Step        int
	At          time.Time
	Booking     string
	Talent      string
	Amount      money.Amount // francs: the whole price, or the part the event is about
	Currency    money.Currency
	Commission  money.Amount // francs, on escrow.released
	TalentFee   money.Amount // francs, on escrow.released
	Reference   Reference    // the attempt or the try, when one made it
	Code        Code         // why, when something failed or is under review
}
