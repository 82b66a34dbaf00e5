package fedapay

import (
	"context"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

var _ engine.Collector = (*Client)(nil)

// createRequest is POST /v1/transactions (FedaPay, Transactions, Create). No
// customer is sent: none is needed, the e-mail is FedaPay's key to a customer
// whose record every payment would overwrite, and nobody but us can hand the
// payer a link if FedaPay does not know them.
type createRequest struct {
	Description       string      `json:"description"` // the payer reads it on the page
	Amount            int64       `json:"amount"`      // whole francs
	Currency          isoCurrency `json:"currency"`
	CallbackURL       string      `json:"callback_url,omitempty"` // the browser's way back; no webhook
	MerchantReference string      `json:"merchant_reference"`     // ours: unique at FedaPay, the only guard against two
	CustomMetadata    metadata    `json:"custom_metadata"`
}

type isoCurrency struct {
	ISO money.Currency `json:"iso"`
}

// startRequest is POST /v1/:mode, at the root of the version: the path printed
// in FedaPay's reference, /transactions/:mode, does not exist.
type startRequest struct {
	Token string      `json:"token"`
	Phone phoneNumber `json:"phone_number"`
}

type phoneNumber struct {
	Number  string `json:"number"`
	Country string `json:"country"`
}

// descriptionRunesMax is where some clients cut; FedaPay's limit is unpublished.
const descriptionRunesMax = 100

// Charge asks FedaPay to collect: create the transaction, obtain its token, then
// start the direct charge or hand out the page. Only the start, and a payer who
// has the link, can move money. Each cut leaves what an inquiry can tell:
//
//   - the create was lost: nothing there, or a transaction nobody was asked to pay;
//   - the token was lost, or the process died here: such a transaction;
//   - the start was lost: such a transaction, or one that has its operator.
//
// What is answered is checked before the next step: a transaction that is not
// new, or not of this amount, is never started.
func (c *Client) Charge(ctx context.Context, call engine.ChargeCall) (engine.ChargeReport, error) {
	request, err := c.createRequest(call)
	if err != nil {
		return engine.ChargeReport{}, err
	}
	created, failure := c.create(ctx, request)
	if failure != nil {
		return engine.ChargeReport{}, c.believe(ctx, OpCreate, call.Reference, failure)
	}
	way, failure := c.token(ctx, created)
	if failure != nil {
		return engine.ChargeReport{}, c.believe(ctx, OpToken, call.Reference, failure)
	}
	mode := request.CustomMetadata.Flow.mode()
	if mode == "" {
		return c.page(created, way)
	}
	if way.Token == "" {
		return engine.ChargeReport{}, wire.Unreadable("a token without its text")
	}
	started, failure := c.start(ctx, mode, created, startRequest{
		Token: string(way.Token), Phone: phoneNumber{Number: c.write(call.Payer.Phone), Country: c.config.Country},
	})
	if failure != nil {
		return engine.ChargeReport{}, c.believe(ctx, OpStart, call.Reference, failure)
	}
	return c.answeredStart(ctx, call.Reference, created, started)
}

func (c *Client) createRequest(call engine.ChargeCall) (createRequest, error) {
	flow, served := c.flow(call)
	switch {
	case call.Reference.Kind != engine.ChargeReference: // without one a lost create could never be found again
		return createRequest{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "%q names no charge", call.Reference)
	case call.Currency != money.XOF:
		return createRequest{}, engine.Errorf(engine.Unsupported, engine.CodeCurrencyUnsupported, "currency %q", call.Currency)
	case call.Method != engine.MobileMoney && call.Method != engine.Card:
		return createRequest{}, engine.Errorf(engine.Unsupported, engine.CodeMethodUnsupported, "method %q", call.Method)
	case !served:
		return createRequest{}, engine.Errorf(engine.Unsupported, engine.CodeOperatorUnavailable,
			"FedaPay does not collect by %s from %q on the %s flow", call.Method, call.Payer.Operator.Name(), call.Flow)
	}
	amount, err := francs(call.Amount)
	if err != nil {
		return createRequest{}, err
	}
	payment := call.Reference.Transaction.Payment()
	description := call.Booking
	if description == "" { // FedaPay wants one
		description = payment
	}
	if runes := []rune(description); len(runes) > descriptionRunesMax {
		description = string(runes[:descriptionRunesMax])
	}
	return createRequest{
		Description: description, Amount: amount, Currency: isoCurrency{call.Currency},
		CallbackURL:       strings.ReplaceAll(c.config.ReturnURL, "{payment}", payment),
		MerchantReference: call.Reference.String(),
		CustomMetadata:    metadata{Payment: payment, Booking: call.Booking, Attempt: call.Reference.Number, Flow: flow},
	}, nil
}

// flow is how this payer is reached, as the route says. It is fixed for the
// transaction's life and written into it, because on it depends what "declined"
// means: see report. Without a page only the operators with a mode are served.
func (c *Client) flow(call engine.ChargeCall) (Flow, bool) {
	if call.Flow == engine.Hosted {
		return Page, true
	}
	mode, served := c.config.Modes[call.Payer.Operator]
	return Direct(mode), served && call.Flow == engine.Direct && call.Method == engine.MobileMoney
}

// create makes the transaction, which moves nothing.
func (c *Client) create(ctx context.Context, request createRequest) (transaction, *engine.Error) {
	var got transaction
	if failure := c.ask(ctx, question{OpCreate, "/v1/transactions", request, "v1/transaction"}, &got); failure != nil {
		return transaction{}, failure
	}
	switch {
	case !got.ID.IsID():
		return transaction{}, wire.Unreadable("a transaction without an id")
	case got.MerchantReference != "" && string(got.MerchantReference) != request.MerchantReference:
		return transaction{}, wire.Unreadable("the answer is about another reference")
	case got.Amount.Known && (got.Amount.Whole != request.Amount || !got.Amount.Exact):
		return transaction{}, wire.Unreadable("the answer is about another amount")
	case !got.untouched(): // the earlier one of this name, instead of a new one
		return transaction{}, engine.Errorf(engine.Ambiguous, engine.CodeDuplicateReference, "the transaction is not new")
	}
	return got, nil
}

// token obtains the token and the link, unless the create brought them along, as
// was observed and is not documented. POST is right: no source knows GET.
func (c *Client) token(ctx context.Context, created transaction) (token, *engine.Error) {
	if created.PaymentToken != "" && created.PaymentURL != "" {
		return token{Token: created.PaymentToken, URL: created.PaymentURL}, nil
	}
	var got token
	path := "/v1/transactions/" + string(created.ID) + "/token"
	if failure := c.ask(ctx, question{op: OpToken, path: path, in: struct{}{}}, &got); failure != nil {
		return token{}, failure
	}
	return got, nil
}

// start sends the direct charge: the request that can move money.
func (c *Client) start(ctx context.Context, mode string, created transaction, request startRequest) (intent, *engine.Error) {
	var got intent
	if failure := c.ask(ctx, question{OpStart, "/v1/" + mode, request, "v1/payment_intent"}, &got); failure != nil {
		return intent{}, failure
	}
	switch {
	case got.Status == "":
		return intent{}, wire.Unreadable("the answer has no status")
	case got.Reference != "" && created.Reference != "" && got.Reference != created.Reference:
		return intent{}, wire.Unreadable("the answer is about another transaction")
	}
	return got, nil
}

// answeredStart reads the answer to a direct charge. It has no figures, so all
// it is believed to say is that the payer's phone was asked; anything more is
// read from the transaction, and when that can't be read, the next inquiry will.
func (c *Client) answeredStart(
	ctx context.Context, ours engine.Reference, created transaction, got intent,
) (engine.ChargeReport, error) {
	asked := engine.ChargeReport{Status: engine.ChargeOnPhone, Live: c.live, GatewayReference: string(created.ID)}
	if got.Status == statusPending || got.Status == statusCreated {
		return asked, nil
	}
	now, failure := c.read(ctx, created.ID)
	if failure != nil {
		return asked, nil
	}
	report, err := c.report(ctx, ours, now)
	if err != nil {
		return asked, nil
	}
	return report, nil
}

// believe confirms a refusal before it is passed on (money-safety, R6): whoever
// sees another answer than the one we lost, a proxy's 429, a 400 about a
// reference that is used already, would open the way to another gateway while a
// payer is being asked. One look; what it contradicts, or can't be made, is
// Ambiguous. The words of a duplicate's refusal are unconfirmed, so the look is
// also what recognises one.
func (c *Client) believe(ctx context.Context, op Operation, ours engine.Reference, failure *engine.Error) *engine.Error {
	if !wantsALook(failure) {
		return failure
	}
	found, exists, unseen := c.find(ctx, ours)
	doubt := *failure
	doubt.Kind, doubt.Code = engine.Ambiguous, engine.CodeGatewayUnreadable
	switch {
	case unseen != nil:
		doubt.Detail += ", and the look that should confirm it failed: " + unseen.Error()
	case op == OpCreate && exists:
		doubt.Code = engine.CodeDuplicateReference
		doubt.Detail += ", and the transaction is there"
	case op == OpCreate, exists && found.untouched():
		return failure
	default:
		doubt.Detail += ", and the transaction has moved on"
	}
	return &doubt
}
