package fedapay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/wire"
	"github.com/bookmi/cauri/internal/secret"
)

// Secret is what one webhook endpoint of ours is signed with: wh_sandbox_… or
// wh_live_…. Two endpoints, or a rotation, are two secrets.
type Secret = secret.Named

// WebhooksConfig says whose signatures count. All are of one environment, because nothing
// else on FedaPay's wire says whether it speaks of live money.
type WebhooksConfig struct {
	Secrets   []Secret
	Tolerance time.Duration // how far t may be from when it came, both ways; default 300 s
	Observer  Observer
	// OperatorFailures are Config's: a failure told is the one an inquiry would find.
	OperatorFailures []string
}

const toleranceDefault = 300 * time.Second // FedaPay SDKs, WebhookSignature

// Webhooks verifies and reads FedaPay's notifications. Safe for concurrent use.
type Webhooks struct {
	observer  Observer
	tolerance time.Duration
	live      bool
	keys      wire.Keys

	operatorFailures []string
}

var _ engine.Webhooks = (*Webhooks)(nil)

const (
	liveSecret    = "wh_live_"
	sandboxSecret = "wh_sandbox_"
)

// NewWebhooks checks the list of secrets. Its errors name no value.
func NewWebhooks(config WebhooksConfig) (*Webhooks, error) {
	if config.Tolerance < 0 {
		return nil, errors.New("fedapay webhooks: the tolerance is above zero")
	}
	if slices.Contains(config.OperatorFailures, "") {
		return nil, fmt.Errorf("fedapay webhooks: %w", errOfEveryFailure)
	}
	w := &Webhooks{observer: config.Observer, tolerance: config.Tolerance, operatorFailures: slices.Clone(config.OperatorFailures)}
	if w.tolerance == 0 {
		w.tolerance = toleranceDefault
	}
	w.live = len(config.Secrets) > 0 && strings.HasPrefix(config.Secrets[0].Value.Reveal(), liveSecret)
	return w, w.Replace(config.Secrets)
}

// Replace makes other signatures count, from the next webhook on: of the same
// environment. Its errors name no value, and leave the secrets as they were.
func (w *Webhooks) Replace(secrets []Secret) error {
	if err := w.Check(secrets); err != nil {
		return err
	}
	return w.keys.Replace(secrets, sha256.New, time.Now())
}

// Check says why Replace would refuse secrets, and changes nothing.
func (w *Webhooks) Check(secrets []Secret) error {
	for _, s := range secrets {
		live := strings.HasPrefix(s.Value.Reveal(), liveSecret)
		switch {
		case !live && !strings.HasPrefix(s.Value.Reveal(), sandboxSecret):
			return fmt.Errorf("fedapay webhooks: secret %q begins neither with %s nor with %s", s.ID, sandboxSecret, liveSecret)
		case live != w.live:
			return fmt.Errorf("fedapay webhooks: secret %q is of another environment than the first", s.ID)
		}
	}
	if err := secret.CheckList(secrets, time.Now()); err != nil {
		return fmt.Errorf("fedapay webhooks: %w", err)
	}
	return nil
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
	for k := range w.keys.Valid(time.Now()) {
		sum := k.Sum(computed[:0], claimed.stamp, []byte{'.'}, body)
		for i := range claimed.claimed {
			if hmac.Equal(claimed.digests[i][:], sum) {
				return k.ID, nil
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
// be kept: it has its kind, its identity and the reason. Its Delivery has the body
// without what may not be kept, and that body is what is read, so that it is read
// the same again.
func (w *Webhooks) Parse(d engine.Delivery) (engine.Notification, error) {
	body, plainly := redaction.Read(d.Body)
	kept := engine.Delivery{Signature: d.Signature, Body: body, ReceivedAt: d.ReceivedAt}
	if kept.Body == nil { // signed, and unreadable to us: its bytes are all there is to try again with
		kept.Body = d.Body
	}
	n, err := w.read(kept.Body)
	n.Delivery = kept
	signed, ok := parseSignature(d.Signature)
	age := d.ReceivedAt.Sub(signed.at)
	if err == nil && (!ok || age > w.tolerance || age < -w.tolerance) {
		n.Stale = n.Stale || !tellsNothing(n)
	}
	if err == nil && !plainly { // two amounts, two statuses: neither is a fact
		n.Stale = true
		w.observer.unknown("notification "+n.Kind, "a name twice, or in other letters")
	}
	return n, err
}

// event is the frame of every notification. It has no id of its own.
type event struct {
	Name   wire.Text       `json:"name"`
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
	if err := wire.CheckShape(body); err != nil {
		return w.foreign(engine.Notification{}, about{fallback: body}, err.Error())
	}
	if json.Unmarshal(body, &e) != nil || e.Name == "" {
		return w.foreign(engine.Notification{}, about{fallback: body}, "not a FedaPay event")
	}
	n := engine.Notification{Gateway: engine.FedaPay, Kind: wire.Name(string(e.Name))}
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
	known := translate(got, &report, w.operatorFailures)
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
	fallback []byte // the body as it is kept, when there is no subject
}

// aboutForeign finds the subject of what is not ours: its reference or FedaPay's
// id, with the time of its change, since a customer is updated more than once.
func aboutForeign(got transaction, body []byte) about {
	subject := string(got.MerchantReference)
	if subject == "" {
		subject = string(got.ID)
	}
	if subject != "" && got.UpdatedAt != "" {
		subject += ":" + string(got.UpdatedAt)
	}
	return about{subject, string(got.Status), body}
}

func (a about) identity(kind string) engine.Identity {
	subject := wire.Name(a.subject)
	if a.subject == "" {
		subject = "body:" + wire.Digest(a.fallback)
	}
	return engine.NewIdentity(engine.FedaPay, kind, subject, wire.Name(a.status))
}
