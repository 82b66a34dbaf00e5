package paystack

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/wire"
	"github.com/bookmi/cauri/internal/secret"
)

// SignatureHeader carries the hex HMAC-SHA512 of the raw body (Paystack docs,
// Webhooks).
const SignatureHeader = "x-paystack-signature"

// Secret is a key webhooks may be signed with. Paystack has no webhook secret:
// it is the API secret key, so during a rotation there are two.
type Secret = secret.Named

// WebhooksConfig says whose signatures count.
type WebhooksConfig struct {
	Secrets  []Secret
	Observer Observer
}

// Webhooks verifies and reads Paystack's notifications. Safe for concurrent use.
type Webhooks struct {
	observer Observer
	keys     wire.Keys
}

var _ engine.Webhooks = (*Webhooks)(nil)

// NewWebhooks checks the list of secrets. Its errors name no value.
func NewWebhooks(config WebhooksConfig) (*Webhooks, error) {
	w := &Webhooks{observer: config.Observer}
	return w, w.Replace(config.Secrets)
}

// Replace makes other signatures count, from the next webhook on. Its errors name no
// value, and leave the secrets as they were.
func (w *Webhooks) Replace(secrets []Secret) error {
	if err := w.Check(secrets); err != nil {
		return err
	}
	return w.keys.Replace(secrets, sha512.New, time.Now())
}

// Check says why Replace would refuse secrets, and changes nothing.
func (w *Webhooks) Check(secrets []Secret) error {
	for _, s := range secrets {
		if !strings.HasPrefix(s.Value.Reveal(), "sk_") {
			return fmt.Errorf("paystack webhooks: secret %q is no secret key: it begins with sk_", s.ID)
		}
		// A key of the test mode beside a live one would sign for money that is none.
		if isLive(s.Value) != isLive(secrets[0].Value) {
			return fmt.Errorf("paystack webhooks: secret %q is of another environment than the first", s.ID)
		}
	}
	if err := secret.CheckList(secrets, time.Now()); err != nil {
		return fmt.Errorf("paystack webhooks: %w", err)
	}
	return nil
}

// errSignature is the same for every reason: whoever forges learns nothing.
var errSignature = engine.Errorf(engine.Forbidden, engine.CodeSignatureWrong, "the signature does not match")

// Verify checks the signature over the raw body. Exactly one header counts,
// 128 hex digits of either case. It returns the id of the secret that matched,
// or a Forbidden error with CodeSignatureWrong.
func (w *Webhooks) Verify(signatures [][]byte, body []byte) (string, error) {
	if len(signatures) != 1 || len(signatures[0]) != hex.EncodedLen(sha512.Size) {
		return "", errSignature
	}
	var claimed, computed [sha512.Size]byte
	if _, err := hex.Decode(claimed[:], signatures[0]); err != nil {
		return "", errSignature
	}
	for k := range w.keys.Valid(time.Now()) {
		if hmac.Equal(claimed[:], k.Sum(computed[:0], body)) {
			return k.ID, nil
		}
	}
	return "", errSignature
}

