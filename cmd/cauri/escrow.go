package main

import (
	"context"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/http"
)

type escrowCommand struct {
	List    escrowList    `cmd:"" help:"What is held for talents until the performance is delivered."`
	Release escrowRelease `cmd:"" help:"Propose that a hold be released by hand; a colleague approves it."`
}

type escrowList struct {
	Talent string `placeholder:"ID" help:"For whom."`
	Page
}

// Run lists the payments whose money is held.
func (c escrowList) Run(ctx context.Context, settings *Settings, to streams) error {
	query := c.values("hold", string(engine.HoldHeld), "talent_id", c.Talent)
	return show(ctx, settings, to, c.JSON, get("/v1/payments", query), func(l http.PaymentList) {
		table := to.columns("PAYMENT", "BOOKING", "TALENT", "HELD", "SINCE", "RELEASED BY ITSELF", "")
		for _, p := range l.Payments {
			doubt := ""
			if p.UnderReview {
				doubt = "under review: not before staff have looked"
			}
			table.line(p.ID, p.BookingID, p.TalentID, francs(money.Amount(p.Hold.Amount)), moment(&p.Hold.HeldAt), moment(&p.Hold.ReleaseAt), doubt)
		}
		table.end()
		to.next(l.Next)
	})
}

type escrowRelease struct {
	ID string `arg:"" help:"pay_…"`
	byStaff
}

// Run proposes it.
func (c escrowRelease) Run(ctx context.Context, settings *Settings, to streams) error {
	return proposal{Kind: engine.ActRelease, Payment: c.ID}.make(ctx, settings, to, c.byStaff)
}
