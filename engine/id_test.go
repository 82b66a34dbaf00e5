package engine_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
)

func anyID(t *rapid.T) engine.ID {
	return engine.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
}

func TestIDsAndReferencesReadBackAsWritten(t *testing.T) {
	t.Parallel()
	// What both gateways accept: Paystack's transfers are the narrower.
	accepted := regexp.MustCompile(`^[a-z0-9_-]{16,50}$`)
	rapid.Check(t, func(t *rapid.T) {
		id := anyID(t)
		back, err := engine.ParseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, back)
		back, err = engine.ParsePublicID(engine.PaymentPrefix, id.Payment())
		require.NoError(t, err)
		require.Equal(t, id, back)

		ref := engine.Reference{
			Transaction: id,
			Kind:        rapid.SampledFrom([]engine.ReferenceKind{"c", "p", "r"}).Draw(t, "kind"),
			Number:      rapid.IntRange(1, 999).Draw(t, "number"),
		}
		require.Regexp(t, accepted, ref.String())
		again, err := engine.ParseReference(ref.String())
		require.NoError(t, err)
		require.Equal(t, ref, again)
	})
}

func TestIDsSortAsTheirTime(t *testing.T) {
	t.Parallel()
	a, b := engine.ID(uuid.Must(uuid.NewV7())), engine.ID(uuid.Must(uuid.NewV7()))
	require.Less(t, a.String(), b.String())
	require.WithinDuration(t, time.Now(), a.Time(), time.Minute)
}

func TestNthNamesDifferentThings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := anyID(t)
		seen := map[engine.ID]bool{id: true}
		for n := 1; n <= 20; n++ {
			require.False(t, seen[id.Nth(n)])
			seen[id.Nth(n)] = true
		}
	})
}

func TestForeignReferencesAreRefused(t *testing.T) {
	t.Parallel()
	body := engine.MustParseID("01k1234567890abcdefghjkmnp").String()
	for _, s := range []string{
		"", "-", "c1", body, body + "-", body + "-c", body + "-c0", body + "-c01", body + "-c1000", body + "-c-1", body + "-x1",
		body + "-C1", body + "-c1 ", " " + body + "-c1", body + "-c1-c1", "ord-0f8fad5b-d9cb-469f-a165-70867728950e",
		"81k1234567890abcdefghjkmnp-c1", "01K1234567890ABCDEFGHJKMNP-c1", "01k1234567890abcdefghijklm-c1", body + "-c+1",
		strings.Repeat("0", 26) + "-c1",
	} {
		_, err := engine.ParseReference(s)
		require.ErrorIs(t, err, engine.Invalid, s)
		require.Equal(t, engine.CodeReferenceForeign, engine.CodeOf(err), s)
	}
}

// FuzzParsePublicID: refused, or the very id that spells it so.
func FuzzParsePublicID(f *testing.F) {
	for _, s := range []string{
		"pay_01k1234567890abcdefghjkmnp", "pyt_01k1234567890abcdefghjkmnp", "pay_", "pay_81k1234567890abcdefghjkmnp",
		"pay_pay_01k1234567890abcdefghjkmnp",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, prefix := range []string{engine.PaymentPrefix, engine.PayoutPrefix, engine.RefundPrefix, engine.EventPrefix} {
			id, err := engine.ParsePublicID(prefix, s)
			if err != nil {
				require.ErrorIs(t, err, engine.Invalid)
				require.Equal(t, engine.CodeIDMalformed, engine.CodeOf(err))
				continue
			}
			require.Equal(t, s, prefix+id.String(), "one id, one spelling")
		}
	})
}

func FuzzParseReference(f *testing.F) {
	for _, s := range []string{
		"01k1234567890abcdefghjkmnp-c1", "01k1234567890abcdefghjkmnp-p999", "ord-1", "-c1", "7zzzzzzzzzzzzzzzzzzzzzzzzz-r1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := engine.ParseReference(s)
		if err == nil {
			require.Equal(t, s, ref.String(), "one reference, one spelling")
		}
	})
}
