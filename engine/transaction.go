package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// Transaction is one collection and all that follows from it: attempts, hold,
// payout. One actor, one row, one version. It is plain data; one that does not
// exist yet is the zero value with its ID.
type Transaction struct {
	ID      ID
	Version int // commits so far; 0 = does not exist

	Principal     string
	Booking       string
	Talent        string
	Amount        money.Amount // the price, francs
	Currency      money.Currency
	Method        Method
	Payer         Payer
	DeliveryDueAt time.Time // zero when not told

	Status ChargeStatus
	Step   int    // moves of the charge so far
	Code   Code   // why it failed or expired
	Review Review // why money stands still; empty when it does not: the gravest doubt about any of its attempts and tries

	InquiredAt time.Time // the last inquiry a doubt caused: bounds how often
	CreatedAt  time.Time
	PaidAt     time.Time // zero until a success was kept

	Attempts []Attempt // by number, from 1
	Refunds  []Refund  // by number, from 1
	Hold     *Hold
	Payout   *Payout

	EventSeq   int // events so far
	JournalSeq int // journals so far

	// Read beside the row under the same lock; not the transaction's to change.
	Wallet     *Wallet            // the talent's current wallet, if there is one
	WalletAt   time.Time          // when that wallet was set
	Recipients map[Gateway]string // gateways' names for that wallet
	Slot       ID                 // the transaction that owns the booking's slot, if any
	SlotPaid   bool               // that transaction has been paid
	Prompt     ID                 // the transaction that is asking this phone for this amount now, if any (R13)
}

// Exists reports whether the transaction has been committed at least once.
func (t Transaction) Exists() bool { return t.Version > 0 }

// OwnsSlot reports that the booking's slot is the payment's, as an open one's always
// is: a store need not look.
func (t Transaction) OwnsSlot() bool { return t.Status.Open() }

// OwnsPrompt reports that it is this payment that asks on the payer's phone.
func (t Transaction) OwnsPrompt() bool { return slices.ContainsFunc(t.Attempts, Attempt.asksThePhone) }

// HasCaptured reports that money came in. Before it did there is no hold, no payout
// and no refund.
func (t Transaction) HasCaptured() bool {
	return slices.ContainsFunc(t.Attempts, func(a Attempt) bool { return a.Captured > 0 })
}

// Decide answers a command. It reads its arguments only and changes nothing, so
// it can run again after a deadlock or a lost race. Nothing to do is an empty
// Decision; an error is an *Error of kind Invalid, NotFound or Conflict.
func (t Transaction) Decide(cmd Command, given Given) (Decision, error) {
	if !t.Exists() {
		if c, initiates := cmd.(InitiateCharge); initiates {
			return t.initiate(c, given)
		}
		return Decision{}, Errorf(NotFound, CodePaymentUnknown, "there is no such payment")
	}
	d := newDraft(t, given)
	var err error
	switch c := cmd.(type) {
	case InitiateCharge:
		err = Errorf(Conflict, CodeMoveIllegal, "%s exists already", t.ID.Payment())
	case RecordChargeAnswer:
		err = d.chargeAnswered(c)
	case SubmitOTP:
		err = d.submitOTP(c)
	case RecordOTPAnswer:
		err = d.otpAnswered(c)
	case Notify:
		err = d.notified(c.Notification)
	case RecordInquiry:
		err = d.inquired(c)
	case ConfirmDelivery:
		err = d.confirmDelivery(c)
	case RecordPayoutAnswer:
		err = d.payoutAnswered(c)
	case CancelCharge:
		err = d.cancel()
	case RecordRefundAnswer:
		err = d.refundAnswered(c)
	case ReleaseByStaff, EndReview, ConcludePayout, SettleRefund, ReturnSuspense, KeepSuspense, LookAgain:
		err = d.byStaff(c)
	case Tick:
		err = d.tick()
	default:
		panic(fmt.Sprintf("engine: command %T is not in Decide's switch", cmd))
	}
	if err != nil {
		return Decision{}, err
	}
	return d.decision()
}

// Due is what of the transaction time will make ready, and when.
type Due struct {
	Kind DueKind
	At   time.Time
}

