package persistence_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
)

func TestWhatPeopleMustLookAtIsShown(t *testing.T) {
	t.Parallel()
	w := open(t)
	registry := prometheus.NewRegistry()
	s, err := persistence.Open(t.Context(), persistence.Config{
		DSN: w.dsn, Vault: vault.Development(), Policy: w.policy, Registry: registry, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	shown := func(name string, label ...string) float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && (len(label) == 0 || m.GetLabel()[0].GetValue() == label[0]) {
					return m.GetGauge().GetValue()
				}
			}
		}
		t.Fatalf("no gauge is called %s", name)
		return 0
	}
	for _, name := range []string{
		"cauri_payments_under_review", "cauri_surplus_owed_francs", "cauri_gateway_overrides", "cauri_webhooks_buried",
		"cauri_payout_open_age_seconds_max", "cauri_deliveries_unpartitioned", "cauri_suspense_francs",
	} {
		require.Zero(t, shown(name), name)
	}
	for _, status := range []string{"owed", "sending", "unknown", "pending", "manual"} {
		require.Zero(t, shown("cauri_refunds_open", status), status)
		require.Zero(t, shown("cauri_refund_open_age_seconds_max", status), status)
	}
	id := freshID()
	w.apply(t, id, initiation("B1"))
	w.apply(t, id, succeeded(id, 49_999))
	odd := engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: 49_999, Currency: money.XOF, Live: true}
	w.apply(t, id, engine.RecordInquiry{Reference: charge(id), Charge: &odd, AskedAt: time.Now()})
	require.InDelta(t, 49_999, shown("cauri_suspense_francs"), 0)
	parked := succeeded(freshID(), 50_000).Notification
	require.NoError(t, w.Park(t.Context(), parked))
	require.NoError(t, w.Bury(t.Context(), parked.Identity, "nobody knows it"))
	unpaid := w.paid(t, "B2")
	w.apply(t, unpaid, engine.ConfirmDelivery{})
	require.InDelta(t, 1, shown("cauri_payments_under_review"), 0)
	require.InDelta(t, 1, shown("cauri_webhooks_buried"), 0)
	require.Positive(t, shown("cauri_payout_open_age_seconds_max"))

	w.surplus(t, "B3", engine.FedaPay)
	w.surplus(t, "B4", engine.Paystack)
	w.override(t, "open", time.Hour)
	w.override(t, "", 0)
	w.override(t, "closed", time.Hour)
	require.InDelta(t, 100_000, shown("cauri_surplus_owed_francs"), 0)
	require.InDelta(t, 1, shown("cauri_refunds_open", "manual"), 0)
	require.InDelta(t, 1, shown("cauri_refunds_open", "sending"), 0)
	require.Zero(t, shown("cauri_refunds_open", "owed"))
	require.Positive(t, shown("cauri_refund_open_age_seconds_max", "manual"))
	require.InDelta(t, 1, shown("cauri_gateway_overrides"), 0)
}
