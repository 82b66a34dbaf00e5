package fedapay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/secret"
)

// Secret is what one webhook endpoint of ours is signed with: wh_sandbox_… or
// wh_live_…. Two endpoints, or a rotation, are two secrets.
type Secret struct {
	ID    string // for metrics: which one matched
	Value secret.Secret
}

// WebhooksConfig says whose signatures count. The list is those valid now: a
// rotation makes another Webhooks. All are of one environment, because nothing
// else on FedaPay's wire says whether it speaks of live money.
type WebhooksConfig struct {
	Secrets   []Secret
	Tolerance time.Duration // how far t may be from when it came, both ways; default 300 s
	Observer  Observer
}

const (
	toleranceDefault = 300 * time.Second // FedaPay SDKs, WebhookSignature
	// Two rotations overlapping are four secrets; each costs a hash on a forgery.
	secretsMax = 8
	// A webhook is under 8 KiB in every sample; 64 leaves room and bounds a flood.
	webhookBytesMax = 64 << 10
	// The deepest sample has five levels.
	webhookDepthMax = 16
	// What is kept of a word of theirs in an identity. The longest we make of them
	// is a reference and a time, under 120.
	nameBytesMax = 120
)

// Webhooks verifies and reads FedaPay's notifications. Safe for concurrent use.
type Webhooks struct {
	observer  Observer
	tolerance time.Duration
	live      bool
	keys      []key
}

// key is a secret ready to verify: its hashes are pooled, because keying one
// costs two blocks and an allocation.
type key struct {
	id   string
	macs *sync.Pool
}

var _ engine.Webhooks = (*Webhooks)(nil)

const (
	liveSecret    = "wh_live_"
	sandboxSecret = "wh_sandbox_"
)

// NewWebhooks checks the list of secrets. Its errors name no value.
func NewWebhooks(config WebhooksConfig) (*Webhooks, error) {
	if len(config.Secrets) == 0 || len(config.Secrets) > secretsMax {
		return nil, fmt.Errorf("fedapay webhooks: %d secrets: from 1 to %d", len(config.Secrets), secretsMax)
	}
	if config.Tolerance < 0 {
		return nil, errors.New("fedapay webhooks: the tolerance is above zero")
	}
	w := &Webhooks{observer: config.Observer, tolerance: config.Tolerance}
	if w.tolerance == 0 {
		w.tolerance = toleranceDefault
	}
	w.live = strings.HasPrefix(config.Secrets[0].Value.Reveal(), liveSecret)
	seen := map[string]bool{}
	for _, s := range config.Secrets {
		live := strings.HasPrefix(s.Value.Reveal(), liveSecret)
		switch {
		case s.ID == "" || seen[s.ID]:
			return nil, fmt.Errorf("fedapay webhooks: each secret has an id of its own, %q is not", s.ID)
		case !live && !strings.HasPrefix(s.Value.Reveal(), sandboxSecret):
			return nil, fmt.Errorf("fedapay webhooks: secret %q begins neither with %s nor with %s", s.ID, sandboxSecret, liveSecret)
		case live != w.live:
			return nil, fmt.Errorf("fedapay webhooks: secret %q is of another environment than the first", s.ID)
		}
		seen[s.ID] = true
		w.keys = append(w.keys, key{s.ID, &sync.Pool{New: func() any {
			return hmac.New(sha256.New, []byte(s.Value.Reveal()))
		}}})
	}
	return w, nil
}

// errSignature is the same for every reason: whoever forges learns nothing.
var errSignature = engine.Errorf(engine.Forbidden, engine.CodeSignatureWrong, "the signature does not match")

// Verify checks the signature over "t.body". Exactly one header counts; any of
// its s may match, under any secret. It returns the id of the secret that did,
// or a Forbidden error with CodeSignatureWrong. How old t is does not matter
// here: see Parse.
func (w *Webhooks) Verify(signatures [][]byte, body []byte) (string, error) {
	if len(signatures) != 1 {
		return "", errSignature
	}
	claimed, ok := parseSignature(signatures[0])
	if !ok {
		return "", errSignature
	}
	var computed [sha256.Size]byte
	for _, k := range w.keys {
		mac, _ := k.macs.Get().(hash.Hash) // the pool holds nothing else
		mac.Reset()
		mac.Write(claimed.stamp)
		mac.Write([]byte{'.'})
		mac.Write(body)
		sum := mac.Sum(computed[:0])
		k.macs.Put(mac)
		for i := range claimed.claimed {
			if hmac.Equal(claimed.digests[i][:], sum) {
				return k.id, nil
			}
		}
	}
	return "", errSignature
}

// Parse translates a verified delivery: its Signature is the header's
// value as it came, its ReceivedAt when. One whose t lies further from that than
// the tolerance, before or after, is Stale: a hint to inquire, never a fact, and
// never an error, because FedaPay dates each retry anew and a true one may come
// late through our own queue (money-safety, §1.3). The same delivery kept and
// read again is as stale as it was.
//
// What is not ours to apply (another kind, another's reference, no JSON at all)
// is an Invalid error with CodeNotificationForeign beside a Notification that can
// be kept: it has its kind, its identity and the reason. The notification carries
// the delivery without what may not be kept: Redact.
func (w *Webhooks) Parse(d engine.Delivery) (engine.Notification, error) {
	n, err := w.read(d.Body)
	n.Delivery = engine.Delivery{Signature: d.Signature, Body: Redact(d.Body), ReceivedAt: d.ReceivedAt}
	signed, ok := parseSignature(d.Signature)
	age := d.ReceivedAt.Sub(signed.at)
	if err == nil && (!ok || age > w.tolerance || age < -w.tolerance) {
		n.Stale = n.Stale || !tellsNothing(n)
	}
	return n, err
}

