package wire

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/secret"
)

const (
	// The longest answer anybody asks for is a list of some 50 objects of 3 KiB; a
	// MiB bounds a gateway gone mad.
	answerBytesMax = 1 << 20
	headerBytesMax = 16 << 10
)

// HostConfig is what a Host needs: all of it.
type HostConfig struct {
	Base    *url.URL       // scheme and host
	RootCAs *x509.CertPool // nil: the system's
	Key     secret.Secret  // sent as a bearer with every request
	Timeout time.Duration  // of one request, when the context's deadline is not sooner
	// MaxConns bounds the POSTs at once, and the GETs at once: more are refused as not
	// sent. Apart, so that no flood of questions takes the place of a charge.
	MaxConns int
	// ResetHeader is the answer's header that says in seconds how long a rate limit
	// lasts; "" when the gateway has none.
	ResetHeader string
}

// Host is where a gateway is asked. It is safe for concurrent use and holds no
// connection between requests, so there is nothing to close.
type Host struct {
	config HostConfig
	key    atomic.Pointer[secret.Secret]
	tls    *tls.Config // nil for plain HTTP
	posts  *fasthttp.HostClient
	asking chan struct{} // a place for each GET
}

// NewHost makes a host; it calls nobody.
func NewHost(config HostConfig) *Host {
	h := &Host{config: config, asking: make(chan struct{}, config.MaxConns)}
	h.SetKey(config.Key)
	if config.Base.Scheme == "https" {
		h.tls = newTLS(config.Base.Hostname(), config.RootCAs)
	}
	h.posts = h.client(context.Background(), config.MaxConns)
	return h
}

// SetKey sends another key from the next request on.
func (h *Host) SetKey(key secret.Secret) { h.key.Store(&key) }

// client makes requests whose connections the caller's cancelling cuts.
func (h *Host) client(caller context.Context, conns int) *fasthttp.HostClient {
	return &fasthttp.HostClient{
		Addr:  fasthttp.AddMissingPort(h.config.Base.Host, h.tls != nil),
		IsTLS: h.tls != nil, DialTimeout: dialing(caller, h.tls), MaxConns: conns,
		// Exactly once. The two settings say the same; either would do.
		MaxIdemponentCallAttempts: 1,
		RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		MaxResponseBodySize:       answerBytesMax, ReadBufferSize: headerBytesMax,
		Name: "cauri", DisablePathNormalizing: true, SecureErrorLogMessage: true,
	}
}

// Phase is how far a request came.
type Phase int

// The phases.
const (
	NotSent  Phase = iota // no byte of it left us
	Sent                  // a byte left us, and no whole answer came
	Answered              // an HTTP answer came, whatever it says
)

// Outcome is all that is known of a request when it is over.
type Outcome struct {
	Phase  Phase
	Err    error         // of the connection, unless answered
	Status int           // HTTP's
	Body   []byte        //
	Reset  time.Duration // when a rate limit ends; 0 when not told
}

// Do sends one request, once: a POST of in as JSON, or a GET when in is nil. A
// POST may move money, so that only its answer or its time ends it; a GET moves
// none and is over as soon as its caller gives it up.
func (h *Host) Do(ctx context.Context, path string, in any) Outcome {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(h.config.Base.Scheme + "://" + h.config.Base.Host + path)
	request.Header.Set("Authorization", "Bearer "+h.key.Load().Reveal())
	request.Header.Set("Accept", "application/json")
	request.SetConnectionClose() // see doc.go, Connections
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return Outcome{Phase: NotSent, Err: err}
		}
		request.Header.SetMethod(fasthttp.MethodPost)
		request.Header.SetContentType("application/json")
		request.SetBodyRaw(body)
	}
	now := time.Now()
	deadline := now.Add(h.config.Timeout)
	if sooner, has := ctx.Deadline(); has && sooner.Before(deadline) {
		deadline = sooner
	}
	if err := ctx.Err(); err != nil || !now.Before(deadline) {
		return Outcome{Phase: NotSent, Err: cmp.Or(err, context.DeadlineExceeded)}
	}
	if err := h.send(ctx, request, response, deadline); err != nil {
		return Outcome{Phase: phaseOf(err), Err: err}
	}
	got := Outcome{Phase: Answered, Status: response.StatusCode(), Body: bytes.Clone(response.Body())}
	if h.config.ResetHeader != "" {
		got.Reset = resetOf(response.Header.Peek(h.config.ResetHeader))
	}
	return got
}

// send makes a POST through the client that all of them share, and a GET through
// one of its own, which knows its caller.
func (h *Host) send(ctx context.Context, request *fasthttp.Request, response *fasthttp.Response, deadline time.Time) error {
	if !request.Header.IsGet() {
		return h.posts.DoDeadline(request, response, deadline)
	}
	select {
	case h.asking <- struct{}{}:
	default:
		return fasthttp.ErrNoFreeConns
	}
	defer func() { <-h.asking }()
	err := h.client(ctx, 1).DoDeadline(request, response, deadline)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%w: %w", ctx.Err(), err) // the caller's doing, and nothing about the gateway
	}
	return err
}

// phaseOf says how far a request came that has no answer.
func phaseOf(err error) Phase {
	var before *unsent
	if errors.As(err, &before) || errors.Is(err, fasthttp.ErrNoFreeConns) {
		return NotSent
	}
	return Sent
}

// resetMax bounds what is believed of a rate limit's window: Paystack's is a
// minute.
const resetMax = time.Hour

// resetOf reads whole seconds; what is none says nothing.
func resetOf(header []byte) time.Duration {
	seconds, err := fasthttp.ParseUint(header)
	if err != nil {
		return 0
	}
	return time.Duration(min(seconds, int(resetMax/time.Second))) * time.Second
}

// Failure is the error of a request that was not answered; nil when it was.
// Unavailable when no byte of it left us, else Ambiguous: part of a request may be
// enough for the other side.
func (o Outcome) Failure(what string) *engine.Error {
	switch o.Phase {
	case NotSent:
		return caused(o.Err, engine.Unavailable, engine.CodeGatewayUnreachable, what+" was not sent")
	case Sent:
		code := engine.CodeGatewayUnreadable
		var timeout net.Error
		if errors.Is(o.Err, fasthttp.ErrTimeout) || (errors.As(o.Err, &timeout) && timeout.Timeout()) {
			code = engine.CodeGatewayTimeout
		}
		return caused(o.Err, engine.Ambiguous, code, what+" was sent and not answered")
	case Answered:
		return nil
	}
	return Unreadable(fmt.Sprintf("%s ended in phase %d", what, o.Phase))
}

func caused(err error, kind engine.Kind, code engine.Code, detail string) *engine.Error {
	return &engine.Error{Kind: kind, Code: code, Detail: detail, Err: err}
}

// Unreadable is the error of an answer that says yes in a way nobody can use.
func Unreadable(why string) *engine.Error {
	return &engine.Error{Kind: engine.Ambiguous, Code: engine.CodeGatewayUnreadable, Detail: why}
}
