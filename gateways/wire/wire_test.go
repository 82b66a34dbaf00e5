package wire_test

import (
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/gateways/wire"
	"github.com/bookmi/cauri/internal/secret"
)

var redaction = wire.Redaction{
	Kept:  wire.Members{"a": nil, "b": {"a": nil, "words": nil}, "words": nil},
	Words: map[string]func(string) string{"words": wire.Masked},
}

func TestOnlyWhatIsListedStays(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":1,"c":2}`: `{"a":1}`,
		`{ "b" : { "c":1, "a":"\u0026" }, "a":1}`:              `{"b":{"a":"\u0026"},"a":1}`,
		`{"a":{"a":1},"b":7}`:                                  `{"b":7}`,
		`{"a":[1],"b":[{"a":1}]}`:                              `{}`,
		`{"A":1,"a":null}`:                                     `{"A":1,"a":null}`,
		`{"words":"call 0700000000","b":{"words":{"en":"x"}}}`: `{"words":"call **********","b":{}}`,
		`{"words":null}`:                                       `{}`,
		`{"a":1`:                                               ``,
		`{"a":1}{}`:                                            ``,
		`{"a":1}]`:                                             ``,
		`[]`:                                                   ``,
		`7`:                                                    ``,
		``:                                                     ``,
	} {
		require.Equal(t, want, string(redaction.Of([]byte(body))), body)
	}
}

