package http

import (
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// A card's number has no business here (PCI DSS, SAQ A): it is typed on the
// gateway's page. Whatever looks like one is refused before anything reads it, so
// that no log, no row and no gateway's note can hold it.

// refuseCardNumber looks wherever a caller's words could be kept.
func refuseCardNumber(ctx *fasthttp.RequestCtx) error {
	for _, words := range [][]byte{ctx.Path(), ctx.Request.Header.Peek("Idempotency-Key"), ctx.Request.Body()} {
		if holdsCardNumber(words) {
			return engine.Errorf(engine.Invalid, codeCardNumberSent, "a card's number is typed on the gateway's page and sent nowhere else")
		}
	}
	return nil
}

// The lengths a card's number has (ISO/IEC 7812).
const (
	cardDigitsMin = 13
	cardDigitsMax = 19
)

// holdsCardNumber reports a run of digits, with single spaces or hyphens between
// them or none, that begins and ends as a card's number does.
func holdsCardNumber(words []byte) bool {
	run := make([]byte, 0, cardDigitsMax+1) // one too many is no card's, however long it goes on
	for i, b := range words {
		switch {
		case '0' <= b && b <= '9':
			if len(run) <= cardDigitsMax {
				run = append(run, b-'0')
			}
		case (b == ' ' || b == '-') && i > 0 && words[i-1] != b && len(run) > 0:
		default:
			if isCardNumber(run) {
				return true
			}
			run = run[:0]
		}
	}
	return isCardNumber(run)
}

// isCardNumber: a length and a beginning that the brands use, and Luhn's check
// digit. A number of ours that begins otherwise, as every time in milliseconds and
// every phone with 225 does, is none.
func isCardNumber(digits []byte) bool {
	n := len(digits)
	if n < cardDigitsMin || n > cardDigitsMax {
		return false
	}
	two := int(digits[0])*10 + int(digits[1])
	four := two*100 + int(digits[2])*10 + int(digits[3])
	switch {
	case digits[0] == 4 && (n == 13 || n == 16 || n == 19): // Visa
	case two >= 51 && two <= 55 && n == 16, four >= 2221 && four <= 2720 && n == 16: // Mastercard
	case (two == 34 || two == 37) && n == 15: // American Express
	case two == 36 || two == 38 || two == 30: // Diners
	case digits[0] == 6 || two == 35 || two == 50 || two >= 56 && two <= 58: // Discover, JCB, Maestro, Verve, UnionPay
	default:
		return false
	}
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (n-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
