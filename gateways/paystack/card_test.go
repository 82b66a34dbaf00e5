package paystack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/paystack"
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
		switch s.Name {
		case "200 without the charge's status", "200 about another charge", "400 no funds":
			continue // words of a charge's own answer
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := misbehave(t, s.Act)
			c := client(t, r.URL, func(c *paystack.Config) { c.Timeout = 300 * time.Millisecond })
			got, err := c.Charge(t.Context(), cardCall())
			require.Empty(t, got)
			require.ErrorIs(t, err, s.Kind, "%v", err)
			require.Equal(t, s.Code, engine.CodeOf(err), "%v", err)
			require.Len(t, r.Requests(), 1, "nothing is ever sent twice")
		})
	}
}

// A hosted page can be for a wallet too; what the payer sees there is Paystack's.
func TestAWalletMaySendItsPayerToThePage(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{initializePath: {200, page(t, "https://checkout.paystack.com/x")}})
	call := chargeCall()
	call.Flow = engine.Hosted
	got, err := client(t, r.URL).Charge(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeRedirects, got.Status)
	require.Zero(t, got.Window)
	body := string(r.Requests()[0].Body)
	require.Contains(t, body, `"channels":["mobile_money"]`)
	require.NotContains(t, body, "callback_url", "Paystack's dashboard says where")
	require.NotContains(t, body, "0700000000", "the payer types their number there")
}

func TestAPageNobodyCouldOpenIsNotAskedFor(t *testing.T) {
	t.Parallel()
	r := answering(t, nil)
	for name, change := range map[string]func(*engine.ChargeCall){
		"naira":           func(c *engine.ChargeCall) { c.Currency = "NGN" },
		"cash":            func(c *engine.ChargeCall) { c.Method = "cash" },
		"nothing":         func(c *engine.ChargeCall) { c.Amount = 0 },
		"a payout's name": func(c *engine.ChargeCall) { c.Reference = payoutRef },
		"no address":      func(c *engine.ChargeCall) { c.Payer.Email = "" },
	} {
		call := cardCall()
		change(&call)
		_, err := client(t, r.URL).Charge(t.Context(), call)
		require.ErrorIs(t, err, engine.Unsupported, name)
	}
	require.Empty(t, r.Requests())
}

// tap is a proxy that keeps every byte of ours on its way to a gateway.
func tap(t *testing.T, gateway string) (address string, sent func() string) {
	t.Helper()
	to, err := url.Parse(gateway)
	require.NoError(t, err)
	var mu sync.Mutex
	var all bytes.Buffer
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := httputil.DumpRequest(r, true)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		if r.Header.Get("Authorization") != "" { // the payer's browser has none
			mu.Lock()
			all.Write(request)
			mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// The whole walk at a simulated Paystack: an untouched page is "abandoned", which
// is no end; what the browser brings back is read by nobody; paid is what verify
// says; and nothing about the card is sent, logged, reported or stored by us.
func TestACardIsPaidOnThePageAndItsDigitsNeverComeNearUs(t *testing.T) {
	t.Parallel()
	w := world(t, simulated.Guesses{})
	address, sent := tap(t, w.address)
	var logged bytes.Buffer
	c := client(t, address, func(c *paystack.Config) {
		c.ReturnURL = "https://shop.example.com/back"
		c.Observer = paystack.Observer{
			Called: func(op paystack.Operation, failure *engine.Error, _ time.Duration) {
				fmt.Fprintf(&logged, "%s %v\n", op, failure)
			},
			Unknown: func(where, value string) { fmt.Fprintf(&logged, "%s %s\n", where, value) },
		}
	})
	opened, err := c.Charge(t.Context(), cardCall())
	require.NoError(t, err)
	require.Equal(t, engine.ChargeRedirects, opened.Status)
	asked := engine.InquireCall{Reference: chargeRef, Gateway: engine.Paystack}
	untouched, err := c.InquireCharge(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeAbandoned, untouched.Status)

	browser := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	back, err := browser.PostForm(opened.URL, url.Values{"do": {"pay"}})
	require.NoError(t, err)
	require.NoError(t, back.Body.Close())
	require.Contains(t, back.Header.Get("Location"), "https://shop.example.com/back?")
	w.Soon()
	paid, err := c.InquireCharge(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeSucceeded, paid.Status)
	require.EqualValues(t, 15_000, paid.Amount)
	_, err = c.Charge(t.Context(), cardCall())
	require.ErrorIs(t, err, engine.Ambiguous, "a second page of one reference is refused: an earlier one exists")
	require.Equal(t, engine.CodeDuplicateReference, engine.CodeOf(err))
	require.NotContains(t, sent(), "/charge/", "the page's charge is asked about at verify alone")

	came := w.Inbox.Came()
	require.Len(t, came, 1)
	require.Contains(t, string(came[0].Body), `"last4":"4081"`, "Paystack does tell of the card")
	n, err := w.Webhooks.Parse(engine.Delivery{Signature: came[0].Signatures[0], Body: came[0].Body, ReceivedAt: came[0].At})
	require.NoError(t, err)
	ours := fmt.Sprintf("%s\n%s\n%s\n%+v\n%+v\n%+v", sent(), logged.String(), n.Delivery.Body, n.Charge, paid, opened)
	for _, digits := range []string{"408408", "4081", "AUTH_", "visa", "exp_", "cvv"} {
		require.NotContains(t, ours, digits)
	}
}
