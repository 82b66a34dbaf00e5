package actors

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// table is a Due of rows that are all due: each is claimed once.
type table struct {
	mu     sync.Mutex
	ids    []engine.ID
	limits []int
	err    error
}

func (d *table) ClaimDue(_ context.Context, limit int, lease time.Duration) ([]engine.ID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if lease < 2*commandWithin {
		return nil, errors.New("the lease is shorter than its tick")
	}
	d.limits = append(d.limits, limit)
	if d.err != nil {
		return nil, d.err
	}
	n := min(limit, len(d.ids))
	claimed := d.ids[:n]
	d.ids = d.ids[n:]
	return claimed, nil
}

func (d *table) claims() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.limits)
}

func TestWhatIsDueIsTicked(t *testing.T) {
	t.Parallel()
	const rows = 3 * ticksMax
	due := &table{}
	for n := range rows {
		due.ids = append(due.ids, idOf(n))
	}
	var mu sync.Mutex
	ticked := map[engine.ID]int{}
	var inFlight, most atomic.Int64
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		most.Store(max(most.Load(), inFlight.Add(1)))
		defer inFlight.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		ticked[ask.Transaction]++
		if len(ticked)%10 == 0 {
			return none, errRefused // one that fails stops nobody
		}
		return committed(ask.Transaction), nil
	}), func(c *Config) { c.Due, c.DueEvery = due, time.Millisecond })
	eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(ticked) == rows
	})
	require.LessOrEqual(t, most.Load(), int64(ticksMax))
	require.Equal(t, rows, value(t, s.metrics.claimed))
	due.mu.Lock()
	defer due.mu.Unlock()
	for _, limit := range due.limits {
		require.Positive(t, limit)
		require.LessOrEqual(t, limit, ticksMax)
	}
}

func TestTheDueClockLooksAtOnceWhenACommitLeftSomethingDue(t *testing.T) {
	t.Parallel()
	due := &table{}
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		applied := committed(ask.Transaction)
		applied.State.Payout = &engine.Payout{NextAt: time.Now().Add(-time.Second)}
		return applied, nil
	}), func(c *Config) { c.Due, c.DueEvery = due, time.Hour })
	eventually(t, func() bool { return due.claims() == 1 }) // the first look, at the start
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
	require.NoError(t, err)
	eventually(t, func() bool { return due.claims() == 2 })
	s.Wake()
	eventually(t, func() bool { return due.claims() == 3 })
}

func TestALoopSurvivesADatabaseThatIsDownAndABug(t *testing.T) {
	t.Parallel()
	due := &table{err: errors.New("connection refused")}
	inbox := &mailroom{breaks: true}
	s := started(t, newLedger(), func(c *Config) {
		c.Due, c.Inbox, c.DueEvery, c.InboxEvery = due, inbox, time.Millisecond, time.Millisecond
	})
	eventually(t, func() bool { return due.claims() > 3 && value(t, s.metrics.panics) > 3 })
	require.NoError(t, s.Health())
}

// mailroom is an Inbox: it gives out what waits, and notes what becomes of it.
type mailroom struct {
	mu        sync.Mutex
	waiting   []engine.Parked
	postponed map[engine.Identity]time.Duration
	buried    map[engine.Identity]string
	breaks    bool
}

func (m *mailroom) ClaimWaiting(_ context.Context, limit int, _ time.Duration) ([]engine.Parked, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.breaks {
		panic("a bug in a loop")
	}
	n := min(limit, len(m.waiting))
	claimed := m.waiting[:n]
	m.waiting = m.waiting[n:]
	return claimed, nil
}

func (m *mailroom) Postpone(_ context.Context, i engine.Identity, after time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.postponed == nil {
		m.postponed = map[engine.Identity]time.Duration{}
	}
	m.postponed[i] = after
	return nil
}

func (m *mailroom) Bury(_ context.Context, i engine.Identity, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buried == nil {
		m.buried = map[engine.Identity]string{}
	}
	m.buried[i] = reason
	return nil
}

// parser reads a body that is the identity; some are unreadable.
type parser struct{}

func (parser) Parse(d engine.Delivery) (engine.Notification, error) {
	switch string(d.Body) {
	case "foreign":
		return engine.Notification{}, engine.Errorf(engine.Invalid, engine.CodeNotificationForeign, "an unknown kind")
	case "poison":
		panic("a parser's bug")
	}
	return engine.Notification{
		Gateway: engine.Paystack, Identity: engine.Identity(d.Body), Reference: charge(idOf(1)), Charge: &engine.ChargeReport{},
		Delivery: d,
	}, nil
}

