package fedapay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/forge"
)

// What this package reports, decided upon: the words it chooses mean what they
// are meant to.

// payment is a transaction whose one gateway is FedaPay.
type payment struct {
	t      *testing.T
	policy engine.Policy
	now    time.Time
	state  engine.Transaction
	last   engine.Decision
}

func initiated(t *testing.T, operator phone.Operator, number string) *payment {
	t.Helper()
	p := &payment{t: t, policy: engine.DefaultPolicy(), now: noon, state: engine.Transaction{ID: transactionID}}
	p.policy.Routes = engine.Routes{{
		Direction: engine.Collect, Method: engine.MobileMoney, Operator: operator, Gateway: engine.FedaPay, Evidence: "this test",
	}}
	p.decide(engine.InitiateCharge{
		Principal: "platform", Booking: "booking-42", Talent: "talent-7", Amount: 15_000, Currency: money.XOF, Method: engine.MobileMoney,
		Payer: engine.Payer{Operator: operator, Phone: phone.MustParse(number)},
	})
	return p
}

func (p *payment) decide(c engine.Command) {
	p.t.Helper()
	decision, err := p.state.Decide(c, engine.Given{Now: p.now, Policy: &p.policy})
	require.NoError(p.t, err)
	p.state, p.last = decision.Next, decision
	require.NoError(p.t, p.state.Check())
}

// notify tells a forged webhook, arrived now.
func (p *payment) notify(w forge.FedaPayWebhook) {
	p.t.Helper()
	d := w.Delivery()
	n, err := webhooks(p.t).Parse(engine.Delivery{Signature: []byte(d.Signatures[0]), Body: d.Body, ReceivedAt: p.now})
	require.NoError(p.t, err)
	p.decide(engine.Notify{Notification: n})
}

func (p *payment) attempt() engine.Attempt {
	last, exists := p.state.LastAttempt()
	require.True(p.t, exists)
	return last
}

func TestACreatedWebhookDoesNotHideTheRefusalThatFollows(t *testing.T) {
	t.Parallel()
	p := initiated(t, phone.MTN, "0500000000")
	p.notify(forged.Created(chargeRef.String(), 15_000))
	require.Equal(t, engine.AttemptSending, p.attempt().Status)
	require.Empty(t, p.attempt().GatewayReference)
	require.Empty(t, p.last.Effects)
	require.Len(t, p.last.Counted, 1, "it is done with")

	r := answering(t, accepting(t, map[string]reply{
		startPath: {400, sample(t, "error_400_operation_not_allowed")}, findPath: {200, about(t, "transaction_get_pending.response", nil)},
	}))
	_, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	p.decide(engine.RecordChargeAnswer{Attempt: 1, Err: engine.GatewayError(err)})
	require.Equal(t, engine.AttemptRejected, p.attempt().Status)
}

func TestADirectChargeThatWasNeverStartedEndsInQuarantine(t *testing.T) {
	t.Parallel()
	p := initiated(t, phone.MTN, "0500000000")
	p.decide(engine.RecordChargeAnswer{Attempt: 1, Err: engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "the start was lost")})
	r := answering(t, map[string]reply{findPath: {200, about(t, "transaction_get_pending.response", nil)}})
	c := client(t, r.URL)
	for range 4 {
		p.now = p.now.Add(time.Minute)
		a := p.attempt()
		require.True(t, a.Status.Live())
		report, err := c.InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef, GatewayReference: a.GatewayReference})
		require.NoError(t, err)
		p.decide(engine.RecordInquiry{Reference: chargeRef, AskedAt: p.now, Charge: &report})
	}
	require.Equal(t, engine.AttemptAbsent, p.attempt().Status)
	p.notify(forgedAt(p.now).Approved(chargeRef.String(), 15_000))
	require.Equal(t, engine.Kept, p.attempt().Disposition, "a late success is always right")
}

func TestADeclinedLinkStaysThePayersUntilItIsPaidOrExpires(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(*payment){
		"paid": func(p *payment) {
			p.notify(forgedAt(p.now).Approved(chargeRef.String(), 15_000).With("custom_metadata", paged))
			require.Equal(t, engine.ChargeIsSucceeded, p.state.Status)
		},
		"expired": func(p *payment) {
			p.now = p.now.Add(24 * time.Hour)
			over := reply{200, about(t, "transaction_get_expired.response", map[string]any{"custom_metadata": paged})}
			report, err := client(t, answering(t, map[string]reply{readPath: over}).URL).InquireCharge(t.Context(), answered)
			require.NoError(t, err)
			p.decide(engine.RecordInquiry{Reference: chargeRef, AskedAt: p.now, Charge: &report})
			require.Equal(t, engine.AttemptExpired, p.attempt().Status, "not failed: nothing moves on by itself")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := initiated(t, phone.Moov, "0100000000")
			report, err := client(t, answering(t, accepting(t, nil)).URL).Charge(t.Context(), pageCall())
			require.NoError(t, err)
			p.decide(engine.RecordChargeAnswer{Attempt: 1, Report: report})
			for _, declined := range []forge.FedaPayWebhook{
				forged.Declined(chargeRef.String(), 15_000), forged.Canceled(chargeRef.String(), 15_000),
			} {
				p.now = noon.Add(4 * time.Minute) // beyond the 180 s a prompt would have
				p.notify(declined.With("custom_metadata", paged))
				require.Equal(t, engine.AttemptCustomer, p.attempt().Status)
				require.Equal(t, engine.NextRedirect, p.attempt().NextAction)
				require.Equal(t, pageURL, p.attempt().RedirectURL)
			}
			ends(p)
		})
	}
}

func TestAnOldWebhookOnlyMakesUsAsk(t *testing.T) {
	t.Parallel()
	p := initiated(t, phone.MTN, "0500000000")
	p.decide(engine.RecordChargeAnswer{Attempt: 1, Report: asked})
	p.now = noon.Add(time.Hour)
	p.notify(forged.Approved(chargeRef.String(), 15_000))
	require.Equal(t, engine.AttemptCustomer, p.attempt().Status)
	require.Empty(t, p.last.Counted)
	require.Equal(t, []engine.Effect{
		engine.InquireCall{Reference: chargeRef, Gateway: engine.FedaPay, GatewayReference: "235879", AskedAt: p.now},
	}, p.last.Effects)
}

func TestASettledPaymentIsNoSecondOne(t *testing.T) {
	t.Parallel()
	p := initiated(t, phone.MTN, "0500000000")
	p.decide(engine.RecordChargeAnswer{Attempt: 1, Report: asked})
	p.notify(forged.Approved(chargeRef.String(), 15_000))
	require.Equal(t, engine.Kept, p.attempt().Disposition)
	require.Zero(t, p.attempt().Fee, "the payer's fees are not ours")
	p.notify(forged.Transferred(chargeRef.String(), 15_000))
	require.Empty(t, p.last.Journals)
	require.Empty(t, p.state.Refunds)
}

func forgedAt(now time.Time) forge.FedaPays { return forge.FedaPay(endpoint, now) }
