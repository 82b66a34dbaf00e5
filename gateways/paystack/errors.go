package paystack

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/wire"
)

// envelope is the frame of every answer (Paystack docs, API introduction).
// Many refusals have only status and message, and one official sample has the
// string "false".
type envelope struct {
	Status  flag            `json:"status"`
	Message wire.Text       `json:"message"`
	Code    wire.Text       `json:"code"`
	Type    wire.Text       `json:"type"`
	Data    json.RawMessage `json:"data"`
}

// classify says what an outcome means: nil when the request was answered as
// asked, else the error of the port. It is a whitelist. What is not listed here
// as "nothing was done" or "no" is Ambiguous, so a new word of Paystack's, a
// proxy's page, half an answer or one that says two things never opens the way to
// another gateway.
func classify(op Operation, got wire.Outcome, otp OTPRefusal) *engine.Error {
	if failure := got.Failure(string(op)); failure != nil {
		return failure
	}
	var reply envelope
	plainly := answers.Plain(got.Body)
	readable := json.Unmarshal(got.Body, &reply) == nil && plainly
	no := &refusal{status: got.Status, code: string(reply.Code), kind: string(reply.Type), message: string(reply.Message)}
	readable = readable && reply.Status == flagFalse && no.message != ""
	switch {
	case got.Status >= 200 && got.Status <= 299 && plainly && reply.Status == flagTrue && len(reply.Data) > 0:
		return nil
	case got.Status == fasthttp.StatusUnauthorized:
		return no.as(engine.Unavailable, engine.CodeGatewayUnauthorized)
	case got.Status == fasthttp.StatusTooManyRequests:
		e := no.as(engine.Unavailable, engine.CodeGatewayRateLimited)
		e.Err = &RateLimited{Reset: got.Reset}
		return e
	case readable && op == OpBanks && got.Status == fasthttp.StatusForbidden: // a list nobody switched on; it moves nothing
		return no.as(engine.Unavailable, engine.CodeGatewayMisconfigured)
	case readable && no.duplicate():
		return no.as(engine.Ambiguous, engine.CodeDuplicateReference)
	case readable && no.listed():
		return no.of(op, otp)
	case got.Status >= 500:
		return no.as(engine.Ambiguous, engine.CodeGatewayServerError)
	}
	return no.as(engine.Ambiguous, engine.CodeGatewayUnreadable)
}

// RateLimited is in the chain of an Unavailable error with the code
// CodeGatewayRateLimited: no call should follow before Reset is over.
type RateLimited struct {
	Reset time.Duration // 0 when Paystack did not say
}

func (e *RateLimited) Error() string { return fmt.Sprintf("rate limited for %s", e.Reset) }

// RetryAfter is Reset, for whoever paces calls and knows no gateway's types.
func (e *RateLimited) RetryAfter() time.Duration { return e.Reset }

// refusal is a no that could be read, or as much of an answer as could be. It
// is in the chain of the error made of it.
type refusal struct {
	status  int
	code    string // Paystack's
	kind    string // Paystack's type
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("HTTP %d %s %q", r.status, r.code, wire.Shorten(wire.Masked(r.message)))
}

// as makes the port's error of it. Paystack's words go to the payer only when
// they are about the payer: see of.
func (r *refusal) as(kind engine.Kind, code engine.Code) *engine.Error {
	e := engine.Errorf(kind, code, "the gateway answered %d", r.status)
	e.Err = r
	return e
}

// duplicate reports that the reference is used already: an earlier request of
// ours arrived. Neither the status (400 and 404 were seen) nor the code (absent
// on charges, "unknown" on bulk transfers) is reliable, so the text counts too
// (Paystack docs, Errors, Transaction and Transfer).
func (r *refusal) duplicate() bool {
	return r.code == "duplicate_transfer_reference" ||
		r.says("duplicate transaction reference", "duplicate reference", "reference already exists")
}

// listed reports a refusal that Paystack documents as "the request wasn't
// fulfilled" (API introduction, Errors): 400, 404 or 422. Two kinds of them are
// not believed: what the processor said, because then the request went beyond
// Paystack, and "unknown", which says itself that it does not know.
func (r *refusal) listed() bool {
	switch r.status {
	case fasthttp.StatusBadRequest, fasthttp.StatusNotFound, fasthttp.StatusUnprocessableEntity:
		return r.kind != "processor_error" && r.code != "unknown"
	}
	return false
}

// of reads a listed refusal by what was asked.
func (r *refusal) of(op Operation, otp OTPRefusal) *engine.Error {
	switch op {
	case OpSubmitOTP:
		return r.ofOTP(otp)
	case OpTransfer:
		return r.ofTransfer()
	case OpRefund:
		return r.ofRefund()
	case OpRecipient:
		return r.ofRecipient()
	case OpCharge:
		if code := reasonOf(r.message); code != engine.CodeGatewayDeclined {
			e := r.as(engine.Declined, code)
			e.Text = plain(r.message)
			return e
		}
	case OpVerify, OpCheck, OpVerifyTransfer, OpInitialize, OpReadRefund, OpListRefunds, OpBanks:
	}
	if r.says("currency not supported") {
		return r.as(engine.Unavailable, engine.CodeGatewayMisconfigured)
	}
	return r.as(engine.Unavailable, engine.CodeGatewayDeclined)
}

