package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/persistence"
)

// shownBy asks a running engine through the command.
func shownBy(t *testing.T, p *platform) gatewaysShown {
	t.Helper()
	code, out, errs := run(t, "gateways", "--json", "--admin", p.adminURL())
	require.Zero(t, code, errs)
	var shown gatewaysShown
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	return shown
}

func TestAPersonsDecisionReachesEveryNodeAndIsShown(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	other := p.node(t)
	code, out, errs := run(t, "gateways", "force", "paystack", "collect", "open", "--for", "10m", "--reason", "maintenance announced",
		"--as", "awa", "--database-url", p.dsn)
	require.Zero(t, code, errs)
	require.Contains(t, out, "no payer is charged through it")
	me, err := systemAccount()
	require.NoError(t, err)
	require.Contains(t, out, "decided by awa ("+me+")")
	for _, node := range []*app{p.app, other} {
		require.Eventually(t, func() bool {
			return node.outside.breakers.Of(engine.Paystack, failover.Collect).State() == failover.Open
		}, 10*time.Second, 20*time.Millisecond)
	}
	turned := p.initiate(t, "B1", "orange", "0700000000")
	require.Equal(t, 503, turned.status, turned.raw)
	require.Equal(t, "gateways_resting", turned.at("code"))
	require.Empty(t, p.gateway.Books().Payments, "no byte left")

	shown := shownBy(t, p)
	require.Equal(t, p.adminURL(), shown.From)
	require.NotEmpty(t, shown.Routes)
	require.NotEmpty(t, shown.Breakers)
	require.Equal(t, "awa", shown.Breakers[0].Forced.By)
	require.Equal(t, "maintenance announced", shown.Breakers[0].Forced.Why)
	require.Equal(t, []engine.Gateway{engine.Paystack}, shown.Resting)
	require.WithinDuration(t, shown.Breakers[0].Forced.Until.Add(-10*time.Minute), *shown.Breakers[0].Since, time.Minute)
	require.InDelta(t, (10 * time.Minute).Milliseconds(), shown.Breakers[0].RetryAfterMS, 60_000)
	ready, err := http.Get(p.adminURL() + "/readyz")
	require.NoError(t, err)
	require.NoError(t, ready.Body.Close())
	require.Equal(t, 200, ready.StatusCode, "it is not our readiness")
	code, out, errs = run(t, "gateways", "--admin", p.adminURL())
	require.Zero(t, code, errs)
	require.Contains(t, out, "forced by awa")
	require.Contains(t, out, "since "+shown.Breakers[0].Since.UTC().Format(time.RFC3339))
	require.Contains(t, out, "No new charge goes through paystack now.")
	require.Contains(t, out, offNoKey)

	code, _, errs = run(t, "gateways", "force", "paystack", "collect", "lift", "--reason", "it is over", "--as", "awa",
		"--database-url", p.dsn)
	require.Zero(t, code, errs)
	require.Eventually(t, func() bool { return len(p.outside.breakers.Resting()) == 0 }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, 202, p.initiate(t, "B1", "orange", "0700000000").status)
}

func TestForcingABreakerIsRefusedWhereItMakesNoSense(t *testing.T) {
	for name, args := range map[string][]string{
		"a gateway nobody knows":  {"stripe", "collect", "open", "--reason", "x"},
		"what FedaPay can't do":   {"fedapay", "payout", "open", "--reason", "x"},
		"no reason":               {"paystack", "collect", "open"},
		"a blank reason":          {"paystack", "collect", "open", "--reason", " "},
		"for ever":                {"paystack", "collect", "open", "--reason", "x", "--for", "25h"},
		"a state that is no will": {"paystack", "collect", "half_open", "--reason", "x"},
		"nobody, in production":   {"paystack", "collect", "open", "--reason", "x", "--env", "production"},
	} {
		code, _, errs := run(t, append([]string{"gateways", "force"}, args...)...)
		require.Equal(t, exitUsage, code, "%s: %s", name, errs)
	}
}

func TestTheRouteTableIsShownWithoutAnEngine(t *testing.T) {
	code, out, errs := run(t, "gateways", "--admin-addr", freeAddr("127.0.0.1:18981", ""), "--routes-off", "fedapay.card.hosted")
	require.Zero(t, code, errs)
	require.Contains(t, out, "fedapay.moov.hosted")
	require.Contains(t, out, offBySetting)
	require.Contains(t, out, "No engine answers")
	code, _, _ = run(t, "gateways", "--admin", "http://"+freeAddr("127.0.0.1:18982", ""))
	require.Equal(t, exitFailed, code, "asked for by name, it must answer")
}

