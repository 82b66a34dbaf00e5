package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/http"
)

type paymentCommand struct {
	Get    paymentGet    `cmd:"" help:"One payment, and how it got where it is."`
	List   paymentList   `cmd:"" help:"Payments, the latest first."`
	Verify paymentVerify `cmd:"" help:"Have its gateways asked again."`
}

type paymentGet struct {
	Name string `arg:"" help:"Its id, or any other name: a booking, a reference, the payer's phone."`
	JSON bool   `help:"For machines."`
}

// Run shows a payment by its id; by another name, the one that has it, or all that do.
func (c paymentGet) Run(ctx context.Context, settings *Settings, to streams) error {
	if strings.TrimSpace(c.Name) == "" {
		return misused("whose? an id, a booking, a reference or a phone")
	}
	id, err := paymentID(c.Name)
	if err == nil {
		return show(ctx, settings, to, c.JSON, get("/v1/payments/"+id, nil), func(p http.Payment) { to.payment(p) })
	}
	var found http.PaymentList
	q := get("/v1/payments", url.Values{"query": {c.Name}})
	if err := show(ctx, settings, to, false, q, func(l http.PaymentList) { found = l }); err != nil {
		return err
	}
	switch len(found.Payments) {
	case 0:
		return notFound("no payment of that name")
	case 1:
		return paymentGet{found.Payments[0].ID, c.JSON}.Run(ctx, settings, to)
	}
	if c.JSON { // one payment is one shape
		return notFound("several payments have that name: cauri payment list --query shows them")
	}
	to.payments(found)
	return nil
}

// notFound is what was asked for and is not there.
type notFound string

func (n notFound) Error() string { return string(n) }

// ExitCode is that of what the engine says no to.
func (notFound) ExitCode() int { return exitRefused }

// payment prints one for people.
func (s streams) payment(p http.Payment) {
	c := s.columns(p.ID, p.Status)
	fact := func(name, value string) {
		if value != "" {
			c.line(name, value)
		}
	}
	fact("amount", francs(money.Amount(p.Amount)))
	fact("booking", p.BookingID)
	fact("talent", p.TalentID)
	fact("by", strings.TrimSpace(fmt.Sprintf("%s %s %s", p.Method, p.Operator, p.Phone)))
	fact("code", p.Code)
	fact("begun", moment(&p.CreatedAt))
	fact("paid", moment(p.PaidAt))
	suspended := slices.ContainsFunc(p.Attempts, func(a http.Attempt) bool { return a.Disposition == engine.Suspense })
	if suspended {
		fact("in suspense", "money that is not the price: cauri proposal make suspense_return (or suspense_keep) "+p.ID)
	} else if p.UnderReview {
		fact("under review", "its money stands still until staff have looked: cauri proposal make end_review "+p.ID)
	}
	if p.RefundDue > 0 {
		fact("owed back", francs(money.Amount(p.RefundDue)))
	}
	for _, a := range p.Attempts {
		took := ""
		if a.Captured > 0 {
			took = francs(money.Amount(a.Captured)) + " " + string(a.Disposition)
		}
		fact("attempt", strings.TrimSpace(fmt.Sprintf("%s through %s (%s): %s %s %s", a.Reference, a.Gateway, a.Flow, a.Status, took, a.Code)))
	}
	for _, r := range p.Refunds {
		fact("refund", strings.TrimSpace(fmt.Sprintf("%s of %s through %s: %s %s",
			r.Reference, francs(money.Amount(r.Amount)), r.Gateway, r.Status, r.Code)))
	}
	if h := p.Hold; h != nil {
		fact("hold", fmt.Sprintf("%s %s, released by itself %s", h.Status, francs(money.Amount(h.Amount)), moment(&h.ReleaseAt)))
		if h.ReleasedAt != nil {
			fact("released", moment(h.ReleasedAt)+" by "+string(h.ReleasedBy))
		}
	}
	if o := p.Payout; o != nil {
		to := ""
		if o.Phone != "" {
			to = "to " + string(o.Operator) + " " + o.Phone
		}
		fact("payout", strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s",
			o.Status, francs(money.Amount(o.Amount)), to, o.Waiting, o.Code)), " "))
		fact("paid out", moment(o.PaidAt))
	}
	c.end()
	if len(p.Timeline) == 0 {
		return
	}
	s.printf("\n")
	c = s.columns("AT", "WHAT", "FROM", "TO", "WHY")
	for _, m := range p.Timeline {
		c.line(moment(&m.At), strings.TrimSpace(m.What+" "+m.Name), m.From, m.To, m.Note)
	}
	c.end()
}

