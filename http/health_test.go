package http_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
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
	require.JSONEq(t, `{"ready":true}`, e.adminPage(t, "/readyz"))
	metrics := e.adminPage(t, "/metrics")
	require.Contains(t, metrics, "cauri_inbox_waiting_age_seconds_max 90")
	require.Contains(t, metrics, "cauri_due_age_seconds_max 0")
	require.Contains(t, e.adminPage(t, "/debug/pprof/"), "goroutine")
	require.NotEmpty(t, e.adminPage(t, "/debug/pprof/cmdline"))
}

func TestReadinessNamesWhatIsNotReady(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fail(errors.Join(errors.New("the database does not answer"), errors.New("the due loop is dead")))
	status, body := e.adminAnswer(t, "/readyz")
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"ready":false,"reasons":["the database does not answer","the due loop is dead"]}`, body)
	require.Equal(t, "ok\n", e.adminPage(t, "/healthz"))
	require.NotContains(t, e.adminPage(t, "/metrics"), "inbox_waiting_age_seconds_max ", "not known is not zero")
}

func TestThePublicListenerHasNoAdmin(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/docs", "/schemas/Payment.json", "/"} {
		require.Equal(t, 404, e.do(t, "GET", path, "").status, path)
	}
}
