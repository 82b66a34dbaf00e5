package fedapay_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

func TestFaultsStrikeBeforeOrAfterTheEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault sandbox.Fault
		code  int // 0: no answer
		json  bool
		taken bool
	}{
		"error before":     {sandbox.Fault{Kind: sandbox.ErrorAnswer, When: sandbox.Before}, 500, true, false},
		"error after":      {sandbox.Fault{Kind: sandbox.ErrorAnswer, When: sandbox.After}, 500, true, true},
		"cut before":       {sandbox.Fault{Kind: sandbox.Cut, When: sandbox.Before}, 0, false, false},
		"cut after":        {sandbox.Fault{Kind: sandbox.Cut, When: sandbox.After}, 0, false, true},
		"too many":         {sandbox.Fault{Kind: sandbox.RateLimited}, 429, true, false},
		"unauthorized":     {sandbox.Fault{Kind: sandbox.Unauthorized}, 401, true, false},
		"malformed before": {sandbox.Fault{Kind: sandbox.Malformed, When: sandbox.Before}, 200, false, false},
		"malformed after":  {sandbox.Fault{Kind: sandbox.Malformed, When: sandbox.After}, 200, false, true},
		"HTML after":       {sandbox.Fault{Kind: sandbox.HTML, When: sandbox.After}, 502, false, true},
		"wrong amount":     {sandbox.Fault{Kind: sandbox.WrongAmount}, 200, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, fedapay.Config{})
			struck := func(method, path string, body any) reply {
				r, err := w.try(method, path, body)
				if c.code == 0 {
					require.Error(t, err)
					return r
				}
				require.NoError(t, err)
				require.Equal(t, c.code, r.code)
				require.Equal(t, c.json, json.Valid(r.raw), string(r.raw))
				return r
			}
			c.fault.Operation, c.fault.Next = "create", 1
			require.NoError(t, w.server.Faults().Add(c.fault))
			created := struck("POST", "/v1/transactions", order("struck", "0500000014"))
			row, found := w.server.Books().Payment("struck")
			require.Equal(t, c.taken, found)
			if c.fault.Kind == sandbox.WrongAmount {
				require.EqualValues(t, 15_001, created.of("transaction")["amount"])
				require.EqualValues(t, 15_000, row.Asked)
			}
			require.Equal(t, 200, w.get("/v1/currencies").code, "other operations go on")

			token := w.created("next", "0500000014")["payment_token"]
			c.fault.Operation = "charge"
			require.NoError(t, w.server.Faults().Add(c.fault))
			struck("POST", "/v1/momo_test", object{"token": token})
			row, _ = w.server.Books().Payment("next")
			require.Equal(t, c.taken, row.Captured == 15_625)
			require.Len(t, w.server.Faults().Counts(), 2)
		})
	}
}

func TestLatencyHoldsTheAnswerBack(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	w := start(t, fedapay.Config{
		Clock:     sandbox.SystemClock{},
		Faults:    []sandbox.Fault{{Kind: sandbox.Latency, LatencyMillis: 10 * 60 * 1000, Next: 1}},
		OnArrival: func(fedapay.Arrival) { arrived <- struct{}{} },
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v1/balances", nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	failed := make(chan error, 1)
	var calling sync.WaitGroup
	calling.Go(func() {
		answer, err := client.Do(request)
		if err == nil {
			err = answer.Body.Close()
		}
		failed <- err
	})
	<-arrived
	cancel() // the client gives up first; Stop does not wait ten minutes either
	require.ErrorIs(t, <-failed, context.Canceled)
	calling.Wait()
}

func TestADarkGatewayRefusesConnections(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	require.Equal(t, 200, w.get("/v1/balances").code)
	w.client.CloseIdleConnections() // a pooled one would be cut, not refused
	w.server.Refuse()
	_, err := w.try(http.MethodPost, "/v1/transactions", order("unsent", "0500000014"))
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "provably not sent")
	require.NoError(t, w.server.Shine())
	w.created("unsent", "0500000014")

	w.server.Cut()
	_, err = w.try(http.MethodPost, "/v1/transactions", order("cut", "0500000014"))
	require.Error(t, err)
	require.False(t, errors.Is(err, syscall.ECONNREFUSED), "anything may have happened")
	require.Equal(t, 200, w.get("/sandbox/books").code, "the sandbox's own paths answer")
	require.NoError(t, w.server.Shine())
	require.Len(t, w.server.Books().Payments, 1)
}

func TestDarknessAskedForOverHTTPEndsByItself(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	require.Equal(t, 400, w.post("/sandbox/dark", object{"mode": "refused"}).code, "nobody could end it")
	require.Equal(t, 400, w.post("/sandbox/dark", object{"mode": "dim"}).code)
	require.Equal(t, 400, w.post("/sandbox/dark", object{"mode": "cut", "for_millis": -1}).code)
	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "cut", "for_millis": 1000}).code)
	_, err := w.try(http.MethodGet, "/v1/balances", nil)
	require.Error(t, err)
	w.pass(time.Second)
	require.Equal(t, 200, w.get("/v1/balances").code)
	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "cut"}).code)
	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "off"}).code)
	require.Equal(t, 200, w.get("/v1/balances").code)

	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "refused", "for_millis": 1000}).code)
	until(t, func() bool {
		_, err := w.try(http.MethodGet, "/v1/balances", nil)
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	until(t, func() bool {
		w.pass(time.Second)
		r, err := w.try(http.MethodGet, "/v1/balances", nil)
		return err == nil && r.code == 200
	})
}

// until calls again and again, each time over the network, until it holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); !holds(); {
		require.True(t, time.Now().Before(end), "never")
	}
}

func TestTheSandboxCanBeAskedAndToldOverHTTP(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	w.key = "" // none is needed
	require.Equal(t, 200, w.post("/sandbox/faults", object{"kind": "cut", "operation": "create", "when": "after", "next": 1}).code)
	require.Equal(t, 200, w.post("/sandbox/faults", []object{{"kind": "latency", "per_mille": 1}}).code)
	for _, body := range []any{
		object{"kind": "cut", "operation": "craete", "next": 1},
		object{"kind": "cutt", "next": 1},
		object{"kind": "cut", "nxet": 1},
		`[`, `{}`,
	} {
		require.Equal(t, 400, w.post("/sandbox/faults", body).code, "%v", body)
	}
	w.key = testKey
	_, err := w.try(http.MethodPost, "/v1/transactions", order("told", "0500000014"))
	require.Error(t, err)
	w.quiet()
	w.key = ""
	require.Contains(t, string(w.get("/sandbox/faults").raw), `"counts":[{"kind":"cut","operation":"create","when":"after","count":1}]`)
	require.Contains(t, string(w.remove("/sandbox/faults").raw), `"rules":[]`)

	var books sandbox.Books
	require.NoError(t, json.Unmarshal(w.get("/sandbox/books").raw, &books))
	require.True(t, books.Balanced())
	require.EqualValues(t, 1, books.Subunits)
	require.EqualValues(t, 15_000, books.Payments[0].Asked)
	require.Contains(t, string(w.get("/sandbox/books?domain=live").raw), `"payments":[]`)
	var deliveries []sandbox.Delivery
	require.NoError(t, json.Unmarshal(w.get("/sandbox/deliveries?reference=told&event=transaction.created").raw, &deliveries))
	require.Equal(t, 200, deliveries[0].Tries[0].Status)
	require.Contains(t, string(w.get("/sandbox/numbers").raw), `"ending":"0010"`)
	require.Equal(t, 404, w.get("/sandbox/nowhere").code)
}
