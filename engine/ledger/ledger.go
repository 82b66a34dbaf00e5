package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bookmi/cauri/engine/money"
)

// Account is a named pot of money, addressed by words joined with colons:
// escrow:held, talent:T1:payable.
type Account string

// The platform's own accounts. Those of a gateway, a talent or a bank are made
// by the functions below. Sides and meaning: docs/adr/0008.
const (
	EscrowHeld       Account = "escrow:held"         // liability: what open holds owe
	EscrowFrozen     Account = "escrow:frozen"       // liability: holds under dispute
	PayoutInFlight   Account = "payout:in_flight"    // clearing: sent, not concluded
	RefundInFlight   Account = "refund:in_flight"    // clearing: sent, not concluded
	PayerSurplus     Account = "payer:surplus"       // liability: captured twice, owed back
	Commission       Account = "revenue:commission"  // income: our share
	GatewayFee       Account = "expense:gateway_fee" // expense: what collecting costs
	PayoutFee        Account = "expense:payout_fee"  // expense: what sending costs
	talentPrefix             = "talent:"
	payableSuffix            = ":payable"
	gatewayPrefix            = "gateway:"
	balanceSuffix            = ":balance"
	suspensePrefix           = "suspense:"
	accountBytesMax          = 120 // talent:<64 characters>:payable and room to spare
	accountSeparator         = ":"
)

// GatewayBalance is what the gateway keeps for us, settled or not: an asset.
func GatewayBalance(gateway string) Account {
	return Account(gatewayPrefix + gateway + balanceSuffix)
}

// TalentPayable is what was released to a talent and not yet sent: a
// liability that may never fall below zero.
func TalentPayable(talent string) Account { return Account(talentPrefix + talent + payableSuffix) }

// Suspense is real money at a gateway that cannot be placed yet: a liability.
func Suspense(gateway string) Account { return Account(suspensePrefix + gateway) }

// Floor returns the least balance the account may have, and false for an
// account without one. Only accounts with a floor keep a balance row.
func (a Account) Floor() (money.Amount, bool) {
	s := string(a)
	return 0, strings.HasPrefix(s, talentPrefix) && strings.HasSuffix(s, payableSuffix)
}

// Posting is one signed line: + credits the account, − debits it.
type Posting struct {
	Account Account
	Amount  money.Amount
}

// Kind says what kind of fact a journal books: charge.kept, hold.released, …
type Kind string

// Journal is a balanced set of postings in one currency. A transaction has at
// most one journal of a kind for a cause, so a fact cannot be booked twice.
type Journal struct {
	Kind     Kind
	Cause    string // what made it so: an attempt, a try, "release"
	Currency money.Currency
	Postings []Posting
}

// ErrUnbalanced says that a journal's postings do not sum to zero. It is always
// a bug of ours.
var ErrUnbalanced = errors.New("journal does not balance")

// Move returns the two postings of "from → to amount".
func Move(from, to Account, amount money.Amount) []Posting {
	return []Posting{{from, -amount}, {to, amount}}
}

// Check refuses a journal that may not be written: unbalanced, without lines,
// with an empty line, or without a name or cause.
func (j Journal) Check() error {
	if j.Kind == "" || j.Cause == "" {
		return fmt.Errorf("journal %q of %q: no name or no cause", j.Kind, j.Cause)
	}
	if _, known := j.Currency.Exponent(); !known {
		return fmt.Errorf("journal %s of %s: currency %q", j.Kind, j.Cause, j.Currency)
	}
	if len(j.Postings) < 2 {
		return fmt.Errorf("journal %s of %s: %d postings: %w", j.Kind, j.Cause, len(j.Postings), ErrUnbalanced)
	}
	var sum money.Amount
	for _, p := range j.Postings {
		if err := p.check(); err != nil {
			return fmt.Errorf("journal %s of %s: %w", j.Kind, j.Cause, err)
		}
		var err error
		if sum, err = sum.Plus(p.Amount); err != nil {
			return fmt.Errorf("journal %s of %s: %w", j.Kind, j.Cause, err)
		}
	}
	if sum != 0 {
		return fmt.Errorf("journal %s of %s is off by %d: %w", j.Kind, j.Cause, sum, ErrUnbalanced)
	}
	return nil
}

func (p Posting) check() error {
	switch {
	case p.Amount == 0:
		return fmt.Errorf("nothing moves on %s", p.Account)
	case len(p.Account) == 0 || len(p.Account) > accountBytesMax || !strings.Contains(string(p.Account), accountSeparator):
		return fmt.Errorf("%q is no account", p.Account)
	}
	return nil
}

// Reverse returns the exact negation of the journal, its lines in reverse
// order, under a kind and a cause of its own.
func (j Journal) Reverse(kind Kind, cause string) Journal {
	lines := make([]Posting, 0, len(j.Postings))
	for _, p := range slices.Backward(j.Postings) {
		lines = append(lines, Posting{p.Account, -p.Amount})
	}
	return Journal{Kind: kind, Cause: cause, Currency: j.Currency, Postings: lines}
}
