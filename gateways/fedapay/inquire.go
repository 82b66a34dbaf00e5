package fedapay

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

var _ engine.ChargeInquirer = (*Client)(nil)

// InquireCharge asks what became of a charge: by FedaPay's own id when the
// engine has it, which is the documented way, else by our reference.
//
// The engine has no GatewayReference exactly when it never had our answer, and
// then a transaction nobody was asked to pay means that Charge was cut short:
//
//   - on the page the payer gets the link now, which nobody had before;
//   - directly, the charge itself was never heard of, whatever was prepared for
//     it: ChargeAbsent, which the engine believes only after hearing it often and
//     long enough for a request still on its way (money-safety, R5).
func (c *Client) InquireCharge(ctx context.Context, call engine.InquireCall) (engine.ChargeReport, error) {
	got, exists, failure := c.lookUp(ctx, call)
	if failure != nil {
		return engine.ChargeReport{}, failure
	}
	absent := engine.ChargeReport{Status: engine.ChargeAbsent, Live: c.live}
	if !exists {
		return absent, nil
	}
	if call.GatewayReference == "" && got.untouched() {
		switch {
		case got.CustomMetadata.Flow.mode() != "" && !c.config.ModeComesLate:
			return absent, nil
		case got.CustomMetadata.Flow == Page:
			return c.handOut(ctx, got)
		}
	}
	report, err := c.report(ctx, call.Reference, got)
	if err != nil {
		return engine.ChargeReport{}, err
	}
	return report, nil
}

// handOut gives the payer the link of a transaction whose own answer was lost.
// When it can't be had the inquiry has failed, and is made again.
func (c *Client) handOut(ctx context.Context, got transaction) (engine.ChargeReport, error) {
	way, failure := c.token(ctx, got)
	if failure != nil {
		return engine.ChargeReport{}, failure
	}
	return c.page(got, way)
}

// lookUp finds the transaction of an inquiry; false is "there is none".
func (c *Client) lookUp(ctx context.Context, call engine.InquireCall) (transaction, bool, *engine.Error) {
	if id := wire.Label(call.GatewayReference); id.IsID() {
		got, failure := c.read(ctx, id)
		switch {
		case failure == nil && string(got.MerchantReference) != call.Reference.String():
			return transaction{}, false, wire.Unreadable("the transaction is not of this reference")
		case failure == nil:
			return got, true, nil
		case !isUnknown(failure):
			return transaction{}, false, failure
		}
	}
	return c.find(ctx, call.Reference)
}

// read is GET /v1/transactions/:id.
func (c *Client) read(ctx context.Context, id wire.Label) (transaction, *engine.Error) {
	var got transaction
	failure := c.ask(ctx, question{op: OpRead, path: "/v1/transactions/" + string(id), wrapper: "v1/transaction"}, &got)
	if failure == nil && got.ID != id {
		return transaction{}, wire.Unreadable("the answer is about another transaction")
	}
	return got, failure
}

// searchPage is how many transactions a page of the list has: FedaPay's own
// default.
const searchPage = 25

// find is GET /v1/transactions/merchant/:reference. That path and its 404 are
// known from others' clients only, and a path that did not exist would answer
// 404 about every charge there is. So a not-found counts only when FedaPay's
// list, which is documented, can be read and does not show the reference either.
func (c *Client) find(ctx context.Context, ours engine.Reference) (transaction, bool, *engine.Error) {
	var got transaction
	reference := url.PathEscape(ours.String())
	failure := c.ask(ctx, question{op: OpFind, path: "/v1/transactions/merchant/" + reference, wrapper: "v1/transaction"}, &got)
	switch {
	case failure == nil && (!got.ID.IsID() || string(got.MerchantReference) != ours.String()):
		return transaction{}, false, wire.Unreadable("the answer is about another reference")
	case failure == nil:
		return got, true, nil
	case !isUnknown(failure):
		return transaction{}, false, failure
	}
	var listed []transaction
	path := "/v1/transactions/search?search=" + url.QueryEscape(ours.String()) + "&page=1&per_page=" + strconv.Itoa(searchPage)
	if failure := c.ask(ctx, question{op: OpSearch, path: path, wrapper: "v1/transactions"}, &listed); failure != nil {
		return transaction{}, false, failure
	}
	i := slices.IndexFunc(listed, func(t transaction) bool { return string(t.MerchantReference) == ours.String() && t.ID.IsID() })
	if i < 0 {
		return transaction{}, false, nil
	}
	c.config.Observer.unknown("find", "404 about a transaction that is listed")
	return listed[i], true, nil
}

// FedaPay's words for where a transaction stands.
const (
	statusPending  = "pending"
	statusCreated  = "created" // in one client's list only
	statusApproved = "approved"
	statusSettled  = "transferred" // approved, and settled to us some days later: no second payment
	statusDeclined = "declined"    // the payer refused or broke off (help centre); a phone the operator can't read was one too
	statusCanceled = "canceled"    // no funds, or a problem with the payment (help centre)
	statusExpired  = "expired"
	statusRefunded = "refunded"
)

