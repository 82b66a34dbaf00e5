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
		PayoutIsFailed:   {PayoutIsSent: PayoutSent, PayoutIsPaid: PayoutPaid},
		PayoutIsReversed: {PayoutIsSent: PayoutSent},
	},
}

// Waiting says what a payout that is not under way waits for.
type Waiting string

// What a payout may wait for.
const (
	WaitingNothing       Waiting = ""
	WaitingWalletMissing Waiting = "wallet_missing"  // goes on when the talent's wallet is set
	WaitingWalletRefused Waiting = "wallet_rejected" // goes on when another wallet is set
	WaitingOperator      Waiting = "operator_unavailable"
	WaitingCooling       Waiting = "wallet_cooling"  // the wallet is another than before: not yet, in case it is not the talent's doing
	WaitingRetry         Waiting = "retry"           // goes on by itself
	WaitingGateway       Waiting = "gateway_unclear" // sent again and again without a conclusive word: people should ask the gateway
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

// tryNo finds a try. One that does not exist is a NotFound: what is said of it
// is kept.
func (d *draft) tryNo(no int) (*Try, error) {
	if d.Next.Payout == nil || no < 1 || no > len(d.Next.Payout.Tries) {
		return nil, Errorf(NotFound, CodePaymentUnknown, "%s has no payout try %d", d.Next.ID.Payment(), no)
	}
	return &d.Next.Payout.Tries[no-1], nil
}

// tickPayout makes the next try, or asks about the one under way. A review stops
// new tries, never the questions.
func (d *draft) tickPayout() error {
	p := d.Next.Payout
	if p == nil {
		return nil
	}
	due := !p.NextAt.IsZero() && !p.NextAt.After(d.given.Now)
	if due && p.doubted() {
		return d.inquireTries(p)
	}
	switch p.Status {
	case PayoutIsSent:
		if due {
			return d.checkTry(p)
		}
	case PayoutIsDue, PayoutIsFailed, PayoutIsReversed:
		if d.Next.Review == "" && (due || d.walletArrived(p)) {
			return d.try(p)
		}
	case PayoutIsPaid:
		if due { // a hint made us ask: until that is answered
			p.NextAt = d.given.Now.Add(slowPace)
			d.ask(d.aboutTry(p.last()))
		}
	}
	return nil
}

// inquireTries asks about every try that is in doubt, and about the one under way,
// which keeps its own pace.
func (d *draft) inquireTries(p *Payout) error {
	p.NextAt = d.given.Now.Add(lastPace)
	for i := range p.Tries {
		if try := &p.Tries[i]; try.Doubt != "" && !try.Status.Open() {
			d.ask(d.aboutTry(try))
		}
	}
	if p.Status == PayoutIsSent {
		return d.checkTry(p)
	}
	return nil
}

// walletArrived reports that a payout waits for a wallet and there is one now
// that has not been refused.
func (d *draft) walletArrived(p *Payout) bool {
	switch p.Waiting {
	case WaitingWalletMissing, WaitingOperator, WaitingWalletRefused:
		return d.Next.Wallet != nil && !d.refused(p)
	case WaitingNothing, WaitingRetry, WaitingGateway, WaitingCooling:
	}
	return false
}

// refused reports that the talent's present wallet is the one the gateway has
// just refused.
func (d *draft) refused(p *Payout) bool {
	last := p.last()
	return last != nil && last.Code == CodeWalletRejected && d.Next.Wallet != nil && last.Wallet.No == d.Next.Wallet.No
}

// try records the next try, puts its money in flight and asks for its call. A
// payout never changes gateway, and a new try follows only a conclusive one (R11).
func (d *draft) try(p *Payout) error {
	gateway, waiting := d.route(p)
	if waiting != WaitingNothing {
		d.await(p, waiting)
		return nil
	}
	p.Gateway, p.Waiting, p.Code = gateway, WaitingNothing, ""
	p.Tries = append(p.Tries, Try{
		No: len(p.Tries) + 1, Gateway: gateway, Live: d.given.Policy.Live[gateway], Amount: p.Amount,
		Wallet: *d.Next.Wallet, Recipient: d.Next.Recipients[gateway], AskedAt: d.given.Now,
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
	if d.Next.Wallet == nil {
		return "", WaitingWalletMissing
	}
	if d.refused(p) {
		return "", WaitingWalletRefused
	}
	if d.given.Now.Before(d.cooledAt()) {
		return "", WaitingCooling
	}
	doors := d.given.Policy.Routes.For(Disburse, MobileMoney, d.Next.Wallet.Operator)
	switch {
	case len(doors) == 0:
		return "", WaitingOperator
	case p.Gateway == "":
		return doors[0].Gateway, WaitingNothing
	case slices.ContainsFunc(doors, func(door Door) bool { return door.Gateway == p.Gateway }):
		return p.Gateway, WaitingNothing
	}
	return "", WaitingOperator
}

// cooledAt is when the talent's wallet may be paid to. The first one at once; one
// that was put in another's place after a while, so that whoever stole a telephone
// has not stolen the wages too (S-18).
func (d *draft) cooledAt() time.Time {
	if d.Next.Wallet.No == 1 {
		return time.Time{}
	}
	return d.Next.WalletAt.Add(d.given.Policy.WalletCooling)
}

// await sets what a payout that is not under way waits for, and when it is
// looked at again. Every ending of a try passes through here, so that none
// leaves a payout nobody will ever look at.
func (d *draft) await(p *Payout, waiting Waiting) {
	now, policy := d.given.Now, d.given.Policy
	p.Waiting = waiting
	switch waiting {
	case WaitingWalletRefused:
		p.NextAt = time.Time{} // only another wallet helps, and setting one wakes us
	case WaitingWalletMissing, WaitingOperator:
		p.NextAt = policy.WalletCheck.nextOr(p.DueAt, now, lastPace)
	case WaitingCooling:
		p.NextAt = d.cooledAt()
	case WaitingNothing, WaitingRetry, WaitingGateway:
		p.NextAt = policy.PayoutRetry.nextOr(p.firstWithWallet().AskedAt, now, slowPace)
	}
}

// awaitAfter sets what a payout waits for when a try has just ended.
func (d *draft) awaitAfter(p *Payout, try *Try) {
	switch {
	case d.Next.Wallet != nil && d.Next.Wallet.No != try.Wallet.No:
		// Another wallet was set while this one was being tried: it is next.
		p.Waiting, p.NextAt = WaitingRetry, d.given.Now
	case try.Code == CodeWalletRejected:
		d.await(p, WaitingWalletRefused)
	default:
		d.await(p, WaitingRetry)
	}
}

// remember sees to it that a payout is looked at again when what it waited for has come
// while something stood in the way, and as long as one of its tries is in doubt. Every
// decision passes through here: setting a wallet wakes a payout once, and a review that
// is over by then wakes nobody.
func (d *draft) remember() {
	p := d.Next.Payout
	if p == nil || !p.NextAt.IsZero() {
		return
	}
	payable := p.Status != PayoutIsPaid && p.Status != PayoutIsSent
	switch {
	case p.doubted():
		p.NextAt = d.given.Now.Add(d.given.Policy.ReviewPause)
	case payable && d.walletArrived(p):
		p.NextAt = d.given.Now
	}
}

// firstWithWallet is the first try to the wallet of the last one: retries slow
// down from there, and another wallet begins anew.
func (p *Payout) firstWithWallet() Try {
	first := *p.last()
	for i := len(p.Tries) - 1; i >= 0 && p.Tries[i].Wallet.No == first.Wallet.No; i-- {
		first = p.Tries[i]
	}
	return first
}
