package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/internal/telemetry"
)

func TestNoNumberKeyOrPasswordReachesALog(t *testing.T) {
	t.Parallel()
	for _, format := range []telemetry.Format{telemetry.Text, telemetry.JSON} {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, format, slog.LevelDebug).With("who", "+2250700112233").WithGroup("call")
		log.Info("asked 07 00 11 22 33 with sk_live_canary00",
			"url", "postgres://cauri:canary00@db/cauri",
			"otp", 424242, "Authorization", "Bearer canary00", "err", errors.New("refused 002250700112233 ck_test_canary00"),
			slog.Group("payer", "phone", "0700112233", "body", []byte("canary00")),
			"any", struct{ Phone string }{"2250700112233"})
		shown := out.String()
		for _, secret := range []string{"canary00", "0011223", "11 22", "424242"} {
			require.NotContains(t, shown, secret)
		}
		require.Contains(t, shown, "07****33")
		require.Contains(t, shown, "sk_live_[hidden]")
	}
}

func TestMaskingLeavesOtherNumbersAlone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"amount 50000", "01k1234567890abcdefghjkmnp-c1", "took 1500ms", "2026-03-02T09:00:00Z", "version 12"} {
		require.Equal(t, s, telemetry.Redact(s))
	}
}

func TestAnySpellingOfANumberIsMasked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		national := rapid.StringMatching(`0[157][0-9]{8}`).Draw(t, "number")
		spelled := rapid.SampledFrom([]string{
			national, "+225" + national, "00225" + national, "225" + national, "+225 " + national,
			fmt.Sprintf("%s %s %s %s %s", national[:2], national[2:4], national[4:6], national[6:8], national[8:]),
			fmt.Sprintf("+225\u00a0%s\u202f%s\u2009%s - %s\u2011%s", national[:2], national[2:4], national[4:6], national[6:8], national[8:]),
			fmt.Sprintf("(%s) %s/%s.%s\t%s", national[:2], national[2:4], national[4:6], national[6:8], national[8:]),
		}).Draw(t, "spelled")
		require.NotContains(t, telemetry.Redact(spelled), spelled[len(spelled)-6:])
		require.NotContains(t, telemetry.Redact("payer "+spelled+" asked"), spelled)
		require.NotContains(t, telemetry.Redact(spelled), national[2:8])
	})
}

// A log masks a number wherever it stands in a line, between whatever else: no five of
// its digits are left in a row.
func FuzzRedact(f *testing.F) {
	for _, seed := range []struct {
		before, after string
		digits        uint32
		spelling      uint8
	}{
		{"payer ", " asked", 0, 0}, {"", "", 12345678, 1}, {"phone=", ",", 99999999, 2}, {`{"phone":"`, `"}`, 7, 3}, {"tel:", "\n", 55555555, 4},
		{"№", "é", 10203040, 5}, {"(", ")", 98765432, 6},
		{"payer ", " asked", 7071234, 8}, {"payer ", " asked", 7071234, 9}, {"payer ", " asked", 7071234, 10}, {"payer ", "", 7071234, 11},
	} {
		f.Add(seed.before, seed.after, seed.digits, seed.spelling)
	}
	f.Fuzz(func(t *testing.T, before, after string, digits uint32, spelling uint8) {
		d := fmt.Sprintf("%s%08d", []string{"01", "05", "07"}[digits%3], digits%100_000_000)
		pairs := []string{d[:2], d[2:4], d[4:6], d[6:8], d[8:]}
		spelled := []string{
			d, "+225" + d, "00225" + d, "225" + d, "+225 " + d,
			strings.Join(pairs, " "), "+225 " + strings.Join(pairs, "."), strings.Join(pairs, "-"),
			strings.Join(pairs, "\u00a0"), "+225\u202f" + strings.Join(pairs, "\u202f"), strings.Join(pairs, " - "), strings.Join(pairs, "/"),
		}[int(spelling)%12]
		if touches(before, false) || touches(after, true) {
			t.Skip("a longer run of letters and digits is no number")
		}
		left := telemetry.Redact(before + spelled + after)
		for i := range len(d) - 5 {
			five := d[i : i+5]
			if i > 0 && !strings.Contains(before+after, five) && strings.Count(d, five) == 1 {
				require.NotContains(t, left, five, "%q", before+spelled+after)
			}
		}
	})
}

// touches reports whether a text ends, or begins, in what would make one word of it and
// a number, or one number.
func touches(text string, begins bool) bool {
	if begins {
		text = text[:min(len(text), 3)]
	} else {
		text = text[max(0, len(text)-3):]
	}
	return strings.ContainsFunc(text, func(r rune) bool {
		return r == '_' || r == '+' || r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	})
}
