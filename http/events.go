package http

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

const (
	// streamFor is how long a stream lives; the client comes again with what it has seen.
	// It bounds for how long a key or a token that no longer counts goes on being told:
	// 252 streams are asked anew at most once a second. The spread keeps those that were
	// cut off together from coming back together.
	streamFor    = 5 * time.Minute
	streamSpread = time.Minute

	// comeAgainAfter is when an EventSource reconnects, in milliseconds.
	comeAgainAfter = 2_000

	// eventsPerRead bounds what one read of the outbox holds: 100 × 0.5 KiB. A payment
	// has a dozen events in its life.
	eventsPerRead = 100

	eventsType = "text/event-stream"
)

// streamEvents is GET /v1/payments/{id}/events: what happened to a payment and what
// happens next, as Server-Sent Events. Those with an id are the facts of the outbox,
// numbered from 1 and read from the database, so that none is missed across a lost
// connection (Last-Event-ID); "payment" is the payment as GET tells it, whenever it
// changed, and has no id.
//
// It ends when nothing more is to come, and whoever comes again then is told 204: an
// EventSource stops at that.
func (s *Server) streamEvents(ctx *fasthttp.RequestCtx, c *call) {
	within := contextFrom(ctx)
	public, _ := ctx.UserValue("id").(string) // the router's: the path has it
	st, err := s.ownPayment(within, c, public)
	if err != nil {
		s.refuse(ctx, c, err)
		return
	}
	seen, told, err := lastEventID(ctx)
	if err != nil {
		s.refuse(ctx, c, err)
		return
	}
	t := st.Transaction
	if told && t.Terminal() && seen >= t.EventSeq {
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return
	}
	leave, err := s.classes.stream.share(c.principal)
	if err != nil {
		s.refuse(ctx, c, err)
		return
	}
	hint, unsubscribe := s.ports.Feed.Subscribe(t.ID)
	e := &eventStream{
		server: s, call: c, id: t.ID, seen: min(seen, t.EventSeq), look: true, hint: hint,
		beat: time.NewTicker(s.cfg.BeatEvery),
		over: time.NewTimer(streamFor + rand.N(streamSpread)), //nolint:gosec // jitter, not a secret
	}
	e.out.WriteString("retry: " + strconv.Itoa(comeAgainAfter) + "\n\n")
	c.stream = &stream{kind: eventsType + "; charset=utf-8", next: e.next}
	for _, end := range []func(){leave, unsubscribe, e.beat.Stop, func() { e.over.Stop() }} {
		c.stream.atItsEnd(end)
	}
	ctx.Response.Header.Set("X-Accel-Buffering", "no") // nginx would keep it until it is large enough
}

// lastEventID is the last event the client has: the header of a browser that comes
// again, or the parameter of one that can't set it.
func lastEventID(ctx *fasthttp.RequestCtx) (seen int, told bool, err error) {
	given, field := ctx.Request.Header.Peek("Last-Event-ID"), "header.Last-Event-ID"
	if len(given) == 0 {
		given, field = ctx.QueryArgs().Peek("last_event_id"), "query.last_event_id"
	}
	if len(given) == 0 {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(string(given), 10, 31)
	if err != nil {
		return 0, false, engine.Errorf(engine.Invalid, codeFieldMalformed, "the id of an event of this stream").At(field)
	}
	return int(n), true, nil //nolint:gosec // 31 bits
}

// eventStream is one client's stream. All of it happens in its connection's goroutine.
type eventStream struct {
	server *Server
	call   *call
	id     engine.ID

	seen    int    // the last event sent
	version int    // of the payment as sent last
	shown   []byte // of it
	look    bool   // there may be news
	ended   bool   // there is nothing more to come

	hint <-chan struct{}
	beat *time.Ticker
	over *time.Timer
	out  bytes.Buffer
}

// next is stream's. A heartbeat is sent even when there is nothing to say: only a write
// that fails tells that the client has gone. It is also a look, because a hint may be lost.
func (e *eventStream) next() ([]byte, error) {
	for {
		if e.look {
			e.look = false
			if err := e.read(); err != nil {
				return nil, err
			}
		}
		if e.out.Len() > 0 {
			news := bytes.Clone(e.out.Bytes())
			e.out.Reset()
			return news, nil
		}
		if e.ended {
			return nil, io.EOF
		}
		select {
		case _, open := <-e.hint:
			if e.look = true; !open {
				e.hint = nil // the feed is gone; the heartbeats remain
			}
		case <-e.beat.C:
			e.look = true
			e.out.WriteString(":\n\n")
		case <-e.over.C:
			return nil, io.EOF
		case <-e.server.drain:
			return nil, io.EOF
		}
	}
}

// concerns reports that a fact is the role's to know: a payer is not told what becomes
// of the talent's wage, nor a talent what the payer tried. Their numbers have gaps then.
func concerns(role engine.Role, kind engine.EventKind) bool {
	about, _, _ := strings.Cut(string(kind), ".")
	switch role {
	case engine.RolePayer:
		return about == "payment" || about == "refund"
	case engine.RoleTalent:
		return about == "escrow" || about == "payout" || kind == engine.PaymentReceived
	case engine.RolePlatform, engine.RoleSupport, engine.RoleFinance, engine.RoleAdmin:
		return true
	}
	return false
}

// read writes what is new: first the events, then what the payment has become. What
// can't be read just now ends the stream: the client comes again, and is told.
func (e *eventStream) read() error {
	ctx, cancel := context.WithTimeout(e.server.base, e.server.cfg.Within.Read)
	defer cancel()
	st, err := e.server.ports.Reports.Payment(ctx, e.id)
	if err != nil {
		return fmt.Errorf("a stream of events: %w", err)
	}
	t := st.Transaction
	if t.EventSeq > e.seen {
		events, err := e.server.ports.Reports.Events(ctx, e.id, e.seen, eventsPerRead)
		if err != nil {
			return fmt.Errorf("a stream of events: %w", err)
		}
		for _, event := range events {
			e.seen = event.Seq
			if !concerns(e.call.principal.Role, event.Kind) {
				continue
			}
			fmt.Fprintf(&e.out, "id: %d\nevent: %s\ndata: %s\n\n", event.Seq, event.Kind, event.Payload)
		}
		if len(events) == eventsPerRead {
			e.look = true // there may be more: what the payment has become comes after them
			return nil
		}
	}
	if shown := e.server.shown(e.call, st); t.Version > e.version && !bytes.Equal(shown, e.shown) {
		told, err := encode(e.server.paymentFor(e.call, st))
		if err != nil {
			return err
		}
		fmt.Fprintf(&e.out, "event: payment\ndata: %s\n", told) // which ends with its newline
		e.version, e.shown = t.Version, shown
	}
	e.ended = t.Terminal() && e.seen >= t.EventSeq
	return nil
}
