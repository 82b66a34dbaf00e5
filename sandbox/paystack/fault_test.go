package paystack_test

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
	"github.com/bookmi/cauri/sandbox/paystack"
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
			w := start(t, paystack.Config{})
			c.fault.Operation, c.fault.Next = "charge", 1
			require.NoError(t, w.server.Faults().Add(c.fault))
			r, err := w.try(http.MethodPost, "/charge", charge("struck", "mtn", "0500000014"))
			if c.code == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, c.code, r.code)
				require.Equal(t, c.json, json.Valid(r.raw), string(r.raw))
			}
			row, found := w.server.Books().Payment("struck")
			require.Equal(t, c.taken, found)
			require.Equal(t, c.taken, row.Captured == 500_000)
			if c.fault.Kind == sandbox.WrongAmount {
				require.EqualValues(t, 500_100, r.data()["amount"])
			}
			if c.fault.Kind == sandbox.RateLimited {
				require.JSONEq(t, string(sample(t, "error.rate_limited.429")), string(r.raw))
			}
			if c.fault.Kind == sandbox.ErrorAnswer {
				require.JSONEq(t, string(sample(t, "error.server.500")), string(r.raw))
			}
			require.Equal(t, 200, w.get("/balance").code, "other operations go on")
			require.Equal(t, 200, w.post("/charge", charge("next", "mtn", "0500000014")).code, "and so does the next call")
			require.Equal(t, 1, w.server.Faults().Counts()[0].Count)
		})
	}
}

func TestARateLimitSaysHowLongItsWindowStillIs(t *testing.T) {
	t.Parallel()
	for left, told := range map[time.Duration]string{0: "30", 90 * time.Second: "90", time.Millisecond: "1"} {
		w := start(t, paystack.Config{
			Timings: paystack.Timings{RateReset: left}, Faults: []sandbox.Fault{{Kind: sandbox.RateLimited, Next: 1}},
		})
		r := w.get("/balance")
		require.Equal(t, 429, r.code)
		require.Equal(t, told, r.header.Get("x-ratelimit-reset"))
	}
}

func TestLatencyHoldsTheAnswerBack(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	w := start(t, paystack.Config{
		Clock:     sandbox.SystemClock{},
		Faults:    []sandbox.Fault{{Kind: sandbox.Latency, LatencyMillis: 10 * 60 * 1000, Next: 1}},
		OnArrival: func(paystack.Arrival) { arrived <- struct{}{} },
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/balance", nil)
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

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{WebhookURL: hooks.URL})
	one := func(reference string, fault sandbox.Fault) []string {
		fault.Operation, fault.Next = "charge.success", 1
		require.NoError(t, w.server.Faults().Add(fault))
		before := len(hooks.got())
		w.post("/charge", charge(reference, "mtn", "0500000014"))
		w.quiet()
		return hooks.events()[before:]
	}
	require.Empty(t, one("lost", sandbox.Fault{Kind: sandbox.WebhookLoss}))
	require.Len(t, one("thrice", sandbox.Fault{Kind: sandbox.WebhookDuplicates, Copies: 3}), 3)
	require.Empty(t, one("delayed", sandbox.Fault{Kind: sandbox.WebhookDelay, LatencyMillis: 5000}))
	w.pass(5 * time.Second)
	require.Len(t, hooks.got(), 4)
	require.Len(t, one("wrong", sandbox.Fault{Kind: sandbox.WebhookAmount, Amount: 7}), 1)
	require.EqualValues(t, 7, hooks.got()[4].data["amount"])

	require.Empty(t, one("second", sandbox.Fault{Kind: sandbox.WebhookReorder}))
	w.post("/charge", charge("first", "mtn", "0500000014"))
	w.quiet()
	require.Equal(t, "first", hooks.got()[5].data["reference"])
	require.Equal(t, "second", hooks.got()[6].data["reference"])
	require.Empty(t, one("alone", sandbox.Fault{Kind: sandbox.WebhookReorder}))
	w.pass(30 * time.Second)
	require.Equal(t, "alone", hooks.got()[7].data["reference"], "sent although none came after")
	require.Len(t, hooks.got(), 8)
}

func TestAWebhookIsTriedOnPaystacksSchedule(t *testing.T) {
	t.Parallel()
	for domain, c := range map[string]struct {
		key  string
		gaps []time.Duration
	}{
		"live": {liveKey, append([]time.Duration{3 * time.Minute, 3 * time.Minute, 3 * time.Minute}, hours(72)...)},
		"test": {testKey, hours(10)},
	} {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			hooks := receive(t)
			w := start(t, paystack.Config{WebhookURL: hooks.URL})
			w.key = c.key
			hooks.answers(http.StatusAccepted) // not exactly 200
			w.post("/charge", charge("deaf", "mtn", "0500000014"))
			w.quiet()
			require.Len(t, hooks.got(), 1)
			for i, gap := range c.gaps {
				w.pass(gap - time.Second)
				require.Len(t, hooks.got(), i+1)
				w.pass(time.Second)
				require.Len(t, hooks.got(), i+2)
			}
			w.pass(1000 * time.Hour)
			require.Len(t, hooks.got(), len(c.gaps)+1)
			one := w.server.Deliveries()[0]
			require.Equal(t, sandbox.GivenUp, one.State)
			require.Equal(t, http.StatusAccepted, one.Tries[0].Status)
		})
	}
}

