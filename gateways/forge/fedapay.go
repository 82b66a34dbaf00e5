package forge

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/internal/secret"
)

// Faults that only FedaPay's webhooks can have: their signatures are dated, and
// may be several in one header.
const (
	TooOld        Fault = "too_old"        // signed an hour before it is sent: true, and a replay for all we know
	TooNew        Fault = "too_new"        // signed an hour ahead
	Redated       Fault = "redated"        // another t than was signed
	NoTimestamp   Fault = "no_timestamp"   // no t
	WordTimestamp Fault = "word_timestamp" // a t that is no number
	ManyDigests   Fault = "many_digests"   // a wrong s before the right one: unusual, and still right
	OtherScheme   Fault = "other_scheme"   // a v1 behind it, which nobody here knows: still right
)

// FedaPayFaults lists those a FedaPay webhook can have. It has no domain of its
// own (its secret is one of test or live), and no subunits to be mistaken for
// francs.
var FedaPayFaults = []Fault{
	WrongAmount, ScaledTwice, FractionOfFranc, TextAmount, WrongCurrency, ForeignReference, UnknownKind, UnknownStatus,
	ExtraFields, NoAmount, NoCurrency, NoReference, NoStatus, NoData, NotJSON,
	BadSignature, NoSignature, TwoSignatures, UpperCase, Reencoded, TamperedAmount,
	TooOld, TooNew, Redated, NoTimestamp, WordTimestamp, ManyDigests, OtherScheme,
}

// FedaPays makes FedaPay's webhooks, signed with one endpoint's secret.
type FedaPays struct {
	key secret.Secret
	at  time.Time
}

// FedaPay makes webhooks as FedaPay signs them, at that moment, with the secret
// of the endpoint: wh_sandbox_… or wh_live_….
func FedaPay(key secret.Secret, at time.Time) FedaPays { return FedaPays{key: key, at: at} }

// FedaPayWebhook is a notification in the making. Its methods return a changed
// copy.
type FedaPayWebhook struct {
	key    secret.Secret
	at     time.Time
	name   string
	entity map[string]any
	faults []Fault
	copies int
}

// Created says that a transaction was made: our own doing, told back.
func (p FedaPays) Created(reference string, francs int64) FedaPayWebhook {
	return p.transaction("created", reference, francs).With("status", "pending").With("mode", nil)
}

// Approved says that a transaction was paid. Francs are whole, as on the wire.
func (p FedaPays) Approved(reference string, francs int64) FedaPayWebhook {
	fees := francs * 4 / 96 // the payer's, on top: a commission of 4 % of what is debited
	return p.transaction("approved", reference, francs).
		With("fees", fees).With("amount_debited", francs+fees).With("amount_transferred", francs).With("commission", "0.04")
}

// Transferred says, some days later, that its money was settled to us.
func (p FedaPays) Transferred(reference string, francs int64) FedaPayWebhook {
	w := p.Approved(reference, francs).With("status", "transferred")
	w.name = "transaction.transferred"
	return w
}

// Declined says that the payer refused or broke off.
func (p FedaPays) Declined(reference string, francs int64) FedaPayWebhook {
	return p.transaction("declined", reference, francs)
}

// Canceled says that there were no funds, or that something went wrong.
func (p FedaPays) Canceled(reference string, francs int64) FedaPayWebhook {
	return p.transaction("canceled", reference, francs)
}

// Refunded says that a person gave a payment back: an event of a name that is not
// documented, about a status that is.
func (p FedaPays) Refunded(reference string, francs int64) FedaPayWebhook {
	w := p.Approved(reference, francs).With("status", "refunded").With("refunded_at", "2026-11-25T09:00:00.000Z")
	w.name = "transaction.refunded"
	return w
}

