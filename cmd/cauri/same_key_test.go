package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox"
)

// intended is one thing a caller means, sent by many at once and under one key.
type intended struct {
	method, path, body string
	status             int
	effects            map[string]int // what the database then has, by query
}

// sentFiftyTimes sends it to two engines at once and returns the one answer they gave.
func (p *platform) sentFiftyTimes(t *testing.T, other, key string, what intended) string {
	t.Helper()
	const callers = 50
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	type told struct {
		status         int
		body, replayed string
	}
	answers := make(chan told, callers)
	var gate, done sync.WaitGroup
	gate.Add(1)
	for n := range callers {
		node := []string{p.url(), other}[n%2]
		request, err := http.NewRequestWithContext(t.Context(), what.method, node+what.path, strings.NewReader(what.body))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+developmentAPIKey)
		request.Header.Set("Content-Type", "application/json")
		if key != "" {
			request.Header.Set("Idempotency-Key", key)
		}
		done.Go(func() {
			gate.Wait()
			response, err := client.Do(request)
			if err != nil {
				return // counted below: an answer is missing
			}
			raw, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			answers <- told{response.StatusCode, string(raw), response.Header.Get("Idempotent-Replayed")}
		})
	}
	gate.Done()
	done.Wait()
	close(answers)
	require.Len(t, answers, callers)
	first, fresh := <-answers, 0
	if first.replayed == "" {
		fresh++
	}
	require.Equal(t, what.status, first.status, first.body)
	for a := range answers {
		require.Equal(t, first.status, a.status, a.body)
		require.Equal(t, first.body, a.body, "byte for byte")
		if a.replayed == "" {
			fresh++
		}
	}
	if key != "" {
		require.LessOrEqual(t, fresh, 1, "who was not first is told so")
	}
	return first.body
}

// Every money POST, and the wallet's PUT, fifty times at once, half of them on another
// engine: one effect, and one answer to the byte, then and afterwards.
func TestFiftyOfOneIntentionOnTwoEnginesAreOne(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, sandbox.Fault{Kind: sandbox.WebhookLoss, Operation: "charge.success", PerMille: 1000})
	other := p.node(t).url()
	window, err := pgxpool.New(t.Context(), p.dsn)
	require.NoError(t, err)
	defer window.Close()
	send := func(name, key string, what intended) string {
		t.Helper()
		body := p.sentFiftyTimes(t, other, key, what)
		for query, want := range what.effects {
			var n int
			require.NoError(t, window.QueryRow(t.Context(), query).Scan(&n), query)
			require.Equal(t, want, n, "%s: %s", name, query)
		}
		if key != "" {
			require.Equal(t, body, p.sentFiftyTimes(t, other, key, what), "%s, later", name)
		}
		return body
	}
	send("wallet", "", intended{
		method: http.MethodPut, path: "/v1/talents/T1/wallet", body: `{"operator":"wave","phone":"0700000101","name":"Awa"}`, status: 200,
		effects: map[string]int{"SELECT count(*) FROM wallets": 1},
	})

	const charge = `{"booking_id":%q,"talent_id":"T1","amount":50000,"currency":"XOF","method":"mobile_money","operator":%q,"phone":%q,` +
		`"email":"a@example.ci"}`
	send("initiate", "initiate", intended{
		method: http.MethodPost, path: "/v1/payments/initiate", body: fmt.Sprintf(charge, "B1", "orange", "0700000000"), status: 202,
		effects: map[string]int{"SELECT count(*) FROM transactions": 1, "SELECT count(*) FROM attempts": 1},
	})
	require.Len(t, p.gateway.Books().Payments, 1)
	var id string
	listed := p.call(t, http.MethodGet, "/v1/payments?booking_id=B1", "")
	id = listed.at("payments").([]any)[0].(map[string]any)["id"].(string)

	send("submit_otp", "wrong", intended{
		method: http.MethodPost, path: "/v1/payments/submit_otp", body: fmt.Sprintf(`{"payment_id":%q,"otp":"9999"}`, id), status: 202,
		effects: map[string]int{"SELECT sum(otp_tries) FROM attempts": 1},
	})
	send("submit_otp", "right", intended{
		method: http.MethodPost, path: "/v1/payments/submit_otp", body: fmt.Sprintf(`{"payment_id":%q,"otp":%q}`, id, sandboxOTP), status: 202,
		effects: map[string]int{"SELECT sum(otp_tries) FROM attempts": 2},
	})
	p.becomes(t, id, "status", "succeeded")
	send("confirm_delivery", "confirm", intended{
		method: http.MethodPost, path: "/v1/booking_requests/B1/confirm_delivery", status: 200,
		effects: map[string]int{
			"SELECT count(*) FROM outbox WHERE kind = 'escrow.released'": 1, "SELECT count(*) FROM payouts": 1,
			"SELECT count(*) FROM journals WHERE kind = 'hold.released'": 1,
		},
	})
	p.becomes(t, id, "payout.status", "paid")
	require.Len(t, p.gateway.Books().Transfers, 1)

	silent := p.initiate(t, "B2", "mtn", "0500000020")
	require.Equal(t, 202, silent.status, silent.raw)
	send("cancel", "cancel", intended{
		method: http.MethodPost, path: fmt.Sprintf("/v1/payments/%s/cancel", silent.at("id")), status: 200,
		effects: map[string]int{"SELECT count(*) FROM history WHERE machine = 'charge' AND to_status = 'cancelled'": 1},
	})
	p.sound(t)
}
