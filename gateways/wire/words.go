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

// digitsShownMax in a row are no phone and no one-time code.
const digitsShownMax = 3

// Masked stars the longer runs of digits: a gateway may repeat the phone or the
// code it was given.
func Masked(words string) string {
	out := []rune(words)
	for i := 0; i < len(out); {
		j := i
		for j < len(out) && unicode.IsDigit(out[j]) {
			j++
		}
		if j-i > digitsShownMax {
			for k := i; k < j; k++ {
				out[k] = '*'
			}
		}
		i = max(j, i+1)
	}
	return string(out)
}
