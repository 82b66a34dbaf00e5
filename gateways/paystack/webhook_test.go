package paystack_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
)

// identityBytesMax is "paystack", a kind, a subject and a status of 120 bytes each.
const identityBytesMax = 8 + 3*(1+120)

var forged = forge.Paystack(secret.New(testKey))

func webhooks(t testing.TB, secrets ...paystack.Secret) *paystack.Webhooks {
	t.Helper()
	if secrets == nil {
		secrets = []paystack.Secret{{ID: "now", Value: secret.New(testKey)}}
	}
	w, err := paystack.NewWebhooks(paystack.WebhooksConfig{Secrets: secrets})
	require.NoError(t, err)
	return w
}

// vector is the published signature of a published body.
func vector(t testing.TB) (body, signature []byte) {
	t.Helper()
	var v struct {
		Body string `json:"raw_body"`
		Hex  string `json:"expected_hex"`
	}
	require.NoError(t, json.Unmarshal([]byte(sample(t, "constructed.webhook.signature_vector")), &v))
	return []byte(v.Body), []byte(v.Hex)
}

// delivered is a verified delivery of a body; how it was signed does not matter here.
func delivered(body []byte) engine.Delivery {
	return engine.Delivery{Signature: []byte("signed"), Body: body}
}

func TestThePublishedSignatureIsRight(t *testing.T) {
	t.Parallel()
	body, signature := vector(t)
	id, err := webhooks(t).Verify([][]byte{signature}, body)
	require.NoError(t, err)
	require.Equal(t, "now", id)
	_, err = webhooks(t).Verify([][]byte{[]byte(strings.ToUpper(string(signature)))}, body)
	require.NoError(t, err)
}

func TestOneFlippedBitAnywhereIsTooMany(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	body, signature := vector(t)
	wrong := func(signature, body []byte, what string, at int) {
		_, err := w.Verify([][]byte{signature}, body)
		require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err), "%s %d", what, at)
	}
	for bit := range len(body) * 8 {
		other := append([]byte{}, body...)
		other[bit/8] ^= 1 << (bit % 8)
		wrong(signature, other, "body bit", bit)
	}
	raw, err := hex.DecodeString(string(signature))
	require.NoError(t, err)
	for bit := range len(raw) * 8 {
		other := append([]byte{}, raw...)
		other[bit/8] ^= 1 << (bit % 8)
		wrong([]byte(hex.EncodeToString(other)), body, "signature bit", bit)
	}
}

func TestExactlyOneWellFormedSignatureCounts(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	body, signature := vector(t)
	s := string(signature)
	for name, values := range map[string][]string{
		"none": {}, "an empty one": {""}, "two": {s, s}, "a right and a wrong one": {s, strings.Repeat("0", 128)},
		"shorter": {s[:127]}, "half": {s[:64]}, "longer": {s + "00"}, "spaced": {" " + s[:127]}, "listed": {s + "," + s},
		"not hex": {strings.Repeat("zz", 64)}, "with a scheme": {"sha512=" + s},
	} {
		var raw [][]byte
		for _, v := range values {
			raw = append(raw, []byte(v))
		}
		id, err := w.Verify(raw, body)
		require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err), name)
		require.Empty(t, id, name)
	}
}

func TestARotationTellsWhichSecretMatched(t *testing.T) {
	t.Parallel()
	before, after := secret.New("sk_test_before"), secret.New("sk_test_after")
	w := webhooks(t, paystack.Secret{ID: "2026-11", Value: after}, paystack.Secret{ID: "2026-05", Value: before})
	for id, key := range map[string]secret.Secret{"2026-11": after, "2026-05": before} {
		d := forged.ChargeSuccess(chargeRef.String(), 1_500_000).SignedWith(key).Delivery()
		got, err := w.Verify(d.Values(), d.Body)
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	d := forged.ChargeSuccess(chargeRef.String(), 1_500_000).SignedWith(secret.New("sk_test_stranger")).Delivery()
	_, err := w.Verify(d.Values(), d.Body)
	require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err))
}