func hours(n int) []time.Duration {
	gaps := make([]time.Duration, n)
	for i := range gaps {
		gaps[i] = time.Hour
	}
	return gaps
}

func TestAWebhookAnswered200IsDone(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{WebhookURL: hooks.URL, Speed: 60})
	hooks.answers(http.StatusServiceUnavailable)
	w.post("/charge", charge("deaf", "mtn", "0500000014"))
	w.quiet()
	hooks.answers(http.StatusOK)
	w.pass(time.Minute) // an hour at this speed
	require.Len(t, hooks.got(), 2)
	require.Equal(t, hooks.got()[0], hooks.got()[1], "byte for byte, signature too")
	w.pass(1000 * time.Hour)
	require.Len(t, hooks.got(), 2)
	require.Equal(t, sandbox.Done, w.server.Deliveries()[0].State)
}

func TestTheSignatureIsThePublishedOne(t *testing.T) {
	t.Parallel()
	var vector struct {
		Key  string `json:"secret_key"`
		Body string `json:"raw_body"`
		Hex  string `json:"expected_hex"`
	}
	require.NoError(t, json.Unmarshal(sample(t, "constructed.webhook.signature_vector"), &vector))
	require.Equal(t, vector.Hex, paystack.Signature(vector.Key, []byte(vector.Body)))
}

func TestADarkGatewayRefusesConnections(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	require.Equal(t, 200, w.get("/balance").code)
	w.client.CloseIdleConnections() // a pooled one would be cut, not refused
	w.server.Refuse()
	_, err := w.try(http.MethodPost, "/charge", charge("unsent", "mtn", "0500000014"))
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "provably not sent")
	require.NoError(t, w.server.Shine())
	require.Equal(t, 200, w.post("/charge", charge("unsent", "mtn", "0500000014")).code)

	w.server.Cut()
	_, err = w.try(http.MethodPost, "/charge", charge("cut", "mtn", "0500000014"))
	require.Error(t, err)
	require.False(t, errors.Is(err, syscall.ECONNREFUSED), "anything may have happened")
	require.Equal(t, 200, w.get("/sandbox/books").code, "the sandbox's own paths answer")
	require.NoError(t, w.server.Shine())
	require.Len(t, w.server.Books().Payments, 1)
}

func TestDarknessAskedForOverHTTPEndsByItself(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	require.Equal(t, 400, w.post("/sandbox/dark", object{"mode": "refused"}).code, "nobody could end it")
	require.Equal(t, 400, w.post("/sandbox/dark", object{"mode": "dim"}).code)
	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "cut", "for_millis": 1000}).code)
	_, err := w.try(http.MethodGet, "/balance", nil)
	require.Error(t, err)
	w.pass(time.Second)
	require.Equal(t, 200, w.get("/balance").code)
	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "cut"}).code)
	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "off"}).code)
	require.Equal(t, 200, w.get("/balance").code)

	require.Equal(t, 200, w.post("/sandbox/dark", object{"mode": "refused", "for_millis": 1000}).code)
	until(t, func() bool {
		_, err := w.try(http.MethodGet, "/balance", nil)
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	until(t, func() bool {
		w.pass(time.Second)
		r, err := w.try(http.MethodGet, "/balance", nil)
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
	w := start(t, paystack.Config{WebhookURL: hooks.URL})
	w.key = "" // none is needed
	require.Equal(t, 200, w.post("/sandbox/faults", object{"kind": "cut", "operation": "charge", "when": "after", "next": 1}).code)
	require.Equal(t, 200, w.post("/sandbox/faults", []object{{"kind": "latency", "per_mille": 1}}).code)
	for _, body := range []any{
		object{"kind": "cut", "operation": "chrage", "next": 1},
		object{"kind": "cutt", "next": 1},
		object{"kind": "cut", "nxet": 1},
		object{"kind": "cut"},
		`[`, `{}`,
	} {
		require.Equal(t, 400, w.post("/sandbox/faults", body).code, "%v", body)
	}
	w.key = testKey
	_, err := w.try(http.MethodPost, "/charge", charge("told", "mtn", "0500000014"))
	require.Error(t, err)
	w.quiet()
	w.key = ""
	require.Contains(t, string(w.get("/sandbox/faults").raw), `"counts":[{"kind":"cut","operation":"charge","when":"after","count":1}]`)
	cleared, err := w.try(http.MethodDelete, "/sandbox/faults", nil)
	require.NoError(t, err)
	require.Contains(t, string(cleared.raw), `"rules":[]`)

	var books sandbox.Books
	require.NoError(t, json.Unmarshal(w.get("/sandbox/books").raw, &books))
	require.True(t, books.Balanced())
	require.EqualValues(t, 500_000, books.Payments[0].Captured)
	require.Contains(t, string(w.get("/sandbox/books?domain=live").raw), `"payments":[]`)
	var deliveries []sandbox.Delivery
	require.NoError(t, json.Unmarshal(w.get("/sandbox/deliveries?reference=told&event=charge.success").raw, &deliveries))
	require.Equal(t, 200, deliveries[0].Tries[0].Status)
	require.Contains(t, string(w.get("/sandbox/numbers").raw), `"ending":"0010"`)
	require.Equal(t, 404, w.get("/sandbox/nowhere").code)
}
