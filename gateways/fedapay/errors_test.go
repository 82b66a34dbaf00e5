package fedapay_test

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
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/gatewaytest"
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

	unreadable = engine.CodeGatewayUnreadable
	duplicate  = engine.CodeDuplicateReference
	declined   = engine.CodeGatewayDeclined
)

// anyStep are answers that mean the same to a create and to a start. ok is what
// the step's success looks like.
func anyStep(t *testing.T, ok string) []shape {
	t.Helper()
	no := sample(t, "error_400_operation_not_allowed")
	return append(gatewaytest.Unanswered(ok), []shape{
		// It said yes, unusably.
		fails("200 of nothing", says(200, "{}"), amb, unreadable),
		fails("200 with a message alone", says(200, sample(t, "error_message_only")), amb, unreadable),
		fails("200 with a wrapper of null", says(200, `{"v1/transaction":null,"v1/payment_intent":null}`), amb, unreadable),
		fails("200 with a wrapper of text", says(200, `{"v1/transaction":"ok","v1/payment_intent":"ok"}`), amb, unreadable),

		// It said something else.
		fails("307", says(307, no, "Location: http://127.0.0.1:1/v1"), amb, unreadable),
		fails("402", says(402, no), amb, unreadable),
		fails("405", says(405, no), amb, unreadable),
		fails("408", says(408, no), amb, unreadable),
		fails("409", says(409, no), amb, unreadable),
		fails("418", says(418, no), amb, unreadable),
		fails("500 naming a field", says(500, sample(t, "error_validation")), amb, engine.CodeGatewayServerError),
		fails("500 of nothing", says(500, "{}"), amb, engine.CodeGatewayServerError),

		// It said no, but not in a way that proves anything.
		fails("400 of nothing", says(400, "{}"), amb, unreadable),
		fails("400 with a message that is no text", says(400, `{"message":{"fr":"non"}}`), amb, unreadable),
		fails("400 half", writes("HTTP/1.1 400 Bad Request\r\nContent-Length: 90\r\n\r\n{\"message\":\"no"), amb, unreadable),

		// The whitelist: provably not done.
		fails("400 not allowed", says(400, no), una, declined),
		fails("400 with a message", says(400, sample(t, "error_message_only")), una, declined),
		fails("400 with an error", says(400, `{"error":"no"}`), una, declined),
		fails("401", says(401, sample(t, "error_message_only")), una, engine.CodeGatewayUnauthorized),
		fails("403", says(403, no), una, engine.CodeGatewayMisconfigured),
		fails("404 readable", says(404, no), una, declined),
		fails("422 naming a field", says(422, sample(t, "error_validation")), una, declined),
		fails("429", says(429, no), una, engine.CodeGatewayRateLimited),
	}...)
}

func createShapes(t *testing.T) []shape {
	t.Helper()
	made := func(fields map[string]any) func(net.Conn, seen) {
		return says(200, about(t, "transaction_create.response", fields))
	}
	return append(anyStep(t, about(t, "transaction_create.response", nil)), []shape{
		fails("without an id", made(map[string]any{"id": nil}), amb, unreadable),
		fails("with an id that is a path", made(map[string]any{"id": "../payouts"}), amb, unreadable),
		fails("about another reference", made(map[string]any{"merchant_reference": "ORD-1"}), amb, unreadable),
		fails("about another amount", made(map[string]any{"amount": 1_500_000}), amb, unreadable),
		fails("about a part of a franc more", made(map[string]any{"amount": 15000.5}), amb, unreadable),
		fails("about one that was asked already", made(map[string]any{"mode": "mtn_ci"}), amb, engine.CodeDuplicateReference),
		fails("about one that is paid", made(map[string]any{"status": "approved"}), amb, engine.CodeDuplicateReference),
	}...)
}

func startShapes(t *testing.T) []shape {
	t.Helper()
	return append(anyStep(t, sample(t, "direct_payment.response")), []shape{
		fails("without a status", says(200, `{"v1/payment_intent":{"reference":"trx_fOg_1763805600047"}}`), amb, unreadable),
		fails("about another", says(200, `{"v1/payment_intent":{"reference":"trx_another","status":"pending"}}`), amb, unreadable),
		fails("as of 2018", says(200, `{"message":"success"}`), amb, unreadable),
	}...)
}

func TestEveryShapeOfFailureIsClassified(t *testing.T) {
	t.Parallel()
	// What the one look finds: nothing of the create; of the start, a transaction
	// nobody was asked to pay.
	nothing := reply{404, `{"message":"Ressource introuvable"}`}
	shell := reply{200, about(t, "transaction_get_pending.response", nil)}
	for _, step := range []struct {
		path   string
		looks  reply
		shapes []shape
	}{{createPath, nothing, createShapes(t)}, {startPath, shell, startShapes(t)}} {
		require.GreaterOrEqual(t, len(step.shapes), 40)
		for _, s := range step.shapes {
			t.Run(step.path+" "+s.Name, func(t *testing.T) {
				t.Parallel()
				answers := accepting(t, map[string]reply{findPath: step.looks})
				r := misbehave(t, func(conn net.Conn, got seen) {
					if got.Path == step.path {
						s.Act(conn, got)
						return
					}
					answer(conn, answers[got.Path].status, answers[got.Path].body)
				})
				c := client(t, r.URL, func(c *fedapay.Config) { c.Timeout = 400 * time.Millisecond })
				got, err := c.Charge(t.Context(), chargeCall())
				require.Error(t, err)
				require.Empty(t, got)
				require.ErrorIs(t, err, s.Kind, "%v", err)
				require.Equal(t, s.Kind, engine.GatewayError(err).Kind)
				if s.Kind == amb {
					require.NotErrorIs(t, err, una, "an error has one kind")
				}
				require.Equal(t, s.Code, engine.CodeOf(err), "%v", err)
				require.Len(t, r.To(step.path), 1, "nothing is ever sent twice")
			})
		}
	}
}

