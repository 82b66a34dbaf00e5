package paystack_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
)

// shape is one way for a call to go wrong, and what it must be taken for.
type shape = gatewaytest.Shape

var (
	says   = gatewaytest.Says
	writes = gatewaytest.Writes
	hangs  = gatewaytest.Hangs
	fails  = gatewaytest.Fails
)

const (
	amb = engine.Ambiguous
	una = engine.Unavailable
	dec = engine.Declined

	unreadable = engine.CodeGatewayUnreadable
	declined   = engine.CodeGatewayDeclined
)

// chargeShapes are what a charge may be answered with, over a real connection.
func chargeShapes(t *testing.T) []shape {
	t.Helper()
	ok := about(t, "charge.create.response.pending", chargeRef, nil)
	return append(gatewaytest.Unanswered(ok), []shape{
		// It said yes, unusably.
		fails("200 without data", says(200, `{"status":true,"message":"Charge attempted"}`), amb, unreadable),
		fails("200 with null data", says(200, `{"status":true,"message":"Charge attempted","data":null}`), amb, unreadable),
		fails("200 with data of text", says(200, `{"status":true,"message":"Charge attempted","data":"ok"}`), amb, unreadable),
		fails("200 without the charge's status", says(200, strings.Replace(ok, `"pending"`, "null", 1)), amb, unreadable),
		fails("200 about another charge", says(200, sample(t, "charge.create.response.pending")), amb, unreadable),
		fails("200 with status false", says(200, `{"status":false,"message":"Charge attempted"}`), amb, unreadable),
		fails("200 with a status of 1", says(200, strings.Replace(ok, "true", "1", 1)), amb, unreadable),

		// It said something else.
		fails("307", says(307, "", "Location: http://127.0.0.1:1/charge"), amb, unreadable),
		fails("403 readable", says(403, `{"status":false,"message":"Your IP address is not allowed to make this call"}`), amb, unreadable),
		fails("408", says(408, `{"status":false,"message":"Request timeout"}`), amb, unreadable),
		fails("409", says(409, `{"status":false,"message":"Conflict"}`), amb, unreadable),
		fails("418", says(418, `{"status":false,"message":"short and stout"}`), amb, unreadable),
		fails("500 of theirs", says(500, sample(t, "error.server.500")), amb, engine.CodeGatewayServerError),
		fails("500 saying nothing was done", says(500, sample(t, "error.validation.missing_params.400")), amb, engine.CodeGatewayServerError),

		// It said no, but not in a way that proves anything.
		fails("400 with status true", says(400, `{"status":true,"message":"Email is required"}`), amb, unreadable),
		fails("400 without a message", says(400, `{"status":false}`), amb, unreadable),
		fails("400 with a message that is no text", says(400, `{"status":false,"message":{"en":"no"}}`), amb, unreadable),
		fails("400 half", writes("HTTP/1.1 400 Bad Request\r\nContent-Length: 90\r\n\r\n{\"status\":false,\"mess"), amb, unreadable),
		fails("400 of the processor", says(400, `{"status":false,"message":"Declined","type":"processor_error"}`), amb, unreadable),
		fails("404 that does not know", says(404, `{"status":false,"message":"Oops","code":"unknown"}`), amb, unreadable),
		fails("400 duplicate", says(400, sample(t, "error.transaction.duplicate_reference.400")), amb, engine.CodeDuplicateReference),
		fails("404 duplicate", says(404, sample(t, "error.transaction.duplicate_reference.400")), amb, engine.CodeDuplicateReference),
		fails("409 duplicate", says(409, sample(t, "error.transaction.duplicate_reference.400")), amb, engine.CodeDuplicateReference),
		fails("200 duplicate", says(200, sample(t, "error.transaction.duplicate_reference.400")), amb, engine.CodeDuplicateReference),

		// The whitelist: provably not done.
		fails("401", says(401, sample(t, "error.invalid_key.401")), una, engine.CodeGatewayUnauthorized),
		fails("429", says(429, sample(t, "error.rate_limited.429"), "x-ratelimit-reset: 30"), una, engine.CodeGatewayRateLimited),
		fails("429 without a header", says(429, sample(t, "error.rate_limited.429")), una, engine.CodeGatewayRateLimited),
		fails("400 missing email", says(400, sample(t, "error.charge.missing_email.400")), una, declined),
		fails("400 missing params", says(400, sample(t, "error.validation.missing_params.400")), una, declined),
		fails("400 with status in quotes", says(400, `{"status":"false","message":"Email is required"}`), una, declined),
		fails("404 readable", says(404, `{"status":false,"message":"Not Found"}`), una, declined),
		fails("422 readable", says(422, `{"status":false,"message":"Amount is invalid","code":"invalid_params"}`), una, declined),
		fails("400 currency", says(400, sample(t, "error.currency_not_supported")), una, engine.CodeGatewayMisconfigured),
		fails("400 no funds", says(400, `{"status":false,"message":"Insufficient funds"}`), dec, engine.CodeInsufficientFunds),
	}...)
}