// With -race: a rotation comes in the middle of a request.
func TestSecretsAreReplacedUnderWhoeverVerifies(t *testing.T) {
	t.Parallel()
	named := func(id string) paystack.Secret { return paystack.Secret{ID: id, Value: secret.New("sk_test_" + id)} }
	lists := [][]paystack.Secret{{named("old"), named("kept")}, {named("kept"), named("new")}, {named("kept")}}
	w, err := paystack.NewWebhooks(paystack.WebhooksConfig{Secrets: lists[0]})
	require.NoError(t, err)
	d := forge.Paystack(secret.New("sk_test_kept")).ChargeSuccess(chargeRef.String(), 1_500_000).Delivery()
	thiefs := forge.Paystack(secret.New("sk_test_forged")).ChargeSuccess(chargeRef.String(), 1_500_000).Delivery()
	var refused, taken atomic.Int64
	var verifying sync.WaitGroup
	for range 4 {
		verifying.Go(func() {
			for range 2_000 {
				if id, err := w.Verify(d.Values(), d.Body); err != nil || id != "kept" {
					refused.Add(1)
				}
				if _, err := w.Verify(thiefs.Values(), thiefs.Body); err == nil {
					taken.Add(1)
				}
			}
		})
	}
	for i := range 2_000 {
		require.NoError(t, w.Replace(lists[i%len(lists)]))
		require.Error(t, w.Replace([]paystack.Secret{named("kept"), {ID: "wrong", Value: secret.New("pk_test_wrong")}}))
	}
	verifying.Wait()
	require.Equal(t, []int64{0, 0}, []int64{refused.Load(), taken.Load()}, "genuine refused, forged taken")
}

