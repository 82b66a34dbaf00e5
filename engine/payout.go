package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
)

// PayoutStatus is where the sending of a talent's money stands.
type PayoutStatus string

// The statuses of a payout.
const (
	PayoutIsDue      PayoutStatus = "due"      // owed; Waiting says what for, if it waits
	PayoutIsSent     PayoutStatus = "sent"     // a try is under way: the money is in flight
	PayoutIsPaid     PayoutStatus = "paid"     // the wallet has it
	PayoutIsFailed   PayoutStatus = "failed"   // a try failed for good; the money is payable again
	PayoutIsReversed PayoutStatus = "reversed" // it bounced; the money is payable again
)

var payoutMachine = machine[PayoutStatus]{
	name:  "payout",
	first: PayoutIsDue,
	moves: map[PayoutStatus]map[PayoutStatus]EventKind{
		PayoutIsDue:      {PayoutIsSent: PayoutSent},
		PayoutIsSent:     {PayoutIsPaid: PayoutPaid, PayoutIsFailed: PayoutFailed, PayoutIsReversed: PayoutReversed},
		PayoutIsPaid:     {PayoutIsReversed: PayoutReversed},
		PayoutIsFailed:   {PayoutIsSent: PayoutSent},
		PayoutIsReversed: {PayoutIsSent: PayoutSent},
	},
}

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
		TryFailed:   {},
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

// Waiting says what a payout that is not under way waits for.
type Waiting string

// What a payout may wait for.
const (
	WaitingNothing       Waiting = ""
	WaitingWalletMissing Waiting = "wallet_missing"  // goes on when the talent's wallet is set
	WaitingWalletRefused Waiting = "wallet_rejected" // goes on when another wallet is set
	WaitingOperator      Waiting = "operator_unavailable"
	WaitingRetry         Waiting = "retry" // goes on by itself
)

// Payout is the sending of a talent fee. A transaction has at most one, and it
// never changes gateway.
type Payout struct {
	Status  PayoutStatus
	Step    int
	Amount  money.Amount // francs
	Gateway Gateway      // fixed by the first try
	Waiting Waiting
	Code    Code // why the last try failed
	DueAt   time.Time
	NextAt  time.Time // the next look; zero when there is none to come
	PaidAt  time.Time
	Tries   []Try // by number, from 1
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
	Code             Code
	Text             string // the gateway's words, for staff
	Sends            int    // calls made under this reference
	AskedAt          time.Time
}

func (t Transaction) tryReference(no int) Reference {
	return Reference{Transaction: t.ID, Kind: PayoutReference, Number: no}
}

// TryReference is the name of the try at its gateway.
func (t Transaction) TryReference(try Try) Reference { return t.tryReference(try.No) }

func (p Payout) check() error {
	var errs []error
	if p.Amount <= 0 {
		errs = append(errs, fmt.Errorf("payout of %d", p.Amount))
	}
	open := 0
	for i, try := range p.Tries {
		if try.No != i+1 || try.Gateway != p.Gateway || try.Amount != p.Amount {
			errs = append(errs, fmt.Errorf("try %d of %d through %s at %d", try.No, try.Amount, try.Gateway, i+1))
		}
		if try.Status.Open() {
			open++
		}
	}
	if open > 1 || (open == 1) != (p.Status == PayoutIsSent) {
		errs = append(errs, fmt.Errorf("payout %s with %d open tries", p.Status, open))
	}
	if (p.Status == PayoutIsPaid) && p.PaidAt.IsZero() {
		errs = append(errs, errors.New("paid at no time"))
	}
	return errors.Join(errs...)
}

// last returns the latest try, or nil.
func (p *Payout) last() *Try {
	if len(p.Tries) == 0 {
		return nil
	}
	return &p.Tries[len(p.Tries)-1]
}

// equal reports that two payouts are the same, nil included.
func (p *Payout) equal(o *Payout) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.Status == o.Status && p.Waiting == o.Waiting && p.Code == o.Code && p.Amount == o.Amount &&
		p.Gateway == o.Gateway && p.NextAt.Equal(o.NextAt) && slices.Equal(p.Tries, o.Tries)
}

// sendsMax bounds the calls under one reference: a first one, and then one a
// day at worst for longer than a gateway keeps a transfer open.
const sendsMax = 20