func TestEveryShapeOfFailureIsClassified(t *testing.T) {
	t.Parallel()
	shapes := chargeShapes(t)
	require.GreaterOrEqual(t, len(shapes), 40)
	for _, s := range shapes {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := misbehave(t, s.Act)
			c := client(t, r.URL, func(c *paystack.Config) { c.Timeout = 300 * time.Millisecond })
			got, err := c.Charge(t.Context(), chargeCall())
			require.Error(t, err)
			require.Empty(t, got)
			require.ErrorIs(t, err, s.Kind, "%v", err)
			require.Equal(t, s.Code, engine.CodeOf(err), "%v", err)
			require.Len(t, r.Requests(), 1, "nothing is ever sent twice")
			require.Equal(t, 1, r.Conns())
		})
	}
}

func TestWhatNeverLeftUsIsUnavailable(t *testing.T) {
	t.Parallel()
	const refusing = "http://127.0.0.1:1" // nobody's: a port just closed may be another test's a moment later

	silent := log.New(io.Discard, "", 0) // the failed handshakes are ours to cause
	trusted := httptest.NewUnstartedServer(nil)
	trusted.Config.ErrorLog = silent
	trusted.StartTLS()
	t.Cleanup(trusted.Close)
	old := httptest.NewUnstartedServer(nil)
	old.Config.ErrorLog = silent
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} //nolint:gosec // an outdated server is the point
	old.StartTLS()
	t.Cleanup(old.Close)
	plain := misbehave(t, func(net.Conn, seen) {})
	mute, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and never speaks TLS
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })

	for name, url := range map[string]string{
		"no such name":       "https://paystack.invalid",
		"nobody listens":     refusing,
		"an unknown CA":      trusted.URL,
		"TLS 1.1":            old.URL,
		"TLS to a plain one": strings.Replace(plain.URL, "http://", "https://", 1),
		"silence for TLS":    "https://" + mute.Addr().String(),
	} {
		c := client(t, url, func(c *paystack.Config) {
			c.Timeout = 300 * time.Millisecond
			if name == "TLS 1.1" {
				c.RootCAs = x509.NewCertPool()
				c.RootCAs.AddCert(old.Certificate())
			}
		})
		_, err := c.Charge(t.Context(), chargeCall())
		require.ErrorIs(t, err, engine.Unavailable, "%s: %v", name, err)
		require.Equal(t, engine.CodeGatewayUnreachable, engine.CodeOf(err), name)
	}
	require.Empty(t, plain.Requests())
}

