package actors

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func TestAConfigurationIsRefusedWithEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Shards: 7, LiveMax: -1, DueEvery: -1})
	for _, missing := range []string{"Store", "Due", "Inbox", "Feed", "Clock", "Go", "Policy", "7 shards", "limit", "pace"} {
		require.ErrorContains(t, err, missing)
	}
	registry := prometheus.NewRegistry()
	_, err = New(configured(newLedger(), func(c *Config) { c.Metrics = registry }))
	require.NoError(t, err)
	_, err = New(configured(newLedger(), func(c *Config) { c.Metrics = registry }))
	require.Error(t, err, "two Systems count in one registry")
}

func TestTheFeedHearsOfWhatChangedOnly(t *testing.T) {
	t.Parallel()
	heard := make(feed, 10)
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		applied := committed(ask.Transaction)
		if ask.Transaction == idOf(1) {
			applied.Outcome = engine.Duplicate
		}
		return applied, nil
	}), func(c *Config) { c.Feed = heard })
	for n := range 3 {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(n), Command: agreed})
		require.NoError(t, err)
	}
	require.Equal(t, idOf(0), receive(t, heard))
	require.Equal(t, idOf(2), receive(t, heard))
}

type feed chan engine.ID

func (f feed) Changed(id engine.ID) { f <- id }

func TestLiveActorsStayWithinTheirBound(t *testing.T) {
	t.Parallel()
	const bound = 64
	s := started(t, newLedger(), func(c *Config) { c.LiveMax = bound })
	for n := range 20 * bound {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(n), Command: tick})
		require.NoError(t, err)
	}
	eventually(t, func() bool { return value(t, s.metrics.live) <= bound })
}

func TestTheIdleAreRetiredAndComeBack(t *testing.T) {
	t.Parallel()
	s := started(t, newLedger(), func(c *Config) { c.IdleAfter, c.SweepEvery = time.Millisecond, time.Millisecond })
	for range 3 {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: tick})
		require.NoError(t, err)
		eventually(t, func() bool { return value(t, s.metrics.live) == 0 })
	}
	require.Equal(t, 3, value(t, s.metrics.passivated))
}

// TestAStopUnderLoadLosesNothing stops while commands, calls and answers are under
// way: whatever was admitted is committed and answered, and every call's answer
// is recorded.
func TestAStopUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	o := newOutside()
	var initiated, recorded atomic.Int64
	s, err := New(configured(apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		switch ask.Command.(type) {
		case engine.ConfirmDelivery:
			initiated.Add(1)
			return committed(ask.Transaction, calls(ask.Transaction)["charge"]), nil
		case engine.RecordChargeAnswer:
			recorded.Add(1)
		}
		return committed(ask.Transaction), nil
	}), func(c *Config) { c.Gateways, c.LiveMax = o.all(), c.Shards }))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	var senders sync.WaitGroup
	var admitted, answered atomic.Int64
	for sender := range 8 {
		senders.Go(func() {
			for n := 0; ; n++ {
				_, err := s.Ask(context.Background(), engine.Ask{Transaction: idOf(sender*1000 + n%100), Command: agreed})
				if engine.CodeOf(err) == engine.CodeShuttingDown {
					return
				}
				admitted.Add(1)
				if err == nil {
					answered.Add(1)
				}
			}
		})
	}
	eventually(t, func() bool { return answered.Load() > 500 })
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
	senders.Wait()
	require.Equal(t, admitted.Load(), answered.Load())
	require.Equal(t, initiated.Load(), answered.Load())
	require.Equal(t, initiated.Load(), recorded.Load(), "an answer was lost")
	require.Zero(t, value(t, s.metrics.lost)+value(t, s.metrics.shed)+value(t, s.metrics.dead)+value(t, s.metrics.stuck))
	require.Zero(t, value(t, s.metrics.live))
}

