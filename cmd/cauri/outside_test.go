package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/failover"
)

// counted reads a counter of one gateway and class out of the registry that
// /metrics shows; 0 when nothing was counted.
func (a *app) counted(t *testing.T, name string, gateway engine.Gateway, class failover.Class) int {
	t.Helper()
	families, err := a.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			of := map[string]string{}
			for _, label := range metric.GetLabel() {
				of[label.GetName()] = label.GetValue()
			}
			if family.GetName() == name && of["gateway"] == string(gateway) && of["class"] == string(class) {
				return int(metric.GetCounter().GetValue())
			}
		}
	}
	return 0
}

func TestTheCallsThatAnOpenBreakerRefusedAreCounted(t *testing.T) {
	t.Parallel()
	const refusing = "http://127.0.0.1:1" // nobody listens there
	settings := testSettings("", refusing, "127.0.0.1:0", "127.0.0.1:0")
	settings.PayerEmailDomain = "payers.example.ci"
	a := newApp(settings, settings.policy(), "", slog.New(slog.DiscardHandler))
	o, err := a.openOutside()
	require.NoError(t, err)
	charge := func() {
		_, err := o.gateways[engine.Paystack].Collector.Charge(t.Context(), engine.ChargeCall{
			Reference: engine.Reference{Transaction: freshID(), Kind: engine.ChargeReference, Number: 1}, Amount: 5000, Currency: money.XOF,
			Method: engine.MobileMoney, Flow: engine.Direct,
			Payer: engine.Payer{Phone: phone.MustParse("0500000000"), Operator: phone.MTN},
		})
		require.ErrorIs(t, err, engine.Unavailable)
	}
	refused := func(class failover.Class) int {
		return a.counted(t, "cauri_gateway_calls_refused_total", engine.Paystack, class)
	}
	for range 5 {
		charge()
	}
	require.Equal(t, failover.Open, o.breakers.Of(engine.Paystack, failover.Collect).State())
	require.Zero(t, refused(failover.Collect), "these were tried")
	for range 3 {
		charge()
	}
	require.Equal(t, 3, refused(failover.Collect))
	require.Zero(t, refused(failover.Verify))
}