func TestNoConnectionToSpareIsUnavailable(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	r := misbehave(t, func(conn net.Conn, got seen) {
		close(arrived)
		<-release
		answer(conn, 500, "")
	})
	c := client(t, r.URL, func(c *paystack.Config) { c.MaxConns = 1 })
	first := make(chan error, 1)
	go func() {
		_, err := c.Charge(t.Context(), chargeCall())
		first <- err
	}()
	<-arrived
	_, err := c.Charge(t.Context(), chargeCall())
	close(release)
	require.ErrorIs(t, err, engine.Unavailable)
	require.ErrorIs(t, <-first, engine.Ambiguous)
	require.Len(t, r.Requests(), 1)
}

func TestARateLimitSaysHowLong(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"30": 30 * time.Second, "999999": time.Hour, "-1": 0, "soon": 0} {
		r := misbehave(t, says(429, sample(t, "error.rate_limited.429"), "x-ratelimit-reset: "+header))
		_, err := client(t, r.URL).Charge(t.Context(), chargeCall())
		var limited *paystack.RateLimited
		require.ErrorAs(t, err, &limited)
		require.Equal(t, want, limited.Reset)
	}
}

func TestATransfersRefusalIsReadByItsWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body string
		kind engine.Kind
		code engine.Code
	}{
		{sample(t, "error.transfer.insufficient_balance.400"), dec, engine.CodeFloatLow},
		{`{"status":false,"message":"Your balance is not enough to fulfill this request"}`, dec, engine.CodeFloatLow},
		{sample(t, "error.transfer.invalid_recipient.400"), dec, engine.CodeWalletRejected},
		{`{"status":false,"message":"Account closed"}`, dec, engine.CodeWalletRejected},
		{`{"status":false,"message":"Sorry, we can't make the transfer to this recipient at the moment"}`, dec, engine.CodeWalletRejected},
		{sample(t, "error.transfer.starter_business.400"), dec, engine.CodeGatewayMisconfigured},
		{`{"status":false,"message":"You cannot initiate third party payouts at this time"}`, dec, engine.CodeGatewayMisconfigured},
		{sample(t, "error.transfer.duplicate_reference.400"), amb, engine.CodeDuplicateReference},
		{sample(t, "error.transfer.bulk_duplicate_reference.404"), amb, engine.CodeDuplicateReference},
		{`{"status":false,"message":"Invalid amount passed"}`, una, engine.CodeGatewayDeclined},
		{sample(t, "error.server.500"), amb, engine.CodeGatewayUnreadable}, // code "unknown", at 400
	} {
		r := answering(t, map[string]reply{"/transfer": {400, c.body}})
		call := payoutCall()
		call.Recipient = "RCP_known"
		report, err := client(t, r.URL).Payout(t.Context(), call)
		require.ErrorIs(t, err, c.kind, c.body)
		require.Equal(t, c.code, engine.CodeOf(err), c.body)
		require.Equal(t, engine.PayoutReport{Recipient: "RCP_known"}, report)
	}
}

func TestErrorsTellNoPhoneNoCodeAndNoKey(t *testing.T) {
	t.Parallel()
	body := `{"status":false,"message":"OTP 482913 of 0700000000 (+2250700000000) is wrong for ` + testKey + `"}`
	for _, path := range []string{"/charge", "/charge/submit_otp"} {
		r := answering(t, map[string]reply{path: {400, body}})
		c := client(t, r.URL)
		_, err := c.Charge(t.Context(), chargeCall())
		if path != "/charge" {
			_, err = c.SubmitOTP(t.Context(), engine.OTPCall{Reference: chargeRef, OTP: "482913"})
		}
		require.Error(t, err)
		text := fmt.Sprintf("%v %+v %#v", err, c, c)
		require.NotContains(t, text, "482913")
		require.NotRegexp(t, `\d{5}`, err.Error())
	}
	c := client(t, "http://127.0.0.1:1", func(c *paystack.Config) { c.Key = secret.New("sk_test_canary") })
	_, err := c.Charge(t.Context(), chargeCall())
	require.NotContains(t, fmt.Sprintf("%+v %#v %v %+v", c, c, err, errors.Unwrap(err)), "canary")
}
