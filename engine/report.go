package engine

import (
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// Read models: what may be asked about without going through an actor. They say
// what was committed a moment ago and decide nothing.

// Statement is a payment with the story of how it came to be where it is.
type Statement struct {
	Transaction Transaction
	Timeline    []Moment
}

// Moment is one line of a payment's timeline.
type Moment struct {
	At      time.Time
	Machine string
	Subject string // c1, p1, or empty for the payment itself and its hold
	From    string
	To      string
	Note    string
}

// Balances are a talent's three numbers (story 4.8), each a query of the ledger.
type Balances struct {
	Talent         string
	Currency       money.Currency
	Available      money.Amount // released, not yet sent: the payable account
	PaidThisMonth  money.Amount // payouts paid less reversed, in this month of Abidjan (UTC)
	PendingRelease money.Amount // the talent's part of what escrow still holds
	AsOf           time.Time
}
