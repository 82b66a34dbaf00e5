package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
)

// RefundStatus is where the giving back of one capture stands.
type RefundStatus string

// The statuses of a refund.
const (
	RefundIsOwed    RefundStatus = "owed"    // an obligation: nothing is under way
	RefundIsSending RefundStatus = "sending" // committed; the call is about to be made, or was
	RefundIsUnknown RefundStatus = "unknown" // no readable answer: the gateway's list is asked
	RefundIsPending RefundStatus = "pending" // the gateway has it
	RefundIsManual  RefundStatus = "manual"  // people must: there is no API for it, or it refused
	RefundIsDone    RefundStatus = "done"    // the payer has it back
)

var refundMachine = machine[RefundStatus]{
	name:  "refund",
	first: RefundIsOwed,
	moves: map[RefundStatus]map[RefundStatus]EventKind{
		RefundIsOwed: {RefundIsSending: "", RefundIsManual: RefundNeedsPeople, RefundIsDone: PaymentRefunded},
		RefundIsSending: {
			RefundIsUnknown: "", RefundIsPending: "", RefundIsOwed: "", RefundIsManual: RefundNeedsPeople, RefundIsDone: PaymentRefunded,
		},
		RefundIsUnknown: {RefundIsPending: "", RefundIsDone: PaymentRefunded, RefundIsManual: RefundNeedsPeople},
		RefundIsPending: {RefundIsUnknown: "", RefundIsDone: PaymentRefunded, RefundIsManual: RefundNeedsPeople},
		RefundIsManual:  {RefundIsDone: PaymentRefunded},
		RefundIsDone:    {RefundIsManual: RefundNeedsPeople}, // the payer's bank sent it back
	},
}

// InFlight reports that the money has left the pot it is owed from and is not
// known to have arrived.
func (s RefundStatus) InFlight() bool {
	switch s {
	case RefundIsSending, RefundIsUnknown, RefundIsPending:
		return true
	case RefundIsOwed, RefundIsManual, RefundIsDone:
	}
	return false
}

// RefundCause says why money is owed back.
type RefundCause string

// Why money may be owed back.
const (
	RefundSurplus RefundCause = "surplus" // captured once too often (R7)
)

// Refund is an obligation to give back what one attempt captured, unique for
// the attempt and cause. It is born in the same commit as its reason, and goes
// back through the gateway that captured, in full (R9).
type Refund struct {
	No               int // counts the transaction's refunds from 1
	Attempt          int
	Gateway          Gateway // the attempt's
	Cause            RefundCause
	Amount           money.Amount // francs
	Status           RefundStatus
	Step             int
	Flights          int // times the money went in flight: names their journals
	Sends            int // calls of the present flight that may have left
	GatewayReference string
	Code             Code   // why it is not done yet, when something stands in the way
	Text             string // the gateway's words, for staff
	OwedAt           time.Time
	SentAt           time.Time // the last call; zero before the first
	SinceAt          time.Time // the beginning of the present schedule
	NextAt           time.Time // the next look; zero when it is done and nobody says otherwise
	AbsentAt         time.Time // the first "no such refund" of the present row of them
	Absences         int       // of them
}

func (r Refund) check(t Transaction) error {
	var errs []error
	complain := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("refund %d "+format, append([]any{r.No}, args...)...))
		}
	}
	complain(r.Attempt < 1 || r.Attempt > len(t.Attempts), "of attempt %d", r.Attempt)
	if len(errs) == 0 {
		a := t.Attempts[r.Attempt-1]
		complain(a.Captured != r.Amount || a.Gateway != r.Gateway,
			"of %d through %s, captured %d through %s", r.Amount, r.Gateway, a.Captured, a.Gateway)
		complain(a.Disposition != Surplus, "of money that is %q", a.Disposition)
	}
	complain(r.Status != RefundIsDone && r.NextAt.IsZero(), "is %s and nobody looks at it", r.Status)
	complain(r.Status.InFlight() && r.Flights == 0, "is %s and never left", r.Status)
	return errors.Join(errs...)
}

// refundReference is the refund's name, carried where a gateway lets us.
func (t Transaction) refundReference(no int) Reference {
	return Reference{Transaction: t.ID, Kind: RefundReference, Number: no}
}

// RefundReference is the refund's name.
func (t Transaction) RefundReference(r Refund) Reference { return t.refundReference(r.No) }

// Owed is what the payer was charged once too often and has not had back.
func (t Transaction) Owed() money.Amount {
	var owed money.Amount
	for _, r := range t.Refunds {
		if r.Status != RefundIsDone {
			owed += r.Amount
		}
	}
	return owed
}