func (p FedaPays) transaction(status, reference string, francs int64) FedaPayWebhook {
	return p.Event("transaction."+status, map[string]any{
		"klass": "v1/transaction", "id": 235879, "reference": "trx_fOg_1763805600047", "amount": francs, "status": status,
		"description": "booking-42", "callback_url": nil, "customer_id": 19359, "currency_id": 1, "mode": "mtn_ci", "operation": "payment",
		"metadata": map[string]any{"expire_schedule_jobid": "0b45fb8a381b456b041bd064"}, "custom_metadata": nil,
		"commission": nil, "fees": nil, "fixed_commission": nil, "amount_transferred": nil, "amount_debited": nil,
		"created_at": "2026-11-22T10:00:00.000Z", "updated_at": "2026-11-22T10:00:24.408Z", "deleted_at": nil,
		"last_error_code": "API_ERROR", "merchant_reference": reference, "account_id": 8202, "balance_id": 142431,
		"transaction_key": "1791327773760160",
		"currency":        map[string]any{"klass": "v1/currency", "id": 1, "name": "FCFA", "iso": "XOF", "code": 952, "div": 1},
		"customer": map[string]any{
			"klass": "v1/customer", "id": 19359, "firstname": "Awa", "lastname": "Kone", "full_name": "Awa Kone", "email": "awa.kone@example.com",
		},
		"payment_method": map[string]any{
			"klass": "v1/payment_method", "brand": "mtn", "country": "CI", "number": "2250500000000", "method": "phone",
		},
		"balance": map[string]any{"klass": "v1/balance", "id": 142431, "amount": 474000, "mode": "mtn_ci"}, "refunds": []any{},
	})
}

// Event is a webhook of any name, about the entity given.
func (p FedaPays) Event(name string, entity map[string]any) FedaPayWebhook {
	return FedaPayWebhook{key: p.key, at: p.at, name: name, entity: maps.Clone(entity), copies: 1}
}

// With sets a field of the entity.
func (w FedaPayWebhook) With(field string, value any) FedaPayWebhook {
	w.entity = maps.Clone(w.entity)
	w.entity[field] = value
	return w
}

// Without leaves a field of the entity out.
func (w FedaPayWebhook) Without(field string) FedaPayWebhook {
	w.entity = maps.Clone(w.entity)
	delete(w.entity, field)
	return w
}

// Fault makes something wrong with it. Several may be.
func (w FedaPayWebhook) Fault(faults ...Fault) FedaPayWebhook {
	w.faults = append(slices.Clone(w.faults), faults...)
	return w
}

// SignedWith takes another secret: an old one, or somebody else's.
func (w FedaPayWebhook) SignedWith(key secret.Secret) FedaPayWebhook {
	w.key = key
	return w
}

// Times has it delivered so often, byte for byte the same.
func (w FedaPayWebhook) Times(copies int) FedaPayWebhook {
	w.copies = copies
	return w
}

// Deliveries are all copies.
func (w FedaPayWebhook) Deliveries() []Delivery {
	return slices.Repeat([]Delivery{w.Delivery()}, w.copies)
}

// astray is how far a wrong t is off: well beyond FedaPay's 300 s.
const astray = time.Hour

// Delivery is one copy. Making it again makes the same bytes.
func (w FedaPayWebhook) Delivery() Delivery {
	for _, fault := range w.faults {
		w = w.contents(fault)
	}
	frame := map[string]any{
		"name": w.name, "object": strings.Split(w.name, ".")[0], "entity": w.entity,
		"account": map[string]any{
			"klass": "v1/account", "id": 8202, "users": []any{map[string]any{"email": "owner@example.com"}},
			"balances": []any{map[string]any{"id": 142431, "amount": 474000}},
		},
	}
	if slices.Contains(w.faults, NoData) {
		delete(frame, "entity")
	}
	body, err := json.Marshal(frame)
	if err != nil {
		panic("forge: a webhook that is not JSON: " + err.Error()) // With was given a channel or a func
	}
	if slices.Contains(w.faults, NotJSON) {
		body = body[:len(body)-1]
	}
	at := strconv.FormatInt(w.at.Unix(), 10)
	d := Delivery{Header: "X-FEDAPAY-SIGNATURE", Body: body}
	d.Signatures = []string{"t=" + at + ",s=" + SignFedaPay(w.key, at, body)}
	for _, fault := range w.faults {
		w.tamper(fault, &d, at)
	}
	return d
}

