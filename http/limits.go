package http

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

const (
	// A webhook is under 8 KiB in every sample we hold; 64 leaves room and still
	// bounds a flood (S-11).
	webhookBodyBytesMax = 64 << 10

	// The largest request of the API is under 1 KiB; 256 is S-11's bound, for
	// operations to come.
	apiBodyBytesMax = 256 << 10

	// headerBytesMax bounds the request line and headers together: a bearer key,
	// an idempotency key of 255 and a phone's usual headers take under 2 KiB.
	headerBytesMax = 8 << 10

	// connectionsMax × (8 KiB of buffer + 256 KiB of body) is 1 GiB at the very
	// worst, and 40 MiB with the bodies there really are.
	connectionsMax = 4096

	// connectionsPerAddress keeps one address from taking them all (doors). A platform's
	// back end and a gateway use a handful; behind one address of an operator's network
	// are many phones, each with one.
	connectionsPerAddress = 64

	// webhooksMax is how many webhooks may be under way: 1,280, the gate's limit of
	// commands of all kinds. Payments stop at 70 % of it, so that webhooks are shed last.
	webhooksMax = connectionsMax * 5 / 16

	// exportsMax bounds the tables that are being sent: each has one read of the
	// database under way, four of the twelve connections that reads have.
	exportsMax = 4

	// phonePlacesMax is how many waits, and how many streams, one payer or talent may
	// have: a phone shows one payment, and a stream it has lost is noticed within two
	// heartbeats. Platforms and staff may take half of all.
	phonePlacesMax = 4

	// requestsPerConnection makes long-lived connections move on, so that a
	// balancer can spread them again.
	requestsPerConnection = 1000
)

// class is what kinds of requests share: how long one may take and how many may
// be under way. The sums stay within connectionsMax, so that no class can starve
// another; the gate before the actors does the finer work.
type class struct {
	name      string
	within    time.Duration
	inFlight  atomic.Int64
	flightMax int64

	mu     sync.Mutex
	shares map[string]int // places of each principal that has some: at most flightMax entries
}

// classes are one server's.
type classes struct{ webhook, money, read, list, public, wait, stream, export *class }

func newClasses(within Within) classes {
	return classes{
		// What the gate before the actors lets in, all of it: one more would be read and
		// verified only to be turned away there.
		webhook: &class{name: "webhook", within: within.Webhook, flightMax: webhooksMax},
		// Each may wait patienceMax for its gateway: 1024 / 3 s is 341 new payments
		// a second from gateways at their slowest.
		money:  &class{name: "money", within: within.Money, flightMax: connectionsMax / 4},
		read:   &class{name: "read", within: within.Read, flightMax: connectionsMax / 8},
		list:   &class{name: "list", within: within.Read, flightMax: connectionsMax / 8},
		public: &class{name: "public", within: within.Read, flightMax: connectionsMax / 8},
		// Phones that wait for a payment to change, each for up to waitMax: 512 of them look
		// 100 times a second (watchEvery) when nothing happens. One more polls instead.
		wait: &class{name: "wait", within: within.Wait, flightMax: connectionsMax / 8},
		// Streams last for minutes and look as rarely: 252 do so 17 times a second. What is
		// left of the connections, after the tables below, is theirs.
		stream: &class{name: "stream", within: within.Read, flightMax: connectionsMax/16 - exportsMax},
		export: &class{name: "export", within: within.Export, flightMax: exportsMax},
	}
}

// classOf is the class a request belongs to that came in by its route's: a read that
// waits, or a list that is wanted as a whole table, must not take the places of those
// that are over in milliseconds. There are few of theirs, so that who may not is turned
// away before one is taken.
func (s *Server) classOf(k *class, ctx *fasthttp.RequestCtx) *class {
	csv := func() bool {
		return wantsCSV(string(ctx.QueryArgs().Peek("format")), string(ctx.Request.Header.Peek(fasthttp.HeaderAccept)))
	}
	switch {
	case k == s.classes.list && csv():
		return s.classes.export
	case k == s.classes.read && len(ctx.QueryArgs().Peek("wait")) > 0:
		return s.classes.wait
	}
	return k
}

// enter takes a place in the class, or returns an Overloaded error. leave gives
// it back.
func (k *class) enter() error {
	if k.inFlight.Add(1) > k.flightMax {
		k.inFlight.Add(-1)
		return engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "too many %s requests are under way", k.name)
	}
	return nil
}

func (k *class) leave() { k.inFlight.Add(-1) }

// share takes one of the places a principal may have in the class, so that one of them
// leaves room for others. The func gives it back.
func (k *class) share(p engine.Principal) (func(), error) {
	most := max(int(k.flightMax)/2, 1)
	if p.Role == engine.RolePayer || p.Role == engine.RoleTalent {
		most = min(most, phonePlacesMax)
	}
	name := p.Name()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shares[name] >= most {
		return nil, engine.Errorf(engine.Overloaded, codeTooManyAtOnce, "at most %d of these requests of yours at once", most)
	}
	if k.shares == nil {
		k.shares = map[string]int{}
	}
	k.shares[name]++
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.shares[name]--; k.shares[name] == 0 {
			delete(k.shares, name)
		}
	}, nil
}

// bodyBytesMax is the limit for a raw request target, known before the body is
// read. A target that hides its path in escapes gets the larger limit and is
// refused by inspect before any handler sees it.
func bodyBytesMax(target []byte) int {
	if bytes.HasPrefix(target, []byte("/webhooks/")) {
		return webhookBodyBytesMax
	}
	return apiBodyBytesMax
}

