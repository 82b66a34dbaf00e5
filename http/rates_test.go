package http_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/secret"
)

// limited is a server with these rates, behind a proxy that says who comes.
func limited(t *testing.T, rates http.Rates) *edge {
	t.Helper()
	e := start(t, behind(t, "127.0.0.0/8"), func(c *http.Config) {
		c.Rates, c.QuotaKey = rates, secret.New("a key of the test's, 32 bytes long")
	})
	e.gateway = onPhone
	return e
}

func from(address string) headers { return headers{"X-Forwarded-For": address} }

var stranger = headers{"Authorization": "Bearer ck_test_stranger"}

const codeRateLimited engine.Code = "rate_limited"

// refused is a 429 that says when to come again.
func refused(t *testing.T, a answerOf, atLeast, atMost time.Duration) http.Problem {
	t.Helper()
	require.Equal(t, 429, a.status, "%s", a.body)
	p := a.problem(t)
	require.Equal(t, codeRateLimited, p.Code)
	require.True(t, p.Retryable)
	seconds, err := strconv.Atoi(a.header("Retry-After"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, seconds, int(atLeast.Seconds()))
	require.LessOrEqual(t, seconds, int(atMost.Seconds())+4, "what it takes, and a few seconds' spread")
	return p
}

func TestAKeyHasItsShareAndNoOtherKeyPaysForIt(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{Key: http.Rate{Most: 3, Within: 30 * time.Second}})
	ask := func(more ...headers) answerOf { return e.do(t, "GET", "/v1/talents/tl_1/balance", "", more...) }
	for range 3 {
		require.Equal(t, 404, ask().status)
	}
	p := refused(t, ask(), 10*time.Second, 10*time.Second)
	require.Contains(t, p.DisplayText, "Patientez")
	require.Equal(t, 404, ask(headers{"Authorization": "Bearer " + rivalSecret}).status, "another platform's key")
	e.passes(10 * time.Second)
	require.Equal(t, 404, ask().status)
	refused(t, ask(), 10*time.Second, 10*time.Second)
	e.passes(time.Hour)
	for range 3 {
		require.Equal(t, 404, ask().status, "a bucket holds no more than the rate")
	}
	refused(t, ask(), 10*time.Second, 10*time.Second)
	require.Contains(t, e.adminPage(t, "/metrics"), `cauri_rate_limited_total{limit="key"} 3`)
}

func TestWhoGuessesKeysIsSentAwayAndNobodyBesideThem(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{Failures: http.Rate{Most: 5, Within: time.Minute}})
	ask := func(more ...headers) answerOf { return e.do(t, "GET", "/v1/talents/tl_1/balance", "", more...) }
	guess := func(address string) answerOf { return ask(stranger, from(address)) }
	for range 5 {
		require.Equal(t, 401, guess("203.0.113.9").status)
	}
	refused(t, guess("203.0.113.9"), 12*time.Second, 12*time.Second)
	require.Equal(t, 401, guess("203.0.113.10").status, "another address")
	require.Equal(t, 401, guess("198.51.100.1, 203.0.113.10").status)
	require.Equal(t, 404, ask(from("203.0.113.9")).status, "a right key from the same address")
	refused(t, guess("198.51.100.1, 203.0.113.9"), 12*time.Second, 12*time.Second)
	for i := range 5 {
		require.Equal(t, 401, guess(fmt.Sprintf("2001:db8::%x", i+1)).status)
	}
	refused(t, guess("2001:db8::ffff"), 12*time.Second, 12*time.Second)
	require.Equal(t, 401, guess("2001:db8:0:1::1").status, "another household")
	e.passes(12 * time.Second)
	require.Equal(t, 401, guess("203.0.113.9").status)
	for range 20 {
		require.Equal(t, 401, ask(stranger).status, "the proxy does not say for whom: nobody pays for everybody")
	}
}

// An expectation is answered before the body is read, and a wrong key counts there too.
func TestWhoGuessesKeysWithoutSendingABodyIsCountedToo(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{Failures: http.Rate{Most: 2, Within: time.Minute}})
	guess := "POST /v1/payments/initiate HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer ck_test_x\r\n" +
		"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
	for _, want := range []int{401, 401, 429, 429} {
		statuses, _ := e.exchange(t, guess)
		require.Equal(t, []int{want}, statuses)
	}
	require.Equal(t, 2, strings.Count(e.log.String(), `"status":401`), e.log.String())
	require.Contains(t, e.adminPage(t, "/metrics"), `cauri_rate_limited_total{limit="failures"} 2`)
}

