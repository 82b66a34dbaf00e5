package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// call is one request, with what every handler is told about it. Nothing in it
// points into fasthttp's buffers.
type call struct {
	id        string // the request's, on every answer and log line
	language  language
	from      netip.Addr // the client's, past proxies of ours
	principal engine.Principal
	route     string // the row's path, never the path as sent
	class     string

	transaction engine.ID     // for the log, once it is known
	rest        time.Duration // what whoever it waits for takes at least, when that is known
	retryAfter  int           // seconds; set with the answer
	replayed    bool          // the answer was given before
	stream      *stream       // instead of a body, when the answer is made while it is sent
}

type callKey struct{}

// callOf finds the call in a context the middleware made. Operations do not use
// it: described hands them the call as an argument.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// contextKey is where a request's context waits for the Huma adapter.
type contextKey struct{}

// serve is the first and the last thing to see a public request.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	c := s.begin(ctx)
	defer s.finish(ctx, c, time.Now())
	if err := inspect(ctx); err != nil {
		ctx.SetConnectionClose()
		s.refuse(ctx, c, err)
		return
	}
	s.router.Handler(ctx)
}

// unreadable is fasthttp's ErrorHandler: what could not be read as a request is
// answered as any other fault is, and the connection closes.
func (s *Server) unreadable(ctx *fasthttp.RequestCtx, err error) {
	c := s.begin(ctx)
	defer s.finish(ctx, c, time.Now())
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &small):
		err = engine.Errorf(engine.Invalid, codeHeadersTooLarge, "the request line and headers have at most %d bytes", headerBytesMax)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		err = engine.Errorf(engine.Invalid, codeBodyTooLarge, "at most %d bytes; webhooks %d", apiBodyBytesMax, webhookBodyBytesMax)
	case errors.As(err, &network) && network.Timeout():
		err = engine.Errorf(engine.Invalid, codeRequestTimeout, "a request arrives within %s", s.cfg.ReadWithin)
	default:
		err = engine.Errorf(engine.Invalid, codeRequestUnreadable, "this is not HTTP/1.1 as RFC 9112 has it")
	}
	s.refuse(ctx, c, err)
}

func (s *Server) begin(ctx *fasthttp.RequestCtx) *call {
	c := &call{
		id:       requestID(ctx.Request.Header.Peek("X-Request-Id")),
		language: languageOf(string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptLanguage))),
		from:     s.client(ctx), route: "unmatched", class: "none",
	}
	ctx.SetUserValue(callKey{}, c)
	return c
}

// guard is what stands before every handler of the table: a place in its class,
// a known principal, and a deadline.
func (s *Server) guard(r *route, handler fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		c := callFrom(ctx)
		k := r.class
		c.route, c.class = r.path, k.name
		if err := k.enter(); err != nil {
			s.refuse(ctx, c, err)
			return
		}
		defer func() { // of the class it is in by then
			if c.stream == nil {
				k.leave()
				return
			}
			c.stream.atItsEnd(k.leave)
			s.send(ctx, c)
		}()
		if err := s.admit(ctx, c, r.who); err != nil {
			s.refuse(ctx, c, err)
			return
		}
		if special := s.classOf(k, ctx); special != k {
			c.class = special.name
			if err := special.enter(); err != nil {
				s.refuse(ctx, c, err)
				return
			}
			k.leave()
			k = special
		}
		// Derived from the server's own context: a client that hangs up cancels
		// nothing, and whoever keeps this context keeps nothing of fasthttp's.
		within, cancel := context.WithTimeout(context.WithValue(s.base, callKey{}, c), k.within)
		defer cancel()
		ctx.SetUserValue(contextKey{}, within)
		handler(ctx)
	}
}

func (s *Server) admit(ctx *fasthttp.RequestCtx, c *call, who access) error {
	if who.open == "" {
		principal, err := s.authenticate(&ctx.Request.Header)
		if engine.KindOf(err) == engine.Overloaded {
			return err // we can't tell: that is no fault of theirs
		}
		if err != nil {
			return s.failed(c, err)
		}
		c.principal = principal
		if err := s.limitPrincipal(c); err != nil {
			return err
		}
		if err := who.admits(principal); err != nil {
			return err
		}
		if err := refuseCardNumber(ctx); err != nil {
			return err
		}
	}
	if who.open == anybody.open {
		return s.limitAddress(c)
	}
	if len(ctx.Request.Header.ContentEncoding()) > 0 {
		return engine.Errorf(engine.Invalid, codeEncodingRefused, "send the body as it is")
	}
	return nil
}

