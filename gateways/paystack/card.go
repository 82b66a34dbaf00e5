package paystack

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

// initializeRequest is POST /transaction/initialize (Paystack docs, Transaction).
// The payer types their card's number on Paystack's page: it never comes near us.
type initializeRequest struct {
	Email       string         `json:"email"`
	Amount      string         `json:"amount"` // subunits, as a string of digits
	Currency    money.Currency `json:"currency"`
	Reference   string         `json:"reference"`
	CallbackURL string         `json:"callback_url,omitempty"` // the browser's way back; no webhook, and no proof
	Channels    []string       `json:"channels"`
	Metadata    string         `json:"metadata"` // stringified JSON, here alone
}

// initialized is its answer: where the payer goes. It says nothing about money.
type initialized struct {
	AuthorizationURL wire.Text `json:"authorization_url"`
	Reference        wire.Text `json:"reference"`
}

// initialize opens the hosted page for a payer. A page that may not be opened is
// kept to ourselves: nobody has its address, so nobody can pay there.
func (c *Client) initialize(ctx context.Context, call engine.ChargeCall) (engine.ChargeReport, error) {
	request, err := c.initializeRequest(call)
	if err != nil {
		return engine.ChargeReport{}, err
	}
	var got initialized
	if failure := c.ask(ctx, OpInitialize, "/transaction/initialize", request, &got); failure != nil {
		return engine.ChargeReport{}, failure
	}
	switch {
	case string(got.Reference) != call.Reference.String():
		return engine.ChargeReport{}, wire.Unreadable("the answer is about another reference")
	case got.AuthorizationURL == "":
		return engine.ChargeReport{}, wire.Unreadable("a page without its address")
	}
	address := c.opens(string(got.AuthorizationURL))
	if address == "" {
		return engine.ChargeReport{}, engine.Errorf(engine.Unavailable, engine.CodeGatewayMisconfigured,
			"the page is not where a payer may be sent")
	}
	return engine.ChargeReport{Status: engine.ChargeRedirects, Live: c.live, URL: address}, nil
}

func (c *Client) initializeRequest(call engine.ChargeCall) (initializeRequest, error) {
	channel := map[engine.Method]string{engine.Card: "card", engine.MobileMoney: "mobile_money"}[call.Method]
	switch {
	case call.Reference.Kind != engine.ChargeReference: // an empty one would be replaced by Paystack's own
		return initializeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "%q names no charge", call.Reference)
	case channel == "":
		return initializeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeMethodUnsupported, "method %q", call.Method)
	case call.Currency != money.XOF:
		return initializeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeCurrencyUnsupported, "currency %q", call.Currency)
	}
	subunits, err := Subunits(call.Amount)
	if err != nil {
		return initializeRequest{}, err
	}
	email, err := c.emailOf(call)
	if err != nil {
		return initializeRequest{}, err
	}
	metadata, err := json.Marshal(metadataOf(call))
	if err != nil {
		return initializeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "metadata that can't be written: %v", err)
	}
	return initializeRequest{
		Email: email, Amount: strconv.FormatInt(subunits, 10), Currency: call.Currency, Reference: call.Reference.String(),
		CallbackURL: strings.ReplaceAll(c.config.ReturnURL, "{payment}", call.Reference.Transaction.Payment()),
		Channels:    []string{channel}, Metadata: string(metadata),
	}, nil
}
