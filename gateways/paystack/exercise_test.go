package paystack_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox"
	simulated "github.com/bookmi/cauri/sandbox/paystack"
)

// Paystack's documents leave much open about Côte d'Ivoire. A client that is
// right under both readings is right at Paystack.
func TestPaystackKeepsTheGatewaysContract(t *testing.T) {
	t.Parallel()
	for name, guesses := range map[string]simulated.Guesses{
		"as the documents suggest": {},
		"as others have seen": {
			WrongOTPFails: true, AfterOTP: "pending", UnknownCode: 404, DuplicateCode: 404, RecipientCode: 200,
			TimeoutVerifiesAs: "abandoned", TransferFee: 1_050, TransferFeeKept: true, NoInternationalForm: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gatewaytest.Exercise(t, gatewaytest.Harness{
				Gateway: engine.Paystack,
				Open:    func(t *testing.T) *gatewaytest.World { return world(t, guesses).World },
			})
		})
	}
}

// The sandbox reads a story off the last four digits.
var (
	payers = map[gatewaytest.Story]engine.Payer{
		gatewaytest.Approves:      payer(phone.MTN, "0505050001"),
		gatewaytest.TypesCode:     payer(phone.Orange, "0700000000"),
		gatewaytest.OpensPage:     payer(phone.Wave, "0707070001"),
		gatewaytest.PaysAtOnce:    payer(phone.MTN, "0505050014"),
		gatewaytest.HasNoFunds:    payer(phone.MTN, "0505050010"),
		gatewaytest.NeverApproves: payer(phone.MTN, "0505050020"),
		gatewaytest.HiddenAtFirst: payer(phone.MTN, "0505050044"),
	}
	wallets = map[gatewaytest.Story]engine.Wallet{
		gatewaytest.IsPaid:      wallet("0700000001"),
		gatewaytest.IsNotPaid:   wallet("0700000040"),
		gatewaytest.IsReversed:  wallet("0700000041"),
		gatewaytest.IsRefused:   wallet("0700000049"),
		gatewaytest.IsPaidLater: wallet("0700000043"),
	}
)

func payer(o phone.Operator, number string) engine.Payer {
	return engine.Payer{Operator: o, Phone: phone.MustParse(number), Email: "payer@example.com"}
}

func wallet(number string) engine.Wallet {
	return engine.Wallet{No: 1, Operator: phone.Orange, Phone: phone.MustParse(number), Name: "Awa Kouassi"}
}

// simulation is the suite's world, with what only these tests look at.
type simulation struct {
	*gatewaytest.World
	address string
	client  *paystack.Client
}

// world is a simulated Paystack on a clock that stands still, and our client.
func world(t *testing.T, guesses simulated.Guesses) simulation {
	t.Helper()
	const (
		float    = money.Amount(500_000)
		patience = 10 * time.Second
	)
	inbox := gatewaytest.Receive(t, paystack.SignatureHeader)
	clock := sandbox.NewManualClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	server := simulated.New(simulated.Config{
		SecretKeys: []string{testKey}, WebhookURL: inbox.URL, Clock: clock, Float: 50_000_000, Guesses: guesses,
	})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	url, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	c := client(t, url)
	pass := func(d time.Duration) func() {
		return func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			clock.Advance(d)
			require.NoError(t, server.Quiet(ctx))
		}
	}
	hooks, err := paystack.NewWebhooks(paystack.WebhooksConfig{Secrets: []paystack.Secret{{ID: "now", Value: secret.New(testKey)}}})
	require.NoError(t, err)
	return simulation{address: url, client: c, World: &gatewaytest.World{
		Collector: c, OTP: c, Disburser: c, Refunder: c, Inquirer: c, Payouts: c, Refunds: c, Webhooks: hooks, Inbox: inbox,
		Payer:  func(s gatewaytest.Story) (engine.Payer, bool) { p, known := payers[s]; return p, known },
		Wallet: func(s gatewaytest.Story) (engine.Wallet, bool) { w, known := wallets[s]; return w, known },
		Float:  float, RightOTP: sandbox.OTP, WrongOTP: "9999",
		Soon: pass(10 * time.Second), Late: pass(5 * time.Minute),
		Break:    func(op gatewaytest.Operation, trouble gatewaytest.Trouble) { breakNext(t, server, op, trouble) },
		Mend:     func() { require.NoError(t, server.Shine()) },
		Captured: func(reference string) money.Amount { return captured(t, server, reference) },
		Sent:     func(reference string) money.Amount { return transferred(t, server, reference) },
		Refunded: func(reference string) money.Amount { return refunded(t, server, reference) },
	}}
}