// event is the frame of every notification (Paystack docs, Webhooks).
type event struct {
	Event wire.Text       `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// The kinds that are applied. Every other one is kept and answered with 200.
const (
	chargeSuccess    = "charge.success"
	chargeFailed     = "charge.failed" // not in the official list, but sent to some
	transferSuccess  = "transfer.success"
	transferFailed   = "transfer.failed"
	transferReversed = "transfer.reversed"

	refundPending    = "refund.pending"
	refundProcessing = "refund.processing"
	refundProcessed  = "refund.processed"
	refundFailed     = "refund.failed"
	refundAttention  = "refund.needs-attention"
)

// Parse translates a verified delivery. What is not ours to apply (another kind,
// another's reference, no JSON at all) is an Invalid error with
// CodeNotificationForeign beside a Notification that can be kept: it has its
// kind, its identity and the reason. Its Delivery has the digest for a signature,
// and the body without what nobody here may keep. That body is what is read, so
// that it is read the same again.
//
// What a signed notification says badly, a success with no amount, a kind its
// status contradicts, one amount and another, is Stale: no fact, but a reason to ask.
func (w *Webhooks) Parse(d engine.Delivery) (engine.Notification, error) {
	body, plainly := redaction.Read(d.Body)
	kept := engine.Delivery{Signature: digest(d.Signature), Body: body, ReceivedAt: d.ReceivedAt}
	if kept.Body == nil { // signed, and unreadable to us: its bytes are all there is to try again with
		kept.Body = d.Body
	}
	n, err := w.read(kept.Body, kept.Signature)
	if n.Delivery = kept; err == nil && !plainly {
		n.Stale = true
		w.observer.unknown("notification "+n.Kind, "a name twice, or in other letters")
	}
	return n, err
}

// digest is what the header's value spells: equal digests mean equal bytes,
// whatever the case of the letters. What is no spelling of one is kept as it is.
func digest(signature []byte) []byte {
	if decoded, err := hex.DecodeString(string(signature)); err == nil && len(decoded) == sha512.Size {
		return decoded
	}
	return signature
}

// read is given the signature to tell two bodies apart that have no name: what is
// kept of them may be the same.
func (w *Webhooks) read(body, signature []byte) (engine.Notification, error) {
	unnamed := about{fallback: slices.Concat(body, signature)}
	if err := wire.CheckShape(body); err != nil {
		return w.foreign(engine.Notification{}, unnamed, err.Error())
	}
	var e event
	if json.Unmarshal(body, &e) != nil || e.Event == "" {
		return w.foreign(engine.Notification{}, unnamed, "not a Paystack event")
	}
	n := engine.Notification{Gateway: engine.Paystack, Kind: wire.Name(string(e.Event))}
	switch e.Event {
	case chargeSuccess, chargeFailed:
		return w.charge(n, e.Data, unnamed)
	case transferSuccess, transferFailed, transferReversed:
		return w.transfer(n, e.Data, unnamed)
	case refundPending, refundProcessing, refundProcessed, refundFailed, refundAttention:
		return w.refund(n, e.Data, unnamed)
	}
	w.observer.unknown("event", string(e.Event))
	return w.foreign(n, aboutOther(e.Data, unnamed), "a kind that is not applied")
}

func (w *Webhooks) charge(n engine.Notification, data json.RawMessage, unnamed about) (engine.Notification, error) {
	var got transaction
	if json.Unmarshal(data, &got) != nil {
		return w.foreign(n, unnamed, "its data is no transaction")
	}
	subject := about{string(got.Reference), string(got.ID), string(got.Status), unnamed.fallback}
	reference, reason := ours(string(got.Reference), engine.ChargeReference)
	if reason != "" {
		return w.foreign(n, subject, reason)
	}
	var report engine.ChargeReport
	complete := got.figures(&report)
	switch {
	case n.Kind == chargeSuccess && got.Status == "success":
		report.Status = engine.ChargeSucceeded
		n.Stale = !complete
	case n.Kind == chargeFailed:
		report.Status, report.Code, report.Text = engine.ChargeFailed, reasonOf(got.why()), plain(got.why())
		n.Stale = true // undocumented: verify decides
	default:
		report.Status, n.Stale = engine.ChargePending, true
	}
	if n.Stale {
		w.observer.unknown("notification "+n.Kind, string(got.Status))
	}
	n.Reference, n.Charge, n.Identity = reference, &report, subject.identity(n.Kind)
	return n, nil
}

func (w *Webhooks) transfer(n engine.Notification, data json.RawMessage, unnamed about) (engine.Notification, error) {
	var got transfer
	if json.Unmarshal(data, &got) != nil {
		return w.foreign(n, unnamed, "its data is no transfer")
	}
	subject := about{string(got.Reference), string(got.Code), string(got.Status), unnamed.fallback}
	reference, reason := ours(string(got.Reference), engine.PayoutReference)
	if reason != "" {
		return w.foreign(n, subject, reason)
	}
	var report engine.PayoutReport
	complete := got.figures(&report)
	var known bool
	report.Status, report.Code, known = transferStatus(string(got.Status), got.why())
	report.Text = plain(got.why())
	if n.Stale = !complete || !known || n.Kind != "transfer."+string(got.Status); n.Stale {
		report.Status = engine.PayoutReportPending
		w.observer.unknown("notification "+n.Kind, string(got.Status))
	}
	n.Reference, n.Payout, n.Identity = reference, &report, subject.identity(n.Kind)
	return n, nil
}

// refundEvent is what a refund.* notification tells. Four of the five official
// samples carry neither the refund's id nor its note, so the charge is all that is
// named; the fifth, needs-attention, has both.
type refundEvent struct {
	ID                   wire.Label `json:"id"`
	TransactionReference wire.Text  `json:"transaction_reference"`
	Status               wire.Text  `json:"status"`
	Amount               integer    `json:"amount"`
	Currency             wire.Text  `json:"currency"`
	Domain               wire.Text  `json:"domain"`
	MerchantNote         wire.Text  `json:"merchant_note"`
}

func (w *Webhooks) refund(n engine.Notification, data json.RawMessage, unnamed about) (engine.Notification, error) {
	var got refundEvent
	if json.Unmarshal(data, &got) != nil {
		return w.foreign(n, unnamed, "its data is no refund")
	}
	subject := aboutOther(data, unnamed)
	reference, reason := ours(string(got.TransactionReference), engine.ChargeReference)
	if reason != "" {
		return w.foreign(n, subject, reason)
	}
	amount, inexact, ok := got.Amount.amount()
	status, known := refundStatus(string(got.Status))
	n.Refund = &engine.RefundReport{
		Status: status, Amount: amount, Inexact: inexact, Currency: money.Currency(got.Currency), Live: got.Domain == domainLive,
		Number: refundNumber(string(got.MerchantNote), reference.Transaction),
	}
	if n.Refund.Number != 0 {
		n.Refund.GatewayReference = string(got.ID) // of somebody else's refund it would only mislead
	}
	complete := ok && got.Currency != "" && (got.Domain == domainLive || got.Domain == domainTest)
	if n.Stale = !complete || !known || n.Kind != "refund."+string(got.Status); n.Stale {
		n.Refund.Status = engine.RefundReportPending
		w.observer.unknown("notification "+n.Kind, string(got.Status))
	}
	n.Reference, n.Identity = reference, subject.identity(n.Kind)
	return n, nil
}

// ours parses a reference of the kind wanted, or says why it is not ours.
func ours(s string, kind engine.ReferenceKind) (engine.Reference, string) {
	reference, err := engine.ParseReference(s)
	switch {
	case err != nil:
		return engine.Reference{}, "a reference that is not ours"
	case reference.Kind != kind:
		return engine.Reference{}, "a reference of ours to another kind of thing"
	}
	return reference, ""
}

// foreign completes a notification that is kept and not applied.
func (w *Webhooks) foreign(n engine.Notification, subject about, why string) (engine.Notification, error) {
	n.Gateway, n.Foreign, n.Identity = engine.Paystack, why, subject.identity(n.Kind)
	return n, engine.Errorf(engine.Invalid, engine.CodeNotificationForeign, "%s", why)
}

// about is what makes a notification the same as another one.
type about struct {
	reference string // ours, or whoever's
	id        string // Paystack's, when there is no reference
	status    string
	fallback  []byte // the body and its signature, when there is neither
}

func (a about) identity(kind string) engine.Identity {
	subject := a.reference
	if subject == "" {
		subject = a.id
	}
	if subject == "" {
		subject = "body:" + wire.Digest(a.fallback)
	}
	return engine.NewIdentity(engine.Paystack, kind, wire.Name(subject), wire.Name(a.status))
}

// other is what is read of an event of another kind: enough to tell two apart.
type other struct {
	ID                   wire.Label `json:"id"`
	Reference            wire.Text  `json:"reference"`
	TransactionReference wire.Text  `json:"transaction_reference"`
	RefundReference      wire.Text  `json:"refund_reference"`
	Amount               wire.Label `json:"amount"`
	MerchantNote         wire.Text  `json:"merchant_note"`
	Status               wire.Text  `json:"status"`
	Transaction          struct {
		Reference wire.Text `json:"reference"`
	} `json:"transaction"`
}

// aboutOther finds the subject of an event of another kind. Refunds carry no
// refund id in most samples, so their amount, refund reference and our number, when
// it is told, count too: two equal partial refunds must not become one.
func aboutOther(data json.RawMessage, unnamed about) about {
	var o other
	if json.Unmarshal(data, &o) != nil {
		return unnamed
	}
	subject := about{reference: string(o.Reference), id: string(o.ID), status: string(o.Status), fallback: unnamed.fallback}
	if o.TransactionReference != "" {
		parts := []string{string(o.TransactionReference), string(o.RefundReference), string(o.Amount)}
		if charge, err := engine.ParseReference(string(o.TransactionReference)); err == nil {
			if number := refundNumber(string(o.MerchantNote), charge.Transaction); number != 0 {
				parts = append(parts, "r"+strconv.Itoa(number))
			}
		}
		subject.reference = strings.Join(parts, ":")
	}
	if o.Transaction.Reference != "" && o.ID != "" {
		subject.reference = string(o.Transaction.Reference) + ":" + string(o.ID) // a dispute
	}
	return subject
}
