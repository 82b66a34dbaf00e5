package paystack_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/paystack"
)

func TestFifteenThousandFrancsAreOneAndAHalfMillionSubunits(t *testing.T) {
	t.Parallel()
	subunits, err := paystack.Subunits(15_000)
	require.NoError(t, err)
	require.Equal(t, int64(1_500_000), subunits)
	francs, exact := paystack.Francs(1_500_000)
	require.True(t, exact)
	require.Equal(t, money.Amount(15_000), francs)
}

func TestEveryAmountComesBackFromTheWireAsItWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		francs := money.Amount(rapid.Int64Range(1, int64(money.Max)).Draw(t, "francs"))
		subunits, err := paystack.Subunits(francs)
		require.NoError(t, err)
		back, exact := paystack.Francs(subunits)
		require.True(t, exact)
		require.Equal(t, francs, back)
		off := rapid.Int64Range(1, 99).Draw(t, "off")
		_, exact = paystack.Francs(subunits + off)
		require.False(t, exact, "%d subunits are no whole number of francs", subunits+off)
	})
}

func TestNoAmountThatWouldOverflowIsSent(t *testing.T) {
	t.Parallel()
	for _, francs := range []money.Amount{0, -1, money.Max + 1, math.MaxInt64, math.MinInt64, math.MaxInt64/100 + 1} {
		_, err := paystack.Subunits(francs)
		require.ErrorIs(t, err, engine.Unsupported, "%d", francs)
		require.Equal(t, engine.CodeAmountOutOfRange, engine.CodeOf(err))
	}
}
