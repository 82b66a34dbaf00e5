package engine

import (
	"time"

	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
)

// TryStatus is where one sending stands.
type TryStatus string

// The statuses of a try.
const (
	TrySending  TryStatus = "sending"  // committed; the call is about to be made, or was
	TryUnknown  TryStatus = "unknown"  // no readable answer: ask; at most the same reference again
	TryPending  TryStatus = "pending"  // the gateway has it
	TryPaid     TryStatus = "paid"     //
	TryFailed   TryStatus = "failed"   // conclusive: nothing was sent
	TryReversed TryStatus = "reversed" // it bounced
)

var tryMachine = machine[TryStatus]{
	name:  "try",
	first: TrySending,
	moves: map[TryStatus]map[TryStatus]EventKind{
		TrySending:  {TryUnknown: "", TryPending: "", TryPaid: "", TryFailed: "", TryReversed: ""},
		TryUnknown:  {TryPending: "", TryPaid: "", TryFailed: "", TryReversed: ""},
		TryPending:  {TryUnknown: "", TryPaid: "", TryFailed: "", TryReversed: ""},
		TryPaid:     {TryReversed: ""},
		TryFailed:   {TryPaid: ""}, // people saw that it had paid after all (ConcludePayout)
		TryReversed: {},
	},
}

// Open reports that the try is not concluded: no other may be made.
func (s TryStatus) Open() bool {
	switch s {
	case TrySending, TryUnknown, TryPending:
		return true
	case TryPaid, TryFailed, TryReversed:
	}
	return false
}

// Try is one sending under one reference.
type Try struct {
	No               int
	Gateway          Gateway
	Live             bool
	Status           TryStatus
	Step             int
	Amount           money.Amount // francs
	Wallet           Wallet       // where it goes, fixed: sent again, it goes to the same wallet
	Recipient        string       // the gateway's name for the wallet, once known
	GatewayReference string
	Fee              money.Amount // francs, rounded up
	FeeSubunits      int64
	Doubt            Review // why it is not believed yet; empty when it is
	Code             Code
	Text             string // the gateway's words, for staff
	Sends            int    // calls that may have left under this reference
	AskedAt          time.Time
	SentAt           time.Time // the last of those calls
}

func (t Transaction) tryReference(no int) Reference {
	return Reference{Transaction: t.ID, Kind: PayoutReference, Number: no}
}

// TryReference is the name of the try at its gateway.
func (t Transaction) TryReference(try Try) Reference { return t.tryReference(try.No) }

// The pace of sending one reference again: twice as long each time, and at last
// once a day. It stops after two months: whatever it is by then, another call
// will not mend it.
const (
	resendFirst = 20 * time.Second
	resendSlow  = 24 * time.Hour
	sendsMax    = 70
	// sendsClear is how many calls may go by before people are told that the
	// gateway gives no conclusive word.
	sendsClear = 5
)

// send asks for the call of a try. The recipient may have to be made first, so
// the answer is given the time of two calls.
func (d *draft) send(try *Try) {
	p := d.Next.Payout
	try.Sends++
	try.SentAt = d.given.Now
	if try.Sends > sendsClear {
		p.Waiting = WaitingGateway
	}
	p.NextAt = d.given.Now.Add(2*d.given.Policy.CallTimeout + d.given.Policy.AnswerGrace)
	d.Effects = append(d.Effects, PayoutCall{
		Reference: d.Next.tryReference(try.No), Send: try.Sends, Gateway: try.Gateway, Amount: try.Amount, Currency: d.Next.Currency,
		Talent: d.Next.Talent, Wallet: try.Wallet, Recipient: try.Recipient, Booking: d.Next.Booking,
	})
}

// mayResend reports that the same reference may go out again now.
func (d *draft) mayResend(try *Try) bool {
	if try.Sends >= sendsMax || d.Next.Review != "" {
		return false
	}
	pause := resendSlow
	const doublings = 12 // 20 s × 2^11 is half a day
	if try.Sends <= doublings {
		pause = resendFirst << try.Sends >> 1
	}
	return d.given.Now.Sub(try.SentAt) >= pause || try.Sends == 0
}

// checkTry asks about the try under way. One found sending lost its answer.
func (d *draft) checkTry(p *Payout) error {
	try := p.last()
	if try.Status == TrySending {
		if err := d.moveTry(try, TryUnknown, CodeGatewayTimeout); err != nil {
			return err
		}
	}
	d.scheduleTry(try)
	d.ask(d.aboutTry(try))
	return nil
}

