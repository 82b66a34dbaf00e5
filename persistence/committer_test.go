package persistence_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// company is a committer that has not begun: what is asked of it waits, and is one
// round when the test says so.
type company struct {
	*persistence.Committer
	asked sync.WaitGroup
	mu    sync.Mutex
	came  map[engine.ID]result
}

// result is what an ask came to.
type result struct {
	applied engine.Applied
	err     error
}

func gather(t *testing.T, s *persistence.Store, config persistence.CommitterConfig, asks ...engine.Ask) *company {
	t.Helper()
	c := &company{Committer: persistence.NewCommitter(s, config), came: map[engine.ID]result{}}
	for i, ask := range asks {
		c.asked.Go(func() {
			applied, err := c.Apply(t.Context(), ask)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.came[ask.Transaction] = result{applied, err}
		})
		require.Eventually(t, func() bool { return c.Waiting() == i+1 }, 10*time.Second, 100*time.Microsecond)
	}
	return c
}

// commit begins, and waits until each has been told.
func (c *company) commit(t *testing.T) map[engine.ID]result {
	t.Helper()
	require.NoError(t, c.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	c.asked.Wait()
	return c.came
}

// initiated makes payments, each for a booking and a talent of its own.
func (w *world) initiated(t *testing.T, payments int) []engine.ID {
	t.Helper()
	ids := make([]engine.ID, payments)
	for i := range ids {
		ids[i] = freshID()
		w.apply(t, ids[i], initiation(ids[i].String()))
	}
	return ids
}

func successes(ids []engine.ID) []engine.Ask {
	asks := make([]engine.Ask, len(ids))
	for i, id := range ids {
		asks[i] = engine.Ask{Transaction: id, Command: succeeded(id, 50_000)}
	}
	return asks
}

func (w *world) commits(t *testing.T) int {
	t.Helper()
	return w.count(t, "SELECT count(DISTINCT xmin::text) FROM holds")
}

func TestARoundIsOneCommit(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 100)
	came := gather(t, w.Store, persistence.CommitterConfig{Workers: 1}, successes(ids)...).commit(t)
	for _, id := range ids {
		require.NoError(t, came[id].err)
		require.Equal(t, engine.Changed, came[id].applied.Outcome)
	}
	require.Equal(t, 1, w.commits(t))
	w.sound(t)
}

