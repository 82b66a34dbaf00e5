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

func TestAnswersOfALivingGatewayNeverOpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		for range 50 {
			for range 100 {
				for _, answer := range []error{decline, unauth, refused, repeated} {
					require.ErrorIs(t, r.says(t, 1, answer), answer)
				}
			}
			require.ErrorIs(t, r.says(t, 1, limited), limited)
			pass(10 * time.Second) // what a 429 without a figure asks for
		}
		require.Equal(t, failover.Closed, r.collect().State())
		require.Equal(t, 50*(4*100+1), r.calls)
	})
}

// Each alone: mixed, a living answer would break the row of another that counted.
func TestARowOfOneLivingAnswerNeverOpensTheBreaker(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{decline, unauth, refused, repeated} {
		t.Run(answer.Error(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				require.ErrorIs(t, r.says(t, 1000, answer), answer)
				require.Equal(t, failover.Closed, r.collect().State())
				require.Equal(t, 1000, r.calls)
			})
		})
	}
}

func TestAMisconfiguredAccountIsNoOutageAndNoSignOfHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		require.ErrorIs(t, r.says(t, 1000, unset), unset)
		require.Equal(t, failover.Closed, r.collect().State(), "one way of paying that is not enabled takes no other away")
		_ = r.says(t, 4, infra)
		_ = r.says(t, 1, unset)
		_ = r.says(t, 1, unable)
		_ = r.says(t, 1, infra)
		require.Equal(t, failover.Open, r.collect().State(), "the row of failures is not broken by it")
	})
}

func TestOurOwnCancellingSaysNothingAboutTheGateway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		cancelled := engine.GatewayError(context.Canceled)
		require.ErrorIs(t, r.says(t, 100, cancelled), context.Canceled)
		require.Equal(t, failover.Closed, r.collect().State())
	})
}

func TestFiveFailuresInARowOpenItAndThenNothingIsSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		_ = r.says(t, 4, infra)
		require.Equal(t, failover.Closed, r.collect().State())
		require.ErrorIs(t, r.says(t, 1, infra), engine.Ambiguous, "a time-out stays ambiguous, breaker or not")
		require.Equal(t, failover.Open, r.collect().State())
		require.Equal(t, 20*time.Second, r.collect().RetryAfter())
		require.ErrorIs(t, r.says(t, 10, nil), engine.Unavailable)
		require.Equal(t, 5, r.calls, "provably not sent")
		require.Equal(t, failover.Closed, r.breakers.Of(engine.FedaPay, failover.Collect).State())
	})
}

func TestFailuresOfCollectLeaveVerifyAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		inquirer := failover.GuardChargeInquirer(r.breakers, engine.Paystack, r.gateway)
		r.opens(t)
		r.answer = always(nil)
		_, err := inquirer.InquireCharge(t.Context(), engine.InquireCall{})
		require.NoError(t, err, "it is what resolves the attempts the outage left in doubt")
		require.Equal(t, 6, r.calls)
	})
}

func TestThreeAnsweredProbesCloseItEvenIfTheyDecline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.opens(t)
		pass(20 * time.Second)
		require.ErrorIs(t, r.says(t, 2, decline), engine.Declined)
		require.Equal(t, failover.HalfOpen, r.collect().State())
		require.Zero(t, r.collect().RetryAfter(), "without a prober it is payers' calls that try it")
		require.ErrorIs(t, r.says(t, 1, decline), engine.Declined)
		require.Equal(t, failover.Closed, r.collect().State())
	})
}

func TestARefusedKeyAsAProbeNeitherClosesItNorHoldsItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.opens(t)
		pass(20 * time.Second)
		require.ErrorIs(t, r.says(t, 10, unauth), unauth)
		require.Equal(t, failover.HalfOpen, r.collect().State())
		require.Equal(t, 15, r.calls)
	})
}

func TestTheShareOfFailuresThatOpensIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers  []error // repeated
		opensAt  int     // 0: never
		pauseFor time.Duration
	}{
		"half of them, at call 20":      {answers: []error{nil, infra}, opensAt: 20},
		"a third, sustained":            {answers: []error{nil, nil, infra}},
		"a quarter, sustained":          {answers: []error{nil, nil, nil, infra}},
		"half of few, over a long time": {answers: []error{nil, infra}, pauseFor: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				for n := range 1200 {
					_ = r.says(t, 1, c.answers[n%len(c.answers)])
					pass(c.pauseFor)
					if n+1 == c.opensAt {
						require.Equal(t, failover.Open, r.collect().State())
						return
					}
					require.Equal(t, failover.Closed, r.collect().State(), "call %d", n+1)
				}
			})
		})
	}
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

// pacer is a gateway that tells how many requests its calls are.
type pacer struct {
	gateway
	requests int
}

func (p *pacer) Requests(engine.Effect) int { return p.requests }

