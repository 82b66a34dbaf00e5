package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	client "github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

// What people give back in FedaPay's dashboard ends a debt only if the inquiry
// tells all of it: a report without its currency is believed by nobody, and the
// payer's money stays owed for ever.
func TestARefundMadeByHandIsReportedWithItsFigures(t *testing.T) {
	t.Parallel()
	server := fedapay.New(fedapay.Config{
		SecretKeys: []string{campaignFedaPayKey}, WebhookSecrets: []string{campaignFedaPayWebhook},
		Direct: map[string][]string{"sandbox": {"mtn_ci"}}, Timings: fedapay.Timings{Approve: time.Millisecond},
	})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	base, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	gateway, err := client.New(client.Config{Key: secret.New(campaignFedaPayKey), BaseURL: base})
	require.NoError(t, err)

	ours := engine.Reference{Transaction: freshID(), Kind: engine.ChargeReference, Number: 1}
	asked, err := gateway.Charge(t.Context(), engine.ChargeCall{
		Reference: ours, Gateway: engine.FedaPay, Flow: engine.Direct, Method: engine.MobileMoney, Amount: 5_000, Currency: money.XOF,
		Payer: engine.Payer{Operator: phone.MTN, Phone: phone.MustParse("0500001000")}, Booking: "B1",
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return server.Refund(ours.String(), 0) == nil },
		10*time.Second, 10*time.Millisecond, "paid, and given back")

	question := engine.InquireCall{Reference: ours, Gateway: engine.FedaPay, GatewayReference: asked.GatewayReference}
	told, err := gateway.InquireCharge(t.Context(), question)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeReversed, told.Status)
	require.EqualValues(t, 5_000, told.Amount)
	require.Equal(t, money.XOF, told.Currency)
}
