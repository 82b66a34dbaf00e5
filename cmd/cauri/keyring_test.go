package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/persistence"
)

// act is something a test does to keys.
func act() engine.Act {
	return engine.Act{ID: engine.ID(uuid.Must(uuid.NewV7())), Kind: engine.ActKey, Who: "a test", Role: engine.RoleAdmin, Reason: "a test's"}
}

// machine is a store as people's commands open one.
func (p *platform) machine(t *testing.T) *persistence.Store {
	t.Helper()
	sealing, err := p.settings.vault()
	require.NoError(t, err)
	store, err := persistence.Open(t.Context(), persistence.Config{
		DSN: p.dsn, Role: persistence.RoleOps, Policy: &p.policy, Vault: sealing, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func TestARevokedKeyStopsWorkingWithTheNextLook(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	pepper := p.settings.KeyPeppers[0]
	text, kept, err := http.MintKey(http.TestKeys, engine.Principal{Role: engine.RolePlatform, Scopes: engine.Scopes}, "a test's", pepper)
	require.NoError(t, err)
	require.NoError(t, p.machine(t).AddKey(t.Context(), kept, act()))
	status := func() int {
		return p.call(t, "GET", "/v1/payments", "", "Authorization", "Bearer "+text.Reveal()).status
	}
	require.Eventually(t, func() bool { return status() == 200 }, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, p.machine(t).RevokeKey(t.Context(), kept.ID, act()))
	began := time.Now()
	require.Eventually(t, func() bool { return status() == 401 }, 10*time.Second, 20*time.Millisecond)
	require.Less(t, time.Since(began), 5*time.Second, "S-08")
}

func TestNoKeyWorksWhenNobodyKnowsWhichDo(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	everything := engine.Principal{Role: engine.RolePlatform, Scopes: engine.Scopes}
	_, kept, err := http.MintKey(http.TestKeys, everything, "a test's", p.settings.KeyPeppers[0])
	require.NoError(t, err)
	require.NoError(t, p.machine(t).AddKey(t.Context(), kept, act()))
	ring, now := newKeyring(p.store, slog.New(slog.DiscardHandler)), time.Now()
	ring.now = func() time.Time { return now }
	_, _, err = ring.Key(kept.ID)
	require.Equal(t, engine.Overloaded, engine.KindOf(err), "nothing was ever read")
	ring.look(t.Context())
	_, known, err := ring.Key(kept.ID)
	require.NoError(t, err)
	require.True(t, known)
	require.True(t, ring.hasPlatform())
	_, known, err = ring.Key("another")
	require.NoError(t, err)
	require.False(t, known)
	now = now.Add(keysStaleAfter + time.Millisecond)
	_, _, err = ring.Key(kept.ID)
	require.Equal(t, engine.CodeOverloaded, engine.CodeOf(err))
}

func TestTheLastUseOfAKeyIsWrittenDownOnceAMinute(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	_, kept, err := http.MintKey(http.TestKeys, engine.Principal{Role: engine.RolePlatform}, "a test's", p.settings.KeyPeppers[0])
	require.NoError(t, err)
	require.NoError(t, p.machine(t).AddKey(t.Context(), kept, act()))
	ring, now := newKeyring(p.store, slog.New(slog.DiscardHandler)), time.Now()
	ring.now = func() time.Time { return now }
	lastUse := func() time.Time {
		keys, err := p.store.Keys(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, keys, 1)
		return keys[0].LastUsedAt
	}
	ring.Used(kept.ID, now)
	ring.look(t.Context())
	require.WithinDuration(t, now, lastUse(), time.Millisecond)
	ring.Used(kept.ID, now.Add(time.Second))
	ring.look(t.Context())
	require.WithinDuration(t, now, lastUse(), time.Millisecond, "a minute is not over")
	now = now.Add(usedEvery)
	ring.look(t.Context())
	require.WithinDuration(t, now.Add(-usedEvery+time.Second), lastUse(), time.Millisecond)
}