func TestASignedWebhookIsNeverTurnedAwayForItsAddress(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{
		Key: http.Rate{Most: 1000, Within: time.Second}, Address: http.Rate{Most: 1, Within: time.Hour},
		Failures: http.Rate{Most: 2, Within: time.Minute},
	})
	p := e.initiated(t, "bk_1")
	forged := func() answerOf {
		return e.deliver(t, `{}`, headers{signatureName: signer{"other"}.sign([]byte(`{}`))}, from("203.0.113.9"))
	}
	require.Equal(t, 401, forged().status)
	require.Equal(t, 401, forged().status)
	for range 10 {
		refused(t, forged(), 30*time.Second, 30*time.Second)
	}
	body := successBody(t, p.Reference, p.Amount)
	for range 50 {
		require.Equal(t, 200, e.deliver(t, body, from("203.0.113.9")).status)
	}
	metrics := e.adminPage(t, "/metrics")
	require.Contains(t, metrics, `cauri_webhooks_total{gateway="paystack",result="unsigned"} 12`)
	require.Contains(t, metrics, `cauri_rate_limited_total{limit="failures"} 10`)
	require.Empty(t, e.parked)
}

func TestWhatAnybodyMayHaveIsLimitedByAddress(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{Address: http.Rate{Most: 2, Within: 10 * time.Second}})
	ask := func(path, address string) answerOf { return e.do(t, "GET", path, "", from(address)) }
	require.Equal(t, 200, ask("/openapi.json", "203.0.113.9").status)
	require.Equal(t, 404, ask("/admin", "203.0.113.9").status)
	refused(t, ask("/openapi.json", "203.0.113.9"), 5*time.Second, 5*time.Second)
	refused(t, ask("/nothing", "203.0.113.9"), 5*time.Second, 5*time.Second)
	require.Equal(t, 200, ask("/openapi.json", "203.0.113.10").status)
}

// Nobody's phone rings all evening because somebody has the number (S-19).
func TestAPhoneIsAskedFiveTimesInTenMinutes(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{StartsPerPhone: http.Rate{Most: 5, Within: 10 * time.Minute}})
	begin := func(n int, number string, more ...headers) answerOf {
		body := orangeBody(t, map[string]any{"booking_id": fmt.Sprintf("bk_%d", n), "phone": number})
		return e.do(t, "POST", "/v1/payments/initiate", body, append([]headers{key(fmt.Sprintf("start-%d", n))}, more...)...)
	}
	for i := range 5 {
		require.Equal(t, 202, begin(i, "0700000001").status)
		e.passes(time.Minute)
	}
	p := refused(t, begin(5, "0700000001"), 5*time.Minute, 5*time.Minute)
	require.Equal(t, "Trop de demandes de paiement sur ce numéro. Répondez à celle qui est sur le téléphone, ou réessayez dans 5 min.",
		p.DisplayText)
	require.Empty(t, p.PaymentID)
	refused(t, begin(6, "+225 07 00 00 00 01"), 5*time.Minute, 5*time.Minute)
	english := refused(t, begin(7, "0700000001", headers{"Accept-Language": "en"}), 5*time.Minute, 5*time.Minute)
	require.Contains(t, english.DisplayText, "try again in 5 min.")
	refused(t, begin(8, "0700000001", headers{"Authorization": "Bearer " + rivalSecret}), 5*time.Minute, 5*time.Minute)
	require.Equal(t, 202, begin(9, "0700000002").status, "another phone")
	require.Equal(t, "true", begin(4, "0700000001").header("Idempotent-Replayed"), "a retry asks nobody again")
	require.Len(t, e.all(), 6)
	e.passes(5 * time.Minute)
	require.Equal(t, 202, begin(5, "0700000001").status, "the same intention later: no refusal is remembered")
	refused(t, begin(6, "0700000001"), time.Minute, time.Minute)
	require.NotContains(t, e.log.String(), "0700000001")
}

