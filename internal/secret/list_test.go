package secret_test

import (
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
		require.ErrorIs(t, l.Replace(bad, noon), want)
		newest, found := l.Newest(noon)
		require.True(t, found)
		require.Equal(t, "a", newest.ID)
	}
}
