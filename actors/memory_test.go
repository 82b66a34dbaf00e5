package actors

import (
	"crypto/sha512"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// A house of ten thousand costs ten megabytes. Not in parallel with any other test:
// the heap is everybody's.
func TestALiveActorTakesLessThanAKilobyte(t *testing.T) {
	const many, bytesMax = 10_000, 1024
	var asked atomic.Int64
	s := started(t, counting(&asked), func(c *Config) { c.LiveMax, c.IdleAfter = 2*many, time.Hour })
	before := heap()
	for n := range many {
		identity := engine.NewIdentity(engine.Paystack, "charge.success", idOf(n).String()+"-c1", "success") // as long as they are
		_, err := s.Ask(t.Context(), told(idOf(n), identity, strings.Repeat("s", sha512.Size)))
		require.NoError(t, err)
	}
	each := float64(heap()-before) / many
	require.InDelta(t, many, value(t, s.metrics.live), 0)
	t.Logf("%.0f bytes for each of %d live actors that remember a notification", each, many)
	require.Less(t, each, float64(bytesMax))
}

// heap is what is in use after everything else is collected.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first round only marked for its pools
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // far below
}
