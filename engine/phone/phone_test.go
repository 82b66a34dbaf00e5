package phone_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine/phone"
)

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0700000000":            "+2250700000000",
		"07 07 12 34 56":        "+2250707123456",
		"+2250505123456":        "+2250505123456",
		"002250701020304":       "+2250701020304",
		"2250701020304":         "+2250701020304",
		"+225 (01) 02-03-04.05": "+2250102030405",
		"  05 00 00 00 01 ":     "+2250500000001",
	} {
		n, err := phone.Parse(in)
		require.NoError(t, err, in)
		require.Equal(t, want, n.E164(), in)
	}
}

func TestWhatIsNoMobileNumberIsRefusedByName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{
		"":                                    phone.ErrNotANumber,
		"07000000":                            phone.ErrNotANumber, // eight digits: the plan before 2021
		"0900000000":                          phone.ErrNotANumber, // no operator has 09
		"070000000x":                          phone.ErrNotANumber,
		"07000000001":                         phone.ErrNotANumber,
		"+22507000000":                        phone.ErrNotANumber,
		"07+00000000":                         phone.ErrNotANumber,
		"٠٧٠٠٠٠٠٠٠٠":                          phone.ErrNotANumber,
		"+33612345678":                        phone.ErrForeign,
		"0033612345678":                       phone.ErrForeign,
		"2721234567":                          phone.ErrLandline,
		"+2252521234567":                      phone.ErrLandline,
		"0700000000 0700000000 0700000000 07": phone.ErrNotANumber,
	} {
		_, err := phone.Parse(in)
		require.ErrorIs(t, err, want, in)
	}
}

func TestPrefixTellsTheOperatorButWaveHasNone(t *testing.T) {
	t.Parallel()
	require.Equal(t, phone.Orange, phone.MustParse("0700000000").Prefix())
	require.Equal(t, phone.MTN, phone.MustParse("0500000000").Prefix())
	require.Equal(t, phone.Moov, phone.MustParse("0100000000").Prefix())
	for _, n := range []string{"0700000000", "0500000000", "0100000000"} {
		require.True(t, phone.MustParse(n).Suits(phone.Wave))
	}
	require.False(t, phone.MustParse("0500000000").Suits(phone.Orange))
}

func TestANumberNeverPrintsItself(t *testing.T) {
	t.Parallel()
	fiveDigits := regexp.MustCompile(`\d{5}`)
	rapid.Check(t, func(t *rapid.T) {
		n := phone.MustParse(rapid.StringMatching(`0[157][0-9]{8}`).Draw(t, "number"))
		encoded, err := json.Marshal(n)
		require.NoError(t, err)
		for _, shown := range []string{n.String(), fmt.Sprint(n), fmt.Sprintf("%+v", n), fmt.Sprintf("%#v", n), string(encoded)} {
			require.NotRegexp(t, fiveDigits, shown)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0700000000", "+225 05 00 00 00 00", "002250101010101", "+33612345678", "2721000000", "\xff+225"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := phone.Parse(s)
		if err != nil {
			require.True(t, n.IsZero())
			return
		}
		again, err := phone.Parse(n.E164())
		require.NoError(t, err)
		require.Equal(t, n, again)
		national, err := phone.Parse(n.National())
		require.NoError(t, err)
		require.Equal(t, n, national)
	})
}

var run = regexp.MustCompile(`\d{5}`)

// Whatever is taken for a number is shown with no five of its digits in a row.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{"0700000000", "+225 05 12 34 56 78", "00225-01.02.03.04.05", "2250701020304", "(07) 99999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := phone.Parse(s)
		if err != nil {
			require.NotRegexp(t, run, err.Error())
			return
		}
		encoded, err := json.Marshal(n)
		require.NoError(t, err)
		for _, shown := range []string{n.String(), fmt.Sprintf("%#v", n), fmt.Sprint(n), string(encoded)} {
			require.NotRegexp(t, run, shown)
		}
	})
}
