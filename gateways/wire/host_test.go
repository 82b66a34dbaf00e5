package wire_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/wire"
	"github.com/bookmi/cauri/internal/secret"
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

// silence is a gateway that takes connections and never says a word. What it
// sends is how often it was reached.
func silence(t *testing.T) (address string, reached <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	met := make(chan struct{}, 8)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() { // a byte of the request, then whatever comes until it is closed
				_, _ = io.ReadFull(conn, make([]byte, 1))
				met <- struct{}{}
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); done.Wait() })
	return "http://" + listener.Addr().String(), met
}

func TestAQuestionIsOverWhenItsCallerGivesItUpAndAPostIsNot(t *testing.T) {
	t.Parallel()
	address, reached := silence(t)
	key := secret.New("sk_test_fixture")
	base, err := wire.Origin(address, key, false)
	require.NoError(t, err)
	h := wire.NewHost(wire.HostConfig{Base: base, Key: key, Timeout: time.Second, MaxConns: 4})
	giveUp := func(in any) (wire.Outcome, time.Duration) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answered := make(chan wire.Outcome, 1)
		go func() { answered <- h.Do(ctx, "/a", in) }()
		<-reached
		begun := time.Now()
		cancel()
		return <-answered, time.Since(begun)
	}
	asked, took := giveUp(nil)
	require.Less(t, took, time.Second/2)
	require.Equal(t, wire.Sent, asked.Phase)
	failure := asked.Failure("banks")
	require.Equal(t, engine.Ambiguous, failure.Kind)
	require.ErrorIs(t, failure, context.Canceled, "our own doing, and nothing about the gateway")

	posted, took := giveUp(struct{}{})
	require.Greater(t, took, time.Second/2, "it may have moved money: only its answer or its time ends it")
	require.Equal(t, engine.CodeGatewayTimeout, posted.Failure("charge").Code)
}

func TestADeadlineOfAQuestionIsATimeOut(t *testing.T) {
	t.Parallel()
	address, _ := silence(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	failure := hostOf(t, address).Do(ctx, "/a", nil).Failure("verify")
	require.Equal(t, engine.CodeGatewayTimeout, failure.Code)
	require.NotErrorIs(t, failure, context.Canceled)
}

func TestQuestionsTakeNoPlaceOfACharge(t *testing.T) {
	t.Parallel()
	address, reached := silence(t)
	key := secret.New("sk_test_fixture")
	base, err := wire.Origin(address, key, false)
	require.NoError(t, err)
	h := wire.NewHost(wire.HostConfig{Base: base, Key: key, Timeout: 200 * time.Millisecond, MaxConns: 1})
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan wire.Outcome, 1)
	go func() { answered <- h.Do(ctx, "/a", nil) }()
	<-reached
	require.Equal(t, wire.NotSent, h.Do(t.Context(), "/b", nil).Phase, "one question too many")
	require.Equal(t, wire.Sent, h.Do(t.Context(), "/c", struct{}{}).Phase)
	cancel()
	<-answered
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
