package failover_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway answers as told and counts what reaches it. It can do everything.
type gateway struct {
	calls  int
	answer func(context.Context) error
}

func (g *gateway) Probe(ctx context.Context) error {
	g.calls++
	return g.answer(ctx)
}

func (g *gateway) Charge(ctx context.Context, _ engine.ChargeCall) (engine.ChargeReport, error) {
	return engine.ChargeReport{Status: engine.ChargeOnPhone}, g.Probe(ctx)
}

func (g *gateway) SubmitOTP(ctx context.Context, _ engine.OTPCall) (engine.ChargeReport, error) {
	return g.Charge(ctx, engine.ChargeCall{})
}

func (g *gateway) Payout(ctx context.Context, _ engine.PayoutCall) (engine.PayoutReport, error) {
	return engine.PayoutReport{}, g.Probe(ctx)
}

func (g *gateway) Refund(ctx context.Context, _ engine.RefundCall) (engine.RefundReport, error) {
	return engine.RefundReport{}, g.Probe(ctx)
}

func (g *gateway) InquireCharge(ctx context.Context, _ engine.InquireCall) (engine.ChargeReport, error) {
	return g.Charge(ctx, engine.ChargeCall{})
}

func (g *gateway) InquirePayout(ctx context.Context, _ engine.InquireCall) (engine.PayoutReport, error) {
	return g.Payout(ctx, engine.PayoutCall{})
}

func (g *gateway) InquireRefund(ctx context.Context, _ engine.InquireCall) (engine.RefundReport, error) {
	return g.Refund(ctx, engine.RefundCall{})
}

// always answers so.
func always(answer error) func(context.Context) error {
	return func(context.Context) error { return answer }
}

// silent answers nothing until it is too late.
func silent(ctx context.Context) error {
	<-ctx.Done()
	return infra
}

var (
	infra    = error(engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "no answer"))
	decline  = error(engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "no funds"))
	unauth   = error(engine.Errorf(engine.Unavailable, engine.CodeGatewayUnauthorized, "401"))
	limited  = error(engine.Errorf(engine.Unavailable, engine.CodeGatewayRateLimited, "429"))
	unset    = error(engine.Errorf(engine.Unavailable, engine.CodeGatewayMisconfigured, "403"))
	unable   = error(engine.Errorf(engine.Unsupported, engine.CodeUnsupported, "not through here"))
	refused  = error(engine.Errorf(engine.Unavailable, engine.CodeGatewayDeclined, "422"))
	repeated = error(engine.Errorf(engine.Ambiguous, engine.CodeDuplicateReference, "duplicate"))
)

// rig is a gateway behind its breakers, without jitter.
type rig struct {
	*gateway
	breakers *failover.Breakers
	guarded  engine.Collector
}

func newRig() *rig { return rigOf(failover.Config{}) }

func rigOf(config failover.Config) *rig {
	if config.Random == nil {
		config.Random = func() float64 { return 0.5 }
	}
	r := &rig{gateway: &gateway{answer: always(nil)}, breakers: failover.NewBreakers(config)}
	r.guarded = failover.GuardCollector(r.breakers, engine.Paystack, r.gateway)
	return r
}

func (r *rig) collect() *failover.Breaker { return r.breakers.Of(engine.Paystack, failover.Collect) }

// says makes the gateway answer so to n charges, and returns the last error seen.
func (r *rig) says(t *testing.T, n int, answer error) error {
	t.Helper()
	r.answer = always(answer)
	var err error
	for range n {
		_, err = r.guarded.Charge(t.Context(), engine.ChargeCall{})
	}
	return err
}

// opens lets it fail until it is open.
func (r *rig) opens(t *testing.T) {
	t.Helper()
	require.ErrorIs(t, r.says(t, 5, infra), engine.Ambiguous)
	require.Equal(t, failover.Open, r.collect().State())
}

// pass lets the bubble's virtual time go by.
func pass(d time.Duration) { <-time.After(d) }
