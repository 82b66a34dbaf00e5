package failover_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

func TestAPersonsOverrideStandsUntilItsTimeAndSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		require.ErrorIs(t, r.collect().Force(failover.Override{State: failover.Open, Until: time.Now().Add(time.Hour)}), engine.Invalid)
		order := failover.Override{State: failover.Open, Who: "awa", Why: "Paystack's maintenance", Until: time.Now().Add(time.Hour)}
		require.NoError(t, r.collect().Force(order))
		require.ErrorIs(t, r.says(t, 1, nil), engine.Unavailable)
		require.Zero(t, r.calls)
		require.Equal(t, []engine.Gateway{engine.Paystack}, r.breakers.Resting())
		pass(time.Hour)
		require.NoError(t, r.says(t, 1, nil))

		r.opens(t)
		order.State, order.Until = failover.Closed, time.Now().Add(time.Minute)
		require.NoError(t, r.collect().Force(order))
		require.NoError(t, r.says(t, 1, nil), "forced closed: calls go through, unjudged")
		require.Empty(t, r.breakers.Resting())
		require.NoError(t, r.collect().Force(failover.Override{}))
		require.ErrorIs(t, r.says(t, 1, nil), engine.Unavailable, "taken back: it is still open")
	})
}

// row is a decision as the table has it.
func row(g engine.Gateway, class failover.Class, state failover.State, until time.Time) failover.NamedOverride {
	return failover.NamedOverride{
		Gateway: g, Class: class, Override: failover.Override{State: state, Who: "awa", Why: "maintenance", Until: until},
	}
}

// standing is the overrides in force.
func standing(bs *failover.Breakers) map[string]failover.State {
	found := map[string]failover.State{}
	for _, s := range bs.Snapshot() {
		if s.Forced != nil {
			found[string(s.Gateway)+"."+string(s.Class)] = s.Forced.State
		}
	}
	return found
}

func TestApplyMakesExactlyTheTablesOverridesStand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		later := time.Now().Add(time.Hour)
		table := []failover.NamedOverride{
			row(engine.Paystack, failover.Collect, failover.Open, later),
			row(engine.FedaPay, failover.Payout, failover.Closed, later),
			row(engine.FedaPay, failover.Verify, "", time.Time{}),            // lifted
			row(engine.FedaPay, failover.Collect, failover.Open, time.Now()), // over
		}
		for range 2 { // idempotent
			require.NoError(t, r.breakers.Apply(table))
			require.Equal(t, map[string]failover.State{"paystack.collect": failover.Open, "fedapay.payout": failover.Closed}, standing(r.breakers))
		}
		require.NoError(t, r.breakers.Apply(table[1:]))
		require.Equal(t, map[string]failover.State{"fedapay.payout": failover.Closed}, standing(r.breakers), "what is not in it is lifted")
		require.NoError(t, r.says(t, 1, nil))
		require.NoError(t, r.breakers.Apply(nil))
		require.Empty(t, standing(r.breakers))
	})
}

func TestARowThatMakesNoSenseIsToldAndHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		later := time.Now().Add(time.Hour)
		nameless := row(engine.Paystack, failover.Verify, failover.Open, later)
		nameless.Who = ""
		for name, wrong := range map[string]failover.NamedOverride{
			"a state there is not": row(engine.Paystack, failover.Verify, failover.HalfOpen, later),
			"a class there is not": row(engine.Paystack, "collects", failover.Open, later),
			"nobody's":             nameless,
		} {
			err := r.breakers.Apply([]failover.NamedOverride{wrong, row(engine.FedaPay, failover.Collect, failover.Open, later)})
			require.ErrorIs(t, err, engine.Invalid, name)
			require.Equal(t, map[string]failover.State{"fedapay.collect": failover.Open}, standing(r.breakers), name)
		}
	})
}
