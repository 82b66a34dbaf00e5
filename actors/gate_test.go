package actors

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// blocked is a Store that keeps every command until it is released.
func blocked(release <-chan struct{}) apply {
	return func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		<-release
		return committed(ask.Transaction), nil
	}
}

func TestNewPaymentsAreShedFirstAndWebhooksLast(t *testing.T) {
	t.Parallel()
	admittedAt := func(c engine.Command) int {
		fresh := newGate(100, 1000)
		fresh.set(true)
		n := 0
		for ; n < 200 && fresh.admit(engine.Ask{Command: c}) == ""; n++ {
		}
		return n
	}
	require.Equal(t, 70, admittedAt(engine.InitiateCharge{}))
	require.Equal(t, 70, admittedAt(engine.Tick{}))
	require.Equal(t, 80, admittedAt(engine.SubmitOTP{}))
	require.Equal(t, 90, admittedAt(engine.ConfirmDelivery{}))
	require.Equal(t, 100, admittedAt(engine.Notify{}))
	for _, answer := range []engine.Command{
		engine.RecordChargeAnswer{}, engine.RecordOTPAnswer{}, engine.RecordInquiry{}, engine.RecordPayoutAnswer{},
	} {
		require.Equal(t, 200, admittedAt(answer), engine.NameOf(answer))
	}
}

func TestARefusalIsImmediateAndNothingIsDone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := started(t, blocked(release), func(c *Config) { c.InFlightMax = 10 })
	for n := range 10 {
		_, err := s.Submit(t.Context(), told(idOf(n), "charge.success", "bytes"))
		require.NoError(t, err)
	}
	// The store hangs, so an answer now can only come from the gate.
	_, err := s.Ask(t.Context(), told(idOf(99), "charge.success", "bytes"))
	require.ErrorIs(t, err, engine.Overloaded)
	require.Equal(t, engine.CodeOverloaded, engine.CodeOf(err))
	require.Equal(t, 1, value(t, s.metrics.refused))
	close(release)
	eventually(t, func() bool { commands, _ := s.gate.load(); return commands == 0 })
	_, err = s.Ask(t.Context(), told(idOf(99), "charge.success", "bytes"))
	require.NoError(t, err)
}

func TestOneTransactionCannotFillTheHouse(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := started(t, blocked(release), func(c *Config) { c.PerTransactionMax = 3 })
	confirm := engine.Ask{Transaction: idOf(1), Command: engine.ConfirmDelivery{}}
	for range 3 {
		_, err := s.Submit(t.Context(), confirm)
		require.NoError(t, err)
	}
	_, err := s.Submit(t.Context(), confirm)
	require.ErrorIs(t, err, engine.Overloaded)
	for range 3 * (copiesFor - 1) { // a gateway repeats itself: webhooks have more room
		_, err = s.Submit(t.Context(), told(idOf(1), "charge.success", "bytes"))
		require.NoError(t, err)
	}
	_, err = s.Submit(t.Context(), told(idOf(1), "charge.success", "bytes"))
	require.ErrorIs(t, err, engine.Overloaded)
	_, err = s.Submit(t.Context(), told(idOf(2), "charge.success", "bytes"))
	require.NoError(t, err)
	close(release)
}

func TestNobodyComesInBeforeTheStartOrAfterTheStop(t *testing.T) {
	t.Parallel()
	s, err := New(configured(blocked(nil), nil))
	require.NoError(t, err)
	refused := func() {
		for _, c := range []engine.Command{engine.InitiateCharge{}, engine.Notify{}, engine.RecordInquiry{}} {
			_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: c})
			require.Equal(t, engine.CodeShuttingDown, engine.CodeOf(err))
			require.ErrorIs(t, err, engine.Overloaded)
		}
	}
	refused()
	s.Wake()
	require.NoError(t, s.Stop(t.Context()), "nothing to stop")
	require.NoError(t, s.Start(t.Context()))
	require.Error(t, s.Start(t.Context()))
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, s.Stop(t.Context()))
	refused()
}

func TestAPaymentTakesItsCallsSlotBeforeItIsCommitted(t *testing.T) {
	t.Parallel()
	outside := newOutside()
	outside.hold = make(chan struct{})
	store := newLedger()
	store.effects = func(ask engine.Ask) []engine.Effect {
		if _, is := ask.Command.(engine.InitiateCharge); is {
			return []engine.Effect{engine.ChargeCall{Reference: charge(ask.Transaction), Gateway: engine.Paystack}}
		}
		return nil
	}
	s := started(t, store, func(c *Config) { c.CollectCalls, c.Gateways = 2, outside.all() })
	for n := range 2 {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(n), Command: paying})
		require.NoError(t, err)
	}
	before := store.len()
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(2), Command: paying})
	require.ErrorIs(t, err, engine.Overloaded, "both slots make a call")
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(0), Command: engine.SubmitOTP{OTP: "1234"}})
	require.ErrorIs(t, err, engine.Overloaded, "codes share the slots of charges")
	require.Equal(t, before, store.len(), "a refused command reached the store")
	_, err = s.Ask(t.Context(), told(idOf(0), "charge.success", "bytes"))
	require.NoError(t, err, "a webhook needs no slot")
	close(outside.hold)
	eventually(t, func() bool { _, chores := s.gate.load(); return chores == 0 })
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(2), Command: paying})
	require.NoError(t, err)
}

func TestASlotIsGivenBackWhenNoCallFollows(t *testing.T) {
	t.Parallel()
	o := newOutside()
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		switch ask.Transaction {
		case idOf(1):
			return none, errRefused
		case idOf(2):
			panic("an impossible arm")
		}
		replayed := committed(idOf(77), calls(idOf(77))["charge"])
		replayed.Outcome = engine.Replayed
		return replayed, nil
	}), func(c *Config) { c.CollectCalls, c.Gateways = 1, o.all() })
	for n := range 12 {
		answer, err := s.Submit(t.Context(), engine.Ask{Transaction: idOf(n % 4), Command: paying})
		require.NoError(t, err, "the slot of a command without a call was kept")
		receive(t, answer)
		eventually(t, func() bool { commands, _ := s.gate.load(); return commands == 0 })
	}
	require.Zero(t, o.calls.Load(), "a replayed answer made its call again")
}

func TestAnOperatorNobodyServesNeedsNoSlot(t *testing.T) {
	t.Parallel()
	s := started(t, apply(func(context.Context, engine.Ask) (engine.Applied, error) { return none, errRefused }), nil)
	unserved := paying
	unserved.Payer.Operator = "moov"
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: unserved})
	require.ErrorIs(t, err, errRefused, "Decide says why")
}