// event is the frame of every notification. It has no id of its own.
type event struct {
	Name   text            `json:"name"`
	Entity json.RawMessage `json:"entity"`
}

// What FedaPay tells about a transaction. Facts are the first four; the others
// are undocumented, or say nothing by themselves, so they only make us ask.
const (
	transactionApproved    = "transaction.approved"
	transactionTransferred = "transaction.transferred"
	transactionDeclined    = "transaction.declined"
	transactionCanceled    = "transaction.canceled"

	transactionCreated  = "transaction.created"
	transactionUpdated  = "transaction.updated"
	transactionExpired  = "transaction.expired"
	transactionRefunded = "transaction.refunded"
	transactionDeleted  = "transaction.deleted"
)

// nothingNew is the report of a notification about our own doing: a transaction
// was created. It is one of ours and applied like any other, to no effect: a
// "pending" here would make of an attempt that is still being sent one that waits
// for its payer, and hide the refusal that follows.
const nothingNew = engine.ChargeHeard

func tellsNothing(n engine.Notification) bool {
	return n.Charge != nil && n.Charge.Status == nothingNew
}

func (w *Webhooks) read(body []byte) (engine.Notification, error) {
	var e event
	if err := checkShape(body); err != nil {
		return w.foreign(engine.Notification{}, about{fallback: body}, err.Error())
	}
	if json.Unmarshal(body, &e) != nil || e.Name == "" {
		return w.foreign(engine.Notification{}, about{fallback: body}, "not a FedaPay event")
	}
	n := engine.Notification{Gateway: engine.FedaPay, Kind: name(string(e.Name))}
	var got transaction
	if json.Unmarshal(e.Entity, &got) != nil {
		return w.foreign(n, about{fallback: body}, "its entity is no object")
	}
	switch e.Name {
	case transactionApproved, transactionTransferred, transactionDeclined, transactionCanceled, transactionCreated,
		transactionUpdated, transactionExpired, transactionRefunded, transactionDeleted:
		return w.charge(n, got, body)
	}
	w.observer.unknown("event", string(e.Name))
	return w.foreign(n, aboutForeign(got, body), "a kind that is not applied")
}

func (w *Webhooks) charge(n engine.Notification, got transaction, body []byte) (engine.Notification, error) {
	reference, err := engine.ParseReference(string(got.MerchantReference))
	switch {
	case err != nil:
		return w.foreign(n, aboutForeign(got, body), "a reference that is not ours")
	case reference.Kind != engine.ChargeReference:
		return w.foreign(n, aboutForeign(got, body), "a reference of ours to another kind of thing")
	}
	report := engine.ChargeReport{Live: w.live}
	complete := got.figures(&report)
	known := translate(got, &report)
	switch {
	case n.Kind == transactionCreated && got.untouched(), n.Kind == transactionUpdated && got.untouched():
		report = engine.ChargeReport{Status: nothingNew, Live: w.live}
	case n.Kind == "transaction."+string(got.Status) && complete && known:
		n.Stale = n.Kind == transactionExpired || n.Kind == transactionRefunded // undocumented: an inquiry decides
	default:
		n.Stale = true
		w.observer.unknown("notification "+n.Kind, string(got.Status))
	}
	if n.Stale && report.Status == engine.ChargeSucceeded {
		report.Status = engine.ChargePending
	}
	n.Reference, n.Charge = reference, &report
	n.Identity = about{subject: reference.String(), status: string(got.Status), fallback: body}.identity(n.Kind)
	return n, nil
}

// foreign completes a notification that is kept and not applied.
func (w *Webhooks) foreign(n engine.Notification, subject about, why string) (engine.Notification, error) {
	n.Gateway, n.Foreign, n.Identity = engine.FedaPay, why, subject.identity(n.Kind)
	return n, engine.Errorf(engine.Invalid, engine.CodeNotificationForeign, "%s", why)
}

// about is what makes a notification the same as another one.
type about struct {
	subject  string
	status   string
	fallback []byte // the body, when there is no subject
}

// aboutForeign finds the subject of what is not ours: its reference or FedaPay's
// id, with the time of its change, since a customer is updated more than once.
func aboutForeign(got transaction, body []byte) about {
	subject := string(got.MerchantReference)
	if subject == "" {
		subject = string(got.ID)
	}
	if subject != "" && got.UpdatedAt != "" {
		subject += "@" + string(got.UpdatedAt)
	}
	return about{subject, string(got.Status), body}
}

func (a about) identity(kind string) engine.Identity {
	subject := name(a.subject)
	if a.subject == "" {
		body := a.fallback
		if redacted := Redact(body); redacted != nil { // so that it is the same when it is read again
			body = redacted
		}
		sum := sha256.Sum256(body)
		subject = "body:" + hex.EncodeToString(sum[:])
	}
	return engine.NewIdentity(engine.FedaPay, kind, subject, name(a.status))
}

// name bounds a word of FedaPay's that becomes part of a key: one that is long
// or has an unusual character is replaced by its hash, so that two different
// words never become the same key.
func name(s string) string {
	usual := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._:=@-", r)
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
