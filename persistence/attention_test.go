package persistence_test

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

func TestWhatPeopleMustLookAtIsShown(t *testing.T) {
	t.Parallel()
	w := open(t)
	registry := prometheus.NewRegistry()
	s, err := persistence.Open(t.Context(), persistence.Config{
		DSN: w.dsn, Policy: w.policy, Registry: registry, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	shown := func(name string) float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if f.GetName() == name {
				return f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Fatalf("no gauge is called %s", name)
		return 0
	}
	for _, name := range []string{
		"cauri_payments_under_review", "cauri_refunds_due", "cauri_webhooks_buried", "cauri_payout_open_age_seconds_max",
		"cauri_deliveries_unpartitioned",
	} {
		require.Zero(t, shown(name), name)
	}
	id := freshID()
	w.apply(t, id, initiation("B1"))
	w.apply(t, id, succeeded(id, 49_999))
	parked := succeeded(freshID(), 50_000).Notification
	require.NoError(t, w.Park(t.Context(), parked))
	require.NoError(t, w.Bury(t.Context(), parked.Identity, "nobody knows it"))
	unpaid := w.paid(t, "B2")
	w.apply(t, unpaid, engine.ConfirmDelivery{})
	require.InDelta(t, 1, shown("cauri_payments_under_review"), 0)
	require.InDelta(t, 1, shown("cauri_webhooks_buried"), 0)
	require.Positive(t, shown("cauri_payout_open_age_seconds_max"))
}
