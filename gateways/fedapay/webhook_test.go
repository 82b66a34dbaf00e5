package fedapay_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/secret"
)

// identityBytesMax is "fedapay", a kind, a subject and a status of 120 bytes each.
const identityBytesMax = 7 + 3*(1+120)

var (
	endpoint = secret.New("wh_sandbox_fixture")
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	forged   = forge.FedaPay(endpoint, noon)
)

func webhooks(t testing.TB, secrets ...fedapay.Secret) *fedapay.Webhooks {
	t.Helper()
	if secrets == nil {
		secrets = []fedapay.Secret{{ID: "now", Value: endpoint}}
	}
	w, err := fedapay.NewWebhooks(fedapay.WebhooksConfig{Secrets: secrets})
	require.NoError(t, err)
	return w
}

// undated is a verified body whose header says no date.
func undated(body []byte) engine.Delivery { return engine.Delivery{Body: body, ReceivedAt: noon} }

// arrived is a forged delivery as the receiver hands it on, a second later.
func arrived(d forge.Delivery) engine.Delivery {
	delivery := engine.Delivery{Body: d.Body, ReceivedAt: noon.Add(time.Second)}
	if len(d.Signatures) > 0 {
		delivery.Signature = []byte(d.Signatures[0])
	}
	return delivery
}

// vector is the published signature of a published body.
func vector(t testing.TB) (secrets []fedapay.Secret, at int64, digest, header, extra string, body []byte) {
	t.Helper()
	var v struct {
		Secret string `json:"secret"`
		At     int64  `json:"timestamp"`
		Body   string `json:"raw_body"`
		Hex    string `json:"signature_hex"`
		Header string `json:"header_value"`
		Extra  string `json:"header_value_with_extra_scheme_must_still_pass"`
	}
	require.NoError(t, json.Unmarshal([]byte(sample(t, "webhook_signature_vector")), &v))
	return []fedapay.Secret{{ID: "vector", Value: secret.New(v.Secret)}}, v.At, v.Hex, v.Header, v.Extra, []byte(v.Body)
}

func TestThePublishedSignatureIsRight(t *testing.T) {
	t.Parallel()
	secrets, _, digest, header, extra, body := vector(t)
	w := webhooks(t, secrets...)
	for _, value := range []string{header, extra, strings.Replace(header, digest, strings.ToUpper(digest), 1)} {
		id, err := w.Verify([][]byte{[]byte(value)}, body)
		require.NoError(t, err, value)
		require.Equal(t, "vector", id)
	}
}

func TestOneFlippedBitAnywhereIsTooMany(t *testing.T) {
	t.Parallel()
	secrets, _, _, header, _, body := vector(t)
	w := webhooks(t, secrets...)
	wrong := func(signature, body []byte, what string, at int) {
		_, err := w.Verify([][]byte{signature}, body)
		require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err), "%s %d", what, at)
	}
	for bit := range len(body) * 8 {
		other := append([]byte{}, body...)
		other[bit/8] ^= 1 << (bit % 8)
		wrong([]byte(header), other, "body bit", bit)
	}
	digits := strings.Index(header, "s=") + 2
	for bit := range len(header) * 8 {
		if at := bit / 8; at >= digits && bit%8 == 5 && header[at] >= 'a' {
			continue // another case of the same digit
		}
		other := []byte(header)
		other[bit/8] ^= 1 << (bit % 8)
		wrong(other, body, "header bit", bit)
	}
}

