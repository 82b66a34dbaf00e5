package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Every way a phone comes in: a payer's, a talent's, in what gateways tell of them, in
// what is refused. It is looked for wherever something stays or comes out: the database,
// the log, the metrics, and the answers.
func TestAPhoneStaysNowhereItCanBeRead(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	var log lines
	settings := testSettings(p.dsn, p.base, "127.0.0.1:0", "127.0.0.1:0")
	node := newApp(settings, impatient(settings.policy()), p.dsn, telemetry.NewLogger(&log, telemetry.JSON, slog.LevelDebug))
	var running lifecycle.Group
	require.NoError(t, node.start(t.Context(), &running))
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })
	p.app = node
	p.gateway.PointWebhooksAt(p.url() + "/webhooks/paystack")

	const payer, poor, talent, wrong = "0598731000", "0598730010", "0798730101", "0798739999"
	var answers string
	keep := func(a told) told {
		answers += a.raw + "\n"
		return a
	}
	keep(p.call(t, http.MethodPut, "/v1/talents/T1/wallet", fmt.Sprintf(`{"operator":"orange","phone":%q,"name":"Awa"}`, talent)))
	begun := keep(p.initiate(t, "B1", "mtn", payer))
	require.Equal(t, 202, begun.status, begun.raw)
	failed := keep(p.initiate(t, "B2", "mtn", poor))
	require.Equal(t, 422, keep(p.initiate(t, "B3", "mtn", wrong)).status, "Orange's prefix")
	require.NotEqual(t, 202, keep(p.initiate(t, "B3", "mtn", payer+"0")).status)
	keep(p.becomes(t, begun.at("id"), "status", "succeeded"))
	keep(p.becomes(t, failed.at("id"), "status", "failed"))
	keep(p.call(t, http.MethodPost, "/v1/booking_requests/B1/confirm_delivery", ""))
	keep(p.becomes(t, begun.at("id"), "payout.status", "paid"))
	keep(p.call(t, http.MethodGet, "/v1/payments?q="+payer, ""))
	require.Contains(t, answers, "****", "it is shown masked")

	window, err := pgxpool.New(t.Context(), p.dsn)
	require.NoError(t, err)
	defer window.Close()
	for _, number := range []string{payer, poor, talent, wrong} {
		digits := pgtest.Digits(number[1:])
		found, looked := pgtest.Holding(t, window, digits)
		require.Empty(t, found, number)
		require.Greater(t, looked, 200)
		require.NotRegexp(t, digits, answers)
		require.NotRegexp(t, digits, log.String())
		families, err := node.registry.Gather()
		require.NoError(t, err)
		require.NotRegexp(t, digits, fmt.Sprint(families))
	}
	require.NotEmpty(t, log.String())
	p.sound(t)
}