// oweBack takes on the obligation to give an attempt's capture back, and begins.
func (d *draft) oweBack(a *Attempt) {
	t := &d.Next
	t.Refunds = append(t.Refunds, Refund{
		No: len(t.Refunds) + 1, Attempt: a.No, Gateway: a.Gateway, Cause: RefundSurplus, Amount: a.Captured,
		OwedAt: d.given.Now, SinceAt: d.given.Now, NextAt: d.given.Now,
	})
	r := &t.Refunds[len(t.Refunds)-1]
	must(d.moveRefund(r, RefundIsOwed, ""))
	d.emit(PaymentSurplus, "", 0, "")
	d.sendRefund(r)
}

// sendRefund asks for the refund where the gateway has an API for it, and hands
// it to people where it has none.
func (d *draft) sendRefund(r *Refund) {
	if !d.given.Policy.Refunds[r.Gateway] {
		d.handOver(r, CodeUnsupported, "")
		return
	}
	must(d.moveRefund(r, RefundIsSending, ""))
	r.Flights, r.Sends = r.Flights+1, 0 // what was sent before provably is nowhere
	r.SinceAt, r.Code, r.Text = d.given.Now, "", ""
	d.bookRefund(JournalRefundSent, r, ledger.PayerSurplus, ledger.RefundInFlight)
	d.callRefund(r)
}

func (d *draft) callRefund(r *Refund) {
	t := &d.Next
	r.Sends, r.SentAt = r.Sends+1, d.given.Now
	r.Absences, r.AbsentAt = 0, time.Time{}
	r.NextAt = d.given.Now.Add(d.given.Policy.CallTimeout + d.given.Policy.AnswerGrace)
	d.Effects = append(d.Effects, RefundCall{
		Reference: t.refundReference(r.No), Flight: r.Flights, Send: r.Sends, Gateway: r.Gateway, Charge: t.attemptReference(r.Attempt),
		GatewayReference: t.Attempts[r.Attempt-1].GatewayReference, Amount: r.Amount, Currency: t.Currency, Booking: t.Booking,
	})
}

// handOver puts a refund on people's table. It is looked at all the same: they
// give back at the gateway, whose books then show it.
func (d *draft) handOver(r *Refund, why Code, text string) {
	if r.Status.InFlight() {
		d.bookRefund(JournalRefundFailed, r, ledger.RefundInFlight, ledger.PayerSurplus)
	}
	r.Code, r.Text, r.SinceAt = why, text, d.given.Now
	must(d.moveRefund(r, RefundIsManual, why))
	d.scheduleRefund(r)
}

// putBack makes a refund owed again that provably was not begun, to be sent
// later.
func (d *draft) putBack(r *Refund, why Code, text string) {
	d.bookRefund(JournalRefundFailed, r, ledger.RefundInFlight, ledger.PayerSurplus)
	r.Code, r.Text = why, text
	must(d.moveRefund(r, RefundIsOwed, why))
	r.NextAt = d.given.Policy.RefundRetry.nextOr(r.OwedAt, d.given.Now, lastPace)
	if soonest := d.given.Now.Add(d.given.Policy.InquireAfter); r.NextAt.Before(soonest) {
		r.NextAt = soonest
	}
}

// scheduleRefund sets when it is asked about next.
func (d *draft) scheduleRefund(r *Refund) {
	r.NextAt = d.given.Policy.OpenRefund.nextOr(r.SinceAt, d.given.Now, slowPace)
}

// refundDue is the earliest moment a refund wants attention, or zero.
func (t Transaction) refundDue() time.Time {
	var due time.Time
	for _, r := range t.Refunds {
		if !r.NextAt.IsZero() && (due.IsZero() || r.NextAt.Before(due)) {
			due = r.NextAt
		}
	}
	return due
}

// tickRefunds sends what is owed and asks about what is under way. One found
// sending lost its answer: it is asked about, never sent blindly.
func (d *draft) tickRefunds() error {
	for i := range d.Next.Refunds {
		r := &d.Next.Refunds[i]
		if r.NextAt.IsZero() || r.NextAt.After(d.given.Now) {
			continue
		}
		switch r.Status {
		case RefundIsOwed:
			d.sendRefund(r)
			continue
		case RefundIsSending:
			must(d.moveRefund(r, RefundIsUnknown, CodeGatewayTimeout))
			r.SinceAt = d.given.Now
		case RefundIsUnknown, RefundIsPending, RefundIsManual, RefundIsDone:
		}
		d.scheduleRefund(r)
		d.ask(d.aboutRefund(r))
	}
	return nil
}

