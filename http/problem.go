package http

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// Codes of the edge alone; the others are engine's.
const (
	codeUnauthenticated   engine.Code = "unauthenticated"
	codeScopeMissing      engine.Code = "scope_missing"
	codePayerMismatch     engine.Code = "payer_mismatch"
	codeTermsNotSigned    engine.Code = "terms_not_signed"
	codeRouteUnknown      engine.Code = "route_unknown"
	codeMethodNotAllowed  engine.Code = "method_not_allowed"
	codeRequestUnreadable engine.Code = "request_unreadable"
	codeRequestTimeout    engine.Code = "request_timeout"
	codeBodyTooLarge      engine.Code = "body_too_large"
	codeHeadersTooLarge   engine.Code = "headers_too_large"
	codeMediaUnsupported  engine.Code = "content_type_unsupported"
	codeEncodingRefused   engine.Code = "content_encoding_unsupported"
	codeJSONMalformed     engine.Code = "json_malformed"
	codeValidationFailed  engine.Code = "validation_failed"
	codeFieldMissing      engine.Code = "field_missing"
	codeFieldUnknown      engine.Code = "field_unknown"
	codeFieldMalformed    engine.Code = "field_malformed"
	codeAmountNotWhole    engine.Code = "amount_not_whole"
	codeDateMalformed     engine.Code = "date_malformed"
	codeKeyMissing        engine.Code = "idempotency_key_missing"
	codeKeyMalformed      engine.Code = "idempotency_key_malformed"
	codeCardNumberSent    engine.Code = "card_number_sent"
	codeRateLimited       engine.Code = "rate_limited"
	codeSourceUnknown     engine.Code = "source_unknown"
	codeTooManyAtOnce     engine.Code = "too_many_at_once"
)

// Problem is an error as a client receives it: RFC 9457, application/problem+json.
// It never repeats a value that was sent.
type Problem struct {
	Type        string       `json:"type" format:"uri-reference" doc:"Names the kind of problem, and leads to what to do about it: /docs/errors# and the code." example:"/docs/errors#phone_malformed"`
	Title       string       `json:"title" doc:"The code in words, English."`
	Status      int          `json:"status" doc:"The HTTP status."`
	Detail      string       `json:"detail,omitempty" doc:"For developers, English."`
	Code        engine.Code  `json:"code" doc:"Stable: a client may switch on it."`
	DisplayText string       `json:"display_text" doc:"For people, in French or by Accept-Language in English."`
	Retryable   bool         `json:"retryable" doc:"The same request, with the same Idempotency-Key, may succeed later."`
	RequestID   string       `json:"request_id" doc:"Quote it when asking for help."`
	PaymentID   string       `json:"payment_id,omitempty" doc:"The payment the problem points to, if any."`
	Errors      []FieldError `json:"errors,omitempty" doc:"What is wrong with the request, field by field."`
}

// FieldError is one thing wrong with a request.
type FieldError struct {
	Field   string      `json:"field" doc:"Where: body.phone, header.Idempotency-Key, path.id."`
	Code    engine.Code `json:"code"`
	Message string      `json:"message" doc:"For people, as display_text."`
	Detail  string      `json:"detail,omitempty" doc:"For developers, English: what the operation expects there."`
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

func (p *Problem) Error() string { return string(p.Code) }

// GetStatus is for Huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for Huma.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// faults is everything wrong with one request: a caller mends it all at once.
type faults []*engine.Error

func (f faults) Error() string { return string(f[0].Code) }

// Huma's ways in are package variables. They are set here, once, before any
// server exists, and hold no server's state: what a problem needs to know of its
// request is in the request's context.
func init() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		return humaProblem(&call{}, status, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		return humaProblem(callOf(ctx.Context()), status, errs)
	}
	huma.DefaultArrayNullable = false // what is null is left out, lists too
	huma.ValidateStrictCasing = true  // "Amount" is not amount: two spellings are two readings
}

// problem turns any error into what the client is told, and notes on the call
// when to come back. Errors that are ours are logged here and nowhere else.
func (s *Server) problem(c *call, err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	var several faults
	if errors.As(err, &several) {
		return newProblem(c, fasthttp.StatusUnprocessableEntity, several...)
	}
	var e *engine.Error
	if !errors.As(err, &e) {
		e = &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Err: err}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			// The command may be committed all the same; the same key tells.
			e = engine.Errorf(engine.Overloaded, engine.CodeStillRunning, "no answer in time; send the same request again")
		}
	}
	status := statusOf(e)
	if status == fasthttp.StatusInternalServerError {
		s.log.Error("request failed", "request_id", c.id, "route", c.route, "code", e.Code, "error", err)
		e = engine.Errorf(e.Kind, engine.CodeInternal, "") // what broke is our business
	}
	return newProblem(c, status, e)
}