// Due lists what time will make ready, at most one of a kind. It is a function
// of the state alone: the due table can be rebuilt from it.
func (t Transaction) Due() []Due {
	var out []Due
	if at := t.attemptDue(); !at.IsZero() {
		out = append(out, Due{DueCharge, at})
	}
	if t.Hold != nil && t.Hold.Status == HoldHeld && t.Review == "" {
		out = append(out, Due{DueRelease, t.Hold.ReleaseAt})
	}
	// A review stops releases and new tries. Questions go on, or one lost answer
	// would leave the money standing for ever.
	if p := t.Payout; p != nil && !p.NextAt.IsZero() && (t.Review == "" || p.doubted() || p.Status == PayoutIsSent) {
		out = append(out, Due{DuePayout, p.NextAt})
	}
	if at := t.refundDue(); !at.IsZero() { // owed whatever else is in doubt
		out = append(out, Due{DueRefund, at})
	}
	return out
}

// tick does whatever is due now.
func (d *draft) tick() error {
	if err := d.tickAttempts(); err != nil {
		return err
	}
	if err := d.tickRefunds(); err != nil {
		return err
	}
	if err := d.tickHold(); err != nil {
		return err
	}
	return d.tickPayout()
}

// Check says what is impossible about the transaction, or nil. Persistence
// calls it on what it read and on what it is about to write: a row that can't
// be is refused in both directions.
func (t Transaction) Check() error {
	var errs []error
	complain := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	complain(t.ID.IsZero(), "no id")
	complain(t.Version < 1, "version %d", t.Version)
	complain(t.Amount <= 0 || t.Amount > money.Max, "amount %d", t.Amount)
	complain(t.Booking == "" || t.Talent == "", "no booking or no talent")
	complain(len(t.Attempts) == 0, "no attempt")
	complain(!slices.Contains(chargeMachine.statuses(), string(t.Status)), "status %q", t.Status)
	live, kept := 0, 0
	for i, a := range t.Attempts {
		complain(a.No != i+1, "attempt %d stands at %d", a.No, i+1)
		complain((a.Disposition != "") != (a.Status == AttemptSucceeded), "attempt %d is %s with disposition %q", a.No, a.Status, a.Disposition)
		complain((a.Captured > 0) != (a.Status == AttemptSucceeded), "attempt %d is %s and captured %d", a.No, a.Status, a.Captured)
		if a.Status.Live() {
			live++
		}
		if a.Disposition == Kept {
			kept++
		}
	}
	complain(live > 1, "%d live attempts", live)
	complain(kept > 1, "%d kept attempts", kept)
	complain((kept == 1) != (t.Hold != nil), "%d kept and hold %v", kept, t.Hold != nil)
	complain((kept == 1) == t.PaidAt.IsZero(), "%d kept and paid at %v", kept, t.PaidAt)
	complain((t.Status == ChargeIsSucceeded) != (kept == 1), "%s with %d kept", t.Status, kept)
	gravest, _ := t.gravestDoubt()
	complain(t.Review != gravest, "under review for %q, doubted for %q", t.Review, gravest)
	for i, r := range t.Refunds {
		complain(r.No != i+1, "refund %d stands at %d", r.No, i+1)
		errs = append(errs, r.check(t))
	}
	if t.Hold != nil {
		errs = append(errs, t.Hold.check())
	}
	if t.Payout != nil {
		errs = append(errs, t.Payout.check())
		complain(t.Hold == nil || t.Payout.Amount > t.Hold.Released, "payout of more than was released")
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("transaction %s cannot be: %w", t.ID, err)
	}
	return nil
}

// clone copies all that a decision may change.
func (t Transaction) clone() Transaction {
	t.Attempts = slices.Clone(t.Attempts)
	t.Refunds = slices.Clone(t.Refunds)
	if t.Hold != nil {
		h := *t.Hold
		t.Hold = &h
	}
	if t.Payout != nil {
		p := *t.Payout
		p.Tries = slices.Clone(p.Tries)
		t.Payout = &p
	}
	return t
}

// GatewayOf is the gateway at which the subject of a move is: an attempt, a try
// or a refund by its reference. It is empty for what is at none.
func (t Transaction) GatewayOf(subject string) Gateway {
	ref, err := ParseReference(subject)
	i := ref.Number - 1
	switch {
	case err != nil:
	case ref.Kind == ChargeReference && i < len(t.Attempts):
		return t.Attempts[i].Gateway
	case ref.Kind == PayoutReference && t.Payout != nil:
		return t.Payout.Gateway
	case ref.Kind == RefundReference && i < len(t.Refunds):
		return t.Refunds[i].Gateway
	}
	return ""
}
