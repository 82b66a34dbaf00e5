package engine

import (
	"slices"
	"time"

	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// ChargeStatus is where a collection stands with the payer.
type ChargeStatus string

// The statuses of a charge.
const (
	ChargeIsInitiated  ChargeStatus = "initiated"  // committed; no gateway has accepted it yet
	ChargeIsProcessing ChargeStatus = "processing" // a gateway has it, or may have it
	ChargeIsSucceeded  ChargeStatus = "succeeded"  // the money is held
	ChargeIsFailed     ChargeStatus = "failed"     // no money moved, and none is expected to
	ChargeIsExpired    ChargeStatus = "expired"    // the payer's time passed
	ChargeIsCancelled  ChargeStatus = "cancelled"  // the payer chose otherwise: what is captured all the same goes back
)

// A payment believed dead may still succeed: see attemptMachine.
var chargeMachine = machine[ChargeStatus]{
	name:  "charge",
	first: ChargeIsInitiated,
	moves: map[ChargeStatus]map[ChargeStatus]EventKind{
		ChargeIsInitiated: {
			ChargeIsProcessing: "", ChargeIsSucceeded: PaymentReceived,
			ChargeIsFailed: PaymentFailed, ChargeIsExpired: PaymentExpired, ChargeIsCancelled: PaymentCancelled,
		},
		ChargeIsProcessing: {
			ChargeIsSucceeded: PaymentReceived, ChargeIsFailed: PaymentFailed, ChargeIsExpired: PaymentExpired,
			ChargeIsCancelled: PaymentCancelled,
		},
		ChargeIsFailed:    {ChargeIsSucceeded: PaymentReceived},
		ChargeIsExpired:   {ChargeIsSucceeded: PaymentReceived},
		ChargeIsSucceeded: {},
		ChargeIsCancelled: {},
	},
}

// Open reports that the payment still wants money or has it: it owns its
// booking's slot.
func (s ChargeStatus) Open() bool {
	switch s {
	case ChargeIsInitiated, ChargeIsProcessing, ChargeIsSucceeded:
		return true
	case ChargeIsFailed, ChargeIsExpired, ChargeIsCancelled:
	}
	return false
}

// initiate answers InitiateCharge: the payment, its first attempt and the call
// that follows are one decision, committed before the first byte is sent.
func (t Transaction) initiate(c InitiateCharge, given Given) (Decision, error) {
	door, err := t.admit(c, given)
	if err != nil {
		return Decision{}, err
	}
	d := newDraft(t, given)
	d.Next = Transaction{
		ID: t.ID, Principal: c.Principal, Booking: c.Booking, Talent: c.Talent,
		Amount: c.Amount, Currency: c.Currency, Method: c.Method, Payer: c.Payer, DeliveryDueAt: c.DeliveryDueAt,
		CreatedAt: given.Now, Wallet: t.Wallet, Recipients: t.Recipients, Slot: t.ID, Prompt: t.Prompt,
	}
	must(d.moveCharge(ChargeIsInitiated, ""))
	d.attempt(door)
	return d.decision()
}

// admit refuses what may not become a payment and names the door to take.
func (t Transaction) admit(c InitiateCharge, given Given) (Door, error) {
	if err := t.admissible(c, given); err != nil {
		return Door{}, err
	}
	door, open, served := given.Policy.Routes.First(Collect, c.Method, c.Payer.Operator, given.Health)
	switch {
	case !served:
		return Door{}, Errorf(Invalid, CodeOperatorUnavailable, "no gateway collects from %s", c.Payer.Operator.Name()).At("operator")
	case !t.Slot.IsZero() && t.Slot != t.ID:
		e := Errorf(Conflict, CodeBookingBeingPaid, "%s is this booking's payment", t.Slot.Payment())
		if t.SlotPaid {
			e.Code = CodeBookingPaid
		}
		e.About = t.Slot
		return Door{}, e
	case slices.Contains(given.Health.Down, c.Payer.Operator):
		return Door{}, Errorf(Overloaded, CodeOperatorDown, "%s fails through every gateway", c.Payer.Operator.Name())
	case !open:
		return Door{}, Errorf(Overloaded, CodeGatewaysResting, "every gateway that serves this payer is resting")
	case !t.promptFree(door):
		e := Errorf(Conflict, CodePromptOpen, "%s asks this phone for this amount now", t.Prompt.Payment())
		e.About = t.Prompt
		return Door{}, e
	}
	return door, nil
}

// admissible refuses what is wrong with the request itself.
func (t Transaction) admissible(c InitiateCharge, given Given) error {
	policy := given.Policy
	switch {
	case c.Booking == "":
		return Errorf(Invalid, CodeBookingMalformed, "a payment is for a booking").At("booking_id")
	case c.Talent == "":
		return Errorf(Invalid, CodeTalentMalformed, "a payment is for a talent").At("talent_id")
	case c.Currency != money.XOF:
		return Errorf(Invalid, CodeCurrencyUnsupported, "currency is %s", money.XOF).At("currency")
	case c.Amount < policy.AmountMin || c.Amount > policy.AmountMax:
		return Errorf(Invalid, CodeAmountOutOfRange, "amount is from %d to %d F", policy.AmountMin, policy.AmountMax).At("amount")
	case t.deliveryOutOfRange(c, policy, given.Now):
		return Errorf(Invalid, CodeDeliveryDateOutOfPlan, "delivery is from %d days ago to %d days ahead",
			int(policy.DeliveryPast.Hours())/24, int(policy.DeliveryFuture.Hours())/24).At("delivery_due_at")
	case c.Method == Card:
		return admissibleCard(c.Payer)
	case c.Method != MobileMoney:
		return Errorf(Invalid, CodeMethodUnsupported, "method is %s or %s", MobileMoney, Card).At("method")
	case !c.Payer.Operator.Known():
		return Errorf(Invalid, CodeOperatorUnknown, "operator is one of %v", phone.Operators).At("operator")
	case c.Payer.Phone.IsZero():
		return Errorf(Invalid, CodePhoneMalformed, "a payer has a phone number").At("phone")
	case !policy.PortedNumbers && !c.Payer.Phone.Suits(c.Payer.Operator):
		return Errorf(Invalid, CodeOperatorMismatch, "the number belongs to %s", c.Payer.Phone.Prefix().Name()).At("operator")
	}
	return nil
}

// admissibleCard: a card has no operator; its payer may give a phone.
func admissibleCard(p Payer) error {
	if p.Operator != "" {
		return Errorf(Invalid, CodeOperatorMismatch, "a card has no operator").At("operator")
	}
	return nil
}

// deliveryOutOfRange refuses dates that are mistakes: one far in the past would
// release the hold the moment it is made, one far ahead never.
func (t Transaction) deliveryOutOfRange(c InitiateCharge, policy *Policy, now time.Time) bool {
	due := c.DeliveryDueAt
	return !due.IsZero() && (due.Before(now.Add(-policy.DeliveryPast)) || due.After(now.Add(policy.DeliveryFuture)))
}

// chargeAnswered answers RecordChargeAnswer. What a webhook has told meanwhile
// stands: an answer never takes a success back.
func (d *draft) chargeAnswered(c RecordChargeAnswer) error {
	a, err := d.attemptNo(c.Attempt)
	if err != nil {
		return err
	}
	if c.Err == nil {
		_, err := d.chargeReported(a, c.Report, fromAnswer)
		return err
	}
	if !a.Status.Live() || a.Status == AttemptCustomer {
		return nil // known better by now
	}
	switch c.Err.Kind {
	case Unavailable, Unsupported:
		if a.Status == AttemptSending {
			return d.kill(a, AttemptRejected, c.Err.Code, c.Err.Text)
		}
		return nil // asked about already: the inquiry decides
	case Declined:
		return d.kill(a, AttemptFailed, c.Err.Code, c.Err.Text)
	case Ambiguous, Invalid, NotFound, Conflict, Forbidden, Overloaded, Internal:
		return d.lose(a, c.Err.Code)
	}
	return d.lose(a, c.Err.Code)
}

// lose marks an attempt whose answer was lost: it may have had its effect, so it
// is asked about and never sent again (R5, R6).
func (d *draft) lose(a *Attempt, why Code) error {
	if a.Status != AttemptSending {
		return nil
	}
	must(d.moveAttempt(a, AttemptUnknown, why))
	a.SinceAt = d.given.Now // our connection is closed from here on
	d.scheduleCheck(a)
	if d.Next.Status == ChargeIsInitiated {
		return d.moveCharge(ChargeIsProcessing, why)
	}
	return nil
}

// submitOTP answers SubmitOTP. The code goes to the gateway of the attempt and
// nowhere else; one at a time; a wrong one costs a try, not the payment.
func (d *draft) submitOTP(c SubmitOTP) error {
	a := d.Next.liveAttempt()
	switch {
	case a == nil || a.Status != AttemptCustomer:
		return Errorf(Conflict, CodeOTPNotWanted, "this payment wants no code: it is %s", d.Next.Status)
	case a.OTPInFlight:
		return Errorf(Conflict, CodeOTPInProgress, "a code is being checked")
	case a.OTPTries >= d.given.Policy.OTPTries:
		return Errorf(Conflict, CodeOTPExhausted, "%d codes were typed", a.OTPTries)
	case a.NextAction != NextOTP:
		return Errorf(Conflict, CodeOTPNotWanted, "this payment wants no code: next is %s", a.NextAction)
	case !a.WindowAt.IsZero() && !d.given.Now.Before(a.WindowAt):
		return Errorf(Conflict, CodeOTPExpired, "the time for the code is over")
	}
	a.OTPInFlight = true
	a.OTPTries++
	a.Code = ""
	a.CheckAt = d.given.Now.Add(d.given.Policy.CallTimeout + d.given.Policy.AnswerGrace)
	d.Effects = append(d.Effects, OTPCall{d.Next.attemptReference(a.No), a.Gateway, c.OTP})
	return nil
}

// otpAnswered answers RecordOTPAnswer.
func (d *draft) otpAnswered(c RecordOTPAnswer) error {
	a, err := d.attemptNo(c.Attempt)
	if err != nil {
		return err
	}
	if !a.OTPInFlight {
		return nil // an inquiry or a webhook was faster
	}
	if c.Err == nil {
		a.OTPInFlight = false
		_, err := d.chargeReported(a, c.Report, fromAnswer)
		return err
	}
	switch c.Err.Kind {
	case Declined:
		a.OTPInFlight, a.Code = false, CodeOTPInvalid
		if c.Err.Text != "" {
			a.Text = c.Err.Text
		}
		if a.OTPTries >= d.given.Policy.OTPTries {
			a.NextAction, a.Code = NextNone, CodeOTPExhausted
		}
		d.scheduleCheck(a)
	case Unavailable, Unsupported:
		a.OTPInFlight, a.Code = false, c.Err.Code
		a.OTPTries-- // the gateway has not seen it
		d.scheduleCheck(a)
	case Ambiguous, Invalid, NotFound, Conflict, Forbidden, Overloaded, Internal:
		// It may have been taken. We never send a code twice: the inquiry tells.
		a.NextAction, a.Code = NextNone, c.Err.Code
		a.CheckAt = d.given.Now.Add(d.given.Policy.InquireAfter)
	}
	return nil
}

// chargeSucceeded keeps the money, or owes it back, or sets it aside. From here
// the outcome is the same whoever told us. It reports whether the word was
// believed: one that was not must be able to be told again.
func (d *draft) chargeSucceeded(a *Attempt, r ChargeReport, from source) (believed bool, err error) {
	t := &d.Next
	if why := t.agreed(a).mismatch(r.figures()); why != "" {
		return false, d.chargeMismatched(a, r, why, from)
	}
	if a.Status == AttemptSucceeded && from != fromInquiry {
		return true, nil
	}
	if a.Doubt.aboutFigures() && from == fromInquiry {
		a.Doubt = "" // the gateway's own books show the figures that were doubted, and they are right
		d.review()
	}
	if a.Status == AttemptSucceeded {
		d.scheduleCheck(a)
		return true, nil
	}
	must(d.moveAttempt(a, AttemptSucceeded, ""))
	a.Captured, a.Fee, a.FeeSubunits = r.Amount, r.Fee, r.FeeSubunits
	a.NextAction, a.OTPInFlight, a.CheckAt, a.Code, a.Text = NextNone, false, time.Time{}, "", ""
	if a.Doubt != "" { // paid as it should be, and told otherwise before: the gateway's books decide
		d.scheduleDoubt(a)
	}
	if !t.PaidAt.IsZero() || !t.wantsMoney() {
		a.Disposition = Surplus
		d.bookCapture(a)
		d.oweBack(a)
		return true, nil
	}
	a.Disposition = Kept
	t.PaidAt = d.given.Now
	d.review()
	d.bookCapture(a)
	d.hold(a)
	return true, d.moveCharge(ChargeIsSucceeded, "")
}

// chargeMismatched deals with a success that is not the price, or of which a part
// went back before we heard of it. A notification or an answer only makes us ask;
// what an inquiry confirms is real money, and goes where people decide.
func (d *draft) chargeMismatched(a *Attempt, r ChargeReport, why Review, from source) error {
	if err := d.lose(a, Code(why)); err != nil {
		return err
	}
	if a.Doubt == "" {
		d.scheduleDoubt(a)
	}
	d.doubtAttempt(a, why)
	if from != fromInquiry {
		d.inquireOnDoubt(d.aboutAttempt(a))
	}
	ours := why == ReviewAmount || why == ReviewScale || why == ReviewReversed
	confirmed := from == fromInquiry && ours && !r.Inexact && r.Amount > 0
	if !confirmed || a.Status == AttemptSucceeded {
		return nil
	}
	must(d.moveAttempt(a, AttemptSucceeded, Code(why)))
	a.Disposition, a.Captured, a.Fee, a.FeeSubunits = Suspense, r.Amount, r.Fee, r.FeeSubunits
	a.NextAction, a.OTPInFlight, a.CheckAt = NextNone, false, time.Time{}
	d.bookCapture(a)
	if d.Next.PaidAt.IsZero() && d.Next.Status.Open() {
		return d.moveCharge(ChargeIsFailed, Code(why)) // the booking may be paid anew; this money is people's to place
	}
	return nil
}

// scheduleDoubt begins the questions about an attempt that is in doubt: soon, and then
// at the pace of a dead one. What the gateway repeats does not begin them anew.
func (d *draft) scheduleDoubt(a *Attempt) {
	a.SinceAt, a.CheckAt = d.given.Now, d.given.Now.Add(d.given.Policy.ReviewPause)
}

// wantsMoney reports that a success would still pay for the booking: nobody has
// given it up, and nobody else has taken its place.
func (t Transaction) wantsMoney() bool {
	return t.Status != ChargeIsCancelled && (t.Slot.IsZero() || t.Slot == t.ID)
}

// end ends a payment that still waited for money.
func (d *draft) end(to ChargeStatus, why Code) error {
	if !d.Next.Status.Open() || !d.Next.PaidAt.IsZero() {
		return nil
	}
	return d.moveCharge(to, why)
}

// cancel answers CancelCharge. A request may still be on the payer's phone and
// no gateway takes it back for certain: the attempt is listened to as before.
func (d *draft) cancel() error {
	switch d.Next.Status {
	case ChargeIsCancelled:
		return nil
	case ChargeIsInitiated, ChargeIsProcessing:
		return d.moveCharge(ChargeIsCancelled, CodePaymentCancelled)
	case ChargeIsSucceeded, ChargeIsFailed, ChargeIsExpired:
	}
	return Errorf(Conflict, CodeMoveIllegal, "a payment that is %s can't be cancelled", d.Next.Status)
}
