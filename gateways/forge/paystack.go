package forge

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bookmi/cauri/internal/secret"
)

// Paystacks makes Paystack's webhooks, signed with one key.
type Paystacks struct {
	key    secret.Secret
	domain string
}

// Paystack makes webhooks as Paystack signs them: with the API secret key, whose
// prefix also says whether they speak of live money (Paystack docs, Webhooks).
func Paystack(key secret.Secret) Paystacks {
	domain := "test"
	if strings.HasPrefix(key.Reveal(), "sk_live_") {
		domain = "live"
	}
	return Paystacks{key: key, domain: domain}
}

// Webhook is a notification in the making. Its methods return a changed copy.
type Webhook struct {
	key    secret.Secret
	event  string
	data   map[string]any
	faults []Fault
	copies int
}

// ChargeSuccess says that a charge was captured. Subunits are francs × 100.
func (p Paystacks) ChargeSuccess(reference string, subunits int64) Webhook {
	return p.event("charge.success", map[string]any{
		"id": 302961, "status": "success", "reference": reference, "amount": subunits,
		"message": "madePayment", "gateway_response": "Approved", "channel": "mobile_money",
		"paid_at": "2026-11-22T10:00:30.000Z", "created_at": "2026-11-22T10:00:00.000Z", "paidAt": "2026-11-22T10:00:30.000Z",
		"fees": subunits * 195 / 10_000, "fees_split": nil, "log": nil, "metadata": "", "ip_address": "196.0.2.1",
		"authorization": map[string]any{"channel": "mobile_money", "country_code": "CI", "exp_month": "12", "exp_year": "9999"},
		"customer":      map[string]any{"id": 16678, "email": "customer@example.com", "phone": "", "metadata": nil},
		"plan":          map[string]any{}, "subaccount": map[string]any{}, "subaccount_group": map[string]any{},
	})
}

// CardSuccess says that a charge was captured from a card: with what Paystack tells
// about the card and its owner, which nobody may keep.
func (p Paystacks) CardSuccess(reference string, subunits int64) Webhook {
	return p.ChargeSuccess(reference, subunits).
		With("channel", "card").With("message", nil).With("gateway_response", "Approved by Financial Institution").
		With("fees", subunits*320/10_000).
		With("authorization", map[string]any{
			"authorization_code": "AUTH_f5rnfq9p", "bin": "408408", "last4": "4081", "exp_month": "08", "exp_year": "2030",
			"card_type": "visa DEBIT", "bank": "TEST BANK", "country_code": "CI", "brand": "visa", "account_name": "Awa Kouassi",
		}).
		With("log", map[string]any{"time_spent": 16, "attempts": 1, "authentication": "pin", "history": []any{
			map[string]any{"type": "input", "message": "Filled these fields: card number, card expiry, card cvv", "time": 15},
		}})
}

// ChargeFailed says that a charge failed: a kind Paystack does not document and
// some receive all the same.
func (p Paystacks) ChargeFailed(reference string, subunits int64, message string) Webhook {
	w := p.ChargeSuccess(reference, subunits)
	w.event = "charge.failed"
	return w.With("status", "failed").With("message", message).With("paid_at", nil).With("fees", nil)
}

// TransferSuccess says that a payout was made.
func (p Paystacks) TransferSuccess(reference string, subunits int64) Webhook {
	return p.transfer("success", reference, subunits)
}

// TransferFailed says that a payout was not made.
func (p Paystacks) TransferFailed(reference string, subunits int64) Webhook {
	return p.transfer("failed", reference, subunits)
}

// TransferReversed says that a payout came back.
func (p Paystacks) TransferReversed(reference string, subunits int64) Webhook {
	return p.transfer("reversed", reference, subunits)
}

