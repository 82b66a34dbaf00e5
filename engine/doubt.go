package engine

import "slices"

// Review says why a transaction's money stands still until someone has looked. A
// doubt stands with what it is about, an attempt or a try, and only what explains
// that one ends it.
type Review string

// Why a transaction may be under review.
const (
	ReviewAmount      Review = "amount_mismatch"
	ReviewScale       Review = "amount_off_by_100" // the tripwire for a gateway's scale
	ReviewCurrency    Review = "currency_mismatch"
	ReviewDomain      Review = "domain_mismatch"     // live and test mixed up
	ReviewReversed    Review = "charge_reversed"     // the gateway gave the payer's money back
	ReviewRefunding   Review = "refund_under_way"    // somebody is giving the payer's money back at the gateway
	ReviewPayout      Review = "payout_mismatch"     // a transfer's figures are not the try's
	ReviewContradicts Review = "payout_contradicted" // failed and paid, both from the gateway
)

// aboutFigures reports that the doubt is over once the gateway's own books show a
// matching success. Money that somebody gave back is people's to explain.
func (r Review) aboutFigures() bool {
	return r == ReviewAmount || r == ReviewScale || r == ReviewCurrency || r == ReviewDomain
}

// weight orders doubts: one about figures ends with an answer, one about money on its
// way back with another event, and money that has gone back only with people.
func (r Review) weight() int {
	switch {
	case r == "":
		return 0
	case r == ReviewReversed:
		return 3
	case r == ReviewRefunding:
		return 2
	}
	return 1
}

// gravestDoubt is why the transaction's money stands still, and what it is about:
// money given back stands above all. Once one attempt's money is kept, what is
// doubted about another is about other money, which is owed back or people's to place.
func (t Transaction) gravestDoubt() (Review, Reference) {
	var gravest Review
	var about Reference
	for _, a := range t.Attempts {
		if (t.PaidAt.IsZero() || a.Disposition == Kept) && a.Doubt.weight() > gravest.weight() {
			gravest, about = a.Doubt, t.attemptReference(a.No)
		}
	}
	if t.Payout == nil || gravest != "" {
		return gravest, about
	}
	for _, try := range t.Payout.Tries {
		if try.Doubt != "" {
			return try.Doubt, t.tryReference(try.No)
		}
	}
	return "", Reference{}
}

// review brings the transaction's review in line with the doubts about its parts,
// and tells when there is a new or graver one.
func (d *draft) review() {
	t, was := &d.Next, d.Next.Review
	t.Review, _ = t.gravestDoubt()
	if t.Review.weight() > was.weight() {
		d.emit(PaymentUnderReview, "", 0, Code(t.Review))
	}
}

// doubtAttempt stops the transaction's money until someone has looked. Whatever
// clears another doubt must not free money that somebody gave back.
func (d *draft) doubtAttempt(a *Attempt, why Review) {
	if why.weight() > a.Doubt.weight() {
		a.Doubt = why
	}
	d.review()
}

// doubtTry stops new tries until the gateway has explained itself, and keeps
// asking. A signed notification that does not match moves nothing.
func (d *draft) doubtTry(try *Try, why Review) {
	if try.Doubt == "" {
		try.Doubt = why
	}
	d.review()
	d.inquireOnDoubt(d.aboutTry(try))
	p := d.Next.Payout
	if again := d.given.Now.Add(d.given.Policy.ReviewPause); p.NextAt.IsZero() || p.NextAt.After(again) {
		p.NextAt = again
	}
}

// doubted reports that one of the payout's tries is not explained: the gateway is
// asked until it is.
func (p *Payout) doubted() bool {
	return slices.ContainsFunc(p.Tries, func(try Try) bool { return try.Doubt != "" })
}

// hinted asks about an attempt of which something was told that is no fact, until the
// gateway has answered: the first question may be lost.
func (d *draft) hinted(a *Attempt) {
	if !a.Status.Live() {
		a.SinceAt = d.given.Now
	}
	if soon := d.given.Now.Add(d.given.Policy.ReviewPause); a.CheckAt.IsZero() || a.CheckAt.After(soon) {
		a.CheckAt = soon
	}
	d.inquireOnDoubt(d.aboutAttempt(a))
}

// hintedTry does the same for a try.
func (d *draft) hintedTry(try *Try) {
	p := d.Next.Payout
	if soon := d.given.Now.Add(d.given.Policy.ReviewPause); p.NextAt.IsZero() || p.NextAt.After(soon) {
		p.NextAt = soon
	}
	d.inquireOnDoubt(d.aboutTry(try))
}

// inquireOnDoubt asks the gateway, but not more often than policy says: whoever
// can make it repeat itself must not make us flood it.
func (d *draft) inquireOnDoubt(about InquireCall) {
	if d.given.Now.Sub(d.Next.InquiredAt) < d.given.Policy.ReviewPause {
		return
	}
	d.Next.InquiredAt = d.given.Now
	d.ask(about)
}

// The questions there are.

func (d *draft) aboutAttempt(a *Attempt) InquireCall {
	return InquireCall{Reference: d.Next.attemptReference(a.No), Gateway: a.Gateway, GatewayReference: a.GatewayReference}
}

func (d *draft) aboutTry(try *Try) InquireCall {
	return InquireCall{Reference: d.Next.tryReference(try.No), Gateway: try.Gateway, GatewayReference: try.GatewayReference}
}

// aboutRefund asks for the refund, or, where the gateway knows no refunds, for the
// charge: given back by hand, it says so.
func (d *draft) aboutRefund(r *Refund) InquireCall {
	a := &d.Next.Attempts[r.Attempt-1]
	if !d.given.Policy.Refunds[r.Gateway] {
		return d.aboutAttempt(a)
	}
	return InquireCall{
		Reference: d.Next.refundReference(r.No), Gateway: r.Gateway, GatewayReference: r.GatewayReference,
		Charge: d.Next.attemptReference(r.Attempt),
	}
}
