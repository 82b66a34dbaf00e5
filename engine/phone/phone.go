package phone

import (
	"errors"
	"fmt"
	"strings"
)

// Operator is a mobile-money operator.
type Operator string

// The operators of Côte d'Ivoire.
const (
	Orange Operator = "orange"
	MTN    Operator = "mtn"
	Wave   Operator = "wave"
	Moov   Operator = "moov"
)

// Operators lists them all, in the order people are shown them.
var Operators = []Operator{Orange, MTN, Wave, Moov}

// Name is what the operator calls itself.
func (o Operator) Name() string {
	switch o {
	case Orange:
		return "Orange Money"
	case MTN:
		return "MTN MoMo"
	case Wave:
		return "Wave"
	case Moov:
		return "Moov Money"
	}
	return string(o)
}

// Known reports whether o is one of Operators.
func (o Operator) Known() bool {
	return o == Orange || o == MTN || o == Wave || o == Moov
}

// What Parse may say of a number.
var (
	ErrNotANumber = errors.New("not a phone number of Côte d'Ivoire: ten digits, as in 07 00 00 00 00")
	ErrForeign    = errors.New("a foreign phone number; one of Côte d'Ivoire begins with +225")
	ErrLandline   = errors.New("a landline; mobile money needs a number beginning with 01, 05 or 07")
)

const (
	country        = "225"
	nationalDigits = 10 // ARTCI's plan of 2021
	inputBytesMax  = 32 // +225 07 00 00 00 00 with room for punctuation
)

// Number is a mobile number of Côte d'Ivoire. The zero value is no number.
type Number struct{ national string }

// Parse reads a number as people write it: national or international, with
// spaces, dots, dashes or brackets. It returns ErrNotANumber, ErrForeign or
// ErrLandline; none of them repeats the number.
func Parse(s string) (Number, error) {
	if len(s) > inputBytesMax {
		return Number{}, ErrNotANumber
	}
	s = strings.TrimSpace(s)
	international := strings.HasPrefix(s, "+")
	digits := make([]byte, 0, len(s))
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case r == '+' && i == 0, r == ' ', r == '.', r == '-', r == '(', r == ')', r == '\u00a0', r == '\u202f':
		default:
			return Number{}, ErrNotANumber
		}
	}
	d := string(digits)
	if !international && strings.HasPrefix(d, "00") {
		international, d = true, d[2:]
	}
	if international {
		if !strings.HasPrefix(d, country) {
			return Number{}, ErrForeign
		}
		d = d[len(country):]
	}
	return fromNational(d)
}

func fromNational(d string) (Number, error) {
	// 225 then ten digits, the + forgotten: no national number has thirteen.
	if len(d) == len(country)+nationalDigits && strings.HasPrefix(d, country) {
		d = d[len(country):]
	}
	if len(d) != nationalDigits {
		return Number{}, ErrNotANumber
	}
	switch d[:2] {
	case "01", "05", "07":
		return Number{d}, nil
	case "21", "25", "27":
		return Number{}, ErrLandline
	}
	return Number{}, ErrNotANumber
}

// MustParse is Parse for tests: it panics on what is no number.
func MustParse(s string) Number {
	n, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return n
}

// E164 is the whole international number: +2250700000000. For gateways and
// storage; never for logs.
func (n Number) E164() string {
	if n.IsZero() {
		return ""
	}
	return "+" + country + n.national
}

// National is the ten digits: 0700000000. For gateways; never for logs.
func (n Number) National() string { return n.national }

// IsZero reports that there is no number.
func (n Number) IsZero() bool { return n.national == "" }

// String masks the number: +225 07****12. It is what logs, events and lists show.
func (n Number) String() string {
	if n.IsZero() {
		return ""
	}
	return fmt.Sprintf("+%s %s****%s", country, n.national[:2], n.national[nationalDigits-2:])
}

// GoString masks as String does, so that %#v in a log tells nothing either.
func (n Number) GoString() string { return n.String() }

// MarshalText masks too: a Number that ends up in JSON by accident stays safe.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Prefix returns the operator whose prefix the number has. It is a hint: the
// payer says who their operator is, and Wave has no prefix.
func (n Number) Prefix() Operator {
	if n.IsZero() {
		return ""
	}
	switch n.national[:2] {
	case "07":
		return Orange
	case "05":
		return MTN
	default:
		return Moov
	}
}

// Suits reports whether the number can belong to the operator by its prefix.
func (n Number) Suits(o Operator) bool { return o == Wave || n.Prefix() == o }
