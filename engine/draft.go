package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
)

// draft is a decision in the making: a copy of the transaction that may be
// changed, and what follows from changing it.
type draft struct {
	Decision
	before Transaction
	given  Given
	asked  time.Time // when the inquiry whose answer is decided upon was asked; else zero
}

func newDraft(t Transaction, given Given) *draft {
	return &draft{Decision: Decision{Next: t.clone(), was: t.Version}, before: t, given: given}
}

// decision closes the draft. A decision that would store something impossible
// is a bug of ours: it is refused here, before anything is written.
func (d *draft) decision() (Decision, error) {
	d.remember()
	if d.nothing() {
		return Decision{Next: d.before, Counted: d.Counted, Effects: d.Effects, was: d.was}, nil
	}
	d.Next.Version++
	d.Next.JournalSeq += len(d.Journals)
	for _, j := range d.Journals {
		if err := j.Check(); err != nil {
			return Decision{}, &Error{Kind: Internal, Code: CodeInternal, Detail: "a journal that may not be", Err: err}
		}
	}
	if err := d.Next.Check(); err != nil {
		return Decision{}, &Error{Kind: Internal, Code: CodeInternal, Detail: "a state that may not be", Err: err}
	}
	return d.Decision, nil
}

// nothing reports that the draft left everything as it was.
func (d *draft) nothing() bool {
	a, b := d.before, d.Next
	return len(d.Moves)+len(d.Journals)+len(d.Events)+len(d.Recipients) == 0 &&
		a.Review == b.Review && a.Code == b.Code && a.InquiredAt.Equal(b.InquiredAt) &&
		slices.Equal(a.Attempts, b.Attempts) && slices.Equal(a.Refunds, b.Refunds) && a.Payout.equal(b.Payout)
}

// moveTo makes one step of one machine: the status, its history and, where the
// machine says so, the event. An illegal step is a Conflict and changes nothing.
func moveTo[S ~string](d *draft, m machine[S], subject string, status *S, step *int, to S, note Code) error {
	if !m.allows(*status, to) {
		return Errorf(Conflict, CodeMoveIllegal, "%s of %s cannot go from %q to %q", m.name, d.Next.ID, *status, to)
	}
	from := *status
	*status = to
	*step++
	d.Moves = append(d.Moves, Move{m.name, subject, *step, string(from), string(to), string(note)})
	if kind := m.moves[from][to]; kind != "" {
		d.emit(kind, subject, *step, note)
	}
	return nil
}

// emit numbers a fact for the outbox.
func (d *draft) emit(kind EventKind, subject string, step int, why Code) {
	t := &d.Next
	t.EventSeq++
	e := Event{
		ID: d.given.Fresh.Nth(t.EventSeq), Kind: kind, Transaction: t.ID, Seq: t.EventSeq, Subject: subject, Step: step,
		At: d.given.Now, Booking: t.Booking, Talent: t.Talent, Amount: t.Amount, Currency: t.Currency, Code: why,
	}
	switch kind {
	case EscrowReleased:
		e.Amount, e.Commission, e.TalentFee = t.Hold.Released, t.Hold.Commission, t.Hold.TalentFee
	case PayoutSent, PayoutPaid, PayoutFailed, PayoutReversed:
		e.Amount, e.Reference = t.Payout.Amount, t.tryReference(len(t.Payout.Tries))
	case PaymentSurplus:
		r := t.Refunds[len(t.Refunds)-1]
		e.Amount, e.Reference = r.Amount, t.attemptReference(r.Attempt)
	case PaymentReceived: // by an earlier attempt, or of what people have kept as the price
		kept := t.Attempts[slices.IndexFunc(t.Attempts, func(a Attempt) bool { return a.Disposition == Kept })]
		e.Amount, e.Reference = kept.Captured, t.attemptReference(kept.No)
	case PaymentFailed, PaymentExpired:
		e.Reference = t.attemptReference(len(t.Attempts))
	case PaymentUnderReview:
		_, e.Reference = t.gravestDoubt()
	case PaymentRefunded, RefundNeedsPeople:
		if about, err := ParseReference(subject); err == nil {
			e.Amount, e.Reference = t.Refunds[about.Number-1].Amount, about
		}
	case PaymentCancelled:
	}
	d.Events = append(d.Events, e)
}

