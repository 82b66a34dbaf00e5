package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/secret"
)

// entry is a secret as a file has it; from and until are moments from now, 0 for none.
func entry(id, value string, from, until time.Duration) string {
	text := fmt.Sprintf(`{"id":%q,"value":%q`, id, value)
	for name, moment := range map[string]time.Duration{"not_before": from, "not_after": until} {
		if moment != 0 {
			text += fmt.Sprintf(`,%q:%q`, name, time.Now().Add(moment).UTC().Format(time.RFC3339Nano))
		}
	}
	return text + "}"
}

func TestASecretsFileIsReadStrictlyAndNeverQuoted(t *testing.T) {
	t.Parallel()
	one := entry("a", "sk_test_"+canary, 0, 0)
	for name, text := range map[string]string{
		"nothing":                      ``,
		"half a file":                  `{"paystack_secret_key":[` + one,
		"null":                         `null`,
		"a list":                       `[` + one + `]`,
		"something behind it":          `{"paystack_secret_key":[` + one + `]} {}`,
		"a byte order mark":            "\ufeff" + `{"paystack_secret_key":[` + one + `]}`,
		"bytes that are no text":       `{"paystack_secret_key":[{"id":"a","value":"sk_test_` + "\xff" + canary + `"}]}`,
		"an unknown purpose":           `{"` + canary + `":[` + one + `]}`,
		"a purpose in capitals":        `{"Paystack_Secret_Key":[` + one + `]}`,
		"a purpose twice":              `{"paystack_secret_key":[` + one + `],"paystack_secret_key":[` + one + `]}`,
		"a purpose twice, in disguise": `{"paystack_secret_key":[` + one + `],"\u0070aystack_secret_key":[` + one + `]}`,
		"a purpose that is no list":    `{"paystack_secret_key":` + one + `}`,
		"a list that is null":          `{"paystack_secret_key":null}`,
		"an entry that is a text":      `{"paystack_secret_key":["` + canary + `"]}`,
		"an unknown member":            `{"paystack_secret_key":[{"id":"a","value":"sk_test_` + canary + `","until":"` + canary + `"}]}`,
		"a member in capitals":         `{"paystack_secret_key":[{"id":"a","VALUE":"sk_test_` + canary + `"}]}`,
		"a member twice":               `{"paystack_secret_key":[{"id":"a","value":"sk_test_` + canary + `","value":"sk_test_x"}]}`,
		"a number as value":            `{"paystack_secret_key":[{"id":"a","value":12345}]}`,
		"a time that is none":          `{"paystack_secret_key":[{"id":"a","value":"sk_test_` + canary + `","not_after":"` + canary + `"}]}`,
	} {
		lists, err := parseSecrets([]byte(text))
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), canary, name)
		require.Empty(t, lists["key_peppers"], name)
	}
	second := `{"id":"b","value":"x","not_after":null}`
	lists, err := parseSecrets([]byte(`{"key_peppers":[` + entry("key_peppers", canary, 0, time.Hour) + `,` + second + `]}`))
	require.NoError(t, err)
	require.Len(t, lists["key_peppers"], 2)
	require.Equal(t, canary, lists["key_peppers"][0].Value.Reveal())
	require.False(t, lists["key_peppers"][0].NotAfter.IsZero())
	require.True(t, lists["key_peppers"][1].NotAfter.IsZero())
}

func TestWhoMayReadASecretsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "secrets.json")
	write(t, file, `{"paystack_secret_key":[`+entry("a", "sk_live_"+canary, 0, 0)+`]}`)
	s := production()
	s.SecretsFile = file
	require.NoError(t, s.complete())
	require.NoError(t, os.Chmod(file, 0o644)) //nolint:gosec // that is the fault
	s = production()
	s.SecretsFile = file
	require.ErrorContains(t, s.complete(), "chmod o-r")
	s.Env = Staging
	require.Empty(t, s.readSecrets())
	require.True(t, s.Open, "elsewhere it is warned of")
	require.NoError(t, os.Chmod(file, 0o640)) //nolint:gosec // a group may
	s = production()
	s.SecretsFile = file
	require.NoError(t, s.complete())

	s.SecretsFile = filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(s.SecretsFile, 0o600))
	require.ErrorContains(t, s.complete(), "it is no file", "and nobody waits for whoever writes into it")
	s.SecretsFile = dir
	require.ErrorContains(t, s.complete(), "it is no file")
}

