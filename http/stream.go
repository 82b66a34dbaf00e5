package http

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// stream is an answer that is made while it is sent. fasthttp reads it in the
// connection's own goroutine, after the handler has returned, and flushes after every
// read: so each has a deadline of its own for its writing, where the server's
// WriteTimeout would be one for all of it.
type stream struct {
	kind string // its media type
	file string // what a browser would save it as
	// next waits for what is to be sent next; io.EOF ends the answer, any other error
	// breaks it off, so that nobody takes a part for the whole.
	next func() ([]byte, error)

	rest   []byte
	extend func() error
	once   sync.Once
	ends   []func()
}

// atItsEnd adds what is to be done when it is over, however it ends.
func (t *stream) atItsEnd(f func()) { t.ends = append(t.ends, f) }

// Read is fasthttp's.
func (t *stream) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		var err error
		if t.rest, err = t.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, t.extend()
}

// Close is fasthttp's, also when the client has gone.
func (t *stream) Close() error {
	t.once.Do(func() {
		for _, f := range t.ends {
			f()
		}
	})
	return nil
}

var _ io.ReadCloser = (*stream)(nil)

// send makes the call's stream the answer. Its connection serves nothing after it: the
// client of a stream comes again on a new one.
func (s *Server) send(ctx *fasthttp.RequestCtx, c *call) {
	if !ctx.Request.Header.IsHTTP11() { // without chunks it could only be sent whole
		_ = c.stream.Close() // it has no error
		s.refuse(ctx, c, engine.Errorf(engine.Invalid, codeRequestUnreadable, "a stream needs HTTP/1.1"))
		return
	}
	c.stream.extend = func() error { return ctx.SetWriteDeadline(time.Now().Add(s.cfg.WriteWithin)) }
	ctx.SetContentType(c.stream.kind)
	if c.stream.file != "" {
		ctx.Response.Header.Set(fasthttp.HeaderContentDisposition, `attachment; filename="`+c.stream.file+`"`)
	}
	ctx.SetConnectionClose()
	ctx.SetBodyStream(c.stream, -1)
	if err := c.stream.extend(); err != nil { // once before the headers: from here on the deadline is ours
		s.log.Debug("a stream's deadline", "request_id", c.id, "error", err)
	}
}

// errDraining breaks an answer off because the server stops.
var errDraining = errors.New("http: the server stops")
