package failover_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

// probe is a gateway's cheap GET.
type probe struct {
	mu     sync.Mutex
	calls  int
	answer func(context.Context) error
}

func (p *probe) Probe(ctx context.Context) error {
	p.mu.Lock()
	p.calls++
	answer := p.answer
	p.mu.Unlock()
	return answer(ctx)
}

func (p *probe) says(answer func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *probe) seen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// probing starts a prober for the rig's gateway, which works until told otherwise.
func probing(t *testing.T, r *rig) *probe {
	t.Helper()
	p := &probe{answer: always(nil)}
	service := failover.NewProbing(r.breakers, map[engine.Gateway]failover.Prober{engine.Paystack: p})
	require.NoError(t, service.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, service.Stop(context.Background())) })
	return p
}

func TestNoPayersChargeTriesAGatewayThatHasAProber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		p := probing(t, r)
		r.opens(t)
		pass(20*time.Second + time.Second/2) // between two ticks
		require.Equal(t, failover.HalfOpen, r.collect().State())
		require.Equal(t, 1, p.seen())
		require.ErrorIs(t, r.says(t, 10, nil), engine.Unavailable)
		require.Equal(t, 5, r.calls, "provably not sent")
		require.Equal(t, []engine.Gateway{engine.Paystack}, r.breakers.Resting())
		require.Equal(t, 3*time.Second, r.breakers.RetryAfter())

		pass(2 * time.Second)
		require.Equal(t, failover.Closed, r.collect().State())
		require.Equal(t, 3, p.seen())
		require.NoError(t, r.says(t, 10, nil))
		pass(time.Hour)
		require.Equal(t, 3, p.seen(), "nobody is probed who works")
	})
}

func TestADeadGatewayIsProbedOnceAWaitAndTheWaitDoesNotGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ends []error
		r := rigOf(failover.Config{Probed: func(_ engine.Gateway, err error) { ends = append(ends, err) }})
		p := probing(t, r)
		p.says(always(infra))
		r.opens(t)
		pass(10 * time.Minute)
		synctest.Wait()
		require.InDelta(t, 600/20, p.seen(), 1)
		require.Len(t, ends, p.seen())
		require.ErrorIs(t, ends[0], infra)
		require.NotEqual(t, failover.Closed, r.collect().State())
		p.says(always(nil))
		pass(25 * time.Second)
		require.Equal(t, failover.Closed, r.collect().State(), "an hour's outage is over as soon as a minute's")
	})
}

// closes waits until the probes have closed the breaker, and says how long it was open.
func closes(t *testing.T, r *rig) time.Duration {
	t.Helper()
	begun := time.Now()
	for range 400 {
		if r.collect().State() == failover.Closed {
			return time.Since(begun).Round(time.Second)
		}
		pass(time.Second)
	}
	t.Fatal("it stays open")
	return 0
}

func TestAProbeThatWorksWhileChargesFailEarnsALongerWaitEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		probing(t, r)
		for _, wait := range []time.Duration{20, 40, 80, 160, 300, 300} {
			r.opens(t)
			require.Equal(t, wait*time.Second, r.collect().RetryAfter())
			require.InDelta(t, float64(wait+3), closes(t, r).Seconds(), 1, "three probes a second apart")
			pass(time.Minute) // closed too short to be trusted
		}
		pass(time.Minute)
		r.opens(t)
		require.Equal(t, 20*time.Second, r.collect().RetryAfter(), "it had stayed closed for two minutes")
	})
}

func TestAFailedProbeBeginsTheSameWaitAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		p := probing(t, r)
		r.opens(t)
		closes(t, r)
		r.opens(t)
		p.says(always(infra))
		for n := range 4 {
			require.Equal(t, 40*time.Second, r.collect().RetryAfter().Round(10*time.Second), "neither longer nor shorter")
			require.Equal(t, 3+n, p.seen())
			pass(41 * time.Second)
		}
	})
}

func TestWithoutAProberTheWaitNeverGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		for range 5 {
			r.opens(t)
			require.Equal(t, 20*time.Second, r.collect().RetryAfter())
			pass(20 * time.Second)
			require.NoError(t, r.says(t, 3, nil), "payers' own charges proved it")
		}
	})
}

func TestAProbeThatHangsIsOverWhenItWouldBeTooSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 8)
		r := newRig()
		p := probing(t, r)
		p.says(func(ctx context.Context) error {
			begun := time.Now()
			err := silent(ctx)
			took <- time.Since(begun)
			return err
		})
		r.opens(t)
		require.Equal(t, 8*time.Second, <-took)
		synctest.Wait()
		require.Equal(t, failover.Open, r.collect().State())
	})
}