// The rule that keeps a payer from paying twice: a no is believed only when a
// look finds it true.
func TestARefusalIsBelievedOnlyAfterALook(t *testing.T) {
	t.Parallel()
	found := func(fields map[string]any) reply {
		return reply{200, about(t, "transaction_get_pending.response", fields)}
	}
	none := reply{404, `{"message":"Ressource introuvable"}`}
	shown := listing(t)
	asked := found(map[string]any{"mode": "mtn_ci"})
	paid := found(map[string]any{"status": "approved"})
	another := found(map[string]any{"merchant_reference": "x"})
	refusals := map[string]reply{
		"400": {400, sample(t, "error_400_operation_not_allowed")}, "422": {422, sample(t, "error_validation")},
		"429": {429, ""}, "404": {404, `{"message":"non"}`}, "403": {403, `{"message":"non"}`},
	}
	for name, c := range map[string]struct {
		path    string
		answers map[string]reply
		kind    engine.Kind
		code    engine.Code // "" = the refusal's own
	}{
		"create: nothing there":               {createPath, map[string]reply{findPath: none}, una, ""},
		"create: it is there":                 {createPath, map[string]reply{findPath: found(nil)}, amb, engine.CodeDuplicateReference},
		"create: the look fails":              {createPath, map[string]reply{findPath: {503, ""}}, amb, unreadable},
		"create: the look is refused too":     {createPath, map[string]reply{findPath: {429, ""}}, amb, unreadable},
		"create: the look is a proxy's":       {createPath, map[string]reply{findPath: {404, "<html>"}}, amb, unreadable},
		"create: the list fails":              {createPath, map[string]reply{findPath: none, searchPath: {500, ""}}, amb, unreadable},
		"create: not found, listed":           {createPath, map[string]reply{findPath: none, searchPath: shown}, amb, duplicate},
		"token: nobody was asked":             {tokenPath, map[string]reply{findPath: found(nil)}, una, ""},
		"token: it has gone":                  {tokenPath, map[string]reply{findPath: none}, amb, unreadable},
		"start: nobody was asked":             {startPath, map[string]reply{findPath: found(nil)}, una, ""},
		"start: the payer was asked":          {startPath, map[string]reply{findPath: asked}, amb, unreadable},
		"start: it is paid":                   {startPath, map[string]reply{findPath: paid}, amb, unreadable},
		"start: it has gone":                  {startPath, map[string]reply{findPath: none}, amb, unreadable},
		"start: the look fails":               {startPath, map[string]reply{findPath: {500, ""}}, amb, unreadable},
		"start: the look finds another":       {startPath, map[string]reply{findPath: another}, amb, unreadable},
		"start: the look is not of the shape": {startPath, map[string]reply{findPath: {200, `{"v1/transaction":[]}`}}, amb, unreadable},
	} {
		for status, refusal := range refusals {
			t.Run(name+" "+status, func(t *testing.T) {
				t.Parallel()
				answers := accepting(t, c.answers)
				if c.path == tokenPath {
					answers[createPath] = reply{200, about(t, "transaction_create.response", map[string]any{"payment_token": nil})}
				}
				answers[c.path] = refusal
				r := answering(t, answers)
				got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
				require.Empty(t, got)
				require.ErrorIs(t, err, c.kind, "%v", err)
				require.Equal(t, c.kind, engine.GatewayError(err).Kind)
				if c.code != "" {
					require.Equal(t, c.code, engine.CodeOf(err))
				}
				require.Len(t, r.To(c.path), 1)
				require.Len(t, r.To(findPath), 1, "one look")
			})
		}
	}
}

// listing is FedaPay's list with our transaction in it.
func listing(t *testing.T) reply {
	t.Helper()
	return reply{200, strings.Replace(sample(t, "transactions_search.response"), "att_01JD9Z0M7W", chargeRef.String(), 1)}
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
		"no such name":       "https://fedapay.invalid",
		"nobody listens":     refusing,
		"an unknown CA":      trusted.URL,
		"TLS 1.1":            old.URL,
		"TLS to a plain one": strings.Replace(plain.URL, "http://", "https://", 1),
		"silence for TLS":    "https://" + mute.Addr().String(),
	} {
		c := client(t, url, func(c *fedapay.Config) {
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
	r := misbehave(t, func(conn net.Conn, _ seen) {
		close(arrived)
		<-release
		answer(conn, 500, "")
	})
	c := client(t, r.URL, func(c *fedapay.Config) { c.MaxConns = 1 })
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

func TestErrorsTellNoPhoneAndNoKey(t *testing.T) {
	t.Parallel()
	refusal := reply{422, `{"message":"0500000000 (+2250500000000)","errors":{"number":["0500000000 est invalide"]}}`}
	r := answering(t, accepting(t, map[string]reply{startPath: refusal, findPath: refusal}))
	c := client(t, r.URL)
	_, err := c.Charge(t.Context(), chargeCall())
	require.Error(t, err)
	require.NotRegexp(t, `\d{5}`, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)))
	c = client(t, "http://127.0.0.1:1", func(c *fedapay.Config) { c.Key = secret.New("sk_sandbox_canary") })
	_, err = c.Charge(t.Context(), chargeCall())
	require.NotContains(t, fmt.Sprintf("%+v %#v %v %+v", c, c, err, errors.Unwrap(err)), "canary")
}
