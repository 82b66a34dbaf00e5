package wire

import "unicode"

// shortRunesMax bounds what of a gateway's words goes into a log line.
const shortRunesMax = 120

// Shorten cuts a gateway's words to a log line.
func Shorten(words string) string {
	if runes := []rune(words); len(runes) > shortRunesMax {
		return string(runes[:shortRunesMax]) + "…"
	}
	return words
}

const (
	// digitsShownMax in a row are no phone and no one-time code.
	digitsShownMax = 3
	// phoneDigitsMin are in every phone: ten, or nine when the zero in front is left out. A
	// date has eight, the largest sum a wallet holds seven.
	phoneDigitsMin = 9
	// betweenDigitsMax is how many separators stand between two digits of one number.
	betweenDigitsMax = 3
)

// Masked stars the longer runs of digits, and phones: a gateway may repeat the phone
// or the code it was given.
func Masked(words string) string { return starred(words, digitsShownMax+1) }

// Unphoned stars phones, however they are spaced, and leaves all else as it is: the
// payer must still read what to dial, and the price.
func Unphoned(words string) string { return starred(words, phoneDigitsMin) }

// starred stars digits that stand together, inRow of them or more, and those of a
// phone with separators between them.
func starred(words string, inRow int) string {
	out := []rune(words)
	for i := 0; i < len(out); {
		if !unicode.IsDigit(out[i]) {
			i++
			continue
		}
		end, digits := numberAt(out, i)
		for i < end {
			j := i
			for j < end && unicode.IsDigit(out[j]) {
				j++
			}
			if digits >= phoneDigitsMin || j-i >= inRow {
				star(out[i:j])
			}
			i = max(j, i+1)
		}
	}
	return string(out)
}

// numberAt is where the number ends that begins at a digit, and how many digits it
// has: those that separators alone stand between.
func numberAt(words []rune, at int) (end, digits int) {
	end = at
	for i := at; i < len(words) && i-end <= betweenDigitsMax; i++ {
		switch {
		case unicode.IsDigit(words[i]):
			end, digits = i+1, digits+1
		case !isBetween(words[i]):
			return end, digits
		}
	}
	return end, digits
}

// isBetween reports what people put between the digits of a phone: spaces and dashes
// of any kind, also unseen ones, dots, slashes, brackets.
func isBetween(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf) || r == '.' || r == '/' || r == '(' || r == ')'
}

func star(digits []rune) {
	for i := range digits {
		digits[i] = '*'
	}
}
