package actors

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// told is a webhook's command: its identity, and the signature of its bytes.
func told(id engine.ID, identity engine.Identity, signature string) engine.Ask {
	return engine.Ask{Transaction: id, Command: engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Identity: identity,
		Reference: engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1},
		Delivery:  engine.Delivery{Signature: []byte(signature)},
	}}}
}

// counting is a Store that takes every notification as counted, and counts asks.
func counting(asked *atomic.Int64) apply {
	return func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		applied := committed(ask.Transaction)
		if n, is := ask.Command.(engine.Notify); is {
			applied.Counted = []engine.Identity{n.Notification.Identity}
		}
		if asked.Add(1) > 1 {
			applied.Outcome = engine.Duplicate
		}
		return applied, nil
	}
}

func TestACountedWebhookNeverReachesTheStoreAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := started(t, counting(&asked), nil)
	for range 50 {
		applied, err := s.Ask(t.Context(), told(idOf(1), "charge.success", "the bytes"))
		require.NoError(t, err)
		require.Equal(t, idOf(1), applied.State.ID)
	}
	require.EqualValues(t, 1, asked.Load())
	require.Equal(t, 49, value(t, s.metrics.remembered))
}

func TestParallelDuplicatesReachTheStoreOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := started(t, counting(&asked), nil)
	var answers []<-chan Answer
	for range 60 {
		answer, err := s.Submit(t.Context(), told(idOf(1), "charge.success", "the bytes"))
		require.NoError(t, err)
		answers = append(answers, answer)
	}
	changed := 0
	for _, answer := range answers {
		a := receive(t, answer)
		require.NoError(t, a.Err)
		if a.Applied.Outcome == engine.Changed {
			changed++
		}
	}
	require.Equal(t, 1, changed)
	require.EqualValues(t, 1, asked.Load())
}

func TestOneIdentityUnderAnotherSignatureReachesTheStore(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := started(t, counting(&asked), nil)
	for _, signature := range []string{"these bytes", "other bytes", "", ""} { // unsigned ones prove nothing
		_, err := s.Ask(t.Context(), told(idOf(1), "charge.success", signature))
		require.NoError(t, err)
	}
	require.EqualValues(t, 4, asked.Load())
}

func TestAWebhookThatOnlyRaisedADoubtIsNotRemembered(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		asked.Add(1)
		return committed(ask.Transaction), nil
	}), nil)
	for range 3 {
		_, err := s.Ask(t.Context(), told(idOf(1), "charge.success", "the bytes"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, asked.Load())
}

func TestMemoryForgetsTheOldestBeyondItsBound(t *testing.T) {
	t.Parallel()
	var m memory
	notification := func(n int) engine.Notification {
		return told(idOf(1), engine.Identity(rune('a'+n)), "s").Command.(engine.Notify).Notification //nolint:forcetypeassert // made so
	}
	for n := range rememberedMax + 3 {
		m.learn(notification(n), engine.Applied{Outcome: engine.Changed, Counted: []engine.Identity{notification(n).Identity}})
	}
	require.Len(t, m.counted, rememberedMax)
	for n := range rememberedMax + 3 {
		require.Equal(t, n >= 3, m.knows(notification(n)), n)
	}
	m.learn(notification(1), engine.Applied{Outcome: engine.Replayed, Counted: []engine.Identity{notification(1).Identity}})
	require.False(t, m.knows(notification(1)), "a replay is somebody else's answer")
}

func TestAPanicIsAnsweredAndForgetsWhatWasKnown(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	books := counting(&asked)
	s := started(t, apply(func(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
		if ask.Command == tick {
			panic("an impossible arm")
		}
		return books(ctx, ask)
	}), nil)
	_, err := s.Ask(t.Context(), told(idOf(1), "charge.success", "the bytes"))
	require.NoError(t, err)
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: tick})
	require.ErrorIs(t, err, engine.Internal)
	require.False(t, transient(err), "it would break its actor again")
	_, err = s.Ask(t.Context(), told(idOf(1), "charge.success", "the bytes"))
	require.NoError(t, err)
	require.EqualValues(t, 2, asked.Load(), "memory survived the panic")
	require.Equal(t, 1, value(t, s.metrics.panics))
}

func TestThreePanicsParkOneTransactionForAMinute(t *testing.T) {
	t.Parallel()
	clock := newManual()
	var broken atomic.Bool
	broken.Store(true)
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		if broken.Load() && ask.Transaction == idOf(1) {
			panic("an impossible arm")
		}
		return committed(ask.Transaction), nil
	}), func(c *Config) { c.Clock = clock })
	ask := func(n int) error {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(n), Command: tick})
		return err
	}
	for range panicsMax {
		require.ErrorIs(t, ask(1), engine.Internal)
	}
	require.ErrorIs(t, ask(1), engine.Overloaded)
	require.Equal(t, 1, value(t, s.metrics.parked))
	require.NoError(t, ask(1+shardsMin), "others of its shard are untouched")
	broken.Store(false)
	clock.move(parkedFor - time.Second)
	require.ErrorIs(t, ask(1), engine.Overloaded)
	clock.move(time.Second)
	require.NoError(t, ask(1))
}

func TestACommandWhoseTimeIsOverIsNotBegun(t *testing.T) {
	t.Parallel()
	s := started(t, apply(func(context.Context, engine.Ask) (engine.Applied, error) {
		panic("it was begun")
	}), nil)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	answer, err := s.Submit(ctx, engine.Ask{Transaction: idOf(1), Command: agreed})
	require.NoError(t, err)
	require.ErrorIs(t, receive(t, answer).Err, engine.Overloaded)
}

func TestACallerWhoLeavesDoesNotStopTheCommit(t *testing.T) {
	t.Parallel()
	begun, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	s := started(t, apply(func(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
		close(begun)
		<-goOn
		ended <- ctx.Err()
		return committed(ask.Transaction), nil
	}), nil)
	ctx, leave := context.WithCancel(t.Context())
	caller := make(chan error, 1)
	go func() {
		_, err := s.Ask(ctx, engine.Ask{Transaction: idOf(1), Command: agreed})
		caller <- err
	}()
	receive(t, begun)
	leave()
	err := receive(t, caller)
	require.Equal(t, engine.CodeStillRunning, engine.CodeOf(err))
	require.NotErrorIs(t, err, engine.Overloaded, "something may have been done")
	require.ErrorIs(t, err, context.Canceled)
	commands, _ := s.gate.load()
	require.Equal(t, 1, commands, "its place is its actor's to give back")
	close(goOn)
	require.NoError(t, receive(t, ended))
}

func TestTheStoresRefusalReachesTheCaller(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{
		"declared": engine.Errorf(engine.Conflict, engine.CodeNotPaid, "not paid"),
		"raw":      errors.New("connection reset"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := started(t, apply(func(context.Context, engine.Ask) (engine.Applied, error) { return none, refusal }), nil)
			_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
			require.ErrorIs(t, err, refusal)
			var known *engine.Error
			require.ErrorAs(t, err, &known)
		})
	}
}

func TestTheActorOfAnUnknownPaymentIsRetiredAtOnce(t *testing.T) {
	t.Parallel()
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		return none, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "no such payment")
	}), nil)
	for n := range 100 {
		_, err := s.Ask(t.Context(), told(idOf(n), "charge.success", "bytes"))
		require.ErrorIs(t, err, engine.NotFound)
	}
	eventually(t, func() bool { return value(t, s.metrics.live) == 0 })
}