func FuzzRedactionTwiceIsRedactionOnce(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"a":2,"words":"0700000000"},"words":"<é\ud800>","c":[{}]}`))
	f.Add([]byte("{\"words\":\"\xff\",\"a\":1e9}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		once := redaction.Of(body)
		if once == nil {
			return
		}
		require.True(t, json.Valid(once), "%q", once)
		require.Equal(t, string(once), string(redaction.Of(once)))
		require.NotContains(t, string(once), `"c":`)
	})
}

func TestAFieldTakesWhatItTakesAndNothingElse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]struct {
		text  wire.Text
		label wire.Label
	}{
		`"x"`: {"x", "x"}, `7`: {"", "7"}, `18446744073709551615`: {"", "18446744073709551615"}, `-7`: {}, `7.5`: {}, `null`: {}, `{}`: {},
		`["x"]`: {}, `true`: {}, `"7"`: {"7", "7"}, `"TRF\u0000x"`: {},
	} {
		var got struct {
			Text  wire.Text  `json:"x"`
			Label wire.Label `json:"y"`
		}
		require.NoError(t, json.Unmarshal([]byte(`{"x":`+raw+`,"y":`+raw+`}`), &got), raw)
		require.Equal(t, want.text, got.Text, raw)
		require.Equal(t, want.label, got.Label, raw)
	}
	require.True(t, wire.Label("235879").IsID())
	for _, no := range []wire.Label{"", "../payouts", "-1", "1.0", "1 "} {
		require.False(t, no.IsID(), no)
	}
}

func TestLongRunsOfDigitsAreStarred(t *testing.T) {
	t.Parallel()
	require.Equal(t, "HTTP 422, ********** and ****", wire.Masked("HTTP 422, 0700000000 and 1234"))
	require.Equal(t, "**** of **********", wire.Masked("١٢٣٤ of ٠٧٠٠٠٠٠٠٠٠"))
	require.Len(t, []rune(wire.Shorten(strings.Repeat("é", 500))), 121)
}

// spacings are what a phone is written with.
var spacings = []string{"", " ", "-", ".", "/", "\u00a0", "\u202f", "\u2009", "\u2011", "\u200b", " - ", ") ", "\t", "\n"}

// spaced writes a phone in pairs.
func spaced(national, between string) string {
	return strings.Join([]string{national[:2], national[2:4], national[4:6], national[6:8], national[8:]}, between)
}

func TestAPhoneIsMaskedHoweverItIsSpaced(t *testing.T) {
	t.Parallel()
	for _, mask := range []func(string) string{wire.Masked, wire.Unphoned} {
		for _, between := range spacings {
			for _, before := range []string{"", "+225", "+225" + between, "00225 ", "Tel", "(", "*133*1*"} {
				left := mask(before + spaced("0707123456", between) + "#")
				require.NotRegexp(t, `\d{2}\D{0,3}\d{2}`, strings.TrimPrefix(left, before), "%q", before+between)
			}
		}
	}
	require.Equal(t, "envoyé au +*** **-**.**/****, 2 fois", wire.Unphoned("envoyé au +225 07-07.12/3456, 2 fois"))
}

// The payer still reads what to dial and what it costs.
func TestWhatIsNoPhoneIsShownAsItIs(t *testing.T) {
	t.Parallel()
	for _, words := range []string{
		"Tapez *133#", "Composez #144*82#, puis le code à 4 chiffres.", "15 000 FCFA", "15 000 F", "1 500 000 F", "2\u202f000\u202f000 FCFA",
		"Payez 15000 F avant 10:15", "Payez avant le 24/11/2026", "Code 482913",
		"*144*4*6# puis 1. Oui 2. Non", "", "é", "15.000,50 F", "1 - 2 - 3",
	} {
		require.Equal(t, words, wire.Unphoned(words))
	}
}

// FuzzUnphoned: no five digits of a phone are left in a row, whatever stands around
// it, what is no digit is left as it is, and masked twice it is the same.
func FuzzUnphoned(f *testing.F) {
	for i := range spacings {
		f.Add("Tel ", " merci", uint32(7071234), uint8(i))
	}
	f.Add("*133*1*", "#", uint32(99999999), uint8(4))
	f.Add("15 000 F, 07", "12", uint32(1), uint8(1))
	f.Fuzz(func(t *testing.T, before, after string, digits uint32, spacing uint8) {
		phone := spaced(fmt.Sprintf("%s%08d", []string{"01", "05", "07"}[digits%3], digits%100_000_000), spacings[int(spacing)%len(spacings)])
		for _, mask := range []func(string) string{wire.Masked, wire.Unphoned} {
			left := mask(before + phone + after)
			whole := []rune(before + phone + after)
			require.Len(t, []rune(left), len(whole))
			for i, r := range []rune(left) {
				require.True(t, r == whole[i] || r == '*' && unicode.IsDigit(whole[i]))
			}
			from := len([]rune(before))
			require.NotRegexp(t, `[0-9]`, string([]rune(left)[from:from+len([]rune(phone))]))
			require.Equal(t, left, mask(left))
		}
	})
}

func TestANameIsShortAndKeepsDifferentWordsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a, b := rapid.String().Draw(r, "a"), rapid.String().Draw(r, "b")
		require.Equal(t, a == b, wire.Name(a) == wire.Name(b))
		require.LessOrEqual(t, len(wire.Name(a)), 120)
		require.NotContains(t, wire.Name(a), "/")
	})
	require.Equal(t, "charge.success", wire.Name("charge.success"))
	require.NotContains(t, wire.Name("payer@example.com"), "@")
}

func TestABodyThatIsNoWebhooksIsNotDecoded(t *testing.T) {
	t.Parallel()
	for body, fine := range map[string]bool{
		`{}`: true, `{"a":"[[[[[[[[[[[[[[[[[[[[\"{"}`: true, strings.Repeat(`{"a":`, 16) + `1` + strings.Repeat(`}`, 16): true,
		strings.Repeat(`{"a":`, 17) + `1` + strings.Repeat(`}`, 17): false, `[]`: false, ``: false, "{\"\xff\":1}": false,
		`{"a":"` + strings.Repeat("x", 64<<10) + `"}`: false,
	} {
		require.Equal(t, fine, wire.CheckShape([]byte(body)) == nil, "%.40s", body)
	}
}

func TestAKeySumsItsPartsAsOne(t *testing.T) {
	t.Parallel()
	named := func(id, text string) secret.Named { return secret.Named{ID: id, Value: secret.New(text)} }
	k := wire.NewKey(named("now", "canary"), sha512.New)
	require.Equal(t, k.Sum(nil, []byte("abc")), k.Sum(nil, []byte("a"), []byte("bc")))
	require.NotEqual(t, k.Sum(nil, []byte("abc")), wire.NewKey(named("now", "other"), sha512.New).Sum(nil, []byte("abc")))
}

func TestKeysAreReplacedWholeAndCountInTheirTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	var keys wire.Keys
	ids := func(at time.Time) (out []string) {
		for k := range keys.Valid(at) {
			out = append(out, k.ID)
		}
		return out
	}
	require.Empty(t, ids(noon))
	key := func(id string) secret.Named { return secret.Named{ID: id, Value: secret.New(id)} }
	old, next := key("old"), key("next")
	old.NotAfter, next.NotBefore = noon.Add(time.Hour), noon.Add(time.Minute)
	require.NoError(t, keys.Replace([]secret.Named{next, old}, sha512.New, noon))
	require.Equal(t, []string{"old"}, ids(noon))
	require.Equal(t, []string{"next", "old"}, ids(noon.Add(time.Minute)))
	require.Equal(t, []string{"next"}, ids(noon.Add(time.Hour)))
	for name, bad := range map[string][]secret.Named{"none": {}, "no id": {key("")}, "twice": {key("a"), key("a")}, "none yet": {next}} {
		require.Error(t, keys.Replace(bad, sha512.New, noon), name)
	}
	require.Equal(t, []string{"old"}, ids(noon), "as they were")
}

func TestAPayerIsSentToKnownPlacesOnly(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("http://127.0.0.1:8080")
	require.NoError(t, err)
	places := wire.Places{Base: base, Hosts: []string{"gateway.com"}}
	for address, fine := range map[string]bool{
		"https://gateway.com/x": true, "https://pay.gateway.com:443/x": true, "https://PAY.Gateway.com/x": true,
		"http://127.0.0.1:8080/pay/1": true, "http://127.0.0.1:9090/pay/1": false,
		"http://gateway.com/x": false, "https://gateway.com:444/x": false, "https://gateway.com.evil.example/x": false,
		"https://evilgateway.com/x": false, "https://user@gateway.com/x": false, "javascript:alert(1)": false, "": false, "https://%zz": false,
		"https://gateway.com/" + strings.Repeat("x", 2048): false,
	} {
		open, told := places.MayOpen(address)
		require.Equal(t, fine, open != "", address)
		require.NotContains(t, told, "/x", "what may be logged is the host alone")
	}
	places.Local = true
	open, _ := places.MayOpen("http://127.0.0.1:9090/pay/1")
	require.Equal(t, "http://127.0.0.1:9090/pay/1", open)
}

// What two readers would take for two addresses is opened by none (S-24).
func TestAnAddressIsPlainOrNotOpened(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("http://127.0.0.1:8080")
	require.NoError(t, err)
	places := wire.Places{Base: base, Hosts: []string{"gateway.com"}, Local: true}
	for name, address := range map[string]string{
		"a full-width slash": "https://evil.example／.gateway.com/x", "a full-width hash": "https://evil.example＃.gateway.com/x",
		"an escaped slash": "https://evil.example%EF%BC%8F.gateway.com/x", "a star": "https://*.gateway.com/x",
		"a comma": "https://a,b.gateway.com/x", "a leading dot": "https://.gateway.com/x", "two dots": "https://a..gateway.com/x",
		"a trailing dot": "https://gateway.com./x", "an underscore": "https://a_b.gateway.com/x", "a quote in it": "https://a'b.gateway.com/x",
		"quotes": `https://gateway.com/"x"`, "a script": "https://gateway.com/<script>alert(1)</script>",
		"a script behind": "https://gateway.com/?q=<script>", "a script below": "https://gateway.com/#<script>",
		"a backslash": `https://gateway.com/\evil.example`, "text turned round": "https://gateway.com/\u202egpj",
		"a space": "https://gateway.com/a b",
		"a line":  "https://gateway.com/a\nb", "a NUL": "https://gateway.com/\x00", "braces": "https://gateway.com/{x}",
		"letters that look so": "https://gаteway.com/x", "our own with quotes": `http://127.0.0.1:8080/"x`,
		"this machine with a script": "http://127.0.0.1:9090/<script>", "an accent": "https://gateway.com/é",
	} {
		open, told := places.MayOpen(address)
		require.Empty(t, open, name)
		require.Regexp(t, `^(unreadable|[a-z]+://([a-z0-9.:-]+|\(a strange host\)))$`, told, name)
	}
	for address, understood := range map[string]string{
		"https://PAY.gateway.com/x?a=%C3%A9&b='#c": "https://PAY.gateway.com/x?a=%C3%A9&b='#c",
		"HTTPS://gateway.com":                      "https://gateway.com", "https://a-1.gateway.com:443/": "https://a-1.gateway.com:443/",
		"http://localhost:9090/pay/1?x=1": "http://localhost:9090/pay/1?x=1", "http://[::1]:9090/": "http://[::1]:9090/",
	} {
		open, _ := places.MayOpen(address)
		require.Equal(t, understood, open, address)
	}
}

func TestAWayBackIsOneABrowserCanTake(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string][2]bool{ // in test mode, live
		"": {true, true}, "https://shop.example.com/return/{payment}": {true, true}, "http://localhost:8080/x": {true, false},
		"http://127.0.0.1/x": {true, false}, "http://shop.example.com": {false, false}, "javascript:alert(1)": {false, false},
		"https://": {false, false}, "/return": {false, false}, "https://shop.example.com/" + strings.Repeat("x", 2048): {false, false},
	} {
		require.Equal(t, fine[0], wire.CheckReturn(address, false) == nil, address)
		require.Equal(t, fine[1], wire.CheckReturn(address, true) == nil, address)
	}
}