func TestAStopWaitsForTheGatewayAndTakesItsAnswer(t *testing.T) {
	t.Parallel()
	o := newOutside()
	o.hold = make(chan struct{})
	store := following(calls(idOf(1))["charge"])
	s, err := New(configured(store, func(c *Config) { c.Gateways = o.all() }))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
	require.NoError(t, err)
	receive(t, o.budgets)
	stopping := make(chan error, 1)
	go func() { stopping <- s.Stop(context.Background()) }()
	eventually(t, func() bool {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(2), Command: agreed})
		return engine.CodeOf(err) == engine.CodeShuttingDown
	})
	close(o.hold)
	require.NoError(t, receive(t, stopping))
	for range store.len() - 1 {
		receive(t, store.came)
	}
	require.IsType(t, engine.RecordChargeAnswer{}, receive(t, store.came).Command)
}

func TestAStopWithoutTimeCutsOffAndSaysHowMuch(t *testing.T) {
	t.Parallel()
	o := newOutside()
	o.hold = make(chan struct{}) // never released: only its context ends the call
	s, err := New(configured(following(calls(idOf(1))["charge"]), func(c *Config) { c.Gateways = o.all() }))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
	require.NoError(t, err)
	receive(t, o.budgets)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = s.Stop(ctx)
	require.ErrorContains(t, err, "0 commands and 1 calls were cut off")
	require.ErrorIs(t, err, context.Canceled)
	eventually(t, func() bool { _, chores := s.gate.load(); return chores == 0 })
}

func TestHealthNamesWhatIsDead(t *testing.T) {
	t.Parallel()
	clock := newManual()
	hang, due := make(chan struct{}), &hanging{entered: make(chan struct{}, 1)}
	due.release = hang
	s := started(t, newLedger(), func(c *Config) { c.Clock, c.Due = clock, due })
	t.Cleanup(func() { close(hang) }) // before the System stops
	require.NoError(t, s.Health())
	clock.move(nudgePause)
	receive(t, due.entered)
	for range 40 { // the sweep goes on beating, second after second
		before := s.sweeper.lastBeat()
		clock.move(time.Second)
		eventually(t, func() bool { return s.sweeper.lastBeat().After(before) })
	}
	eventually(t, func() bool {
		err := s.Health()
		return err != nil && err.Error() == "loop due is dead"
	})
}

// hanging is a Due whose query never ends.
type hanging struct {
	entered chan struct{}
	release <-chan struct{}
}

func (h *hanging) ClaimDue(context.Context, int, time.Duration) ([]engine.ID, error) {
	h.entered <- struct{}{}
	<-h.release
	return nil, nil
}

func TestBeforeItsStartNothingIsHealthy(t *testing.T) {
	t.Parallel()
	s, err := New(configured(newLedger(), nil))
	require.NoError(t, err)
	require.Error(t, s.Health())
}

// TestOneGoroutineDrivesAWholeSystem is what a simulation rests on: with its own
// Clock, Go and Dispatcher nothing happens that it did not do itself.
func TestOneGoroutineDrivesAWholeSystem(t *testing.T) {
	t.Parallel()
	clock, run, o := newManual(), &steps{}, newOutside()
	due := &table{}
	store := newLedger()
	store.effects = func(ask engine.Ask) []engine.Effect {
		switch ask.Command.(type) {
		case engine.InitiateCharge:
			return []engine.Effect{calls(ask.Transaction)["charge"]}
		case engine.Tick:
			return []engine.Effect{calls(ask.Transaction)["inquire charge"]}
		}
		return nil
	}
	s, err := New(configured(store, func(c *Config) {
		c.Clock, c.Dispatcher, c.Go, c.Gateways, c.Due = clock, run, run.Schedule, o.all(), due
	}))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	run.all()
	answer, err := s.Submit(t.Context(), engine.Ask{Transaction: idOf(1), Command: paying})
	require.NoError(t, err)
	require.Zero(t, store.len())
	run.all()
	require.NoError(t, receive(t, answer).Err)
	due.ids = []engine.ID{idOf(1)}
	clock.move(defaultDueEvery)
	run.all()
	var names []string
	for _, ask := range store.asks {
		names = append(names, engine.NameOf(ask.Command))
	}
	require.Equal(t, []string{"initiate_charge", "record_charge_answer", "tick", "record_inquiry"}, names)
	for range 60 {
		clock.move(time.Second)
		run.all()
	}
	require.Zero(t, value(t, s.metrics.live), "idle for a minute, and still there")
	require.NoError(t, s.Health())
}

