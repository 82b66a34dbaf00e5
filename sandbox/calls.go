package sandbox

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// Request is a call, copied out of fasthttp's buffers: nothing of theirs leaves
// the handler.
type Request struct {
	Method string
	Path   string
	Arg    string // what stands for :name in the route
	Query  url.Values
	Body   []byte
	Form   url.Values
	Key    string // the bearer's
	Domain string // of the key
	Host   string
	IP     string
}

// Base is where a browser reaches us: the public address if there is one, else
// the host of this request.
func (r *Request) Base(public string) string {
	if public != "" {
		return strings.TrimSuffix(public, "/")
	}
	return "http://" + r.Host
}

// Answer is what a call gets. A Body of type [Raw] is written as it is.
type Answer struct {
	Code   int
	Body   any
	Header map[string]string
}

// Raw is a body that is JSON already, or is not meant to be.
type Raw []byte

// Arrival is an API call as it came in.
type Arrival struct {
	At        time.Time
	Method    string
	Path      string
	Operation string // the name faults know it by
	Reference string // what it is about, as far as it says so
	Body      []byte // the caller may keep it
}

// Route is a documented path of a gateway. Operation names it in faults and
// arrivals.
type Route struct {
	Operation string
	method    string
	segments  []string
	serve     func(*Request) Answer
}

// At makes a route; a segment :name takes anything. Earlier routes win.
func At(method, path, operation string, serve func(*Request) Answer) Route {
	return Route{operation, method, strings.Split(path, "/")[1:], serve}
}

// match finds the route of a path and what stands for its :name.
func match(routes []Route, method, path string) (found *Route, arg string) {
	got := strings.Split(strings.TrimSuffix(path, "/"), "/")[1:]
	for i := range routes {
		r := &routes[i]
		if r.method != method || len(r.segments) != len(got) {
			continue
		}
		arg, fits := "", true
		for j, want := range r.segments {
			switch {
			case strings.HasPrefix(want, ":") && got[j] != "":
				arg = got[j]
			case want != got[j]:
				fits = false
			}
		}
		if fits {
			return r, arg
		}
	}
	return nil, ""
}

// Dialect is what a gateway's calls and refusals look like.
type Dialect struct {
	Routes    []Route
	Domain    func(key string) string                // of one of its keys; empty for any other
	Reference func(*Request) string                  // what a call is about
	Restate   func(body []byte, amount int64) []byte // the same answer with another amount; 0: one unit too much
	NoPath    Answer
	NoKey     Answer
	Broken    Answer // its 5xx
	TooMany   Answer // its 429
}

// Handler serves the gateway's paths at the root, and the sandbox's own below
// /sandbox/. Before Start and after Stop it answers 503.
func (h *Host) Handler() fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if !h.running.Load() {
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
			return
		}
		r := copyRequest(ctx)
		switch {
		case strings.HasPrefix(r.Path, ownPaths):
			h.serveOwn(ctx, r)
		case h.cutting.Load():
			cut(ctx)
		default:
			h.serveAPI(ctx, r)
		}
	}
}

func copyRequest(ctx *fasthttp.RequestCtx) *Request {
	// A query that can't be parsed has the pairs that could be.
	query, _ := url.ParseQuery(string(ctx.URI().QueryString()))
	key, bearer := strings.CutPrefix(string(ctx.Request.Header.Peek("Authorization")), "Bearer ")
	if !bearer {
		key = ""
	}
	form := url.Values{}
	for name, value := range ctx.PostArgs().All() {
		form.Add(string(name), string(value))
	}
	return &Request{
		Method: string(ctx.Method()), Path: string(ctx.Path()), Query: query, Body: bytes.Clone(ctx.PostBody()),
		Form: form, Key: key, Host: string(ctx.Host()), IP: ctx.RemoteIP().String(),
	}
}

// serveAPI is the way of every call: it arrives, something may go wrong before,
// it is done, something may go wrong after.
func (h *Host) serveAPI(ctx *fasthttp.RequestCtx, r *Request) {
	route, arg := match(h.cfg.Routes, r.Method, r.Path)
	if route == nil {
		write(ctx, h.cfg.NoPath)
		return
	}
	r.Arg = arg
	h.cfg.OnArrival(Arrival{
		At: h.cfg.Clock.Now(), Method: r.Method, Path: r.Path, Operation: route.Operation,
		Reference: h.cfg.Reference(r), Body: bytes.Clone(r.Body),
	})
	faults := h.cfg.Faults.Call(route.Operation)
	for _, fault := range faults {
		if fault.Kind == Latency {
			h.wait(time.Duration(fault.LatencyMillis) * time.Millisecond)
		}
	}
	for _, fault := range faults {
		early := fault.When == Before || fault.Kind == RateLimited || fault.Kind == Unauthorized
		if early && h.spoil(ctx, fault, Answer{}) {
			return
		}
	}
	a := h.cfg.NoKey
	if r.Domain = h.cfg.Domain(r.Key); r.Domain != "" {
		a = route.serve(r)
	}
	if h.cutting.Load() { // it went dark while we worked
		cut(ctx)
		return
	}
	for _, fault := range faults {
		if fault.Kind == WrongAmount {
			a.Body = Raw(h.cfg.Restate(marshal(a.Body), fault.Amount))
		}
	}
	for _, fault := range faults {
		if fault.When == After && h.spoil(ctx, fault, a) {
			return
		}
	}
	write(ctx, a)
}

// spoil answers as a fault wants; false if this fault does not replace answers.
func (h *Host) spoil(ctx *fasthttp.RequestCtx, fault Fault, a Answer) bool {
	switch fault.Kind {
	case ErrorAnswer:
		write(ctx, h.cfg.Broken)
	case Cut:
		cut(ctx)
	case RateLimited:
		write(ctx, h.cfg.TooMany)
	case Unauthorized:
		write(ctx, h.cfg.NoKey)
	case Malformed:
		body := marshal(a.Body)
		write(ctx, Answer{Code: fasthttp.StatusOK, Body: Raw(body[:len(body)/2])})
	case HTML:
		ctx.SetStatusCode(fasthttp.StatusBadGateway)
		ctx.SetContentType("text/html")
		ctx.SetBodyString("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>")
	default:
		return false
	}
	return true
}

func write(ctx *fasthttp.RequestCtx, a Answer) {
	ctx.SetStatusCode(a.Code)
	ctx.SetContentType("application/json")
	for name, value := range a.Header {
		ctx.Response.Header.Set(name, value)
	}
	if a.Code != fasthttp.StatusNoContent {
		ctx.SetBody(marshal(a.Body))
	}
}

func marshal(body any) []byte {
	if as, is := body.(Raw); is {
		return as
	}
	out, err := json.Marshal(body)
	if err != nil {
		panic("sandbox: an answer that is not JSON: " + err.Error()) // our own types
	}
	return out
}

// cut ends the connection without an answer.
func cut(ctx *fasthttp.RequestCtx) {
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(net.Conn) {}) // it is closed when this returns
}

// wait holds an answer back, no longer than the host lives.
func (h *Host) wait(d time.Duration) {
	fires, release := h.cfg.Clock.Alarm(h.cfg.Clock.Now().Add(d))
	defer release()
	select {
	case <-fires:
	case <-h.stopped:
	}
}
