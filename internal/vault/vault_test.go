package vault_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/vault"
)

var place, text = []byte("transactions 1"), []byte("+2250700000012")

func key(id string) secret.Named {
	return secret.Named{ID: id, Value: secret.New((id + strings.Repeat("k", 32))[:32])}
}

func of(t testing.TB, data, index string) *vault.Vault {
	t.Helper()
	var keys [2][]secret.Named
	for i, ids := range []string{data, index} {
		for _, id := range strings.Fields(ids) {
			keys[i] = append(keys[i], key(id))
		}
	}
	v, err := vault.New(keys[0], keys[1])
	require.NoError(t, err)
	return v
}

func TestWhatIsSealedOpensInItsPlaceAlone(t *testing.T) {
	t.Parallel()
	v := of(t, "a", "i")
	sealed := v.Seal(place, text)
	require.NotContains(t, string(sealed), "0000")
	opened, err := v.Open(place, sealed)
	require.NoError(t, err)
	require.Equal(t, text, opened)
	require.NotEqual(t, sealed, v.Seal(place, text), "twice the same text does not look the same")

	_, err = v.Open([]byte("transactions 2"), sealed)
	require.ErrorIs(t, err, vault.ErrUnreadable)
	for i := range sealed {
		_, err = v.Open(place, sealed[:i])
		if i > 0 {
			require.ErrorIs(t, err, vault.ErrUnreadable, "cut after %d", i)
		}
		altered := append([]byte{}, sealed...)
		altered[i] ^= 1
		_, err = v.Open(place, altered)
		require.Error(t, err, "byte %d", i)
	}
}

func TestNothingStaysNothing(t *testing.T) {
	t.Parallel()
	v := of(t, "a", "i")
	require.Empty(t, v.Seal(place, nil))
	require.Empty(t, v.Index("phone", nil))
	require.Empty(t, v.Indexes("phone", nil))
	opened, err := v.Open(place, nil)
	require.NoError(t, err)
	require.Empty(t, opened)
}

func TestARotationReadsTheOldAndMakesTheNew(t *testing.T) {
	t.Parallel()
	before, during, after := of(t, "a", "i"), of(t, "b a", "j i"), of(t, "b", "j")
	old := before.Seal(place, text)
	opened, err := during.Open(place, old)
	require.NoError(t, err)
	require.Equal(t, text, opened)
	require.False(t, during.Newest(old))
	require.True(t, during.Newest(during.Seal(place, text)))

	_, err = after.Open(place, old)
	require.Equal(t, vault.MissingKey{ID: "a"}, err)
	require.EqualError(t, err, `it is sealed under the data key "a", which is not among CAURI_DATA_KEYS`)

	require.Equal(t, [][]byte{after.Index("phone", text), before.Index("phone", text)}, during.Indexes("phone", text))
	require.True(t, during.Matches("phone", text, before.Index("phone", text)))
	require.False(t, after.Matches("phone", text, before.Index("phone", text)))
	require.NotEqual(t, before.Index("phone", text), before.Index("request", text), "an index is of one kind")
}

func TestABadListOfKeysIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	one := func(id, text string) secret.Named { return secret.Named{ID: id, Value: secret.New(text)} }
	for name, c := range map[string]struct {
		keys []secret.Named
		want error
	}{
		"none":                {nil, vault.ErrNoKeys},
		"no base64":           {[]secret.Named{one("a", "!"+good)}, vault.ErrKey},
		"short":               {[]secret.Named{one("a", good[:20])}, vault.ErrKey},
		"no id":               {[]secret.Named{one("", good)}, vault.ErrID},
		"an id of two words":  {[]secret.Named{one("a b", good)}, vault.ErrID},
		"a long id":           {[]secret.Named{one(strings.Repeat("a", 33), good)}, vault.ErrID},
		"two of one name":     {[]secret.Named{one("a", good), one("a", good)}, vault.ErrSameID},
		"one under two names": {[]secret.Named{one("a", good), one("b", good)}, vault.ErrSameKey},
	} {
		_, err := vault.ReadKeys(c.keys)
		require.ErrorIs(t, err, c.want, name)
		require.NotContains(t, err.Error(), good)
	}
	_, err := vault.New([]secret.Named{key("a")}, []secret.Named{key("a")})
	require.ErrorIs(t, err, vault.ErrSameKey, "an index key is no data key")
	many := make([]secret.Named, 17)
	for i := range many {
		many[i] = key(strings.Repeat("x", i+1))
	}
	_, err = vault.New(many, []secret.Named{key("i")})
	require.ErrorIs(t, err, vault.ErrTooMany)
}

// What the database holds is anybody's who writes there: opening it never breaks.
func FuzzOpen(f *testing.F) {
	v := of(f, "a", "i")
	for _, sealed := range [][]byte{v.Seal(place, text), {}, {1}, {1, 255}, {1, 1, 'a'}, {1, 1, 'b', 30: 0}, {2, 1, 'a', 40: 0}} {
		f.Add(sealed)
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		opened, err := v.Open(place, sealed)
		if err != nil {
			require.Nil(t, opened)
			return
		}
		if len(sealed) > 0 {
			require.Equal(t, text, opened, "nobody seals without the key")
		}
	})
}

// A body of two kilobytes is what a webhook has.
func BenchmarkSeal(b *testing.B) {
	v := vault.Development()
	for name, size := range map[string]int{"a phone": 14, "a body": 2_000} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			text := bytes.Repeat([]byte{'7'}, size)
			for b.Loop() {
				v.Seal(place, text)
			}
		})
	}
	b.Run("an index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.Index("phone", text)
		}
	})
}
