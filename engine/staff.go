package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/bookmi/cauri/engine/ledger"
)

// What staff may ask of a transaction. Each moves money that no gateway and no
// clock would move, so each needs two persons (Act, Proposal), except looking.

// ActKind names what staff do, as proposals and the audit have it.
type ActKind string

// What staff do. The first eight are proposed by one person and approved by another.
const (
	ActRelease      ActKind = "release"         // ReleaseByStaff
	ActEndReview    ActKind = "end_review"      // EndReview
	ActReissue      ActKind = "payout_retry"    // ConcludePayout, not paid: another try follows
	ActPayoutPaid   ActKind = "payout_paid"     // ConcludePayout, paid
	ActSettleRefund ActKind = "settle_refund"   // SettleRefund
	ActReturn       ActKind = "suspense_return" // ReturnSuspense
	ActKeep         ActKind = "suspense_keep"   // KeepSuspense
	ActWallet       ActKind = "wallet"          // a talent's wallet, by staff

	ActPropose ActKind = "propose"
	ActRefuse  ActKind = "refuse"
	ActLook    ActKind = "look" // LookAgain

	ActStaff  ActKind = "staff"  // somebody taken on, changed or ended
	ActKey    ActKind = "key"    // a key made, replaced or revoked
	ActReplay ActKind = "replay" // a notification tried again
	ActReveal ActKind = "reveal" // what is sealed was read
)

// ProposedActs are those that take two persons.
var ProposedActs = []ActKind{ActRelease, ActEndReview, ActReissue, ActPayoutPaid, ActSettleRefund, ActReturn, ActKeep, ActWallet}

// Act is what a member of staff answers for. It is written in the same commit as
// what it does, or neither is (S-16).
type Act struct {
	ID       ID // the audit's row
	Kind     ActKind
	Who      string // the member of staff; of what is proposed, the one who approves
	Role     Role
	Address  string // where they are, as the edge saw it
	Reason   string
	Proposal ID // what is approved by it; zero when one person is enough
}

// Proposal is what one member of staff asks another to approve. It ends by itself.
type Proposal struct {
	ID      ID
	Kind    ActKind
	Payment ID     // zero for a wallet
	Talent  string // of a wallet; else the payment's
	Number  int    // of the try or refund it is about; else 0
	Review  Review // of end_review: the doubt that was looked at
	Through Gateway
	Wallet  *Wallet // of a wallet
	Amount  int64   // francs it is about, for the limit of a day
	Maker   string
	Reason  string
	MadeAt  time.Time
	EndsAt  time.Time

	Checker   string // who ruled on it; empty while nobody did
	CheckedAt time.Time
	Verdict   string // approved, refused, or empty
}

// Same reports that the other proposal asks the same, of the same person's, for the same
// reason: whoever sends it again has not had the answer.
func (p Proposal) Same(other Proposal) bool {
	wallets := (p.Wallet == nil) == (other.Wallet == nil)
	if p.Wallet != nil && other.Wallet != nil {
		wallets = p.Wallet.Operator == other.Wallet.Operator && p.Wallet.Phone == other.Wallet.Phone && p.Wallet.Name == other.Wallet.Name
	}
	return wallets && p.Kind == other.Kind && p.Payment == other.Payment && p.Talent == other.Talent && p.Number == other.Number &&
		p.Review == other.Review && p.Through == other.Through && p.Amount == other.Amount && p.Maker == other.Maker && p.Reason == other.Reason
}

// APIKey is a key as it is kept: everything but its secret.
type APIKey struct {
	ID         string
	Principal  Principal // whose it is, with the role they have now
	Label      string    // for people: which machine it was given to
	Pepper     string    // the id of what its hash was made with
	Hash       []byte    // HMAC-SHA256 of the secret
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: it does not
	RevokedAt  time.Time // zero: it works
	LastUsedAt time.Time // to the minute
}

// Works reports that the key may be used at that time.
func (k APIKey) Works(at time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || at.Before(k.ExpiresAt))
}

// Staff is somebody who works for us.
type Staff struct {
	Name       string
	Role       Role
	DailyLimit int64 // francs this person may approve in a day
	AddedAt    time.Time
	EndedAt    time.Time // zero: they do
}

