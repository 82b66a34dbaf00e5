package paystack

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
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
	ID           wire.Label `json:"id"`
	Transaction  refunded   `json:"transaction"`
	Domain       wire.Text  `json:"domain"`
	Status       wire.Text  `json:"status"`
	Amount       integer    `json:"amount"`
	Currency     wire.Text  `json:"currency"`
	MerchantNote wire.Text  `json:"merchant_note"`
}

// refunded names the charge a refund is of: an object when it was asked for, a bare
// number when it is read.
type refunded struct {
	ID        wire.Label `json:"id"`
	Reference wire.Text  `json:"reference"`
}

// UnmarshalJSON never fails.
func (r *refunded) UnmarshalJSON(raw []byte) error {
	type object refunded
	var o object
	if json.Unmarshal(raw, &o) != nil {
		_ = o.ID.UnmarshalJSON(raw) // never fails
	}
	*r = refunded(o)
	return nil
}

// Refund gives a charge back in full.
func (c *Client) Refund(ctx context.Context, call engine.RefundCall) (engine.RefundReport, error) {
	if call.Charge.Kind != engine.ChargeReference || call.Reference.Kind != engine.RefundReference {
		return engine.RefundReport{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "%q of %q is no refund", call.Reference, call.Charge)
	}
	if call.Currency != money.XOF {
		return engine.RefundReport{}, engine.Errorf(engine.Unsupported, engine.CodeCurrencyUnsupported, "currency %q", call.Currency)
	}
	var got refundRow
	request := refundRequest{call.Charge.String(), call.Currency, call.Reference.String()}
	if failure := c.ask(ctx, OpRefund, "/refund", request, &got); failure != nil {
		return engine.RefundReport{}, failure
	}
	switch {
	case got.ID == "":
		return engine.RefundReport{}, wire.Unreadable("a refund without an id")
	case got.Transaction.Reference != "" && string(got.Transaction.Reference) != call.Charge.String():
		return engine.RefundReport{}, wire.Unreadable("the answer is about another charge")
	}
	return c.reportRefund(got, call.Reference)
}

// refundsPage is how many refunds of one charge are looked through: it has one,
// unless people made partial ones at the dashboard.
const refundsPage = 50

// InquireRefund asks what became of a refund: by Paystack's id when we have it,
// else among the refunds of the charge. Ours bears our number in its note. One that
// bears none is somebody else's; it is told as such, because it gives the payer
// back what ours would. So the list is asked too when ours has failed, or is not
// there: people may have given it back since.
func (c *Client) InquireRefund(ctx context.Context, call engine.InquireCall) (engine.RefundReport, error) {
	if id := wire.Label(call.GatewayReference); id.IsID() {
		var got refundRow
		failure := c.ask(ctx, OpReadRefund, "/refund/"+string(id), nil, &got)
		var no *refusal
		switch {
		case failure == nil && got.ID != id:
			return engine.RefundReport{}, wire.Unreadable("the answer is about another refund")
		case failure == nil && got.Status != refundIsFailed:
			return c.reportRefund(got, call.Reference)
		case failure != nil && !(errors.As(failure, &no) && no.unknownRefund()):
			return engine.RefundReport{}, failure
		}
	}
	rows, err := c.refundsOf(ctx, call.Charge, call.Reference)
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
// it, which verify tells. A row of another charge is dropped: that the list keeps to
// the one asked for is documented, and believed to the payer's loss if it does not.
func (c *Client) refundsOf(ctx context.Context, charge, ours engine.Reference) ([]refundRow, error) {
	var got transaction
	if failure := c.ask(ctx, OpVerify, "/transaction/verify/"+charge.String(), nil, &got); failure != nil {
		return nil, failure
	}
	if string(got.Reference) != charge.String() || got.ID == "" {
		return nil, wire.Unreadable("the answer is about another reference")
	}
	var rows []refundRow
	path := "/refund?transaction=" + url.QueryEscape(string(got.ID)) + "&perPage=" + strconv.Itoa(refundsPage)
	if failure := c.ask(ctx, OpListRefunds, path, nil, &rows); failure != nil {
		return nil, failure
	}
	return slices.DeleteFunc(rows, func(r refundRow) bool { return r.Transaction.ID != got.ID && !r.bears(ours) }), nil
}

// choose finds the refund that counts among those of a charge. Ours counts before
// somebody else's, and what is done before what is going on; but ours when it has
// failed counts last, and somebody else's that has failed is none.
func choose(rows []refundRow, ours engine.Reference) (refundRow, bool) {
	rank := func(r refundRow) int {
		switch {
		case r.Status == refundIsFailed && r.bears(ours):
			return 1
		case r.Status == refundIsFailed:
			return 0
		case r.Status == refundIsDone && r.bears(ours):
			return 5
		case r.bears(ours):
			return 4
		case r.Status == refundIsDone:
			return 3
		}
		return 2
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r refundRow) bool { return rank(r) == 0 })
	if len(rows) == 0 {
		return refundRow{}, false
	}
	return slices.MaxFunc(rows, func(a, b refundRow) int { return rank(a) - rank(b) }), true
}

// bears reports that our number stands in the note.
func (r refundRow) bears(ours engine.Reference) bool {
	return refundNumber(string(r.MerchantNote), ours.Transaction) == ours.Number
}

// refundNumber finds our number for a refund in its note, as a word of its own: r1
// is not r10. It is 0 where there is none.
func refundNumber(note string, of engine.ID) int {
	for word := range strings.FieldsSeq(note) {
		r, err := engine.ParseReference(word)
		if err == nil && r.Kind == engine.RefundReference && r.Transaction == of {
			return r.Number
		}
	}
	return 0
}

// reportRefund translates Paystack's view of a refund (Paystack docs, Refunds,
// statuses). A refund without its figures is unreadable.
func (c *Client) reportRefund(got refundRow, ours engine.Reference) (engine.RefundReport, error) {
	amount, inexact, ok := got.Amount.amount()
	if !ok || got.Currency == "" {
		return engine.RefundReport{}, wire.Unreadable("a refund without amount or currency")
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

// Paystack's words for the two ends of a refund.
const (
	refundIsDone   = "processed"
	refundIsFailed = "failed"
)

// refundStatus translates a word for a refund's status; one it does not know is
// "in progress".
func refundStatus(word string) (status engine.RefundReportStatus, known bool) {
	switch word {
	case refundIsDone:
		return engine.RefundReportDone, true
	case refundIsFailed:
		return engine.RefundReportFailed, true
	case "needs-attention":
		return engine.RefundReportAttention, true
	case "pending", "processing":
		return engine.RefundReportPending, true
	}
	return engine.RefundReportPending, false
}
