package http

import (
	"maps"
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// cataloguePath is where the codes are told about: a problem's type is this path and its
// code as the fragment, relative to whoever answered (RFC 9457, 3.1.1).
const cataloguePath = "/docs/errors"

// kinds says of what kind an error with this code may be that reaches a client as a
// problem. A code that is not here stands in payments and payouts alone. Every problem of
// every test of this package is held against it.
var kinds = map[engine.Code][]engine.Kind{
	codeUnauthenticated: {engine.Forbidden}, codeScopeMissing: {engine.Forbidden}, engine.CodeNotAllowed: {engine.Forbidden},
	codePayerMismatch: {engine.Invalid}, codeTermsNotSigned: {engine.Forbidden},
	codeRouteUnknown: {engine.NotFound}, codeMethodNotAllowed: {engine.Invalid},
	codeRequestUnreadable: {engine.Invalid}, codeRequestTimeout: {engine.Invalid}, codeBodyTooLarge: {engine.Invalid},
	codeHeadersTooLarge: {engine.Invalid}, codeMediaUnsupported: {engine.Invalid}, codeEncodingRefused: {engine.Invalid},
	codeJSONMalformed: {engine.Invalid}, codeKeyMissing: {engine.Invalid}, codeKeyMalformed: {engine.Invalid},
	codeCardNumberSent: {engine.Invalid}, codeSourceUnknown: {engine.Forbidden}, codeRateLimited: {engine.Overloaded},
	codeTooManyAtOnce: {engine.Overloaded}, codeValidationFailed: {engine.Invalid}, codeFieldMissing: {engine.Invalid},
	codeFieldUnknown: {engine.Invalid}, codeFieldMalformed: {engine.Invalid}, codeAmountNotWhole: {engine.Invalid},
	codeDateMalformed: {engine.Invalid},

	engine.CodeIdempotencyKeyReused: {engine.Invalid}, engine.CodeAmountOutOfRange: {engine.Invalid},
	engine.CodeCurrencyUnsupported: {engine.Invalid}, engine.CodeMethodUnsupported: {engine.Invalid},
	engine.CodeOperatorUnknown: {engine.Invalid}, engine.CodeOperatorUnavailable: {engine.Invalid},
	engine.CodeOperatorMismatch: {engine.Invalid}, engine.CodePhoneMalformed: {engine.Invalid},
	engine.CodePhoneForeign: {engine.Invalid}, engine.CodePhoneLandline: {engine.Invalid}, engine.CodeEmailMalformed: {engine.Invalid},
	engine.CodeNameMalformed: {engine.Invalid}, engine.CodeBookingMalformed: {engine.Invalid},
	engine.CodeTalentMalformed: {engine.Invalid}, engine.CodeIDMalformed: {engine.Invalid}, engine.CodeOTPMalformed: {engine.Invalid},
	engine.CodeDeliveryDateOutOfPlan: {engine.Invalid},

	engine.CodePaymentUnknown: {engine.NotFound}, engine.CodeBookingUnknown: {engine.NotFound}, engine.CodeTalentUnknown: {engine.NotFound},
	engine.CodeProposalUnknown: {engine.NotFound}, engine.CodeStaffUnknown: {engine.NotFound}, engine.CodeKeyUnknown: {engine.NotFound},

	engine.CodeBookingBeingPaid: {engine.Conflict}, engine.CodeBookingPaid: {engine.Conflict}, engine.CodePromptOpen: {engine.Conflict},
	engine.CodeOTPNotWanted: {engine.Conflict}, engine.CodeOTPInProgress: {engine.Conflict}, engine.CodeOTPExhausted: {engine.Conflict},
	engine.CodeOTPExpired: {engine.Conflict}, engine.CodeNotPaid: {engine.Conflict}, engine.CodeUnderReview: {engine.Conflict},
	engine.CodeMoveIllegal: {engine.Conflict}, engine.CodeNothingToDo: {engine.Conflict}, engine.CodeReviewChanged: {engine.Conflict},
	engine.CodeTooSoon: {engine.Conflict}, engine.CodeProposalOver: {engine.Conflict}, engine.CodeDailyLimit: {engine.Conflict},
	engine.CodeInSuspense: {engine.Conflict}, engine.CodeSuspenseNotKept: {engine.Conflict},
	engine.CodeSamePerson: {engine.Forbidden},

	engine.CodeOverloaded: {engine.Overloaded}, engine.CodeShuttingDown: {engine.Overloaded}, engine.CodeOperatorDown: {engine.Overloaded},
	engine.CodeGatewaysResting: {engine.Overloaded}, engine.CodeStillRunning: {engine.Conflict, engine.Overloaded},
	engine.CodeInternal: {engine.Internal}, engine.CodeSignatureWrong: {engine.Forbidden},
}

// entry is one line of the catalogue.
type entry struct {
	Code      engine.Code
	Statuses  []int // none: it stands in payments and payouts, and is no problem
	Retryable bool
	French    string
	English   string
	Do        string
}

// catalogue is every code that can reach a client, in alphabetical order.
func catalogue() []entry {
	var out []entry
	for _, code := range slices.Sorted(maps.Keys(texts)) {
		e := entry{Code: code, French: texts[code].fr, English: texts[code].en}
		for _, kind := range kinds[code] {
			status := statusOf(&engine.Error{Kind: kind, Code: code})
			e.Statuses = append(e.Statuses, status)
			e.Retryable = e.Retryable || retryable(status, code)
		}
		e.Do = advice(e)
		out = append(out, e)
	}
	return out
}

// advices are for codes whose status does not say what a client does.
var advices = map[engine.Code]string{
	engine.CodeIdempotencyKeyReused: "Make a new key for a new intention; send the first body to have its answer.",
	engine.CodeOTPInvalid:           "Ask for the code again and send it under a new key: the payment goes on.",
	engine.CodeOTPExpired:           "Start another payment, under a new key.",
	engine.CodeOTPExhausted:         "Start another payment, under a new key, in a few minutes.",
	engine.CodeBookingBeingPaid:     "Follow the payment that payment_id names, or cancel it first.",
	engine.CodePromptOpen:           "Follow the payment that payment_id names: its request is on the same phone.",
	engine.CodeBookingPaid:          "Nothing: the payment that payment_id names has paid for it.",
	engine.CodeOperatorUnavailable:  "Offer the operators that display_text names.",
	engine.CodeOperatorDown:         "Offer the operators that display_text names, or wait as Retry-After says.",
	engine.CodeWalletRejected:       "Have the talent give another wallet: the payout goes on by itself.",
	codeRouteUnknown:                "Check the address against /openapi.json.",
	codeMethodNotAllowed:            "The Allow header has the methods of this address.",
}

func advice(e entry) string {
	if words, given := advices[e.Code]; given {
		return words
	}
	if len(e.Statuses) == 0 {
		return "Show the payment's display_text; next_action, or the payout's waiting, says whether anything is to be done."
	}
	switch e.Statuses[0] {
	case fasthttp.StatusUnauthorized:
		return "Sign in again: another token, or a key that works."
	case fasthttp.StatusForbidden:
		return "Don't send it again: it is not for this caller."
	case fasthttp.StatusNotFound:
		return "Check the id. What is somebody else's is not found either."
	case fasthttp.StatusInternalServerError:
		return "Send the same request again, under the same key; if that does not help, give us the request_id."
	}
	switch {
	case e.Retryable:
		return "Send the same request again, under the same key, after Retry-After."
	case e.Statuses[0] == fasthttp.StatusConflict:
		return "Read it again and go by what it has become."
	}
	return "Mend the request, field by field as errors says; the key may stay the same."
}
