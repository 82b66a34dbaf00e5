package paystack

import "strconv"

// refusal is the body of every answer that is not a success. Type, code and
// meta are missing from many of Paystack's own; ours have them where a sample
// does.
type refusal struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
	Meta    *hint  `json:"meta,omitempty"`
	Type    string `json:"type,omitempty"`
	Code    string `json:"code,omitempty"`
}

// hint is spelled nextStep in every sample, next_step in the docs' text.
type hint struct {
	NextStep string `json:"nextStep"`
}

func refuse(code int, message string) answer {
	return answer{code: code, body: refusal{Message: message}}
}

// invalid is a validation error with its hint. Its wording is Paystack's where
// a sample has one; the texts without a sample are ours.
func invalid(code, message, next string) answer {
	return answer{code: 400, body: refusal{Message: message, Meta: &hint{next}, Type: "validation_error", Code: code}}
}

const nextValid = "Ensure that the value(s) you're passing are valid."

func invalidParams(message string) answer { return invalid("invalid_params", message, nextValid) }

func missingParams(message string) answer {
	return invalid("missing_params", message, "Provide all required params")
}

// Answers that need no argument. Bodies are those of the samples: invalid key,
// missing email, missing params, currency, duplicate reference, bad reference,
// balance, not found; texts of the others stand in Paystack docs, Errors, except
// errRefundAmount, errNoPath and errBody, whose wording is ours.
var (
	errKey               = refuse(401, "Invalid key")
	errChargeEmail       = refuse(400, "Email address is required for association with card")
	errInitializeEmail   = missingParams("Email Address is required")
	errCurrency          = refuse(400, "Currency not supported by merchant")
	errDuplicateCharge   = refuse(400, "Duplicate Transaction Reference")
	errChargeReference   = refuse(400, "Transaction reference is invalid")
	errBalance           = refuse(400, "Your balance is not enough to fulfil this request")
	errTransferNotFound  = refuse(404, "Transfer not found")
	errTransferWallet    = refuse(400, "Sorry, we can't make the transfer to this recipient at the moment")
	errReferenceAlphabet = invalidParams("Your reference contains illegal special characters")
	errTransferAmount    = invalidParams("Invalid amount passed")
	errAmountLimit       = invalidParams("Transaction amount limit exceeded")
	errBankCode          = invalidParams("Bank code is invalid")
	errRefundAmount      = invalidParams("Refund amount cannot be greater than transaction amount")
	errNoPath            = refuse(404, "Not Found")
	errBody              = invalidParams("The request body is not valid JSON of the documented types")
	errRecipient         = invalid("invalid_transfer_recipient", "Recipient specified is invalid",
		"Provide a valid recipient. Ensure you are passing the recipient code in the recipient param")
	errReversed = answer{code: 400, body: refusal{
		Message: "Transaction has been fully reversed", Type: "api_error", Code: "transaction_reversed",
	}}
	errServer = answer{code: 500, body: refusal{
		Message: "An error occurred", Type: "api_error", Code: "unknown",
	}}
	errFull = answer{code: 500, body: refusal{
		Message: "The sandbox's books are full: start it again", Type: "api_error", Code: "unknown",
	}}
)

// tooManyCalls is the 429, with what is left of the window (Paystack docs, Rate
// limits).
func (s *Server) tooManyCalls() answer {
	left := strconv.Itoa(int(max(1, s.cfg.Timings.RateReset.Seconds())))
	return answer{
		code: 429,
		body: refusal{
			Message: "Rate limit exceeded!",
			Meta:    &hint{"Wait a few minutes and try the API call again"},
			Type:    "api_error", Code: "rate_limited",
		},
		header: map[string]string{"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": left},
	}
}

// unknownTransaction is error.transaction_not_found.400; its HTTP code is one
// of the Guesses.
func unknownTransaction(code int) answer {
	return answer{code: code, body: refusal{
		Message: "Transaction not found",
		Meta:    &hint{"Ensure that you're passing the reference of a transaction that exists on this integration"},
		Type:    "validation_error", Code: "transaction_not_found",
	}}
}

// duplicateTransfer is error.transfer.duplicate_reference.400; its HTTP code is
// one of the Guesses.
func duplicateTransfer(code int) answer {
	return answer{code: code, body: refusal{
		Message: "Please provide a unique reference. Reference already exists on a transfer",
		Meta:    &hint{"Create a new reference for the new transfer"},
		Type:    "validation_error", Code: "duplicate_transfer_reference",
	}}
}
