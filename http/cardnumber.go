package http

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// A card's number has no business here (PCI DSS, SAQ A): it is typed on the
// gateway's page. Whatever looks like one is refused before anything reads it, so
// that no log, no row and no gateway's note can hold it.

// refuseCardNumber looks wherever a caller's words could be kept.
func refuseCardNumber(ctx *fasthttp.RequestCtx) error {
	said := [][]byte{ctx.Path(), ctx.Request.Header.Peek("Idempotency-Key"), unescaped(ctx.Request.Body())}
	for name, value := range ctx.QueryArgs().All() {
		said = append(said, name, value)
	}
	if slices.ContainsFunc(said, holdsCardNumber) {
		return engine.Errorf(engine.Invalid, codeCardNumberSent, "a card's number is typed on the gateway's page and sent nowhere else")
	}
	return nil
}

// unescaped is a JSON text as whoever decodes it reads its strings: "\u0034" is a 4. It
// returns the text itself when nothing is escaped.
func unescaped(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		const digits = 4
		if text[i] != 'u' || i+digits >= len(text) {
			out = append(out, ' ') // a quote, a line end: nothing of a number
			if text[i] == '/' || text[i] == '\\' {
				out[len(out)-1] = text[i]
			}
			continue
		}
		code, err := strconv.ParseUint(string(text[i+1:i+1+digits]), 16, 16)
		if err != nil {
			continue
		}
		out = utf8.AppendRune(out, rune(code))
		i += digits
	}
	return out
}

// The lengths a card's number has (ISO/IEC 7812).
const (
	cardDigitsMin = 13
	cardDigitsMax = 19
)

// groupings are how people write the digits apart, as the brands print them. A number in
// one piece has any of the lengths.
var groupings = [][]int{{4, 4, 4, 4}, {4, 4, 4, 4, 3}, {4, 6, 5}, {4, 6, 4}}

// group is a run of digits in a text.
type group struct{ from, to int }

func (g group) length() int { return g.to - g.from }

// holdsCardNumber reports digits that stand by themselves, in one piece or apart as on a
// card, and begin and end as a card's number does. Digits that touch a letter are part of
// a name: one UUID in two thousand would be refused otherwise, whoever sends it and for ever.
func holdsCardNumber(words []byte) bool {
	var near [5]group // the last groups that stand side by side
	n := 0
	for i := 0; i < len(words); i++ {
		if !isDigit(words[i]) {
			continue
		}
		g := group{from: i}
		for i < len(words) && isDigit(words[i]) {
			i++
		}
		g.to = i
		if g.from > 0 && isLetter(words[g.from-1]) || g.to < len(words) && isLetter(words[g.to]) {
			n = 0
			continue
		}
		if n > 0 && !isGap(words[near[n-1].to:g.from]) {
			n = 0
		}
		if n == len(near) {
			n = copy(near[:], near[1:])
		}
		near[n] = g
		n++
		if isCard(words, near[n-1:n]) || slices.ContainsFunc(groupings, func(lengths []int) bool {
			return n >= len(lengths) && isGrouped(near[n-len(lengths):n], lengths) && isCard(words, near[n-len(lengths):n])
		}) {
			return true
		}
	}
	return false
}

func isDigit(b byte) bool  { return '0' <= b && b <= '9' }
func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// isGap reports up to three bytes that people write between the groups, whatever they are:
// also a no-break space, which is two. Letters make other words.
func isGap(between []byte) bool {
	return len(between) <= 3 && !slices.ContainsFunc(between, isLetter)
}

func isGrouped(groups []group, lengths []int) bool {
	return slices.EqualFunc(groups, lengths, func(g group, n int) bool { return g.length() == n })
}

// isCard reads the groups as one number.
func isCard(words []byte, groups []group) bool {
	var digits [cardDigitsMax]byte
	n := 0
	for _, g := range groups {
		for _, b := range words[g.from:g.to] {
			if n == len(digits) {
				return false
			}
			digits[n] = b - '0'
			n++
		}
	}
	return isCardNumber(digits[:n])
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
