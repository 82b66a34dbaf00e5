package persistence_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// makeDue writes rows that are due one second after the other, the last of them
// a minute ago, oldest first.
func (w *world) makeDue(t *testing.T, n int) []engine.ID {
	t.Helper()
	ids := make([]engine.ID, n)
	for i := range ids {
		ids[i] = freshID()
		w.exec(t, "INSERT INTO due (transaction_id, kind, due_at) VALUES ($1, 'charge', now() - make_interval(secs => $2))",
			[16]byte(ids[i]), 60+n-i)
	}
	return ids
}

func TestTheLongestOverdueIsClaimedFirst(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.makeDue(t, 5)
	w.exec(t, "INSERT INTO due (transaction_id, kind, due_at) VALUES ($1, 'payout', now() + interval '1 min')", [16]byte(freshID()))
	for _, want := range [][]engine.ID{ids[:3], ids[3:], nil} {
		claimed, err := w.ClaimDue(t.Context(), 3, time.Minute)
		require.NoError(t, err)
		require.ElementsMatch(t, want, claimed)
		if want != nil {
			require.Equal(t, want, claimed, "in order")
		}
	}
}

func TestAllThatIsDueOfATransactionIsOneTick(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.makeDue(t, 2)
	w.exec(t, "INSERT INTO due (transaction_id, kind, due_at) VALUES ($1, 'release', now() - interval '1 h')", [16]byte(ids[1]))
	claimed, err := w.ClaimDue(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Equal(t, []engine.ID{ids[1], ids[0]}, claimed)
}

// Two nodes ask for what is due at the same moment, again and again.
func TestTwoClaimersNeverTakeTheSame(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.makeDue(t, 200)
	claimed := make(chan engine.ID, 2*len(ids))
	failed := make(chan error, 2*len(ids))
	var done sync.WaitGroup
	for _, node := range []*persistence.Store{w.Store, w.another(t), w.another(t)} {
		done.Go(func() {
			for {
				got, err := node.ClaimDue(t.Context(), 7, time.Minute)
				if err != nil {
					failed <- err
				}
				if err != nil || len(got) == 0 {
					return
				}
				for _, id := range got {
					claimed <- id
				}
			}
		})
	}
	done.Wait()
	close(claimed)
	require.Empty(t, failed)
	var all []engine.ID
	for id := range claimed {
		all = append(all, id)
	}
	require.ElementsMatch(t, ids, all, "each once, and none left")
}

func TestAClaimThatCameToNothingLapses(t *testing.T) {
	t.Parallel()
	w := open(t)
	ids := w.makeDue(t, 1)
	claimed, err := w.ClaimDue(t.Context(), 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, ids, claimed)
	age, err := w.DueAge(t.Context())
	require.NoError(t, err)
	require.Greater(t, age, time.Minute, "claimed is not done")
	require.Less(t, age, 2*time.Minute)

	w.exec(t, "UPDATE due SET claimed_until = now()")
	claimed, err = w.ClaimDue(t.Context(), 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, ids, claimed)

	w.exec(t, "DELETE FROM due")
	age, err = w.DueAge(t.Context())
	require.NoError(t, err)
	require.Zero(t, age)
}

func TestATickThatIsAppliedIsNotClaimedAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	w.exec(t, "UPDATE holds SET release_at = now() - interval '1 s'")
	w.exec(t, "UPDATE due SET due_at = now() - interval '1 s'")
	claimed, err := w.ClaimDue(t.Context(), 10, time.Nanosecond) // over before the tick
	require.NoError(t, err)
	require.Equal(t, []engine.ID{id}, claimed)
	require.Equal(t, engine.HoldReleased, w.apply(t, id, engine.Tick{}).State.Hold.Status)
	claimed, err = w.ClaimDue(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, claimed, "what is next is due later")
	w.sound(t)
}
