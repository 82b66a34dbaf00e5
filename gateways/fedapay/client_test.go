package fedapay_test

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
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/internal/secret"
)

func TestAWrongConfigurationIsRefusedWithoutItsKey(t *testing.T) {
	t.Parallel()
	key := secret.New("sk_sandbox_canary")
	for name, config := range map[string]fedapay.Config{
		"no key":                  {},
		"a public key":            {Key: secret.New("pk_live_canary")},
		"another gateway's key":   {Key: secret.New("sk_test_canary")},
		"a key of two lines":      {Key: secret.New("sk_sandbox_canary\r\nX-Evil: 1")},
		"live over plain":         {Key: secret.New("sk_live_canary"), BaseURL: "http://127.0.0.1:1"},
		"live at the sandbox":     {Key: secret.New("sk_live_canary"), BaseURL: fedapay.SandboxURL},
		"sandbox at live":         {Key: key, BaseURL: fedapay.LiveURL},
		"another scheme":          {Key: key, BaseURL: "ftp://sandbox-api.fedapay.com"},
		"a path":                  {Key: key, BaseURL: "https://sandbox-api.fedapay.com/v1"},
		"a user":                  {Key: key, BaseURL: "https://me@sandbox-api.fedapay.com"},
		"no host":                 {Key: key, BaseURL: "https://"},
		"no such phone style":     {Key: key, PhoneFormat: "roman"},
		"a negative timeout":      {Key: key, Timeout: -1},
		"a mode that is a path":   {Key: key, Modes: map[phone.Operator]string{phone.MTN: "../payouts"}},
		"a mode of nothing":       {Key: key, Modes: map[phone.Operator]string{phone.MTN: ""}},
		"a failure of no code":    {Key: key, OperatorFailures: []string{""}},
		"a country of words":      {Key: key, Country: "Côte d'Ivoire"},
		"a plain way back":        {Key: key, ReturnURL: "http://shop.example.com"},
		"a way back that is none": {Key: key, ReturnURL: "javascript:alert(1)"},
	} {
		_, err := fedapay.New(config)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "canary", name)
	}
}

func TestTheKeySaysWhetherMoneyIsLive(t *testing.T) {
	t.Parallel()
	for key, live := range map[string]bool{"sk_live_x": true, "sk_sandbox_x": false} {
		c, err := fedapay.New(fedapay.Config{Key: secret.New(key)})
		require.NoError(t, err)
		require.Equal(t, live, c.Live())
	}
}

func TestTLSIsCheckedAndWorks(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.URL.Path == createPath {
			_, _ = w.Write([]byte(about(t, "transaction_create.response", nil)))
			return
		}
		_, _ = w.Write([]byte(sample(t, "direct_payment.response")))
	}))
	t.Cleanup(server.Close)
	c := client(t, server.URL, func(c *fedapay.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(server.Certificate())
	})
	for range 3 {
		report, err := c.Charge(t.Context(), chargeCall())
		require.NoError(t, err)
		require.Equal(t, engine.ChargeOnPhone, report.Status)
	}
	require.EqualValues(t, 6, calls.Load())
}

func TestEveryCallHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	// The server would keep each connection: a client that used one again would
	// find the rogue closing it and its charge in doubt.
	r := answering(t, accepting(t, nil))
	c := client(t, r.URL)
	const calls = 5
	for range calls {
		_, err := c.Charge(t.Context(), chargeCall())
		require.NoError(t, err)
	}
	require.Equal(t, 2*calls, r.Conns(), "a create and a start each")
}

func TestTheContextsDeadlineIsTheCalls(t *testing.T) {
	t.Parallel()
	r := misbehave(t, hangs)
	c := client(t, r.URL, func(c *fedapay.Config) { c.Timeout = time.Hour })
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
		op   fedapay.Operation
		code engine.Code
	}
	var calls []heard
	r := misbehave(t, func(conn net.Conn, got seen) {
		switch got.Path {
		case createPath:
			answer(conn, 503, "")
		case searchPath:
			answer(conn, 200, sample(t, "transactions_search.response"))
		default:
			answer(conn, 404, `{"message":"Ressource introuvable"}`)
		}
	})
	c := client(t, r.URL, func(c *fedapay.Config) {
		c.Observer.Called = func(op fedapay.Operation, failure *engine.Error, took time.Duration) {
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
		{fedapay.OpCreate, engine.CodeGatewayServerError},
		{fedapay.OpFind, engine.CodeGatewayDeclined},
		{fedapay.OpSearch, ""},
	}, calls)
}
