package failover_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

// gateway answers as told and counts what reaches it.
type gateway struct {
	calls  int
	answer func(context.Context) error
}

func (g *gateway) Charge(ctx context.Context, _ engine.ChargeCall) (engine.ChargeReport, error) {
	g.calls++
	return engine.ChargeReport{Status: engine.ChargeOnPhone}, g.answer(ctx)
}

func (g *gateway) SubmitOTP(ctx context.Context, _ engine.OTPCall) (engine.ChargeReport, error) {
	return g.Charge(ctx, engine.ChargeCall{})
}

func (g *gateway) Payout(ctx context.Context, _ engine.PayoutCall) (engine.PayoutReport, error) {
	g.calls++
	return engine.PayoutReport{}, g.answer(ctx)
}

func (g *gateway) InquireCharge(ctx context.Context, _ engine.InquireCall) (engine.ChargeReport, error) {
	return g.Charge(ctx, engine.ChargeCall{})
}

func (g *gateway) InquirePayout(ctx context.Context, _ engine.InquireCall) (engine.PayoutReport, error) {
	return g.Payout(ctx, engine.PayoutCall{})
}

var (
	infra    = engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "no answer")
	decline  = engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "no funds")
	unauth   = engine.Errorf(engine.Unavailable, engine.CodeGatewayUnauthorized, "401")
	limited  = engine.Errorf(engine.Unavailable, engine.CodeGatewayRateLimited, "429")
	repeated = engine.Errorf(engine.Ambiguous, engine.CodeDuplicateReference, "duplicate")
)

// rig is one collector behind its breaker.
type rig struct {
	*gateway
	breakers *failover.Breakers
	guarded  engine.Collector
}

func newRig() *rig {
	r := &rig{gateway: &gateway{}, breakers: failover.NewBreakers(failover.Config{})}
	r.guarded = failover.GuardCollector(r.collect(), r.gateway)
	return r
}

func (r *rig) collect() *failover.Breaker { return r.breakers.Of(engine.Paystack, failover.Collect) }

// says makes the gateway answer so, n times, and returns the last error seen.
func (r *rig) says(t *testing.T, n int, answer error) error {
	t.Helper()
	r.answer = func(context.Context) error { return answer }
	if answer == nil {
		r.answer = func(context.Context) error { return nil }
	}
	var err error
	for range n {
		_, err = r.guarded.Charge(t.Context(), engine.ChargeCall{})
	}
	return err
}

// pass lets the bubble's virtual time go by.
func pass(d time.Duration) { <-time.After(d) }

func TestAnswersOfALivingGatewayNeverOpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		for range 1000 {
			for _, answer := range []error{decline, unauth, limited, repeated} {
				require.ErrorIs(t, r.says(t, 1, answer), answer)
			}
		}
		require.Equal(t, failover.Closed, r.collect().State())
		require.Equal(t, 4000, r.calls)
	})
}

func TestFiveFailuresInARowOpenItAndThenNothingIsSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		require.ErrorIs(t, r.says(t, 5, infra), engine.Ambiguous, "a time-out stays ambiguous, breaker or not")
		require.Equal(t, failover.Open, r.collect().State())
		require.Equal(t, 20*time.Second, r.collect().RetryAfter())
		require.ErrorIs(t, r.says(t, 10, nil), engine.Unavailable)
		require.Equal(t, 5, r.calls, "provably not sent")
		require.Equal(t, failover.Closed, r.breakers.Of(engine.Paystack, failover.Verify).State(), "verify is never behind collect's breaker")
		require.Equal(t, failover.Closed, r.breakers.Of(engine.FedaPay, failover.Collect).State())
	})
}

func TestThreeAnsweredProbesCloseItEvenIfTheyDecline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		_ = r.says(t, 5, infra)
		pass(20*time.Second + time.Millisecond)
		require.ErrorIs(t, r.says(t, 3, decline), engine.Declined)
		require.Equal(t, failover.Closed, r.collect().State())
	})
}

func TestHalfFailingOpensAThirdDoesNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		half, third := newRig(), newRig()
		for n := range 20 {
			_ = half.says(t, 1, []error{nil, infra}[n%2])
		}
		require.Equal(t, failover.Open, half.collect().State())
		for n := range 600 {
			_ = third.says(t, 1, []error{nil, nil, infra}[n%3])
		}
		require.Equal(t, failover.Closed, third.collect().State())
	})
}

func TestSlowSuccessesOpenItAndAreSuccessesAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.answer = func(context.Context) error { pass(9 * time.Second); return nil }
		for range 5 {
			report, err := r.guarded.Charge(t.Context(), engine.ChargeCall{})
			require.NoError(t, err)
			require.Equal(t, engine.ChargeOnPhone, report.Status)
		}
		require.Equal(t, failover.Open, r.collect().State())
	})
}

func TestAHungProbeDoesNotBlockTheBreakerForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		_ = r.says(t, 5, infra)
		pass(20*time.Second + time.Millisecond)
		r.answer = func(ctx context.Context) error { <-ctx.Done(); return infra }
		begun := time.Now()
		_, err := r.guarded.Charge(t.Context(), engine.ChargeCall{})
		require.ErrorIs(t, err, engine.Ambiguous)
		require.Equal(t, 15*time.Second, time.Since(begun), "the deadline is inside the breaker (virtual time)")
		require.Equal(t, failover.Open, r.collect().State())
	})
}

func TestAPersonsOverrideStandsUntilItsTimeAndSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		require.ErrorIs(t, r.collect().Force(failover.Override{State: failover.Open, Until: time.Now().Add(time.Hour)}), engine.Invalid)
		order := failover.Override{State: failover.Open, Who: "awa", Why: "Paystack's maintenance", Until: time.Now().Add(time.Hour)}
		require.NoError(t, r.collect().Force(order))
		require.ErrorIs(t, r.says(t, 1, nil), engine.Unavailable)
		require.Zero(t, r.calls)
		pass(time.Hour)
		require.NoError(t, r.says(t, 1, nil))

		_ = r.says(t, 5, infra)
		order.State, order.Until = failover.Closed, time.Now().Add(time.Minute)
		require.NoError(t, r.collect().Force(order))
		require.NoError(t, r.says(t, 1, nil), "forced closed: calls go through, unjudged")
		require.NoError(t, r.collect().Force(failover.Override{}))
		require.ErrorIs(t, r.says(t, 1, nil), engine.Unavailable, "taken back: it is still open")
	})
}
