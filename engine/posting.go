package engine

import (
	"fmt"

	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
)

// Which journal each fact writes: the chart of accounts in one file. "a → b x"
// debits a and credits b. A journal is unique for its transaction, kind and
// cause, so the same fact cannot be booked twice.

// The journals.
const (
	JournalChargeKept      ledger.Kind = "charge.kept"      // gateway balance → escrow:held
	JournalChargeSurplus   ledger.Kind = "charge.surplus"   // gateway balance → payer:surplus
	JournalChargeSuspense  ledger.Kind = "charge.suspense"  // gateway balance → suspense
	JournalSuspenseSettled ledger.Kind = "suspense.settled" // suspense → escrow:held, or payer:surplus
	JournalChargeFee       ledger.Kind = "charge.fee"       // expense:gateway_fee → gateway balance
	JournalHoldReleased    ledger.Kind = "hold.released"    // escrow:held → revenue:commission, talent payable
	JournalPayoutSent      ledger.Kind = "payout.sent"      // talent payable → payout:in_flight
	JournalPayoutPaid      ledger.Kind = "payout.paid"      // payout:in_flight → gateway balance
	JournalPayoutFee       ledger.Kind = "payout.fee"       // expense:payout_fee → gateway balance
	JournalPayoutFailed    ledger.Kind = "payout.failed"    // payout:in_flight → talent payable
	JournalPayoutFound     ledger.Kind = "payout.found"     // talent payable → gateway balance: a try believed failed had paid
	JournalPayoutReversed  ledger.Kind = "payout.reversed"  // gateway balance, or in flight, → talent payable
	JournalRefundSent      ledger.Kind = "refund.sent"      // payer:surplus → refund:in_flight
	JournalRefundFailed    ledger.Kind = "refund.failed"    // refund:in_flight → payer:surplus: still owed
	JournalRefundDone      ledger.Kind = "refund.done"      // refund:in_flight → gateway balance
	JournalRefundReturned  ledger.Kind = "refund.returned"  // gateway balance → payer:surplus: it bounced, still owed
)

// bookCapture books what an attempt captured, to where its disposition says,
// and the gateway's fee when it told one.
func (d *draft) bookCapture(a *Attempt) {
	cause := d.Next.attemptReference(a.No).Short()
	from := ledger.GatewayBalance(string(a.Gateway))
	kind, to := JournalChargeKept, ledger.EscrowHeld
	switch a.Disposition {
	case Kept:
	case Surplus:
		kind, to = JournalChargeSurplus, ledger.PayerSurplus
	case Suspense:
		kind, to = JournalChargeSuspense, ledger.Suspense(string(a.Gateway))
	}
	d.book(kind, cause, ledger.Move(from, to, a.Captured)...)
	if a.Fee > 0 {
		d.book(JournalChargeFee, cause, ledger.Move(ledger.GatewayFee, from, a.Fee)...)
	}
}

// bookRelease books the end of the hold in the talent's favour.
func (d *draft) bookRelease(h *Hold) {
	var postings []ledger.Posting
	if h.Commission > 0 {
		postings = append(postings, ledger.Move(ledger.EscrowHeld, ledger.Commission, h.Commission)...)
	}
	if h.TalentFee > 0 {
		postings = append(postings, ledger.Move(ledger.EscrowHeld, ledger.TalentPayable(d.Next.Talent), h.TalentFee)...)
	}
	d.book(JournalHoldReleased, "release", postings...)
}

// bookTry books a try from one pot to another.
func (d *draft) bookTry(kind ledger.Kind, try *Try, from, to ledger.Account) {
	d.book(kind, d.Next.tryReference(try.No).Short(), ledger.Move(from, to, try.Amount)...)
}

// bookPayoutFee books what the gateway took for sending, when it told.
func (d *draft) bookPayoutFee(try *Try, fee money.Amount) {
	if fee > 0 {
		d.book(JournalPayoutFee, d.Next.tryReference(try.No).Short(),
			ledger.Move(ledger.PayoutFee, ledger.GatewayBalance(string(try.Gateway)), fee)...)
	}
}

// bookRefund books a refund from one pot to another. Sent again after it came
// back, it is another fact: r1, then r1.2.
func (d *draft) bookRefund(kind ledger.Kind, r *Refund, from, to ledger.Account) {
	cause := d.Next.refundReference(r.No).Short()
	if r.Flights > 1 {
		cause = fmt.Sprintf("%s.%d", cause, r.Flights)
	}
	d.book(kind, cause, ledger.Move(from, to, r.Amount)...)
}