// book writes a journal: see posting.go for which fact writes which.
func (d *draft) book(kind ledger.Kind, cause string, postings ...ledger.Posting) {
	d.Journals = append(d.Journals, ledger.Journal{Kind: kind, Cause: cause, Currency: d.Next.Currency, Postings: postings})
}

// moveCharge makes a step of the charge.
func (d *draft) moveCharge(to ChargeStatus, why Code) error {
	t := &d.Next
	t.Code = why
	if err := moveTo(d, chargeMachine, t.ID.String(), &t.Status, &t.Step, to, why); err != nil {
		return err
	}
	if t.OwnsSlot() { // an open payment owns its booking's slot, a closed one does not
		t.Slot, t.SlotPaid = t.ID, t.Status == ChargeIsSucceeded
	} else if t.Slot == t.ID {
		t.Slot, t.SlotPaid = ID{}, false
	}
	return nil
}

// moveAttempt makes a step of an attempt.
func (d *draft) moveAttempt(a *Attempt, to AttemptStatus, why Code) error {
	if err := moveTo(d, attemptMachine, d.Next.attemptReference(a.No).String(), &a.Status, &a.Step, to, why); err != nil {
		return err
	}
	switch t := &d.Next; { // the phone shows one request of an amount at a time (R13)
	case t.OwnsPrompt():
		t.Prompt = t.ID
	case t.Prompt == t.ID:
		t.Prompt = ID{}
	}
	return nil
}

// moveHold makes a step of the hold.
func (d *draft) moveHold(to HoldStatus) error {
	h := d.Next.Hold
	return moveTo(d, holdMachine, d.Next.ID.String()+"-hold", &h.Status, &h.Step, to, Code(h.ReleasedBy))
}

// movePayout makes a step of the payout.
func (d *draft) movePayout(to PayoutStatus, why Code) error {
	p := d.Next.Payout
	return moveTo(d, payoutMachine, d.Next.ID.String()+"-payout", &p.Status, &p.Step, to, why)
}

// moveTry makes a step of a try.
func (d *draft) moveTry(try *Try, to TryStatus, why Code) error {
	return moveTo(d, tryMachine, d.Next.tryReference(try.No).String(), &try.Status, &try.Step, to, why)
}

// moveRefund makes a step of a refund.
func (d *draft) moveRefund(r *Refund, to RefundStatus, why Code) error {
	return moveTo(d, refundMachine, d.Next.refundReference(r.No).String(), &r.Status, &r.Step, to, why)
}

// ask puts a question to a gateway, and notes when: an answer is only worth as
// much as its question is recent.
func (d *draft) ask(call InquireCall) {
	call.AskedAt = d.given.Now
	d.Effects = append(d.Effects, call)
}

// figures are what must be equal before a report about money is believed.
type figures struct {
	amount   money.Amount
	currency money.Currency
	live     bool // live money, or the gateway's test mode
	inexact  bool // no whole number of francs on the wire
}

func (r ChargeReport) figures() figures { return figures{r.Amount, r.Currency, r.Live, r.Inexact} }
func (r PayoutReport) figures() figures { return figures{r.Amount, r.Currency, r.Live, r.Inexact} }

// mismatchOf says how what was reported differs from an amount of ours.
func (reported figures) mismatchOf(amount money.Amount, currency money.Currency, live bool) Review {
	return figures{amount: amount, currency: currency, live: live}.mismatch(reported)
}

// mismatch says how a report differs from what was agreed; empty when it does
// not.
func (agreed figures) mismatch(reported figures) Review {
	switch {
	case reported.currency != agreed.currency:
		return ReviewCurrency
	case reported.live != agreed.live:
		return ReviewDomain
	case reported.inexact || isOffBy100(agreed.amount, reported.amount):
		return ReviewScale
	case reported.amount != agreed.amount:
		return ReviewAmount
	}
	return ""
}

// agreed is what an attempt may capture: the price, or what people have placed.
func (t Transaction) agreed(a *Attempt) figures {
	agreed := figures{amount: t.Amount, currency: t.Currency, live: a.Live}
	if a.Disposition == Kept || a.Disposition == Surplus {
		agreed.amount = a.Captured
	}
	return agreed
}

// isOffBy100 is the tripwire for a gateway's scale misread in one place only.
func isOffBy100(agreed, reported money.Amount) bool {
	const scale = 100 // Paystack's subunits of XOF
	return reported == agreed*scale || reported*scale == agreed
}

// must turns a step that the code around it has made sure of into a bug report.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("engine: a move that was checked is illegal: %v", err))
	}
}
