package http_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

func idOf(t *testing.T, p http.Payment) engine.ID {
	t.Helper()
	id, err := engine.ParsePublicID(engine.PaymentPrefix, p.ID)
	require.NoError(t, err)
	return id
}

// declined is what the gateway says, asked, of a payment that is over.
func (e *edge) declined(t *testing.T, p http.Payment) (engine.ID, engine.Command) {
	t.Helper()
	reference, err := engine.ParseReference(p.Reference)
	require.NoError(t, err)
	return reference.Transaction, engine.RecordInquiry{Reference: reference, AskedAt: e.now, Charge: &engine.ChargeReport{
		Status: engine.ChargeFailed, Code: engine.CodeInsufficientFunds, GatewayReference: "gw-1",
	}}
}

// fails ends a payment.
func (e *edge) fails(t *testing.T, p http.Payment) {
	t.Helper()
	id, command := e.declined(t, p)
	e.command(t, id, command)
}

// aside does one request beside the test, which waits until the server waits.
func (e *edge) aside(t *testing.T, id engine.ID, path string, more ...headers) func() answerOf {
	t.Helper()
	return e.beside(t, id, 1, path, more...)
}

// beside does so where others watch the payment too: so many are they then.
func (e *edge) beside(t *testing.T, id engine.ID, watching int, path string, more ...headers) func() answerOf {
	t.Helper()
	var got answerOf
	var caller sync.WaitGroup
	caller.Go(func() { got = e.do(t, "GET", path, "", more...) })
	require.Eventually(t, func() bool { return e.watching(id) == watching }, 10*time.Second, time.Millisecond)
	return func() answerOf {
		caller.Wait()
		return got
	}
}

func TestAWaitEndsWithTheNextChange(t *testing.T) {
	t.Parallel()
	for name, knows := range map[string]struct {
		query, tag string
	}{
		"who knows nothing waits for the next one": {},
		"who names a version, for a newer one":     {query: "&since_version=%d"},
		"who names a tag, too":                     {tag: `W/"%d-fr"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.gateway = onPhone
			p := e.initiated(t, "bk_1")
			version := fmt.Sprint(p.Version)
			wait := e.aside(t, idOf(t, p), "/v1/payments/"+p.ID+"?wait=25s"+strings.ReplaceAll(knows.query, "%d", version),
				headers{"If-None-Match": strings.ReplaceAll(knows.tag, "%d", version)})
			e.fails(t, p)
			a := wait()
			require.Equal(t, 200, a.status, "%s", a.body)
			require.Equal(t, "failed", a.payment(t).Status)
			require.Greater(t, a.payment(t).Version, p.Version)
			require.Equal(t, fmt.Sprintf(`W/"%d-fr"`, a.payment(t).Version), a.header("Etag"))
			require.Zero(t, e.watching(idOf(t, p)))
		})
	}
}

func TestWhatIsNewIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	require.Greater(t, p.Version, 1)
	for _, c := range []struct {
		query string
		more  headers
	}{
		{query: "?wait=25s&since_version=1"},
		{query: "?wait=25s", more: headers{"If-None-Match": `W/"1-en"`}},
		{query: fmt.Sprintf("?wait=0s&since_version=%d", p.Version)},
		{query: "?wait=0ms"},
	} {
		a := e.do(t, "GET", "/v1/payments/"+p.ID+c.query, "", c.more)
		require.Equal(t, 200, a.status, "%s", a.body)
		require.Equal(t, p.Version, a.payment(t).Version)
	}
	e.fails(t, p)
	over := e.do(t, "GET", "/v1/payments/"+p.ID+"?wait=25s", "")
	require.Equal(t, "failed", over.payment(t).Status, "nothing more is to come, so nobody waits for it")
}

// The server's limits are for reading a request and for writing an answer: what lies
// between them is the handler's.
func TestAWaitSurvivesEveryLimitOfTheConnection(t *testing.T) {
	t.Parallel()
	const limit = 150 * time.Millisecond
	e := start(t, func(c *http.Config) { c.ReadWithin, c.WriteWithin, c.IdleWithin = limit, limit, limit })
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	a := e.do(t, "GET", fmt.Sprintf("/v1/payments/%s?wait=%dms&since_version=%d", p.ID, (4*limit).Milliseconds(), p.Version), "")
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Equal(t, p.Version, a.payment(t).Version, "over it, the payment is answered as it is")
}

// A version counts every commit, also that a gateway was asked and knew nothing new.
func TestWhatNobodyCanSeeEndsNoWaitAndIsNoEvent(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	id := idOf(t, p)
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	require.Equal(t, "payment", l.hears(t).event)
	wait := e.beside(t, id, 2, fmt.Sprintf("/v1/payments/%s?wait=25s&since_version=%d", p.ID, p.Version))
	for range 3 {
		e.stir(id)
	}
	e.fails(t, p)
	require.Equal(t, "failed", wait().payment(t).Status)
	require.Equal(t, "payment.failed", l.hears(t).event)
}

func TestAnUnchangedPaymentIsNotToldAgain(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	first := e.do(t, "GET", "/v1/payments/"+p.ID, "")
	tag := headers{"If-None-Match": first.header("Etag")}
	same := e.do(t, "GET", "/v1/payments/"+p.ID, "", tag)
	require.Equal(t, 304, same.status)
	require.Empty(t, same.body)
	require.Equal(t, 304, e.do(t, "GET", "/v1/payments/"+p.ID+"?wait=20ms", "", tag).status)
	require.Equal(t, 304, e.do(t, "GET", "/v1/payments/"+p.ID, "", headers{"If-None-Match": `"x", ` + first.header("Etag")}).status)
	require.Equal(t, 200, e.do(t, "GET", "/v1/payments/"+p.ID, "", tag, headers{"Accept-Language": "en"}).status, "another text")
	e.fails(t, p)
	require.Equal(t, 200, e.do(t, "GET", "/v1/payments/"+p.ID, "", tag).status)
}

func TestAWaitThatCantBeReadIsRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	for _, query := range []string{"wait=soon", "wait=-1s", "wait=1h", "wait=25", "wait=1.5s", "since_version=0", "since_version=x"} {
		a := e.do(t, "GET", "/v1/payments/"+p.ID+"?"+query, "")
		require.Equal(t, 422, a.status, query)
		name, _, _ := strings.Cut(query, "=")
		require.Equal(t, "query."+name, a.problem(t).Errors[0].Field)
	}
	theirs := e.do(t, "GET", "/v1/payments/"+p.ID+"?wait=25s", "", headers{"Authorization": "Bearer " + rivalSecret})
	require.Equal(t, 404, theirs.status, "nobody waits for what is not theirs")
}

func TestStoppingEndsEveryWait(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	wait := e.aside(t, idOf(t, p), "/v1/payments/"+p.ID+"?wait=25s")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e.client.CloseIdleConnections()
	require.NoError(t, e.server.Stop(ctx), "it does not wait for the 25 s")
	a := wait()
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Equal(t, p.Version, a.payment(t).Version)
}

// A database that is away for a moment does not end a wait: it is read again.
func TestAWaitOutlivesAReadThatFails(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	id := idOf(t, p)
	wait := e.aside(t, id, "/v1/payments/"+p.ID+"?wait=25s")
	e.fail(engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "away"))
	before := e.readsSoFar()
	e.hint(id)
	require.Eventually(t, func() bool { return e.readsSoFar() > before }, 10*time.Second, time.Millisecond)
	e.fail(nil)
	e.fails(t, p)
	a := wait()
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Equal(t, "failed", a.payment(t).Status)
}
