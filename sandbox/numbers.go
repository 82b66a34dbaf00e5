package sandbox

import "strings"

// OTP is the code that is right for every payer who is asked for one. It is the
// one Paystack publishes for its Orange test number, 0700000000 (Paystack docs,
// Test Payments).
const OTP = "1234"

// Outcome is what a phone number makes happen.
type Outcome string

// The outcomes. What each does in detail is told by [Numbers].
const (
	Succeeds            Outcome = "succeeds"
	NoFunds             Outcome = "no_funds"
	WrongPIN            Outcome = "wrong_pin"
	PayerRefuses        Outcome = "payer_refuses"
	OperatorDown        Outcome = "operator_down"
	SucceedsAtOnce      Outcome = "succeeds_at_once"
	NeverApproves       Outcome = "never_approves"
	ApprovesSlowly      Outcome = "approves_slowly"
	EndsAsTimeout       Outcome = "ends_as_timeout"
	AnswersPending      Outcome = "answers_pending"
	AnswersOpenURL      Outcome = "answers_open_url"
	AbandonedPaidLater  Outcome = "abandoned_paid_later"
	FailedPaidLater     Outcome = "failed_paid_later"
	AnswersSendOTP      Outcome = "answers_send_otp"
	AnswersPayOffline   Outcome = "answers_pay_offline"
	DownPaidLater       Outcome = "operator_down_paid_later"
	WebhookLost         Outcome = "webhook_lost"
	WebhookDuplicated   Outcome = "webhook_duplicated"
	WebhookLate         Outcome = "webhook_late"
	WebhookWrongAmount  Outcome = "webhook_wrong_amount"
	PendingAfterOTP     Outcome = "pending_after_otp"
	OpenURLAfterOTP     Outcome = "open_url_after_otp"
	RefundFails         Outcome = "refund_fails"
	RefundNeedsAnswer   Outcome = "refund_needs_attention"
	TransferFails       Outcome = "transfer_fails"
	TransferReversesOut Outcome = "transfer_sent_then_reversed"
	TransferWantsOTP    Outcome = "transfer_wants_otp"
	TransferPendsLong   Outcome = "transfer_pending_for_long"
	NotFoundAtFirst     Outcome = "not_found_at_first"
	TransferAtOnce      Outcome = "transfer_at_once"
	TransferReversed    Outcome = "transfer_reversed"
	TransferRejected    Outcome = "transfer_rejected"
	TransferBlocked     Outcome = "transfer_blocked"
	TransferRefused     Outcome = "transfer_refused"
)

// Number is a line of the table: phones and wallets with this ending do this.
type Number struct {
	Ending  string  `json:"ending"` // the last four digits
	Outcome Outcome `json:"outcome"`
	Says    string  `json:"says"`
}

// Numbers is the whole table, in the order of the endings. Times are real ones;
// a sandbox's speed divides them.
var Numbers = []Number{
	{"0010", NoFunds, "charge fails: insufficient funds; no webhook"},
	{"0011", WrongPIN, "charge fails: wrong PIN; no webhook"},
	{"0012", PayerRefuses, "charge fails: the payer refuses; no webhook"},
	{"0013", OperatorDown, "charge fails: the operator does not answer; no webhook"},
	{"0014", SucceedsAtOnce, "charge succeeds in the answer itself, whatever the operator's flow"},
	{"0020", NeverApproves, "charge is abandoned after 180 s; no webhook"},
	{"0021", ApprovesSlowly, "charge succeeds after 150 s"},
	{"0022", EndsAsTimeout, "charge ends with the status timeout after 180 s; no webhook"},
	{"0023", AnswersPending, "charge answers pending, whatever the operator's flow"},
	{"0024", AnswersOpenURL, "charge answers open_url, whatever the operator's flow"},
	{"0025", AbandonedPaidLater, "charge is abandoned after 180 s and succeeds after 240 s"},
	{"0026", FailedPaidLater, "charge fails and succeeds all the same after 240 s"},
	{"0027", AnswersSendOTP, "charge answers send_otp, whatever the operator's flow"},
	{"0028", AnswersPayOffline, "charge answers pay_offline, whatever the operator's flow"},
	{"0029", DownPaidLater, "charge fails: the operator does not answer; it succeeds all the same after 240 s"},
	{"0030", WebhookLost, "succeeds; no webhook ever arrives"},
	{"0031", WebhookDuplicated, "succeeds; each webhook arrives eight times at once"},
	{"0032", WebhookLate, "succeeds; each webhook arrives ten minutes late"},
	{"0033", WebhookWrongAmount, "succeeds; the signed webhook states another amount than the books"},
	{"0034", PendingAfterOTP, "asks for an OTP, is pending after it, then succeeds"},
	{"0035", OpenURLAfterOTP, "asks for an OTP, answers open_url after it, then succeeds"},
	{"0036", RefundFails, "charge succeeds; its refund fails"},
	{"0037", RefundNeedsAnswer, "charge succeeds; its refund needs attention"},
	{"0040", TransferFails, "transfer fails; the money comes back"},
	{"0041", TransferReversesOut, "transfer succeeds and is reversed a minute later"},
	{"0042", TransferWantsOTP, "transfer waits for an OTP and is abandoned after 30 min"},
	{"0043", TransferPendsLong, "transfer is pending for an hour, then succeeds"},
	{"0044", NotFoundAtFirst, "charge or transfer is taken, yet not found when asked for during 60 s"},
	{"0045", TransferAtOnce, "transfer succeeds in the answer itself"},
	{"0046", TransferReversed, "transfer is reversed without having succeeded"},
	{"0047", TransferRejected, "transfer is rejected; no webhook"},
	{"0048", TransferBlocked, "transfer is blocked; no webhook"},
	{"0049", TransferRefused, "transfer is refused in the answer; nothing is created"},
}

// PaidLate reports that what was over is paid all the same: the gateway that said
// so was wrong, and whoever believed it may have charged the payer elsewhere.
func (o Outcome) PaidLate() bool {
	return o == AbandonedPaidLater || o == FailedPaidLater || o == DownPaidLater
}

// Digits that choose an outcome; the country and operator prefixes before them
// stay free.
const endingDigits = 4

// OutcomeOf is what a phone or account number makes happen: Succeeds unless its
// last four digits are in Numbers.
func OutcomeOf(phone string) Outcome {
	if len(phone) < endingDigits {
		return Succeeds
	}
	for _, n := range Numbers {
		if strings.HasSuffix(phone, n.Ending) {
			return n.Outcome
		}
	}
	return Succeeds
}