// limitsByPath is fasthttp's HeaderReceived.
func limitsByPath(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	return fasthttp.RequestConfig{MaxRequestBodySize: bodyBytesMax(h.RequestURI())}
}

// expected answers Expect: 100-continue: nobody is invited to send a body that
// would be refused unread. The refusal is a status without a body, because
// fasthttp allows no more there.
func (s *Server) expected(ctx *fasthttp.RequestCtx) int {
	h := &ctx.Request.Header
	if h.ContentLength() > bodyBytesMax(h.RequestURI()) {
		return fasthttp.StatusRequestEntityTooLarge
	}
	if !bytes.HasPrefix(h.RequestURI(), []byte("/v1/")) {
		return fasthttp.StatusContinue
	}
	began := time.Now()
	_, err := s.authenticate(h)
	if err == nil {
		return fasthttp.StatusContinue
	}
	c := s.begin(ctx)
	if engine.KindOf(err) != engine.Overloaded { // a wrong key counts here as anywhere
		err = s.failed(c, err)
	}
	s.refuse(ctx, c, err)
	s.record(ctx, c, began)
	return ctx.Response.StatusCode()
}

// onlyOnce are the headers that decide something: the first of two is not more
// right than the second.
var onlyOnce = []string{fasthttp.HeaderAuthorization, "Idempotency-Key", fasthttp.HeaderContentEncoding, "X-Request-Id"}

// headersMax is far more than any client sends: each costs whoever reads them all.
const headersMax = 100

// inspect refuses what another program on the way may read differently than we
// do. fasthttp refuses most of it before (the raw-socket tests are the list);
// these it lets pass.
func inspect(ctx *fasthttp.RequestCtx) error {
	h := &ctx.Request.Header
	if p := h.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return engine.Errorf(engine.Invalid, codeRequestUnreadable, "speak HTTP/1.1")
	}
	if err := inspectTarget(ctx); err != nil {
		return err
	}
	if bytes.ContainsFunc(h.Host(), notHost) {
		return engine.Errorf(engine.Invalid, codeRequestUnreadable, "a host is a name or an address, and a port (RFC 9110, 7.2)")
	}
	if err := inspectLines(h.RawHeaders()); err != nil {
		return err
	}
	for range h.Trailers() {
		// A header that comes after the body is one that whoever checked those before it has not seen.
		return engine.Errorf(engine.Invalid, codeRequestUnreadable, "send every header before the body")
	}
	for _, name := range onlyOnce {
		if len(h.PeekAll(name)) > 1 {
			return engine.Errorf(engine.Invalid, codeRequestUnreadable, "%s may be sent once", name)
		}
	}
	return nil
}

// inspectTarget takes one spelling of a path: what a proxy's rule is about must be
// what we route by.
func inspectTarget(ctx *fasthttp.RequestCtx) error {
	target := ctx.Request.Header.RequestURI()
	strange := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' || r == '\\' }
	if len(target) == 0 || target[0] != '/' || bytes.ContainsFunc(target, strange) {
		return engine.Errorf(engine.Invalid, codeRequestUnreadable, "ask for a path, in visible ASCII (RFC 9112, 3.2.1)")
	}
	if uri := ctx.URI(); !bytes.Equal(uri.PathOriginal(), uri.Path()) {
		return engine.Errorf(engine.Invalid, codeRequestUnreadable, "write the path in its plain form")
	}
	for key, value := range ctx.QueryArgs().All() {
		if !plainText(key) || !plainText(value) {
			return engine.Errorf(engine.Invalid, codeRequestUnreadable, "a query is UTF-8 without control characters")
		}
	}
	return nil
}

// notHost reports what stands in no name, address or port: user@host is read as one or as
// the other.
func notHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._:[]", r)
}

// plainText reports that it is text a database keeps and a line shows.
func plainText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsFunc(b, unicode.IsControl) }

// inspectLines reads the header lines as they came.
func inspectLines(raw []byte) error {
	var framed struct{ length, encoding bool }
	for count := 0; len(raw) > 0; count++ {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		line, whole := bytes.CutSuffix(line, []byte("\r"))
		switch {
		case !whole:
			return engine.Errorf(engine.Invalid, codeRequestUnreadable, "a header ends in CR LF (RFC 9112, 2.2)")
		case len(line) == 0:
			continue // the end
		case line[0] == ' ' || line[0] == '\t':
			return engine.Errorf(engine.Invalid, codeRequestUnreadable, "a header goes on in the next line (RFC 9112, 5.2)")
		case count == headersMax:
			return engine.Errorf(engine.Invalid, codeHeadersTooLarge, "there are at most %d headers", headersMax)
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.ContainsFunc(name, notToken) {
			return engine.Errorf(engine.Invalid, codeRequestUnreadable, "a header's name is a token (RFC 9110, 5.6.2)")
		}
		framed.length = framed.length || bytes.EqualFold(name, []byte(fasthttp.HeaderContentLength))
		if bytes.EqualFold(name, []byte(fasthttp.HeaderTransferEncoding)) {
			if framed.encoding = true; !bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked")) {
				return engine.Errorf(engine.Invalid, codeRequestUnreadable, "the one transfer coding is chunked")
			}
		}
	}
	if framed.length && framed.encoding {
		return engine.Errorf(engine.Invalid, codeRequestUnreadable, "Content-Length and Transfer-Encoding contradict each other")
	}
	return nil
}

// notToken reports a character that no header's name has.
func notToken(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z'
	digit := '0' <= r && r <= '9'
	return !letter && !digit && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
