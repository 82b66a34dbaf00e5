package fedapay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

func TestTheSignatureIsThePublishedOne(t *testing.T) {
	t.Parallel()
	var vector struct {
		Secret string `json:"secret"`
		At     int64  `json:"timestamp"`
		Body   string `json:"raw_body"`
		Hex    string `json:"signature_hex"`
	}
	require.NoError(t, json.Unmarshal(sample(t, "webhook_signature_vector"), &vector))
	require.Equal(t, vector.Hex, fedapay.Signature(vector.Secret, strconv.FormatInt(vector.At, 10), []byte(vector.Body)))
}

func TestEachTryIsSignedAnewAndByEverySecret(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL, WebhookSecrets: []string{testHook, "wh_sandbox_next", liveHook}})
	hooks.answers(http.StatusServiceUnavailable)
	w.created("order", "0500000001")
	w.quiet()
	w.pass(30 * time.Second)
	got := hooks.got()
	require.Len(t, got, 2)
	require.Equal(t, got[0].raw, got[1].raw, "byte for byte")
	at := morning().Unix()
	require.Contains(t, got[0].signature, fmt.Sprintf("t=%d,s=", at))
	require.Contains(t, got[1].signature, fmt.Sprintf("t=%d,s=", at+30))
	for _, h := range got {
		require.True(t, h.signedWith(testHook))
		require.True(t, h.signedWith("wh_sandbox_next"), "while secrets change")
		require.False(t, h.signedWith(liveHook))
	}
}

func TestAWebhookIsTriedTenTimesAndThenTheEndpointIsDisabled(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	hooks.answers(http.StatusInternalServerError)
	w.created("deaf", "0500000001")
	w.quiet()
	require.Len(t, hooks.got(), 1)
	for i, gap := range []time.Duration{30, 60, 120, 120, 120, 120, 120, 120, 120} {
		require.True(t, w.server.Endpoint().Enabled)
		w.pass(gap*time.Second - time.Second)
		require.Len(t, hooks.got(), i+1)
		w.pass(time.Second)
		require.Len(t, hooks.got(), i+2)
	}
	require.Equal(t, sandbox.GivenUp, w.server.Deliveries()[0].State)
	endpoint := w.server.Endpoint()
	require.False(t, endpoint.Enabled)
	require.Equal(t, 10, endpoint.FailuresInARow)
	shown := w.get("/v1/webhooks").list("webhooks")[0].(map[string]any)
	require.Equal(t, false, shown["enabled"])
	require.Equal(t, hooks.URL, shown["url"])

	hooks.answers(http.StatusOK)
	w.paid("unheard", "0500000001")
	require.Len(t, hooks.got(), 10, "a disabled endpoint hears nothing")
	w.server.Enable()
	w.quiet()
	require.Len(t, hooks.got(), 10, "what was lost stays lost")
	var missed []string
	for _, e := range w.get("/v1/events").list("events") {
		missed = append(missed, e.(map[string]any)["type"].(string))
	}
	require.Equal(t, []string{"transaction.approved", "transaction.created", "transaction.created"}, missed, "but for whoever asks")
	w.paid("heard", "0500000001")
	require.Len(t, hooks.got(), 12)
	require.Zero(t, w.server.Endpoint().FailuresInARow)
}

func TestAnEndpointStaysEnabledWhenItIsNotToBeDisabledOnError(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	hooks.answers(http.StatusInternalServerError)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL, KeepEnabled: true})
	w.created("deaf", "0500000001")
	w.quiet()
	w.tryAll()
	require.Equal(t, sandbox.GivenUp, w.server.Deliveries()[0].State)
	require.True(t, w.server.Endpoint().Enabled)
	hooks.answers(http.StatusNoContent)
	w.created("heard", "0500000001")
	w.quiet()
	require.Equal(t, sandbox.Done, w.server.Deliveries()[1].State, "any 2xx")

	hooks.answers(http.StatusFound)
	w.server.DisableOnError(true)
	w.created("moved", "0500000001")
	w.quiet()
	w.tryAll()
	require.False(t, w.server.Endpoint().Enabled, "a redirect is no 2xx")
}