// AuditRecord is what somebody did, as it was written down in the commit of what it did.
type AuditRecord struct {
	Act
	Payment ID     // zero when it was about no payment
	Subject string // a talent, a key, a notification, a breaker
	At      time.Time
	Before  []byte // JSON; nil when there was nothing
	After   []byte // JSON
}

// ProposalLasts is how long a proposal may wait for its second person: what was looked
// at a day ago is to be looked at again.
const ProposalLasts = 24 * time.Hour

// Command is what an approved proposal asks of its payment; nil for a wallet.
func (p Proposal) Command() Command {
	switch p.Kind {
	case ActRelease:
		return ReleaseByStaff{}
	case ActEndReview:
		return EndReview{Review: p.Review}
	case ActReissue:
		return ConcludePayout{Try: p.Number}
	case ActPayoutPaid:
		return ConcludePayout{Try: p.Number, Paid: true}
	case ActSettleRefund:
		return SettleRefund{Refund: p.Number, Through: p.Through}
	case ActReturn:
		return ReturnSuspense{Attempt: p.Number}
	case ActKeep:
		return KeepSuspense{Attempt: p.Number}
	case ActWallet, ActPropose, ActRefuse, ActLook:
	}
	return nil
}

// byStaff answers what staff ask.
func (d *draft) byStaff(cmd Command) error {
	switch c := cmd.(type) {
	case ReleaseByStaff:
		return d.releaseByStaff()
	case EndReview:
		return d.endReview(c)
	case ConcludePayout:
		return d.concludePayout(c)
	case SettleRefund:
		return d.settleRefund(c)
	case ReturnSuspense:
		return d.placeSuspense(c.Attempt, Surplus)
	case KeepSuspense:
		return d.placeSuspense(c.Attempt, Kept)
	}
	d.lookAgain()
	return nil
}

// releaseByStaff ends a hold before its time: the performance is known to have
// happened, and nobody says so.
func (d *draft) releaseByStaff() error {
	switch {
	case d.Next.Hold == nil:
		return Errorf(Conflict, CodeNotPaid, "this payment is %s: there is nothing to release", d.Next.Status)
	case d.Next.Hold.Status == HoldReleased:
		return Errorf(Conflict, CodeNothingToDo, "it is released already")
	case d.Next.Review != "":
		return Errorf(Conflict, CodeUnderReview, "the payment is under review: %s", d.Next.Review)
	}
	return d.release(ReleasedByStaff)
}

// endReview answers EndReview: people have looked at what did not match, and the
// money goes on as if nobody had doubted it. A doubt that has become another since is
// not ended.
func (d *draft) endReview(c EndReview) error {
	t := &d.Next
	switch {
	case t.Review == "":
		return Errorf(Conflict, CodeNothingToDo, "nothing about this payment is under review")
	case t.Review != c.Review:
		return Errorf(Conflict, CodeReviewChanged, "what is doubted now is %s", t.Review)
	}
	if _, about := t.gravestDoubt(); about.Kind == ChargeReference && t.Attempts[about.Number-1].Disposition == Suspense {
		return Errorf(Conflict, CodeInSuspense, "the money of attempt %d is in suspense: say whose it is, and the doubt ends", about.Number)
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if a.Doubt == "" || a.Disposition == Suspense {
			continue
		}
		a.Doubt = ""
		if a.Status == AttemptSucceeded {
			a.CheckAt = time.Time{} // its gateway would only say again what people have looked at
		}
	}
	if p := t.Payout; p != nil && p.doubted() {
		for i := range p.Tries {
			p.Tries[i].Doubt = ""
		}
		d.undoubted(p)
	}
	d.review()
	return nil
}

// nothing is how staff are told that what they name is not there: the payment is.
func nothing(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return Errorf(Conflict, CodeNothingToDo, "%s", e.Detail)
	}
	return err
}

// concludeAfter is how old the last call of a try must be before people may say that
// it paid nobody: what is still on its way at the gateway is not on its pages yet.
const concludeAfter = time.Hour

