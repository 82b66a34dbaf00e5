package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
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
	in := decoders.Get().(*jsontext.Decoder) //nolint:forcetypeassert // it holds nothing else
	defer func() {
		in.Reset(nothing, jsontext.AllowDuplicateNames(true)) // it would keep the body
		decoders.Put(in)
	}()
	in.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	out := make([]byte, 0, len(body))
	out, err := r.object(in, out, r.Kept)
	if err != nil {
		return nil
	}
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil
	}
	return out
}

// decoders are those that are not reading: one is larger than most bodies.
var (
	decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(nothing, jsontext.AllowDuplicateNames(true)) }}
	nothing  = strings.NewReader("")
)

// object adds the next value of in, which must be an object, without what may not
// be stored.
func (r Redaction) object(in *jsontext.Decoder, out []byte, kept Members) ([]byte, error) {
	if opening, err := in.ReadToken(); err != nil || opening.Kind() != '{' {
		return nil, ErrNoObject
	}
	out = append(out, '{')
	empty := len(out)
	for in.PeekKind() != '}' {
		name, err := in.ReadValue()
		if err != nil {
			return nil, ErrNoObject
		}
		before := len(out)
		if before > empty {
			out = append(out, ',')
		}
		spelled := len(out)
		out = append(out, name...)
		member, stays := out[spelled:], false
		out = append(out, ':')
		if out, stays, err = r.value(in, out, lowered(bytes.Trim(member, `"`)), kept); err != nil {
			return nil, err
		}
		if !stays {
			out = out[:before]
		}
	}
	if _, err := in.ReadToken(); err != nil { // the closing brace
		return nil, ErrNoObject
	}
	return append(out, '}'), nil
}

// lowered is a member's name as the lists spell it. One that is so already, as all of
// theirs are, is not copied.
func lowered(name []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return bytes.ToLower(name)
		}
	}
	return name
}

// value adds what is kept of a member's value, and reports whether anything is.
func (r Redaction) value(in *jsontext.Decoder, out, name []byte, kept Members) (_ []byte, stays bool, err error) {
	inner, stays := kept[string(name)]
	switch kind := in.PeekKind(); {
	case !stays, kind == '[', kind == '{' && inner == nil:
		if in.SkipValue() != nil {
			return nil, false, ErrNoObject
		}
		return out, false, nil
	case kind == '{':
		out, err = r.object(in, out, inner)
		return out, true, err
	}
	value, err := in.ReadValue()
	if err != nil {
		return nil, false, ErrNoObject
	}
	leave, isWords := r.Words[string(name)]
	switch {
	case !isWords:
		return append(out, value...), true, nil
	case value.Kind() != '"':
		return out, false, nil
	}
	words, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return nil, false, ErrNoObject
	}
	out, err = jsontext.AppendQuote(out, leave(string(words)))
	return out, true, err
}