// finish turns a bug into a 500 (one request fails, the server does not), puts on
// what every answer wears, and records it.
func (s *Server) finish(ctx *fasthttp.RequestCtx, c *call, began time.Time) {
	if broken := recover(); broken != nil {
		s.log.Error("panic", "request_id", c.id, "route", c.route, "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
		ctx.Response.Reset()
		s.refuse(ctx, c, engine.Errorf(engine.Internal, engine.CodeInternal, "a bug of ours"))
	}
	h := &ctx.Response.Header
	h.Set("X-Request-Id", c.id)
	h.Set(fasthttp.HeaderCacheControl, "no-store")
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	if !c.replayed { // an answer said again is in the language it was said in
		h.Set(fasthttp.HeaderContentLanguage, c.language.String())
	}
	h.Set(fasthttp.HeaderVary, fasthttp.HeaderAcceptLanguage)
	if c.retryAfter > 0 {
		h.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(c.retryAfter))
	}
	if ctx.Response.StatusCode() == fasthttp.StatusUnauthorized && c.class != "webhook" {
		h.Set(fasthttp.HeaderWWWAuthenticate, `Bearer realm="cauri"`)
	}
	s.record(ctx, c, began)
}

// record writes the access log and the metrics: never a query, a header, a body
// or a path as sent, which may hold anything.
func (s *Server) record(ctx *fasthttp.RequestCtx, c *call, began time.Time) {
	took, status := time.Since(began), ctx.Response.StatusCode()
	s.metrics.requests.WithLabelValues(c.route, strconv.Itoa(status)).Inc()
	s.metrics.seconds.WithLabelValues(c.class).Observe(took.Seconds())
	level := slog.LevelInfo
	if status == fasthttp.StatusOK && (c.class == "webhook" || c.class == "admin") {
		level = slog.LevelDebug // thousands a second, and the inbox has each of them; probes
	}
	if status == fasthttp.StatusTooManyRequests {
		level = slog.LevelDebug // cauri_rate_limited_total counts them: a flood is not to fill a disk
	}
	if !s.log.Enabled(s.base, level) {
		return
	}
	facts := []slog.Attr{
		slog.String("request_id", c.id), slog.String("method", method(ctx)), slog.String("route", c.route),
		slog.Int("status", status), slog.Float64("milliseconds", float64(took.Microseconds())/1000),
		slog.Int("body_bytes", len(ctx.Request.Body())), slog.String("from", c.from.String()),
	}
	if c.principal.Role != "" {
		facts = append(facts, slog.String("principal", c.principal.Name()), slog.String("key", c.principal.KeyID))
	}
	if !c.transaction.IsZero() {
		facts = append(facts, slog.String("transaction", c.transaction.String()))
	}
	s.log.LogAttrs(s.base, level, "request", facts...)
}

// method names the standard methods; anything else is the sender's invention.
func method(ctx *fasthttp.RequestCtx) string {
	switch m := string(ctx.Method()); m {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodPost, fasthttp.MethodPut,
		fasthttp.MethodPatch, fasthttp.MethodDelete, fasthttp.MethodOptions:
		return m
	}
	return "other"
}

func callFrom(ctx *fasthttp.RequestCtx) *call {
	if c, ok := ctx.UserValue(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

func contextFrom(ctx *fasthttp.RequestCtx) context.Context {
	within, _ := ctx.UserValue(contextKey{}).(context.Context) // guard has set it: mount wraps every handler in it
	return within
}

const (
	requestIDMin = 8
	requestIDMax = 64
)

// requestID keeps the caller's own id when it is one, so that its logs and ours
// meet; else it makes one.
func requestID(sent []byte) string {
	plain := func(r rune) bool { return !strings.ContainsRune(idAlphabet, r) }
	if id := string(sent); len(id) >= requestIDMin && len(id) <= requestIDMax && !strings.ContainsFunc(id, plain) && !holdsCardNumber(sent) {
		return id
	}
	id, err := newID()
	if err != nil {
		return "unknown"
	}
	return id.String()
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-"

// newID makes a UUIDv7: in time order on insert (docs/adr/0005).
func newID() (engine.ID, error) {
	id, err := uuid.NewV7()
	return engine.ID(id), err
}
