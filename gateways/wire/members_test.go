package wire_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/wire"
)

// figures is what these tests read.
var figures = wire.Members{"status": nil, "paidAt": nil, "data": {"amount": nil, "of": {"amount": nil}}}

// clear and doubtful are bodies that can be read in one way, and in two.
var (
	clear = map[string]string{
		"nothing":                     `{}`,
		"each once":                   `{"status":"x","paidAt":"x","data":{"amount":1,"of":{"amount":2}}}`,
		"unknown names, as they like": `{"X":1,"X":2,"x":3,"meta":{"amount":1,"AMOUNT":2},"data":{"amount":1,"unheard":1,"unheard":2}}`,
		"another object's name":       `{"amount":1,"Amount":2,"data":{"status":1,"STATUS":2}}`,
		"half a surrogate pair":       `{"status":"\ud83d","name":"\ud83d","data":{"amount":1}}`,
		"spaces":                      " { \"status\" : 1 ,\n\"data\" :\t{ \"amount\" : 1 } } \n",
		"another value than expected": `{"status":{},"data":7}`,
		"another sort of camel":       `{"paidat":1,"paidAt":2,"PAIDAT":3}`,
	}
	doubtful = map[string]string{
		"a figure twice":               `{"data":{"amount":100,"amount":1500000}}`,
		"the same figure twice":        `{"data":{"amount":100,"amount":100}}`,
		"twice, first a list":          `{"data":{"amount":[5],"amount":100}}`,
		"twice, last an object":        `{"data":{"amount":100,"amount":{"of":5}}}`,
		"another case beside it":       `{"data":{"amount":100,"AMOUNT":1500000}}`,
		"another case alone":           `{"data":{"Amount":100}}`,
		"another case of a list":       `{"Status":[1],"status":2}`,
		"an escape":                    `{"data":{"\u0061mount":100}}`,
		"an escape beside it":          `{"data":{"amount":100,"\u0061mount":1500000}}`,
		"a letter that is an s":        `{"ſtatus":"paid","status":"failed"}`,
		"the frame twice":              `{"data":{"amount":100},"data":{"amount":1500000}}`,
		"deeper":                       `{"data":{"of":{"amount":1,"amount":2}}}`,
		"far apart":                    `{"status":1,` + strings.Repeat(`"x":{"y":[1]},`, 100) + `"status":1}`,
		"an object in a list's place":  `{"data":[1],"data":{"amount":100}}`,
		"what it is called in capital": `{"STATUS":"paid"}`,
	}
)

func TestABodyIsPlainWhenItCanBeReadInOneWay(t *testing.T) {
	t.Parallel()
	for name, body := range clear {
		require.True(t, figures.Plain([]byte(body)), name)
		_, plain := wire.Redaction{Kept: figures}.Read([]byte(body))
		require.True(t, plain, name)
	}
	for name, body := range doubtful {
		require.False(t, figures.Plain([]byte(body)), name)
		kept, plain := wire.Redaction{Kept: figures}.Read([]byte(body))
		require.False(t, plain, name)
		again, plain := wire.Redaction{Kept: figures}.Read(kept)
		require.False(t, plain, "what is kept of it is no plainer: %s", name)
		require.Equal(t, string(kept), string(again), name)
	}
	for _, body := range []string{"", "7", "[]", `{"status":1`, `{"status":1}{}`, `{"status":01}`, `{"status":+1}`} {
		require.False(t, figures.Plain([]byte(body)), body)
	}
}

// The objects of a list are read in an answer, and left out of what is kept.
func TestTheObjectsOfAListArePlainToo(t *testing.T) {
	t.Parallel()
	for list, plain := range map[string]bool{
		`[]`: true, `[{"amount":1},7,[{"amount":1,"amount":2}],{"amount":2}]`: true, `[{"amount":1},{"amount":1,"amount":2}]`: false,
		`[{"AMOUNT":1}]`: false, `[{"of":{"amount":1,"Amount":1}}]`: false,
	} {
		require.Equal(t, plain, figures.Plain([]byte(`{"data":`+list+`}`)), list)
	}
}

func TestWhatIsKeptOfADoubtfulBodyIsNoMoreThanOfAPlainOne(t *testing.T) {
	t.Parallel()
	body := `{"a":"1","A":{"secret":1},"b":{"words":["0700000000"],"words":"0700000000"},"\u0061":{"email":"x"},"email":"x"}`
	kept, plain := redaction.Read([]byte(body))
	require.False(t, plain)
	require.Equal(t, `{"a":"1","A":null,"b":{"words":null,"words":"**********"},"\u0061":null}`, string(kept))
}

func TestDigitsArePlain(t *testing.T) {
	t.Parallel()
	for digits, whole := range map[string]bool{
		"0": true, "1": true, "1500000": true, "": false, "+1500000": false, "-1": false, "0001500000": false, "00": false,
		" 1": false, "1 ": false, "1e3": false, "0x1f": false, "1_000": false, "١": false, "1.0": false,
	} {
		require.Equal(t, whole, wire.IsWhole(digits), "%q", digits)
	}
}

// FuzzReadTwice: what is kept is read again as it was, and is as plain.
func FuzzReadTwice(f *testing.F) {
	for _, bodies := range []map[string]string{clear, doubtful} {
		for _, body := range bodies {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := wire.Redaction{Kept: figures}
		kept, plain := r.Read(body)
		again, still := r.Read(kept)
		require.Equal(t, string(kept), string(again))
		require.Equal(t, plain, still)
		if utf8.Valid(body) && figures.Plain(body) { // which reads the lists too, so it is never the milder one
			require.True(t, plain)
		}
	})
}
