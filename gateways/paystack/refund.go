package paystack

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

var (
	_ engine.Refunder       = (*Client)(nil)
	_ engine.RefundInquirer = (*Client)(nil)
)

// refundRequest is POST /refund (Paystack docs, Refund). It has no amount: that is
// what makes it a full one, and a second full one is refused, where a second
// partial one would go through. Refunds have no reference of ours; the note is
// kept as it is, so our number stands there.
type refundRequest struct {
	Transaction  string         `json:"transaction"` // the charge's reference
	Currency     money.Currency `json:"currency"`
	MerchantNote string         `json:"merchant_note"`
}

// refundRow is a refund wherever one appears in an answer.
type refundRow struct {
	ID           label   `json:"id"`
	Domain       text    `json:"domain"`
	Status       text    `json:"status"`
	Amount       integer `json:"amount"`
	Currency     text    `json:"currency"`
	MerchantNote text    `json:"merchant_note"`
}

// Refund gives a charge back in full.
func (c *Client) Refund(ctx context.Context, call engine.RefundCall) (engine.RefundReport, error) {
	if call.Charge.Kind != engine.ChargeReference || call.Reference.Kind != engine.RefundReference {
		return engine.RefundReport{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "%q of %q is no refund", call.Reference, call.Charge)
	}
	var got refundRow
	request := refundRequest{call.Charge.String(), call.Currency, call.Reference.String()}
	if failure := c.ask(ctx, OpRefund, "/refund", request, &got); failure != nil {
		return engine.RefundReport{}, failure
	}
	if got.ID == "" {
		return engine.RefundReport{}, unreadable("a refund without an id")
	}
	return c.reportRefund(got, call.Reference)
}

// refundsPage is how many refunds of one charge are looked through: it has one,
// unless people made partial ones at the dashboard.
const refundsPage = 50

// InquireRefund asks what became of a refund: by Paystack's id when we have it,
// else among the refunds of the charge. Ours bears our number in its note. One that
// bears none is somebody else's; it is told as such, because it gives the payer
// back what ours would.
func (c *Client) InquireRefund(ctx context.Context, call engine.InquireCall) (engine.RefundReport, error) {
	if call.GatewayReference != "" {
		var got refundRow
		if failure := c.ask(ctx, OpReadRefund, "/refund/"+url.PathEscape(call.GatewayReference), nil, &got); failure != nil {
			return engine.RefundReport{}, failure
		}
		if string(got.ID) != call.GatewayReference {
			return engine.RefundReport{}, unreadable("the answer is about another refund")
		}
		return c.reportRefund(got, call.Reference)
	}
	rows, err := c.refundsOf(ctx, call.Charge)
	if err != nil {
		return engine.RefundReport{}, err
	}
	row, found := choose(rows, call.Reference)
	if !found {
		return engine.RefundReport{Status: engine.RefundReportAbsent, Live: c.live}, nil
	}
	return c.reportRefund(row, call.Reference)
}

// refundsOf lists the refunds of a charge. The list wants Paystack's number for
// it, which verify tells.
func (c *Client) refundsOf(ctx context.Context, charge engine.Reference) ([]refundRow, error) {
	var got transaction
	if failure := c.ask(ctx, OpVerify, "/transaction/verify/"+charge.String(), nil, &got); failure != nil {
		return nil, failure
	}
	if string(got.Reference) != charge.String() || got.ID == "" {
		return nil, unreadable("the answer is about another reference")
	}
	var rows []refundRow
	path := "/refund?transaction=" + url.QueryEscape(string(got.ID)) + "&perPage=" + strconv.Itoa(refundsPage)
	if failure := c.ask(ctx, OpListRefunds, path, nil, &rows); failure != nil {
		return nil, failure
	}
	return rows, nil
}

// choose finds our refund among those of its charge: the one with our number in
// its note, the one done before one still going on; else somebody else's that has
// not failed.
func choose(rows []refundRow, ours engine.Reference) (refundRow, bool) {
	rank := func(r refundRow) int {
		score := map[text]int{"processed": 3, "processing": 2, "pending": 2, "needs-attention": 2, "failed": 1}[r.Status]
		if r.bears(ours) {
			score += 10
		} else if r.Status == "failed" {
			score = 0
		}
		return score
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r refundRow) bool { return rank(r) == 0 })
	if len(rows) == 0 {
		return refundRow{}, false
	}
	return slices.MaxFunc(rows, func(a, b refundRow) int { return rank(a) - rank(b) }), true
}

// bears reports that our number stands in the note, as a word of its own: r1 is
// not r10.
func (r refundRow) bears(ours engine.Reference) bool {
	return slices.Contains(strings.Fields(string(r.MerchantNote)), ours.String())
}

// reportRefund translates Paystack's view of a refund (Paystack docs, Refunds,
// statuses). A refund without its figures is unreadable.
func (c *Client) reportRefund(got refundRow, ours engine.Reference) (engine.RefundReport, error) {
	amount, inexact, ok := got.Amount.amount()
	if !ok || got.Currency == "" {
		return engine.RefundReport{}, unreadable("a refund without amount or currency")
	}
	report := engine.RefundReport{
		Amount: amount, Inexact: inexact, Currency: money.Currency(got.Currency), Live: got.Domain == domainLive,
		GatewayReference: string(got.ID),
	}
	if got.Domain == "" {
		report.Live = c.live
	}
	if got.bears(ours) {
		report.Number = ours.Number
	}
	var known bool
	if report.Status, known = refundStatus(string(got.Status)); !known {
		c.config.Observer.unknown("refund status", string(got.Status))
	}
	return report, nil
}

// refundStatus translates a word for a refund's status; one it does not know is
// "in progress".
func refundStatus(word string) (status engine.RefundReportStatus, known bool) {
	switch word {
	case "processed":
		return engine.RefundReportDone, true
	case "failed":
		return engine.RefundReportFailed, true
	case "needs-attention":
		return engine.RefundReportAttention, true
	case "pending", "processing":
		return engine.RefundReportPending, true
	}
	return engine.RefundReportPending, false
}
