package forge_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/secret"
)

var key = secret.New("sk_test_fixture")

func TestTheForgeSignsAsThePublishedVector(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/constructed.webhook.signature_vector.json")
	require.NoError(t, err)
	var v struct {
		Key  string `json:"secret_key"`
		Body string `json:"raw_body"`
		Hex  string `json:"expected_hex"`
	}
	require.NoError(t, json.Unmarshal(raw, &v))
	require.Equal(t, v.Hex, forge.Sign(secret.New(v.Key), []byte(v.Body)))
}

func TestAWebhookIsMadeTheSameEachTime(t *testing.T) {
	t.Parallel()
	w := forge.Paystack(key).ChargeSuccess("ours", 1_500_000)
	require.Equal(t, w.Delivery(), w.Delivery())
	copies := w.Times(5).Deliveries()
	require.Len(t, copies, 5)
	for _, d := range copies {
		require.Equal(t, w.Delivery(), d)
	}
}

func TestAChangeMakesACopy(t *testing.T) {
	t.Parallel()
	w := forge.Paystack(key).TransferSuccess("ours", 1_500_000)
	before := w.Delivery()
	w.With("amount", 1).Without("status").Fault(forge.BadSignature).SignedWith(secret.New("sk_test_other"))
	require.Equal(t, before, w.Delivery())
}

func TestEveryFaultChangesTheDelivery(t *testing.T) {
	t.Parallel()
	for _, w := range []forge.Webhook{
		forge.Paystack(key).ChargeSuccess("ours", 1_500_000), forge.Paystack(key).ChargeFailed("ours", 1_500_000, "no"),
		forge.Paystack(key).TransferSuccess("ours", 1_275_000), forge.Paystack(key).TransferFailed("ours", 1_275_000),
		forge.Paystack(key).TransferReversed("ours", 1_275_000), forge.Paystack(key).CardSuccess("ours", 1_500_000),
		forge.Paystack(key).Refund("pending", "ours", 1_500_000), forge.Paystack(key).Refund("processing", "ours", 1_500_000),
		forge.Paystack(key).Refund("processed", "ours", 1_500_000), forge.Paystack(key).Refund("failed", "ours", 1_500_000),
		forge.Paystack(key).Refund("needs-attention", "ours", 1_500_000),
	} {
		for _, fault := range forge.Faults {
			require.NotEqual(t, w.Delivery(), w.Fault(fault).Delivery(), fault)
		}
	}
}

func TestTheKeySaysWhoseMoneyItIs(t *testing.T) {
	t.Parallel()
	require.Contains(t, string(forge.Paystack(key).ChargeSuccess("ours", 1).Delivery().Body), `"domain":"test"`)
	require.Contains(t, string(forge.Paystack(secret.New("sk_live_x")).ChargeSuccess("ours", 1).Delivery().Body), `"domain":"live"`)
}

// Four of the five official samples of a refund's notice name no refund.
func TestARefundsNoticeHasTheShapeOfItsSample(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"pending", "processing", "processed", "failed", "needs-attention"} {
		raw, err := os.ReadFile("testdata/webhook.refund." + status + ".json")
		require.NoError(t, err)
		forged := forge.Paystack(key).Refund(status, "ours", 1_500_000).Delivery().Body
		require.Equal(t, shapeOf(t, raw), shapeOf(t, forged), status)
	}
}

// shapeOf is the kind, and the type of each member; null is any.
func shapeOf(t *testing.T, body []byte) map[string]string {
	t.Helper()
	var e struct {
		Event string         `json:"event"`
		Data  map[string]any `json:"data"`
	}
	require.NoError(t, json.Unmarshal(body, &e))
	shape := map[string]string{"event": e.Event}
	for name, value := range e.Data {
		switch value.(type) {
		case string, nil:
			shape[name] = "text"
		case float64:
			shape[name] = "number"
		default:
			shape[name] = "object"
		}
	}
	return shape
}
