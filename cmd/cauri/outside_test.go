package main

import (
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/internal/secret"
)

// shows reads a figure of a name and labels out of the registry that /metrics
// shows; 0 when there is none.
func (a *app) shows(t *testing.T, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := a.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			of := map[string]string{}
			for _, label := range metric.GetLabel() {
				of[label.GetName()] = label.GetValue()
			}
			if family.GetName() == name && maps.Equal(of, labels) {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
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
		return int(a.shows(t, "cauri_gateway_calls_refused_total", map[string]string{"gateway": "paystack", "class": string(class)}))
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

// twoDoorsWith is the outside of an engine with both gateways, and its app.
func twoDoorsWith(t *testing.T, change func(*Settings)) (*app, *outside) {
	t.Helper()
	settings := testSettings("", "https://api.paystack.co", "127.0.0.1:0", "127.0.0.1:0")
	settings.FedaPaySecretKey = secret.New(developmentFedaPayKey)
	settings.FedaPayWebhookSecrets = []secret.Secret{secret.New(developmentFedaPayWebhook)}
	settings.FedaPayDirectModes = map[phone.Operator]string{phone.MTN: "mtn_ci"}
	settings.PaystackOperatorFailureTexts, settings.FedaPayOperatorFailureCodes = []string{"operator down"}, []string{"OPERATOR_DOWN"}
	if change != nil {
		change(&settings)
	}
	a := newApp(settings, settings.policy(), "", slog.New(slog.DiscardHandler))
	o, err := a.openOutside()
	require.NoError(t, err)
	return a, o
}

// ended tells of a charge of MTN's that failed, n times.
func (o *outside) ended(n int, gateway engine.Gateway, why engine.Code) {
	for range n {
		id := freshID()
		ref := engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1}
		o.heard(engine.Applied{
			State: engine.Transaction{
				ID: id, Method: engine.MobileMoney, Payer: engine.Payer{Operator: phone.MTN},
				Attempts: []engine.Attempt{{No: 1, Gateway: gateway, Status: engine.AttemptFailed, Code: why}},
			},
			Moves: []engine.Move{{Machine: "attempt", Subject: ref.String(), To: string(engine.AttemptFailed), Note: string(why)}},
		})
	}
}

func TestAnOperatorThatFailsThroughBothGatewaysIsDownWhateverElseFedaPayDeclines(t *testing.T) {
	t.Parallel()
	a, o := twoDoorsWith(t, nil)
	down := func() float64 { return a.shows(t, "cauri_operator_down", map[string]string{"operator": "mtn"}) }
	for range 100 {
		o.ended(1, engine.Paystack, engine.CodeOperatorFailed)
		o.ended(1, engine.FedaPay, engine.CodeGatewayDeclined) // its word for all that can go wrong
	}
	require.Empty(t, o.health().Down, "through FedaPay nobody was told that it failed: it may work")
	require.Zero(t, down())
	for range 5 {
		o.ended(1, engine.FedaPay, engine.CodeOperatorFailed)
		o.ended(1, engine.FedaPay, engine.CodeGatewayDeclined)
		o.ended(1, engine.FedaPay, engine.CodeInsufficientFunds) // its word for a problem of the payment too
	}
	require.Equal(t, []phone.Operator{phone.MTN}, o.health().Down)
	require.EqualValues(t, 1, down())
	require.Zero(t, a.shows(t, "cauri_operator_down", map[string]string{"operator": "orange"}))
}

func TestTheOperatorsWhoseOutageNobodyCouldSeeAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Settings)
		want   []string
	}{
		"as nobody has configured anything": {
			func(s *Settings) { s.PaystackOperatorFailureTexts, s.FedaPayOperatorFailureCodes = nil, nil },
			[]string{"orange through paystack", "mtn through paystack and fedapay", "wave through paystack", "moov through fedapay"},
		},
		"a page tells of no failure": {nil, []string{"moov through fedapay"}},
		"FedaPay has no sign": {
			func(s *Settings) { s.FedaPayOperatorFailureCodes = nil }, []string{"mtn through fedapay", "moov through fedapay"},
		},
		"what is off is nobody's": {func(s *Settings) { s.RoutesOff = []string{"fedapay.moov.hosted"} }, nil},
	} {
		_, o := twoDoorsWith(t, c.change)
		require.Equal(t, c.want, o.unseen(), name)
	}
}

func TestHowOperatorsAreJudgedIsConfiguration(t *testing.T) {
	t.Parallel()
	_, o := twoDoorsWith(t, func(s *Settings) { s.OperatorFailures, s.OperatorBadFor = 2, 3*time.Minute })
	o.ended(2, engine.Paystack, engine.CodeOperatorFailed)
	o.ended(2, engine.FedaPay, engine.CodeOperatorFailed)
	require.Equal(t, []phone.Operator{phone.MTN}, o.health().Down)
	require.Equal(t, 3*time.Minute, o.operators.BadFor())
}