func TestTenFailuresOfAnyEventsMayDisableTheEndpoint(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	hooks.answers(http.StatusInternalServerError)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL, DeliveryWorkers: 1, Guesses: fedapay.Guesses{TenOfAnyEvents: true}})
	for i := range 12 {
		w.created(fmt.Sprintf("order%d", i), "0500000001")
		w.quiet()
	}
	require.False(t, w.server.Endpoint().Enabled)
	require.Len(t, hooks.got(), 10)
	w.tryAll()
	require.Len(t, hooks.got(), 10, "those that waited are lost when their turn comes")
	for _, d := range w.server.Deliveries() {
		require.Equal(t, sandbox.Lost, d.State)
	}
	w.key = liveKey
	w.created("live", "0500000001")
	w.quiet()
	require.Len(t, hooks.got(), 11, "the other domain's endpoint is another")
}

func TestTheEndpointCanBeSwitchedOverHTTP(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	r := w.post("/sandbox/endpoint", object{"enabled": false, "disable_on_error": false})
	require.Equal(t, 200, r.code)
	require.Equal(t, false, r.json["enabled"])
	w.created("unheard", "0500000001")
	w.quiet()
	require.Empty(t, hooks.got())
	require.Equal(t, sandbox.Lost, w.server.Deliveries()[0].State)
	require.Equal(t, true, w.post("/sandbox/endpoint", object{"enabled": true}).json["enabled"])
	require.Equal(t, false, w.get("/sandbox/endpoint").json["disable_on_error"], "what is left out stays")
	require.Equal(t, 400, w.post("/sandbox/endpoint", object{"enabbled": true}).code)
	require.Equal(t, "", w.get("/sandbox/endpoint?domain=nowhere").json["domain"])
	w.server.PointWebhooksAt(hooks.URL + "/elsewhere")
	require.Equal(t, hooks.URL+"/elsewhere", w.server.Endpoint().URL)
	w.created("heard", "0500000001")
	w.quiet()
	require.Len(t, hooks.got(), 1)
}

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	one := func(reference string, fault sandbox.Fault) []hook {
		fault.Operation, fault.Next = "transaction.created", 1
		require.NoError(t, w.server.Faults().Add(fault))
		before := len(hooks.got())
		w.created(reference, "0500000001")
		w.quiet()
		return hooks.got()[before:]
	}
	require.Empty(t, one("lost", sandbox.Fault{Kind: sandbox.WebhookLoss}))
	require.Len(t, one("thrice", sandbox.Fault{Kind: sandbox.WebhookDuplicates, Copies: 3}), 3)
	require.Empty(t, one("delayed", sandbox.Fault{Kind: sandbox.WebhookDelay, LatencyMillis: 5000}))
	w.pass(5 * time.Second)
	wrong := one("wrong", sandbox.Fault{Kind: sandbox.WebhookAmount})
	require.EqualValues(t, 15_001, wrong[0].entity["amount"])
	require.True(t, wrong[0].signedWith(testHook), "and signed all the same")
	require.Empty(t, one("second", sandbox.Fault{Kind: sandbox.WebhookReorder}))
	w.created("first", "0500000001")
	w.quiet()
	got := hooks.got()
	require.Equal(t, "first", got[len(got)-2].entity["merchant_reference"])
	require.Equal(t, "second", got[len(got)-1].entity["merchant_reference"])
}

func TestALateWebhookComesTenMinutesAfter(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL, Speed: 10})
	w.created("late", "0500000032")
	w.pass(time.Minute - time.Second)
	require.Empty(t, hooks.got())
	w.pass(time.Second)
	require.Len(t, hooks.got(), 1, "ten minutes at this speed")
}
