package engine

import (
	"errors"
	"fmt"
)

// Kind says what a caller can do about an error. It is itself an error, so
// errors.Is(err, engine.Conflict) reads as it sounds.
type Kind string

func (k Kind) Error() string { return string(k) }

// The kinds. The first six are about us and whoever asks us; the last four are
// what a call to a gateway may come to when it is not accepted.
const (
	Invalid    Kind = "invalid"    // the caller must change the request
	NotFound   Kind = "not_found"  // there is no such thing, or none of yours
	Conflict   Kind = "conflict"   // true once, or somewhere else, but not now
	Forbidden  Kind = "forbidden"  // known, but not allowed to do this
	Overloaded Kind = "overloaded" // nothing was done: come back in a moment
	Internal   Kind = "internal"   // a bug or a broken dependency of ours

	Declined    Kind = "declined"    // the gateway answered no; no money moved
	Unavailable Kind = "unavailable" // provably not sent, or provably not accepted
	Ambiguous   Kind = "ambiguous"   // sent, and no readable answer: ask before anything else
	Unsupported Kind = "unsupported" // this gateway does not do that
)

// Code is the stable name of one thing that went wrong. A client may switch on
// it for ever; what people read about it is http/texts.go's.
type Code string

// Codes of the engine. Those of the edge alone are in http.
const (
	CodeIDMalformed           Code = "id_malformed"
	CodeReferenceForeign      Code = "reference_foreign"
	CodePaymentUnknown        Code = "payment_unknown"
	CodeBookingUnknown        Code = "booking_unknown"
	CodeTalentUnknown         Code = "talent_unknown"
	CodeBookingMalformed      Code = "booking_malformed"
	CodeTalentMalformed       Code = "talent_malformed"
	CodeAmountOutOfRange      Code = "amount_out_of_range"
	CodeCurrencyUnsupported   Code = "currency_unsupported"
	CodeMethodUnsupported     Code = "method_unsupported"
	CodeOperatorUnknown       Code = "operator_unknown"
	CodeOperatorUnavailable   Code = "operator_unavailable"
	CodeOperatorMismatch      Code = "operator_mismatch"
	CodeOperatorDown          Code = "operator_down"
	CodeGatewaysResting       Code = "gateways_resting"
	CodePromptOpen            Code = "payment_already_on_this_phone"
	CodePaymentCancelled      Code = "payment_cancelled"
	CodePhoneMalformed        Code = "phone_malformed"
	CodePhoneForeign          Code = "phone_foreign"
	CodePhoneLandline         Code = "phone_landline"
	CodeEmailMalformed        Code = "email_malformed"
	CodeNameMalformed         Code = "name_malformed"
	CodeDeliveryDateOutOfPlan Code = "delivery_date_out_of_range"
	CodeBookingBeingPaid      Code = "booking_already_being_paid"
	CodeBookingPaid           Code = "booking_already_paid"
	CodeIdempotencyKeyReused  Code = "idempotency_key_reused"
	CodeOTPNotWanted          Code = "otp_not_expected"
	CodeOTPMalformed          Code = "otp_malformed"
	CodeOTPInProgress         Code = "otp_in_progress"
	CodeOTPExhausted          Code = "otp_tries_exhausted"
	CodeOTPInvalid            Code = "otp_invalid"
	CodeOTPExpired            Code = "otp_expired"
	CodeNotPaid               Code = "payment_not_paid"
	CodeUnderReview           Code = "payment_under_review"
	CodeMoveIllegal           Code = "move_illegal"
	CodeNothingToDo           Code = "nothing_to_do"
	CodeReviewChanged         Code = "review_changed"
	CodeInSuspense            Code = "money_in_suspense"
	CodeSuspenseNotKept       Code = "suspense_not_keepable"
	CodeTooSoon               Code = "too_soon"
	CodeConcludedByStaff      Code = "concluded_by_staff"
	CodeProposalUnknown       Code = "proposal_unknown"
	CodeProposalOver          Code = "proposal_over"       // ruled on, or a day old
	CodeSamePerson            Code = "same_person"         // who proposes does not approve
	CodeDailyLimit            Code = "daily_limit_reached" // of what a member of staff may approve
	CodeNotAllowed            Code = "not_allowed"
	CodeStaffUnknown          Code = "staff_unknown"
	CodeKeyUnknown            Code = "key_unknown"
	CodeSignatureWrong        Code = "signature_wrong"
	CodeNotificationForeign   Code = "notification_foreign"
	CodeOverloaded            Code = "overloaded"
	CodeShuttingDown          Code = "shutting_down"
	CodeStillRunning          Code = "still_running"
	CodeInternal              Code = "internal"

	// What a gateway may answer, in the engine's words.
	CodeInsufficientFunds    Code = "insufficient_funds"
	CodeRefusedByPayer       Code = "refused_by_payer"
	CodeGatewayDeclined      Code = "gateway_declined"
	CodeGatewayUnreachable   Code = "gateway_unreachable"
	CodeGatewayUnauthorized  Code = "gateway_unauthorized"
	CodeGatewayRateLimited   Code = "gateway_rate_limited"
	CodeGatewayUnreadable    Code = "gateway_unreadable"
	CodeGatewayTimeout       Code = "gateway_timeout"
	CodeGatewayServerError   Code = "gateway_server_error"
	CodeDuplicateReference   Code = "duplicate_reference"
	CodeWalletRejected       Code = "wallet_rejected"
	CodeFloatLow             Code = "float_low"
	CodeGatewayMisconfigured Code = "gateway_misconfigured"
	CodeUnsupported          Code = "unsupported"
	CodeOperatorFailed       Code = "operator_failed"  // the operator's own system, not the payer and not the gateway
	CodeRefundMismatch       Code = "refund_mismatch"  // the gateway's refund is not of what we owe
	CodeRefundReturned       Code = "refund_returned"  // told that the payer's bank sent it back: the gateway is asked
	CodeRefundAttention      Code = "refund_attention" // the gateway wants something only people can give
)

// Error is an error that may cross rooms. Detail is English, for developers, and
// never holds a phone, a secret or a one-time code; Err is for the log and never
// leaves the process.
type Error struct {
	Kind   Kind
	Code   Code
	Field  string // the request's field at fault, if one is
	Detail string
	Text   string // the gateway's own words to the payer, if it gave some
	About  ID     // the transaction it points to, if any: booking_already_being_paid
	Err    error
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Detail
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap makes errors.Is true for the kind as well as for the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Errorf returns an Error of the kind and code given.
func Errorf(kind Kind, code Code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// At returns a copy that names the request's field at fault.
func (e *Error) At(field string) *Error {
	at := *e
	at.Field = field
	return &at
}

// CodeOf returns the code of the first Error in the chain, or CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// KindOf returns the kind of the first Error in the chain, Internal when there is none,
// and nothing for no error.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	}
	return Internal
}

// GatewayError makes of any error a gateway port returned the Error that Decide
// is told. What is not plainly Declined, Unavailable or Unsupported is
// Ambiguous: the only safe reading of an unknown failure is that the request may
// have had its effect.
func GatewayError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		switch e.Kind {
		case Declined, Unavailable, Ambiguous, Unsupported:
			return e
		case Invalid, NotFound, Conflict, Forbidden, Overloaded, Internal:
		}
	}
	return &Error{Kind: Ambiguous, Code: CodeGatewayUnreadable, Detail: "the call failed in a way nobody listed", Err: err}
}
