package engine

import (
	"slices"
	"time"

	"github.com/bookmi/cauri/engine/phone"
)

// Search says which payments are wanted. What is empty is not asked about.
type Search struct {
	Owner Owner // whose payments exist for whoever asks

	// Name is any name of the payment or of a part of it: pay_, pyt_, rfd_; a reference
	// of ours or of a gateway's; the booking; the payer's phone, in any spelling.
	Name string

	Statuses    []ChargeStatus // one of them
	Operator    phone.Operator
	Gateway     Gateway // that was asked for it
	Talent      string
	Booking     string
	From, To    time.Time // begun at or after, and before
	UnderReview bool
	InSuspense  bool       // some of its money is for staff to place
	Hold        HoldStatus // where its money stands

	Before ID  // the newest one older than this is the first; zero: the newest of all
	Limit  int // at most so many, at least 1
}

// PayoutSearch says which payouts are wanted. What is empty is not asked about.
type PayoutSearch struct {
	Owner    Owner
	Statuses []PayoutStatus // one of them
	Waiting  Waiting
	Talent   string
	Booking  string
	Gateway  Gateway   // that pays it
	From, To time.Time // owed at or after, and before
	Before   ID
	Limit    int
}

// Page is a part of what was found, the latest begun first.
type Page struct {
	Transactions []Transaction // without what a decision reads beside the row
	Next         ID            // where to go on from, as Before; zero: that was all
}

// Published is an event as subscribers read it.
type Published struct {
	Seq     int // from 1, in the transaction
	Kind    EventKind
	Payload []byte // JSON, one line
}

// Terminal reports that nothing more is to come of the payment by itself: it took no
// money, or all it took has reached whoever it is for. A gateway may still contradict
// itself, so it is no promise.
func (t Transaction) Terminal() bool {
	if t.Status == ChargeIsInitiated || t.Status == ChargeIsProcessing || t.Review != "" {
		return false
	}
	under := func(a Attempt) bool { return a.Status.Live() }
	owed := func(r Refund) bool { return r.Status != RefundIsDone }
	if slices.ContainsFunc(t.Attempts, under) || slices.ContainsFunc(t.Refunds, owed) {
		return false
	}
	held := t.Hold != nil && t.Hold.Status == HoldHeld
	unpaid := t.Payout != nil && t.Payout.Status != PayoutIsPaid
	return !held && !unpaid
}
