package paystack

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/secret"
)

// SignatureHeader carries the hex HMAC-SHA512 of the raw body (Paystack docs,
// Webhooks).
const SignatureHeader = "x-paystack-signature"

// Secret is a key webhooks may be signed with. Paystack has no webhook secret:
// it is the API secret key, so during a rotation there are two.
type Secret struct {
	ID    string // for metrics: which one matched
	Value secret.Secret
}

// WebhooksConfig says whose signatures count. The list is those valid now: a
// rotation makes another Webhooks.
type WebhooksConfig struct {
	Secrets  []Secret
	Observer Observer
}

const (
	// Two rotations overlapping are four keys; each costs a hash on a forgery.
	secretsMax = 8
	// A webhook is under 8 KiB in every sample; 64 leaves room and bounds a flood.
	webhookBytesMax = 64 << 10
	// The deepest sample has five levels.
	webhookDepthMax = 16
	// What is kept of a word of theirs in an identity. The longest we make of them
	// is a refund's: two references of at most 50 and an amount are under 120.
	nameBytesMax = 120
)

// Webhooks verifies and reads Paystack's notifications. Safe for concurrent use.
type Webhooks struct {
	observer Observer
	keys     []key
}

// key is a secret ready to verify: its hashes are pooled, because keying one
// costs two blocks and an allocation.
type key struct {
	id   string
	macs *sync.Pool
}

var _ engine.Webhooks = (*Webhooks)(nil)

// NewWebhooks checks the list of secrets. Its errors name no value.
func NewWebhooks(config WebhooksConfig) (*Webhooks, error) {
	if len(config.Secrets) == 0 || len(config.Secrets) > secretsMax {
		return nil, fmt.Errorf("paystack webhooks: %d secrets: from 1 to %d", len(config.Secrets), secretsMax)
	}
	w := &Webhooks{observer: config.Observer}
	seen := map[string]bool{}
	for _, s := range config.Secrets {
		switch {
		case s.ID == "" || seen[s.ID]:
			return nil, fmt.Errorf("paystack webhooks: each secret has an id of its own, %q is not", s.ID)
		case !strings.HasPrefix(s.Value.Reveal(), "sk_"):
			return nil, fmt.Errorf("paystack webhooks: secret %q is no secret key: it begins with sk_", s.ID)
		}
		seen[s.ID] = true
		w.keys = append(w.keys, key{s.ID, &sync.Pool{New: func() any {
			return hmac.New(sha512.New, []byte(s.Value.Reveal()))
		}}})
	}
	return w, nil
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
	for _, k := range w.keys {
		mac, _ := k.macs.Get().(hash.Hash) // the pool holds nothing else
		mac.Reset()
		mac.Write(body)
		sum := mac.Sum(computed[:0])
		k.macs.Put(mac)
		if hmac.Equal(claimed[:], sum) {
			return k.id, nil
		}
	}
	return "", errSignature
}

