package persistence_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// wait makes everything that waits be tried now.
func (w *world) wait(t *testing.T) {
	t.Helper()
	w.exec(t, "UPDATE inbox SET next_at = now(), claimed_until = NULL WHERE next_at IS NOT NULL")
}

func (w *world) claim(t *testing.T) []engine.Parked {
	t.Helper()
	parked, err := w.ClaimWaiting(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	return parked
}

func TestAParkedNotificationIsKeptOnceWithItsBytes(t *testing.T) {
	t.Parallel()
	w := open(t)
	n := succeeded(freshID(), 50_000).Notification
	var done sync.WaitGroup
	for i := range 20 { // the gateway says it again, to every node
		done.Go(func() {
			again := n
			if i%4 == 0 {
				again.Delivery.Signature = []byte("signed by the next key")
			}
			if err := w.Park(t.Context(), again); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'waiting'"))
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries"), "once for each signature")
	require.Empty(t, w.claim(t), "its first try is ten seconds away")
	age, err := w.InboxAge(t.Context())
	require.NoError(t, err)
	require.Positive(t, age)

	w.wait(t)
	parked := w.claim(t)
	require.Len(t, parked, 1)
	require.Equal(t, n.Identity, parked[0].Identity)
	require.Equal(t, n.Kind, parked[0].Kind)
	require.Len(t, parked[0].Deliveries, 2)
	require.Equal(t, n.Delivery.Body, parked[0].Deliveries[0].Body)
	require.NotEmpty(t, parked[0].Deliveries[0].Signature)
	require.Zero(t, parked[0].Tries)
	require.Empty(t, w.claim(t), "it is being tried")
}

func TestAWaitingNotificationIsTriedThenBuriedThenDugUp(t *testing.T) {
	t.Parallel()
	w := open(t)
	n := succeeded(freshID(), 50_000).Notification
	require.NoError(t, w.Park(t.Context(), n))
	for tries := range 4 {
		w.wait(t)
		parked := w.claim(t)
		require.Len(t, parked, 1)
		require.Equal(t, tries, parked[0].Tries)
		require.NoError(t, w.Postpone(t.Context(), n.Identity, time.Hour))
		require.Empty(t, w.claim(t))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE next_at > now() + interval '59 min'"))
	}
	require.NoError(t, w.Bury(t.Context(), n.Identity, "nobody's"))
	w.wait(t)
	require.Empty(t, w.claim(t))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'buried' AND reason = 'nobody''s' AND tries = 5"))
	age, err := w.InboxAge(t.Context())
	require.NoError(t, err)
	require.Zero(t, age, "what is buried waits for nobody")

	require.NoError(t, w.Postpone(t.Context(), n.Identity, 0), "and only Replay digs up")
	require.Empty(t, w.claim(t))
	require.NoError(t, w.Replay(t.Context(), n.Identity, by("awa", engine.ActReplay)))
	parked := w.claim(t)
	require.Len(t, parked, 1)
	require.Zero(t, parked[0].Tries)
	require.Equal(t, n.Delivery.Body, parked[0].Deliveries[0].Body)
}

// What was taken as a doubt, or buried, is told again in other bytes, and can't be applied
// just then: it waits, with all its bytes.
func TestWhatStoodAsideWaitsWhenItIsToldAgain(t *testing.T) {
	t.Parallel()
	for _, stood := range []string{"review", "buried"} {
		t.Run(stood, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			id := freshID()
			w.apply(t, id, initiation("B1"))
			wrong, right := succeeded(id, 1).Notification, succeeded(id, 50_000).Notification
			right.Delivery.Signature = []byte("of other bytes")
			if stood == "review" {
				w.apply(t, id, engine.Notify{Notification: wrong})
			} else {
				require.NoError(t, w.Park(t.Context(), wrong))
				require.NoError(t, w.Bury(t.Context(), wrong.Identity, "nobody's"))
			}
			require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = $1", stood))
			require.NoError(t, w.Park(t.Context(), right))
			w.wait(t)
			parked := w.claim(t)
			require.Len(t, parked, 1)
			require.Zero(t, parked[0].Tries)
			require.Len(t, parked[0].Deliveries, 2)
			require.Equal(t, right.Delivery.Signature, parked[0].Deliveries[1].Signature)
			require.Equal(t, engine.Changed, w.apply(t, id, engine.Notify{Notification: right}).Outcome)
			require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted'"))
			require.NoError(t, w.Park(t.Context(), wrong), "what counts stays")
			require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted'"))
		})
	}
}

// Two wrong versions of one fact within a minute: the second changes nothing, and what is
// answered 200 is kept all the same.
func TestOtherBytesOfADoubtAreKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	first, second := succeeded(id, 1), succeeded(id, 2)
	second.Notification.Delivery.Signature = []byte("of other bytes")
	require.Equal(t, engine.Changed, w.apply(t, id, first).Outcome)
	for range 2 {
		require.Equal(t, engine.Duplicate, w.apply(t, id, second).Outcome)
	}
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'review'"))
}

func TestOnlyWhatIsBuriedOrWaitingCanBeReplayed(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	counted := succeeded(id, 50_000).Notification.Identity
	require.ErrorIs(t, w.Replay(t.Context(), counted, by("awa", engine.ActReplay)), engine.NotFound, "it counts")
	require.ErrorIs(t, w.Replay(t.Context(), "nobody", by("awa", engine.ActReplay)), engine.NotFound)
}

func TestWhatIsNotOursIsKeptAndNeverTried(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, n := range []engine.Notification{
		{Gateway: engine.Paystack, Kind: "subscription.create", Identity: "a", Foreign: "an unknown kind"},
		{Gateway: engine.Paystack, Kind: "unreadable", Identity: "b", Delivery: engine.Delivery{Body: nil}},
	} {
		n.Delivery.Signature, n.Delivery.ReceivedAt = []byte{1}, time.Now()
		require.NoError(t, w.Park(t.Context(), n))
	}
	w.wait(t)
	require.Empty(t, w.claim(t))
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'foreign' AND transaction_id IS NULL"))
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries"))
}

// A webhook that was faster than our own commit is tried as soon as there is
// something to apply it to: in the commit that makes it.
func TestAnOrphanIsDueAsSoonAsItsPaymentExists(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	early := succeeded(id, 50_000)
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: early})
	require.ErrorIs(t, err, engine.NotFound)
	require.NoError(t, w.Park(t.Context(), early.Notification))
	require.Empty(t, w.claim(t))

	w.apply(t, id, initiation("B1"))
	require.Len(t, w.claim(t), 1)
	applied := w.apply(t, id, early)
	require.Equal(t, engine.Changed, applied.Outcome)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted' AND next_at IS NULL"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
	w.sound(t)
}