func TestTheSameIntentionFiftyTimesAtOnceIsOneUse(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{StartsPerPhone: http.Rate{Most: 1, Within: time.Hour}, StartsPerBooking: http.Rate{Most: 1, Within: time.Hour}})
	var good atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("same")).status == 202 {
				good.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 50, good.Load())
}

func TestABookingIsTriedSoManyTimes(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{StartsPerBooking: http.Rate{Most: 3, Within: 10 * time.Minute}})
	try := func(n int, more ...headers) answerOf {
		body := orangeBody(t, map[string]any{"phone": fmt.Sprintf("07000000%02d", n)})
		return e.do(t, "POST", "/v1/payments/initiate", body, append([]headers{key(fmt.Sprintf("try-%d", n))}, more...)...)
	}
	require.Equal(t, 202, try(1).status)
	require.Equal(t, 409, try(2).status)
	require.Equal(t, 409, try(3).status)
	p := refused(t, try(4), 10*time.Minute, 10*time.Minute)
	require.Contains(t, p.DisplayText, "réservation")
	require.NotEqual(t, 429, try(5, headers{"Authorization": "Bearer " + rivalSecret}).status, "another platform's booking of that name")
}

func TestCodesForAPhoneAreFiveInTenMinutes(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{CodesPerPhone: http.Rate{Most: 5, Within: 10 * time.Minute}})
	e.gateway = wantsOTP
	first := e.initiated(t, "bk_1")
	other := e.initiated(t, "bk_2") // of the same phone
	code := func(p http.Payment, n int) answerOf {
		return e.do(t, "POST", "/v1/payments/submit_otp", `{"payment_id":"`+p.ID+`","otp":"999999"}`, key(fmt.Sprintf("code-%d", n)))
	}
	for i := range 5 {
		require.NotEqual(t, 429, code([]http.Payment{first, other}[i%2], i).status)
	}
	p := refused(t, code(first, 5), 10*time.Minute, 10*time.Minute)
	require.Equal(t, "Trop de codes saisis pour ce numéro. Attendez 10 min avant d’en saisir un autre.", p.DisplayText)
	refused(t, code(other, 6), 10*time.Minute, 10*time.Minute)
	require.NotEqual(t, 429, code(first, 0).status, "a retry of the first")
	strangers := e.do(t, "POST", "/v1/payments/submit_otp", `{"payment_id":"`+first.ID+`","otp":"999999"}`, key("theirs"),
		headers{"Authorization": "Bearer " + rivalSecret})
	require.Equal(t, 404, strangers.status, "somebody else's payment is not there, limit or no limit")
}

func TestAFloodOfRefusalsDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	e := limited(t, http.Rates{Failures: http.Rate{Most: 1, Within: time.Hour}})
	for range 10 {
		e.deliver(t, `{}`, headers{signatureName: ""}, from("203.0.113.9"))
	}
	require.Equal(t, 1, countIn(e.log.String(), `"msg":"webhook with a wrong signature"`))
	require.Equal(t, 1, countIn(e.log.String(), `"level":"INFO","msg":"request"`))
}

func TestRatesAreSpelledOneWay(t *testing.T) {
	t.Parallel()
	for spelled, want := range map[string]http.Rate{
		"5/10m": {Most: 5, Within: 10 * time.Minute}, "200/1s": {Most: 200, Within: time.Second}, "1/1m30s": {Most: 1, Within: 90 * time.Second},
		"7/1h": {Most: 7, Within: time.Hour}, "off": {}, "3/10s": {Most: 3, Within: 10 * time.Second},
	} {
		var got, again http.Rate
		require.NoError(t, got.UnmarshalText([]byte(spelled)), spelled)
		require.Equal(t, want, got)
		require.NoError(t, again.UnmarshalText([]byte(got.String())), got.String())
		require.Equal(t, want, again)
	}
	for _, bad := range []string{"", "5", "5/", "/1m", "0/1m", "-1/1m", "5/10", "5/0s", "5/999ms", "5/2h", "5/1m/2", "1e3/1m", "none"} {
		require.Error(t, new(http.Rate).UnmarshalText([]byte(bad)), bad)
	}
}

func countIn(log, text string) int { return strings.Count(log, text) }
