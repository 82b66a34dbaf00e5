package paystack

import (
	"encoding/json"
	"strconv"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

// Paystack's JSON is loosely typed: metadata may be "", 0 or an object, an
// amount a number or a string, a recipient a number or an object (the official
// samples have them all). Each field we read says itself what it takes; what
// it does not take is as good as absent, and an absent field that matters makes
// the answer unreadable. A whole answer is never lost to a field nobody reads.

// flag is a boolean, or the string that spells one.
type flag string

const (
	flagTrue  flag = "true"
	flagFalse flag = "false"
)

// UnmarshalJSON takes true, false, "true", "false"; the rest is neither.
func (f *flag) UnmarshalJSON(raw []byte) error {
	s := string(raw)
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	*f = flag(s)
	return nil
}

// domainLive and domainTest are the two modes an object may live in.
const (
	domainLive = "live"
	domainTest = "test"
)

// transaction is what we read of a charge, wherever one appears: the answers of
// charge, submit_otp, check and verify, and charge.* notifications.
type transaction struct {
	ID              wire.Label `json:"id"`
	Domain          wire.Text  `json:"domain"`
	Status          wire.Text  `json:"status"`
	Reference       wire.Text  `json:"reference"`
	Amount          integer    `json:"amount"`
	Currency        wire.Text  `json:"currency"`
	Fees            integer    `json:"fees"`
	Message         wire.Text  `json:"message"`
	GatewayResponse wire.Text  `json:"gateway_response"`
	DisplayText     wire.Text  `json:"display_text"`
	URL             wire.Text  `json:"url"`
}

// figures puts what the object says about money into a report, and reports
// whether all of it was there: amount, currency and domain.
func (t transaction) figures(r *engine.ChargeReport) bool {
	amount, inexact, ok := t.Amount.amount()
	r.Amount, r.Inexact, r.Currency = amount, inexact, money.Currency(t.Currency)
	r.Live = t.Domain == domainLive
	r.GatewayReference = string(t.ID)
	r.Fee, r.FeeSubunits = t.Fees.fee()
	return ok && t.Currency != "" && (t.Domain == domainLive || t.Domain == domainTest)
}

// why is Paystack's reason, for people: message, else gateway_response.
func (t transaction) why() string {
	if t.Message != "" {
		return string(t.Message)
	}
	return string(t.GatewayResponse)
}

// transfer is what we read of one, in answers and in transfer.* notifications.
type transfer struct {
	Code            wire.Label `json:"transfer_code"`
	Domain          wire.Text  `json:"domain"`
	Status          wire.Text  `json:"status"`
	Reference       wire.Text  `json:"reference"`
	Amount          integer    `json:"amount"`
	Currency        wire.Text  `json:"currency"`
	Fee             integer    `json:"fee_charged"`
	Recipient       recipient  `json:"recipient"`
	GatewayResponse wire.Text  `json:"gateway_response"`
	Failures        wire.Text  `json:"failures"`
}

// figures does for a transfer what transaction.figures does for a charge.
func (t transfer) figures(r *engine.PayoutReport) bool {
	amount, inexact, ok := t.Amount.amount()
	r.Amount, r.Inexact, r.Currency = amount, inexact, money.Currency(t.Currency)
	r.Live = t.Domain == domainLive
	r.GatewayReference = string(t.Code)
	r.Recipient = string(t.Recipient.Code)
	r.Fee, r.FeeSubunits = t.Fee.fee()
	return ok && t.Currency != "" && (t.Domain == domainLive || t.Domain == domainTest)
}

// why is Paystack's reason, for staff.
func (t transfer) why() string {
	if t.GatewayResponse != "" {
		return string(t.GatewayResponse)
	}
	return string(t.Failures)
}

// recipient is an object with its code, or (from POST /transfer) a bare number,
// which names nothing we could use.
type recipient struct {
	Code wire.Text `json:"recipient_code"`
}

// UnmarshalJSON never fails.
func (r *recipient) UnmarshalJSON(raw []byte) error {
	type object recipient
	var o object
	if json.Unmarshal(raw, &o) != nil {
		o = object{}
	}
	*r = recipient(o)
	return nil
}
