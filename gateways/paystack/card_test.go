package paystack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/sandbox"
	simulated "github.com/bookmi/cauri/sandbox/paystack"
)

func cardCall() engine.ChargeCall {
	call := chargeCall()
	call.Flow, call.Method, call.Payer = engine.Hosted, engine.Card, engine.Payer{Email: "payer@example.com"}
	return call
}

const initializePath = "/transaction/initialize"

// page is the answer to initialize, about ours.
func page(t *testing.T, address string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"status": true, "message": "Authorization URL created", "data": map[string]any{
		"authorization_url": address, "access_code": "0peioxfhpn", "reference": chargeRef.String(),
	}})
	require.NoError(t, err)
	return string(body)
}

func TestACardPayerIsSentToPaystacksPage(t *testing.T) {
	t.Parallel()
	const address = "https://checkout.paystack.com/0peioxfhpn"
	r := answering(t, map[string]reply{initializePath: {200, page(t, address)}})
	c := client(t, r.URL, func(c *paystack.Config) { c.ReturnURL = "https://shop.example.com/return/{payment}" })
	got, err := c.Charge(t.Context(), cardCall())
	require.NoError(t, err)
	require.Equal(t, engine.ChargeReport{Status: engine.ChargeRedirects, URL: address}, got, "it says nothing about money")
	var sent map[string]any
	require.NoError(t, json.Unmarshal(r.Requests()[0].Body, &sent))
	require.Equal(t, map[string]any{
		"email": "payer@example.com", "amount": "1500000", "currency": "XOF", "reference": chargeRef.String(), "channels": []any{"card"},
		"callback_url": "https://shop.example.com/return/pay_01jd3m5nq8rstvwxyz0123456k",
		"metadata":     `{"booking_id":"booking-42","payment_id":"pay_01jd3m5nq8rstvwxyz0123456k","attempt":1}`,
	}, sent)
}

func TestAPageThatMayNotBeOpenedIsShownToNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		address string
		kind    engine.Kind
	}{
		"elsewhere": {"https://checkout.paystack.com.evil.example/x", engine.Unavailable},
		"plain":     {"http://checkout.paystack.com/x", engine.Unavailable},
		"a script":  {"javascript:alert(1)", engine.Unavailable},
		"nowhere":   {"", engine.Ambiguous},
	} {
		r := answering(t, map[string]reply{initializePath: {200, page(t, c.address)}})
		got, err := client(t, r.URL).Charge(t.Context(), cardCall())
		require.ErrorIs(t, err, c.kind, name)
		require.Empty(t, got, name)
	}
}

// A lost answer to initialize is as ambiguous as one to a charge: the page may
// exist, and its address may have been read on the way.
func TestEveryShapeOfFailureOfAPageIsClassifiedAsACharges(t *testing.T) {
	t.Parallel()
	for _, s := range chargeShapes(t) {
		switch s.name {
		case "200 without the charge's status", "200 about another charge", "400 no funds":
			continue // words of a charge's own answer
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := misbehave(t, s.act)
			c := client(t, r.URL, func(c *paystack.Config) { c.Timeout = 300 * time.Millisecond })
			got, err := c.Charge(t.Context(), cardCall())
			require.Empty(t, got)
			require.ErrorIs(t, err, s.kind, "%v", err)
			require.Equal(t, s.code, engine.CodeOf(err), "%v", err)
			require.Len(t, r.Requests(), 1, "nothing is ever sent twice")
		})
	}
}

// The whole walk at a simulated Paystack: an untouched page is "abandoned", which
// is no end; what the browser brings back is read by nobody; paid is what verify
// says; and nothing about the card stays with us.
func TestACardIsPaidOnThePageAndKnownByAsking(t *testing.T) {
	t.Parallel()
	clock := sandbox.NewManualClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	server := simulated.New(simulated.Config{SecretKeys: []string{testKey}, Clock: clock})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	base, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	c := client(t, base, func(c *paystack.Config) { c.ReturnURL = "https://shop.example.com/back" })
	opened, err := c.Charge(t.Context(), cardCall())
	require.NoError(t, err)
	require.Equal(t, engine.ChargeRedirects, opened.Status)
	asked := engine.InquireCall{Reference: chargeRef, Gateway: engine.Paystack}
	untouched, err := c.InquireCharge(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeAbandoned, untouched.Status)

	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	back, err := browser.PostForm(opened.URL, url.Values{"do": {"pay"}})
	require.NoError(t, err)
	require.NoError(t, back.Body.Close())
	require.Contains(t, back.Header.Get("Location"), "https://shop.example.com/back?")
	paid, err := c.InquireCharge(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeSucceeded, paid.Status)
	require.EqualValues(t, 15_000, paid.Amount)
	_, err = c.Charge(t.Context(), cardCall())
	require.ErrorIs(t, err, engine.Ambiguous, "a second page of one reference is refused: an earlier one exists")
	require.Equal(t, engine.CodeDuplicateReference, engine.CodeOf(err))
}
