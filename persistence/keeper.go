package persistence

import (
	"context"
	"sync"
	"time"
)

// Keeper makes the coming days' partitions while the engine runs: one that is
// not restarted for weeks still writes each day's deliveries where a DROP finds
// them. It forgets uses of quotas that no longer count.
type Keeper struct {
	store *Store
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// keepEvery is how often the keeper looks. Partitions are a week ahead, so a
// hundred looks may fail before one is missing.
const keepEvery = time.Hour

// Keeper looks after the store's partitions. Start and Stop it.
func (s *Store) Keeper() *Keeper { return &Keeper{store: s} }

// Start looks now, and then every hour.
func (k *Keeper) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background()) // Stop's to end, not the starter's
	k.stop = cancel
	k.done.Go(func() {
		for again := true; again; again = pause(ctx, keepEvery) == nil {
			if err := makePartitions(ctx, k.store.pool.Config().ConnConfig); err != nil && ctx.Err() == nil {
				k.store.log.Error("the coming days' partitions could not be made", "err", err)
			}
			if err := k.store.forgetQuotas(ctx); err != nil && ctx.Err() == nil {
				k.store.log.Error("uses of quotas that no longer count were not forgotten", "err", err)
			}
		}
	})
	return nil
}

// Stop ends it.
func (k *Keeper) Stop(context.Context) error {
	if k.stop != nil {
		k.stop()
		k.done.Wait()
	}
	return nil
}