// What a production requires of the newest it requires of those beside it and to come.
func TestEveryKeyOfAListIsOfOneEnvironment(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets.json")
	list := func(purpose, first, second string, from time.Duration) string {
		return `{"` + purpose + `":[` + entry("a", first+canary, 0, 0) + `,` + entry("b", second+canary, from, 0) + `]}`
	}
	for name, text := range map[string]string{
		"an old one of the test mode":   list(purposePaystack, "sk_test_", "sk_live_", 0),
		"a next one of the test mode":   list(purposePaystack, "sk_live_", "sk_test_", time.Hour),
		"a next one that is public":     list(purposePaystack, "sk_live_", "pk_live_", time.Hour),
		"FedaPay's next of its sandbox": list(purposeFedaPay, "sk_live_", "sk_sandbox_", time.Hour),
		"a next one that was cut short": `{"paystack_secret_key":[` + entry("a", "sk_live_"+canary, 0, 0) + `,` +
			entry("b", "sk_live_x", time.Hour, 0) + `]}`,
		"an id and a value swapped": `{"key_peppers":[` + entry(madeUp, "p1", 0, 0) + `]}`,
	} {
		write(t, file, text)
		s := production()
		s.SecretsFile = file
		err := s.complete()
		require.Error(t, err, name)
		require.Contains(t, err.Error(), "CAURI_SECRETS_FILE: ", name)
		require.NotContains(t, err.Error(), canary, name)
	}
}

// deliverFedaPay posts a genuine notification of FedaPay's, about a payment that nobody
// knows: it is kept, once its signature counts.
func (r *rotation) deliverFedaPay(key string) int {
	d := forge.FedaPay(secret.New(key), time.Now()).Approved("01jd0000000000000000000000-c1", 15_000).Delivery()
	request, err := http.NewRequest(http.MethodPost, r.url()+"/webhooks/fedapay", bytes.NewReader(d.Body))
	if err != nil {
		return 0
	}
	request.Header.Set(d.Header, d.Signatures[0])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // nothing is read of it
	return response.StatusCode
}

func TestAFileCountsAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	r := startRotation(t)
	r.begin(t, 1)
	const fedapayKey, oldSecret, newSecret = "sk_sandbox_" + canary, "wh_sandbox_old_" + canary, "wh_sandbox_new_" + canary
	file := func(paystack, webhooks string) string {
		return `{"paystack_secret_key":[` + paystack + `],"fedapay_secret_key":[` + entry("f", fedapayKey, 0, 0) +
			`],"fedapay_webhook_secrets":[` + webhooks + `]}`
	}
	older := entry("2026-06", oldKey, 0, 0)
	r.write(t, file(older, entry("w1", oldSecret, 0, 0)))
	require.Eventually(t, func() bool { return r.deliverFedaPay(oldSecret) == 200 }, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, 401, r.deliverFedaPay(newSecret))
	require.Equal(t, 401, r.deliverFedaPay(developmentFedaPayWebhook), "the file's takes the place of what was assumed")

	newer := older + `,` + entry("2026-12", newKey, 0, 0)
	whole := file(newer, entry("w1", oldSecret, 0, 0))
	for name, wrong := range map[string]string{
		"the last list is wrong": file(newer, entry("w1", oldSecret, 0, 0)+`,`+entry("w2", canary, time.Hour, 0)),
		"a list has left":        `{"paystack_secret_key":[` + newer + `]}`,
		"all have left":          `{}`,
		"a list that is empty":   `{"key_peppers":[],` + whole[1:],
	} {
		r.write(t, wrong)
		r.fails(t, "1")
		require.Equal(t, []int{200, 401, 200, 401}, []int{
			r.deliver(oldKey, r.payments[0]), r.deliver(newKey, r.payments[0]), r.deliverFedaPay(oldSecret), r.deliverFedaPay(newSecret),
		}, name)
		r.write(t, file(older, entry("w1", oldSecret, 0, 0)))
		r.fails(t, "0")
	}
	require.NoError(t, os.Chmod(r.file, 0o666)) //nolint:gosec // that is the fault
	r.fails(t, "1")
	require.Equal(t, 200, r.deliver(oldKey, r.payments[0]))
	require.NoError(t, os.Chmod(r.file, 0o644)) //nolint:gosec // warned of
	r.fails(t, "0")

	r.write(t, file(newer, entry("w1", oldSecret, 0, 0)+`,`+entry("w2", newSecret, 0, 0)))
	require.Eventually(t, func() bool { return r.deliverFedaPay(newSecret) == 200 }, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, []int{200, 200, 200}, []int{
		r.deliver(oldKey, r.payments[0]), r.deliver(newKey, r.payments[0]), r.deliverFedaPay(oldSecret),
	})
	require.Equal(t, "1", r.metric(t, `cauri_webhooks_signed_total{gateway="fedapay",key="w2"}`))
	require.Contains(t, r.log.String(), "paystack_secret_key 2026-12, 2026-06; fedapay_secret_key f; fedapay_webhook_secrets w2, w1")
	require.NotContains(t, r.log.String(), canary)
}

