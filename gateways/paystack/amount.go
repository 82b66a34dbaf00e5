package paystack

import (
	"strconv"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
)

// scale is how many subunits Paystack counts in a franc, although XOF has none
// (Paystack docs, API introduction, "XOF Subunit and Fractions"). This file is
// the only one that multiplies or divides by it.
const scale = 100

// subunitsMax is the largest figure that is still an amount of ours.
const subunitsMax = int64(money.Max) * scale // 9 × 10^11, far within an int64

// Subunits are whole francs as Paystack's wire has them. An amount that is not
// positive, or above money.Max, is an Unsupported error: it is never sent.
func Subunits(francs money.Amount) (int64, error) {
	if francs <= 0 || francs > money.Max {
		return 0, engine.Errorf(engine.Unsupported, engine.CodeAmountOutOfRange, "an amount from 1 to %d F", money.Max)
	}
	return int64(francs) * scale, nil
}

// Francs reads a figure of the wire. Exact is false when it is no whole number
// of francs; the amount is then rounded down and can't be trusted.
func Francs(subunits int64) (francs money.Amount, exact bool) {
	return money.Amount(subunits / scale), subunits%scale == 0
}

// feeFrancs rounds a fee up: what a gateway takes is never booked as less.
// Whether fees are whole francs is not documented.
func feeFrancs(subunits int64) money.Amount {
	return money.Amount((subunits + scale - 1) / scale)
}

// integer is a whole number as Paystack writes one: 500000, "500000", null.
// What is neither is not Known; it is never an error, because most numbers in an
// answer do not matter.
type integer struct {
	Value int64
	Known bool
}

// UnmarshalJSON reads digits, quoted or not. A sign, a zero in front, a fraction or
// an exponent is not read: nobody writes money that way, and what one reader takes
// for 1500000 another may refuse, or take for octal.
func (n *integer) UnmarshalJSON(raw []byte) error {
	digits := string(wire.Unquoted(raw))
	value, err := strconv.ParseInt(digits, 10, 64)
	*n = integer{}
	if err == nil && wire.IsWhole(digits) {
		*n = integer{Value: value, Known: true}
	}
	return nil
}

// amount reads a figure of money that must be one: positive and within bounds.
func (n integer) amount() (francs money.Amount, inexact, ok bool) {
	if !n.Known || n.Value <= 0 || n.Value > subunitsMax {
		return 0, false, false
	}
	francs, exact := Francs(n.Value)
	return francs, !exact, true
}

// fee reads a fee; one that is absent or absurd is 0, "not told".
func (n integer) fee() (francs money.Amount, subunits int64) {
	if !n.Known || n.Value <= 0 || n.Value > subunitsMax {
		return 0, 0
	}
	return feeFrancs(n.Value), n.Value
}
