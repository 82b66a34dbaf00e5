package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/persistence"
)

const (
	// keysEvery is how soon a revoked key works on no node any more: a read of a few rows
	// takes milliseconds, so under 5 s (S-08) even when one read was lost.
	keysEvery = 2 * time.Second
	// keysStaleAfter: later than this nobody knows what was revoked, and no key works. An
	// engine that has not reached its database for so long commits nothing either.
	keysStaleAfter = 30 * time.Second
	// usedEvery is how often the last uses are written down: an update per key a minute.
	usedEvery = time.Minute
)

// keyring holds the keys that work, and notes which of them are used.
type keyring struct {
	store *persistence.Store
	log   *slog.Logger
	now   func() time.Time

	mu      sync.RWMutex
	keys    map[string]engine.APIKey
	readAt  time.Time
	failing bool

	usedMu sync.Mutex
	used   map[string]time.Time // at most as many as there are keys
	noted  time.Time
}

var _ http.Keys = (*keyring)(nil)

func newKeyring(store *persistence.Store, log *slog.Logger) *keyring {
	return &keyring{store: store, log: log, now: time.Now, used: map[string]time.Time{}}
}

// service reads them again and again; the first read is begun before anybody calls.
func (k *keyring) service() lifecycle.Service {
	rounds := &rounds{every: keysEvery, work: k.look}
	return lifecycle.Service{Name: "keys", Start: rounds.Start, Stop: rounds.Stop}
}

// Key finds a key. Overloaded when nobody knows any more which of them were revoked.
func (k *keyring) Key(id string) (engine.APIKey, bool, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.now().Sub(k.readAt) > keysStaleAfter {
		return engine.APIKey{}, false, engine.Errorf(engine.Overloaded, engine.CodeOverloaded,
			"which keys work could not be read for %s", keysStaleAfter)
	}
	kept, known := k.keys[id]
	return kept, known, nil
}

// hasPlatform reports that a platform's key works.
func (k *keyring) hasPlatform() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, key := range k.keys {
		if key.Principal.Role == engine.RolePlatform {
			return true
		}
	}
	return false
}

// Used notes a use; look writes it down.
func (k *keyring) Used(id string, at time.Time) {
	k.usedMu.Lock()
	defer k.usedMu.Unlock()
	k.used[id] = at
}

func (k *keyring) look(ctx context.Context) {
	err := k.read(ctx)
	if err != nil && !k.failing && ctx.Err() == nil {
		k.log.Warn("which API keys work can't be read: what was read goes on for a while", "for", keysStaleAfter, "error", err)
	}
	if k.failing = err != nil; k.failing {
		return
	}
	if now := k.now(); now.Sub(k.noted) >= usedEvery {
		k.noted = now
		k.note(ctx)
	}
}

// read makes what the database says stand.
func (k *keyring) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keysEvery)
	defer cancel()
	began := k.now()
	all, err := k.store.KeysInUse(ctx)
	if err != nil {
		return err
	}
	keys := make(map[string]engine.APIKey, len(all))
	for _, key := range all {
		keys[key.ID] = key
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.readAt = keys, began
	return nil
}

// note writes the last uses down. A use that is lost is a use of a minute ago that
// nobody sees: nothing is decided by it.
func (k *keyring) note(ctx context.Context) {
	k.usedMu.Lock()
	used := k.used
	k.used = make(map[string]time.Time, len(used))
	k.usedMu.Unlock()
	if len(used) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keysEvery)
	defer cancel()
	if err := k.store.KeysUsed(ctx, used); err != nil {
		k.log.Warn("when API keys were last used can't be written down", "error", err)
	}
}
