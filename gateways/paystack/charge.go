package paystack

import (
	"context"
	"strconv"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

var (
	_ engine.Collector    = (*Client)(nil)
	_ engine.OTPSubmitter = (*Client)(nil)
)

// chargeRequest is POST /charge (Paystack docs, Charge, "Create Charge").
type chargeRequest struct {
	Email       string         `json:"email"`
	Amount      string         `json:"amount"` // subunits, as a string of digits
	Currency    money.Currency `json:"currency"`
	Reference   string         `json:"reference"`
	MobileMoney mobileMoney    `json:"mobile_money"`
	Metadata    chargeMetadata `json:"metadata"`
}

type mobileMoney struct {
	Phone    string `json:"phone"`
	Provider string `json:"provider"`
}

// chargeMetadata comes back with verify and webhooks; people search by it.
type chargeMetadata struct {
	Booking string `json:"booking_id"`
	Payment string `json:"payment_id"` // pay_01jd…
	Attempt int    `json:"attempt"`
}

// Charge asks Paystack to collect. What the payer does next is driven by the
// answer alone: any operator may answer any status (Paystack docs, Charge). On the
// hosted flow, and for cards there is no other, the payer is sent to a page.
func (c *Client) Charge(ctx context.Context, call engine.ChargeCall) (engine.ChargeReport, error) {
	if call.Flow == engine.Hosted {
		return c.initialize(ctx, call)
	}
	request, err := c.chargeRequest(call)
	if err != nil {
		return engine.ChargeReport{}, err
	}
	var got transaction
	if failure := c.ask(ctx, OpCharge, "/charge", request, &got); failure != nil {
		return engine.ChargeReport{}, failure
	}
	return c.answeredCharge(OpCharge, call.Reference, got)
}

func (c *Client) chargeRequest(call engine.ChargeCall) (chargeRequest, error) {
	provider, served := c.config.Providers[call.Payer.Operator]
	switch {
	case call.Reference.Kind != engine.ChargeReference: // an empty one would be replaced by Paystack's own
		return chargeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeInternal, "%q names no charge", call.Reference)
	case call.Method != engine.MobileMoney:
		return chargeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeMethodUnsupported, "method %q", call.Method)
	case call.Currency != money.XOF:
		return chargeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeCurrencyUnsupported, "currency %q", call.Currency)
	case !served:
		return chargeRequest{}, engine.Errorf(engine.Unsupported, engine.CodeOperatorUnavailable,
			"Paystack does not collect from %s", call.Payer.Operator.Name())
	}
	subunits, err := Subunits(call.Amount)
	if err != nil {
		return chargeRequest{}, err
	}
	email, err := c.emailOf(call)
	if err != nil {
		return chargeRequest{}, err
	}
	return chargeRequest{
		Email: email, Amount: strconv.FormatInt(subunits, 10), Currency: call.Currency, Reference: call.Reference.String(),
		MobileMoney: mobileMoney{Phone: c.write(call.Payer.Phone), Provider: provider},
		Metadata:    metadataOf(call),
	}, nil
}

func metadataOf(call engine.ChargeCall) chargeMetadata {
	return chargeMetadata{Booking: call.Booking, Payment: call.Reference.Transaction.Payment(), Attempt: call.Reference.Number}
}

// emailOf is the payer's address, or one made for them: Paystack wants one.
func (c *Client) emailOf(call engine.ChargeCall) (string, error) {
	switch {
	case call.Payer.Email != "":
		return call.Payer.Email, nil
	case c.config.EmailDomain == "":
		missing := engine.Errorf(engine.Unsupported, engine.CodeEmailMalformed, "Paystack wants an address for each payer")
		return "", missing.At("email")
	}
	return call.Reference.Transaction.String() + "@" + c.config.EmailDomain, nil
}

// otpRequest is POST /charge/submit_otp.
type otpRequest struct {
	OTP       string `json:"otp"`
	Reference string `json:"reference"`
}

