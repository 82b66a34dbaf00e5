package engine

import (
	"time"

	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// Effect is something to ask of the outside, once the decision that asks it is
// committed. The set is closed: every effect is in this file.
//
//sumtype:decl
type Effect interface {
	effect()
	// Names the reference it is about, for logs and for permits.
	Subject() Reference
	// Through says which gateway it goes to.
	Through() Gateway
}

// Payer is who pays: what a gateway needs to reach them.
type Payer struct {
	ID       string // the platform's own name for them; empty when not told
	Operator phone.Operator
	Phone    phone.Number
	Email    string
}

// Wallet is a mobile-money number that receives a talent's payouts.
type Wallet struct {
	No       int // counts a talent's wallets from 1; the highest is the current one
	Operator phone.Operator
	Phone    phone.Number
	Name     string
}

// ChargeCall asks a gateway to collect. The attempt it names is already committed.
type ChargeCall struct {
	Reference Reference // 01jd…-c1
	Gateway   Gateway
	Flow      Flow
	Method    Method
	Amount    money.Amount // francs
	Currency  money.Currency
	Payer     Payer
	Booking   string // for the gateway's metadata: what a person searches by
}

// OTPCall passes the payer's one-time code to the gateway of the attempt. The
// code is nowhere else: not stored, not logged, gone with this value.
type OTPCall struct {
	Reference Reference
	Gateway   Gateway
	OTP       OTP
}

// InquireCall asks what became of an attempt, a try or a refund.
type InquireCall struct {
	Reference        Reference
	Gateway          Gateway
	GatewayReference string    // their name for it, when known
	Charge           Reference // of a refund: the charge it is of
	AskedAt          time.Time // by the database's clock: the gateway is asked after it. The answer says it back
}

// RefundCall asks the gateway that captured a charge to give it back in full. The
// refund it names is already committed and its money in flight.
type RefundCall struct {
	Reference        Reference // 01jd…-r1: carried where the gateway lets us
	Flight           int       // which time its money is in flight, from 1
	Send             int       // which call of that flight, from 1: its answer says both back
	Gateway          Gateway
	Charge           Reference    // 01jd…-c2: what is given back
	GatewayReference string       // the gateway's name for that charge, when known
	Amount           money.Amount // francs: all of it
	Currency         money.Currency
	Booking          string
}

// PayoutCall sends a talent's money to their wallet. The try it names is
// already committed and its money in flight. Sent again it is the same call
// under the same reference.
type PayoutCall struct {
	Reference Reference // 01jd…-p1
	Send      int       // which call under this reference, from 1: its answer says it back
	Gateway   Gateway
	Amount    money.Amount // francs
	Currency  money.Currency
	Talent    string
	Wallet    Wallet
	Recipient string // the gateway's name for the wallet; "" until it is known
	Booking   string
}

func (ChargeCall) effect()  {}
func (OTPCall) effect()     {}
func (InquireCall) effect() {}
func (PayoutCall) effect()  {}
func (RefundCall) effect()  {}

// Subject returns the reference the call is about.
func (c ChargeCall) Subject() Reference { return c.Reference }

// Subject returns the reference the call is about.
func (c OTPCall) Subject() Reference { return c.Reference }

// Subject returns the reference the call is about.
func (c InquireCall) Subject() Reference { return c.Reference }

// Subject returns the reference the call is about.
func (c PayoutCall) Subject() Reference { return c.Reference }

// Subject returns the reference the call is about.
func (c RefundCall) Subject() Reference { return c.Reference }

// Through returns the gateway the call goes to.
func (c RefundCall) Through() Gateway { return c.Gateway }

// Through returns the gateway the call goes to.
func (c ChargeCall) Through() Gateway { return c.Gateway }

// Through returns the gateway the call goes to.
func (c OTPCall) Through() Gateway { return c.Gateway }

// Through returns the gateway the call goes to.
func (c InquireCall) Through() Gateway { return c.Gateway }

// Through returns the gateway the call goes to.
func (c PayoutCall) Through() Gateway { return c.Gateway }

// OTP is a one-time code. It prints as stars wherever it ends up.
type OTP string

const otpHidden = "******"

// String hides the code.
func (OTP) String() string { return otpHidden }

// GoString hides the code.
func (OTP) GoString() string { return otpHidden }

// MarshalText hides the code.
func (OTP) MarshalText() ([]byte, error) { return []byte(otpHidden), nil }

// Reveal is the code itself. For a gateway's request body and nothing else.
func (o OTP) Reveal() string { return string(o) }