// Nobody touches the file any more: its times do the rest, on webhooks and on calls.
func TestAKeyBeginsAndEndsByItself(t *testing.T) {
	t.Parallel()
	r := startRotation(t)
	r.begin(t, 1)
	require.Equal(t, oldKey, <-r.called)
	const begins, ends = 4 * time.Second, 8 * time.Second
	read := time.Now()
	r.write(t, `{"paystack_secret_key":[`+entry("2026-06", oldKey, 0, ends)+`,`+entry("2026-12", newKey, begins, 0)+`]}`)
	line := `cauri_secret_ends_in_seconds{key="2026-06",purpose="paystack_secret_key"}`
	require.Eventually(t, func() bool { return r.metric(t, line) != "" }, 3*time.Second, 20*time.Millisecond)
	left, err := strconv.ParseFloat(r.metric(t, line), 64)
	require.NoError(t, err)
	require.InDelta(t, (ends - time.Since(read)).Seconds(), left, 0.5)
	if time.Since(read) < begins {
		require.Equal(t, 200, r.deliver(oldKey, r.payments[0]))
	}
	r.until(t, newKey, 200)
	require.GreaterOrEqual(t, time.Since(read), begins)
	require.Equal(t, 200, r.deliver(oldKey, r.payments[0]), "both count")
	r.until(t, oldKey, 401)
	require.GreaterOrEqual(t, time.Since(read), ends)
	require.Equal(t, 200, r.deliver(newKey, r.payments[0]))
	require.Empty(t, r.metric(t, line), "what is over has no end to come")
	for len(r.called) > 0 {
		<-r.called
	}
	require.Equal(t, 202, r.initiate(t, "after", "wave", "0799990021").status)
	require.Equal(t, newKey, <-r.called, "calls too, without a change of the file")
	require.Equal(t, "0", r.metric(t, "cauri_secrets_reload_failed"))
}

// The page's other case: whoever has the key may sign.
func TestAKeyThatLeakedIsOutAtOnce(t *testing.T) {
	t.Parallel()
	r := startRotation(t)
	r.begin(t, 2)
	r.step(t, "après")
	r.until(t, newKey, 200) // of the first payment; the second is still the payer's to approve
	require.Equal(t, 401, r.deliver(oldKey, r.payments[1]), "from the same moment, on the very next request")
	require.NotEqual(t, "held", r.call(t, "GET", "/v1/payments/pay_"+r.payments[1][:26], "").at("hold.status"), "a thief's word")
	require.Equal(t, 200, r.deliver(newKey, r.payments[1]))
	require.Equal(t, "held", r.call(t, "GET", "/v1/payments/pay_"+r.payments[1][:26], "").at("hold.status"))
}

// signed is a payer's token, as a platform makes it (RFC 7519).
func signed(t *testing.T, kid string, key ed25519.PrivateKey) string {
	t.Helper()
	now := time.Now().Unix()
	var parts []string
	for _, part := range []map[string]any{
		{"alg": "EdDSA", "typ": "JWT", "kid": kid},
		{"iss": "platform", "aud": "cauri", "sub": "usr_1", "jti": kid, "iat": now, "nbf": now, "exp": now + 600, "role": "payer"},
	} {
		text, err := json.Marshal(part)
		require.NoError(t, err)
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	text := strings.Join(parts, ".")
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// A kid is published, then signed with, then taken away.
func TestThePlatformsSigningKeyIsRotated(t *testing.T) {
	t.Parallel()
	r := startRotation(t)
	r.begin(t, 1)
	made := map[string]ed25519.PrivateKey{}
	for _, kid := range []string{"2026-06", "2026-12"} {
		public, private, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		der, err := x509.MarshalPKIXPublicKey(public)
		require.NoError(t, err)
		made[kid] = private
		r.words = append(r.words, map[string]string{"2026-06": "PUBLIQUE_ANCIENNE", "2026-12": "PUBLIQUE_NOUVELLE"}[kid],
			base64.StdEncoding.EncodeToString(der))
	}
	status := func(kid string) int {
		return r.call(t, "GET", "/v1/payments/pay_"+r.payments[0][:26], "", "Authorization", "Bearer "+signed(t, kid, made[kid])).status
	}
	const known, unknown = 404, 401 // another payer's payment, told to somebody and to nobody
	becomes := func(kid string, want int) {
		t.Helper()
		require.Eventually(t, func() bool { return status(kid) == want }, 20*time.Second, 50*time.Millisecond)
	}
	require.Equal(t, []int{unknown, unknown}, []int{status("2026-06"), status("2026-12")})
	r.step(t, "jetons, avant")
	becomes("2026-06", known)
	require.Equal(t, unknown, status("2026-12"))
	r.step(t, "jetons, ensemble")
	becomes("2026-12", known)
	require.Equal(t, known, status("2026-06"), "tokens that phones still hold")
	r.step(t, "jetons, après")
	becomes("2026-06", unknown)
	require.Equal(t, known, status("2026-12"))
}
