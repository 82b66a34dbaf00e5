package forge_test

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/secret"
)

var endpoint = forge.FedaPay(secret.New("wh_sandbox_fixture"), time.Date(2026, 11, 22, 10, 0, 30, 0, time.UTC))

func TestTheForgeSignsAsFedaPaysVector(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/webhook_signature_vector.json")
	require.NoError(t, err)
	var v struct {
		Secret string `json:"secret"`
		At     int64  `json:"timestamp"`
		Body   string `json:"raw_body"`
		Hex    string `json:"signature_hex"`
	}
	require.NoError(t, json.Unmarshal(raw, &v))
	require.Equal(t, v.Hex, forge.SignFedaPay(secret.New(v.Secret), strconv.FormatInt(v.At, 10), []byte(v.Body)))
}

func TestEveryFaultOfFedaPaysChangesTheDelivery(t *testing.T) {
	t.Parallel()
	for _, w := range []forge.FedaPayWebhook{
		endpoint.Approved("ours", 15_000), endpoint.Transferred("ours", 15_000), endpoint.Declined("ours", 15_000),
		endpoint.Canceled("ours", 15_000), endpoint.Created("ours", 15_000), endpoint.Refunded("ours", 15_000),
	} {
		for _, fault := range forge.FedaPayFaults {
			require.NotEqual(t, w.Delivery(), w.Fault(fault).Delivery(), fault)
		}
		require.Equal(t, w.Delivery(), w.Times(3).Deliveries()[2])
	}
}

func TestAChangeOfFedaPaysMakesACopy(t *testing.T) {
	t.Parallel()
	w := endpoint.Approved("ours", 15_000)
	before := w.Delivery()
	w.With("amount", 1).Without("status").Fault(forge.BadSignature).SignedWith(secret.New("wh_sandbox_other"))
	require.Equal(t, before, w.Delivery())
}