// What only Paystack's refunds can become, asked and told: one that fails, and one
// that wants people. Nobody's money is in both places.
func TestARefundThatFailsOrWantsPeopleSaysSo(t *testing.T) {
	t.Parallel()
	for number, c := range map[string]struct {
		status engine.RefundReportStatus
		back   money.Amount
	}{
		"0505050036": {engine.RefundReportFailed, 0},
		"0505050037": {engine.RefundReportAttention, 15_000},
	} {
		w := world(t, simulated.Guesses{})
		call := chargeCall()
		call.Payer = payer(phone.MTN, number)
		_, err := w.client.Charge(t.Context(), call)
		require.NoError(t, err)
		w.Soon()
		begun, err := w.client.Refund(t.Context(), refundCall())
		require.NoError(t, err)
		require.Equal(t, engine.RefundReportPending, begun.Status)
		w.Late()
		for _, known := range []string{begun.GatewayReference, ""} {
			got, err := w.client.InquireRefund(t.Context(), engine.InquireCall{Reference: refundRef, Charge: chargeRef, GatewayReference: known})
			require.NoError(t, err)
			require.Equal(t, engine.RefundReport{
				Status: c.status, Amount: 15_000, Currency: money.XOF, GatewayReference: begun.GatewayReference, Number: 1,
			}, got)
		}
		require.Equal(t, c.back, w.Refunded(chargeRef.String()))
		var last *engine.RefundReport
		for _, d := range w.Inbox.Came() {
			n, err := w.Webhooks.Parse(engine.Delivery{Signature: d.Signatures[0], Body: d.Body, ReceivedAt: d.At})
			require.NoError(t, err)
			if n.Refund != nil && n.Refund.Status == c.status {
				last = n.Refund
			}
		}
		require.NotNil(t, last, "and is told")
		require.Equal(t, c.status == engine.RefundReportAttention, last.Number == 1, "by its number where the notice has the note")
	}
}

// breakNext arranges the next call's trouble in the sandbox's words.
func breakNext(t *testing.T, server *simulated.Server, op gatewaytest.Operation, trouble gatewaytest.Trouble) {
	t.Helper()
	if trouble == gatewaytest.Dark {
		server.Refuse()
		return
	}
	operation := map[gatewaytest.Operation]string{
		gatewaytest.Charging: "charge", gatewaytest.Inquiring: "verify", gatewaytest.Paying: "transfer", gatewaytest.Refunding: "refund",
	}[op]
	fault, known := map[gatewaytest.Trouble]sandbox.Fault{
		gatewaytest.CutBefore:     {Kind: sandbox.Cut, When: sandbox.Before},
		gatewaytest.CutAfter:      {Kind: sandbox.Cut, When: sandbox.After},
		gatewaytest.ErrorBefore:   {Kind: sandbox.ErrorAnswer, When: sandbox.Before},
		gatewaytest.ErrorAfter:    {Kind: sandbox.ErrorAnswer, When: sandbox.After},
		gatewaytest.GarbledAfter:  {Kind: sandbox.Malformed, When: sandbox.After},
		gatewaytest.PageAfter:     {Kind: sandbox.HTML, When: sandbox.After},
		gatewaytest.WrongKey:      {Kind: sandbox.Unauthorized},
		gatewaytest.TooManyCalls:  {Kind: sandbox.RateLimited},
		gatewaytest.WebhooksTwice: {Kind: sandbox.WebhookDuplicates, Copies: 2},
	}[trouble]
	require.True(t, known, trouble)
	fault.Next, fault.Operation = 1, operation
	if trouble == gatewaytest.WebhooksTwice {
		fault.Operation = "charge.success"
	}
	require.NoError(t, server.Faults().Add(fault))
}

// captured and transferred read the sandbox's own books. They are subunits, and
// whole francs: this hundred is the sandbox's, written down again on purpose.
func captured(t *testing.T, server *simulated.Server, reference string) money.Amount {
	t.Helper()
	books := server.Books()
	for _, row := range books.Payments {
		if row.Reference == reference {
			require.Zero(t, row.Captured%books.Subunits)
			return money.Amount(row.Captured / books.Subunits)
		}
	}
	return 0
}

func refunded(t *testing.T, server *simulated.Server, reference string) money.Amount {
	t.Helper()
	books := server.Books()
	for _, row := range books.Payments {
		if row.Reference == reference {
			require.Zero(t, row.Refunded%books.Subunits)
			return money.Amount(row.Refunded / books.Subunits)
		}
	}
	return 0
}

func transferred(t *testing.T, server *simulated.Server, reference string) money.Amount {
	t.Helper()
	books := server.Books()
	for _, row := range books.Transfers {
		if row.Reference == reference {
			net := row.Sent - row.Returned
			require.Zero(t, net%books.Subunits)
			return money.Amount(net / books.Subunits)
		}
	}
	return 0
}