func TestEveryFormOfASignatureHeaderIsTakenForWhatItIs(t *testing.T) {
	t.Parallel()
	secrets, at, s, header, _, body := vector(t)
	w := webhooks(t, secrets...)
	stamp, zeros := strconv.FormatInt(at, 10), strings.Repeat("0", 64)
	for name, values := range map[string][]string{
		"as published":              {header},
		"s before t":                {"s=" + s + ",t=" + stamp},
		"a wrong s, the right one":  {"t=" + stamp + ",s=" + zeros + ",s=" + s},
		"a short s, the right one":  {"t=" + stamp + ",s=00,s=" + s},
		"an unknown scheme first":   {"v0=x,t=" + stamp + ",s=" + s},
		"an empty item":             {"t=" + stamp + ",,s=" + s},
		"eight of them":             {"t=" + stamp + strings.Repeat(",s="+zeros, 7) + ",s=" + s},
		"a scheme without a value":  {header + ",v2"},
		"a value with equals signs": {header + ",v2=a=b"},
	} {
		_, err := w.Verify(bytesOf(values), body)
		require.NoError(t, err, name)
	}
	for name, values := range map[string][]string{
		"none": {}, "an empty one": {""}, "two": {header, header}, "a right and a wrong one": {header, "t=1,s=" + zeros},
		"no t": {"s=" + s}, "no s": {"t=" + stamp}, "t of nothing": {"t=,s=" + s}, "t of words": {"t=now,s=" + s},
		"t with a sign": {"t=+" + stamp + ",s=" + s}, "t with a space": {"t= " + stamp + ",s=" + s}, "t as hex": {"t=0x1,s=" + s},
		"t with a part":       {"t=" + stamp + ".0,s=" + s},
		"t of other digits":   {"t=١٧٦٣٨١٢٨٠٠,s=" + s},
		"t twice":             {"t=" + stamp + "," + header},
		"t without end":       {"t=" + strings.Repeat("1", 400) + ",s=" + s},
		"t one later":         {"t=" + strconv.FormatInt(at+1, 10) + ",s=" + s},
		"s shorter":           {"t=" + stamp + ",s=" + s[:62]},
		"s longer":            {"t=" + stamp + ",s=" + s + "00"},
		"s no hex":            {"t=" + stamp + ",s=" + strings.Repeat("zz", 32)},
		"s spaced":            {"t=" + stamp + ", s=" + s},
		"S in capitals":       {"t=" + stamp + ",S=" + s},
		"another scheme":      {"t=" + stamp + ",v1=" + s},
		"semicolons":          {"t=" + stamp + ";s=" + s},
		"nine of them":        {"t=" + stamp + strings.Repeat(",s="+zeros, 8) + ",s=" + s},
		"more than a kibi":    {header + "," + strings.Repeat("x", 1<<10)},
		"the body's own hash": {zeros},
	} {
		id, err := w.Verify(bytesOf(values), body)
		require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err), name)
		require.Empty(t, id, name)
	}
}

func bytesOf(values []string) [][]byte {
	var out [][]byte
	for _, v := range values {
		out = append(out, []byte(v))
	}
	return out
}

func TestARotationTellsWhichSecretMatched(t *testing.T) {
	t.Parallel()
	before, after := secret.New("wh_sandbox_before"), secret.New("wh_sandbox_after")
	w := webhooks(t, fedapay.Secret{ID: "2026-11", Value: after}, fedapay.Secret{ID: "2026-05", Value: before})
	for id, key := range map[string]secret.Secret{"2026-11": after, "2026-05": before} {
		d := forged.Approved(chargeRef.String(), 15_000).SignedWith(key).Delivery()
		got, err := w.Verify(d.Values(), d.Body)
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	d := forged.Approved(chargeRef.String(), 15_000).SignedWith(secret.New("wh_sandbox_stranger")).Delivery()
	_, err := w.Verify(d.Values(), d.Body)
	require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err))
}