// SignFedaPay is lower-case hex of HMAC-SHA256 over t, a dot and the raw body
// (FedaPay SDKs, WebhookSignature).
func SignFedaPay(key secret.Secret, t string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// contents makes a fault of what is said, or of when.
func (w FedaPayWebhook) contents(fault Fault) FedaPayWebhook {
	amount, _ := w.entity["amount"].(int64)
	switch fault {
	case WrongAmount:
		return w.With("amount", amount+1)
	case ScaledTwice:
		return w.With("amount", amount*100)
	case FractionOfFranc:
		return w.With("amount", json.Number(strconv.FormatInt(amount, 10)+".5"))
	case TextAmount:
		return w.With("amount", strconv.FormatInt(amount, 10))
	case WrongCurrency:
		return w.With("currency", map[string]any{"id": 2, "iso": "GNF"}).With("currency_id", 2)
	case ForeignReference:
		return w.With("merchant_reference", "ORD-2026-000123")
	case UnknownKind:
		w.name = "subscription.renewed"
		return w
	case UnknownStatus:
		return w.With("status", "translucent")
	case ExtraFields:
		return w.With("unheard_of", map[string]any{"of": []any{1, "x", nil}})
	case NoAmount, NoStatus:
		return w.Without(strings.TrimPrefix(string(fault), "no_"))
	case NoCurrency:
		return w.Without("currency")
	case NoReference:
		return w.With("merchant_reference", nil)
	case TooOld:
		w.at = w.at.Add(-astray)
		return w
	case TooNew:
		w.at = w.at.Add(astray)
		return w
	case NoData, NotJSON, BadSignature, NoSignature, TwoSignatures, UpperCase, Reencoded, TamperedAmount,
		Redated, NoTimestamp, WordTimestamp, ManyDigests, OtherScheme:
		return w // elsewhere
	case Unscaled, WrongDomain, NoDomain:
	}
	panic(fmt.Sprintf("forge: FedaPay's webhooks have no fault %q", fault))
}

// tamper makes a fault of the signature, or of the bytes it was made of.
func (w FedaPayWebhook) tamper(fault Fault, d *Delivery, at string) {
	digest := SignFedaPay(w.key, at, d.Body)
	switch fault {
	case BadSignature:
		d.Signatures[0] = "t=" + at + ",s=" + flipped(digest)
	case NoSignature:
		d.Signatures = nil
	case TwoSignatures:
		d.Signatures = append(d.Signatures, "t="+at+",s="+flipped(digest))
	case UpperCase:
		d.Signatures[0] = "t=" + at + ",s=" + strings.ToUpper(digest)
	case Reencoded:
		var out bytes.Buffer
		if json.Indent(&out, d.Body, "", "  ") == nil {
			d.Body = out.Bytes()
		}
	case TamperedAmount:
		was, is := fmt.Sprintf(`"amount":%v,"amount_`, w.entity["amount"]), fmt.Sprintf(`"amount":%v0,"amount_`, w.entity["amount"])
		d.Body = bytes.Replace(d.Body, []byte(was), []byte(is), 1)
	case Redated:
		d.Signatures[0] = "t=" + strconv.FormatInt(w.at.Add(time.Second).Unix(), 10) + ",s=" + digest
	case NoTimestamp:
		d.Signatures[0] = "s=" + digest
	case WordTimestamp:
		d.Signatures[0] = "t=now,s=" + SignFedaPay(w.key, "now", d.Body)
	case ManyDigests:
		d.Signatures[0] = "t=" + at + ",s=" + flipped(digest) + ",s=" + digest
	case OtherScheme:
		d.Signatures[0] = "t=" + at + ",s=" + digest + ",v1=bad_signature"
	case WrongAmount, Unscaled, ScaledTwice, FractionOfFranc, TextAmount, WrongCurrency, WrongDomain, ForeignReference,
		UnknownKind, UnknownStatus, ExtraFields, NoAmount, NoCurrency, NoDomain, NoReference, NoStatus, NoData, NotJSON, TooOld, TooNew:
	}
}
