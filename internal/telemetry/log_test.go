package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
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
		}).Draw(t, "spelled")
		require.NotContains(t, telemetry.Redact("payer "+spelled+" asked"), spelled)
		require.NotContains(t, telemetry.Redact(spelled), national[2:8])
	})
}
