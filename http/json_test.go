package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatIsNoJSONOfOurs(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, want := range map[string]error{
		`{"a":1}`:                       nil,
		` [1, "é", null, true] `:        nil,
		deep(jsonDepthMax):              nil,
		deep(jsonDepthMax + 1):          errTooDeep,
		deep(9_999):                     errTooDeep,
		``:                              errNotJSON,
		`{"a":1}{"a":1}`:                errNotJSON,
		`{"a":1} x`:                     errNotJSON,
		`{"a":1,}`:                      errNotJSON,
		`{'a':1}`:                       errNotJSON,
		`{"a":01}`:                      errNotJSON,
		"\xef\xbb\xbf{}":                errNotJSON, // a byte order mark
		`NaN`:                           errNotJSON,
		`{"a":1,"a":1}`:                 errKeyTwice,
		`{"a":1,"\u0061":2}`:            errKeyTwice,
		`{"x":{"a":1,"b":{},"a":null}}`: errKeyTwice,
		"{\"a\":\"\xff\"}":              errNotUTF8,
		`{"a":"\ud800"}`:                errNotUTF8,
		`{"\ud800":1}`:                  errNotUTF8,
		`{"a":"\u0000"}`:                errControlChars,
		`{"a":"b\nc"}`:                  errControlChars,
	} {
		_, err := parseJSON([]byte(body))
		require.ErrorIs(t, errors.Join(err), want, "%.60q", body)
	}
}

func TestOnlyWholeNumbersAreIntegers(t *testing.T) {
	t.Parallel()
	for spelled, want := range map[string]any{
		"15000": int64(15000), "-1": int64(-1), "9223372036854775807": int64(9223372036854775807),
		"9223372036854775808": json.Number("9223372036854775808"), "1e3": json.Number("1e3"),
		"100.0": json.Number("100.0"), "0.1": json.Number("0.1"),
	} {
		got, err := parseJSON([]byte(spelled))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

type letter struct {
	Text   string `json:"text"`
	Amount int64  `json:"amount"`
	When   string `json:"when,omitempty"`
}

func TestEqualFingerprintsMeanTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (string, letter) {
			return rapid.SampledFrom([]string{"", "bk_1", "bk_2"}).Draw(t, name+" path"), letter{
				Text:   rapid.SampledFrom([]string{"", "a", "<&>", "é"}).Draw(t, name+" text"),
				Amount: rapid.Int64Range(0, 3).Draw(t, name+" amount"),
				When:   rapid.SampledFrom([]string{"", "a"}).Draw(t, name+" when"),
			}
		}
		path1, body1 := draw("one")
		path2, body2 := draw("other")
		one, err := fingerprint(path1, body1)
		require.NoError(t, err)
		other, err := fingerprint(path2, body2)
		require.NoError(t, err)
		require.Equal(t, path1 == path2 && body1 == body2, one == other)
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"c"}]}`, `{"a":1e9}`, `"\ud83d\ude00"`, `[[[[]]]]`, "\x00", `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tree, err := parseJSON(body)
		if err != nil {
			return
		}
		var theirs any
		lax := json.NewDecoder(bytes.NewReader(body))
		lax.UseNumber() // as we do: 1E1000 is a number, and no field of ours takes it
		require.NoError(t, lax.Decode(&theirs), "stricter than encoding/json, never laxer")
		spelled, err := json.Marshal(tree)
		require.NoError(t, err)
		again, err := parseJSON(spelled)
		require.NoError(t, err)
		require.Equal(t, tree, again)
	})
}
