package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

// silence is a gateway that takes connections and never says a word. It tells of
// each that it has heard something on.
func silence(t *testing.T) (base string, heard <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	met := make(chan struct{}, 64)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				_, _ = io.ReadFull(conn, make([]byte, 1))
				met <- struct{}{}
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); done.Wait() })
	return "http://" + listener.Addr().String(), met
}

// FedaPay is asked first what it offers, Paystack is being probed: both hang when
// the engine is told to stop.
func TestAnIdleEngineStopsAtOnceWhileItsGatewaysAreSilent(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	first, probed := silence(t)
	second, looked := silence(t)
	settings := testSettings(p.dsn, first, "127.0.0.1:0", "127.0.0.1:0")
	settings.FedaPayBaseURL, settings.FedaPaySecretKey = second, secret.New(developmentFedaPayKey)
	settings.FedaPayWebhookSecrets = []secret.Secret{secret.New(developmentFedaPayWebhook)}
	settings.BreakerOpenFor = time.Second
	a := newApp(settings, settings.policy(), p.dsn, slog.New(slog.DiscardHandler))
	var running lifecycle.Group
	require.NoError(t, a.start(t.Context(), &running))
	<-looked
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := a.outside.gateways[engine.Paystack].Collector.Charge(ctx, engine.ChargeCall{
			Reference: engine.Reference{Transaction: freshID(), Kind: engine.ChargeReference, Number: 1}, Amount: 5000, Currency: "XOF",
			Method: engine.MobileMoney, Flow: engine.Direct,
			Payer: engine.Payer{Phone: phone.MustParse("0500000000"), Operator: phone.MTN, Email: "awa@example.ci"},
		})
		cancel()
		require.ErrorIs(t, err, engine.Ambiguous)
		<-probed
	}
	<-probed // no charge is under way: this is the probe
	began := time.Now()
	require.NoError(t, running.Stop(context.Background()))
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestWithoutWhatPeopleDecidedNothingIsStarted(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	conn, err := pgx.Connect(t.Context(), p.dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `ALTER TABLE gateway_overrides RENAME TO elsewhere`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	settings := testSettings(p.dsn, p.base, "127.0.0.1:0", "127.0.0.1:0")
	a := newApp(settings, settings.policy(), p.dsn, slog.New(slog.DiscardHandler))
	var running lifecycle.Group
	err = a.start(t.Context(), &running)
	require.NoError(t, running.Stop(context.Background()))
	require.ErrorContains(t, err, "gateway_overrides", "a breaker held open would let payers through")
	require.Nil(t, a.edge, "nobody listens")
}

func TestWhatAnAccountLacksIsLookedForUnlessTheGatewayAskedForAPause(t *testing.T) {
	t.Parallel()
	door := fedapay.New(fedapay.Config{
		SecretKeys: []string{developmentFedaPayKey}, WebhookSecrets: []string{developmentFedaPayWebhook}, KeepEnabled: true,
		WebhookURL: "http://127.0.0.1:1/webhooks/fedapay",
	})
	require.NoError(t, door.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, door.Stop(context.Background())) })
	base, err := door.Listen("127.0.0.1:0")
	require.NoError(t, err)
	a, o := twoDoorsWith(t, func(s *Settings) { s.FedaPayBaseURL, s.RoutesOff = base, []string{"fedapay.moov.hosted"} })
	log := slog.New(slog.DiscardHandler)
	look := func() (missing, faults float64) {
		for _, l := range o.looks[engine.FedaPay] {
			o.take(t.Context(), log, engine.FedaPay, l)
		}
		of := map[string]string{"gateway": "fedapay"}
		return a.shows(t, "cauri_gateway_offers_missing", of), a.shows(t, "cauri_gateway_webhook_faults", of)
	}
	missing, faults := look()
	require.Zero(t, missing, "the route that its list does not have is off")
	require.Zero(t, faults)

	door.DisableOnError(true)
	_, faults = look()
	require.EqualValues(t, 1, faults)
	door.DisableOnError(false)
	pause := engine.Errorf(engine.Unavailable, engine.CodeGatewayRateLimited, "429")
	require.ErrorIs(t, o.breakers.Beside(t.Context(), engine.FedaPay, func(context.Context) error { return pause }), pause)
	_, faults = look()
	require.EqualValues(t, 1, faults, "it is not asked, and what was last known stays shown")
}
