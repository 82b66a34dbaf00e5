package persistence_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/persistence"
)

// hintWithin is far beyond what any hint takes: the feed waits 50 ms to gather
// them, and 1 s before it listens again.
const hintWithin = 20 * time.Second

// hinted waits for a hint.
func hinted(t *testing.T, hint <-chan struct{}) {
	t.Helper()
	select {
	case <-hint:
	case <-time.After(hintWithin):
		require.Fail(t, "nobody was woken")
	}
}

// started runs the store's feed until the test is over.
func started(t *testing.T, s *persistence.Store) *persistence.Feed {
	t.Helper()
	require.NoError(t, s.Feed().Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Feed().Stop(context.Background())) })
	return s.Feed()
}

// listening waits until so many feeds hear what other nodes say.
func (w *world) listening(t *testing.T, feeds int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return w.count(t, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'`) == feeds
	}, hintWithin, time.Millisecond)
}

func TestAChangeWakesItsSubscribersHereAtOnce(t *testing.T) {
	t.Parallel()
	feed := open(t).Feed() // not started: what is here needs nobody
	id := freshID()
	first, leaveFirst := feed.Subscribe(id)
	second, leaveSecond := feed.Subscribe(id)
	other, leaveOther := feed.Subscribe(freshID())
	defer leaveSecond()
	defer leaveOther()
	feed.Changed(id)
	feed.Changed(id) // two changes unread are one hint to look
	require.Len(t, first, 1)
	require.Len(t, second, 1)
	require.Empty(t, other, "somebody else's change wakes nobody")
	hinted(t, second)

	leaveFirst()
	<-first
	feed.Changed(id)
	require.Empty(t, first, "who has left is not told")
	require.Len(t, second, 1)
}

func TestAChangeWakesThoseWhoWaitOnAnotherNode(t *testing.T) {
	t.Parallel()
	w := open(t)
	here, there := started(t, w.Store), started(t, w.another(t))
	w.listening(t, 2)
	const payments = 300 // more than one message holds
	hints := make([]<-chan struct{}, payments)
	for i := range hints {
		id := freshID()
		var leave func()
		hints[i], leave = there.Subscribe(id)
		defer leave()
		here.Changed(id)
	}
	for _, hint := range hints {
		hinted(t, hint)
	}
}

// What was said while nobody listened is not known: everybody looks again.
func TestALostFeedComesBackAndWakesEverybody(t *testing.T) {
	t.Parallel()
	w := open(t)
	here, there := started(t, w.Store), started(t, w.another(t))
	w.listening(t, 2)
	missed, leave := there.Subscribe(freshID())
	defer leave()
	w.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`)
	hinted(t, missed)

	w.listening(t, 2)
	id := freshID()
	hint, leaveToo := there.Subscribe(id)
	defer leaveToo()
	here.Changed(id)
	hinted(t, hint)
}

func TestAStoppedFeedHoldsNoConnectionAndStillWakesThoseHere(t *testing.T) {
	t.Parallel()
	w := open(t)
	feed := w.Feed()
	require.NoError(t, feed.Stop(t.Context()), "one that was never started")
	require.NoError(t, feed.Start(t.Context()))
	w.listening(t, 1)
	require.NoError(t, feed.Stop(t.Context()))
	require.NoError(t, feed.Stop(t.Context()), "twice is harmless")
	w.listening(t, 0)
	id := freshID()
	hint, leave := feed.Subscribe(id)
	defer leave()
	feed.Changed(id)
	require.Len(t, hint, 1)
}

// Who listens is another room: a hint never waits for it.
func TestAChangeNeverWaitsForAnybody(t *testing.T) {
	t.Parallel()
	feed := open(t).Feed()
	id := freshID()
	_, leave := feed.Subscribe(id) // and never reads
	defer leave()
	for range 20_000 { // twice what is kept for other nodes
		feed.Changed(freshID())
		feed.Changed(id)
	}
}