func TestAProbesRefusedKeyIsAskedOnceAWaitThatGrowsAndPayersStayAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []error
		r := rigOf(failover.Config{Probed: func(_ engine.Gateway, err error) { told = append(told, err) }})
		p := probing(t, r)
		p.says(always(unauth))
		r.opens(t)
		for asked, wait := range []time.Duration{20, 40, 80, 160, 300, 300} {
			require.Equal(t, asked, p.seen())
			pass(wait*time.Second - time.Second)
			require.Equal(t, failover.Open, r.collect().State())
			require.Equal(t, []engine.Gateway{engine.Paystack}, r.breakers.Resting())
			require.ErrorIs(t, r.says(t, 1, nil), engine.Unavailable)
			require.Equal(t, 5, r.calls, "provably not sent")
			pass(2*time.Second + time.Second/2)
		}
		synctest.Wait()
		require.Len(t, told, 6, "an hour of a wrong key is a line a wait, not one a second")
		require.ErrorIs(t, told[0], unauth)
		p.says(always(nil))
		pass(304 * time.Second)
		require.Equal(t, failover.Closed, r.collect().State(), "it has its key: three good probes")
	})
}

func TestAGatewayThatAnswersItsProbeWithANoIsTriedAgainByPayers(t *testing.T) {
	t.Parallel()
	for _, no := range []error{unset, refused, decline} {
		t.Run(no.Error(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told []error
				r := rigOf(failover.Config{Probed: func(_ engine.Gateway, err error) { told = append(told, err) }})
				p := probing(t, r)
				p.says(always(no))
				r.opens(t)
				require.LessOrEqual(t, closes(t, r), 24*time.Second)
				require.NoError(t, r.says(t, 1, nil), "the list may be forbidden and charges fine")
				pass(time.Second)
				synctest.Wait()
				require.Len(t, told, 3)
				require.ErrorIs(t, told[0], no, "and whoever reads the log sees why")
			})
		})
	}
}

func TestNobodyProbesAgainstAPersonsWillOrTheGatewaysOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		r := rigOf(failover.Config{Probed: func(engine.Gateway, error) { told.Add(1) }})
		p := probing(t, r)
		p.says(always(tooMany(5 * time.Minute)))
		r.opens(t)
		pass(30 * time.Second)
		require.Equal(t, 1, p.seen(), "a probe's 429 pauses the gateway as any other")
		order := failover.Override{State: failover.Open, Who: "awa", Why: "maintenance", Until: time.Now().Add(time.Hour)}
		require.NoError(t, r.collect().Force(order))
		p.says(always(nil))
		pass(time.Hour - time.Second/2)
		require.Equal(t, 1, p.seen())
		require.EqualValues(t, 1, told.Load())
		pass(5 * time.Second)
		require.Equal(t, failover.Closed, r.collect().State())
	})
}

func TestASilentGatewayDoesNotKeepTheOtherFromItsProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		other := failover.GuardCollector(r.breakers, engine.FedaPay, &gateway{answer: always(infra)})
		dead, alive := &probe{answer: silent}, &probe{answer: always(nil)}
		service := failover.NewProbing(r.breakers, map[engine.Gateway]failover.Prober{engine.FedaPay: dead, engine.Paystack: alive})
		require.NoError(t, service.Start(t.Context()))
		for range 5 {
			_, err := other.Charge(t.Context(), engine.ChargeCall{})
			require.ErrorIs(t, err, infra)
		}
		r.opens(t)
		require.LessOrEqual(t, closes(t, r), (20+8+4)*time.Second)
		require.NoError(t, service.Stop(t.Context()))
	})
}

func TestAProberThatIsStoppedLeavesTheTryingToPayers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		p := &probe{answer: silent}
		service := failover.NewProbing(r.breakers, map[engine.Gateway]failover.Prober{engine.Paystack: p})
		require.NoError(t, service.Stop(t.Context()), "never started")
		require.NoError(t, service.Start(t.Context()))
		r.opens(t)
		pass(22 * time.Second) // a probe is on its way
		require.Equal(t, 1, p.seen())
		require.NoError(t, service.Stop(t.Context()))
		require.NoError(t, service.Stop(t.Context()))
		pass(20 * time.Second)
		require.NoError(t, r.says(t, 3, nil))
		require.Equal(t, failover.Closed, r.collect().State())
	})
}
