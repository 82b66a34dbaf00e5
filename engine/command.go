package engine

import (
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// Ask is a command addressed to a transaction. Key is set for a client's money POST.
type Ask struct {
	Transaction ID
	Command     Command
	Key         *IdempotencyKey
	Act         *Act // set for what staff ask
}

// IdempotencyKey is a caller's name for one intention: unique for the principal
// and the operation, stored in the same commit as the effect.
type IdempotencyKey struct {
	Principal string
	Operation string
	Key       string
	Hash      [32]byte // SHA-256 of the canonical body: another body under the same key is an error
}

// Given is what a decision may not find out for itself.
type Given struct {
	Now    time.Time // the database's clock, read under the lock, UTC
	Fresh  ID        // a UUIDv7 made outside; Fresh.Nth(n) names the n-th thing this decision creates
	Policy *Policy   // delays, commission, limits, routes; what it decides is frozen on the row
	Health Health    // what this process has seen of gateways and operators lately
}

// Command is something asked of a transaction. The set is closed: every command
// is in this file, and Decide's switch names each of them.
//
//sumtype:decl
type Command interface{ command() }

// InitiateCharge asks for a booking to be paid. It creates the transaction.
type InitiateCharge struct {
	Principal     string // who asks: the platform's key, later a payer's token
	Booking       string
	Talent        string
	Amount        money.Amount // francs
	Currency      money.Currency
	Method        Method
	Payer         Payer
	DeliveryDueAt time.Time // zero when not told
}

// RecordChargeAnswer says what came of a ChargeCall. Err is nil when the gateway
// accepted it.
type RecordChargeAnswer struct {
	Attempt int
	Report  ChargeReport
	Err     *Error
}

// SubmitOTP passes on the code the payer typed.
type SubmitOTP struct {
	Principal string
	OTP       OTP
}

// RecordOTPAnswer says what came of an OTPCall.
type RecordOTPAnswer struct {
	Attempt int
	Report  ChargeReport
	Err     *Error
}

// Notify applies a gateway's signed notification.
type Notify struct{ Notification Notification }

// RecordInquiry says what came of an InquireCall. Exactly one of Charge, Payout
// and Refund is set, unless Err is.
type RecordInquiry struct {
	Reference Reference
	AskedAt   time.Time // the InquireCall's
	Charge    *ChargeReport
	Payout    *PayoutReport
	Refund    *RefundReport
	Err       *Error
}

// CancelCharge says that the payer no longer wants to pay this way: it frees the
// booking for another payment. Gateways have no reliable cancel, so whoever
// approves all the same has their money back.
type CancelCharge struct{ Principal string }

// RecordRefundAnswer says what came of a RefundCall.
type RecordRefundAnswer struct {
	Refund int
	Flight int // the RefundCall's
	Send   int // the RefundCall's
	Report RefundReport
	Err    *Error
}

// ConfirmDelivery says that the payer has had the performance.
type ConfirmDelivery struct{ Principal string }

// RecordPayoutAnswer says what came of a PayoutCall.
type RecordPayoutAnswer struct {
	Try    int
	Send   int // the PayoutCall's
	Report PayoutReport
	Err    *Error
}

// ReleaseByStaff ends a hold in the talent's favour before its time.
type ReleaseByStaff struct{}

// EndReview says that people have looked at what is doubted.
type EndReview struct{ Review Review }

// ConcludePayout says what people found at the gateway of a try that has no conclusive
// word: that it paid the talent, or that it did not and another may.
type ConcludePayout struct {
	Try  int
	Paid bool
}

// SettleRefund says that people gave back what a refund owes.
type SettleRefund struct {
	Refund  int
	Through Gateway // whose balance paid; empty: the refund's own
}

// ReturnSuspense says that the money an attempt holds in suspense is the payer's.
type ReturnSuspense struct{ Attempt int }

// KeepSuspense says that the money an attempt holds in suspense is taken as the price.
type KeepSuspense struct{ Attempt int }

// LookAgain has every gateway asked that may know more about the payment.
type LookAgain struct{}

// Tick says that time has passed: whatever of the transaction is due, is done.
type Tick struct{}

func (InitiateCharge) command()     {}
func (ReleaseByStaff) command()     {}
func (EndReview) command()          {}
func (ConcludePayout) command()     {}
func (SettleRefund) command()       {}
func (ReturnSuspense) command()     {}
func (KeepSuspense) command()       {}
func (LookAgain) command()          {}
func (RecordChargeAnswer) command() {}
func (SubmitOTP) command()          {}
func (RecordOTPAnswer) command()    {}
func (Notify) command()             {}
func (RecordInquiry) command()      {}
func (ConfirmDelivery) command()    {}
func (RecordPayoutAnswer) command() {}
func (CancelCharge) command()       {}
func (RecordRefundAnswer) command() {}
func (Tick) command()               {}

// NameOf is the command's word in logs and metrics.
func NameOf(c Command) string {
	switch c.(type) {
	case InitiateCharge:
		return "initiate_charge"
	case RecordChargeAnswer:
		return "record_charge_answer"
	case SubmitOTP:
		return "submit_otp"
	case RecordOTPAnswer:
		return "record_otp_answer"
	case Notify:
		return "notify"
	case RecordInquiry:
		return "record_inquiry"
	case ConfirmDelivery:
		return "confirm_delivery"
	case RecordPayoutAnswer:
		return "record_payout_answer"
	case CancelCharge:
		return "cancel_charge"
	case RecordRefundAnswer:
		return "record_refund_answer"
	case Tick:
		return "tick"
	}
	return "unknown"
}
