package http_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

// heard is one message of a stream; a comment has neither name nor data.
type heard struct{ id, event, data string }

// listener is a client of a stream, on a connection of its own.
type listener struct {
	fasthttp.ResponseHeader
	conn  net.Conn
	body  io.Reader
	lines *bufio.Reader
}

func (e *edge) listen(t *testing.T, path string, more ...headers) *listener {
	t.Helper()
	var request fasthttp.Request
	request.SetRequestURI(e.base + path)
	request.Header.Set("Authorization", "Bearer "+platformSecret)
	for _, m := range more {
		for name, value := range m {
			request.Header.Set(name, value)
		}
	}
	conn, err := net.Dial("tcp", e.server.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // closed twice is closed
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = request.WriteTo(conn)
	require.NoError(t, err)
	l, raw := &listener{conn: conn}, bufio.NewReader(conn)
	require.NoError(t, l.Read(raw))
	l.body = httputil.NewChunkedReader(raw)
	l.lines = bufio.NewReader(l.body)
	return l
}

// next is the next message, comments included; io.EOF when the server ended the stream.
func (l *listener) next() (heard, error) {
	var h heard
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return h, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "":
			return h, nil
		case "id":
			h.id = value
		case "event":
			h.event = value
		case "data":
			h.data = value
		case "retry":
			h.event = "retry"
		}
	}
}

func (l *listener) hears(t *testing.T) heard {
	t.Helper()
	for {
		h, err := l.next()
		require.NoError(t, err)
		if h.event != "" && h.event != "retry" {
			return h
		}
	}
}

func (l *listener) ends(t *testing.T) {
	t.Helper()
	for {
		h, err := l.next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		require.Empty(t, h.data, "nothing more was to come")
	}
}

// told is the payment that a message tells.
func (h heard) told(t *testing.T) http.Payment {
	t.Helper()
	require.Equal(t, "payment", h.event)
	require.Empty(t, h.id, "only facts are numbered")
	var p http.Payment
	require.NoError(t, json.Unmarshal([]byte(h.data), &p), h.data)
	return p
}

// held brings a payment to its hold: one event.
func (e *edge) held(t *testing.T, booking string) http.Payment {
	t.Helper()
	e.gateway = onPhone
	p := e.initiated(t, booking)
	require.Equal(t, 200, e.deliver(t, successBody(t, strings.TrimPrefix(p.ID, "pay_")+"-c1", 15000)).status)
	return p
}

func TestAStreamTellsWhatWasAndThenWhatHappens(t *testing.T) {
	t.Parallel()
	e := start(t)
	p := e.held(t, "bk_1")
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	require.Equal(t, 200, l.StatusCode())
	require.Equal(t, "text/event-stream; charset=utf-8", string(l.Peek("Content-Type")))
	require.Equal(t, "no-store", string(l.Peek("Cache-Control")))
	require.Equal(t, "no", string(l.Peek("X-Accel-Buffering")))
	retry, err := l.next()
	require.NoError(t, err)
	require.Equal(t, "retry", retry.event)

	require.Equal(t, heard{"1", "payment.received", `{"seq":1,"type":"payment.received"}`}, l.hears(t))
	held := l.hears(t).told(t)
	require.Equal(t, engine.HoldHeld, held.Hold.Status)
	require.Equal(t, "+225 07****01", held.Phone)

	e.command(t, idOf(t, p), engine.ConfirmDelivery{})
	released := l.hears(t)
	require.Equal(t, "2", released.id)
	require.Equal(t, "escrow.released", released.event)
	require.Greater(t, l.hears(t).told(t).Version, held.Version)
}

func TestAStreamGoesOnWhereItWasLost(t *testing.T) {
	t.Parallel()
	e := start(t)
	p := e.held(t, "bk_1")
	e.command(t, idOf(t, p), engine.ConfirmDelivery{})
	for _, l := range []*listener{
		e.listen(t, "/v1/payments/"+p.ID+"/events", headers{"Last-Event-ID": "1"}),
		e.listen(t, "/v1/payments/"+p.ID+"/events?last_event_id=1"),
		e.listen(t, "/v1/payments/"+p.ID+"/events?last_event_id=0", headers{"Last-Event-ID": "1"}),
	} {
		require.Equal(t, "escrow.released", l.hears(t).event)
		require.Equal(t, engine.HoldReleased, l.hears(t).told(t).Hold.Status)
	}
	ahead := e.listen(t, "/v1/payments/"+p.ID+"/events?last_event_id=99")
	require.Equal(t, p.ID, ahead.hears(t).told(t).ID, "what never was is not waited for")
}

func TestAStreamEndsWithThePaymentAndIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	require.Equal(t, "processing", l.hears(t).told(t).Status)
	e.fails(t, p)
	failed := l.hears(t)
	require.Equal(t, "payment.failed", failed.event)
	require.Equal(t, "failed", l.hears(t).told(t).Status)
	l.ends(t)
	again := e.do(t, "GET", "/v1/payments/"+p.ID+"/events", "", headers{"Last-Event-ID": failed.id})
	require.Equal(t, 204, again.status, "an EventSource stops at that")
	require.Empty(t, again.body)
	late := e.listen(t, "/v1/payments/"+p.ID+"/events")
	require.Equal(t, "payment.failed", late.hears(t).event, "who has seen nothing is told all of it")
	require.Equal(t, "failed", late.hears(t).told(t).Status)
	late.ends(t)
	require.Eventually(t, func() bool { return e.watching(idOf(t, p)) == 0 }, 10*time.Second, time.Millisecond)
}