// tryNo finds a try. One that does not exist is a NotFound: what is said of it
// is kept.
func (d *draft) tryNo(no int) (*Try, error) {
	if d.Next.Payout == nil || no < 1 || no > len(d.Next.Payout.Tries) {
		return nil, Errorf(NotFound, CodePaymentUnknown, "%s has no payout try %d", d.Next.ID.Payment(), no)
	}
	return &d.Next.Payout.Tries[no-1], nil
}

// tickPayout makes the next try, or asks about the one under way.
func (d *draft) tickPayout() error {
	p := d.Next.Payout
	if p == nil || d.Next.Review != "" {
		return nil
	}
	due := !p.NextAt.IsZero() && !p.NextAt.After(d.given.Now)
	switch p.Status {
	case PayoutIsDue, PayoutIsFailed, PayoutIsReversed:
		if due || d.walletArrived(p) {
			return d.try(p)
		}
	case PayoutIsSent:
		if due {
			return d.checkTry(p)
		}
	case PayoutIsPaid:
	}
	return nil
}

// walletArrived reports that a payout waits for a wallet and there is one now
// that has not been refused.
func (d *draft) walletArrived(p *Payout) bool {
	w := d.Next.Wallet
	if w == nil {
		return false
	}
	switch p.Waiting {
	case WaitingWalletMissing, WaitingOperator:
		return true
	case WaitingWalletRefused:
		return p.last() == nil || p.last().Wallet.No != w.No
	case WaitingNothing, WaitingRetry:
	}
	return false
}

// try records the next try, puts its money in flight and asks for its call. A
// payout never changes gateway, and a new try follows only a conclusive one (R11).
func (d *draft) try(p *Payout) error {
	gateway, waiting := d.route(p)
	if waiting != WaitingNothing {
		p.Waiting = waiting
		p.NextAt, _ = d.given.Policy.WalletCheck.Next(p.DueAt, d.given.Now)
		if waiting == WaitingWalletRefused {
			p.NextAt = time.Time{} // only another wallet helps, and setting one wakes us
		}
		return nil
	}
	p.Gateway, p.Waiting, p.Code = gateway, WaitingNothing, ""
	p.Tries = append(p.Tries, Try{
		No: len(p.Tries) + 1, Gateway: gateway, Live: d.given.Policy.Live[gateway], Amount: p.Amount,
		Wallet: *d.Next.Wallet, Recipient: d.Next.Recipients[gateway], Sends: 1, AskedAt: d.given.Now,
	})
	try := p.last()
	if err := d.moveTry(try, TrySending, ""); err != nil {
		return err
	}
	if err := d.movePayout(PayoutIsSent, ""); err != nil {
		return err
	}
	d.bookTry(JournalPayoutSent, try, ledger.TalentPayable(d.Next.Talent), ledger.PayoutInFlight)
	d.send(try)
	return nil
}

// route says through whom the payout goes, or what it waits for.
func (d *draft) route(p *Payout) (Gateway, Waiting) {
	w := d.Next.Wallet
	if w == nil {
		return "", WaitingWalletMissing
	}
	if last := p.last(); last != nil && p.Waiting == WaitingWalletRefused && last.Wallet.No == w.No {
		return "", WaitingWalletRefused
	}
	gateways := d.given.Policy.Routes.For(Disburse, MobileMoney, w.Operator)
	switch {
	case len(gateways) == 0:
		return "", WaitingOperator
	case p.Gateway == "":
		return gateways[0], WaitingNothing
	case slices.Contains(gateways, p.Gateway):
		return p.Gateway, WaitingNothing
	}
	return "", WaitingOperator
}

// send asks for the call of a try. The recipient may have to be made first, so
// the answer is given the time of two calls.
func (d *draft) send(try *Try) {
	d.Next.Payout.NextAt = d.given.Now.Add(2*d.given.Policy.CallTimeout + d.given.Policy.AnswerGrace)
	d.Effects = append(d.Effects, PayoutCall{
		Reference: d.Next.tryReference(try.No), Gateway: try.Gateway, Amount: try.Amount, Currency: d.Next.Currency,
		Talent: d.Next.Talent, Wallet: try.Wallet, Recipient: try.Recipient, Booking: d.Next.Booking,
	})
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
	d.Effects = append(d.Effects, InquireCall{d.Next.tryReference(try.No), try.Gateway, try.GatewayReference})
	return nil
}