func TestWhatPeopleMustGiveBackIsListed(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	code, out, errs := run(t, "refunds", "--json", "--database-url", p.dsn)
	require.Zero(t, code, errs)
	require.JSONEq(t, "[]", out)
	var said bytes.Buffer
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	printRefunds(streams{&said, &said}, []persistence.RefundWaiting{{
		Payment: "pay_01", Charge: "01-c2", Gateway: engine.FedaPay, ChargeAtGateway: "4711", Amount: 15_000, OwedAt: now.Add(-90 * time.Minute),
		Status: engine.RefundIsManual, Code: engine.CodeUnsupported,
	}, {
		Payment: "pay_02", Charge: "02-c1", Gateway: engine.Paystack, Amount: 15_000, OwedAt: now, Status: engine.RefundIsPending,
		Code: engine.CodeRefundAttention,
	}}, now)
	for _, part := range []string{
		"pay_01", "15 000 F", "manual", "fedapay", "01-c2", "4711", "1h30m0s", "unsupported", "1 to be given back by hand",
		"1 to be looked at, and not to be given back",
	} {
		require.Contains(t, said.String(), part)
	}
}

// Operators are judged by what is committed about them, and by nothing else.
func TestOnlyAnOperatorsOwnFailureCountsAgainstIt(t *testing.T) {
	t.Parallel()
	settings := testSettings("", "https://api.paystack.co", "127.0.0.1:0", "127.0.0.1:0")
	a := newApp(settings, settings.policy(), "", slog.New(slog.DiscardHandler))
	o, err := a.openOutside()
	require.NoError(t, err)
	ended := func(to engine.AttemptStatus, why engine.Code) {
		id := freshID()
		ref := engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1}
		o.heard(engine.Applied{
			State: engine.Transaction{
				ID: id, Method: engine.MobileMoney, Payer: engine.Payer{Operator: phone.Wave},
				Attempts: []engine.Attempt{{No: 1, Gateway: engine.Paystack, Status: to, Code: why}},
			},
			Moves: []engine.Move{{Machine: "attempt", Subject: ref.String(), To: string(to), Note: string(why)}},
		})
	}
	for range 20 {
		ended(engine.AttemptFailed, engine.CodeGatewayTimeout)
		ended(engine.AttemptRejected, engine.CodeGatewayUnreachable)
		ended(engine.AttemptUnknown, engine.CodeGatewayTimeout)
	}
	require.Empty(t, o.health().Down)
	for range 4 {
		ended(engine.AttemptFailed, engine.CodeOperatorFailed)
	}
	ended(engine.AttemptFailed, engine.CodeInsufficientFunds)
	ended(engine.AttemptFailed, engine.CodeOperatorFailed)
	require.Empty(t, o.health().Down, "a payer without funds shows that it works")
	for range 5 {
		ended(engine.AttemptFailed, engine.CodeOperatorFailed)
	}
	require.Equal(t, []phone.Operator{phone.Wave}, o.health().Down)
}

func TestNewsNeverWaits(t *testing.T) {
	t.Parallel()
	n := newNews(slog.New(slog.DiscardHandler))
	for range 10 * newsMax { // nobody reads yet
		n.tell(slog.LevelInfo, "a breaker changed")
	}
	var running lifecycle.Group
	require.NoError(t, running.Start(t.Context(), n.service()))
	require.NoError(t, running.Stop(context.Background()))
}

func TestTheBooksAreHeldAgainstThemselvesBesideARunningEngine(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	code, out, errs := run(t, "doctor", "--books", "--database-url", p.dsn)
	require.Zero(t, code, errs)
	require.Contains(t, out, "invariants hold")
	id := p.initiate(t, "B1", "orange", "0700000000")
	require.Equal(t, 202, id.status)
	window, err := pgx.Connect(t.Context(), p.dsn)
	require.NoError(t, err)
	_, err = window.Exec(t.Context(), "DELETE FROM open_bookings")
	require.NoError(t, err)
	require.NoError(t, window.Close(t.Context()))
	code, out, _ = run(t, "doctor", "--books", "--database-url", p.dsn)
	require.Equal(t, exitBroken, code)
	require.Contains(t, out, "I21")
}
