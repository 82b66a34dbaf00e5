package actors

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// within is how long a test waits for what should happen at once.
const within = 20 * time.Second

// wall is the machine's clock; pace > 1 makes its timers that much faster.
type wall struct{ pace time.Duration }

func (wall) Now() time.Time { return time.Now() }

func (w wall) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d/max(w.pace, 1), f) }

// apply is a Store made of a function.
type apply func(ctx context.Context, ask engine.Ask) (engine.Applied, error)

func (f apply) Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error) { return f(ctx, ask) }

// nothing is due, waits, or listens.
type nothing struct{}

func (nothing) ClaimDue(context.Context, int, time.Duration) ([]engine.ID, error) { return nil, nil }

func (nothing) ClaimWaiting(context.Context, int, time.Duration) ([]engine.Parked, error) {
	return nil, nil
}

func (nothing) Postpone(context.Context, engine.Identity, time.Duration) error { return nil }

func (nothing) Bury(context.Context, engine.Identity, string) error { return nil }

func (nothing) Changed(engine.ID) {}

// value is a metric over all its labels.
func value(t *testing.T, metric prometheus.Collector) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metric)
	families, err := registry.Gather()
	require.NoError(t, err)
	total := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return int(total)
}

// configured is a Config of fakes that do nothing, changed by the test.
func configured(store Store, change func(*Config)) Config {
	policy := engine.DefaultPolicy()
	config := Config{
		Store: store, Due: nothing{}, Inbox: nothing{}, Feed: nothing{}, Clock: wall{}, Policy: &policy,
		Go:     func(work func()) { go work() },
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
		Shards: shardsMin,
	}
	if change != nil {
		change(&config)
	}
	return config
}

// started is a System that runs until the end of the test, and then must stop
// with nothing left inside.
func started(t *testing.T, store Store, change func(*Config)) *System {
	t.Helper()
	s, err := New(configured(store, change))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
		commands, chores := s.gate.load()
		require.Zero(t, commands+chores)
		require.Zero(t, value(t, s.metrics.live))
		require.Zero(t, value(t, s.metrics.dead))
	})
	return s
}

// idOf is the n-th id of a test, spread over the shards.
func idOf(n int) engine.ID {
	var id engine.ID
	binary.BigEndian.PutUint32(id[:4], uint32(n)+1)             //nolint:gosec // small
	binary.BigEndian.PutUint64(id[8:], uint64(n)*2654435761+17) //nolint:gosec // small
	return id
}

// receive takes the next value, or ends the test that waited in vain.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(within):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// eventually waits for a condition that another goroutine makes true.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, within, time.Millisecond)
}

var (
	tick   = engine.Tick{}
	agreed = engine.ConfirmDelivery{Principal: "platform"}
	paying = engine.InitiateCharge{
		Booking: "b1", Talent: "t1", Amount: 5000, Currency: "XOF", Method: engine.MobileMoney,
		Payer: engine.Payer{Operator: phone.Orange},
	}
)

// committed is what a store answers when it has committed a change.
func committed(id engine.ID, effects ...engine.Effect) engine.Applied {
	return engine.Applied{State: engine.Transaction{ID: id, Version: 1}, Effects: effects, Outcome: engine.Changed}
}

// manual is a clock that stands still until the test moves it.
type manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []*manualTimer
}

type manualTimer struct {
	clock *manual
	at    time.Time
	f     func()
}

func newManual() *manual { return &manual{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manual) AfterFunc(d time.Duration, f func()) Timer {
	m.mu.Lock()
	defer m.mu.Unlock()
	timer := &manualTimer{m, m.now.Add(d), f}
	m.timers = append(m.timers, timer)
	return timer
}

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	for i, other := range t.clock.timers {
		if other == t {
			t.clock.timers = append(t.clock.timers[:i], t.clock.timers[i+1:]...)
			return true
		}
	}
	return false
}

// move lets time pass and calls what it makes due, in order.
func (m *manual) move(d time.Duration) {
	m.mu.Lock()
	end := m.now.Add(d)
	for {
		first := -1
		for i, timer := range m.timers {
			if !timer.at.After(end) && (first < 0 || timer.at.Before(m.timers[first].at)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		timer := m.timers[first]
		m.timers = append(m.timers[:first], m.timers[first+1:]...)
		if timer.at.After(m.now) {
			m.now = timer.at
		}
		m.mu.Unlock()
		timer.f()
		m.mu.Lock()
	}
	m.now = end
	m.mu.Unlock()
}

// steps runs everything in the test's own goroutine, in the order it came: the
// Dispatcher and the Go of a simulation.
type steps struct{ ready []func() }

func (s *steps) Schedule(run func()) { s.ready = append(s.ready, run) }

func (*steps) Throughput() int { return 1 }

// all runs until nothing is ready any more.
func (s *steps) all() {
	for len(s.ready) > 0 {
		s.one()
	}
}

func (s *steps) one() {
	next := s.ready[0]
	s.ready = s.ready[1:]
	next()
}