func TestTwoClaimersNeverTakeTheSameNotification(t *testing.T) {
	t.Parallel()
	w := open(t)
	const notifications = 60
	for range notifications {
		require.NoError(t, w.Park(t.Context(), succeeded(freshID(), 50_000).Notification))
	}
	w.wait(t)
	claimed := make(chan engine.Identity, 3*notifications)
	var done sync.WaitGroup
	for _, node := range []*persistence.Store{w.Store, w.another(t), w.another(t)} {
		done.Go(func() {
			for {
				got, err := node.ClaimWaiting(t.Context(), 7, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if len(got) == 0 {
					return
				}
				for _, p := range got {
					claimed <- p.Identity
				}
			}
		})
	}
	done.Wait()
	close(claimed)
	seen := map[engine.Identity]int{}
	for identity := range claimed {
		seen[identity]++
	}
	require.Len(t, seen, notifications)
	for identity, times := range seen {
		require.Equal(t, 1, times, identity)
	}
}

// A parser may leave out of the body what is nobody's business, and may need the
// header and the moment to read it again: what it returned is what comes back.
func TestWhatIsParkedIsReadAgainAsItsParserLeftIt(t *testing.T) {
	t.Parallel()
	w := open(t)
	n := captured(freshID(), 2).Notification
	n.Delivery = engine.Delivery{
		Signature: []byte("t=1700000000,s=abc"), Body: []byte(`{"entity":{"customer":"[redacted]"}}`), ReceivedAt: time.Now(),
	}
	require.NoError(t, w.Park(t.Context(), n))
	again := n
	again.Delivery.Signature, again.Delivery.Body = []byte("t=1700000060,s=def"), []byte(`{"entity":{"customer":"[left out]"}}`)
	require.NoError(t, w.Park(t.Context(), again))
	w.wait(t)
	parked := w.claim(t)
	require.Len(t, parked, 1)
	require.Len(t, parked[0].Deliveries, 2)
	for i, told := range []engine.Notification{n, again} {
		kept := parked[0].Deliveries[i]
		require.Equal(t, told.Delivery.Signature, kept.Signature, "with its own header")
		require.Equal(t, told.Delivery.Body, kept.Body)
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries WHERE received_at = $1 AND signature = $2",
			kept.ReceivedAt, told.Delivery.Signature), "and with its own moment")
	}
}

// Both may be the first to tell of it: who parks it, because the payment was not there
// a moment ago, and the round that applies it.
func TestANotificationParkedWhileARoundAppliesItCountsOnce(t *testing.T) {
	t.Parallel()
	w := openOn(t, schema, inRounds(persistence.CommitterConfig{}))
	id := freshID()
	w.apply(t, id, initiation("B1"))
	n := succeeded(id, 50_000)
	parking, err := w.window.Begin(t.Context())
	require.NoError(t, err)
	_, err = parking.Exec(t.Context(), `INSERT INTO inbox (identity, transaction_id, parked_at, next_at, gateway, kind, status)
		VALUES ($1, $2, now(), now() + interval '1 hour', 'paystack', 'charge.success', 'waiting')`,
		string(n.Notification.Identity), [16]byte(id))
	require.NoError(t, err)
	answered := make(chan engine.Applied, 1)
	var asking sync.WaitGroup
	asking.Go(func() {
		if applied, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: n}); err == nil {
			answered <- applied
		}
	})
	require.Eventually(t, func() bool {
		return w.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	}, 5*time.Second, time.Millisecond, "the round waits for who parks")
	require.NoError(t, parking.Commit(t.Context()))
	asking.Wait()
	require.Len(t, answered, 1)
	require.Equal(t, engine.Changed, (<-answered).Outcome)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted' AND next_at IS NULL"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
	w.sound(t)
}
