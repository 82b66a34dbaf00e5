package paystack

import (
	"encoding/json"
	"slices"
)

// kept are the members of a webhook's data that may be stored: what is read again
// on replay, and what reconciliation searches by. Everything else, the payer's
// phone, e-mail and name, what is known of their card, and the account a transfer
// went to, is left out (S-14): a list of what may stay forgets nobody.
var kept = []string{
	"event", "data", "id", "domain", "status", "reference", "amount", "requested_amount", "currency", "fees", "fee_charged", "channel",
	"paid_at", "created_at", "transaction_reference", "refund_reference", "transfer_code", "recipient", "recipient_code", "transaction",
	"processor", "message", "gateway_response", "failures",
}

// said are gateways' words about people: digits in them are starred.
var said = []string{"message", "gateway_response", "failures"}

// Redact returns a webhook's body with the members that may be stored. It is read
// as before; the signature no longer matches, so it is verified first. A body that
// can't be read is nil: what is in it can't be known either.
func Redact(body []byte) []byte {
	var whole map[string]json.RawMessage
	if json.Unmarshal(body, &whole) != nil {
		return nil
	}
	out, err := json.Marshal(redacted(whole))
	if err != nil {
		return nil
	}
	return out
}

func redacted(object map[string]json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for name, value := range object {
		if !slices.Contains(kept, name) {
			continue
		}
		var inner map[string]json.RawMessage
		var words string
		switch {
		case slices.Contains(said, name):
			if json.Unmarshal(value, &words) != nil {
				continue
			}
			starred, err := json.Marshal(masked(words))
			if err != nil {
				continue
			}
			value = starred
		case json.Unmarshal(value, &inner) == nil && inner != nil:
			nested, err := json.Marshal(redacted(inner))
			if err != nil {
				continue
			}
			value = nested
		case len(value) > 0 && value[0] == '[': // no list of theirs is read again
			continue
		}
		out[name] = value
	}
	return out
}
