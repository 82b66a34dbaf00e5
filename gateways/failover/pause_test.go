package failover_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

// toldToWait is what a gateway's client puts into the chain of a 429's error.
type toldToWait time.Duration

func (w toldToWait) Error() string             { return "wait " + time.Duration(w).String() }
func (w toldToWait) RetryAfter() time.Duration { return time.Duration(w) }

func tooMany(wait time.Duration) error {
	e := engine.Errorf(engine.Unavailable, engine.CodeGatewayRateLimited, "429")
	e.Err = toldToWait(wait)
	return e
}

func TestARateLimitPausesEveryClassOfThatGatewayAndNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		inquirer := failover.GuardChargeInquirer(r.breakers, engine.Paystack, r.gateway)
		elsewhere := failover.GuardCollector(r.breakers, engine.FedaPay, r.gateway)
		require.Equal(t, engine.CodeGatewayRateLimited, engine.CodeOf(r.says(t, 1, tooMany(30*time.Second))))

		r.answer = always(nil)
		_, err := inquirer.InquireCharge(t.Context(), engine.InquireCall{})
		require.ErrorIs(t, err, engine.Unavailable)
		require.Equal(t, engine.CodeGatewayRateLimited, engine.CodeOf(err), "an inquiry refused so is just an error: nothing was learnt")
		require.Equal(t, 1, r.calls, "provably not sent")
		_, err = elsewhere.Charge(t.Context(), engine.ChargeCall{})
		require.NoError(t, err)

		pass(30*time.Second - 1)
		require.ErrorIs(t, r.says(t, 1, nil), engine.Unavailable)
		pass(1)
		require.NoError(t, r.says(t, 1, nil))
		require.Equal(t, failover.Closed, r.collect().State())
	})
}

func TestAPauseIsAsLongAsTheGatewaySaysWithinReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []error
		pause   time.Duration
	}{
		"told":                     {[]error{tooMany(42 * time.Second)}, 42 * time.Second},
		"told nonsense":            {[]error{tooMany(time.Hour)}, 5 * time.Minute},
		"told nothing":             {[]error{tooMany(0)}, 10 * time.Second},
		"no way of telling":        {[]error{limited}, 10 * time.Second},
		"the one that ends last":   {[]error{tooMany(time.Minute), tooMany(time.Second)}, time.Minute},
		"another answer than that": {[]error{infra}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				var all sync.WaitGroup
				for i, answer := range c.answers { // all on their way before the first is answered
					late := func(context.Context) error { pass(time.Duration(i+1) * time.Microsecond); return answer }
					one := failover.GuardCollector(r.breakers, engine.Paystack, &gateway{answer: late})
					all.Go(func() { _, _ = one.Charge(t.Context(), engine.ChargeCall{}) })
				}
				all.Wait()
				require.Equal(t, c.pause, r.collect().RetryAfter().Round(time.Millisecond))
			})
		})
	}
}

func TestALimitNeverCountsForHealthNotEvenInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		doubt := engine.Errorf(engine.Ambiguous, engine.CodeGatewayUnreadable, "429, and the look that should confirm it failed")
		doubt.Err = toldToWait(0)
		for range 20 {
			require.ErrorIs(t, r.says(t, 1, doubt), engine.Ambiguous, "what it came to is the payment's own affair")
			require.Equal(t, 10*time.Second, r.collect().RetryAfter())
			pass(10 * time.Second)
		}
		require.Equal(t, failover.Closed, r.collect().State())
		require.Equal(t, 20, r.calls)
	})
}

func TestAPauseStandsAboveAPersonsOverride(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		order := failover.Override{State: failover.Closed, Who: "awa", Why: "it is back", Until: time.Now().Add(time.Hour)}
		require.NoError(t, r.collect().Force(order))
		_ = r.says(t, 1, tooMany(time.Minute))
		require.Equal(t, engine.CodeGatewayRateLimited, engine.CodeOf(r.says(t, 1, nil)))
		require.Equal(t, 1, r.calls)
	})
}

func TestACallBesideTheBreakersKeepsAPauseAndIsJudgedByNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		calls := 0
		look := func(answer error) error {
			return r.breakers.Beside(t.Context(), engine.Paystack, func(context.Context) error { calls++; return answer })
		}
		for range 100 {
			require.ErrorIs(t, look(infra), infra)
		}
		require.Empty(t, r.breakers.Snapshot()[0].Since, "no breaker heard of it")
		r.opens(t)
		require.NoError(t, look(nil), "nor does one stand before it")
		require.ErrorIs(t, look(tooMany(time.Minute)), engine.Unavailable)
		require.Equal(t, 102, calls)
		require.Equal(t, engine.CodeGatewayRateLimited, engine.CodeOf(look(nil)))
		require.Equal(t, 102, calls, "a 429 is of the whole gateway, whoever was told")
		require.Equal(t, time.Minute, r.breakers.RetryAfter())
		pass(time.Minute)
		require.NoError(t, look(nil))
	})
}
