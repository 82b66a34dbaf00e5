package bench

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Apply commits one command: the store's, or the committer's.
type Apply func(ctx context.Context, ask engine.Ask) (engine.Applied, error)

// Begin begins payments from number `from` on, with so many askers, and answers for
// their gateway, until the time is over.
func Begin(ctx context.Context, apply Apply, from, askers int, within time.Duration) (Ended, error) {
	deadline := time.Now().Add(within)
	var next atomic.Int64
	took, errs := make([][]time.Duration, askers), make([]error, askers)
	var done sync.WaitGroup
	for i := range askers {
		done.Go(func() {
			for errs[i] == nil && time.Now().Before(deadline) {
				began := time.Now()
				errs[i] = begin(ctx, apply, from+int(next.Add(1))-1)
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	done.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	t := tally{latencies: all}
	return Ended{Did: len(all), P50: milliseconds(t.quantile(0.50)), P99: milliseconds(t.quantile(0.99))}, errors.Join(errs...)
}

func begin(ctx context.Context, apply Apply, n int) error {
	id := freshID()
	for _, command := range []engine.Command{Initiation(n), Accepted()} {
		if _, err := apply(ctx, engine.Ask{Transaction: id, Command: command}); err != nil {
			return err
		}
	}
	return nil
}