// SubmitOTP passes the payer's code on. A refused code is Declined with
// CodeOTPInvalid, and the charge stays open.
//
// Whether a wrong code is a 4xx or a 200 with the status "failed" is not
// documented, and "failed" is otherwise final. So that word is confirmed before
// it is passed on: when the charge still wants a code, the code was wrong.
func (c *Client) SubmitOTP(ctx context.Context, call engine.OTPCall) (engine.ChargeReport, error) {
	var got transaction
	request := otpRequest{OTP: call.OTP.Reveal(), Reference: call.Reference.String()}
	if failure := c.ask(ctx, OpSubmitOTP, "/charge/submit_otp", request, &got); failure != nil {
		return engine.ChargeReport{}, failure
	}
	report, err := c.answeredCharge(OpSubmitOTP, call.Reference, got)
	if err != nil || report.Status != engine.ChargeFailed {
		return report, err
	}
	confirmed, err := c.InquireCharge(ctx, engine.InquireCall{Reference: call.Reference, Gateway: call.Gateway})
	switch {
	case err != nil:
		lost := wire.Unreadable("submit_otp answered failed, and that could not be confirmed")
		lost.Err = err
		return engine.ChargeReport{}, lost
	case confirmed.Status == engine.ChargeWantsOTP:
		wrong := engine.Errorf(engine.Declined, engine.CodeOTPInvalid, "the charge still wants a code")
		wrong.Text = report.Text
		return engine.ChargeReport{}, wrong
	case confirmed.Status == engine.ChargeAbsent:
		return engine.ChargeReport{}, wire.Unreadable("submit_otp answered failed about a charge nobody finds")
	}
	return confirmed, nil
}

// answeredCharge reads the answer to a call of ours: charge, submit_otp, check.
// "timeout" is final in the docs; here it is "in progress", because verify may
// know better and no other gateway is to be tried before it was asked.
func (c *Client) answeredCharge(op Operation, ours engine.Reference, got transaction) (engine.ChargeReport, error) {
	report, err := c.reportCharge(op, ours, got)
	if err == nil && got.Status == "timeout" {
		report.Status = engine.ChargePending
	}
	return report, err
}

// reportCharge translates Paystack's view of a charge. It is about ours or it is
// unreadable; a success without its figures is none. A word it does not know is
// "in progress", and the observer is told.
func (c *Client) reportCharge(op Operation, ours engine.Reference, got transaction) (engine.ChargeReport, error) {
	if string(got.Reference) != ours.String() {
		return engine.ChargeReport{}, wire.Unreadable("the answer is about another reference")
	}
	var report engine.ChargeReport
	complete := got.figures(&report)
	if got.Domain == "" {
		report.Live = c.live // prompts do not say; the key chose the mode
	}
	report.Text = plain(string(got.DisplayText))
	switch got.Status {
	case "success":
		report.Status = engine.ChargeSucceeded
	case "reversed":
		report.Status = engine.ChargeReversed
	case "failed":
		report.Status, report.Code, report.Text = engine.ChargeFailed, c.reasonOf(got.why()), plain(got.why())
	case "timeout":
		report.Status, report.Code, report.Text = engine.ChargeFailed, engine.CodeGatewayTimeout, plain(got.why())
	case "abandoned":
		report.Status = engine.ChargeAbandoned
	case "pending", "ongoing", "processing", "queued":
		report.Status = engine.ChargePending
	case "send_otp":
		report.Status = engine.ChargeWantsOTP
	case "pay_offline":
		report.Status = engine.ChargeOnPhone
	case "open_url":
		report.Status, report.URL = engine.ChargeRedirects, c.opens(string(got.URL))
		if report.URL == "" {
			report.Status = engine.ChargeUnknowable
		}
	case "send_pin", "send_phone", "send_birthday", "send_address":
		report.Status = engine.ChargeUnknowable
	case "":
		return engine.ChargeReport{}, wire.Unreadable("the answer has no status")
	default:
		c.config.Observer.unknown(string(op)+" status", string(got.Status))
		report.Status = engine.ChargePending
	}
	if report.Status == engine.ChargeSucceeded && !complete {
		return engine.ChargeReport{}, wire.Unreadable("a success without amount, currency or domain")
	}
	return report, nil
}
