package wire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/secret"
	"github.com/bookmi/cauri/gateways/wire"
)

func hostOf(t *testing.T, address string) *wire.Host {
	t.Helper()
	key := secret.New("sk_test_fixture")
	base, err := wire.Origin(address, key, false)
	require.NoError(t, err)
	return wire.NewHost(wire.HostConfig{Base: base, Key: key, Timeout: 5 * time.Second, MaxConns: 4, ResetHeader: "x-reset"})
}

func TestARequestIsSentOnceAndItsOutcomeIsAllThatIsKnown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("x-reset", r.URL.Query().Get("reset"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(server.Close)
	h := hostOf(t, server.URL)
	got := h.Do(t.Context(), "/a?reset=30", map[string]int{"b": 1})
	require.Equal(t, wire.Outcome{
		Phase: wire.Answered, Status: 418, Body: []byte(`POST /a Bearer sk_test_fixture {"b":1}`), Reset: 30 * time.Second,
	}, got)
	require.Nil(t, got.Failure("a"))
	require.Equal(t, "GET /a Bearer sk_test_fixture ", string(h.Do(t.Context(), "/a", nil).Body))
	for told, want := range map[string]time.Duration{"99999999": time.Hour, "-1": 0, "soon": 0, "": 0, "1.5": 0} {
		require.Equal(t, want, h.Do(t.Context(), "/a?reset="+told, nil).Reset, told)
	}
}

func TestWhatNeverLeftUsIsUnavailable(t *testing.T) {
	t.Parallel()
	h := hostOf(t, "http://127.0.0.1:1")
	given, cancel := context.WithCancel(t.Context())
	cancel()
	for name, got := range map[string]wire.Outcome{
		"nobody listens":       h.Do(t.Context(), "/a", nil),
		"a call given up":      h.Do(given, "/a", nil),
		"a body that is none":  h.Do(t.Context(), "/a", func() {}),
		"a phase of no moment": {Err: io.EOF},
	} {
		require.Equal(t, wire.NotSent, got.Phase, name)
		failure := got.Failure("charge")
		require.Equal(t, engine.Unavailable, failure.Kind, name)
		require.Equal(t, engine.CodeGatewayUnreachable, failure.Code, name)
		require.ErrorIs(t, failure, got.Err)
	}
	require.Equal(t, engine.Ambiguous, wire.Outcome{Phase: wire.Sent, Err: io.EOF}.Failure("charge").Kind)
	require.Equal(t, engine.Ambiguous, wire.Outcome{Phase: 9}.Failure("charge").Kind, "a phase nobody listed proves nothing")
}

func TestABaseURLIsSchemeAndHost(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string][2]bool{ // with a test key, with a live one
		"https://api.example.com": {true, true}, "https://api.example.com/": {true, true}, "http://api.example.com": {true, false},
		"https://api.example.com/v1": {false, false}, "https://me@api.example.com": {false, false}, "https://": {false, false},
		"ftp://api.example.com": {false, false}, "https://api.example.com?x": {false, false}, "://": {false, false},
	} {
		for i, live := range []bool{false, true} {
			_, err := wire.Origin(address, secret.New("sk_canary"), live)
			require.Equal(t, fine[i], err == nil, address)
		}
	}
	_, err := wire.Origin("https://api.example.com", secret.New("canary\r\nX-Evil: 1"), true)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
}