// report translates FedaPay's view of a transaction. A success without its
// figures is none. When the currency came as an id only, it is looked up.
func (c *Client) report(ctx context.Context, ours engine.Reference, got transaction) (engine.ChargeReport, error) {
	if string(got.MerchantReference) != ours.String() {
		return engine.ChargeReport{}, wire.Unreadable("the answer is about another reference")
	}
	paid := got.Status == statusApproved || got.Status == statusSettled
	// Of what was given back too: a report without its currency is believed by nobody.
	if (paid || got.Status == statusRefunded) && got.Currency.ISO == "" {
		iso, failure := c.iso(ctx, got.CurrencyID)
		if failure != nil {
			return engine.ChargeReport{}, failure
		}
		got.Currency.ISO = wire.Text(iso)
	}
	report := engine.ChargeReport{Live: c.live}
	complete := got.figures(&report)
	known := translate(got, &report, c.config.OperatorFailures)
	switch {
	case got.Status == "":
		return engine.ChargeReport{}, wire.Unreadable("the answer has no status")
	case paid && !complete:
		return engine.ChargeReport{}, wire.Unreadable("a success without amount or currency")
	case !known:
		c.config.Observer.unknown("transaction status", string(got.Status))
	}
	return report, nil
}

// translate puts FedaPay's word into the engine's, and reports whether it is one
// we know; one we do not is "in progress".
//
// Declined and canceled are final for a direct charge alone, whose link nobody
// ever had. On the page the payer can try again on the same link, and may succeed
// a moment or a day later: such a charge is pending, and stays the payer's
// (money-safety, §2.5). A payer whose link expired, or was deleted, let the time
// pass: abandoned, so that nothing moves to another gateway by itself.
//
// last_error_code says nothing by itself: an approved transaction was seen to carry
// one. It is read of a direct charge that failed, and only for the codes configured.
func translate(got transaction, report *engine.ChargeReport, operatorFailures []string) (known bool) {
	direct := got.CustomMetadata.Flow.mode() != ""
	gone := got.DeletedAt != ""
	switch got.Status {
	case statusApproved, statusSettled:
		report.Status = engine.ChargeSucceeded
	case statusRefunded:
		report.Status = engine.ChargeReversed // Amount: what was given back
	case "approved_partially_refunded", "transferred_partially_refunded":
		report.Status, report.Amount = engine.ChargeReversed, 0 // a part, and it is not told which
	case statusDeclined, statusCanceled:
		report.Status = engine.ChargePending
		if direct {
			report.Status, report.Code = engine.ChargeFailed, got.reason(operatorFailures)
		} else if gone {
			report.Status = engine.ChargeAbandoned
		}
	case statusExpired:
		report.Status = engine.ChargeAbandoned
	case statusPending, statusCreated:
		switch {
		case gone:
			report.Status = engine.ChargeAbandoned
		case direct && got.Mode != "":
			report.Status = engine.ChargeOnPhone
		default:
			report.Status = engine.ChargePending
		}
	default:
		report.Status = engine.ChargePending
		return false
	}
	return true
}

// reason names why a direct charge failed, as far as FedaPay tells. Declined is all
// that went wrong between the payer and the operator, so nobody is blamed for it
// and nothing is concluded about the operator; canceled is most often no funds.
// Unless the code is a configured one, the payer is asked before anything else is
// tried.
func (t transaction) reason(operatorFailures []string) engine.Code {
	switch {
	case slices.Contains(operatorFailures, string(t.LastErrorCode)):
		return engine.CodeOperatorFailed
	case t.Status == statusCanceled:
		return engine.CodeInsufficientFunds
	}
	return engine.CodeGatewayDeclined
}

// iso resolves a currency's id by GET /v1/currencies, once: 1 was seen to be XOF
// in the sandbox, which says nothing about live accounts. An unknown id is "".
func (c *Client) iso(ctx context.Context, id wire.Label) (money.Currency, *engine.Error) {
	if table := c.currencies.Load(); table != nil {
		if iso, known := (*table)[id]; known {
			return iso, nil
		}
	}
	listed, failure := c.list(ctx)
	if failure != nil {
		return "", failure
	}
	table := make(map[wire.Label]money.Currency, len(listed))
	for _, one := range listed {
		if one.ID != "" && one.ISO != "" {
			table[one.ID] = money.Currency(one.ISO)
		}
	}
	c.currencies.Store(&table)
	return table[id], nil
}

// list is GET /v1/currencies.
func (c *Client) list(ctx context.Context) (listed []currency, failure *engine.Error) {
	failure = c.ask(ctx, question{op: OpCurrencies, path: "/v1/currencies", wrapper: "v1/currencies"}, &listed)
	return listed, failure
}