type paymentList struct {
	Status      string `placeholder:"STATUS,…" help:"initiated, processing, succeeded, failed, expired, cancelled."`
	Operator    string `placeholder:"OPERATOR" help:"orange, wave, mtn or moov."`
	Gateway     string `placeholder:"GATEWAY" help:"That was asked: paystack or fedapay."`
	Talent      string `placeholder:"ID" help:"Whose performance."`
	Booking     string `placeholder:"ID" help:"Of which booking."`
	From        string `placeholder:"DAY" help:"Begun on or after: 2026-01-31, or a time."`
	To          string `placeholder:"DAY" help:"Begun before."`
	Query       string `placeholder:"NAME" help:"Any name: an id, a reference, a booking, a phone."`
	InSuspense  bool   `help:"Only those of which money that is not the price was taken, for staff to place."`
	UnderReview bool   `help:"Only those whose money stands still until staff have looked."`
	Page
}

// Page says how much of a list, and from where.
type Page struct {
	Limit int    `default:"25" help:"At most so many, up to 100."`
	After string `placeholder:"NEXT" help:"Go on after a page: what it printed last."`
	JSON  bool   `help:"For machines."`
}

func (p Page) values(pairs ...string) url.Values {
	return filled(append(pairs, "limit", strconv.Itoa(p.Limit), "cursor", p.After)...)
}

// Run lists payments.
func (c paymentList) Run(ctx context.Context, settings *Settings, to streams) error {
	query := c.values("status", c.Status, "operator", c.Operator, "gateway", c.Gateway, "talent_id", c.Talent, "booking_id", c.Booking,
		"from", c.From, "to", c.To, "query", c.Query)
	if c.UnderReview {
		query.Set("under_review", "true")
	}
	if c.InSuspense {
		query.Set("in_suspense", "true")
	}
	return show(ctx, settings, to, c.JSON, get("/v1/payments", query), to.payments)
}

func (s streams) payments(l http.PaymentList) {
	c := s.columns("PAYMENT", "BEGUN", "STATUS", "AMOUNT", "BY", "BOOKING", "TALENT", "HOLD", "PAYOUT")
	for _, p := range l.Payments {
		status, hold, payout := p.Status, "", ""
		if p.UnderReview {
			status += ", under review"
		}
		if p.Hold != nil {
			hold = string(p.Hold.Status)
		}
		if p.Payout != nil {
			payout = string(p.Payout.Status)
		}
		c.line(p.ID, moment(&p.CreatedAt), status, francs(money.Amount(p.Amount)), string(p.Operator)+" "+p.Phone, p.BookingID, p.TalentID,
			hold, payout)
	}
	c.end()
	s.next(l.Next)
}

// next tells how to go on.
func (s streams) next(cursor string) {
	if cursor != "" {
		s.printf("more: --after %s\n", cursor)
	}
}

type paymentVerify struct {
	ID string `arg:"" help:"pay_…"`
	byStaff
}

// byStaff is what everything takes that people answer for.
type byStaff struct {
	Reason string `placeholder:"WHY" help:"Why: whoever reads the audit does not know. Needed, unless it is a rehearsal."`
	DryRun bool   `name:"dry-run" help:"Say what would happen, and do nothing."`
	JSON   bool   `help:"For machines."`
}

// Validate is kong's.
func (b byStaff) Validate() error {
	switch {
	case strings.TrimSpace(b.Reason) == "" && !b.DryRun:
		return misused("--reason says why")
	case !isLine(b.Reason):
		return misused("--reason is one line of at most 500 letters")
	}
	return nil
}

// isLine reports a text that a list can show.
func isLine(text string) bool {
	const longest = 500
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= longest && !strings.ContainsFunc(text, unicode.IsControl)
}

// Run has the gateways of a payment asked, a minute after the last time at the soonest.
func (c paymentVerify) Run(ctx context.Context, settings *Settings, to streams) error {
	id, err := paymentID(c.ID)
	if err != nil {
		return err
	}
	if c.DryRun {
		return show(ctx, settings, to, c.JSON, get("/v1/payments/"+id, nil), func(p http.Payment) {
			to.printf("would ask about %d charges, %d refunds and the payout, as far as they are not over\n", len(p.Attempts), len(p.Refunds))
			to.payment(p)
		})
	}
	return show(ctx, settings, to, c.JSON, post("/v1/payments/"+id+"/verify", map[string]string{"reason": c.Reason}), func(p http.Payment) {
		to.printf("its gateways are asked; what they say changes it a moment later\n")
		to.payment(p)
	})
}
