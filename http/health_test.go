package http_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/http"
)

func (e *edge) adminAnswer(t *testing.T, path string) (int, string) {
	t.Helper()
	status, body, err := e.client.Get(nil, e.admin+path)
	require.NoError(t, err)
	return status, string(body)
}

func (e *edge) adminPage(t *testing.T, path string) string {
	t.Helper()
	status, body := e.adminAnswer(t, path)
	require.Equal(t, fasthttp.StatusOK, status, body)
	return body
}

func TestTheAdminListenerTellsHowThingsAre(t *testing.T) {
	t.Parallel()
	e := start(t)
	require.Equal(t, "ok\n", e.adminPage(t, "/healthz"))
	require.True(t, readyz(t, e.adminPage(t, "/readyz")).Ready)
	metrics := e.adminPage(t, "/metrics")
	require.Contains(t, metrics, "cauri_inbox_waiting_age_seconds_max 90")
	require.Contains(t, metrics, "cauri_due_age_seconds_max 0")
	require.Contains(t, e.adminPage(t, "/debug/pprof/"), "goroutine")
	require.NotEmpty(t, e.adminPage(t, "/debug/pprof/symbol"))
	status, _ := e.adminAnswer(t, "/debug/pprof/cmdline")
	require.Equal(t, 404, status, "a developer's secret may stand on the command line")
}

func TestReadinessNamesWhatIsNotReady(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fail(errors.Join(errors.New("the database does not answer"), errors.New("the due loop is dead")))
	status, body := e.adminAnswer(t, "/readyz")
	require.Equal(t, 503, status)
	told := readyz(t, body)
	require.False(t, told.Ready)
	require.Equal(t, []string{"the database does not answer", "the due loop is dead"}, told.Reasons)
	require.Equal(t, "ok\n", e.adminPage(t, "/healthz"))
	require.NotContains(t, e.adminPage(t, "/metrics"), "inbox_waiting_age_seconds_max ", "not known is not zero")
}

func readyz(t *testing.T, body string) http.Readiness {
	t.Helper()
	var out http.Readiness
	require.NoError(t, json.Unmarshal([]byte(body), &out), body)
	return out
}

func TestAGatewayThatIsDownIsShownAndIsNotOurReadiness(t *testing.T) {
	t.Parallel()
	e := start(t)
	until := time.Date(2026, 1, 15, 21, 0, 0, 0, time.UTC)
	shown := []http.Breaker{
		{
			Gateway: engine.FedaPay, Class: "collect", State: "open", RetryAfterMS: 1200,
			Forced: &http.Forced{By: "awa", Why: "maintenance", Until: until},
		},
		{Gateway: engine.Paystack, Class: "verify", State: "closed"},
	}
	e.looks(engine.Health{Resting: []engine.Gateway{engine.FedaPay}, Down: []phone.Operator{phone.Wave}}, shown...)
	told := readyz(t, e.adminPage(t, "/readyz"))
	require.True(t, told.Ready)
	require.Equal(t, shown, told.Breakers)
	require.Equal(t, []engine.Gateway{engine.FedaPay}, told.Resting)
	require.Equal(t, []phone.Operator{phone.Wave}, told.OperatorsDown)
	require.Len(t, told.Routes, len(engine.DefaultRoutes()))
	off := 0
	for _, r := range told.Routes {
		if r.Off != "" {
			off++
		}
	}
	require.NotZero(t, off, "a route that is off says why")
}

func TestThePublicListenerHasNoAdmin(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/schemas/Payment.json", "/"} {
		require.Equal(t, 404, e.do(t, "GET", path, "").status, path)
	}
}