func TestAListOfSecretsIsChecked(t *testing.T) {
	t.Parallel()
	key := secret.New("wh_sandbox_canary")
	many := make([]fedapay.Secret, 9)
	for i := range many {
		many[i] = fedapay.Secret{ID: strconv.Itoa(i), Value: key}
	}
	for name, secrets := range map[string][]fedapay.Secret{
		"none": {}, "no id": {{Value: key}}, "twice the same id": {{ID: "a", Value: key}, {ID: "a", Value: key}}, "no value": {{ID: "a"}},
		"an API key": {{ID: "a", Value: secret.New("sk_sandbox_canary")}}, "too many": many,
		"two environments": {{ID: "a", Value: key}, {ID: "b", Value: secret.New("wh_live_canary")}},
	} {
		_, err := fedapay.NewWebhooks(fedapay.WebhooksConfig{Secrets: secrets})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := fedapay.NewWebhooks(fedapay.WebhooksConfig{Secrets: []fedapay.Secret{{ID: "a", Value: key}}, Tolerance: -1})
	require.Error(t, err)
}

func TestVerifyingIsSafeTogether(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	var all sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		all.Go(func() {
			for n := range 50 {
				d := forged.Approved(chargeRef.String(), int64(i*1000+n+1)).Delivery()
				if _, err := w.Verify(d.Values(), d.Body); err != nil {
					errs[i] = err
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func TestEverySampleIsReadAndNoneIsOurs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/webhook_*_*.json")
	require.NoError(t, err)
	identities := map[engine.Identity]string{}
	for _, file := range files {
		if strings.Contains(file, "signature_vector") {
			continue
		}
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		n, err := webhooks(t).Parse(undated(body))
		require.Equal(t, engine.CodeNotificationForeign, engine.CodeOf(err), file)
		require.ErrorIs(t, err, engine.Invalid)
		require.Equal(t, engine.FedaPay, n.Gateway, file)
		require.NotEmpty(t, n.Kind, file)
		require.NotEmpty(t, n.Foreign, file)
		require.NotContains(t, string(n.Identity), "body:", "%s has a name of its own", file)
		require.Empty(t, identities[n.Identity], "%s is taken for another", file)
		identities[n.Identity] = file
	}
	require.Len(t, identities, 7)
}

func TestWhatFedaPayTellsOfOursIsTranslated(t *testing.T) {
	t.Parallel()
	const price = 15_000
	reference := chargeRef.String()
	report := func(status engine.ChargeReportStatus, code engine.Code) engine.ChargeReport {
		return engine.ChargeReport{Status: status, Amount: price, Currency: "XOF", GatewayReference: "235879", Code: code}
	}
	success := report(engine.ChargeSucceeded, "")
	success.FeeSubunits = 625
	direct := func(w forge.FedaPayWebhook) forge.FedaPayWebhook { return w.With("custom_metadata", direct) }
	for name, c := range map[string]struct {
		webhook      forge.FedaPayWebhook
		kind, status string
		want         engine.ChargeReport
	}{
		"approved":         {forged.Approved(reference, price), "approved", "approved", success},
		"transferred":      {forged.Transferred(reference, price), "transferred", "transferred", success},
		"with more fields": {forged.Approved(reference, price).Fault(forge.ExtraFields), "approved", "approved", success},
		"amount as text":   {forged.Approved(reference, price).Fault(forge.TextAmount), "approved", "approved", success},
		"declined on the page": {
			forged.Declined(reference, price).With("custom_metadata", paged), "declined", "declined", report(engine.ChargePending, ""),
		},
		"canceled, nobody knows where": {forged.Canceled(reference, price), "canceled", "canceled", report(engine.ChargePending, "")},
		"declined directly": {
			direct(forged.Declined(reference, price)), "declined", "declined", report(engine.ChargeFailed, engine.CodeGatewayDeclined),
		},
		"canceled directly": {
			direct(forged.Canceled(reference, price)), "canceled", "canceled", report(engine.ChargeFailed, engine.CodeInsufficientFunds),
		},
		"created": {forged.Created(reference, price), "created", "pending", engine.ChargeReport{Status: engine.ChargeHeard}},
	} {
		d := c.webhook.Delivery()
		_, err := webhooks(t).Verify(d.Values(), d.Body)
		require.NoError(t, err, name)
		got, err := webhooks(t).Parse(arrived(d))
		require.NoError(t, err, name)
		require.Equal(t, engine.Notification{
			Gateway: engine.FedaPay, Kind: "transaction." + c.kind, Reference: chargeRef, Charge: &c.want,
			Identity: engine.Identity("fedapay/transaction." + c.kind + "/" + reference + "/" + c.status),
			Delivery: engine.Delivery{Signature: []byte(d.Signatures[0]), Body: fedapay.Redact(d.Body), ReceivedAt: noon.Add(time.Second)},
		}, got, name)
	}
}

func TestTheSamplesAreReadAsIfTheyWereOurs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]engine.ChargeReportStatus{
		"approved": engine.ChargeSucceeded, "transferred": engine.ChargeSucceeded,
		"declined": engine.ChargeFailed, "canceled": engine.ChargeFailed,
	} {
		body := []byte(told(t, "webhook_transaction_"+name, nil))
		at := strconv.FormatInt(noon.Unix(), 10)
		d := forge.Delivery{Signatures: []string{"t=" + at + ",s=" + forge.SignFedaPay(endpoint, at, body)}, Body: body}
		_, err := webhooks(t).Verify(d.Values(), d.Body)
		require.NoError(t, err)
		n, err := webhooks(t).Parse(arrived(d))
		require.NoError(t, err, name)
		require.False(t, n.Stale, name)
		require.Equal(t, want, n.Charge.Status, name)
		require.EqualValues(t, 15_000, n.Charge.Amount, name)
		require.EqualValues(t, "XOF", n.Charge.Currency, name)
	}
}

// A true signature tells a fact for five minutes, and a reason to ask for ever.
func TestAnOldSignatureIsAHintAndNeverAFactNorAnError(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	d := forged.Approved(chargeRef.String(), 15_000).Delivery()
	for after, stale := range map[time.Duration]bool{
		0: false, 300 * time.Second: false, -300 * time.Second: false, 301 * time.Second: true, -301 * time.Second: true,
		24 * time.Hour: true, -24 * time.Hour: true, 20 * 365 * 24 * time.Hour: true,
	} {
		_, err := w.Verify(d.Values(), d.Body)
		require.NoError(t, err)
		n, err := w.Parse(engine.Delivery{Signature: []byte(d.Signatures[0]), Body: d.Body, ReceivedAt: noon.Add(after)})
		require.NoError(t, err)
		require.Equal(t, stale, n.Stale, after)
		require.Equal(t, chargeRef, n.Reference)

		again, err := w.Parse(n.Delivery)
		require.NoError(t, err)
		require.Equal(t, n, again, "what is kept is read again as it was")
	}
	for name, delivery := range map[string]engine.Delivery{
		"no signature":  {Body: d.Body, ReceivedAt: noon},
		"no time":       {Body: d.Body, Signature: []byte(d.Signatures[0])},
		"a digest only": {Body: d.Body, Signature: []byte(strings.Repeat("0", 64)), ReceivedAt: noon},
	} {
		n, err := w.Parse(delivery)
		require.NoError(t, err, name)
		require.True(t, n.Stale, name)
	}
	n, err := w.Parse(undated(d.Body))
	require.NoError(t, err)
	require.True(t, n.Stale, "a body alone has no date")
}

func TestTheToleranceIsConfiguration(t *testing.T) {
	t.Parallel()
	w, err := fedapay.NewWebhooks(fedapay.WebhooksConfig{Secrets: []fedapay.Secret{{ID: "now", Value: endpoint}}, Tolerance: time.Hour})
	require.NoError(t, err)
	d := forged.Approved(chargeRef.String(), 15_000).Delivery()
	n, err := w.Parse(engine.Delivery{Signature: []byte(d.Signatures[0]), Body: d.Body, ReceivedAt: noon.Add(time.Hour)})
	require.NoError(t, err)
	require.False(t, n.Stale)
}

func TestTheSecretSaysWhetherMoneyIsLive(t *testing.T) {
	t.Parallel()
	live := secret.New("wh_live_fixture")
	d := forge.FedaPay(live, noon).Approved(chargeRef.String(), 15_000).Delivery()
	w := webhooks(t, fedapay.Secret{ID: "live", Value: live})
	_, err := w.Verify(d.Values(), d.Body)
	require.NoError(t, err)
	n, err := w.Parse(arrived(d))
	require.NoError(t, err)
	require.True(t, n.Charge.Live)
}

// Every fault a webhook can have: what is refused, kept, only a hint, or handed
// on for the engine to compare.
func TestEveryForgedFaultIsAnsweredAsItShould(t *testing.T) {
	t.Parallel()
	type verdict string
	const (
		unsigned verdict = "refused by its signature"
		kept     verdict = "kept, not applied"
		hint     verdict = "a reason to ask"
		compared verdict = "handed on as it says"
	)
	want := map[forge.Fault]verdict{
		forge.WrongAmount: compared, forge.ScaledTwice: compared, forge.FractionOfFranc: compared, forge.TextAmount: compared,
		forge.WrongCurrency: compared, forge.ExtraFields: compared, forge.UpperCase: compared, forge.ManyDigests: compared,
		forge.OtherScheme:      compared,
		forge.ForeignReference: kept, forge.UnknownKind: kept, forge.NoReference: kept, forge.NoData: kept, forge.NotJSON: kept,
		forge.UnknownStatus: hint, forge.NoAmount: hint, forge.NoCurrency: hint, forge.NoStatus: hint,
		forge.TooOld: hint, forge.TooNew: hint,
		forge.BadSignature: unsigned, forge.NoSignature: unsigned, forge.TwoSignatures: unsigned, forge.Reencoded: unsigned,
		forge.TamperedAmount: unsigned, forge.Redated: unsigned, forge.NoTimestamp: unsigned, forge.WordTimestamp: unsigned,
	}
	require.Len(t, want, len(forge.FedaPayFaults))
	w := webhooks(t)
	for _, fault := range forge.FedaPayFaults {
		for _, webhook := range []forge.FedaPayWebhook{
			forged.Approved(chargeRef.String(), 15_000), forged.Transferred(chargeRef.String(), 15_000),
			forged.Declined(chargeRef.String(), 15_000), forged.Canceled(chargeRef.String(), 15_000),
		} {
			d := webhook.Fault(fault).Delivery()
			if _, err := w.Verify(d.Values(), d.Body); err != nil {
				require.Equal(t, want[fault], unsigned, fault)
				continue
			}
			n, err := w.Parse(arrived(d))
			switch {
			case err != nil:
				require.Equal(t, want[fault], kept, fault)
				require.NotEmpty(t, n.Foreign, fault)
				require.Nil(t, n.Charge, fault)
			case n.Stale:
				require.Equal(t, want[fault], hint, fault)
			default:
				require.Equal(t, want[fault], compared, fault)
				require.Equal(t, fault == forge.FractionOfFranc, n.Charge.Inexact, fault)
			}
			require.NotEmpty(t, n.Identity, fault)
		}
	}
}

func TestAKindItsStatusContradictsIsOnlyAReasonToAsk(t *testing.T) {
	t.Parallel()
	reference := chargeRef.String()
	for name, webhook := range map[string]forge.FedaPayWebhook{
		"approved, it says declined":  forged.Approved(reference, 15_000).With("status", "declined"),
		"declined, it says approved":  forged.Declined(reference, 15_000).With("status", "approved").With("custom_metadata", direct),
		"created, it says approved":   forged.Created(reference, 15_000).With("status", "approved"),
		"created, and asked already":  forged.Created(reference, 15_000).With("mode", "mtn_ci"),
		"updated, it says approved":   forged.Event("transaction.updated", entity("approved")),
		"updated, in part given back": forged.Event("transaction.updated", entity("approved_partially_refunded")),
		"expired, undocumented":       forged.Event("transaction.expired", entity("expired")),
		"refunded, undocumented":      forged.Refunded(reference, 15_000),
		"deleted, undocumented":       forged.Event("transaction.deleted", entity("pending")),
	} {
		n, err := webhooks(t).Parse(arrived(webhook.Delivery()))
		require.NoError(t, err, name)
		require.True(t, n.Stale, name)
		require.NotEqual(t, engine.ChargeSucceeded, n.Charge.Status, name)
	}
}

func entity(status string) map[string]any {
	return map[string]any{
		"id": 235879, "merchant_reference": chargeRef.String(), "status": status, "amount": 15000, "mode": "mtn_ci",
		"currency": map[string]any{"iso": "XOF"},
	}
}

// Taken for "pending" it would make of an attempt still being sent one that waits
// for its payer, and the refusal that follows would no longer count.
func TestACreatedTransactionIsNoNews(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	for _, webhook := range []forge.FedaPayWebhook{
		forged.Created(chargeRef.String(), 15_000), forged.Created(chargeRef.String(), 15_000).Fault(forge.TooOld),
		forged.Event("transaction.updated", map[string]any{"id": 1, "merchant_reference": chargeRef.String(), "status": "pending"}),
	} {
		n, err := w.Parse(arrived(webhook.Delivery()))
		require.NoError(t, err)
		require.False(t, n.Stale, "there is nothing to ask about")
		// Not even FedaPay's id: without it an inquiry knows that our answer was lost.
		require.Equal(t, engine.ChargeReport{Status: engine.ChargeHeard}, *n.Charge)
		n, err = w.Parse(undated(webhook.Delivery().Body))
		require.NoError(t, err)
		require.False(t, n.Stale)
	}
}

func TestWhatIsNotACollectionOfOursIsKept(t *testing.T) {
	t.Parallel()
	payout := engine.Reference{Transaction: transactionID, Kind: engine.PayoutReference, Number: 1}
	for _, webhook := range []forge.FedaPayWebhook{
		forged.Event("payout.sent", map[string]any{"id": 13, "status": "sent", "merchant_reference": payout.String()}),
		forged.Event("customer.updated", map[string]any{"id": 19359}),
		forged.Approved(payout.String(), 15_000),
	} {
		n, err := webhooks(t).Parse(arrived(webhook.Delivery()))
		require.Equal(t, engine.CodeNotificationForeign, engine.CodeOf(err))
		require.NotEmpty(t, n.Foreign)
		require.NotContains(t, string(n.Delivery.Body), "owner@example.com")
	}
}

func TestACustomerUpdatedTwiceIsTwo(t *testing.T) {
	t.Parallel()
	updated := func(at string) engine.Identity {
		n, err := webhooks(t).Parse(undated(forged.Event("customer.updated", map[string]any{"id": 1, "updated_at": at}).Delivery().Body))
		require.Error(t, err)
		return n.Identity
	}
	require.Equal(t, updated("2026-11-22T10:00:00.000Z"), updated("2026-11-22T10:00:00.000Z"))
	require.NotEqual(t, updated("2026-11-22T10:00:00.000Z"), updated("2026-11-22T10:00:01.000Z"))
}

func TestIdentityIsTheStoryNotTheBytes(t *testing.T) {
	t.Parallel()
	w := forged.Approved(chargeRef.String(), 15_000)
	first, err := webhooks(t).Parse(undated(w.Delivery().Body))
	require.NoError(t, err)
	again, err := webhooks(t).Parse(undated(w.With("updated_at", "2026-11-22T11:00:00.000Z").Delivery().Body))
	require.NoError(t, err)
	require.Equal(t, first.Identity, again.Identity)
}

func TestWhatIsNoNotificationIsKeptUnderItsHash(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "a word": "hello", "an array": "[]", "no name": `{"entity":{}}`, "a name of no text": `{"name":7,"entity":{}}`,
		"not UTF-8": "{\"name\":\"transaction.approved\xff\"}", "two documents": `{"name":"transaction.approved"}{"name":"x"}`,
		"an entity of text": `{"name":"transaction.approved","entity":"x"}`, "no entity": `{"name":"payout.sent"}`,
		"too deep": `{"name":"transaction.approved","entity":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
		"too long": `{"name":"transaction.approved","entity":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`,
		"no id":    `{"name":"customer.created","entity":{"email":"a@example.com"}}`,
	} {
		n, err := webhooks(t).Parse(undated([]byte(body)))
		require.Equal(t, engine.CodeNotificationForeign, engine.CodeOf(err), name)
		require.Contains(t, string(n.Identity), "body:", name)
		require.LessOrEqual(t, len(n.Identity), identityBytesMax, name)
	}
}

func TestAnIdentityIsShortAndKeepsDifferentThingsApart(t *testing.T) {
	t.Parallel()
	identity := func(kind, reference, status string) engine.Identity {
		body := forged.Event(kind, map[string]any{"merchant_reference": reference, "status": status}).Delivery().Body
		n, err := webhooks(t).Parse(undated(body))
		require.Error(t, err)
		require.LessOrEqual(t, len(n.Identity), identityBytesMax)
		return n.Identity
	}
	rapid.Check(t, func(r *rapid.T) {
		part := rapid.StringN(1, 200, -1)
		a := [3]string{part.Draw(r, "kind"), part.Draw(r, "reference"), part.Draw(r, "status")}
		b := [3]string{part.Draw(r, "other kind"), part.Draw(r, "other reference"), part.Draw(r, "other status")}
		require.Equal(t, a == b, identity(a[0], a[1], a[2]) == identity(b[0], b[1], b[2]), "%v %v", a, b)
	})
	require.NotEqual(t, identity("a/b", "c", "d"), identity("a", "b/c", "d"))
}

// FuzzParse: never a panic, never a success that the body does not spell out, and
// the same reading of what may be kept of it.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/webhook_*.json")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(fedapay.Redact(body)) // as short as it can be: minimising a long one takes the fuzzer's time
	}
	for _, fault := range forge.FedaPayFaults {
		f.Add(forged.Approved(chargeRef.String(), 15_000).Fault(fault).Delivery().Body)
		f.Add(forged.Declined(chargeRef.String(), 15_000).With("custom_metadata", direct).Fault(fault).Delivery().Body)
	}
	for _, change := range figuresInDoubt {
		body := string(forged.Approved(chargeRef.String(), 15_000).With("custom_metadata", direct).Delivery().Body)
		f.Add([]byte(strings.Replace(body, change[0], change[1], 1)))
	}
	w := webhooks(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		signature := []byte("t=" + strconv.FormatInt(noon.Unix(), 10) + ",s=" + strings.Repeat("0", 64))
		n, err := w.Parse(engine.Delivery{Signature: signature, Body: body, ReceivedAt: noon})
		require.Equal(t, engine.FedaPay, n.Gateway)
		require.NotEmpty(t, n.Identity)
		again, errAgain := w.Parse(n.Delivery)
		require.Equal(t, n, again)
		require.Equal(t, err == nil, errAgain == nil)
		if err != nil {
			require.NotEmpty(t, n.Foreign)
			require.Nil(t, n.Charge)
			return
		}
		require.NotNil(t, n.Charge)
		require.False(t, n.Reference.Transaction.IsZero())
		if n.Stale || n.Charge.Status != engine.ChargeSucceeded {
			return
		}
		require.True(t, strings.Contains(string(body), `approved`) || strings.Contains(string(body), `transferred`) ||
			strings.Contains(string(body), `\u`), "%s", body)
		require.True(t, n.Charge.Amount > 0 || n.Charge.Inexact)
		require.NotEmpty(t, n.Charge.Currency)
	})
}

// FuzzSignature: what was signed verifies in every header that carries it, with
// one bit changed it does not, and no header makes a signature by itself.
func FuzzSignature(f *testing.F) {
	_, _, _, header, extra, body := vector(f)
	f.Add([]byte(header), body, uint16(0), uint64(1763812800))
	f.Add([]byte(extra), []byte{}, uint16(5), uint64(0))
	f.Add([]byte("t=1,t=2,s=,s=zz,,=,"), []byte("{}"), uint16(9), uint64(999_999_999_999))
	w := webhooks(f)
	f.Fuzz(func(t *testing.T, noise, body []byte, bit uint16, at uint64) {
		_, err := w.Verify([][]byte{noise}, body)
		require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err), "nobody guesses a signature")
		stamp := strconv.FormatUint(at%1_000_000_000_000, 10)
		signed := []byte("t=" + stamp + ",s=" + forge.SignFedaPay(endpoint, stamp, body) + ",v1=" + strings.Repeat("x", int(bit%100)))
		_, err = w.Verify([][]byte{signed}, body)
		require.NoError(t, err)
		digest, err := hex.DecodeString(forge.SignFedaPay(endpoint, stamp, body))
		require.NoError(t, err)
		digest[int(bit/8)%len(digest)] ^= 1 << (bit % 8)
		_, err = w.Verify([][]byte{[]byte("t=" + stamp + ",s=" + hex.EncodeToString(digest))}, body)
		require.Error(t, err)
		_, err = w.Verify([][]byte{signed, noise}, body)
		require.Error(t, err, "one of two is none")
		if len(body) == 0 {
			return
		}
		other := append([]byte{}, body...)
		other[int(bit/8)%len(body)] ^= 1 << (bit % 8)
		_, err = w.Verify([][]byte{signed}, other)
		require.Error(t, err)
	})
}

func BenchmarkVerifyAndParse(b *testing.B) {
	w := webhooks(b)
	d := forged.Approved(chargeRef.String(), 15_000).Delivery()
	values, delivery := d.Values(), arrived(d)
	b.SetBytes(int64(len(d.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Verify(values, d.Body); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Parse(delivery); err != nil {
			b.Fatal(err)
		}
	}
}
