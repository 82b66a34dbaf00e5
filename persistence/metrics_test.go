package persistence_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// counted reads a counter or gauge by its name and the values of its labels.
func counted(t *testing.T, registry *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var values []string
			for _, label := range m.GetLabel() {
				values = append(values, label.GetValue())
			}
			if family.GetName() == name && len(values) == len(labels) && (len(labels) == 0 || values[0] == labels[0] && values[1] == labels[1]) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestApplyIsCountedByCommandAndOutcome(t *testing.T) {
	t.Parallel()
	w := open(t)
	registry := prometheus.NewRegistry()
	store, err := persistence.Open(t.Context(), persistence.Config{
		DSN: w.dsn, Vault: w.vault, Policy: w.policy, PoolMax: 3, Registry: registry,
	})
	require.NoError(t, err)
	defer store.Close()
	id := freshID()
	for _, cmd := range []engine.Command{initiation("B1"), succeeded(id, 50_000), succeeded(id, 50_000), engine.SubmitOTP{OTP: "1234"}} {
		_, _ = store.Apply(t.Context(), engine.Ask{Transaction: id, Command: cmd}) // the last is refused
	}
	for labels, want := range map[[2]string]float64{
		{"initiate_charge", "changed"}: 1, {"notify", "changed"}: 1, {"notify", "duplicate"}: 1, {"submit_otp", "conflict"}: 1,
	} {
		require.InDelta(t, want, counted(t, registry, "cauri_store_applies_total", labels[0], labels[1]), 0, labels)
	}
	require.InDelta(t, 6, counted(t, registry, "cauri_pool_connections_max"), 0, "of both pools")
	require.InDelta(t, 0, counted(t, registry, "cauri_pool_connections_in_use"), 1, "none is held after the answer, but the scrape's own")
	require.InDelta(t, 0, counted(t, registry, "cauri_store_doubts_total"), 0)
}