func TestACallOfSeveralRequestsIsSlowWhenEachOfThemWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requests int
		each     time.Duration
		becomes  failover.State
	}{
		"a recipient and a transfer":      {2, 5 * time.Second, failover.Closed},
		"both slow":                       {2, 9 * time.Second, failover.Open},
		"create, token, start":            {3, 5 * time.Second, failover.Closed},
		"one that tells nothing sensible": {0, 9 * time.Second, failover.Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bs := failover.NewBreakers(failover.Config{InARow: 3})
				p := &pacer{requests: c.requests}
				p.answer = func(context.Context) error { pass(time.Duration(max(1, c.requests)) * c.each); return nil }
				guarded := failover.GuardDisburser(bs, engine.Paystack, p)
				for range 3 {
					_, err := guarded.Payout(t.Context(), engine.PayoutCall{})
					require.NoError(t, err)
				}
				require.Equal(t, c.becomes, bs.Of(engine.Paystack, failover.Payout).State())
			})
		})
	}
}

func TestACallHasTheTimeItsCallerGivesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pacer{requests: 2}
		p.answer = silent
		guarded := failover.GuardDisburser(failover.NewBreakers(failover.Config{}), engine.Paystack, p)
		for given, want := range map[time.Duration]time.Duration{
			30 * time.Second: 30 * time.Second, // a payout whose recipient has to be made first
			5 * time.Second:  5 * time.Second,
			0:                15 * time.Second, // nobody said
		} {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if given > 0 {
				ctx, cancel = context.WithTimeout(ctx, given)
			}
			begun := time.Now()
			_, err := guarded.Payout(ctx, engine.PayoutCall{})
			cancel()
			require.ErrorIs(t, err, engine.Ambiguous)
			require.Equal(t, want, time.Since(begun))
		}
	})
}

func TestAHungProbeDoesNotBlockTheBreakerForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.opens(t)
		pass(20 * time.Second)
		r.answer = silent
		begun := time.Now()
		_, err := r.guarded.Charge(t.Context(), engine.ChargeCall{})
		require.ErrorIs(t, err, engine.Ambiguous)
		require.Equal(t, 15*time.Second, time.Since(begun), "the deadline is inside the breaker")
		require.Equal(t, failover.Open, r.collect().State())
	})
}

func TestWhoeverHearsOfAChangeMayAskTheBreakerAfterwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan failover.State, 8)
		r := rigOf(failover.Config{Changed: func(_ engine.Gateway, _ failover.Class, _, to failover.State) {
			select { // handed over, as Config asks: State would wait for the lock this is called under
			case changes <- to:
			default:
			}
		}})
		r.opens(t)
		require.Equal(t, failover.Open, <-changes)
		require.Equal(t, failover.Open, r.collect().State())
		pass(20 * time.Second)
		require.NoError(t, r.says(t, 3, nil))
		require.Equal(t, failover.HalfOpen, <-changes)
		require.Equal(t, failover.Closed, <-changes)
	})
}

func TestNodesDoNotComeBackInTheSameSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for dice, wait := range map[float64]time.Duration{0: 16 * time.Second, 0.25: 18 * time.Second, 0.999999: 24 * time.Second} {
			r := rigOf(failover.Config{Random: func() float64 { return dice }})
			r.opens(t)
			require.InDelta(t, wait.Seconds(), r.collect().RetryAfter().Seconds(), 0.001)
			pass(r.collect().RetryAfter() - 1)
			require.Equal(t, failover.Open, r.collect().State())
			pass(1)
			require.Equal(t, failover.HalfOpen, r.collect().State())
		}
	})
}

func TestWhatRestsIsToldWithWhyAndHowLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		_ = failover.GuardDisburser(r.breakers, engine.Paystack, r.gateway)
		other := failover.GuardCollector(r.breakers, engine.FedaPay, r.gateway)
		require.Empty(t, r.breakers.Resting())
		require.Zero(t, r.breakers.RetryAfter())

		r.opens(t)
		opened := time.Now().UTC()
		require.Equal(t, []engine.Gateway{engine.Paystack}, r.breakers.Resting())
		require.Equal(t, 20*time.Second, r.breakers.RetryAfter())

		pass(time.Second)
		asked := time.Now().UTC()
		r.answer = always(limited)
		_, err := other.Charge(t.Context(), engine.ChargeCall{})
		require.ErrorIs(t, err, limited)
		require.Equal(t, []engine.Gateway{engine.FedaPay, engine.Paystack}, r.breakers.Resting())
		require.Equal(t, 10*time.Second, r.breakers.RetryAfter(), "the first that may be back")

		order := failover.Override{
			State: failover.Open, Who: "awa", Why: "float", At: asked.Add(-time.Minute), Until: time.Now().Add(time.Hour),
		}
		require.NoError(t, r.breakers.Of(engine.Paystack, failover.Payout).Force(order))
		pause := time.Now().Add(10 * time.Second).UTC()
		require.Equal(t, []failover.Status{
			{
				Gateway: engine.FedaPay, Class: failover.Collect, State: failover.Closed, RetryAfter: 10 * time.Second,
				Since: asked, PausedUntil: pause,
			},
			{Gateway: engine.Paystack, Class: failover.Collect, State: failover.Open, RetryAfter: 19 * time.Second, Since: opened},
			{Gateway: engine.Paystack, Class: failover.Payout, State: failover.Open, RetryAfter: time.Hour, Since: order.At, Forced: &order},
		}, r.breakers.Snapshot())

		pass(20 * time.Second)
		require.Empty(t, r.breakers.Resting(), "a payout's rest is none of the payers'; a half-open breaker without a prober needs them")
	})
}

