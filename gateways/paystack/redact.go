package paystack

import (
	"slices"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/wire"
)

// redaction is what of a webhook may be stored (S-14): what is read of it, and what
// reconciliation searches by. Everything else, the payer's phone, e-mail and name,
// what is known of their card, and the account a transfer went to, is left out.
var redaction = wire.Redaction{
	Kept: wire.Members{"event": nil, "data": {
		"id": nil, "domain": nil, "status": nil, "reference": nil, "amount": nil, "requested_amount": nil, "currency": nil, "channel": nil,
		"fees": nil, "paid_at": nil, "created_at": nil, "message": nil, "gateway_response": nil,
		"transfer_code": nil, "fee_charged": nil, "failures": nil, "recipient": {"id": nil, "recipient_code": nil, "currency": nil},
		"transaction_reference": nil, "refund_reference": nil, "processor": nil, "merchant_note": nil,
		"category": nil, "resolution": nil, "refund_amount": nil, "dueAt": nil, "due_at": nil, "resolvedAt": nil,
		"transaction": {
			"id": nil, "domain": nil, "status": nil, "reference": nil, "amount": nil, "currency": nil, "channel": nil, "fees": nil,
			"paid_at": nil, "created_at": nil,
		},
	}},
	Words: map[string]func(string) string{
		"message": wire.Masked, "gateway_response": wire.Masked, "failures": wire.Masked, "merchant_note": ourWords,
	},
}

// answers is what is read of Paystack's answers: each member once, spelled so. What
// data holds differs by the question, and one list serves them all.
var answers = wire.Members{"status": nil, "message": nil, "code": nil, "type": nil, "data": {
	"id": nil, "domain": nil, "status": nil, "reference": nil, "amount": nil, "currency": nil, "fees": nil, "message": nil,
	"gateway_response": nil, "display_text": nil, "url": nil, "authorization_url": nil,
	"transfer_code": nil, "fee_charged": nil, "failures": nil, "recipient": {"recipient_code": nil}, "recipient_code": nil,
	"transaction": {"id": nil, "reference": nil}, "merchant_note": nil, "code": nil, "active": nil, "is_deleted": nil,
}}

// ourWords are those of a note that are names of ours: Paystack's own put the
// payer's e-mail there.
func ourWords(note string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(note), func(word string) bool {
		_, err := engine.ParseReference(word)
		return err != nil
	}), " ")
}

// Redact returns a webhook's body with the members that may be stored. It is read
// as before; the signature no longer matches, so it is verified first. A body that
// can't be read is nil.
func Redact(body []byte) []byte { return redaction.Of(body) }
