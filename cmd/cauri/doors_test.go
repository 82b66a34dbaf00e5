package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/secret"
)

// doored is an engine of two nodes whose doors are as production has them.
func doored(t *testing.T) (first, second *platform) {
	t.Helper()
	first = startPlatform(t)
	other := *first
	second = &other
	for _, p := range []*platform{first, second} {
		p.app = p.node(t, func(s *Settings) {
			s.EdgeSettings = counting()
			s.TrustedProxies = []string{"127.0.0.0/8"}
			s.PaystackSources, s.PaystackSourcesEnforced = publishedSources, true
		})
	}
	return first, second
}

// Nobody's phone rings more often because we are two (S-19).
func TestTwoNodesAskAPhoneFiveTimesInAll(t *testing.T) {
	t.Parallel()
	first, second := doored(t)
	for i := range 5 {
		p := []*platform{first, second}[i%2]
		begun := p.initiate(t, fmt.Sprintf("B%d", i), "orange", "0700000000")
		require.Contains(t, []int{202, 409}, begun.status, begun.raw) // a second request of one amount waits for the first
	}
	for i, p := range []*platform{first, second} {
		begun := p.initiate(t, "B9", "orange", "+2250700000000")
		require.Equal(t, 429, begun.status, begun.raw)
		require.Equal(t, "rate_limited", begun.at("code"))
		require.Contains(t, begun.at("display_text"), "10 min")
		require.Equal(t, 202, p.initiate(t, fmt.Sprintf("C%d", i), "wave", fmt.Sprintf("050000000%d", i)).status, "another phone")
	}
}

func TestTheProgramKnowsWhoComesAndFromWhere(t *testing.T) {
	t.Parallel()
	p, _ := doored(t)
	for range 30 {
		guess := p.call(t, http.MethodGet, "/v1/payments/x", "", "Authorization", "Bearer x", "X-Forwarded-For", "203.0.113.9")
		require.Equal(t, 401, guess.status, guess.raw)
	}
	guess := p.call(t, http.MethodGet, "/v1/payments/x", "", "Authorization", "Bearer x", "X-Forwarded-For", "1.1.1.1, 203.0.113.9")
	require.Equal(t, 429, guess.status, guess.raw)
	require.Equal(t, 404, p.call(t, http.MethodGet, "/v1/payments/x", "", "X-Forwarded-For", "203.0.113.9").status, "a right key")

	signature := "0"
	hook := p.call(t, http.MethodPost, "/webhooks/paystack", "{}", "X-Paystack-Signature", signature, "X-Forwarded-For", publishedSources[0])
	require.Equal(t, 401, hook.status, "an address is no signature")
	signature = forge.Sign(secret.New(developmentPaystackKey), []byte("{}"))
	hook = p.call(t, http.MethodPost, "/webhooks/paystack", "{}", "X-Paystack-Signature", signature, "X-Forwarded-For", "203.0.113.10")
	require.Equal(t, 403, hook.status, hook.raw)
	require.Equal(t, "source_unknown", hook.at("code"))
	hook = p.call(t, http.MethodPost, "/webhooks/paystack", "{}", "X-Paystack-Signature", signature, "X-Forwarded-For", publishedSources[0])
	require.Equal(t, 200, hook.status, hook.raw)
}