func (p Paystacks) transfer(status, reference string, subunits int64) Webhook {
	return p.event("transfer."+status, map[string]any{
		"id": 860703114, "status": status, "reference": reference, "amount": subunits, "transfer_code": "TRF_forged0001",
		"failures": nil, "gateway_response": nil, "fee_charged": 0, "reason": "", "source": "balance",
		"source_details": nil, "titan_code": nil, "transferred_at": nil,
		"integration": map[string]any{"id": 463433, "is_live": true, "business_name": "Forge"},
		"recipient": map[string]any{
			"id": 56824902, "recipient_code": "RCP_forged0001", "type": "mobile_money", "currency": "XOF", "name": "Awa Kouassi",
			"details": map[string]any{"account_number": "0700000000", "bank_code": "ORANGE_CI"},
		},
		"session":   map[string]any{"provider": nil, "id": nil},
		"createdAt": "2026-11-22T10:00:00.000Z", "updatedAt": "2026-11-22T10:00:30.000Z",
	})
}

// Refund says where the giving back of a charge stands: pending, processing,
// processed, failed, or needs-attention, which alone has the refund's id and notes.
// The amount is a string in the first ones, a number in the others, as the samples
// have it. The reference is the charge's.
func (p Paystacks) Refund(status, reference string, subunits int64) Webhook {
	data := map[string]any{
		"status": status, "transaction_reference": reference, "refund_reference": nil, "amount": strconv.FormatInt(subunits, 10),
		"processor": "mpgs_zen", "integration": 463433,
		"customer": map[string]any{"first_name": "Awa", "last_name": "Kouassi", "email": "customer@example.com"},
	}
	switch status {
	case "processed":
		data["refund_reference"] = "132013318360"
	case "failed":
		data["refund_reference"], data["amount"] = "TRF_7jn17u9vkqm91efk", subunits
	case "needs-attention":
		data["refund_reference"], data["amount"], data["id"] = "TRF_7jn17u9vkqm91efk", subunits, "123456"
		data["customer_note"] = "Refund for transaction " + reference
		data["merchant_note"] = "Refund for transaction " + reference + " by customer@example.com"
		delete(data, "processor")
	}
	return p.event("refund."+status, data)
}

// Event is a webhook of any kind, with the data given.
func (p Paystacks) Event(kind string, data map[string]any) Webhook { return p.event(kind, data) }

func (p Paystacks) event(kind string, data map[string]any) Webhook {
	data = maps.Clone(data)
	for field, usual := range map[string]any{"currency": "XOF", "domain": p.domain} {
		if _, given := data[field]; !given {
			data[field] = usual
		}
	}
	return Webhook{key: p.key, event: kind, data: data, copies: 1}
}

// With sets a field of the data.
func (w Webhook) With(field string, value any) Webhook {
	w.data = maps.Clone(w.data)
	w.data[field] = value
	return w
}

// Without leaves a field of the data out.
func (w Webhook) Without(field string) Webhook {
	w.data = maps.Clone(w.data)
	delete(w.data, field)
	return w
}

// Fault makes something wrong with it. Several may be.
func (w Webhook) Fault(faults ...Fault) Webhook {
	w.faults = append(slices.Clone(w.faults), faults...)
	return w
}

// SignedWith takes another key: an old one, or somebody else's.
func (w Webhook) SignedWith(key secret.Secret) Webhook {
	w.key = key
	return w
}

// Times has it delivered so often, byte for byte the same.
func (w Webhook) Times(copies int) Webhook {
	w.copies = copies
	return w
}

// Deliveries are all copies.
func (w Webhook) Deliveries() []Delivery { return slices.Repeat([]Delivery{w.Delivery()}, w.copies) }

// Delivery is one copy. Making it again makes the same bytes.
func (w Webhook) Delivery() Delivery {
	for _, fault := range w.faults {
		w = w.contents(fault)
	}
	frame := map[string]any{"event": w.event, "data": w.data}
	if slices.Contains(w.faults, NoData) {
		delete(frame, "data")
	}
	body, err := json.Marshal(frame)
	if err != nil {
		panic("forge: a webhook that is not JSON: " + err.Error()) // With was given a channel or a func
	}
	if slices.Contains(w.faults, NotJSON) {
		body = body[:len(body)-1]
	}
	d := Delivery{Header: "x-paystack-signature", Signatures: []string{Sign(w.key, body)}, Body: body}
	for _, fault := range w.faults {
		d.tamper(fault, w)
	}
	return d
}

