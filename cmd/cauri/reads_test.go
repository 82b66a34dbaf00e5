package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox"
)

// follow takes a payment's events from a node.
func (p *platform) follow(t *testing.T, node string, id any) func() (id, event string, payment told) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s/v1/payments/%s/events", node, id), nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+developmentAPIKey)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() }) // nobody reads it any more
	require.Equal(t, 200, response.StatusCode)
	lines := bufio.NewScanner(response.Body)
	return func() (id, event string, payment told) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				id = value
			case "event":
				event = value
			case "data":
				require.NoError(t, json.Unmarshal([]byte(value), &payment.body))
				return id, event, payment
			}
		}
		require.NoError(t, lines.Err())
		require.Fail(t, "the stream ended")
		return "", "", told{}
	}
}

// A phone is connected to one engine, and the gateway's webhook comes to another: what
// passes between them is a hint, and the facts are read from the database.
func TestAPhoneOnOneEngineIsToldWhatAnotherWasTold(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, sandbox.Fault{Kind: sandbox.WebhookLoss, Operation: "charge.success", PerMille: 1000})
	there := p.node(t).url()
	begun := p.initiate(t, "B1", "mtn", "0500000020") // a payer who does not answer: only our webhook tells
	require.Equal(t, 202, begun.status, begun.raw)
	hears := p.follow(t, p.url(), begun.at("id"))
	_, event, now := hears()
	require.Equal(t, "payment", event)
	require.Equal(t, "processing", now.at("status"))
	var waited told
	var phone sync.WaitGroup
	phone.Go(func() {
		waited = p.call(t, http.MethodGet, fmt.Sprintf("/v1/payments/%s?wait=25s&since_version=%v", begun.at("id"), now.at("version")), "")
	})

	reference, err := engine.ParseReference(begun.at("reference").(string))
	require.NoError(t, err)
	paid := forge.Paystack(secret.New(developmentPaystackKey)).ChargeSuccess(reference.String(), 50_000*100).Delivery()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, there+"/webhooks/paystack", bytes.NewReader(paid.Body))
	require.NoError(t, err)
	request.Header.Set(paid.Header, paid.Signatures[0])
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 200, response.StatusCode)

	id, event, fact := hears()
	require.Equal(t, []string{"1", "payment.received"}, []string{id, event})
	require.Equal(t, begun.at("id"), fact.at("payment_id"))
	_, event, now = hears()
	require.Equal(t, "payment", event)
	require.Equal(t, "held", now.at("hold.status"))
	phone.Wait()
	require.Equal(t, "succeeded", waited.at("status"), waited.raw)
}

func TestPaymentsAreListedSearchedAndTakenAsATable(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	for n := range 3 {
		begun := p.initiate(t, fmt.Sprintf("B%d", n), "mtn", fmt.Sprintf("050000100%d", n))
		require.Equal(t, 202, begun.status, begun.raw)
		p.becomes(t, begun.at("id"), "status", "succeeded")
	}
	page := p.call(t, http.MethodGet, "/v1/payments?limit=2&status=succeeded", "")
	require.Len(t, page.at("payments"), 2, page.raw)
	rest := p.call(t, http.MethodGet, "/v1/payments?limit=2&status=succeeded&cursor="+page.at("next").(string), "")
	require.Len(t, rest.at("payments"), 1, rest.raw)
	require.Nil(t, rest.at("next"))
	one := rest.at("payments").([]any)[0].(map[string]any)
	for _, name := range []string{one["id"].(string), one["reference"].(string), "B0", "05 00 00 10 00", "+2250500001000"} {
		found := p.call(t, http.MethodGet, "/v1/payments?query="+url.QueryEscape(name), "")
		require.Len(t, found.at("payments"), 1, "%s: %s", name, found.raw)
		require.Contains(t, found.raw, one["id"].(string))
		require.NotContains(t, found.raw, "0500001000", "masked")
	}
	table := p.call(t, http.MethodGet, "/v1/payments?format=csv", "")
	require.Equal(t, 4, strings.Count(table.raw, "\r\n"), table.raw)
	p.call(t, http.MethodPost, "/v1/booking_requests/B0/confirm_delivery", "")
	require.Eventually(t, func() bool {
		return strings.Contains(p.call(t, http.MethodGet, "/v1/payouts?waiting=wallet_missing", "").raw, one["id"].(string))
	}, 20*time.Second, 30*time.Millisecond)
}