// retold lets one notification wait after so many tries and returns what became of it.
func retold(t *testing.T, body string, tries int, store apply) (*mailroom, *System) {
	t.Helper()
	var deliveries []engine.Delivery
	for _, bytes := range strings.Split(body, "|") { // told more than once, in other bytes
		deliveries = append(deliveries, engine.Delivery{
			Body: []byte(bytes), Signature: []byte("signature"), ReceivedAt: time.Unix(1_767_225_600, 0),
		})
	}
	m := &mailroom{waiting: []engine.Parked{{
		Gateway: engine.Paystack, Kind: "charge.success", Identity: engine.Identity(body), Tries: tries,
		Deliveries: deliveries,
	}}}
	s := started(t, store, func(c *Config) {
		c.Inbox, c.InboxEvery = m, time.Millisecond
		c.Gateways = Gateways{engine.Paystack: {Webhooks: parser{}}}
	})
	eventually(t, func() bool { return value(t, s.metrics.claimed) == 1 })
	eventually(t, func() bool { _, chores := s.gate.load(); return chores == 0 })
	return m, s
}

func TestAWaitingNotificationIsToldAgain(t *testing.T) {
	t.Parallel()
	got := make(chan engine.Notification, 1)
	m, _ := retold(t, "early", 0, func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		got <- ask.Command.(engine.Notify).Notification //nolint:forcetypeassert // nothing else is asked
		applied := committed(ask.Transaction)
		applied.Counted = []engine.Identity{"early"}
		return applied, nil
	})
	n := receive(t, got)
	require.Equal(t, []byte("early"), n.Delivery.Body)
	require.Equal(t, []byte("signature"), n.Delivery.Signature)
	require.Equal(t, time.Unix(1_767_225_600, 0), n.Delivery.ReceivedAt)
	require.Empty(t, m.postponed)
	require.Empty(t, m.buried)
}

// The first bytes may be unreadable, or taken as a doubt: the others are tried too.
func TestEveryDeliveryOfAWaitingNotificationIsTold(t *testing.T) {
	t.Parallel()
	const told = "poison|foreign|doubted|true|unasked"
	var asked []string
	m, _ := retold(t, told, 0, func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		body := string(ask.Command.(engine.Notify).Notification.Delivery.Body) //nolint:forcetypeassert // nothing else is asked
		asked = append(asked, body)                                            // one transaction: one at a time
		applied := committed(ask.Transaction)
		if body == "true" {
			applied.Counted = []engine.Identity{told}
		}
		return applied, nil
	})
	require.Equal(t, []string{"doubted", "true"}, asked)
	require.Empty(t, m.postponed)
	require.Empty(t, m.buried)
}

func TestAWaitingNotificationIsTriedOnTheScheduleThenBuried(t *testing.T) {
	t.Parallel()
	unknown := func(context.Context, engine.Ask) (engine.Applied, error) {
		return none, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "no such payment")
	}
	doubted := func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		return committed(ask.Transaction), nil
	}
	for name, c := range map[string]struct {
		body  string
		store apply
	}{
		"about no payment":   {"orphan", unknown},
		"taken as a doubt":   {"mismatch", doubted},
		"of an unknown kind": {"foreign", unknown},
		"that breaks us":     {"poison", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Tried at 10, 30, 90, 270 and 810 s: the pauses between are these.
			for tries, pause := range []time.Duration{20 * time.Second, 60 * time.Second, 180 * time.Second, 540 * time.Second} {
				m, _ := retold(t, c.body, tries, c.store)
				require.Equal(t, pause, m.postponed[engine.Identity(c.body)])
				require.Empty(t, m.buried)
			}
			m, s := retold(t, c.body, 4, c.store)
			require.NotEmpty(t, m.buried[engine.Identity(c.body)])
			require.Empty(t, m.postponed)
			require.Equal(t, 1, value(t, s.metrics.buried))
		})
	}
}

func TestADatabaseThatIsDownCostsAWaitingNotificationNoTry(t *testing.T) {
	t.Parallel()
	m, _ := retold(t, "early", 4, func(context.Context, engine.Ask) (engine.Applied, error) {
		return none, errors.New("connection refused")
	})
	require.Empty(t, m.postponed)
	require.Empty(t, m.buried)
}
