package wire

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Text is a JSON string; anything else is "", as is one with a NUL in it: PostgreSQL has
// no such text, and what can't be kept can't be decided upon.
type Text string

// UnmarshalJSON never fails.
func (t *Text) UnmarshalJSON(raw []byte) error {
	if plain, is := plainText(raw); is {
		*t = Text(plain)
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || strings.ContainsRune(s, 0) {
		s = ""
	}
	*t = Text(s)
	return nil
}

// plainText reads a JSON string that means what it spells, as nearly all of them do:
// printable ASCII, nothing escaped. It is a sixth of the work.
func plainText(raw []byte) (_ []byte, is bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return nil, false
	}
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return nil, false
		}
	}
	return inner, true
}

// Label is an id: digits as a number (unsigned, 64 bits), or a string. It is kept
// as text, so that none is cut short.
type Label string

// UnmarshalJSON never fails.
func (l *Label) UnmarshalJSON(raw []byte) error {
	var s Text
	_ = s.UnmarshalJSON(raw) // never fails
	if _, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
		s = Text(raw)
	}
	*l = Label(s)
	return nil
}

// IsID reports that a label is a number, so that it may stand in a path.
func (l Label) IsID() bool {
	_, err := strconv.ParseUint(string(l), 10, 64)
	return err == nil
}

// ErrNoObject is of what should have been one JSON object and is not.
var ErrNoObject = errors.New("no JSON object")

// Unquoted is what stands between a JSON string's quotes, escapes and all; any other
// value as it is. It is for digits, which nobody escapes.
func Unquoted(raw []byte) []byte {
	if len(raw) >= 2 && raw[0] == '"' {
		return raw[1 : len(raw)-1]
	}
	return raw
}

// IsWhole reports plain digits, as a number without a sign is written: none in front
// that says nothing.
func IsWhole(s string) bool {
	return s != "" && (s[0] != '0' || s == "0") && strings.Trim(s, "0123456789") == ""
}
