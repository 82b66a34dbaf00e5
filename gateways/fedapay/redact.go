package fedapay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// hidden are members of the entity that nobody here may keep: the payer, what is
// known of their phone or card, ways to pay or to read about it, and the account
// with its owners' e-mails, keys and balances (S-14).
var hidden = []string{
	"account", "balance", "customer", "payment_method", "metadata", "payment_token", "payment_url", "receipt_url", "callback_url",
	"description", "last_error_message", "sub_accounts_commissions", "refunds",
}

// Redact returns a webhook's body without those, and without the account beside
// the entity. Every other value stays as it came, byte for byte, and is read
// as before; the signature no longer matches, so it is verified first.
// A body that can't be read is nil: what is in it can't be known either.
func Redact(body []byte) []byte {
	entity := func(name string, value json.RawMessage) (json.RawMessage, bool) {
		return value, !slices.ContainsFunc(hidden, func(word string) bool { return strings.EqualFold(name, word) })
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
