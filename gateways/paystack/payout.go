package paystack

import (
	"context"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

var _ engine.Disburser = (*Client)(nil)

// recipientRequest is POST /transferrecipient (Paystack docs, Transfer
// recipient). The same account again returns the existing one.
type recipientRequest struct {
	Type     string            `json:"type"`
	Name     string            `json:"name"`
	Account  string            `json:"account_number"`
	BankCode string            `json:"bank_code"`
	Currency money.Currency    `json:"currency"`
	Metadata recipientMetadata `json:"metadata"`
}

type recipientMetadata struct {
	Talent string `json:"talent_id"`
}

// transferRequest is POST /transfer (Paystack docs, Transfer, "Initiate").
type transferRequest struct {
	Source    string         `json:"source"`
	Amount    int64          `json:"amount"` // subunits; a string is refused
	Currency  money.Currency `json:"currency"`
	Recipient string         `json:"recipient"`
	Reference string         `json:"reference"`
	Reason    string         `json:"reason"`
}

// Payout sends money to a wallet: the recipient first, unless it is known, then
// the transfer under our reference. Sent again it cannot pay twice: Paystack
// creates one transfer for a reference, or refuses it as a duplicate.
//
// The recipient's code is in the report even when the transfer fails, so that
// it need not be asked for again.
func (c *Client) Payout(ctx context.Context, call engine.PayoutCall) (engine.PayoutReport, error) {
	request, err := c.transferRequest(call)
	if err != nil {
		return engine.PayoutReport{}, err
	}
	if request.Recipient == "" {
		if request.Recipient, err = c.recipient(ctx, call); err != nil {
			return engine.PayoutReport{}, err
		}
	}
	learnt := engine.PayoutReport{Recipient: request.Recipient}
	var got transfer
	if failure := c.ask(ctx, OpTransfer, "/transfer", request, &got); failure != nil {
		return learnt, failure
	}
	report, err := c.reportPayout(OpTransfer, call.Reference, got)
	if err != nil {
		return learnt, err
	}
	report.Recipient = request.Recipient // the answer has only its number
	return report, nil
}

func (c *Client) transferRequest(call engine.PayoutCall) (transferRequest, error) {
	_, served := c.config.BankCodes[call.Wallet.Operator]
	switch {
	case call.Reference.Kind != engine.PayoutReference: // an empty one would be replaced by Paystack's own
		return transferRequest{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "%q names no payout", call.Reference)
	case call.Currency != money.XOF: // Paystack's default is NGN
		return transferRequest{}, engine.Errorf(engine.Unsupported, engine.CodeCurrencyUnsupported, "currency %q", call.Currency)
	case !served:
		return transferRequest{}, engine.Errorf(engine.Unsupported, engine.CodeOperatorUnavailable,
			"Paystack does not send to %s", call.Wallet.Operator.Name())
	}
	subunits, err := Subunits(call.Amount)
	if err != nil {
		return transferRequest{}, err
	}
	return transferRequest{
		Source: "balance", Amount: subunits, Currency: call.Currency, Recipient: call.Recipient,
		Reference: call.Reference.String(), Reason: call.Booking,
	}, nil
}

// recipient makes Paystack's name for a wallet. Whatever goes wrong here, no
// transfer was sent: what would be Ambiguous of a transfer is Unavailable.
func (c *Client) recipient(ctx context.Context, call engine.PayoutCall) (string, error) {
	request := recipientRequest{
		Type: "mobile_money", Name: call.Wallet.Name, Account: c.write(call.Wallet.Phone),
		BankCode: c.config.BankCodes[call.Wallet.Operator], Currency: call.Currency,
		Metadata: recipientMetadata{Talent: call.Talent},
	}
	var got recipient
	failure := c.ask(ctx, OpRecipient, "/transferrecipient", request, &got)
	if failure == nil && got.Code == "" {
		failure = wire.Unreadable("a recipient without a code")
	}
	if failure == nil {
		return string(got.Code), nil
	}
	if failure.Kind == engine.Ambiguous {
		harmless := *failure
		harmless.Kind = engine.Unavailable
		failure = &harmless
	}
	return "", failure
}

// reportPayout translates Paystack's view of a transfer (Paystack docs, How
// transfers work, "Transfer statuses"). Every answer about one has its figures;
// without them it is unreadable. An unknown word is "in progress".
func (c *Client) reportPayout(op Operation, ours engine.Reference, got transfer) (engine.PayoutReport, error) {
	var report engine.PayoutReport
	complete := got.figures(&report)
	if string(got.Reference) != ours.String() || !complete {
		return engine.PayoutReport{}, wire.Unreadable("the answer is about another transfer, or not about all of it")
	}
	var known bool
	if report.Status, report.Code, known = transferStatus(string(got.Status), got.why()); !known {
		c.config.Observer.unknown(string(op)+" status", string(got.Status))
	}
	report.Text = plain(got.why())
	return report, nil
}

// transferStatus maps Paystack's words. An OTP means that transfers still want
// one, which is a switch of ours to turn off; blocked and rejected are the
// approval URL's doing, so ours too.
func transferStatus(word, why string) (status engine.PayoutReportStatus, code engine.Code, known bool) {
	switch word {
	case "success":
		return engine.PayoutReportPaid, "", true
	case "pending", "received":
		return engine.PayoutReportPending, "", true
	case "otp":
		return engine.PayoutReportPending, engine.CodeGatewayMisconfigured, true
	case "abandoned", "blocked", "rejected":
		return engine.PayoutReportFailed, engine.CodeGatewayMisconfigured, true
	case "failed":
		if contains(why, "account closed", "recipient", "invalid account") {
			return engine.PayoutReportFailed, engine.CodeWalletRejected, true
		}
		return engine.PayoutReportFailed, engine.CodeGatewayDeclined, true
	case "reversed":
		return engine.PayoutReportReversed, engine.CodeGatewayDeclined, true
	}
	return engine.PayoutReportPending, "", false
}
