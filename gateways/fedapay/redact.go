package fedapay

import (
	"maps"

	"github.com/bookmi/cauri/gateways/wire"
)

// redaction is what of a webhook may be stored (S-14): what is read of it, and what
// reconciliation searches by. Everything else, the payer, what is known of their
// phone or card, ways to pay or to read about it, and the account with its owners'
// e-mails, keys and balances, is left out.
var redaction = wire.Redaction{Kept: wire.Members{
	"id": nil, "name": nil, "object": nil, "entity": {
		"klass": nil, "id": nil, "reference": nil, "merchant_reference": nil, "status": nil, "mode": nil, "operation": nil,
		"amount": nil, "amount_debited": nil, "amount_transferred": nil, "fees": nil, "fixed_commission": nil, "commission": nil,
		"currency_id": nil, "currency": {"id": nil, "iso": nil, "div": nil},
		"custom_metadata": {"payment_id": nil, "booking_id": nil, "attempt": nil, "flow": nil}, "last_error_code": nil,
		"created_at": nil, "updated_at": nil, "approved_at": nil, "declined_at": nil, "canceled_at": nil, "expired_at": nil,
		"transferred_at": nil, "to_be_transferred_at": nil, "refunded_at": nil, "deleted_at": nil,
	},
}}

// answers is what is read of FedaPay's answers: each member once, spelled so. An
// object stands under its wrapper or bare, and one list serves them all.
var answers = func() wire.Members {
	object := wire.Members{
		"id": nil, "reference": nil, "merchant_reference": nil, "status": nil, "mode": nil,
		"amount": nil, "amount_debited": nil, "fees": nil, "currency_id": nil, "currency": {"id": nil, "iso": nil, "modes": nil},
		"custom_metadata": {"payment_id": nil, "booking_id": nil, "attempt": nil, "flow": nil}, "last_error_code": nil,
		"deleted_at": nil, "updated_at": nil, "payment_token": nil, "payment_url": nil, "token": nil, "url": nil,
		"enabled": nil, "disable_on_error": nil, "iso": nil, "modes": nil,
	}
	all := maps.Clone(object)
	maps.Copy(all, wire.Members{
		"v1/transaction": object, "v1/transactions": object, "v1/payment_intent": object, "v1/currencies": object, "v1/webhooks": object,
		"message": nil, "error": nil, "errors": nil,
	})
	return all
}()

// Redact returns a webhook's body with the members that may be stored, spelled as
// they came. It is read as before; the signature no longer matches, so it is
// verified first. A body that can't be read is nil.
func Redact(body []byte) []byte { return redaction.Of(body) }
