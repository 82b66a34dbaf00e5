package paystack

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/sandbox"
)

// request is a call, copied out of fasthttp's buffers: nothing of theirs leaves
// the handler.
type request struct {
	method string
	path   string
	arg    string // what stands for :name in the route
	query  url.Values
	body   []byte
	key    string
	domain string // of the key
	host   string
	ip     string
}

// answer is what a call gets: Paystack's envelope, or a refusal.
type answer struct {
	code   int
	body   any
	header map[string]string
}

// envelope is Paystack's frame of every success (Paystack docs, Introduction).
type envelope struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
	Data    any    `json:"data"`
	Meta    any    `json:"meta,omitempty"`
}

func ok(message string, data any) answer {
	return answer{code: 200, body: envelope{Status: true, Message: message, Data: data}}
}

// route is a documented path. Operation names it in faults and arrivals.
type route struct {
	method    string
	segments  []string
	operation string
	serve     func(*Server, *request) answer
}

func at(method, path, operation string, serve func(*Server, *request) answer) route {
	return route{method, strings.Split(path, "/")[1:], operation, serve}
}

var routes = []route{
	at("POST", "/charge", "charge", (*Server).createCharge),
	at("POST", "/charge/submit_otp", "submit_otp", (*Server).submitOTP),
	at("POST", "/charge/submit_pin", "submit_pin", (*Server).submitOther),
	at("POST", "/charge/submit_phone", "submit_phone", (*Server).submitOther),
	at("POST", "/charge/submit_birthday", "submit_birthday", (*Server).submitOther),
	at("POST", "/charge/submit_address", "submit_address", (*Server).submitOther),
	at("GET", "/charge/:reference", "check_charge", (*Server).checkCharge),
	at("POST", "/transaction/initialize", "initialize", (*Server).initialize),
	at("GET", "/transaction/verify/:reference", "verify", (*Server).verify),
	at("GET", "/transaction/:id", "fetch_transaction", (*Server).fetchTransaction),
	at("GET", "/transaction", "list_transactions", (*Server).listTransactions),
	at("GET", "/bank", "list_banks", (*Server).listBanks),
	at("POST", "/transferrecipient", "create_recipient", (*Server).createRecipient),
	at("GET", "/transferrecipient/:id", "fetch_recipient", (*Server).fetchRecipient),
	at("POST", "/transfer", "transfer", (*Server).createTransfer),
	at("GET", "/transfer/verify/:reference", "verify_transfer", (*Server).verifyTransfer),
	at("GET", "/transfer/:id", "fetch_transfer", (*Server).fetchTransfer),
	at("GET", "/transfer", "list_transfers", (*Server).listTransfers),
	at("GET", "/balance", "balance", (*Server).balance),
	at("POST", "/refund", "refund", (*Server).createRefund),
	at("GET", "/refund", "list_refunds", (*Server).listRefunds),
	at("GET", "/refund/:id", "fetch_refund", (*Server).fetchRefund),
}

// Operations are the names a fault may be set for: calls, then webhook events.
func Operations() []string {
	names := make([]string, 0, len(routes)+len(events))
	for _, r := range routes {
		names = append(names, r.operation)
	}
	return append(names, events...)
}

// match finds the route of a path and what stands for its :name.
func match(method, path string) (found *route, arg string) {
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

// Handler serves Paystack's paths at the root, and the sandbox's own below
// /sandbox/. Before Start and after Stop it answers 503.
func (s *Server) Handler() fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if !s.running.Load() {
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
			return
		}
		r := copyRequest(ctx)
		switch {
		case strings.HasPrefix(r.path, "/sandbox/"):
			s.serveSandbox(ctx, r)
		case s.cutting.Load():
			cut(ctx)
		default:
			s.serveAPI(ctx, r)
		}
	}
}

func copyRequest(ctx *fasthttp.RequestCtx) *request {
	// A query that can't be parsed has the pairs that could be.
	query, _ := url.ParseQuery(string(ctx.URI().QueryString()))
	key, bearer := strings.CutPrefix(string(ctx.Request.Header.Peek("Authorization")), "Bearer ")
	if !bearer {
		key = ""
	}
	return &request{
		method: string(ctx.Method()), path: string(ctx.Path()), query: query,
		body: bytes.Clone(ctx.PostBody()), key: key, host: string(ctx.Host()), ip: ctx.RemoteIP().String(),
	}
}

