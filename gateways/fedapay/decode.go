package fedapay

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

// FedaPay's JSON is not described by its own reference (that shows bare objects
// where the wire has wrapped ones), and it grows. Each field we read says itself
// what it takes; what it does not take is as good as absent, and an absent field
// that matters makes the answer unreadable. A whole answer is never lost to a
// field nobody reads.

// transaction is what we read of one, wherever it appears: created, retrieved,
// listed, told by a webhook (FedaPay, Transaction).
type transaction struct {
	ID                wire.Label `json:"id"`
	Reference         wire.Text  `json:"reference"` // theirs: trx_…
	MerchantReference wire.Text  `json:"merchant_reference"`
	Status            wire.Text  `json:"status"`
	Amount            figure     `json:"amount"`
	AmountDebited     figure     `json:"amount_debited"`
	Fees              figure     `json:"fees"`
	Currency          currency   `json:"currency"`    // webhooks
	CurrencyID        wire.Label `json:"currency_id"` // everywhere
	Mode              wire.Text  `json:"mode"`        // the operator's; none until one was asked
	CustomMetadata    metadata   `json:"custom_metadata"`
	LastErrorCode     wire.Label `json:"last_error_code"` // none is documented
	DeletedAt         wire.Text  `json:"deleted_at"`
	UpdatedAt         wire.Text  `json:"updated_at"`
	PaymentToken      wire.Text  `json:"payment_token"` // seen on create
	PaymentURL        wire.Text  `json:"payment_url"`   // seen on create
}

// figures puts what the object says about money into a report, and reports
// whether all of it was there: amount and currency. The domain is not on
// FedaPay's wire: it is the key's, or the webhook secret's.
func (t transaction) figures(r *engine.ChargeReport) bool {
	amount, inexact, ok := t.Amount.amount()
	r.Amount, r.Inexact, r.Currency = amount, inexact, money.Currency(t.Currency.ISO)
	r.GatewayReference = string(t.ID)
	r.Fee, r.FeeSubunits = fee(t.Amount, t.Fees, t.AmountDebited)
	return ok && t.Currency.ISO != "" && t.ID != ""
}

// untouched reports that nobody was asked to pay yet: no operator, no end.
func (t transaction) untouched() bool {
	return (t.Status == statusPending || t.Status == statusCreated) && t.Mode == "" && t.DeletedAt == ""
}

// metadata is what we hang on a transaction and get back with it everywhere; a
// transaction that is not ours may have anything there.
type metadata struct {
	Payment string `json:"payment_id"` // pay_01jd…: what people search by
	Booking string `json:"booking_id"`
	Attempt int    `json:"attempt"`
	Flow    Flow   `json:"flow"`
}

// UnmarshalJSON never fails.
func (m *metadata) UnmarshalJSON(raw []byte) error {
	type object metadata
	var o object
	if json.Unmarshal(raw, &o) != nil {
		o = object{}
	}
	*m = metadata(o)
	return nil
}

// currency is an expanded one.
type currency struct {
	ID    wire.Label `json:"id"`
	ISO   wire.Text  `json:"iso"`
	Modes []string   `json:"modes"`
}

// UnmarshalJSON never fails.
func (c *currency) UnmarshalJSON(raw []byte) error {
	type object currency
	var o object
	if json.Unmarshal(raw, &o) != nil {
		o = object{}
	}
	*c = currency(o)
	return nil
}

// hook is one of our webhook endpoints, as the dashboard has it.
type hook struct {
	URL            wire.Text `json:"url"`
	Enabled        truth     `json:"enabled"`
	DisableOnError truth     `json:"disable_on_error"`
}

// truth is a boolean that may be absent.
type truth string

const (
	isTrue  truth = "true"
	isFalse truth = "false"
)

// UnmarshalJSON never fails.
func (b *truth) UnmarshalJSON(raw []byte) error {
	*b = truth(raw)
	return nil
}

// token is the answer to POST /v1/transactions/:id/token, which has no wrapper.
type token struct {
	Token wire.Text `json:"token"`
	URL   wire.Text `json:"url"`
}

// intent is the answer to a direct charge.
type intent struct {
	Reference wire.Text `json:"reference"` // theirs: trx_…
	Status    wire.Text `json:"status"`
}

// unwrap reads an answer under its wrapper, "v1/transaction" and the like, or
// bare, as the published reference shows them.
func unwrap(body []byte, wrapper string, out any) error {
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return err
	}
	if inner, wrapped := whole[wrapper]; wrapped {
		body = inner
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return errors.New("null")
	}
	return json.Unmarshal(body, out)
}