// concludePayout answers ConcludePayout: people have looked at the gateway's own pages,
// because it gives us no conclusive word.
func (d *draft) concludePayout(c ConcludePayout) error {
	try, err := d.tryNo(c.Try)
	if err != nil {
		return nothing(err)
	}
	p := d.Next.Payout
	contradicted := try.Status == TryFailed && try.Doubt == ReviewContradicts
	switch {
	case c.Paid && contradicted && p.Status == PayoutIsFailed:
		return d.foundPaid(p, try)
	case !try.Status.Open():
		return Errorf(Conflict, CodeNothingToDo, "try %d is %s", try.No, try.Status)
	case try.Status == TrySending || d.given.Now.Sub(try.SentAt) < concludeAfter:
		return Errorf(Conflict, CodeTooSoon, "its last call is less than %s old: it may still be on its way", concludeAfter)
	case c.Paid:
		_, err := d.payoutPaid(try, PayoutReport{Code: CodeConcludedByStaff})
		return err
	}
	if err := d.payoutFailed(try, CodeConcludedByStaff, ""); err != nil {
		return err
	}
	if p.Waiting == WaitingRetry {
		p.NextAt = d.given.Now
	}
	return d.tickPayout()
}

// foundPaid books a payout whose try was believed failed and had paid the talent all
// the same: the money that is payable again is the talent's no longer.
func (d *draft) foundPaid(p *Payout, try *Try) error {
	if slices.ContainsFunc(p.Tries, func(other Try) bool { return other.No != try.No && other.Status == TryPaid }) {
		return Errorf(Conflict, CodeNothingToDo, "another try has paid it")
	}
	try.Doubt, try.Code, p.Code, p.Waiting = "", "", "", WaitingNothing
	p.PaidAt, p.NextAt = d.given.Now, time.Time{}
	if err := d.moveTry(try, TryPaid, CodeConcludedByStaff); err != nil {
		return err
	}
	if err := d.movePayout(PayoutIsPaid, CodeConcludedByStaff); err != nil {
		return err
	}
	d.bookTry(JournalPayoutFound, try, ledger.TalentPayable(d.Next.Talent), ledger.GatewayBalance(string(try.Gateway)))
	d.review()
	return nil
}

// settleRefund answers SettleRefund: people gave the payer's money back where no
// gateway would tell us.
func (d *draft) settleRefund(c SettleRefund) error {
	r, err := d.refundNo(c.Refund)
	if err != nil {
		return nothing(err)
	}
	if r.Status != RefundIsManual {
		return Errorf(Conflict, CodeNothingToDo, "refund %d is %s: only one that people must make is settled by people", r.No, r.Status)
	}
	through := c.Through
	if through == "" {
		through = r.Gateway
	}
	r.Flights++
	d.bookRefund(JournalRefundSent, r, ledger.PayerSurplus, ledger.RefundInFlight)
	d.bookRefund(JournalRefundDone, r, ledger.RefundInFlight, ledger.GatewayBalance(string(through)))
	r.NextAt, r.SinceAt, r.Code, r.Text = time.Time{}, d.given.Now, "", ""
	return d.moveRefund(r, RefundIsDone, CodeConcludedByStaff)
}

// lookAgain answers LookAgain: every gateway that may know more is asked, but not
// more often than policy says.
func (d *draft) lookAgain() {
	t := &d.Next
	if d.given.Now.Sub(t.InquiredAt) < d.given.Policy.ReviewPause {
		return
	}
	t.InquiredAt = d.given.Now
	for i := range t.Attempts {
		if a := &t.Attempts[i]; a.Status != AttemptSending && a.Status != AttemptRejected {
			d.ask(d.aboutAttempt(a))
		}
	}
	if p := t.Payout; p != nil && p.last() != nil && p.last().Status != TrySending {
		d.ask(d.aboutTry(p.last()))
	}
	for i := range t.Refunds {
		if r := &t.Refunds[i]; r.Status != RefundIsDone && r.Status != RefundIsSending && d.given.Policy.Refunds[r.Gateway] {
			d.ask(d.aboutRefund(r))
		}
	}
}