// since is what the rig's breaker says of itself.
func (r *rig) since() time.Time { return r.breakers.Snapshot()[0].Since }

func TestABreakerHasRestedSinceItLeftClosedWhateverTrialsFailedSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		require.Zero(t, r.since())
		r.opens(t)
		opened := time.Now().UTC()
		for range 5 {
			pass(20 * time.Second)
			require.Equal(t, failover.HalfOpen, r.collect().State())
			require.Equal(t, opened, r.since())
			require.ErrorIs(t, r.says(t, 1, infra), infra)
			require.Equal(t, opened, r.since(), "the same outage")
		}
		pass(20 * time.Second)
		require.ErrorIs(t, r.says(t, 1, tooMany(time.Second)), engine.Unavailable)
		require.Equal(t, opened, r.since(), "a pause within it is no new rest")
		forced := failover.Override{State: failover.Closed, Who: "awa", Why: "it is back", Until: time.Now().Add(time.Minute)}
		require.NoError(t, r.collect().Force(forced))
		require.Equal(t, time.Now().UTC(), r.since(), "what a person lets through only the pause keeps back")
		pass(time.Second)
		require.Zero(t, r.since())
		pass(time.Minute)
		require.NoError(t, r.says(t, 3, nil))
		require.Zero(t, r.since())
	})
}

func TestTheSettingsOfABreakerAreItsJudgement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rigOf(failover.Config{InARow: 100, AtLeast: 10, Percent: 30, Probes: 5, OpenFor: 10 * time.Minute})
		for n := range 3 {
			require.Equal(t, failover.Closed, r.collect().State(), "round %d", n)
			_ = r.says(t, 2, nil)
			_ = r.says(t, 1, infra)
		}
		_ = r.says(t, 1, infra) // the tenth call, the fourth failure
		require.Equal(t, failover.Open, r.collect().State())
		require.Equal(t, 10*time.Minute, r.collect().RetryAfter(), "no shorter than it was told, whatever the longest wait is")
		pass(10 * time.Minute)
		require.NoError(t, r.says(t, 4, nil))
		require.Equal(t, failover.HalfOpen, r.collect().State())
		require.NoError(t, r.says(t, 1, nil))
		require.Equal(t, failover.Closed, r.collect().State())
	})
}

func TestEveryCallThatWasNotMadeIsToldAndNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := rigOf(failover.Config{Refused: func(g engine.Gateway, c failover.Class) { told = append(told, string(g)+"."+string(c)) }})
		inquirer := failover.GuardChargeInquirer(r.breakers, engine.Paystack, r.gateway)
		counted := func(n int) {
			t.Helper()
			require.Len(t, told, n)
			for _, who := range told {
				require.Equal(t, "paystack.collect", who)
			}
			told = nil
		}
		for _, answer := range []error{infra, decline, unauth, refused, nil} {
			_ = r.says(t, 1, answer)
		}
		counted(0) // an Unavailable of the gateway's own was asked for, and answered
		r.opens(t)
		_ = r.says(t, 3, nil)
		counted(3)

		p := probing(t, r)
		pass(20*time.Second + time.Second/2)
		require.Equal(t, 1, p.seen())
		_ = r.says(t, 2, nil)
		counted(2) // while it is being probed
		pass(5 * time.Second)
		require.NoError(t, r.says(t, 1, nil))
		counted(0)

		order := failover.Override{State: failover.Open, Who: "awa", Why: "maintenance", Until: time.Now().Add(time.Minute)}
		require.NoError(t, r.collect().Force(order))
		_ = r.says(t, 2, nil)
		counted(2)
		pass(time.Minute)

		_ = r.says(t, 1, limited)
		counted(0)
		_, err := inquirer.InquireCharge(t.Context(), engine.InquireCall{})
		require.ErrorIs(t, err, engine.Unavailable)
		require.Equal(t, []string{"paystack.verify"}, told, "a pause is of every class, and each counts its own")
	})
}