// scheduleTry sets when the try is asked about next, never sooner than a lost
// request may take to arrive.
func (d *draft) scheduleTry(try *Try) {
	soonest := d.given.Now.Add(d.given.Policy.InquireAfter)
	next, more := d.given.Policy.OpenTry.Next(try.AskedAt, d.given.Now)
	if !more {
		next = d.given.Now.Add(lastPace)
	}
	if next.Before(soonest) {
		next = soonest
	}
	d.Next.Payout.NextAt = next
}

// payoutAnswered answers RecordPayoutAnswer.
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
	if !try.Status.Open() {
		return nil // known better by now
	}
	if c.Err.Kind == Declined {
		return d.payoutFailed(try, c.Err.Code, c.Err.Text)
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
		if why := agreed.mismatch(r.figures()); why != "" {
			d.doubt(ReviewPayout, d.Next.tryReference(try.No), try.Gateway, try.GatewayReference)
			return false, nil
		}
		if d.Next.Review == ReviewPayout && from == fromInquiry {
			d.Next.Review = "" // the gateway's own books are right
		}
	}
	switch r.Status {
	case PayoutReportPending:
		return true, d.payoutPending(try, r)
	case PayoutReportPaid:
		return d.payoutPaid(try, r, from)
	case PayoutReportFailed:
		return d.payoutDenied(try, r)
	case PayoutReportReversed:
		return true, d.payoutReversed(try, r)
	case PayoutReportAbsent:
		return true, d.payoutAbsent(try, from)
	}
	return true, nil // a word no adapter of ours makes
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

func (d *draft) payoutPaid(try *Try, r PayoutReport, from source) (bool, error) {
	switch try.Status {
	case TryPaid:
		return true, nil
	case TryReversed:
		return true, nil // the older word, arriving later
	case TryFailed:
		// We were told it failed and the money is payable again, or sent again.
		d.contradiction(try)
		return from == fromInquiry, nil
	case TrySending, TryUnknown, TryPending:
	}
	p := d.Next.Payout
	try.Fee, try.FeeSubunits, try.Code, try.Text = r.Fee, r.FeeSubunits, "", ""
	p.PaidAt, p.NextAt, p.Code, p.Waiting = d.given.Now, time.Time{}, "", WaitingNothing
	if err := d.moveTry(try, TryPaid, ""); err != nil {
		return false, err
	}
	if err := d.movePayout(PayoutIsPaid, ""); err != nil {
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
		d.contradiction(try)
		return false, nil
	case TrySending, TryUnknown, TryPending:
	}
	return true, d.payoutFailed(try, r.Code, r.Text)
}

// contradiction stops everything: two words of one gateway that cannot both be
// true. People decide; no further try is made meanwhile.
func (d *draft) contradiction(try *Try) {
	d.doubt(ReviewContradicts, d.Next.tryReference(try.No), try.Gateway, try.GatewayReference)
}

// payoutFailed ends a try for good: the money is payable again, under whatever
// the failure lets us wait for.
func (d *draft) payoutFailed(try *Try, code Code, text string) error {
	if code == "" {
		code = CodeGatewayDeclined
	}
	p := d.Next.Payout
	try.Code, try.Text = code, text
	p.Code = code
	p.Waiting = WaitingRetry
	p.NextAt, _ = d.given.Policy.PayoutRetry.Next(p.DueAt, d.given.Now)
	if code == CodeWalletRejected || p.NextAt.IsZero() {
		p.Waiting, p.NextAt = WaitingWalletRefused, time.Time{}
	}
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
	p.Waiting, p.NextAt, p.Code = WaitingWalletRefused, time.Time{}, CodeWalletRejected
	try.Code, try.Text = CodeWalletRejected, r.Text
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
// arrived, or is still being validated. The same reference goes out again.
func (d *draft) payoutAbsent(try *Try, from source) error {
	if from != fromInquiry || try.Status != TryUnknown || try.Sends >= sendsMax || d.Next.Review != "" {
		return nil
	}
	try.Sends++
	d.send(try)
	return nil
}
