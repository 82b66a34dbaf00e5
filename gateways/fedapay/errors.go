package fedapay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/wire"
)

// classify says what an outcome means: nil when the request was answered as
// asked, else the error of the port. It is a whitelist. What is not listed here
// as "nothing was done" is Ambiguous, so a new status of FedaPay's, a proxy's
// page, half an answer or one that says two things never opens the way to another
// gateway. Nothing is Declined: FedaPay's words have no code and change with the locale, so no
// refusal can be read as the payer's.
//
// An Unavailable made of an answer is only a claim: see Client.believe.
func classify(op Operation, got wire.Outcome) *engine.Error {
	if failure := got.Failure(string(op)); failure != nil {
		return failure
	}
	object := answers.Plain(got.Body)
	no := refusal{status: got.Status, readable: object}
	if object {
		no.read(got.Body)
	}
	switch {
	case got.Status >= 200 && got.Status <= 299 && object:
		return nil
	case got.Status == fasthttp.StatusUnauthorized:
		return no.as(engine.Unavailable, engine.CodeGatewayUnauthorized)
	case got.Status == fasthttp.StatusTooManyRequests:
		e := no.as(engine.Unavailable, engine.CodeGatewayRateLimited)
		e.Err = &RateLimited{e.Err}
		return e
	case no.listed() && got.Status == fasthttp.StatusForbidden: // a feature nobody switched on: ours to see to
		return no.as(engine.Unavailable, engine.CodeGatewayMisconfigured)
	case no.listed():
		return no.as(engine.Unavailable, engine.CodeGatewayDeclined)
	case got.Status >= 500: // also for bad input (FedaPay, Errors): it proves nothing
		return no.as(engine.Ambiguous, engine.CodeGatewayServerError)
	}
	return no.as(engine.Ambiguous, engine.CodeGatewayUnreadable)
}

// RateLimited is in the chain of the error a 429 became, also when the look that
// should confirm it failed and the charge is in doubt: no call should follow at once.
type RateLimited struct{ refusal error }

func (e *RateLimited) Error() string { return "rate limited: " + e.refusal.Error() }

// Unwrap is the refusal itself.
func (e *RateLimited) Unwrap() error { return e.refusal }

// RetryAfter is 0: FedaPay publishes neither limits nor a header that tells when
// they end.
func (*RateLimited) RetryAfter() time.Duration { return 0 }

// refusal is a no that could be read, or as much of an answer as could be. It
// is in the chain of the error made of it.
type refusal struct {
	status   int
	message  string // for the log: its language follows the locale, so nothing branches on it
	readable bool   // a JSON object with words in it
}

// read takes the words out of a body: {"message": …, "errors": {…}}, or
// {"error": …} as others have met it (FedaPay, Errors).
func (r *refusal) read(body []byte) {
	var said struct {
		Message wire.Text       `json:"message"`
		Error   wire.Text       `json:"error"`
		Errors  json.RawMessage `json:"errors"`
	}
	r.readable = json.Unmarshal(body, &said) == nil && (said.Message != "" || said.Error != "")
	r.message = strings.TrimSpace(string(said.Message) + " " + string(said.Error) + " " + string(said.Errors))
}

func (r *refusal) Error() string {
	return fmt.Sprintf("HTTP %d %q", r.status, wire.Shorten(wire.Masked(r.message)))
}

// as makes the port's error of it. FedaPay's words never go to the payer: they
// are written for whoever called.
func (r *refusal) as(kind engine.Kind, code engine.Code) *engine.Error {
	e := engine.Errorf(kind, code, "the gateway answered %d", r.status)
	e.Err = r
	return e
}

// listed reports a readable refusal with a status that means "nothing was done"
// (FedaPay, Errors: 400 not allowed, 403 not enabled, 404 unknown, 422 invalid).
// 408 and 409 are not among them: the one says that something arrived, the
// other that it met something.
func (r *refusal) listed() bool {
	switch r.status {
	case fasthttp.StatusBadRequest, fasthttp.StatusForbidden, fasthttp.StatusNotFound, fasthttp.StatusUnprocessableEntity:
		return r.readable
	}
	return false
}

// wantsALook reports a refusal that one look can confirm, or, a 409, explain: a
// conflict with a transaction of that name. A refused key needs none: who is not
// let in has done nothing, and would not be let in to look.
func wantsALook(e *engine.Error) bool {
	var no *refusal
	if !errors.As(e, &no) || e.Code == engine.CodeGatewayUnauthorized {
		return false
	}
	return e.Kind == engine.Unavailable || no.status == fasthttp.StatusConflict
}

// isUnknown reports a readable "there is no such thing".
func isUnknown(e *engine.Error) bool {
	var no *refusal
	return errors.As(e, &no) && no.listed() && no.status == fasthttp.StatusNotFound
}