// refundNo finds a refund. One that does not exist is a NotFound: what is said
// of it is kept.
func (d *draft) refundNo(no int) (*Refund, error) {
	if no < 1 || no > len(d.Next.Refunds) {
		return nil, Errorf(NotFound, CodePaymentUnknown, "%s has no refund %d", d.Next.ID.Payment(), no)
	}
	return &d.Next.Refunds[no-1], nil
}

// refundOf finds the refund of an attempt, or nil.
func (d *draft) refundOf(attempt int) *Refund {
	for i := range d.Next.Refunds {
		if d.Next.Refunds[i].Attempt == attempt {
			return &d.Next.Refunds[i]
		}
	}
	return nil
}

// refundAnswered answers RecordRefundAnswer. A refusal is conclusive only when
// it answers the one call that can have left.
func (d *draft) refundAnswered(c RecordRefundAnswer) error {
	r, err := d.refundNo(c.Refund)
	if err != nil {
		return err
	}
	if c.Err == nil && c.Flight != r.Flights {
		return nil // about a flight that has ended since: the next look tells
	}
	if c.Err == nil {
		_, err := d.refundReported(r, c.Report, fromAnswer)
		return err
	}
	if r.Status != RefundIsSending && r.Status != RefundIsUnknown {
		return nil // known better by now
	}
	only := c.Flight == r.Flights && c.Send == 1 && r.Sends == 1 && r.Status == RefundIsSending
	switch {
	case only && (c.Err.Kind == Unavailable || c.Err.Code == CodeFloatLow):
		d.putBack(r, c.Err.Code, c.Err.Text)
	case only && (c.Err.Kind == Declined || c.Err.Kind == Unsupported):
		d.handOver(r, c.Err.Code, c.Err.Text)
	case r.Status == RefundIsSending:
		must(d.moveRefund(r, RefundIsUnknown, c.Err.Code))
		r.Code, r.SinceAt = c.Err.Code, d.given.Now
		d.scheduleRefund(r)
	default:
		r.Code = c.Err.Code
	}
	return nil
}

// refundReported applies what a gateway says of a refund, whoever asked. It
// reports whether the word was believed. What somebody gave back of the charge in
// part, or under another number, is not the refund: it moves nothing, people are
// shown it, and its name is not taken for ours.
func (d *draft) refundReported(r *Refund, said RefundReport, from source) (believed bool, err error) {
	if said.Status == RefundReportAbsent {
		return true, d.refundAbsent(r, from)
	}
	if !d.isRefund(r, said) {
		if r.Status != RefundIsDone {
			r.Code = CodeRefundMismatch
		}
		return false, nil
	}
	if said.GatewayReference != "" && (r.GatewayReference == "" || from != fromNotification) {
		r.GatewayReference = said.GatewayReference
	}
	switch said.Status {
	case RefundReportDone:
		return true, d.refundDone(r)
	case RefundReportPending, RefundReportAttention:
		return true, d.refundPending(r, said)
	case RefundReportFailed:
		return d.refundFailed(r, said, from), nil
	case RefundReportAbsent:
	}
	return true, nil // a word no adapter of ours makes
}

// isRefund reports that what is told gives the payer back all that the refund is
// about. A full refund without a number does so too, whoever made it.
func (d *draft) isRefund(r *Refund, said RefundReport) bool {
	agreed := figures{amount: r.Amount, currency: d.Next.Currency, live: d.Next.Attempts[r.Attempt-1].Live}
	return (said.Number == 0 || said.Number == r.No) &&
		agreed.mismatch(figures{said.Amount, said.Currency, said.Live, said.Inexact}) == ""
}

// refundDone books what the payer has back. Given back by hand, it never was in
// flight: both halves are booked at once. An answer that was asked for before the bank
// sent it back, or before it became people's, is older than that.
func (d *draft) refundDone(r *Refund) error {
	settled := r.Status == RefundIsDone || r.Status == RefundIsManual
	switch {
	case settled && !d.asked.IsZero() && d.asked.Before(r.SinceAt):
		return nil
	case r.Status == RefundIsDone:
		r.NextAt, r.Code, r.Text = time.Time{}, "", ""
		return nil
	}
	if !r.Status.InFlight() {
		r.Flights++
		d.bookRefund(JournalRefundSent, r, ledger.PayerSurplus, ledger.RefundInFlight)
	}
	d.bookRefund(JournalRefundDone, r, ledger.RefundInFlight, ledger.GatewayBalance(string(r.Gateway)))
	r.NextAt, r.Code, r.Text = time.Time{}, "", ""
	return d.moveRefund(r, RefundIsDone, "")
}

