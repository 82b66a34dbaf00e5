package fedapay

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

func TestFifteenThousandFrancsAreFifteenThousand(t *testing.T) {
	t.Parallel()
	wire, err := francs(15_000)
	require.NoError(t, err)
	require.Equal(t, int64(15_000), wire)
}

func TestEveryAmountComesBackFromTheWireAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Amount(rapid.Int64Range(1, int64(money.Max)).Draw(t, "francs"))
		wire, err := francs(amount)
		require.NoError(t, err)
		digits := strconv.FormatInt(wire, 10)
		for _, written := range []string{digits, digits + ".0", digits + ".00", `"` + digits + `"`} {
			var f figure
			require.NoError(t, json.Unmarshal([]byte(written), &f))
			back, inexact, ok := f.amount()
			require.True(t, ok, written)
			require.False(t, inexact, written)
			require.Equal(t, amount, back, written)
		}
		var f figure
		cents := rapid.IntRange(1, 99).Draw(t, "cents")
		require.NoError(t, json.Unmarshal([]byte(digits+"."+strconv.Itoa(100 + cents)[1:]), &f))
		_, inexact, ok := f.amount()
		require.True(t, ok && inexact, "a fraction of a franc is told as such")
	})
}

func TestWhatIsNoAmountIsNone(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		"null", `""`, `"a lot"`, "true", "0", "0.0", "-1", "-0.5", "1e3", "1.5e3", "9000000001",
		"99999999999999999999", `"1."`, "[1]", `{"a":1}`,
	} {
		var f figure
		require.NoError(t, json.Unmarshal([]byte(written), &f), written)
		_, _, ok := f.amount()
		require.False(t, ok, written)
	}
}

func TestNoAmountThatIsNoneIsSent(t *testing.T) {
	t.Parallel()
	for _, amount := range []money.Amount{0, -1, money.Max + 1, math.MaxInt64, math.MinInt64} {
		_, err := francs(amount)
		require.ErrorIs(t, err, engine.Unsupported, "%d", amount)
		require.Equal(t, engine.CodeAmountOutOfRange, engine.CodeOf(err))
	}
}

func TestWhatThePayerPaysOnTopIsNoFeeOfOurs(t *testing.T) {
	t.Parallel()
	known := func(n int64) figure { return figure{Whole: n, Exact: true, Known: true} }
	half := func(n int64) figure { return figure{Whole: n, Known: true} }
	for name, c := range map[string]struct {
		price, fees, debited figure
		ours                 money.Amount
		onWire               int64
	}{
		"the payer's, as seen":       {known(22_000), known(403), known(22_403), 0, 403},
		"ours":                       {known(22_000), known(403), known(22_000), 403, 403},
		"shared":                     {known(22_000), known(403), known(22_203), 200, 403},
		"more on top than the fees":  {known(22_000), known(403), known(23_000), 0, 403},
		"a part of a franc, rounded": {known(100), half(3), known(100), 4, 4},
		"who pays is not told":       {known(22_000), known(403), figure{}, 0, 403},
		"not told":                   {known(22_000), figure{}, known(22_403), 0, 0},
		"beyond all bounds":          {known(22_000), known(math.MaxInt64), known(22_000), 0, 0},
	} {
		ours, onWire := fee(c.price, c.fees, c.debited)
		require.Equal(t, c.ours, ours, name)
		require.Equal(t, c.onWire, onWire, name)
	}
}
