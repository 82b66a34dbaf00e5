package engine

import (
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// AttemptStatus is where an attempt stands. Live ones may still debit the payer,
// dead ones are believed not to, the one that succeeded did (money-safety, §2.1).
type AttemptStatus string

// The statuses of an attempt.
const (
	AttemptSending    AttemptStatus = "sending"    // committed; the call is about to be made, or was
	AttemptCustomer   AttemptStatus = "customer"   // the gateway has it and waits for the payer
	AttemptUnknown    AttemptStatus = "unknown"    // sent, no readable answer: ask, never send again
	AttemptQuarantine AttemptStatus = "quarantine" // the gateway says it never heard of it; not believed yet
	AttemptRejected   AttemptStatus = "rejected"   // provably not sent, or provably not accepted
	AttemptFailed     AttemptStatus = "failed"     // the gateway says it failed for good
	AttemptExpired    AttemptStatus = "expired"    // the payer let the window pass
	AttemptAbsent     AttemptStatus = "absent"     // not found often and long enough
	AttemptSucceeded  AttemptStatus = "succeeded"  // money was captured
)

// A late success is always legal: a gateway that took the money is right,
// whatever we believed (R8).
var attemptMachine = machine[AttemptStatus]{
	name:  "attempt",
	first: AttemptSending,
	moves: map[AttemptStatus]map[AttemptStatus]EventKind{
		AttemptSending:    {AttemptCustomer: "", AttemptUnknown: "", AttemptRejected: "", AttemptFailed: "", AttemptSucceeded: ""},
		AttemptCustomer:   {AttemptFailed: "", AttemptExpired: "", AttemptSucceeded: ""},
		AttemptUnknown:    {AttemptCustomer: "", AttemptQuarantine: "", AttemptFailed: "", AttemptSucceeded: ""},
		AttemptQuarantine: {AttemptCustomer: "", AttemptAbsent: "", AttemptFailed: "", AttemptSucceeded: ""},
		AttemptRejected:   {AttemptSucceeded: ""},
		AttemptFailed:     {AttemptSucceeded: ""},
		AttemptExpired:    {AttemptFailed: "", AttemptSucceeded: ""},
		AttemptAbsent:     {AttemptFailed: "", AttemptSucceeded: ""},
		AttemptSucceeded:  {},
	},
}

// Live reports that the attempt may still debit the payer: no other may exist.
func (s AttemptStatus) Live() bool {
	switch s {
	case AttemptSending, AttemptCustomer, AttemptUnknown, AttemptQuarantine:
		return true
	case AttemptRejected, AttemptFailed, AttemptExpired, AttemptAbsent, AttemptSucceeded:
	}
	return false
}

// Disposition says whose the money of a success is.
type Disposition string

// The dispositions.
const (
	Kept     Disposition = "kept"     // the first success: it pays for the booking
	Surplus  Disposition = "surplus"  // captured once too often: owed back at once (R7)
	Suspense Disposition = "suspense" // not the price: people decide
)

// Attempt is one charge asked of one gateway under one reference.
type Attempt struct {
	No               int
	Gateway          Gateway
	Flow             Flow
	Live             bool // live money or the gateway's test mode, fixed when it was made
	Status           AttemptStatus
	Step             int
	Disposition      Disposition  // set when it succeeded
	Doubt            Review       // why what was said of it is not believed yet; empty when it is
	Captured         money.Amount // francs; set when it succeeded
	Fee              money.Amount // francs, rounded up
	FeeSubunits      int64        // as on the wire
	GatewayReference string

	NextAction  NextAction // what the payer does now
	RedirectURL string
	Text        string // the gateway's words to the payer, verbatim
	Code        Code   // why it is dead

	OTPTries    int  // codes passed on that the gateway may have counted
	OTPInFlight bool // one is being passed on: no second beside it

	AskedAt  time.Time // when it was committed as sending
	SinceAt  time.Time // the beginning of the present schedule: asked, prompted, connection closed, or dead
	WindowAt time.Time // when the payer's time is over; zero until they were asked
	CheckAt  time.Time // the next inquiry; zero when there is none to come
	AbsentAt time.Time // the first not-found of the present row of them
	Absences int       // not-found answers since then
}

// NextAction is what the payer does now.
type NextAction string

// What a payer may have to do.
const (
	NextNone     NextAction = "none"
	NextOTP      NextAction = "submit_otp"
	NextApprove  NextAction = "approve_on_phone"
	NextRedirect NextAction = "redirect"
)

// Reference is the attempt's name at its gateway.
func (t Transaction) attemptReference(no int) Reference {
	return Reference{Transaction: t.ID, Kind: ChargeReference, Number: no}
}

// source says how a report reached us. It changes nothing about what the report
// means, only how much of it may be believed at once.
type source int

const (
	fromAnswer source = iota
	fromNotification
	fromInquiry
)

// attempt records the next attempt and asks for its call. Recorded first, made
// after: a crash between the two leaves a row that will be inquired about.
func (d *draft) attempt(door Door) {
	t := &d.Next
	a := Attempt{
		No: len(t.Attempts) + 1, Gateway: door.Gateway, Flow: door.Flow, Live: d.given.Policy.Live[door.Gateway],
		NextAction: NextNone, AskedAt: d.given.Now, SinceAt: d.given.Now,
		CheckAt: d.given.Now.Add(d.given.Policy.CallTimeout + d.given.Policy.AnswerGrace),
	}
	t.Attempts = append(t.Attempts, a)
	recorded := &t.Attempts[len(t.Attempts)-1]
	must(d.moveAttempt(recorded, AttemptSending, ""))
	d.Effects = append(d.Effects, ChargeCall{
		Reference: t.attemptReference(a.No), Gateway: door.Gateway, Flow: door.Flow, Method: t.Method,
		Amount: t.Amount, Currency: t.Currency, Payer: t.Payer, Booking: t.Booking,
	})
}

// asksThePhone reports that a request of the attempt may be on the payer's phone.
func (a Attempt) asksThePhone() bool { return a.Flow == Direct && a.Status.Live() }

// attemptNo finds an attempt. One that does not exist is a NotFound: whoever
// names it knows something we do not, and what it says is kept.
func (d *draft) attemptNo(no int) (*Attempt, error) {
	if no < 1 || no > len(d.Next.Attempts) {
		return nil, Errorf(NotFound, CodePaymentUnknown, "%s has no attempt %d", d.Next.ID.Payment(), no)
	}
	return &d.Next.Attempts[no-1], nil
}

// liveAttempt returns the attempt that may still debit, or nil.
func (t *Transaction) liveAttempt() *Attempt {
	for i := range t.Attempts {
		if t.Attempts[i].Status.Live() {
			return &t.Attempts[i]
		}
	}
	return nil
}

// LastAttempt returns the latest attempt: what the payer is shown.
func (t Transaction) LastAttempt() (Attempt, bool) {
	if len(t.Attempts) == 0 {
		return Attempt{}, false
	}
	return t.Attempts[len(t.Attempts)-1], true
}

// Reference is the name of the attempt at its gateway.
func (t Transaction) Reference(a Attempt) Reference { return t.attemptReference(a.No) }

// chargeReported applies what a gateway says of an attempt: its answer, a
// notification or an inquiry, in whatever order they arrive. It reports whether
// the word was believed.
func (d *draft) chargeReported(a *Attempt, r ChargeReport, from source) (believed bool, err error) {
	if a.GatewayReference == "" {
		a.GatewayReference = r.GatewayReference
	}
	if a.Status == AttemptSending && from == fromInquiry && !r.Status.ends() {
		return true, nil // its own answer is still to come, and may be a refusal
	}
	switch r.Status {
	case ChargeSucceeded:
		return d.chargeSucceeded(a, r, from)
	case ChargeFailed:
		err := d.chargeFailed(a, r) // under the doubt still: no other gateway is asked
		if from == fromInquiry && a.Status != AttemptSucceeded && a.Doubt.aboutFigures() {
			a.Doubt = "" // no money came: what was told of it was wrong
			d.review()
		}
		return true, err
	case ChargeReversed:
		return d.chargeReversed(a, r, from)
	case ChargeAbandoned, ChargePending, ChargeWantsOTP, ChargeOnPhone, ChargeRedirects, ChargeUnknowable:
		if !a.Status.Live() {
			return true, nil // a dead attempt never lives again (R2)
		}
		d.customerActs(a, r, from)
		return true, d.expireAfterWindow(a, r, from)
	case ChargeAbsent:
		return true, d.chargeAbsent(a, from)
	case ChargeHeard:
	}
	return true, nil // nothing new, or a word no adapter of ours makes: never success, never failure
}

// customerActs takes in what the payer has to do now.
func (d *draft) customerActs(a *Attempt, r ChargeReport, from source) {
	now := d.given.Now
	if a.Status != AttemptCustomer {
		begin := now
		if from == fromInquiry {
			begin = a.AskedAt // the prompt may have been out since then
		}
		must(d.moveAttempt(a, AttemptCustomer, ""))
		a.SinceAt, a.Absences, a.AbsentAt = now, 0, time.Time{}
		window := d.given.Policy.window(d.Next.Payer.Operator, a.Flow)
		if r.Window > 0 {
			window = r.Window
		}
		a.WindowAt = begin.Add(window)
	}
	if d.Next.Status == ChargeIsInitiated {
		must(d.moveCharge(ChargeIsProcessing, ""))
	}
	d.Next.Code = ""
	a.prompt(r, d.given.Policy.OTPTries)
	d.scheduleCheck(a)
}

// prompt sets what the payer is to do. A report that says only "in progress"
// leaves an earlier instruction standing, unless a code was on its way.
func (a *Attempt) prompt(r ChargeReport, otpTries int) {
	inFlight := a.OTPInFlight
	a.OTPInFlight = false
	switch r.Status {
	case ChargeWantsOTP:
		a.NextAction, a.Text = NextOTP, r.Text
		if a.OTPTries >= otpTries { // it still wants one, and no more may be typed
			a.NextAction, a.Code = NextNone, CodeOTPExhausted
		}
	case ChargeOnPhone:
		a.NextAction, a.Text = NextApprove, r.Text
	case ChargeRedirects:
		a.NextAction, a.Text, a.RedirectURL = NextRedirect, r.Text, r.URL
	case ChargeUnknowable:
		a.NextAction, a.Text, a.Code = NextNone, r.Text, CodeUnsupported
	case ChargePending, ChargeAbandoned:
		if inFlight || a.NextAction == "" || (a.NextAction == NextOTP && a.OTPTries > 0 && a.Code == "") {
			a.NextAction = NextNone
		}
		if r.Text != "" {
			a.Text = r.Text
		}
	case ChargeSucceeded, ChargeFailed, ChargeAbsent, ChargeReversed, ChargeHeard:
	}
}

// expireAfterWindow ends an attempt whose payer let the time pass: only once it
// has, and only when the gateway does not say that something is still going on. An
// answer counts from when it was asked for: one that was long on its way says
// nothing about the last seconds.
func (d *draft) expireAfterWindow(a *Attempt, r ChargeReport, from source) error {
	seen, end := d.given.Now, a.WindowAt
	if from == fromInquiry {
		seen, end = d.asked, a.WindowAt.Add(windowGrace)
	}
	over := a.Status == AttemptCustomer && !a.WindowAt.IsZero() && !seen.Before(end)
	if over && (r.Status == ChargeAbandoned || r.Status == ChargeAbsent) {
		return d.kill(a, AttemptExpired, "", r.Text)
	}
	return nil
}

func (d *draft) chargeFailed(a *Attempt, r ChargeReport) error {
	code := r.Code
	if code == "" {
		code = CodeGatewayDeclined
	}
	if a.Status.Live() {
		return d.kill(a, AttemptFailed, code, r.Text)
	}
	if attemptMachine.allows(a.Status, AttemptFailed) { // expired or absent: now we know
		a.Code = code
		return d.moveAttempt(a, AttemptFailed, code)
	}
	return nil
}

// chargeReversed hears that the gateway has given the payer their money back
// without being asked by us. Whatever we hold for it must not be paid out.
func (d *draft) chargeReversed(a *Attempt, r ChargeReport, from source) (believed bool, err error) {
	differs := d.Next.agreed(a).mismatch(r.figures())
	switch {
	case a.Disposition == Surplus:
		if from == fromInquiry { // what a hint told is answered
			d.scheduleCheck(a)
		}
		return d.surplusReversed(a, r)
	case a.Status == AttemptSucceeded:
		d.doubtAttempt(a, ReviewReversed)
		if from == fromInquiry { // nothing is left to ask
			d.scheduleCheck(a)
		}
		return true, nil
	case differs == ReviewAmount || differs == ReviewScale: // a part of what we never heard was taken: the rest is there
		r.Amount = d.Next.Amount
		return false, d.chargeMismatched(a, r, ReviewReversed, from)
	case differs != "":
		return false, d.chargeMismatched(a, r, differs, from)
	case a.Status.Live():
		if err := d.bury(a, AttemptFailed, CodeGatewayDeclined, r.Text); err != nil {
			return false, err
		}
		if err := d.end(ChargeIsFailed, CodeGatewayDeclined); err != nil { // no other gateway: it has been paid once
			return false, err
		}
	}
	d.doubtAttempt(a, ReviewReversed) // should an older "paid" arrive now, it is held and goes nowhere
	return true, nil
}

// surplusReversed: what we owed has gone back by somebody else's hand. A part of it
// ends nothing, and people are shown so.
func (d *draft) surplusReversed(a *Attempt, r ChargeReport) (believed bool, err error) {
	refund := d.refundOf(a.No)
	if r.figures().mismatchOf(a.Captured, d.Next.Currency, a.Live) == "" {
		return true, d.refundDone(refund)
	}
	if refund.Status != RefundIsDone {
		refund.Code = CodeRefundMismatch
	}
	return false, nil
}

// chargeAbsent hears "not found". It is believed only when it was heard often
// and long enough (R5); an error of the inquiry is never a not-found.
func (d *draft) chargeAbsent(a *Attempt, from source) error {
	if from != fromInquiry {
		return nil
	}
	policy := d.given.Policy
	switch a.Status {
	case AttemptUnknown:
		must(d.moveAttempt(a, AttemptQuarantine, ""))
		a.Absences, a.AbsentAt = 1, d.given.Now
	case AttemptQuarantine:
		a.Absences++
		// Asked, not heard, after T_q: an answer that was long on its way says nothing
		// about a request that arrived meanwhile.
		if a.Absences >= policy.QuarantineReads && d.asked.Sub(a.SinceAt) >= policy.QuarantineFor {
			return d.kill(a, AttemptAbsent, CodeGatewayTimeout, "")
		}
	case AttemptCustomer:
		return d.expireAfterWindow(a, ChargeReport{Status: ChargeAbsent}, from)
	case AttemptSending, AttemptRejected, AttemptFailed, AttemptExpired, AttemptAbsent, AttemptSucceeded:
	}
	return nil
}

// bury ends a live attempt. It stays listened to and asked about (R10).
func (d *draft) bury(a *Attempt, to AttemptStatus, why Code, text string) error {
	if err := d.moveAttempt(a, to, why); err != nil {
		return err
	}
	a.NextAction, a.OTPInFlight, a.Code, a.Text = NextNone, false, why, text
	a.SinceAt = d.given.Now
	d.scheduleCheck(a)
	return nil
}

// scheduleCheck sets when the attempt is asked about next.
func (d *draft) scheduleCheck(a *Attempt) {
	now, policy := d.given.Now, d.given.Policy
	var next time.Time
	switch {
	case a.Status.Live(): // never forgotten while it may debit
		next = policy.liveAttempt(Door{a.Gateway, a.Flow}).nextOr(a.SinceAt, now, lastPace)
	case a.Doubt.aboutFigures() || a.Doubt == ReviewRefunding: // until the gateway's books explain it
		next = policy.DeadAttempt.nextOr(a.SinceAt, now, slowPace)
	case a.Status != AttemptSucceeded:
		next, _ = policy.DeadAttempt.Next(a.SinceAt, now)
	}
	if a.Status == AttemptCustomer && now.Before(a.WindowAt) {
		if afterWindow := a.WindowAt.Add(windowGrace); next.IsZero() || afterWindow.Before(next) {
			next = afterWindow
		}
	}
	a.CheckAt = next
}

// windowGrace lets a payer's last-second approval reach the gateway before it
// is asked: 180 s + 5 s is the first read after Paystack's window.
const windowGrace = 5 * time.Second

// attemptDue is the earliest moment an attempt wants attention, or zero.
func (t Transaction) attemptDue() time.Time {
	var due time.Time
	for _, a := range t.Attempts {
		if !a.CheckAt.IsZero() && (due.IsZero() || a.CheckAt.Before(due)) {
			due = a.CheckAt
		}
	}
	return due
}

// tickAttempts asks about every attempt whose time has come. One found sending
// lost its answer, or was never sent: it is asked about, never sent again.
func (d *draft) tickAttempts() error {
	offered := false
	for i := range d.Next.Attempts {
		a := &d.Next.Attempts[i]
		if a.CheckAt.IsZero() || a.CheckAt.After(d.given.Now) {
			continue
		}
		if a.Status == AttemptSending {
			if err := d.lose(a, CodeGatewayTimeout); err != nil {
				return err
			}
		}
		if a.Status == AttemptCustomer && !d.given.Now.Before(a.WindowAt.Add(d.given.Policy.PendingMax)) {
			// Whatever the gateway still calls "in progress" is no payment anybody is
			// making. Should it succeed all the same, it is kept or owed back.
			if err := d.kill(a, AttemptExpired, "", ""); err != nil {
				return err
			}
		}
		d.scheduleCheck(a)
		if a.Status == AttemptSucceeded && a.Doubt == "" { // a hint made us ask: until that is answered
			a.CheckAt, _ = d.given.Policy.DeadAttempt.Next(a.SinceAt, d.given.Now)
		}
		d.ask(d.aboutAttempt(a))
		offered = offered || (a.No == len(d.Next.Attempts) && d.Next.waitsForAGateway())
	}
	if offered {
		return d.offerAgain()
	}
	return nil
}
