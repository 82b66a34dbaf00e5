package persistence_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func fiveTimes(subject string) engine.Quota {
	return engine.Quota{Subject: sha256.Sum256([]byte(subject)), Most: 5, Within: 10 * time.Minute}
}

func intent(name string) [32]byte { return sha256.Sum256([]byte(name)) }

type quotaUser interface {
	Use(ctx context.Context, intent [32]byte, quotas []engine.Quota) ([]int, time.Duration, error)
}

// used uses quotas and returns which were used up.
func used(t *testing.T, s quotaUser, name string, quotas ...engine.Quota) ([]int, time.Duration) {
	t.Helper()
	full, wait, err := s.Use(t.Context(), intent(name), quotas)
	require.NoError(t, err)
	return full, wait
}

// passes makes time pass for what was counted.
func (w *world) passes(t *testing.T, d time.Duration) {
	t.Helper()
	w.exec(t, fmt.Sprintf("UPDATE quota_uses SET used_at = used_at - interval '%f seconds', forget_at = forget_at - interval '%f seconds'",
		d.Seconds(), d.Seconds()))
}

func TestAQuotaIsUsedUpAndFreeAgainOneByOne(t *testing.T) {
	t.Parallel()
	w := open(t)
	phone := fiveTimes("a phone")
	for i := range 5 {
		full, _ := used(t, w.Store, fmt.Sprint("start ", i), phone)
		require.Empty(t, full, i)
		w.passes(t, time.Minute)
	}
	full, wait := used(t, w.Store, "start 5", phone)
	require.Equal(t, []int{0}, full)
	require.InDelta(t, 5*60, wait.Seconds(), 30, "the first of five is five minutes old")
	again, _ := used(t, w.Store, "start 2", phone)
	require.Empty(t, again, "the same intention is the same use")
	other, _ := used(t, w.Store, "start 5", fiveTimes("another phone"))
	require.Empty(t, other)

	w.passes(t, 5*time.Minute)
	full, _ = used(t, w.Store, "start 5", phone)
	require.Empty(t, full, "the first no longer counts")
	full, wait = used(t, w.Store, "start 6", phone)
	require.Equal(t, []int{0}, full)
	require.InDelta(t, 60, wait.Seconds(), 30)
	full, _ = used(t, w.Store, "start 0", phone)
	require.Equal(t, []int{0}, full, "an intention that has left the window counts anew")
}

// Five intentions counted and not carried out, kept for the last second of their window.
func TestUsesKeptInStoreCountWhenTheyAreSpent(t *testing.T) {
	t.Parallel()
	w := open(t)
	phone := fiveTimes("a phone")
	each := func(name string, counts int) {
		let := 0
		for i := range 5 {
			if full, _ := used(t, w.Store, fmt.Sprint(name, i), phone); len(full) == 0 {
				let++
			}
		}
		require.Equal(t, counts, let, name)
	}
	each("kept ", 5)
	w.passes(t, 9*time.Minute+59*time.Second)
	each("kept ", 5)
	w.passes(t, 2*time.Second)
	each("new ", 0)
	w.passes(t, 10*time.Minute)
	each("new ", 5)
}

func TestWhatOneQuotaRefusesHasNotSpentAnother(t *testing.T) {
	t.Parallel()
	w := open(t)
	booking := engine.Quota{Subject: sha256.Sum256([]byte("a booking")), Most: 1, Within: time.Minute}
	phone := fiveTimes("a phone")
	full, _ := used(t, w.Store, "first", booking, phone)
	require.Empty(t, full)
	for i := range 10 {
		full, wait := used(t, w.Store, fmt.Sprint("more ", i), phone, booking)
		require.Equal(t, []int{1}, full)
		require.LessOrEqual(t, wait, time.Minute)
	}
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM quota_uses WHERE subject = $1", phone.Subject[:]))
	full, _ = used(t, w.Store, "elsewhere", phone)
	require.Empty(t, full)
}

// Fifty at once, on two nodes: five, and not one more.
func TestAQuotaHoldsAcrossNodes(t *testing.T) {
	t.Parallel()
	w := open(t)
	nodes := []quotaUser{w.Store, w.another(t)}
	var let atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			full, _, err := nodes[i%2].Use(t.Context(), intent(fmt.Sprint(i)), []engine.Quota{fiveTimes("a phone"), fiveTimes(fmt.Sprint(i % 3))})
			if err == nil && len(full) == 0 {
				let.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 5, let.Load())
}

func TestUsesThatNoLongerCountAreForgotten(t *testing.T) {
	t.Parallel()
	w := open(t)
	used(t, w.Store, "old", fiveTimes("a phone"))
	w.passes(t, 11*time.Minute)
	used(t, w.Store, "new", fiveTimes("a phone"))
	keeper := w.Keeper()
	require.NoError(t, keeper.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, keeper.Stop(context.Background())) })
	require.Eventually(t, func() bool { return w.count(t, "SELECT count(*) FROM quota_uses") == 1 }, 10*time.Second, 10*time.Millisecond)
}
