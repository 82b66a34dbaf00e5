package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/http"
)

type proposalCommand struct {
	List    proposalList    `cmd:"" help:"What waits for a second person."`
	Make    proposalMake    `cmd:"" help:"Propose something that moves money by hand; nothing moves yet."`
	Approve proposalApprove `cmd:"" help:"Approve what a colleague proposed: it is done at once."`
	Refuse  proposalRefuse  `cmd:"" help:"Rule against a proposal, or take your own back."`
}

// proposal is what one person asks another to approve, as the API takes it.
type proposal struct {
	Kind     engine.ActKind `json:"kind"`
	Payment  string         `json:"payment_id,omitempty"`
	Talent   string         `json:"talent_id,omitempty"`
	Number   int            `json:"number,omitempty"`
	Through  engine.Gateway `json:"through,omitempty"`
	Operator phone.Operator `json:"operator,omitempty"`
	Phone    string         `json:"phone,omitempty"`
	Name     string         `json:"name,omitempty"`
	Reason   string         `json:"reason"`
}

const proposalsPath = "/v1/staff/proposals"

// make proposes it, or tries it and proposes nothing.
func (p proposal) make(ctx context.Context, settings *Settings, to streams, by byStaff) (err error) {
	if p.Reason = by.Reason; p.Reason == "" {
		p.Reason = "a rehearsal" // the engine wants one; it keeps none of a rehearsal
	}
	if p.Payment != "" {
		if p.Payment, err = paymentID(p.Payment); err != nil {
			return err
		}
	}
	q := post(proposalsPath, p)
	if by.DryRun {
		q.query = filled("dry_run", "true")
	}
	return show(ctx, settings, to, by.JSON, q, func(made http.Proposal) {
		if by.DryRun {
			to.printf("tried, and nothing is proposed. ")
		} else {
			to.printf("proposed: %s. Until %s a colleague of finance may: cauri proposal approve %s --reason …\n",
				made.ID, moment(made.EndsAt), made.ID)
		}
		to.printf("It would move: %s\n", strings.Join(made.Would, "; "))
	})
}

type proposalMake struct {
	Kind     engine.ActKind `arg:"" enum:"release,end_review,payout_retry,payout_paid,settle_refund,suspense_return,suspense_keep,wallet" help:"${enum}."`
	Payment  string         `arg:"" optional:"" help:"pay_…; none for a wallet."`
	Number   int            `placeholder:"N" help:"Of the payout's try, the refund or the attempt; the last one when not given."`
	Through  engine.Gateway `placeholder:"GATEWAY" help:"For settle_refund: whose balance paid; the refund's own gateway when not given."`
	Talent   string         `placeholder:"ID" help:"For a wallet: whose."`
	Operator phone.Operator `placeholder:"OPERATOR" help:"For a wallet."`
	Phone    string         `placeholder:"NUMBER" help:"For a wallet."`
	Holder   string         `placeholder:"NAME" help:"For a wallet: its holder, as the operator knows them."`
	byStaff
}

// Run proposes it.
func (c proposalMake) Run(ctx context.Context, settings *Settings, to streams) error {
	return proposal{
		Kind: c.Kind, Payment: c.Payment, Number: c.Number, Through: c.Through, Talent: c.Talent, Operator: c.Operator, Phone: c.Phone,
		Name: c.Holder,
	}.make(ctx, settings, to, c.byStaff)
}

type proposalList struct {
	JSON bool `help:"For machines."`
}

// Run lists what waits, oldest first.
func (c proposalList) Run(ctx context.Context, settings *Settings, to streams) error {
	return show(ctx, settings, to, c.JSON, get(proposalsPath, nil), func(l proposals) {
		table := to.columns("PROPOSAL", "WHAT", "OF", "AMOUNT", "BY", "UNTIL", "WHY")
		for _, p := range l.Proposals {
			of := p.PaymentID
			if p.Kind == engine.ActWallet {
				of = fmt.Sprintf("%s → %s %s (%s)", p.TalentID, p.Operator, p.Phone, p.Name)
			}
			table.line(p.ID, strings.TrimSpace(string(p.Kind)+" "+string(p.Review)), of, francs(money.Amount(p.Amount)), p.Maker,
				moment(p.EndsAt), p.Reason)
		}
		table.end()
		to.printf("%d wait for a second person\n", len(l.Proposals))
	})
}

// proposals is the list as the API answers it.
type proposals struct {
	Proposals []http.Proposal `json:"proposals"`
}

type proposalApprove struct {
	ID string `arg:"" help:"prp_…"`
	byStaff
}

// Run approves it, and it is done. Rehearsed, it is tried on the payment as it is now.
func (c proposalApprove) Run(ctx context.Context, settings *Settings, to streams) error {
	return c.rule(ctx, settings, to, "approve")
}

func (c proposalApprove) rule(ctx context.Context, settings *Settings, to streams, verdict string) error {
	reason := c.Reason
	if c.DryRun && reason == "" {
		reason = "a rehearsal"
	}
	q := post(proposalsPath+"/"+c.ID+"/"+verdict, map[string]string{"reason": reason})
	if c.DryRun {
		q.query = filled("dry_run", "true")
	}
	return show(ctx, settings, to, c.JSON, q, func(p http.Proposal) {
		of := fmt.Sprintf("%s of %s, proposed by %s", p.Kind, strings.TrimSpace(p.PaymentID+" "+p.TalentID), p.Maker)
		switch {
		case !c.DryRun:
			to.printf("%s: %s by %s\n", of, p.Verdict, p.Checker)
		case verdict == "refuse":
			to.printf("would rule against %s\n", of)
		default:
			to.printf("would approve %s. It would move: %s\n", of, strings.Join(p.Would, "; "))
		}
	})
}

type proposalRefuse struct{ proposalApprove }

// Run rules against it.
func (c proposalRefuse) Run(ctx context.Context, settings *Settings, to streams) error {
	return c.rule(ctx, settings, to, "refuse")
}

type auditCommand struct {
	Payment string `placeholder:"ID" help:"Of one payment."`
	Before  string `placeholder:"ID" help:"Go on before: the last id of the page before."`
	Limit   int    `default:"50" help:"At most so many, up to 100."`
	JSON    bool   `help:"For machines."`
}

// Run tells what people did, the latest first.
func (c auditCommand) Run(ctx context.Context, settings *Settings, to streams) (err error) {
	if c.Payment != "" {
		if c.Payment, err = paymentID(c.Payment); err != nil {
			return err
		}
	}
	query := filled("payment_id", c.Payment, "before", c.Before, "limit", fmt.Sprint(c.Limit))
	return show(ctx, settings, to, c.JSON, get("/v1/staff/audit", query), func(l acts) {
		table := to.columns("ACT", "AT", "WHAT", "WHO", "FROM", "ABOUT", "WHY")
		for _, a := range l.Acts {
			table.line(a.ID, moment(&a.At), string(a.Kind), a.Who+" ("+string(a.Role)+")", a.Address,
				strings.TrimSpace(a.PaymentID+" "+a.Subject), a.Reason)
		}
		table.end()
	})
}

// acts is the audit as the API answers it.
type acts struct {
	Acts []http.AuditLine `json:"acts"`
}