// serveAPI is the way of every call: it arrives, something may go wrong before,
// it is done, something may go wrong after.
func (s *Server) serveAPI(ctx *fasthttp.RequestCtx, r *request) {
	route, arg := match(r.method, r.path)
	if route == nil {
		write(ctx, errNoPath)
		return
	}
	r.arg = arg
	s.cfg.OnArrival(Arrival{
		At: s.clock.Now(), Method: r.method, Path: r.path, Operation: route.operation,
		Reference: referenceIn(r), Body: bytes.Clone(r.body),
	})
	faults := s.faults.Call(route.operation)
	for _, fault := range faults {
		if fault.Kind == sandbox.Latency {
			s.wait(time.Duration(fault.LatencyMillis) * time.Millisecond)
		}
	}
	for _, fault := range faults {
		early := fault.When == sandbox.Before || fault.Kind == sandbox.RateLimited || fault.Kind == sandbox.Unauthorized
		if early && s.spoil(ctx, fault, answer{}) {
			return
		}
	}
	a := errKey
	if r.domain = s.domain(r.key); r.domain != "" {
		a = route.serve(s, r)
	}
	if s.cutting.Load() { // it went dark while we worked
		cut(ctx)
		return
	}
	for _, fault := range faults {
		if fault.Kind == sandbox.WrongAmount {
			a.body = json.RawMessage(restate(marshal(a.body), fault.Amount))
		}
	}
	for _, fault := range faults {
		if fault.When == sandbox.After && s.spoil(ctx, fault, a) {
			return
		}
	}
	write(ctx, a)
}

// spoil answers as a fault wants; false if this fault does not replace answers.
func (s *Server) spoil(ctx *fasthttp.RequestCtx, fault sandbox.Fault, a answer) bool {
	switch fault.Kind {
	case sandbox.ErrorAnswer:
		write(ctx, errServer)
	case sandbox.Cut:
		cut(ctx)
	case sandbox.RateLimited:
		write(ctx, s.tooManyCalls())
	case sandbox.Unauthorized:
		write(ctx, errKey)
	case sandbox.Malformed:
		body := marshal(a.body)
		write(ctx, answer{code: 200, body: raw(body[:len(body)/2])})
	case sandbox.HTML:
		ctx.SetStatusCode(fasthttp.StatusBadGateway)
		ctx.SetContentType("text/html")
		ctx.SetBodyString("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>")
	default:
		return false
	}
	return true
}

// raw is a body written as it is.
type raw []byte

func write(ctx *fasthttp.RequestCtx, a answer) {
	ctx.SetStatusCode(a.code)
	ctx.SetContentType("application/json")
	for name, value := range a.header {
		ctx.Response.Header.Set(name, value)
	}
	ctx.SetBody(marshal(a.body))
}

func marshal(body any) []byte {
	if as, is := body.(raw); is {
		return as
	}
	out, err := json.Marshal(body)
	if err != nil {
		panic("sandbox paystack: an answer that is not JSON: " + err.Error()) // our own types
	}
	return out
}

// cut ends the connection without an answer.
func cut(ctx *fasthttp.RequestCtx) {
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(net.Conn) {}) // it is closed when this returns
}

// wait holds an answer back, no longer than the server lives.
func (s *Server) wait(d time.Duration) {
	fires, release := s.clock.Alarm(s.clock.Now().Add(d))
	defer release()
	select {
	case <-fires:
	case <-s.stopped:
	}
}

// domain is that of a key of ours; empty for any other.
func (s *Server) domain(key string) string {
	for _, ours := range s.cfg.SecretKeys {
		if subtle.ConstantTimeCompare([]byte(key), []byte(ours)) == 1 {
			return domainOf(ours)
		}
	}
	return ""
}

// referenceIn is what a call is about, as far as it says so.
func referenceIn(r *request) string {
	if r.arg != "" {
		return r.arg
	}
	var body struct {
		Reference   string          `json:"reference"`
		Transaction json.RawMessage `json:"transaction"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return ""
	}
	return or(body.Reference, loose(body.Transaction))
}

// loose reads a field that may be a string or a number.
func loose(field json.RawMessage) string {
	var text string
	if json.Unmarshal(field, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(field, &number) == nil {
		return number.String()
	}
	return ""
}

// restate replaces data.amount of a body, in the type it has: by amount, or by
// one franc more than it says when amount is 0.
func restate(body []byte, amount int64) []byte {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var whole map[string]any
	if decoder.Decode(&whole) != nil {
		return body
	}
	data, _ := whole["data"].(map[string]any)
	was, isText := data["amount"].(string)
	if number, isNumber := data["amount"].(json.Number); isNumber {
		was = number.String()
	}
	said, err := strconv.ParseInt(was, 10, 64)
	if err != nil {
		return body // this answer states no amount
	}
	said = or(amount, said+subunits)
	if data["amount"] = any(said); isText {
		data["amount"] = strconv.FormatInt(said, 10)
	}
	return marshal(whole)
}