// One row among 128 that the database refuses fails alone.
func TestAPoisonedAskFailsAloneInARoundOf128(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 128)
	poisoned := ids[77]
	w.exec(t, fmt.Sprintf(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF NEW.transaction_id = '%x' THEN RAISE EXCEPTION 'poison'; END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON holds FOR EACH ROW EXECUTE FUNCTION refuse()`, poisoned[:]))
	came := gather(t, w.Store, persistence.CommitterConfig{Workers: 1}, successes(ids)...).commit(t)
	for _, id := range ids {
		if id == poisoned {
			require.ErrorIs(t, came[id].err, engine.Internal)
			continue
		}
		require.NoError(t, came[id].err)
	}
	require.Equal(t, 127, w.count(t, "SELECT count(*) FROM holds"))
	require.LessOrEqual(t, w.commits(t), 7, "halved, not tried one by one")
	w.sound(t)
}

// One row that another session holds makes nobody else wait for long.
func TestARowHeldByAnotherMakesItsOwnAskComeAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 32)
	held := ids[9]
	holder := w.seizing(t, "SELECT id FROM transactions WHERE id = $1 FOR UPDATE", [16]byte(held))
	came := gather(t, w.Store, persistence.CommitterConfig{Workers: 1}, successes(ids)...).commit(t)
	require.NoError(t, holder.Rollback(t.Context()))
	for _, id := range ids {
		if id == held {
			require.ErrorIs(t, came[id].err, engine.Overloaded)
			continue
		}
		require.NoError(t, came[id].err)
	}
	require.Equal(t, engine.Changed, w.apply(t, held, succeeded(held, 50_000)).Outcome, "told again, it counts")
	w.sound(t)
}

// A round that waits for somebody's lock holds up none beside it, however few ask.
func TestARoundThatWaitsForALockHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 2)
	holder := w.seizing(t, "SELECT id FROM transactions WHERE id = $1 FOR UPDATE", [16]byte(ids[0]))
	c := persistence.NewCommitter(w.Store, persistence.CommitterConfig{})
	require.NoError(t, c.Start(t.Context()))
	waits := make(chan error, 1)
	go func() {
		_, err := c.Apply(t.Context(), successes(ids)[0])
		waits <- err
	}()
	require.Eventually(t, func() bool { // it is in PostgreSQL by now, and waits there
		return w.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	}, 10*time.Second, time.Millisecond)
	_, err := c.Apply(t.Context(), successes(ids)[1])
	require.NoError(t, err)
	require.Empty(t, waits, "the first one waits still")
	require.NoError(t, holder.Rollback(t.Context()))
	require.NoError(t, <-waits)
	require.NoError(t, c.Stop(t.Context()))
	w.sound(t)
}

// Who is held back behind another ask for the same booking can leave.
func TestWhoIsHeldBackCanLeave(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, second := freshID(), freshID()
	slot := w.seizing(t,
		"INSERT INTO open_bookings (booking_id, transaction_id) VALUES ('B1', $1) RETURNING transaction_id", [16]byte(freshID()))
	leaving, leave := context.WithCancel(t.Context())
	c := gather(t, w.Store, persistence.CommitterConfig{Workers: 1}, engine.Ask{Transaction: first, Command: initiation("B1")})
	left := make(chan error, 1)
	go func() {
		_, err := c.Apply(leaving, engine.Ask{Transaction: second, Command: initiation("B1")})
		left <- err
	}()
	require.Eventually(t, func() bool { return c.Waiting() == 2 }, 10*time.Second, 100*time.Microsecond)
	require.NoError(t, c.Start(t.Context()))
	require.Eventually(t, func() bool { return c.Waiting() == 0 }, 10*time.Second, 100*time.Microsecond)
	leave()
	require.ErrorIs(t, <-left, engine.Overloaded)
	c.mu.Lock()
	require.Empty(t, c.came, "the first one waits for the slot still")
	c.mu.Unlock()
	require.NoError(t, slot.Rollback(t.Context()))
	require.NoError(t, c.Stop(context.Background()))
	c.asked.Wait()
	require.Zero(t, w.count(t, "SELECT count(*) FROM transactions WHERE id = $1", [16]byte(second)))
	w.sound(t)
}

// What is asked of one payment, of one booking, under one key, for one phone: each
// ask is decided on what the one before it has left.
func TestAsksThatWantTheSameComeOneRoundAfterAnother(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, other, third := freshID(), freshID(), freshID()
	same := initiation("B1")
	another := initiation("B2")
	another.Payer = same.Payer
	came := gather(t, w.Store, persistence.CommitterConfig{Workers: 1},
		engine.Ask{Transaction: first, Command: same, Key: key("k", 1)},
		engine.Ask{Transaction: other, Command: same, Key: key("k", 1)},
		engine.Ask{Transaction: third, Command: another},
	).commit(t)
	require.Equal(t, engine.Changed, came[first].applied.Outcome)
	require.Equal(t, engine.Replayed, came[other].applied.Outcome)
	require.Equal(t, first, came[other].applied.State.ID)
	require.Equal(t, engine.CodePromptOpen, engine.CodeOf(came[third].err))
	fourth := freshID()
	came = gather(t, w.Store, persistence.CommitterConfig{Workers: 1}, engine.Ask{Transaction: fourth, Command: initiation("B1")}).commit(t)
	require.Equal(t, engine.CodeBookingBeingPaid, engine.CodeOf(came[fourth].err))
	w.sound(t)
}

// The COMMIT of a whole round is not answered: each is told the truth, once.
func TestALostConnectionLosesNoneOfARound(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]int32{
		"before the writes": beforeWrites, "after the writes": afterWrites, "after the commit": afterCommit,
		"told of a crash by a proxy": afterFatal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			between := wired(t, w.dsn)
			store := w.through(t, between.dsn)
			ids := w.initiated(t, 40)
			_, err := store.Apply(t.Context(), engine.Ask{Transaction: ids[0], Command: succeeded(ids[0], 50_000)}) // prepares
			require.NoError(t, err)
			asked := initiation("asked before")
			first, again := freshID(), freshID()
			_, err = store.Apply(t.Context(), engine.Ask{Transaction: first, Command: asked, Key: key("k", 1)})
			require.NoError(t, err)
			asks := append(successes(ids[1:]), engine.Ask{Transaction: again, Command: asked, Key: key("k", 1)})
			c := gather(t, store, persistence.CommitterConfig{Workers: 1}, asks...)
			between.cut.Store(where)
			came := c.commit(t)
			require.NoError(t, came[again].err)
			require.Equal(t, engine.Replayed, came[again].applied.Outcome)
			require.Equal(t, first, came[again].applied.State.ID, "who asks under a key seen before is shown that payment")
			require.EqualValues(t, 1, between.cuts.Load(), "the connection was cut")
			for _, id := range ids[1:] {
				require.NoError(t, came[id].err)
				require.Equal(t, engine.Changed, came[id].applied.Outcome)
				require.Len(t, came[id].applied.Events, 1)
			}
			require.Equal(t, 40, w.count(t, "SELECT count(*) FROM outbox WHERE kind = 'payment.received'"))
			w.sound(t)
		})
	}
}

func TestAFullQueueIsOverloadedAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 5)
	c := gather(t, w.Store, persistence.CommitterConfig{Workers: 1, QueueMax: 4}, successes(ids[:4])...)
	begun := time.Now()
	_, err := c.Apply(t.Context(), engine.Ask{Transaction: ids[4], Command: succeeded(ids[4], 50_000)})
	require.ErrorIs(t, err, engine.Overloaded)
	require.Less(t, time.Since(begun), time.Second)
	came := c.commit(t)
	require.Len(t, came, 4)
	require.Equal(t, 4, w.count(t, "SELECT count(*) FROM holds"))
}

func TestWhoLeavesTheQueueIsNotServedAndWhoStopsServesThoseWhoWait(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 3)
	c := gather(t, w.Store, persistence.CommitterConfig{Workers: 1}, successes(ids[:2])...)
	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := c.Apply(leaving, engine.Ask{Transaction: ids[2], Command: succeeded(ids[2], 50_000)})
		left <- err
	}()
	require.Eventually(t, func() bool { return c.Waiting() == 3 }, 10*time.Second, 100*time.Microsecond)
	leave()
	require.ErrorIs(t, <-left, engine.Overloaded)
	require.NoError(t, c.Start(t.Context()))
	require.NoError(t, c.Stop(context.Background()))
	c.asked.Wait()
	for _, id := range ids[:2] {
		require.NoError(t, c.came[id].err)
	}
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM holds"))
	_, err := c.Apply(t.Context(), engine.Ask{Transaction: ids[2], Command: succeeded(ids[2], 50_000)})
	require.ErrorIs(t, err, engine.Overloaded, "it has stopped")
}

// Two processes are told of the same 5,000 payments at once, in opposite orders:
// each counts once, and nobody is asked to come again for a deadlock.
func TestTwoProcessesOnTheSameFiveThousandPayments(t *testing.T) {
	t.Parallel()
	const payments, company = 5_000, 64
	w := openOn(t, schema, inRounds(persistence.CommitterConfig{Workers: 1}))
	writers := []applier{w, w.second(t)}
	ids := make([]engine.ID, payments)
	var beginning sync.WaitGroup
	slots := make(chan struct{}, company)
	for i := range ids {
		ids[i] = freshID()
		slots <- struct{}{}
		beginning.Go(func() {
			defer func() { <-slots }()
			_, err := persist(t.Context(), w, engine.Ask{Transaction: ids[i], Command: initiation(ids[i].String())})
			require.NoError(t, err)
		})
	}
	beginning.Wait()
	outcomes := make(chan engine.Outcome, 2*payments)
	var telling sync.WaitGroup
	for side, to := range writers {
		next := make(chan engine.ID, payments)
		for i := range ids {
			at := i
			if side == 1 {
				at = payments - 1 - i
			}
			next <- ids[at]
		}
		close(next)
		for range company {
			telling.Go(func() {
				for id := range next {
					applied, err := persist(t.Context(), to, engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
					if err == nil {
						outcomes <- applied.Outcome
					}
				}
			})
		}
	}
	telling.Wait()
	close(outcomes)
	counts := map[engine.Outcome]int{}
	for o := range outcomes {
		counts[o]++
	}
	require.Equal(t, map[engine.Outcome]int{engine.Changed: payments, engine.Duplicate: payments}, counts)
	require.Equal(t, payments, w.count(t, "SELECT count(*) FROM holds"))
	require.Equal(t, payments, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted'"))
	w.sound(t)
}

// A bug in one decision breaks whoever asked for it, and nobody else of the round.
func TestADecisionThatPanicsBreaksItsOwnAskerAlone(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.initiated(t, 4)
	c := persistence.NewCommitter(w.Store, persistence.CommitterConfig{Workers: 1})
	var asked sync.WaitGroup
	asks := append(successes(ids[:3]), engine.Ask{Transaction: ids[3], Command: nil}) // in no switch of Decide's
	broke := make(chan any, len(asks))
	for i, ask := range asks {
		asked.Go(func() {
			defer func() { broke <- recover() }()
			_, err := c.Apply(t.Context(), ask)
			require.NoError(t, err)
		})
		require.Eventually(t, func() bool { return c.Waiting() == i+1 }, 10*time.Second, 100*time.Microsecond)
	}
	require.NoError(t, c.Start(t.Context()))
	asked.Wait()
	require.NoError(t, c.Stop(context.Background()))
	close(broke)
	bugs := 0
	for reason := range broke {
		if reason != nil {
			bugs++
			require.ErrorContains(t, reason.(error), "is not in Decide's switch")
		}
	}
	require.Equal(t, 1, bugs)
	require.Equal(t, 3, w.count(t, "SELECT count(*) FROM holds"))
	require.Equal(t, 1, w.commits(t))
}

// BenchmarkCommitter is Apply in company: what each of 1, 8 and 64 askers waits for is
// the same commit. One operation is one webhook.
func BenchmarkCommitter(b *testing.B) {
	for _, askers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("askers=%d", askers), func(b *testing.B) {
			w := open(b)
			c := persistence.NewCommitter(w.Store, persistence.CommitterConfig{})
			require.NoError(b, c.Start(b.Context()))
			asks := make(chan engine.Ask, b.N)
			for range b.N {
				id := freshID()
				w.apply(b, id, initiation(id.String()))
				asks <- engine.Ask{Transaction: id, Command: succeeded(id, 50_000)}
			}
			close(asks)
			var asking sync.WaitGroup
			errs := make([]error, askers)
			b.ResetTimer()
			for i := range askers {
				asking.Go(func() {
					for ask := range asks {
						if _, err := c.Apply(b.Context(), ask); err != nil {
							errs[i] = err
						}
					}
				})
			}
			asking.Wait()
			b.StopTimer()
			require.NoError(b, errors.Join(errs...))
			require.NoError(b, c.Stop(context.Background()))
		})
	}
}