func TestAStreamIsRefusedAsAnyReadIs(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	path := "/v1/payments/" + p.ID + "/events"
	require.Equal(t, 404, e.do(t, "GET", path, "", headers{"Authorization": "Bearer " + rivalSecret}).status)
	require.Equal(t, 401, e.do(t, "GET", path, "", headers{"Authorization": "Bearer x"}).status)
	require.Equal(t, 404, e.do(t, "GET", "/v1/payments/nothing/events", "").status)
	for _, id := range []string{"x", "-1", "99999999999"} {
		a := e.do(t, "GET", path, "", headers{"Last-Event-ID": id})
		require.Equal(t, 422, a.status, id)
		require.Equal(t, "header.Last-Event-ID", a.problem(t).Errors[0].Field)
	}
	old, err := net.Dial("tcp", e.server.Addr())
	require.NoError(t, err)
	defer func() { _ = old.Close() }() // read to its end
	_, err = io.WriteString(old, "GET "+path+" HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer "+platformSecret+"\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(old)
	require.NoError(t, err)
	require.Contains(t, string(answer), " 400 ", "without chunks it could only be sent whole")
	require.Zero(t, e.watching(idOf(t, p)))
}

// Whatever limits a connection has, a stream is not cut off by them; and a hint that was
// lost costs a heartbeat, not the news.
func TestAStreamOutlivesTheServersLimitsAndLostHints(t *testing.T) {
	t.Parallel()
	const limit = 100 * time.Millisecond
	e := start(t, func(c *http.Config) {
		c.ReadWithin, c.WriteWithin, c.IdleWithin, c.Within.Read, c.BeatEvery = limit, limit, limit, limit, limit/4
	})
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	l.hears(t)
	for range 20 { // five times every limit
		h, err := l.next()
		require.NoError(t, err)
		require.Empty(t, h.event)
	}
	id, command := e.declined(t, p)
	e.unheard(t, id, command)
	require.Equal(t, "payment.failed", l.hears(t).event)
}

func TestAClientThatHasGoneIsNoticed(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.BeatEvery = 5 * time.Millisecond })
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	l.hears(t)
	require.Equal(t, 1, e.watching(idOf(t, p)))
	require.NoError(t, l.conn.Close())
	require.Eventually(t, func() bool { return e.watching(idOf(t, p)) == 0 }, 10*time.Second, time.Millisecond)
}

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.WriteWithin, c.BeatEvery = 50*time.Millisecond, 5*time.Millisecond })
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	id := idOf(t, p)
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	l.hears(t)
	require.Eventually(t, func() bool {
		e.swell(id) // a megabyte at a time, until nothing between us takes more
		return e.watching(id) == 0
	}, 20*time.Second, 5*time.Millisecond)
}

func TestStoppingEndsEveryStream(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	l.hears(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e.client.CloseIdleConnections()
	require.NoError(t, e.server.Stop(ctx))
	l.ends(t)
}

// What can't be read ends the stream: its client comes again with what it has seen.
func TestAStreamThatCantBeReadEnds(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	l := e.listen(t, "/v1/payments/"+p.ID+"/events")
	l.hears(t)
	e.fail(engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "away"))
	e.hint(idOf(t, p))
	_, err := l.next()
	require.Error(t, err)
	require.Eventually(t, func() bool { return e.watching(idOf(t, p)) == 0 }, 10*time.Second, time.Millisecond)
	e.fail(nil)
}

func TestNobodyTakesAllTheStreams(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	mine := "/v1/payments/" + e.initiated(t, "bk_1").ID + "/events"
	rival := headers{"Authorization": "Bearer " + rivalSecret}
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"booking_id": "bk_2"}), key("k"), rival)
	theirs := "/v1/payments/" + a.payment(t).ID + "/events"
	const half = (4096/16 - 4) / 2
	for range half {
		require.Equal(t, 200, e.listen(t, mine).StatusCode())
	}
	one := e.do(t, "GET", mine, "")
	require.Equal(t, 429, one.status)
	require.NotEmpty(t, one.header("Retry-After"))
	require.Equal(t, engine.Code("too_many_at_once"), one.problem(t).Code)
	last := []*listener{}
	for range half {
		last = append(last, e.listen(t, theirs, rival))
		require.Equal(t, 200, last[len(last)-1].StatusCode(), "the other half is for others")
	}
	require.Equal(t, 503, e.do(t, "GET", theirs, "", rival).status, "all of them are taken")
	require.Equal(t, 200, e.do(t, "GET", strings.TrimSuffix(mine, "/events"), "").status, "other reads have places of their own")
}

// A payer is not told of the talent's wage, nor a talent of what the payer tried.
func TestAStreamTellsEachTheirOwnPart(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	payer, talent := tokenFor(t, "usr_1", "bk_1"), tokenOf(t, engine.RoleTalent, "tl_1")
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("tap-1"), payer)
	p := a.payment(t)
	path := "/v1/payments/" + p.ID
	require.Equal(t, 200, e.deliver(t, successBody(t, strings.TrimPrefix(p.ID, "pay_")+"-c1", 15000)).status)
	require.Equal(t, 200, e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", key("tap-2"), payer).status)

	heardBy := func(who headers) (kinds []string, last http.Payment) {
		l := e.listen(t, path+"/events", who)
		for {
			h := l.hears(t)
			if h.event == "payment" {
				return kinds, h.told(t)
			}
			kinds = append(kinds, h.event)
		}
	}
	kinds, last := heardBy(payer)
	require.Equal(t, []string{"payment.received"}, kinds)
	require.Nil(t, last.Payout)
	kinds, last = heardBy(talent)
	require.Equal(t, []string{"payment.received", "escrow.released"}, kinds)
	require.Empty(t, last.Phone)
	kinds, _ = heardBy(headers{})
	require.Equal(t, []string{"payment.received", "escrow.released"}, kinds)
}
