package main

import (
	"context"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/http"
)

type payoutCommand struct {
	List  payoutList  `cmd:"" help:"Payouts, and what those that are not paid wait for."`
	Retry payoutRetry `cmd:"" help:"Propose that a try its gateway gives no word of be held to have paid nobody, so that another follows."`
	Paid  payoutPaid  `cmd:"" help:"Propose that a try its gateway gives no word of be held to have paid."`
}

type payoutList struct {
	Status  string `placeholder:"STATUS,…" help:"due, sent, paid, failed, reversed."`
	Waiting string `placeholder:"WHAT" help:"wallet_missing, wallet_rejected, wallet_cooling, operator_unavailable, retry, gateway_unclear."`
	Talent  string `placeholder:"ID" help:"To whom."`
	Booking string `placeholder:"ID" help:"Of which booking."`
	Gateway string `placeholder:"GATEWAY" help:"That pays it: paystack."`
	From    string `placeholder:"DAY" help:"Owed on or after: 2026-01-31, or a time."`
	To      string `placeholder:"DAY" help:"Owed before."`
	Page
}

// Run lists payouts.
func (c payoutList) Run(ctx context.Context, settings *Settings, to streams) error {
	query := c.values("status", c.Status, "waiting", c.Waiting, "talent_id", c.Talent, "booking_id", c.Booking,
		"gateway", c.Gateway, "from", c.From, "to", c.To)
	return show(ctx, settings, to, c.JSON, get("/v1/payouts", query), func(l http.PayoutList) {
		table := to.columns("PAYMENT", "TALENT", "STATUS", "WAITS FOR", "AMOUNT", "TO", "DUE", "PAID", "CODE")
		for _, p := range l.Payouts {
			table.line(p.PaymentID, p.TalentID, string(p.Status), string(p.Waiting), francs(money.Amount(p.Amount)),
				string(p.Operator)+" "+p.Phone, moment(&p.DueAt), moment(p.PaidAt), string(p.Code))
		}
		table.end()
		to.next(l.Next)
	})
}

type payoutRetry struct {
	ID  string `arg:"" help:"pyt_… or pay_…"`
	Try int    `placeholder:"N" help:"Which try; the last one when not given."`
	byStaff
}

// Run proposes it.
func (c payoutRetry) Run(ctx context.Context, settings *Settings, to streams) error {
	return proposal{Kind: engine.ActReissue, Payment: c.ID, Number: c.Try}.make(ctx, settings, to, c.byStaff)
}

type payoutPaid struct {
	ID  string `arg:"" help:"pyt_… or pay_…"`
	Try int    `placeholder:"N" help:"Which try; the last one when not given."`
	byStaff
}

// Run proposes it.
func (c payoutPaid) Run(ctx context.Context, settings *Settings, to streams) error {
	return proposal{Kind: engine.ActPayoutPaid, Payment: c.ID, Number: c.Try}.make(ctx, settings, to, c.byStaff)
}
