package paystack_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
)

func TestAWrongConfigurationIsRefusedWithoutItsKey(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]paystack.Config{
		"no key":              {},
		"a public key":        {Key: secret.New("pk_live_canary")},
		"a key of two lines":  {Key: secret.New("sk_test_canary\r\nX-Evil: 1")},
		"live over plain":     {Key: secret.New("sk_live_canary"), BaseURL: "http://api.paystack.co"},
		"another scheme":      {Key: secret.New("sk_test_canary"), BaseURL: "ftp://api.paystack.co"},
		"a path":              {Key: secret.New("sk_test_canary"), BaseURL: "https://api.paystack.co/v2"},
		"a user":              {Key: secret.New("sk_test_canary"), BaseURL: "https://me@api.paystack.co"},
		"no host":             {Key: secret.New("sk_test_canary"), BaseURL: "https://"},
		"no such phone style": {Key: secret.New("sk_test_canary"), PhoneFormat: "roman"},
		"no such OTP reading": {Key: secret.New("sk_test_canary"), OTPRefusal: "ignore"},
		"a plain way back":    {Key: secret.New("sk_test_canary"), ReturnURL: "http://shop.example.com"},
		"a way back of ours":  {Key: secret.New("sk_live_canary"), ReturnURL: "http://127.0.0.1/back"},
		"a negative timeout":  {Key: secret.New("sk_test_canary"), Timeout: -1},
	} {
		_, err := paystack.New(config)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "canary", name)
	}
}

func TestTheKeySaysWhetherMoneyIsLive(t *testing.T) {
	t.Parallel()
	for key, live := range map[string]bool{"sk_live_x": true, "sk_test_x": false} {
		c, err := paystack.New(paystack.Config{Key: secret.New(key)})
		require.NoError(t, err)
		require.Equal(t, live, c.Live())
	}
}

func TestTLSIsCheckedAndWorks(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = w.Write([]byte(about(t, "charge.create.response.pending", chargeRef, nil)))
	}))
	t.Cleanup(server.Close)
	c := client(t, server.URL, func(c *paystack.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(server.Certificate())
	})
	for range 3 {
		report, err := c.Charge(t.Context(), chargeCall())
		require.NoError(t, err)
		require.Equal(t, engine.ChargePending, report.Status)
	}
	require.EqualValues(t, 3, calls.Load())
}

func TestEveryCallHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	// The server would keep each connection: a client that used one again would
	// find the rogue closing it and its charge in doubt.
	r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pending", chargeRef, nil)}})
	c := client(t, r.URL)
	const calls = 5
	for range calls {
		_, err := c.Charge(t.Context(), chargeCall())
		require.NoError(t, err)
	}
	require.Equal(t, calls, r.Conns())
}

func TestTheContextsDeadlineIsTheCalls(t *testing.T) {
	t.Parallel()
	r := misbehave(t, hangs)
	c := client(t, r.URL, func(c *paystack.Config) { c.Timeout = time.Hour })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := c.Charge(ctx, chargeCall())
	require.Less(t, time.Since(begun), 5*time.Second)
	require.ErrorIs(t, err, engine.Ambiguous)
	require.Equal(t, engine.CodeGatewayTimeout, engine.CodeOf(err))
}

func TestACallAlreadyGivenUpIsNotSent(t *testing.T) {
	t.Parallel()
	r := misbehave(t, hangs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client(t, r.URL).Charge(ctx, chargeCall())
	require.ErrorIs(t, err, engine.Unavailable)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, r.Conns())
}

func TestTheObserverHearsOfEveryCall(t *testing.T) {
	t.Parallel()
	type heard struct {
		op   paystack.Operation
		code engine.Code
	}
	var calls []heard
	r := misbehave(t, func(conn net.Conn, got seen) {
		if got.Path == "/charge" {
			answer(conn, 503, "")
			return
		}
		answer(conn, 400, sample(t, "error.transaction_not_found.400"))
	})
	c := client(t, r.URL, func(c *paystack.Config) {
		c.Observer.Called = func(op paystack.Operation, failure *engine.Error, took time.Duration) {
			require.Positive(t, took)
			code := engine.Code("")
			if failure != nil {
				code = failure.Code
			}
			calls = append(calls, heard{op, code})
		}
	})
	_, err := c.Charge(t.Context(), chargeCall())
	require.Error(t, err)
	_, err = c.InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef})
	require.NoError(t, err)
	require.Equal(t, []heard{
		{paystack.OpCharge, engine.CodeGatewayServerError},
		{paystack.OpVerify, engine.CodeGatewayDeclined},
		{paystack.OpCheck, engine.CodeGatewayDeclined},
	}, calls)
}