// event is the frame of every notification (Paystack docs, Webhooks).
type event struct {
	Event text            `json:"event"`
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
// and the body without what nobody here may keep: see Redact.
//
// What a signed notification says badly, a success with no amount, a kind its
// status contradicts, is Stale: no fact, but a reason to ask.
func (w *Webhooks) Parse(d engine.Delivery) (engine.Notification, error) {
	n, err := w.read(d.Body)
	n.Delivery = engine.Delivery{Signature: digest(d.Signature), Body: Redact(d.Body), ReceivedAt: d.ReceivedAt}
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

func (w *Webhooks) read(body []byte) (engine.Notification, error) {
	var e event
	if err := checkShape(body); err != nil {
		return w.foreign(engine.Notification{}, about{fallback: body}, err.Error())
	}
	if json.Unmarshal(body, &e) != nil || e.Event == "" {
		return w.foreign(engine.Notification{}, about{fallback: body}, "not a Paystack event")
	}
	n := engine.Notification{Gateway: engine.Paystack, Kind: name(string(e.Event))}
	switch e.Event {
	case chargeSuccess, chargeFailed:
		return w.charge(n, e.Data, body)
	case transferSuccess, transferFailed, transferReversed:
		return w.transfer(n, e.Data, body)
	case refundPending, refundProcessing, refundProcessed, refundFailed, refundAttention:
		return w.refund(n, e.Data, body)
	}
	w.observer.unknown("event", string(e.Event))
	return w.foreign(n, aboutOther(e.Data, body), "a kind that is not applied")
}

func (w *Webhooks) charge(n engine.Notification, data json.RawMessage, body []byte) (engine.Notification, error) {
	var got transaction
	if json.Unmarshal(data, &got) != nil {
		return w.foreign(n, about{fallback: body}, "its data is no transaction")
	}
	subject := about{string(got.Reference), string(got.ID), string(got.Status), body}
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

func (w *Webhooks) transfer(n engine.Notification, data json.RawMessage, body []byte) (engine.Notification, error) {
	var got transfer
	if json.Unmarshal(data, &got) != nil {
		return w.foreign(n, about{fallback: body}, "its data is no transfer")
	}
	subject := about{string(got.Reference), string(got.Code), string(got.Status), body}
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
// samples carry no refund id, so the charge is all that is named.
type refundEvent struct {
	TransactionReference text    `json:"transaction_reference"`
	Status               text    `json:"status"`
	Amount               integer `json:"amount"`
	Currency             text    `json:"currency"`
	Domain               text    `json:"domain"`
}

func (w *Webhooks) refund(n engine.Notification, data json.RawMessage, body []byte) (engine.Notification, error) {
	var got refundEvent
	if json.Unmarshal(data, &got) != nil {
		return w.foreign(n, about{fallback: body}, "its data is no refund")
	}
	subject := aboutOther(data, body)
	reference, reason := ours(string(got.TransactionReference), engine.ChargeReference)
	if reason != "" {
		return w.foreign(n, subject, reason)
	}
	amount, inexact, ok := got.Amount.amount()
	status, known := refundStatus(string(got.Status))
	n.Refund = &engine.RefundReport{
		Status: status, Amount: amount, Inexact: inexact, Currency: money.Currency(got.Currency), Live: got.Domain == domainLive,
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
	fallback  []byte // the body, when there is neither
}

func (a about) identity(kind string) engine.Identity {
	subject := a.reference
	if subject == "" {
		subject = a.id
	}
	if subject == "" {
		sum := sha256.Sum256(a.fallback)
		subject = "body:" + hex.EncodeToString(sum[:])
	}
	return engine.NewIdentity(engine.Paystack, kind, name(subject), name(a.status))
}

// other is what is read of an event of another kind: enough to tell two apart.
type other struct {
	ID                   label `json:"id"`
	Reference            text  `json:"reference"`
	TransactionReference text  `json:"transaction_reference"`
	RefundReference      text  `json:"refund_reference"`
	Amount               label `json:"amount"`
	Status               text  `json:"status"`
	Transaction          struct {
		Reference text `json:"reference"`
	} `json:"transaction"`
}

// aboutOther finds the subject of an event of another kind. Refunds carry no
// refund id in most samples, so their amount and refund reference count too:
// two equal partial refunds must not become one.
func aboutOther(data json.RawMessage, body []byte) about {
	var o other
	if json.Unmarshal(data, &o) != nil {
		return about{fallback: body}
	}
	subject := about{reference: string(o.Reference), id: string(o.ID), status: string(o.Status), fallback: body}
	if o.TransactionReference != "" {
		subject.reference = strings.Join([]string{string(o.TransactionReference), string(o.RefundReference), string(o.Amount)}, ":")
	}
	if o.Transaction.Reference != "" && o.ID != "" {
		subject.reference = string(o.Transaction.Reference) + ":" + string(o.ID) // a dispute
	}
	return subject
}

// name bounds a word of Paystack's that becomes part of a key: one that is long
// or has an unusual character is replaced by its hash, so that two different
// words never become the same key.
func name(s string) string {
	usual := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._:=-", r)
	}) < 0
	if usual && len(s) <= nameBytesMax {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

var (
	errTooLong  = errors.New("longer than any webhook")
	errTooDeep  = errors.New("nested deeper than any webhook")
	errNotUTF8  = errors.New("not UTF-8")
	errNotABody = errors.New("no JSON object")
)

// checkShape refuses what decoding should not be tried on: too long, too deep,
// not UTF-8. Whether it is JSON the decoder says.
func checkShape(body []byte) error {
	switch {
	case len(body) > webhookBytesMax:
		return errTooLong
	case len(body) == 0 || body[0] != '{':
		return errNotABody
	case !utf8.Valid(body):
		return errNotUTF8
	}
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > webhookDepthMax {
				return errTooDeep
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