// ofOTP: a wrong code is "show it and ask again" (Paystack docs, Errors,
// Charge). A reference it does not know is a contradiction, so it is asked.
func (r *refusal) ofOTP(otp OTPRefusal) *engine.Error {
	if otp == OTPInquires || r.unknownCharge() {
		return r.as(engine.Ambiguous, engine.CodeGatewayUnreadable)
	}
	e := r.as(engine.Declined, engine.CodeOTPInvalid)
	e.Text = plain(r.message)
	return e
}

// ofTransfer: the refusals after which nothing exists and a later try may use a
// new reference (Paystack docs, How transfers work; Errors, Transfer). Any other
// one is taken as "not accepted": the same reference may be sent again.
func (r *refusal) ofTransfer() *engine.Error {
	code, known := engine.CodeGatewayDeclined, true
	switch {
	case r.says("balance is not enough"):
		code = engine.CodeFloatLow
	case r.code == "transfer_unavailable", r.says("third party payouts", "otp"):
		code = engine.CodeGatewayMisconfigured
	case r.code == "invalid_transfer_recipient",
		r.says("recipient specified is invalid", "account closed", "transfer to this recipient"):
		code = engine.CodeWalletRejected
	default:
		known = false
	}
	if !known {
		return r.as(engine.Unavailable, code)
	}
	e := r.as(engine.Declined, code)
	e.Text = plain(r.message)
	return e
}

// ofRecipient: no money is asked for yet, so a refusal is about the wallet, or
// about what we are configured to send.
func (r *refusal) ofRecipient() *engine.Error {
	switch {
	case r.says("bank code", "currency"):
		return r.as(engine.Declined, engine.CodeGatewayMisconfigured)
	case r.says("account"):
		return r.as(engine.Declined, engine.CodeWalletRejected)
	}
	return r.as(engine.Unavailable, engine.CodeGatewayDeclined)
}

// ofRefund: "fully reversed" says that an earlier one of ours, or somebody else's,
// arrived: the list of refunds tells which (a third party saw the words; Paystack
// docs, Refund, has none). Any other listed refusal is final for this way: people
// find another.
func (r *refusal) ofRefund() *engine.Error {
	e := r.as(engine.Declined, engine.CodeGatewayDeclined)
	switch {
	case r.code == "transaction_reversed", r.says("fully reversed"):
		return r.as(engine.Ambiguous, engine.CodeDuplicateReference)
	case r.says("balance is not enough", "insufficient balance", "insufficient fund"):
		e.Code = engine.CodeFloatLow
	}
	e.Text = plain(r.message)
	return e
}

// unknownCharge reports that Paystack does not know a charge by this reference
// (400 in an official sample, 404 seen by others).
func (r *refusal) unknownCharge() bool {
	return r.listed() && (r.code == "transaction_not_found" ||
		r.says("transaction not found", "transaction reference not found", "transaction reference is invalid"))
}

// unknownTransfer is the same of a transfer.
func (r *refusal) unknownTransfer() bool {
	return r.listed() && (r.code == "transfer_not_found" || r.says("transfer not found"))
}

// unknownRefund reports a readable "there is no such refund", which no document
// words.
func (r *refusal) unknownRefund() bool { return r.listed() && r.status == fasthttp.StatusNotFound }

// says reports that the message has one of the phrases, in any case.
func (r *refusal) says(phrases ...string) bool { return contains(r.message, phrases...) }

func contains(message string, phrases ...string) bool {
	message = strings.ToLower(message)
	for _, phrase := range phrases {
		if strings.Contains(message, phrase) {
			return true
		}
	}
	return false
}

// reasonOf names why a payer's operator refused, as far as Paystack's words
// tell. It chooses what the payer is told and whether they are asked before
// anything else is tried; that the charge failed is said by its status alone.
func reasonOf(message string) engine.Code {
	switch {
	case contains(message, "insufficient fund", "insufficient balance", "not enough fund"):
		return engine.CodeInsufficientFunds
	case contains(message, "wrong pin", "incorrect pin", "invalid pin", "cancel", "refuse", "rejected by", "declined by"):
		return engine.CodeRefusedByPayer
	}
	return engine.CodeGatewayDeclined
}

// reasonOf also knows an operator's own failure, by the phrases configured.
func (c *Client) reasonOf(message string) engine.Code {
	code := reasonOf(message)
	if code == engine.CodeGatewayDeclined && contains(message, c.config.OperatorFailures...) {
		return engine.CodeOperatorFailed
	}
	return code
}

// textRunesMax is about four lines on a phone; Paystack's prompts have one.
const textRunesMax = 300

// plain prepares a gateway's words for a person's eyes: verbatim, but never
// longer than a screen, never markup, never characters that act unseen, and never a
// phone, because they are kept as they are shown (S-15). Phones go before the words
// are cut: a part of one is still too much.
func plain(message string) string {
	if strings.ContainsAny(message, "<>") {
		return ""
	}
	kept := strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) && r != '\n') || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(message, ""))
	kept = wire.Unphoned(kept)
	if runes := []rune(kept); len(runes) > textRunesMax {
		return string(runes[:textRunesMax])
	}
	return kept
}
