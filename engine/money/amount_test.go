package money_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine/money"
)

func TestSplitPartsAlwaysSumToTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := money.Amount(rapid.Int64Range(0, math.MaxInt64).Draw(t, "whole"))
		share := money.BasisPoints(rapid.Uint16Range(0, uint16(money.Whole)).Draw(t, "share"))
		part, rest, err := money.Split(whole, share)
		require.NoError(t, err)
		require.GreaterOrEqual(t, part, money.Amount(0))
		require.GreaterOrEqual(t, rest, money.Amount(0))
		require.Equal(t, whole, part+rest)
	})
}

func TestSplitGivesTheOddFrancByLargestRemainder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		whole      money.Amount
		share      money.BasisPoints
		part, rest money.Amount
	}{
		{50_000, 1500, 7_500, 42_500},
		{1, 1500, 0, 1},       // 0.15: the rest has the larger remainder
		{1, 5001, 1, 0},       // 0.5001
		{1, 5000, 0, 1},       // a tie goes to the rest
		{333, 1000, 33, 300},  // 33.3
		{335, 1000, 33, 302},  // 33.5: a tie again
		{337, 1000, 34, 303},  // 33.7
		{999, 0, 0, 999},      // no commission
		{999, 10_000, 999, 0}, // all of it
	} {
		part, rest, err := money.Split(c.whole, c.share)
		require.NoError(t, err)
		require.Equal(t, c.part, part, "%d by %d", c.whole, c.share)
		require.Equal(t, c.rest, rest)
	}
}

func TestSplitRefusesWhatIsNoShare(t *testing.T) {
	t.Parallel()
	_, _, err := money.Split(-1, 100)
	require.Error(t, err)
	_, _, err = money.Split(1, 10_001)
	require.Error(t, err)
}

func TestArithmeticNeverWrapsAround(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount(rapid.Int64().Draw(t, "a"))
		b := money.Amount(rapid.Int64().Draw(t, "b"))
		if sum, err := a.Plus(b); err == nil {
			back, err := sum.Minus(b)
			require.NoError(t, err)
			require.Equal(t, a, back)
		}
		if diff, err := a.Minus(b); err == nil {
			back, err := diff.Plus(b)
			require.NoError(t, err)
			require.Equal(t, a, back)
		}
	})
	_, err := money.Amount(math.MaxInt64).Plus(1)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.Amount(math.MinInt64).Minus(1)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.Sum(math.MaxInt64, 1)
	require.ErrorIs(t, err, money.ErrOverflow)
}