// scheduleTry sets when the try is asked about next, never sooner than a lost
// request may take to arrive.
func (d *draft) scheduleTry(try *Try) {
	next := d.given.Policy.OpenTry.nextOr(try.AskedAt, d.given.Now, lastPace)
	if soonest := d.given.Now.Add(d.given.Policy.InquireAfter); next.Before(soonest) {
		next = soonest
	}
	d.Next.Payout.NextAt = next
}

// payoutAnswered answers RecordPayoutAnswer.
//
// A refusal concludes a try only when it answers the one call that can have
// left: of two calls under one reference, the first may still be executed after
// the second was refused, and a try believed failed is followed by another.
func (d *draft) payoutAnswered(c RecordPayoutAnswer) error {
	try, err := d.tryNo(c.Try)
	if err != nil {
		return err
	}
	d.learn(try, c.Report.Recipient)
	if c.Err == nil {
		_, err := d.payoutReported(try, c.Report, fromAnswer)
		return err
	}
	if try.Status != TrySending && try.Status != TryUnknown {
		return nil // known better by now
	}
	if c.Err.Kind == Declined && c.Send == 1 && try.Sends == 1 {
		return d.payoutFailed(try, c.Err.Code, c.Err.Text)
	}
	if c.Err.Kind == Unavailable && c.Send == try.Sends {
		try.Sends-- // provably, it never left
	}
	// Not sent, or perhaps sent: both are asked about, and then the same
	// reference goes out again, which creates or is refused as a duplicate
	// (Paystack docs, How transfers work). Nothing else could not pay twice.
	if try.Status == TrySending {
		if err := d.moveTry(try, TryUnknown, c.Err.Code); err != nil {
			return err
		}
	}
	try.Code = c.Err.Code
	d.scheduleTry(try)
	return nil
}

// learn keeps the gateway's name for the wallet: it is asked for once.
func (d *draft) learn(try *Try, code string) {
	if code == "" || try.Recipient == code {
		return
	}
	try.Recipient = code
	d.Recipients = append(d.Recipients, Recipient{d.Next.Talent, try.Wallet.No, try.Gateway, code})
}

// payoutReported applies what a gateway says of a try, whoever asked. It
// reports whether the word was believed: a notification that was not must be
// able to be told again.
func (d *draft) payoutReported(try *Try, r PayoutReport, from source) (believed bool, err error) {
	if try.GatewayReference == "" {
		try.GatewayReference = r.GatewayReference
	}
	d.learn(try, r.Recipient)
	if r.Status != PayoutReportAbsent && r.Status != PayoutReportPending { // these move no money
		agreed := figures{amount: try.Amount, currency: d.Next.Currency, live: try.Live}
		if agreed.mismatch(r.figures()) != "" {
			d.doubtTry(try, ReviewPayout)
			return false, nil
		}
		if from == fromInquiry {
			d.confirm(try, r)
		}
	}
	switch r.Status {
	case PayoutReportPending:
		return true, d.payoutPending(try, r)
	case PayoutReportPaid:
		return d.payoutPaid(try, r)
	case PayoutReportFailed:
		return d.payoutDenied(try, r)
	case PayoutReportReversed:
		return true, d.payoutReversed(try, r)
	case PayoutReportAbsent:
		return true, d.payoutAbsent(try, from)
	}
	return true, nil // a word no adapter of ours makes
}

// confirm ends a doubt that the gateway's own books do away with: the figures
// are right after all, or a try believed failed is failed there too.
func (d *draft) confirm(try *Try, r PayoutReport) {
	agrees := r.Status == PayoutReportFailed && try.Status == TryFailed || r.Status == PayoutReportPaid && try.Status == TryPaid
	p := d.Next.Payout
	doubted := p.doubted()
	if try.Doubt == ReviewPayout || (try.Doubt == ReviewContradicts && agrees) {
		try.Doubt = ""
		d.review()
	}
	if p.Status == PayoutIsPaid || doubted {
		d.undoubted(p)
	}
}

// undoubted sets when a payout is looked at that is in doubt no longer.
func (d *draft) undoubted(p *Payout) {
	switch {
	case p.doubted():
	case p.Status == PayoutIsPaid:
		p.NextAt = time.Time{}
	case p.Status == PayoutIsSent: // back to its own pace: a doubt's is slower
		d.scheduleTry(p.last())
	default:
		d.await(p, p.Waiting)
	}
}

