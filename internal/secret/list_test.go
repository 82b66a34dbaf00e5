package secret_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/secret"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func named(id string, from, until time.Duration) secret.Named {
	n := secret.Named{ID: id, Value: secret.New(canary + id), NotBefore: noon.Add(from)}
	if until != 0 {
		n.NotAfter = noon.Add(until)
	}
	return n
}

func TestTheNewestValidSecretMakesAndTheOldOnesStillCheck(t *testing.T) {
	t.Parallel()
	all := []secret.Named{named("old", -48*time.Hour, time.Hour), named("new", -time.Hour, 0), named("next", time.Hour, 0)}
	l, err := secret.NewList(all, noon)
	require.NoError(t, err)
	newest, found := l.Newest(noon)
	require.True(t, found)
	require.Equal(t, "new", newest.ID)
	newest, _ = l.Newest(noon.Add(time.Hour))
	require.Equal(t, "next", newest.ID, "its time has come")
	old, found := l.Find("old")
	require.True(t, found)
	require.True(t, old.Valid(noon))
	require.False(t, old.Valid(noon.Add(time.Hour)), "NotAfter is the first moment it is no longer")
}

func TestABadListLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	l, err := secret.NewList([]secret.Named{named("a", -time.Hour, 0)}, noon)
	require.NoError(t, err)
	for want, bad := range map[error][]secret.Named{
		secret.ErrEmpty:   {named("b", time.Hour, 0)},
		secret.ErrSameID:  {named("b", -time.Hour, 0), named("b", -time.Minute, 0)},
		secret.ErrNoID:    {named("", -time.Hour, 0)},
		secret.ErrNoValue: {{ID: "b"}},
		secret.ErrNoTime:  {named("b", -time.Hour, -time.Hour)},
		secret.ErrTooMany: make([]secret.Named, 9),
	} {
		err := l.Replace(bad, noon)
		require.ErrorIs(t, err, want)
		require.NotContains(t, err.Error(), canary)
		newest, found := l.Newest(noon)
		require.True(t, found)
		require.Equal(t, "a", newest.ID)
	}
}

// A value without its id, or the two the wrong way round, is a secret all the same.
func TestAMisspeltSecretIsShownNowhere(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		canary, canary + ":", ":" + canary,
		canary + canary + canary + canary + ":p1", "sk_live_" + canary + ":p1", "k 1:" + canary, "k\n:" + canary,
	} {
		var n secret.Named
		require.NoError(t, n.UnmarshalText([]byte(written)), "an error would be quoted with it")
		shown, err := n.MarshalText()
		require.NoError(t, err)
		require.NotContains(t, string(shown)+fmt.Sprint(n), canary+canary, written)
		err = secret.CheckList([]secret.Named{n}, noon)
		if written != canary+":" && written != ":"+canary { // short enough to be a name
			require.ErrorIs(t, err, secret.ErrNoID, written)
			require.NotContains(t, string(shown)+err.Error(), canary, written)
		}
	}
	for _, name := range []string{"p1", "2026-07", "kid_1.a"} {
		require.True(t, secret.IsID(name))
	}
}