// Sign is lower-case hex of HMAC-SHA512 over the raw body, as Paystack signs
// (Paystack docs, Webhooks).
func Sign(key secret.Secret, body []byte) string {
	mac := hmac.New(sha512.New, []byte(key.Reveal()))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// contents makes a fault of what is said.
func (w Webhook) contents(fault Fault) Webhook {
	const franc = 100 // subunits
	amount := w.subunits()
	switch fault {
	case WrongAmount:
		return w.With("amount", amount+franc)
	case Unscaled:
		return w.With("amount", amount/franc)
	case ScaledTwice:
		return w.With("amount", amount*franc)
	case FractionOfFranc:
		return w.With("amount", amount+1)
	case TextAmount:
		if _, isText := w.data["amount"].(string); isText { // a refund's is one anyway
			return w.With("amount", amount)
		}
		return w.With("amount", strconv.FormatInt(amount, 10))
	case WrongCurrency:
		return w.With("currency", "NGN")
	case WrongDomain:
		if w.data["domain"] == "live" {
			return w.With("domain", "test")
		}
		return w.With("domain", "live")
	case ForeignReference:
		return w.With(w.referenceField(), "ord-0f8fad5b-d9cb-469f-a165-70867728950e")
	case UnknownKind:
		w.event = "subscription.not_renew"
		return w
	case UnknownStatus:
		return w.With("status", "translucent")
	case ExtraFields:
		return w.With("unheard_of", map[string]any{"of": []any{1, "x", nil}})
	case NoReference:
		return w.Without(w.referenceField())
	case NoAmount, NoCurrency, NoDomain, NoStatus:
		return w.Without(strings.TrimPrefix(string(fault), "no_"))
	case NoData, NotJSON, BadSignature, NoSignature, TwoSignatures, UpperCase, Reencoded, TamperedAmount:
		return w // elsewhere
	}
	panic(fmt.Sprintf("forge: no fault %q", fault))
}

// subunits is the amount, whether it is a number or a refund's digits.
func (w Webhook) subunits() int64 {
	if digits, isText := w.data["amount"].(string); isText {
		amount, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return 0
		}
		return amount
	}
	amount, _ := w.data["amount"].(int64)
	return amount
}

// referenceField is where the name of the charge, or the transfer, stands.
func (w Webhook) referenceField() string {
	if _, ofRefund := w.data["transaction_reference"]; ofRefund {
		return "transaction_reference"
	}
	return "reference"
}

// tamper makes a fault of the signature, or of the bytes it was made of.
func (d *Delivery) tamper(fault Fault, w Webhook) {
	switch fault {
	case BadSignature:
		d.Signatures[0] = flipped(d.Signatures[0])
	case NoSignature:
		d.Signatures = nil
	case TwoSignatures:
		d.Signatures = append(d.Signatures, flipped(d.Signatures[0]))
	case UpperCase:
		for i, s := range d.Signatures {
			d.Signatures[i] = strings.ToUpper(s)
		}
	case Reencoded:
		var out bytes.Buffer
		if json.Indent(&out, d.Body, "", "  ") == nil {
			d.Body = out.Bytes()
		}
	case TamperedAmount:
		digits := strconv.FormatInt(w.subunits(), 10)
		for _, quote := range []string{"", `"`} {
			d.Body = bytes.Replace(d.Body, []byte(`"amount":`+quote+digits), []byte(`"amount":`+quote+digits+"0"), 1)
		}
	case WrongAmount, Unscaled, ScaledTwice, FractionOfFranc, TextAmount, WrongCurrency, WrongDomain, ForeignReference,
		UnknownKind, UnknownStatus, ExtraFields, NoAmount, NoCurrency, NoDomain, NoReference, NoStatus, NoData, NotJSON:
	}
}

// flipped changes one bit of a hex signature.
func flipped(signature string) string {
	raw, err := hex.DecodeString(signature)
	if err != nil || len(raw) == 0 {
		return signature
	}
	raw[0] ^= 1
	return hex.EncodeToString(raw)
}