// TestAnActorNeverHeardToEndIsReplaced loses the end of an actor, as protoactor
// does when one panics while it stops: what came meanwhile is not lost with it.
func TestAnActorNeverHeardToEndIsReplaced(t *testing.T) {
	t.Parallel()
	clock, run, store := newManual(), &steps{}, newLedger()
	s, err := New(configured(store, func(c *Config) {
		c.Clock, c.Dispatcher, c.Go = clock, run, run.Schedule
	}))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	run.all()
	ask := engine.Ask{Transaction: idOf(1), Command: tick}
	_, err = s.Submit(t.Context(), ask)
	require.NoError(t, err)
	run.all()
	clock.move(s.idleAfter + s.config.SweepEvery)
	for value(t, s.metrics.live) == 1 && s.shardFor(idOf(1)).leaving.length == 0 {
		run.one()
	}
	run.ready = run.ready[:len(run.ready)-1] // the poison, and with it its end, is lost
	run.all()
	waiting, err := s.Submit(t.Context(), ask)
	require.NoError(t, err)
	run.all()
	require.Equal(t, 1, store.len(), "it is kept until its predecessor is gone")
	for range 1 + stuckAfter/time.Second {
		clock.move(time.Second)
		run.all()
	}
	require.NoError(t, receive(t, waiting).Err)
	require.Equal(t, 2, store.len())
	require.Equal(t, 1, value(t, s.metrics.stuck))
	_, err = s.Submit(t.Context(), ask)
	require.NoError(t, err)
	run.all()
	require.Equal(t, 3, store.len())
}

// shardFor is the shard of a transaction.
func (s *System) shardFor(id engine.ID) *shard {
	for n, address := range s.addresses {
		if address == s.shardOf(id) {
			return s.shards[n]
		}
	}
	return nil
}

func TestAShardSurvivesItsOwnBug(t *testing.T) {
	t.Parallel()
	run := &steps{}
	s, err := New(configured(newLedger(), func(c *Config) {
		c.Clock, c.Dispatcher, c.Go = newManual(), run, run.Schedule
	}))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	run.all()
	m := s.shardFor(idOf(1))
	children := m.children
	m.children = nil // a map nobody made
	answer, err := s.Submit(t.Context(), engine.Ask{Transaction: idOf(1), Command: tick})
	require.NoError(t, err)
	run.all()
	require.ErrorIs(t, receive(t, answer).Err, engine.Internal)
	commands, _ := s.gate.load()
	require.Zero(t, commands)
	require.Equal(t, 1, value(t, s.metrics.panics))
	m.children = children
	answer, err = s.Submit(t.Context(), engine.Ask{Transaction: idOf(1), Command: tick})
	require.NoError(t, err)
	run.all()
	require.NoError(t, receive(t, answer).Err)
}

func TestACommandThatFindsNoActorIsAnswered(t *testing.T) {
	t.Parallel()
	s, err := New(configured(newLedger(), nil))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	require.NoError(t, s.Stop(t.Context()))
	answers := make(chan Answer, 1)
	q := &question{
		ask:   engine.Ask{Transaction: idOf(1), Command: tick},
		reply: func(applied engine.Applied, err error) { answers <- Answer{applied, err} },
	}
	s.actors.Root.Send(s.shardOf(idOf(1)), q)
	require.Equal(t, engine.CodeShuttingDown, engine.CodeOf(receive(t, answers).Err))
	require.Equal(t, 1, value(t, s.metrics.dead))
}