func newProblem(c *call, status int, errs ...*engine.Error) *Problem {
	first := errs[0]
	code, text := first.Code, first.Text
	if slices.ContainsFunc(errs, func(e *engine.Error) bool { return e.Code != code }) {
		code, text = codeValidationFailed, ""
	}
	if text == "" {
		text = textOf(c.language, code, first.Field)
	}
	p := &Problem{
		Type: cataloguePath + "#" + string(code), Title: title(code), Status: status, Code: code,
		DisplayText: text, RequestID: c.id, Retryable: retryable(status, code),
	}
	if len(errs) == 1 {
		p.Detail = first.Detail
	}
	if !first.About.IsZero() {
		p.PaymentID = first.About.Payment()
	}
	for _, e := range errs {
		if e.Field == "" {
			continue
		}
		field, message := e.Field, e.Text
		if field != "body" && field != "query" && !strings.Contains(field, ".") {
			field = "body." + field // the engine knows no requests
		}
		if message == "" {
			message = textOf(c.language, e.Code, field)
		}
		p.Errors = append(p.Errors, FieldError{Field: field, Code: e.Code, Message: message, Detail: e.Detail})
	}
	if p.Retryable && status != fasthttp.StatusInternalServerError {
		c.retryAfter = retryAfter(c.rest)
	}
	return p
}

// retryAfter is in seconds: what it is known to take, and 2 s ± 50 %: long enough
// for a burst to pass, and spread, so that those turned away together do not come
// back together.
func retryAfter(rest time.Duration) int {
	return int((rest+time.Second-1)/time.Second) + 1 + rand.IntN(3) //nolint:gosec // jitter, not a secret
}

// statuses of the codes whose kind does not say it all.
var statuses = map[engine.Code]int{
	codeUnauthenticated:             fasthttp.StatusUnauthorized,
	engine.CodeSignatureWrong:       fasthttp.StatusUnauthorized,
	codeRouteUnknown:                fasthttp.StatusNotFound,
	codeMethodNotAllowed:            fasthttp.StatusMethodNotAllowed,
	codeRequestUnreadable:           fasthttp.StatusBadRequest,
	codeJSONMalformed:               fasthttp.StatusBadRequest,
	codeKeyMissing:                  fasthttp.StatusBadRequest,
	codeKeyMalformed:                fasthttp.StatusBadRequest,
	codeRequestTimeout:              fasthttp.StatusRequestTimeout,
	codeBodyTooLarge:                fasthttp.StatusRequestEntityTooLarge,
	codeHeadersTooLarge:             fasthttp.StatusRequestHeaderFieldsTooLarge,
	codeMediaUnsupported:            fasthttp.StatusUnsupportedMediaType,
	codeEncodingRefused:             fasthttp.StatusUnsupportedMediaType,
	codeRateLimited:                 fasthttp.StatusTooManyRequests,
	codeTooManyAtOnce:               fasthttp.StatusTooManyRequests,
	engine.CodeIdempotencyKeyReused: fasthttp.StatusUnprocessableEntity,
	engine.CodeGatewayRateLimited:   fasthttp.StatusServiceUnavailable,
}

func statusOf(e *engine.Error) int {
	if status, special := statuses[e.Code]; special {
		return status
	}
	switch e.Kind {
	case engine.Invalid, engine.Declined, engine.Unsupported:
		return fasthttp.StatusUnprocessableEntity
	case engine.NotFound:
		return fasthttp.StatusNotFound
	case engine.Conflict:
		return fasthttp.StatusConflict
	case engine.Forbidden:
		return fasthttp.StatusForbidden
	case engine.Overloaded, engine.Unavailable, engine.Ambiguous:
		return fasthttp.StatusServiceUnavailable
	case engine.Internal:
	}
	return fasthttp.StatusInternalServerError
}

// retryable says that the very same request may do better later.
func retryable(status int, code engine.Code) bool {
	switch status {
	case fasthttp.StatusRequestTimeout, fasthttp.StatusTooManyRequests,
		fasthttp.StatusInternalServerError, fasthttp.StatusServiceUnavailable:
		return true
	}
	return code == engine.CodeStillRunning || code == engine.CodeOTPInProgress
}

// title is a code in words: "Amount out of range".
func title(code engine.Code) string {
	words := strings.ReplaceAll(string(code), "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// humaProblem names what Huma found wrong. Of its own messages only what the schema says
// is passed on: some quote the value.
func humaProblem(c *call, status int, errs []error) *Problem {
	switch status {
	case fasthttp.StatusUnsupportedMediaType:
		return newProblem(c, status, engine.Errorf(engine.Invalid, codeMediaUnsupported, "send application/json"))
	case fasthttp.StatusRequestEntityTooLarge:
		return newProblem(c, status, engine.Errorf(engine.Invalid, codeBodyTooLarge, "a body has at most %d bytes", apiBodyBytesMax))
	case fasthttp.StatusBadRequest, fasthttp.StatusUnprocessableEntity:
	default:
		return newProblem(c, status, engine.Errorf(engine.Internal, engine.CodeInternal, ""))
	}
	found := faults{}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue
		}
		fault := humaFault(status, d.ErrorDetail())
		told := func(e *engine.Error) bool {
			return e.Field == fault.Field && (e.Code == fault.Code || fault.Code == codeFieldMissing)
		}
		if !slices.ContainsFunc(found, told) { // too long and of the wrong form is one fault to its writer; so is wrong and thus not read
			found = append(found, fault)
		}
	}
	if len(found) == 0 {
		found = append(found, engine.Errorf(engine.Invalid, codeJSONMalformed, "send a JSON body"))
	}
	// What is wrong with the envelope comes before what is wrong with the letter.
	status = fasthttp.StatusUnprocessableEntity
	for _, f := range found {
		if special, ok := statuses[f.Code]; ok {
			return newProblem(c, special, f)
		}
	}
	return newProblem(c, status, found...)
}

