package fedapay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Redact returns a webhook's body without what nobody here may keep: the account
// object, with its owners' e-mails, keys and every balance, and the entity's own
// balance (S-14). Every other value stays as it came, byte for byte, and is read
// as before; the signature no longer matches, so it is verified first.
// A body that can't be read is nil: what is in it can't be known either.
func Redact(body []byte) []byte {
	entity := func(name string, value json.RawMessage) (json.RawMessage, bool) {
		return value, !strings.EqualFold(name, "balance") && !strings.EqualFold(name, "account")
	}
	top := func(name string, value json.RawMessage) (json.RawMessage, bool) {
		if !strings.EqualFold(name, "entity") {
			return value, !strings.EqualFold(name, "account")
		}
		inner, err := pick(value, entity)
		if err != nil { // no object: nothing to hide in
			return value, true
		}
		return inner, true
	}
	kept, err := pick(body, top)
	if err != nil {
		return nil
	}
	return kept
}

var errNoObject = errors.New("no JSON object")

// pick copies a JSON object with the members that keep says, as it says.
func pick(object []byte, keep func(name string, value json.RawMessage) (json.RawMessage, bool)) ([]byte, error) {
	in := json.NewDecoder(bytes.NewReader(object))
	if opening, err := in.Token(); err != nil || opening != json.Delim('{') {
		return nil, errNoObject
	}
	out := []byte{'{'}
	for in.More() {
		token, err := in.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, errNoObject
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, errNoObject
		}
		value, wanted := keep(name, value)
		if !wanted {
			continue
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, errNoObject
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted...), ':'), value...)
	}
	if _, err := in.Token(); err != nil { // the closing brace
		return nil, errNoObject
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return append(out, '}'), nil
}
