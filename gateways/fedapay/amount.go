package fedapay

import (
	"strconv"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

// FedaPay's amounts are whole francs: XOF has a divisor of 1 there (FedaPay,
// currency object, div; docs, Transactions). Nothing here multiplies or divides;
// the other gateway's hundred has no place in this folder.

// francs is an amount of ours as FedaPay's wire has it. One that is not
// positive, or above money.Max, is an Unsupported error: it is never sent.
func francs(a money.Amount) (int64, error) {
	if a <= 0 || a > money.Max {
		return 0, engine.Errorf(engine.Unsupported, engine.CodeAmountOutOfRange, "an amount from 1 to %d F", money.Max)
	}
	return int64(a), nil
}

// figure is a number of francs as FedaPay writes one: 15000, 15000.0, "15000",
// null. What is none of these is not Known; it is never an error, because most
// numbers in an answer do not matter.
type figure struct {
	Whole int64 // rounded down when not Exact
	Exact bool  // no fraction of a franc
	Known bool
}

// UnmarshalJSON reads digits with or without a decimal part, quoted or not,
// exactly: no float is made of money. A sign, a zero in front or an exponent is not
// read: what one reader takes for 15000 another may refuse, or take for octal.
func (f *figure) UnmarshalJSON(raw []byte) error {
	whole, part, parted := strings.Cut(string(wire.Unquoted(raw)), ".")
	value, err := strconv.ParseInt(whole, 10, 64)
	known := err == nil && wire.IsWhole(whole) && strings.Trim(part, "0123456789") == "" && parted == (part != "")
	*f = figure{}
	if known {
		*f = figure{Whole: value, Exact: strings.Trim(part, "0") == "", Known: true}
	}
	return nil
}

// amount reads a figure of money that must be one: positive and within bounds.
func (f figure) amount() (a money.Amount, inexact, ok bool) {
	if !f.Known || f.Whole > int64(money.Max) || (f.Whole == 0 && f.Exact) {
		return 0, false, false
	}
	return money.Amount(f.Whole), !f.Exact, true
}

// fee is what FedaPay keeps of the price. By default the payer pays its fees on
// top (FedaPay, observed: 100 F asked, 104 F debited) and nothing of that enters
// our books; with apply_fees_to_merchant set, the payer pays the price alone and
// the fees are ours. The wire's own figure is kept beside, for reconciliation. A
// figure that is absent or absurd is 0, "not told"; a part of a franc is rounded
// up: what a gateway takes is never booked as less.
func fee(price, fees, debited figure) (ours money.Amount, onWire int64) {
	told := func(f figure) bool { return f.Known && f.Whole <= int64(money.Max) }
	if !told(price) || !told(fees) {
		return 0, 0
	}
	onWire = fees.up()
	if !told(debited) || debited.Whole < price.Whole {
		return 0, onWire
	}
	return money.Amount(max(0, onWire-(debited.Whole-price.Whole))), onWire
}

// up rounds a part of a franc up.
func (f figure) up() int64 {
	if f.Exact {
		return f.Whole
	}
	return f.Whole + 1
}