func (d *draft) payoutPending(try *Try, r PayoutReport) error {
	if try.Status != TrySending && try.Status != TryUnknown {
		return nil
	}
	try.Code, try.Text = r.Code, r.Text
	if err := d.moveTry(try, TryPending, r.Code); err != nil {
		return err
	}
	d.scheduleTry(try)
	return nil
}

func (d *draft) payoutPaid(try *Try, r PayoutReport) (bool, error) {
	switch try.Status {
	case TryPaid, TryReversed: // told before, or the older word arriving later
		return true, nil
	case TryFailed:
		// We were told it failed, and the money is payable again or sent again.
		d.doubtTry(try, ReviewContradicts)
		return false, nil
	case TrySending, TryUnknown, TryPending:
	}
	p := d.Next.Payout
	try.Fee, try.FeeSubunits, try.Code, try.Text = r.Fee, r.FeeSubunits, "", ""
	p.PaidAt, p.NextAt, p.Code, p.Waiting = d.given.Now, time.Time{}, "", WaitingNothing
	if p.doubted() { // a doubt from before is asked about until an inquiry clears it
		p.NextAt = d.given.Now.Add(d.given.Policy.ReviewPause)
	}
	if err := d.moveTry(try, TryPaid, r.Code); err != nil {
		return false, err
	}
	if err := d.movePayout(PayoutIsPaid, r.Code); err != nil {
		return false, err
	}
	d.bookTry(JournalPayoutPaid, try, ledger.PayoutInFlight, ledger.GatewayBalance(string(try.Gateway)))
	d.bookPayoutFee(try, r.Fee)
	return true, nil
}

// payoutDenied hears "failed". Of a try that was paid it is a contradiction.
func (d *draft) payoutDenied(try *Try, r PayoutReport) (bool, error) {
	switch try.Status {
	case TryFailed, TryReversed:
		return true, nil
	case TryPaid:
		d.doubtTry(try, ReviewContradicts)
		return false, nil
	case TrySending, TryUnknown, TryPending:
	}
	return true, d.payoutFailed(try, r.Code, r.Text)
}

// payoutFailed ends a try for good: the money is payable again.
func (d *draft) payoutFailed(try *Try, code Code, text string) error {
	if code == "" {
		code = CodeGatewayDeclined
	}
	p := d.Next.Payout
	try.Code, try.Text, p.Code = code, text, code
	d.awaitAfter(p, try)
	if err := d.moveTry(try, TryFailed, code); err != nil {
		return err
	}
	if err := d.movePayout(PayoutIsFailed, code); err != nil {
		return err
	}
	d.bookTry(JournalPayoutFailed, try, ledger.PayoutInFlight, ledger.TalentPayable(d.Next.Talent))
	return nil
}

// payoutReversed takes a bounced payout back. It goes out again only to another
// wallet: this one has just shown that it can't be credited.
func (d *draft) payoutReversed(try *Try, r PayoutReport) error {
	if try.Status == TryReversed || try.Status == TryFailed {
		return nil
	}
	from := ledger.PayoutInFlight
	if try.Status == TryPaid {
		from = ledger.GatewayBalance(string(try.Gateway))
	}
	p := d.Next.Payout
	try.Code, try.Text, p.Code = CodeWalletRejected, r.Text, CodeWalletRejected
	d.awaitAfter(p, try)
	if err := d.moveTry(try, TryReversed, CodeWalletRejected); err != nil {
		return err
	}
	if err := d.movePayout(PayoutIsReversed, CodeWalletRejected); err != nil {
		return err
	}
	d.bookTry(JournalPayoutReversed, try, from, ledger.TalentPayable(d.Next.Talent))
	return nil
}

// payoutAbsent hears that the gateway does not know the reference: it never
// arrived, is still being validated, or is forgotten. The same reference goes
// out again, at its pace.
func (d *draft) payoutAbsent(try *Try, from source) error {
	if from != fromInquiry {
		return nil
	}
	switch {
	case try.Status == TryPending:
		return d.moveTry(try, TryUnknown, "") // it was known once: heard again, it is sent again
	case try.Status == TryUnknown && d.mayResend(try):
		d.send(try)
	}
	return nil
}