func (d *draft) refundPending(r *Refund, said RefundReport) error {
	if said.Status == RefundReportAttention && r.Status != RefundIsDone {
		r.Code, r.Text = CodeRefundAttention, said.Text
	}
	if r.Status == RefundIsPending && said.Status == RefundReportPending {
		r.Code, r.Text = "", said.Text // what stood in its way does no more
	}
	if r.Status != RefundIsSending && r.Status != RefundIsUnknown {
		return nil
	}
	if said.Status == RefundReportPending {
		r.Code, r.Text = "", said.Text
	}
	r.Absences, r.AbsentAt, r.SinceAt = 0, time.Time{}, d.given.Now
	if err := d.moveRefund(r, RefundIsPending, r.Code); err != nil {
		return err
	}
	d.scheduleRefund(r)
	return nil
}

// refundFailed hears that the payer will not have it this way: the debt stands,
// and people find another. It reports whether that was believed. Of a refund that
// is done, a notification may be the older word: the gateway is asked, again and
// again, and what it says then counts.
func (d *draft) refundFailed(r *Refund, said RefundReport, from source) (believed bool) {
	code := said.Code
	if code == "" {
		code = CodeGatewayDeclined
	}
	switch {
	case r.Status.InFlight():
		d.handOver(r, code, said.Text)
	case r.Status == RefundIsDone && from != fromInquiry:
		if r.NextAt.IsZero() { // until an answer says which: people are shown it
			r.SinceAt, r.Code, r.Text = d.given.Now, CodeRefundReturned, said.Text
			d.scheduleRefund(r)
		}
		d.inquireOnDoubt(d.aboutRefund(r))
		return false
	case r.Status == RefundIsDone:
		d.bookRefund(JournalRefundReturned, r, ledger.GatewayBalance(string(r.Gateway)), ledger.PayerSurplus)
		d.handOver(r, code, said.Text)
	}
	return true
}

// How often and how long the gateway's list must lack a refund before it is sent
// again: a second full one is refused should the first exist after all (R9).
const (
	refundAbsences  = 2
	refundAbsentFor = 10 * time.Minute
)

// RefundSendsMax is how often a refund is sent in one flight. Then it is only asked
// about: another call will not mend it.
const RefundSendsMax = 20

// refundAbsent hears that no refund of the charge bears our number. Asked before
// the last call, it says nothing about that one.
func (d *draft) refundAbsent(r *Refund, from source) error {
	if from != fromInquiry || !r.Status.InFlight() || d.asked.Before(r.SentAt) {
		return nil
	}
	if r.Status == RefundIsPending {
		return d.moveRefund(r, RefundIsUnknown, "")
	}
	if r.Absences++; r.Absences == 1 {
		r.AbsentAt = d.asked
	}
	long := r.Absences >= refundAbsences && d.asked.Sub(r.AbsentAt) >= refundAbsentFor
	if r.Status == RefundIsUnknown && long && r.Sends < RefundSendsMax {
		d.callRefund(r)
	}
	return nil
}

// refundNotified applies a notification about a refund of an attempt. Most name
// no refund: it is authority only when one refund of that attempt is in flight
// and the figures are its own. Of money that we keep it means that somebody gives it
// back beside us: it stands still from the first word of it, and moves again when
// that refund has failed.
func (d *draft) refundNotified(n Notification, a *Attempt) (believed bool, err error) {
	r := d.refundOf(a.No)
	switch {
	case r == nil:
		d.refundedBeside(a, n.Refund.Status)
		return true, nil
	case r.Status.InFlight() || (r.Status == RefundIsDone && n.Refund.Status == RefundReportFailed):
		return d.refundReported(r, *n.Refund, fromNotification)
	case r.Status == RefundIsDone, n.Refund.Status == RefundReportFailed:
		return true, nil
	}
	d.inquireOnDoubt(d.aboutRefund(r))
	return false, nil
}

// refundedBeside hears of a refund that is none of ours.
func (d *draft) refundedBeside(a *Attempt, status RefundReportStatus) {
	switch status {
	case RefundReportDone:
		d.doubtAttempt(a, ReviewReversed)
	case RefundReportPending, RefundReportAttention:
		if a.Doubt.weight() < ReviewRefunding.weight() {
			d.scheduleDoubt(a) // its last word may be lost: the charge shows it too
		}
		d.doubtAttempt(a, ReviewRefunding)
	case RefundReportFailed:
		if a.Doubt == ReviewRefunding {
			a.Doubt = ""
			d.review()
			d.scheduleCheck(a)
		}
	case RefundReportAbsent:
	}
}
