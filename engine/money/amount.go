package money

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// Amount is a number of minor units: whole francs for XOF. It is signed,
// because a posting has a direction; what a person pays is always positive.
type Amount int64

// Max bounds every amount the engine will look at, far above any payment and
// far below what int64 can hold: a thousand million of them still add up
// without overflow (10^9 × 9×10^9 < 9.2×10^18).
const Max Amount = 9_000_000_000

// ErrOverflow says that a sum left the range of an int64. It is reachable only
// by adding up more than a thousand million of the largest amounts.
var ErrOverflow = errors.New("amount out of range")

// Currency is an ISO 4217 code.
type Currency string

// XOF is the franc of the West African monetary union; the only currency
// collected today.
const XOF Currency = "XOF"

// Exponent says how many decimals the currency's minor unit has. It reports
// false for a currency the engine does not handle.
func (c Currency) Exponent() (int, bool) {
	if c == XOF {
		return 0, true
	}
	return 0, false
}

// Plus returns a + b, or ErrOverflow.
func (a Amount) Plus(b Amount) (Amount, error) {
	sum := a + b
	if (b > 0 && sum < a) || (b < 0 && sum > a) {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Minus returns a − b, or ErrOverflow.
func (a Amount) Minus(b Amount) (Amount, error) {
	diff := a - b
	if (b < 0 && diff < a) || (b > 0 && diff > a) {
		return 0, ErrOverflow
	}
	return diff, nil
}

// Sum adds amounts up, or returns ErrOverflow.
func Sum(amounts ...Amount) (Amount, error) {
	var total Amount
	for _, a := range amounts {
		var err error
		if total, err = total.Plus(a); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// String writes the bare number of minor units: 15000.
func (a Amount) String() string { return strconv.FormatInt(int64(a), 10) }

// BasisPoints is a share in hundredths of a percent: 1500 is 15 %.
type BasisPoints uint16

// Whole is the share that is everything.
const Whole BasisPoints = 10_000

// Split divides a non-negative amount in two, share going to the first part,
// the rest to the second. The parts always sum to the whole: the franc that
// does not divide goes to the part with the larger remainder, and on a tie to
// the second (the talent's side is never shaved for ours).
func Split(whole Amount, share BasisPoints) (part, rest Amount, err error) {
	if whole < 0 || share > Whole {
		return 0, 0, fmt.Errorf("split %d by %d basis points: out of range", whole, share)
	}
	// 128-bit product: no amount is too large to divide exactly.
	hi, lo := bits.Mul64(uint64(whole), uint64(share))
	quotient, remainder := bits.Div64(hi, lo, uint64(Whole))
	part = Amount(quotient) // ≤ whole, because share ≤ Whole
	if remainder > uint64(Whole)/2 {
		part++
	}
	return part, whole - part, nil
}