// malformed is the code of a field that is there and wrong.
var malformed = map[string]engine.Code{
	"header.Idempotency-Key": codeKeyMalformed,
	"body.booking_id":        engine.CodeBookingMalformed,
	"path.booking":           engine.CodeBookingMalformed,
	"body.talent_id":         engine.CodeTalentMalformed,
	"path.talent":            engine.CodeTalentMalformed,
	"body.amount":            engine.CodeAmountOutOfRange,
	"body.currency":          engine.CodeCurrencyUnsupported,
	"body.method":            engine.CodeMethodUnsupported,
	"body.operator":          engine.CodeOperatorUnknown,
	"body.phone":             engine.CodePhoneMalformed,
	"body.email":             engine.CodeEmailMalformed,
	"body.name":              engine.CodeNameMalformed,
	"body.otp":               engine.CodeOTPMalformed,
	"body.payment_id":        engine.CodeIDMalformed,
	"body.delivery_due_at":   codeDateMalformed,
}

// unknownParameter is Huma's own message; it has no name for it.
const unknownParameter = "unknown query parameter"

// humaFault gives one of Huma's findings its code.
func humaFault(status int, d *huma.ErrorDetail) *engine.Error {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	property, missing := strings.CutPrefix(d.Message, before)
	switch {
	case d.Location == "body" && d.Message == validation.MsgExpectedObject:
		return engine.Errorf(engine.Invalid, codeJSONMalformed, "send a JSON object")
	case status == fasthttp.StatusBadRequest && d.Location == "body":
		return engine.Errorf(engine.Invalid, codeJSONMalformed, "%s", jsonDetail(d.Message))
	case missing:
		field := d.Location + "." + strings.TrimSuffix(property, after)
		return engine.Errorf(engine.Invalid, codeFieldMissing, "%s is required", field).At(field)
	case d.Location == "header.Idempotency-Key" && strings.HasPrefix(d.Message, "required"):
		return engine.Errorf(engine.Invalid, codeKeyMissing, "every POST that moves money needs one").At(d.Location)
	case d.Message == validation.MsgUnexpectedProperty:
		// The name is the sender's: it is not repeated, it may be anything.
		return engine.Errorf(engine.Invalid, codeFieldUnknown, "the body has a field this operation does not know").At("body")
	case d.Message == unknownParameter: // likewise
		return engine.Errorf(engine.Invalid, codeFieldUnknown, "the address has a parameter this operation does not know").At("query")
	case d.Location == "body.amount" && d.Message == validation.MsgExpectedInteger:
		return engine.Errorf(engine.Invalid, codeAmountNotWhole, "whole francs, written as a JSON integer: 15000").At(d.Location)
	}
	code, known := malformed[d.Location]
	if !known {
		code = codeFieldMalformed
	}
	return engine.Errorf(engine.Invalid, code, "%s", expected(d.Message)).At(d.Location)
}

// quoting are Huma's messages that end with what was sent, or with an error that quotes it.
var quoting = []string{
	validation.MsgExpectedRFC5322Email, validation.MsgExpectedRFC3986URI, validation.MsgExpectedRFC4122UUID, validation.MsgExpectedRegexp,
	validation.MsgExpectedDuration,
}

// expected passes on what Huma says of the schema, and nothing of what was sent.
func expected(message string) string {
	for _, template := range quoting {
		if before, _, _ := strings.Cut(template, ": "); strings.HasPrefix(message, before) {
			return before
		}
	}
	switch {
	case strings.HasPrefix(message, "expected "):
		return message
	case message == "invalid integer", message == "invalid boolean":
		return strings.Replace(message, "invalid", "expected", 1)
	}
	return "see the operation's schema at /openapi.json"
}

// jsonDetail passes our own reader's words on, and nothing else.
func jsonDetail(message string) string {
	for _, ours := range []error{errNotUTF8, errTooDeep, errKeyTwice, errControlChars} {
		if message == ours.Error() {
			return message
		}
	}
	return errNotJSON.Error()
}

// refuse answers a raw request with a problem.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, c *call, err error) {
	p := s.problem(c, err)
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a struct of strings always encodes
	}
	ctx.Response.ResetBody()
	ctx.SetStatusCode(p.Status)
	ctx.SetContentType(problemType)
	ctx.SetBody(body)
}
