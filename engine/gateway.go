package engine

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// The ports of a payment company. A gateway implements those it can serve and
// no others: what it can't do has no method, so it can't be called by mistake.
//
// Every method returns either what the gateway said, or an *Error of one of
// four kinds: Declined (it answered no, and no money moved), Unavailable
// (provably not sent, or provably not accepted), Ambiguous (anything else) and
// Unsupported. The deadline is the context's. No method retries.

// Collector asks a gateway to take the payer's money.
type Collector interface {
	Charge(ctx context.Context, call ChargeCall) (ChargeReport, error)
}

// OTPSubmitter passes on the code the payer read from their phone. It is always
// the gateway of the attempt: a code means nothing anywhere else.
type OTPSubmitter interface {
	SubmitOTP(ctx context.Context, call OTPCall) (ChargeReport, error)
}

// Disburser sends money to a wallet. There is no failover behind it, ever.
type Disburser interface {
	Payout(ctx context.Context, call PayoutCall) (PayoutReport, error)
}

// Refunder gives a payer their money back, through the gateway that captured it.
// A gateway without a refund API does not implement it.
type Refunder interface {
	Refund(ctx context.Context, call RefundCall) (RefundReport, error)
}

// ChargeInquirer asks what became of a charge. Not having heard of it is an
// answer (ChargeAbsent), not an error.
type ChargeInquirer interface {
	InquireCharge(ctx context.Context, call InquireCall) (ChargeReport, error)
}

// PayoutInquirer asks what became of a payout's try.
type PayoutInquirer interface {
	InquirePayout(ctx context.Context, call InquireCall) (PayoutReport, error)
}

// RefundInquirer asks what became of a refund: by the gateway's name for it, or
// among the refunds of the charge, by our number in its note.
type RefundInquirer interface {
	InquireRefund(ctx context.Context, call InquireCall) (RefundReport, error)
}

// Webhooks reads a gateway's notifications.
type Webhooks interface {
	// Verify checks the signature headers over the raw body, in constant time,
	// and returns the id of the secret that matched. Every value of the
	// signature header is given: two are as wrong as none. Its error has the
	// code CodeSignatureWrong.
	Verify(signatures [][]byte, body []byte) (secret string, err error)
	// Parse translates a verified delivery: the body, the signature header's value
	// where it says when, and the moment it came. A body about something that is
	// not ours, or of a kind we do not take, is an Invalid error with the code
	// CodeNotificationForeign; the Notification then still has its Gateway, Kind,
	// Identity and Foreign name, so that it can be kept. The Notification's
	// Delivery is what may be stored: without what is nobody's business.
	Parse(d Delivery) (Notification, error)
}

// ChargeReportStatus says, in the engine's words, where a gateway sees a charge. Each
// adapter maps its gateway's vocabulary to it; a word it does not know is
// ChargePending, never success and never failure.
type ChargeReportStatus string

// What a gateway may say of a charge.
const (
	ChargeSucceeded  ChargeReportStatus = "succeeded"  // money was captured
	ChargeFailed     ChargeReportStatus = "failed"     // final: it never will be
	ChargeAbandoned  ChargeReportStatus = "abandoned"  // the payer did not finish; a late success stays possible
	ChargePending    ChargeReportStatus = "pending"    // in progress
	ChargeWantsOTP   ChargeReportStatus = "wants_otp"  // the payer has a code to type
	ChargeOnPhone    ChargeReportStatus = "on_phone"   // the payer approves on their phone
	ChargeRedirects  ChargeReportStatus = "redirects"  // the payer opens URL
	ChargeAbsent     ChargeReportStatus = "absent"     // the gateway does not know the reference
	ChargeReversed   ChargeReportStatus = "reversed"   // captured once, given back since
	ChargeHeard      ChargeReportStatus = "heard"      // the gateway has it, and tells nothing about the payer: changes nothing
	ChargeUnknowable ChargeReportStatus = "unknowable" // it wants a step this engine does not offer (a PIN, a birthday)
)

// ends reports that the gateway has said its last word about taking the money.
func (s ChargeReportStatus) ends() bool {
	return s == ChargeSucceeded || s == ChargeFailed || s == ChargeReversed
}

// ChargeReport is what a gateway says of a charge, whether it answers our call,
// our inquiry, or tells us by itself: the source makes no difference.
type ChargeReport struct {
	Status           ChargeReportStatus
	Amount           money.Amount // francs; what was captured, when Succeeded
	Inexact          bool         // the wire's figure was no whole franc: Amount can't be trusted
	Currency         money.Currency
	Live             bool          // the gateway's domain: live money or its test mode
	GatewayReference string        // their name for it
	Fee              money.Amount  // francs, rounded up; 0 when not told
	FeeSubunits      int64         // the fee exactly as on the wire, for reconciliation
	Code             Code          // why it failed, when Failed
	Text             string        // for the payer, verbatim
	URL              string        // where the payer goes, when Redirects
	Window           time.Duration // how long the payer has, when the gateway says; else 0
}

// PayoutReportStatus says, in the engine's words, where a gateway sees a transfer.
type PayoutReportStatus string

// What a gateway may say of a payout.
const (
	PayoutReportPending  PayoutReportStatus = "pending"
	PayoutReportPaid     PayoutReportStatus = "paid"
	PayoutReportFailed   PayoutReportStatus = "failed"   // conclusive: nothing was or will be sent
	PayoutReportReversed PayoutReportStatus = "reversed" // it bounced; the money is back
	PayoutReportAbsent   PayoutReportStatus = "absent"   // the gateway does not know the reference
)

// PayoutReport is what a gateway says of a transfer to a wallet.
type PayoutReport struct {
	Status           PayoutReportStatus
	Amount           money.Amount // francs
	Inexact          bool         // the wire's figure was no whole franc
	Currency         money.Currency
	Live             bool
	GatewayReference string
	Recipient        string       // the gateway's name for the wallet, learnt or used
	Fee              money.Amount // francs, rounded up; 0 when not told
	FeeSubunits      int64
	Code             Code   // why it failed
	Text             string // the gateway's words, for staff
}

// RefundReportStatus says, in the engine's words, where a gateway sees a refund.
type RefundReportStatus string

// What a gateway may say of a refund.
const (
	RefundReportPending   RefundReportStatus = "pending"
	RefundReportDone      RefundReportStatus = "done"      // the payer has it back
	RefundReportFailed    RefundReportStatus = "failed"    // conclusive: it was not, and the money is ours again
	RefundReportAttention RefundReportStatus = "attention" // the gateway wants something only people can give
	RefundReportAbsent    RefundReportStatus = "absent"    // no refund of the charge bears our number
)

// RefundReport is what a gateway says of a refund.
type RefundReport struct {
	Status           RefundReportStatus
	Amount           money.Amount // francs
	Inexact          bool         // the wire's figure was no whole franc
	Currency         money.Currency
	Live             bool
	GatewayReference string // their name for the refund; many notifications have none
	Number           int    // ours, when the gateway carried it; else 0
	Code             Code   // why it failed
	Text             string // the gateway's words, for staff
}
