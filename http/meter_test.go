package http

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAMeterForgetsWhoeverIsLongGoneAndStaysSmall(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	m := newMeter[int](Rate{Most: 1, Within: time.Hour}, func() time.Time { return now })
	require.Zero(t, m.take(-1))
	for i := range 10 * meterKeysMax {
		m.take(i)
		if i%1000 == 0 {
			require.Positive(t, m.take(-1), "who is asked about again and again is never forgotten")
		}
		require.LessOrEqual(t, len(m.young), meterKeysMax)
		require.LessOrEqual(t, len(m.old), meterKeysMax)
	}
	require.Zero(t, m.take(0), "forgotten: a full bucket")
	require.Positive(t, m.take(10*meterKeysMax-1))
}

func TestAClockSetBackGivesNothingAway(t *testing.T) {
	t.Parallel()
	now := time.Unix(10_000, 0)
	m := newMeter[string](Rate{Most: 2, Within: time.Minute}, func() time.Time { return now })
	require.Zero(t, m.take("k"))
	require.Zero(t, m.take("k"))
	now = now.Add(-time.Hour)
	require.Positive(t, m.take("k"))
	require.LessOrEqual(t, m.take("k"), time.Minute)
}
