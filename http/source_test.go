package http_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

// paystackAddresses are those Paystack publishes, for test and live.
var paystackAddresses = []string{"52.31.139.75", "52.49.173.169", "52.214.14.220"}

// startKnowing is a server that knows where Paystack's webhooks come from.
func startKnowing(t *testing.T, enforced bool, sources ...string) *edge {
	t.Helper()
	known, err := http.ParseNetworks(sources)
	require.NoError(t, err)
	e := startWith(t, http.Receiver{
		Webhooks: paystack, Header: signatureName, Sources: known, SourcesEnforced: enforced,
	}, behind(t, "127.0.0.0/8"))
	e.gateway = onPhone
	return e
}

const strangeAddress = "webhooks come from an address that is not the gateway's"

func TestASignedWebhookFromElsewhereIsTakenAndTold(t *testing.T) {
	t.Parallel()
	e := startKnowing(t, false, paystackAddresses...)
	p := e.initiated(t, "bk_1")
	body := successBody(t, p.Reference, p.Amount)
	for _, address := range paystackAddresses {
		require.Equal(t, 200, e.deliver(t, body, from(address)).status)
	}
	require.NotContains(t, e.log.String(), strangeAddress)
	for range 5 {
		require.Equal(t, 200, e.deliver(t, body, from("203.0.113.9")).status)
	}
	require.Equal(t, 200, e.deliver(t, body, from("52.31.139.75, 203.0.113.9")).status, "what the sender claims is nobody's address")
	require.Equal(t, 1, strings.Count(e.log.String(), strangeAddress), "once a minute")
	e.passes(time.Minute)
	require.Equal(t, 200, e.deliver(t, body).status, "a proxy that does not say for whom")
	require.Equal(t, 2, strings.Count(e.log.String(), strangeAddress))
	require.Equal(t, 401, e.deliver(t, body, from("203.0.113.9"), headers{signatureName: ""}).status)
	metrics := e.adminPage(t, "/metrics")
	require.Contains(t, metrics, `cauri_webhooks_source_total{gateway="paystack",known="true"} 3`)
	require.Contains(t, metrics, `cauri_webhooks_source_total{gateway="paystack",known="false"} 7`)
}

func TestEnforcedOnlyTheGatewaysOwnAddressesAreTaken(t *testing.T) {
	t.Parallel()
	e := startKnowing(t, true, paystackAddresses...)
	p := e.initiated(t, "bk_1")
	body := successBody(t, p.Reference, p.Amount)
	a := e.deliver(t, body, from("203.0.113.9"))
	require.Equal(t, 403, a.status, "%s", a.body)
	require.Equal(t, engine.Code("source_unknown"), a.problem(t).Code)
	require.Equal(t, 403, e.deliver(t, `not json`, from("203.0.113.9")).status)
	require.Equal(t, 401, e.deliver(t, body, from("52.31.139.75"), headers{signatureName: ""}).status, "an address is no signature")
	require.Empty(t, e.parked)
	require.Empty(t, e.told)
	require.JSONEq(t, `{"outcome":"changed"}`, string(e.deliver(t, body, from("52.31.139.75")).body))
	metrics := e.adminPage(t, "/metrics")
	require.Contains(t, metrics, `cauri_webhooks_total{gateway="paystack",result="elsewhere"} 2`)
	require.Contains(t, metrics, `cauri_webhooks_source_total{gateway="paystack",known="false"} 2`)
	require.Contains(t, metrics, `cauri_webhooks_source_total{gateway="paystack",known="true"} 1`)
}

func TestAGatewayThatNamesNoAddressIsTakenFromAnywhere(t *testing.T) {
	t.Parallel()
	e := startKnowing(t, false)
	p := e.initiated(t, "bk_1")
	require.Equal(t, 200, e.deliver(t, successBody(t, p.Reference, p.Amount), from("203.0.113.9")).status)
	require.NotContains(t, e.adminPage(t, "/metrics"), "cauri_webhooks_source_total{")
	require.NotContains(t, e.log.String(), strangeAddress)
}