func TestAListOfSecretsIsChecked(t *testing.T) {
	t.Parallel()
	key := secret.New("sk_test_canary")
	many := make([]paystack.Secret, 9)
	for i := range many {
		many[i] = paystack.Secret{ID: strconv.Itoa(i), Value: key}
	}
	for name, secrets := range map[string][]paystack.Secret{
		"none": {}, "no id": {{Value: key}}, "twice the same id": {{ID: "a", Value: key}, {ID: "a", Value: key}}, "no value": {{ID: "a"}},
		"a public key": {{ID: "a", Value: secret.New("pk_test_canary")}},
		"too many":     many,
		"play money's beside real money's": {
			{ID: "a", Value: secret.New("sk_live_canary")}, {ID: "b", Value: key},
		},
	} {
		_, err := paystack.NewWebhooks(paystack.WebhooksConfig{Secrets: secrets})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestVerifyingIsSafeTogether(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	var all sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		all.Go(func() {
			for n := range 50 {
				d := forged.ChargeSuccess(chargeRef.String(), int64(i*1000+n+1)).Delivery()
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
	files, err := filepath.Glob("testdata/*webhook.*.json")
	require.NoError(t, err)
	identities := map[engine.Identity]string{}
	for _, file := range files {
		if strings.Contains(file, "signature_vector") {
			continue
		}
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		n, err := webhooks(t).Parse(delivered(body))
		require.Equal(t, engine.CodeNotificationForeign, engine.CodeOf(err), file)
		require.ErrorIs(t, err, engine.Invalid)
		require.Equal(t, engine.Paystack, n.Gateway, file)
		require.NotEmpty(t, n.Kind, file)
		require.NotEmpty(t, n.Foreign, file)
		require.NotContains(t, string(n.Identity), "body:", "%s has a name of its own", file)
		require.Empty(t, identities[n.Identity], "%s is taken for another", file)
		identities[n.Identity] = file
	}
	require.GreaterOrEqual(t, len(identities), 17)
}

func TestWhatPaystackTellsOfOursIsTranslated(t *testing.T) {
	t.Parallel()
	charge := engine.Notification{
		Gateway: engine.Paystack, Kind: "charge.success", Reference: chargeRef,
		Identity: "paystack/charge.success/01jd3m5nq8rstvwxyz0123456k-c1/success",
		Charge: &engine.ChargeReport{
			Status: engine.ChargeSucceeded, Amount: 15_000, Currency: "XOF", GatewayReference: "302961", Fee: 293, FeeSubunits: 29_250,
		},
	}
	payout := func(kind, status string, report engine.PayoutReportStatus, code engine.Code) engine.Notification {
		return engine.Notification{
			Gateway: engine.Paystack, Kind: kind, Reference: payoutRef,
			Identity: engine.Identity("paystack/" + kind + "/01jd3m5nq8rstvwxyz0123456k-p1/" + status),
			Payout: &engine.PayoutReport{
				Status: report, Amount: 12_750, Currency: "XOF", GatewayReference: "TRF_forged0001", Recipient: "RCP_forged0001", Code: code,
			},
		}
	}
	const price, fee = 1_500_000, 1_275_000
	charged, paid := chargeRef.String(), payoutRef.String()
	for name, c := range map[string]struct {
		webhook forge.Webhook
		want    engine.Notification
	}{
		"charge.success":   {forged.ChargeSuccess(charged, price), charge},
		"with more fields": {forged.ChargeSuccess(charged, price).Fault(forge.ExtraFields), charge},
		"amount as text":   {forged.ChargeSuccess(charged, price).Fault(forge.TextAmount), charge},
		"transfer.success": {forged.TransferSuccess(paid, fee), payout("transfer.success", "success", engine.PayoutReportPaid, "")},
		"transfer.failed": {
			forged.TransferFailed(paid, fee),
			payout("transfer.failed", "failed", engine.PayoutReportFailed, engine.CodeGatewayDeclined),
		},
		"transfer.reversed": {
			forged.TransferReversed(paid, fee),
			payout("transfer.reversed", "reversed", engine.PayoutReportReversed, engine.CodeGatewayDeclined),
		},
	} {
		d := c.webhook.Delivery()
		_, err := webhooks(t).Verify(d.Values(), d.Body)
		require.NoError(t, err, name)
		got, err := webhooks(t).Parse(delivered(d.Body))
		require.NoError(t, err, name)
		again, err := webhooks(t).Parse(got.Delivery)
		require.NoError(t, err, name)
		require.Equal(t, got, again, "what is kept of it is read as it was: %s", name)
		got.Delivery = engine.Delivery{}
		require.Equal(t, c.want, got, name)
	}
}

func TestALiveNotificationSaysSo(t *testing.T) {
	t.Parallel()
	d := forge.Paystack(secret.New("sk_live_x")).ChargeSuccess(chargeRef.String(), 1_500_000).Delivery()
	n, err := webhooks(t).Parse(delivered(d.Body))
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
		forge.WrongAmount: compared, forge.Unscaled: compared, forge.ScaledTwice: compared, forge.FractionOfFranc: compared,
		forge.TextAmount: compared, forge.WrongCurrency: compared, forge.WrongDomain: compared, forge.ExtraFields: compared,
		forge.ForeignReference: kept, forge.UnknownKind: kept, forge.NoReference: kept, forge.NoData: kept, forge.NotJSON: kept,
		forge.UnknownStatus: hint, forge.NoAmount: hint, forge.NoCurrency: hint, forge.NoDomain: hint, forge.NoStatus: hint,
		forge.BadSignature: unsigned, forge.NoSignature: unsigned, forge.TwoSignatures: unsigned, forge.Reencoded: unsigned,
		forge.TamperedAmount: unsigned, forge.UpperCase: compared,
	}
	require.Len(t, want, len(forge.Faults))
	for _, fault := range forge.Faults {
		for _, w := range []forge.Webhook{
			forged.ChargeSuccess(chargeRef.String(), 1_500_000), forged.TransferSuccess(payoutRef.String(), 1_275_000),
			forged.CardSuccess(chargeRef.String(), 1_500_000), forged.Refund("processed", chargeRef.String(), 1_500_000),
			forged.Refund("failed", chargeRef.String(), 1_500_000),
		} {
			d := w.Fault(fault).Delivery()
			if _, err := webhooks(t).Verify(d.Values(), d.Body); err != nil {
				require.Equal(t, want[fault], unsigned, fault)
				continue
			}
			n, err := webhooks(t).Parse(delivered(d.Body))
			switch {
			case err != nil:
				require.Equal(t, want[fault], kept, fault)
				require.NotEmpty(t, n.Foreign, fault)
				require.Nil(t, n.Charge, fault)
				require.Nil(t, n.Payout, fault)
				require.Nil(t, n.Refund, fault)
			case n.Stale:
				require.Equal(t, want[fault], hint, fault)
			default:
				require.Equal(t, want[fault], compared, fault)
				inexact, live := figuresOf(n)
				require.True(t, inexact || fault != forge.FractionOfFranc)
				require.Equal(t, fault == forge.WrongDomain, live, fault)
			}
			require.NotEmpty(t, n.Identity, fault)
		}
	}
}

// figuresOf is what whichever report there is says.
func figuresOf(n engine.Notification) (inexact, live bool) {
	switch {
	case n.Charge != nil:
		return n.Charge.Inexact, n.Charge.Live
	case n.Payout != nil:
		return n.Payout.Inexact, n.Payout.Live
	}
	return n.Refund.Inexact, n.Refund.Live
}

func TestAnUndocumentedFailureIsOnlyAReasonToAsk(t *testing.T) {
	t.Parallel()
	d := forged.ChargeFailed(chargeRef.String(), 1_500_000, "Insufficient funds").Delivery()
	n, err := webhooks(t).Parse(delivered(d.Body))
	require.NoError(t, err)
	require.True(t, n.Stale)
	require.Equal(t, engine.ChargeFailed, n.Charge.Status)
	require.Equal(t, engine.CodeInsufficientFunds, n.Charge.Code)
}

func TestAKindItsStatusContradictsIsOnlyAReasonToAsk(t *testing.T) {
	t.Parallel()
	for _, w := range []forge.Webhook{
		forged.ChargeSuccess(chargeRef.String(), 1_500_000).With("status", "failed"),
		forged.TransferSuccess(payoutRef.String(), 1_275_000).With("status", "failed"),
		forged.TransferFailed(payoutRef.String(), 1_275_000).With("status", "success"),
	} {
		n, err := webhooks(t).Parse(delivered(w.Delivery().Body))
		require.NoError(t, err)
		require.True(t, n.Stale)
		if n.Charge != nil {
			require.NotEqual(t, engine.ChargeSucceeded, n.Charge.Status)
		} else {
			require.Equal(t, engine.PayoutReportPending, n.Payout.Status)
		}
	}
}

func TestAReferenceOfOursToAnotherKindOfThingIsNotOurs(t *testing.T) {
	t.Parallel()
	for _, w := range []forge.Webhook{forged.ChargeSuccess(payoutRef.String(), 100), forged.TransferSuccess(chargeRef.String(), 100)} {
		n, err := webhooks(t).Parse(delivered(w.Delivery().Body))
		require.Equal(t, engine.CodeNotificationForeign, engine.CodeOf(err))
		require.NotEmpty(t, n.Foreign)
	}
}

func TestTwoEqualPartialRefundsAreTwo(t *testing.T) {
	t.Parallel()
	refund := func(reference any) engine.Identity {
		d := forged.Event("refund.processed", map[string]any{
			"status": "processed", "transaction_reference": "t1", "refund_reference": reference, "amount": "5000",
		}).Delivery()
		n, err := webhooks(t).Parse(delivered(d.Body))
		require.Error(t, err)
		return n.Identity
	}
	require.Equal(t, refund("132013318360"), refund("132013318360"))
	require.NotEqual(t, refund("132013318360"), refund("132013318361"))
}

func TestIdentityIsTheStoryNotTheBytes(t *testing.T) {
	t.Parallel()
	w := forged.ChargeSuccess(chargeRef.String(), 1_500_000)
	first, err := webhooks(t).Parse(delivered(w.Delivery().Body))
	require.NoError(t, err)
	again, err := webhooks(t).Parse(delivered(w.With("paid_at", "2026-11-22T11:00:00.000Z").Delivery().Body))
	require.NoError(t, err)
	require.Equal(t, first.Identity, again.Identity)
}

func TestWhatIsNoNotificationIsKeptUnderItsHash(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "a word": "hello", "an array": "[]", "no event": `{"data":{}}`, "an event of no text": `{"event":7,"data":{}}`,
		"not UTF-8": "{\"event\":\"charge.success\xff\"}", "two documents": `{"event":"charge.success"}{"event":"x"}`,
		"data of text": `{"event":"charge.success","data":"x"}`, "no data": `{"event":"transfer.success"}`,
		"too deep": `{"event":"charge.success","data":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
		"too long": `{"event":"charge.success","data":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`,
		"no id":    `{"event":"customeridentification.failed","data":{"email":"a@example.com"}}`,
	} {
		n, err := webhooks(t).Parse(delivered([]byte(body)))
		require.Equal(t, engine.CodeNotificationForeign, engine.CodeOf(err), name)
		require.Contains(t, string(n.Identity), "body:", name)
		require.LessOrEqual(t, len(n.Identity), identityBytesMax, name)
	}
}

func TestAnIdentityIsShortAndKeepsDifferentThingsApart(t *testing.T) {
	t.Parallel()
	identity := func(kind, reference, status string) engine.Identity {
		n, err := webhooks(t).Parse(delivered(forged.Event(kind, map[string]any{"reference": reference, "status": status}).Delivery().Body))
		require.Error(t, err)
		require.LessOrEqual(t, len(n.Identity), identityBytesMax)
		return n.Identity
	}
	rapid.Check(t, func(r *rapid.T) {
		part := rapid.StringN(1, 200, -1)
		a := [3]string{part.Draw(r, "kind"), part.Draw(r, "reference"), part.Draw(r, "status")}
		b := [3]string{part.Draw(r, "other kind"), part.Draw(r, "other reference"), part.Draw(r, "other status")}
		require.Equal(t, a == b, identity(a[0], a[1], a[2]) == identity(b[0], b[1], b[2]), fmt.Sprint(a, b))
	})
	require.NotEqual(t, identity("a/b", "c", "d"), identity("a", "b/c", "d"))
}

// FuzzParse: never a panic, never a success that the body does not spell out, and
// the same reading of what may be kept of it.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*webhook.*.json")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(paystack.Redact(body)) // as short as it can be: minimising a long one takes the fuzzer's time
	}
	for _, fault := range forge.Faults {
		f.Add(forged.ChargeSuccess(chargeRef.String(), 1_500_000).Fault(fault).Delivery().Body)
		f.Add(forged.TransferSuccess(payoutRef.String(), 1_275_000).Fault(fault).Delivery().Body)
		f.Add(forged.Refund("processed", chargeRef.String(), 1_500_000).Fault(fault).Delivery().Body)
	}
	for _, change := range figuresInDoubt {
		body := forged.ChargeSuccess(chargeRef.String(), 1_500_000).Delivery().Body
		f.Add(bytes.Replace(body, []byte(change[0]), []byte(change[1]), 1))
	}
	w := webhooks(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := w.Parse(delivered(body))
		require.Equal(t, engine.Paystack, n.Gateway)
		require.NotEmpty(t, n.Identity)
		again, errAgain := w.Parse(n.Delivery)
		require.Equal(t, n, again)
		require.Equal(t, err == nil, errAgain == nil)
		if err != nil {
			require.NotEmpty(t, n.Foreign)
			require.True(t, n.Charge == nil && n.Payout == nil && n.Refund == nil)
			return
		}
		told := 0
		for _, one := range []bool{n.Charge != nil, n.Payout != nil, n.Refund != nil} {
			if one {
				told++
			}
		}
		require.Equal(t, 1, told)
		require.False(t, n.Reference.Transaction.IsZero())
		if n.Stale || n.Refund != nil {
			return
		}
		if n.Charge != nil {
			require.True(t, strings.Contains(string(body), `success`) || strings.Contains(string(body), `\u`), "%s", body)
			require.Equal(t, engine.ChargeSucceeded, n.Charge.Status)
			require.True(t, n.Charge.Amount > 0 || n.Charge.Inexact)
			require.NotEmpty(t, n.Charge.Currency)
		}
	})
}

// FuzzVerify: what was signed verifies, with one bit of the body or of the signature
// changed it does not, and no header makes a signature by itself, nor two of them.
func FuzzVerify(f *testing.F) {
	body, signature := vector(f)
	f.Add([]byte(signature), body, uint16(0))
	f.Add([]byte("zz"), []byte{}, uint16(5))
	w := webhooks(f)
	f.Fuzz(func(t *testing.T, noise, body []byte, bit uint16) {
		_, err := w.Verify([][]byte{noise}, append(bytes.Clone(body), 'x'))
		require.Equal(t, engine.CodeSignatureWrong, engine.CodeOf(err), "nobody guesses a signature")
		digest, err := hex.DecodeString(forge.Sign(secret.New(testKey), body))
		require.NoError(t, err)
		right := []byte(hex.EncodeToString(digest))
		for _, spelled := range [][]byte{right, bytes.ToUpper(right)} {
			_, err = w.Verify([][]byte{spelled}, body)
			require.NoError(t, err)
		}
		_, err = w.Verify([][]byte{right, noise}, body)
		require.Error(t, err, "one of two is none")
		digest[int(bit/8)%len(digest)] ^= 1 << (bit % 8)
		_, err = w.Verify([][]byte{[]byte(hex.EncodeToString(digest))}, body)
		require.Error(t, err)
		if len(body) == 0 {
			return
		}
		other := append([]byte{}, body...)
		other[int(bit/8)%len(body)] ^= 1 << (bit % 8)
		_, err = w.Verify([][]byte{right}, other)
		require.Error(t, err)
	})
}

func BenchmarkVerifyAndParse(b *testing.B) {
	w := webhooks(b)
	d := forged.ChargeSuccess(chargeRef.String(), 1_500_000).Delivery()
	values := d.Values()
	b.SetBytes(int64(len(d.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Verify(values, d.Body); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Parse(delivered(d.Body)); err != nil {
			b.Fatal(err)
		}
	}
}
