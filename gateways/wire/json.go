package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Text is a JSON string; anything else is "".
type Text string

// UnmarshalJSON never fails.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = ""
	}
	*t = Text(s)
	return nil
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

// Members are those of a JSON object that may be stored, and of the objects in
// them: a list of what may stay forgets nobody. Names are in lower case.
type Members map[string]Members

// Redaction says what of a webhook's body may be stored.
type Redaction struct {
	Kept Members
	// Words are members of gateways' own words, kept as the function leaves them.
	Words map[string]func(string) string
}

// Of copies a body with the members that may be stored, in their order and spelled
// as they came. No list is kept: nobody reads one again. A body that is no object
// is nil. Redacted twice it is the same.
func (r Redaction) Of(body []byte) []byte {
	out, err := r.object(body, r.Kept)
	if err != nil {
		return nil
	}
	return out
}

func (r Redaction) object(object []byte, kept Members) ([]byte, error) {
	in := json.NewDecoder(bytes.NewReader(object))
	if opening, err := in.Token(); err != nil || opening != json.Delim('{') {
		return nil, ErrNoObject
	}
	out := []byte{'{'}
	for in.More() {
		token, err := in.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, ErrNoObject
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, ErrNoObject
		}
		if value = r.value(strings.ToLower(name), value, kept); value == nil {
			continue
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, ErrNoObject
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted...), ':'), value...)
	}
	if _, err := in.Token(); err != nil { // the closing brace
		return nil, ErrNoObject
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrNoObject
	}
	return append(out, '}'), nil
}

// value is what is kept of a member's value; nil is nothing.
func (r Redaction) value(name string, value json.RawMessage, kept Members) json.RawMessage {
	inner, stays := kept[name]
	if !stays || value[0] == '[' {
		return nil
	}
	if value[0] == '{' {
		out, err := r.object(value, inner)
		if err != nil || inner == nil {
			return nil
		}
		return out
	}
	leave, isWords := r.Words[name]
	if !isWords {
		return value
	}
	var words string
	if json.Unmarshal(value, &words) != nil || value[0] != '"' {
		return nil
	}
	left, err := json.Marshal(leave(words))
	if err != nil {
		return nil
	}
	return left
}
