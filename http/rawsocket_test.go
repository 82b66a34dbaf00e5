package http_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

// The pieces of the corpus.
const (
	hook       = "POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\n"
	hook2      = hook + "Content-Length: 2\r\n"
	chunks     = hook + "Transfer-Encoding: chunked\r\n"
	authorized = "Authorization: Bearer " + platformSecret + "\r\n"
	payment    = "POST /v1/payments/initiate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" + authorized
	plain      = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n"
	missing    = "GET /v1/payments/pay_x HTTP/1.1\r\nHost: a\r\n" + authorized

	// Served, it would be in the log: no row lets it be.
	smuggled = "GET /openapi.json HTTP/1.1\r\nHost: a\r\nX-Request-Id: smuggled\r\n\r\n"
	// A second request that is one.
	second = "GET /v1/payments/pay_y HTTP/1.1\r\nHost: a\r\n" + authorized + "\r\n"
)

// at is a request for a target with a right key.
func at(method, target string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + authorized + "\r\n"
}

// rawRow is bytes as somebody sends them, what they are answered, and whether the
// connection goes on: it must not when the two sides may disagree where a request ends.
type rawRow struct {
	name    string
	raw     string
	answers []int
	open    bool
	half    bool // the sender closes its side at once
}

var rawRows = slices.Concat(rawLengths, rawChunks, rawLines, rawHeaders, rawTargets, rawMethods, rawDoors)

var rawLengths = []rawRow{
	{
		name: "two lengths that differ", raw: hook + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc" + smuggled,
		answers: []int{400},
	},
	{
		name: "two lengths that agree", raw: hook + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + smuggled,
		answers: []int{400},
	},
	{name: "a list of lengths", raw: hook + "Content-Length: 3, 3\r\n\r\nabc" + smuggled, answers: []int{400}},
	{name: "length +3", raw: hook + "Content-Length: +3\r\n\r\nabc" + smuggled, answers: []int{400}},
	{name: "length -1", raw: hook + "Content-Length: -1\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "length 0x3", raw: hook + "Content-Length: 0x3\r\n\r\nabc" + smuggled, answers: []int{400}},
	{name: "length 3 4", raw: hook + "Content-Length: 3 4\r\n\r\nabc" + smuggled, answers: []int{400}},
	{name: "no number for a length", raw: hook + "Content-Length:\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a length beyond int64", raw: hook + "Content-Length: 99999999999999999999\r\n\r\nabc", answers: []int{400}},
	{name: "a space before the length's colon", raw: hook + "Content-Length : 3\r\n\r\nabc" + smuggled, answers: []int{400}},
	{name: "a length in a folded line", raw: hook + "X-A: b\r\n Content-Length: 3\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a webhook declared a gigabyte", raw: hook + "Content-Length: 1000000000\r\n\r\nabc", answers: []int{413}},
	{
		name: "a webhook of 70,000 bytes", raw: hook + "Content-Length: 70000\r\n\r\n" + strings.Repeat("a", 70_000),
		answers: []int{413},
	},
	{name: "a body shorter than declared", raw: hook + "Content-Length: 10\r\n\r\nabc", answers: []int{408}},
	{
		name: "a body shorter than declared, half closed", raw: hook + "Content-Length: 10\r\n\r\nabc", half: true,
		answers: []int{400},
	},
	{name: "a body longer than declared", raw: hook2 + "\r\n{}garbage garbage\r\n\r\n", answers: []int{401, 400}},
	{
		name: "a body longer than declared, which is a request", raw: hook2 + "\r\n{}" + second,
		answers: []int{401, 404}, open: true,
	},
	{
		name:    "a GET with a body",
		raw:     strings.TrimSuffix(at("GET", "/v1/payments/pay_x"), "\r\n") + "Content-Length: 3\r\n\r\nabc" + second,
		answers: []int{404, 404}, open: true,
	},
}

var rawChunks = []rawRow{
	{
		name: "length, then chunked", raw: hook + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{
		name: "chunked, then length", raw: chunks + "Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{name: "xchunked", raw: hook + "Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{
		name: "chunked, identity", raw: hook + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{name: "gzip, chunked", raw: hook + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "identity", raw: hook + "Transfer-Encoding: identity\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "no coding", raw: hook + "Transfer-Encoding:\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "chunked twice", raw: chunks + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{
		name: "chunked and identity in two lines", raw: chunks + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{
		name: "a vertical tabulator before chunked", raw: hook + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{name: "chunked in quotes", raw: hook + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{
		name: "a space before the coding's colon", raw: hook + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{
		name:    "chunked by HTTP/1.0",
		raw:     "POST /webhooks/paystack HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{
		name: "CHUNKED, which is chunked", raw: hook + "Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		answers: []int{401}, open: true,
	},
	{name: "a chunk's extension", raw: chunks + "\r\n3;a=b\r\nabc\r\n0\r\n\r\n", answers: []int{401}, open: true},
	{name: "a newline in a chunk's extension", raw: chunks + "\r\n3;a\nb\r\nabc\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a chunk of 2^64-1", raw: chunks + "\r\nffffffffffffffff\r\nabc", answers: []int{400}},
	{name: "a chunk of -3", raw: chunks + "\r\n-3\r\nabc\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a chunk of 0x3", raw: chunks + "\r\n0x3\r\nabc\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a bare LF after a chunk's size", raw: chunks + "\r\n3\nabc\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a bare LF after a chunk", raw: chunks + "\r\n3\r\nabc\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a chunk longer than it says", raw: chunks + "\r\n3\r\nabcd\r\n0\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "chunks without end", raw: chunks + "\r\n3\r\nabc\r\n", answers: []int{408}},
	{
		name: "chunks of 70,000 bytes", raw: chunks + "\r\n11170\r\n" + strings.Repeat("a", 70_000) + "\r\n0\r\n\r\n",
		answers: []int{413},
	},
	{name: "a header after the chunks", raw: chunks + "\r\n3\r\nabc\r\n0\r\nX-Test: a\r\n\r\n" + smuggled, answers: []int{400}},
	{
		name:    "a right signature after the chunks",
		raw:     chunks + "\r\n2\r\n{}\r\n0\r\nX-Paystack-Signature: " + paystack.sign([]byte("{}")) + "\r\n\r\n",
		answers: []int{400},
	},
	{
		name: "a right signature announced and after the chunks",
		raw: chunks + "Trailer: X-Paystack-Signature\r\n\r\n2\r\n{}\r\n0\r\nX-Paystack-Signature: " +
			paystack.sign([]byte("{}")) + "\r\n\r\n",
		answers: []int{400},
	},
	{
		name: "an address after the chunks", raw: chunks + "\r\n2\r\n{}\r\n0\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n",
		answers: []int{400},
	},
	{name: "a key after the chunks", raw: chunks + "\r\n2\r\n{}\r\n0\r\n" + authorized + "\r\n", answers: []int{400}},
	{
		name: "a length after the chunks", raw: chunks + "\r\n3\r\nabc\r\n0\r\nContent-Length: 100\r\n\r\n" + smuggled,
		answers: []int{400},
	},
}

var rawLines = []rawRow{
	// No end of the headers is ever seen.
	{name: "bare LF throughout", raw: "POST /webhooks/paystack HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", answers: []int{408}},
	{
		name: "a bare LF between headers", raw: "GET /openapi.json HTTP/1.1\r\nHost: a\nX-Test: b\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{
		name:    "a bare LF before a length",
		raw:     "POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\nX-Test: b\nContent-Length: 5\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	// fasthttp keeps no request line: one that ends in LF can't be told, and hides nothing.
	{
		name: "a bare LF after the request line", raw: "GET /openapi.json HTTP/1.1\nHost: a\r\n\r\n",
		answers: []int{200}, open: true,
	},
	{name: "a CR in a value", raw: plain + "X-Test: a\rb\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a NUL in a value", raw: plain + "X-Test: a\x00b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a bell in a value", raw: plain + "X-Test: a\x07b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a folded header", raw: plain + "X-Test: a\r\n b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a header folded with a tabulator", raw: plain + "X-Test: a\r\n\tb\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "the first header folded", raw: "GET /openapi.json HTTP/1.1\r\n Host: a\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a header without a name", raw: plain + ": b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a header without a colon", raw: plain + "abc\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a name with a space", raw: plain + "X Test: b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a name with a bracket", raw: plain + "X[Test]: b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a name beyond ASCII", raw: plain + "X-T\xc3\xa9st: b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "empty lines first", raw: "\r\n\r\n" + plain + "\r\n", answers: []int{200}, open: true},
	{name: "not HTTP", raw: "\x16\x03\x01\x02\x00\x01\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "NULs", raw: strings.Repeat("\x00", 100) + "\r\n\r\n", answers: []int{400}},
	{name: "nothing", raw: "", answers: []int{408}},
	{name: "nothing, half closed", raw: "", half: true},
	{name: "half a request line, half closed", raw: "GET /openapi", half: true, answers: []int{400}},
	{name: "a whole request, half closed", raw: plain + "\r\n", half: true, answers: []int{200}},
}

var rawHeaders = []rawRow{
	{name: "no host", raw: "GET /openapi.json HTTP/1.1\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "an empty host", raw: "GET /openapi.json HTTP/1.1\r\nHost:\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a host with a user", raw: "GET /openapi.json HTTP/1.1\r\nHost: a@b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a host with a path", raw: "GET /openapi.json HTTP/1.1\r\nHost: a/b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a host with a port", raw: "GET /openapi.json HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", answers: []int{200}, open: true},
	{name: "two hosts", raw: plain + "Host: b\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "a host that is a path", raw: "GET /openapi.json HTTP/1.1\r\nHost: a/b@c\r\n\r\n" + smuggled, answers: []int{400}},
	{
		name: "two signatures that differ", raw: hook2 + "x-paystack-signature: aa\r\nX-Paystack-Signature: bb\r\n\r\n{}",
		answers: []int{401}, open: true,
	},
	{
		name:    "a right signature and a wrong one",
		raw:     hook2 + "X-Paystack-Signature: " + paystack.sign([]byte("{}")) + "\r\nX-Paystack-Signature: bb\r\n\r\n{}",
		answers: []int{401}, open: true,
	},
	{
		name:    "a wrong signature and a right one",
		raw:     hook2 + "X-Paystack-Signature: bb\r\nX-Paystack-Signature: " + paystack.sign([]byte("{}")) + "\r\n\r\n{}",
		answers: []int{401}, open: true,
	},
	{
		name:    "a right signature twice",
		raw:     hook2 + strings.Repeat("X-Paystack-Signature: "+paystack.sign([]byte("{}"))+"\r\n", 2) + "\r\n{}",
		answers: []int{401}, open: true,
	},
	{
		name: "two authorizations", raw: strings.TrimSuffix(missing, "\r\n") + "\r\nAuthorization: Bearer other\r\n\r\n" + smuggled,
		answers: []int{400},
	},
	{
		name: "two idempotency keys", raw: payment + "Idempotency-Key: k\r\nIdempotency-Key: l\r\n\r\n{}" + smuggled,
		answers: []int{400},
	},
	{
		name: "two idempotency keys that agree", raw: payment + "Idempotency-Key: k\r\nIdempotency-Key: k\r\n\r\n{}" + smuggled,
		answers: []int{400},
	},
	{name: "a compressed webhook", raw: hook2 + "Content-Encoding: gzip\r\n\r\n{}", answers: []int{415}, open: true},
	{
		name: "a compressed payment", raw: payment + "Idempotency-Key: k\r\nContent-Encoding: gzip\r\n\r\n{}",
		answers: []int{415}, open: true,
	},
	{
		name: "a payment that says it is not compressed", raw: payment + "Idempotency-Key: k\r\nContent-Encoding: identity\r\n\r\n{}",
		answers: []int{415}, open: true,
	},
	{name: "a header of 9,000 bytes", raw: plain + "X-A: " + strings.Repeat("a", 9000) + "\r\n\r\n", answers: []int{431}},
	{name: "101 headers", raw: plain + strings.Repeat("a:b\r\n", 100) + "\r\n" + smuggled, answers: []int{431}},
	{name: "100 headers", raw: plain + strings.Repeat("a:b\r\n", 99) + "\r\n", answers: []int{200}, open: true},
	{name: "10,000 headers", raw: plain + strings.Repeat("a:b\r\n", 10_000) + "\r\n", answers: []int{431}},
	{
		name:    "another method in a header",
		raw:     "POST /v1/payments/pay_x HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n" + authorized + "\r\n",
		answers: []int{405}, open: true,
	},
	{
		name: "another path in a header", raw: plain + "X-Original-URL: /v1/payments/pay_x\r\nX-Rewrite-URL: /metrics\r\n\r\n",
		answers: []int{200}, open: true,
	},
	{
		name: "an offer of WebSocket", raw: plain + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		answers: []int{200}, open: true,
	},
	{
		name:    "an offer of HTTP/2",
		raw:     plain + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		answers: []int{200}, open: true,
	},
	{name: "the last request of a connection", raw: plain + "Connection: close\r\n\r\n" + smuggled, answers: []int{200}},
	{name: "a length that a CGI would read", raw: hook + "Content_Length: 3\r\n\r\n", answers: []int{401}, open: true},
}

var rawTargets = []rawRow{
	{name: "//admin", raw: at("GET", "//admin") + smuggled, answers: []int{400}},
	{name: "/admin", raw: at("GET", "/admin"), answers: []int{404}, open: true},
	{name: "/metrics", raw: at("GET", "/metrics"), answers: []int{404}, open: true},
	{name: "/debug/pprof/", raw: at("GET", "/debug/pprof/"), answers: []int{404}, open: true},
	{name: "/x%2f..%2fadmin", raw: at("GET", "/x%2f..%2fadmin"), answers: []int{400}},
	{name: "/pub/%2e%2e/admin", raw: at("GET", "/pub/%2e%2e/admin"), answers: []int{400}},
	{name: "dots", raw: at("GET", "/v1/x/../payments/pay_x"), answers: []int{400}},
	{name: "a dot", raw: at("GET", "/v1/./payments/pay_x"), answers: []int{400}},
	{name: "a double slash", raw: at("GET", "/v1//payments/pay_x"), answers: []int{400}},
	{name: "a slash at the end", raw: at("GET", "/v1/payments/pay_x/"), answers: []int{404}, open: true},
	{name: "an escaped letter", raw: at("GET", "/v1/%70ayments/pay_x"), answers: []int{400}},
	{name: "an escaped slash on a money route", raw: at("POST", "/v1%2fpayments/initiate"), answers: []int{400}},
	{name: "an escaped slash in an id", raw: at("GET", "/v1/payments/a%2fb"), answers: []int{400}},
	{name: "escaped dots on a money route", raw: at("POST", "/v1/payments/pay_x%2f..%2finitiate"), answers: []int{400}},
	{name: "an escape escaped", raw: at("GET", "/v1/payments/%252e%252e"), answers: []int{400}},
	{name: "an escape that is none", raw: at("GET", "/v1/payments/%zz"), answers: []int{404}, open: true},
	{name: "%00", raw: at("GET", "/v1/payments/pay_x%00"), answers: []int{400}},
	{name: "%00 in a query", raw: at("GET", "/v1/payments?query=%00"), answers: []int{400}},
	{name: "a query that is no text", raw: at("GET", "/v1/payments?query=%ff"), answers: []int{400}},
	{name: "a line feed in a parameter's name", raw: at("GET", "/v1/payments?query=a&x%0a=1"), answers: []int{400}},
	{name: "%0d%0a", raw: at("GET", "/v1/payments/pay_x%0d%0aX-Test:1"), answers: []int{400}},
	{name: "a backslash", raw: at("GET", "/v1\\payments\\pay_x"), answers: []int{400}},
	{name: "a fragment", raw: at("GET", "/v1/payments/pay_x#y"), answers: []int{400}},
	{name: "a space", raw: at("GET", "/v1/payments/a b"), answers: []int{400}},
	{name: "a tabulator", raw: at("GET", "/v1/payments/a\tb"), answers: []int{400}},
	{name: "bytes beyond ASCII", raw: at("GET", "/v1/payments/\xc3\xa9"), answers: []int{400}},
	{name: "letters of another size", raw: at("GET", "/V1/payments/pay_x"), answers: []int{404}, open: true},
	{name: "a parameter in the path", raw: at("GET", "/v1/payments/pay_x;jsessionid=1"), answers: []int{404}, open: true},
	{name: "an id of 65 letters", raw: at("GET", "/v1/payments/"+strings.Repeat("a", 65)), answers: []int{422}, open: true},
	{name: "a path of 7,000 letters", raw: at("GET", "/"+strings.Repeat("a", 7000)), answers: []int{404}, open: true},
	{name: "a path of 9,000 letters", raw: at("GET", "/"+strings.Repeat("a", 9000)), answers: []int{431}},
	{name: "an absolute target", raw: at("GET", "http://a/openapi.json"), answers: []int{400}},
	{name: "an absolute target elsewhere", raw: at("GET", "http://b/openapi.json"), answers: []int{400}},
	{
		name:    "an absolute target in disguise",
		raw:     "POST http://a/webhooks/paystack HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("a", 70_000),
		answers: []int{400},
	},
	{
		name:    "an escaped webhook",
		raw:     "POST /%77ebhooks/paystack HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("a", 70_000),
		answers: []int{400},
	},
	{name: "a target without a slash", raw: at("GET", "openapi.json"), answers: []int{400}},
	{name: "no target", raw: "GET HTTP/1.1\r\nHost: a\r\n\r\n", answers: []int{400}},
}

var rawMethods = []rawRow{
	{name: "OPTIONS *", raw: "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", answers: []int{400}},
	{name: "OPTIONS of a route", raw: at("OPTIONS", "/v1/payments/initiate"), answers: []int{405}, open: true},
	{name: "CONNECT", raw: "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + smuggled, answers: []int{400}},
	{name: "TRACE", raw: at("TRACE", "/v1/payments/pay_x"), answers: []int{405}, open: true},
	{name: "get in small letters", raw: at("get", "/openapi.json"), answers: []int{405}, open: true},
	{name: "BREW", raw: at("BREW", "/openapi.json"), answers: []int{405}, open: true},
	{name: "a method that is no token", raw: at("GE(T", "/openapi.json"), answers: []int{400}},
	{name: "HTTP/0.9", raw: "GET /openapi.json\r\n\r\n", answers: []int{400}},
	{name: "HTTP/1.0", raw: "GET /openapi.json HTTP/1.0\r\n\r\n", answers: []int{200}},
	{name: "HTTP/1.2", raw: "GET /openapi.json HTTP/1.2\r\nHost: a\r\n\r\n", answers: []int{400}},
	{name: "HTTP/2.0", raw: "GET /openapi.json HTTP/2.0\r\nHost: a\r\n\r\n", answers: []int{400}},
	{name: "HTTP/2's preface", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", answers: []int{400}},
}

var rawDoors = []rawRow{
	{name: "three requests at once", raw: plain + "\r\n" + second + plain + "\r\n", answers: []int{200, 404, 200}, open: true},
	{name: "a bad request between good ones", raw: plain + "\r\n" + at("GET", "//admin") + smuggled, answers: []int{200, 400}},
	{name: "100-continue, welcome", raw: hook2 + "Expect: 100-continue\r\n\r\n{}", answers: []int{100, 401}, open: true},
	{
		name: "100-continue of a body too large", raw: hook + "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
		answers: []int{413},
	},
	{
		name:    "100-continue without a key",
		raw:     "POST /v1/payments/initiate HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		answers: []int{401},
	},
	{name: "an expectation nobody has", raw: hook2 + "Expect: 200-ok\r\n\r\n{}", answers: []int{401}, open: true},
}

// TestRawSocketCorpus sends every way we know to make two readers of HTTP disagree.
// Each row says what is answered, and whether the connection goes on; what follows a
// refused request is never served. `go test ./http -run TestRawSocketCorpus -v`
// prints the table.
func TestRawSocketCorpus(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.ReadWithin = 2 * time.Second })
	var mu sync.Mutex
	lines := make([]string, len(rawRows))
	t.Run("rows", func(t *testing.T) {
		for i, row := range rawRows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				answers, after := e.converse(t, row)
				require.Equal(t, row.answers, answers)
				want := "closed"
				if row.open {
					want = "goes on"
				}
				require.Equal(t, want, after, "the connection afterwards")
				mu.Lock()
				defer mu.Unlock()
				lines[i] = fmt.Sprintf("%-52s %-16s %s", row.name, strings.Trim(fmt.Sprint(answers), "[]"), after)
			})
		}
	})
	require.NotContains(t, e.log.String(), `"smuggled"`)
	require.NotContains(t, e.log.String(), platformSecret)
	require.Empty(t, e.parked)
	t.Logf("%d rows\n%s", len(lines), strings.Join(lines, "\n"))
}

// converse sends a row, reads what it is answered, and tries whether the connection
// serves one more.
func (e *edge) converse(t *testing.T, row rawRow) (answers []int, after string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.server.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, _ = io.WriteString(conn, row.raw) // a server that has seen enough closes before the end
	if tcp, is := conn.(*net.TCPConn); is && row.half {
		require.NoError(t, tcp.CloseWrite())
	}
	in := bufio.NewReader(conn)
	for range row.answers {
		status, body, err := readAnswer(in)
		require.NoError(t, err, "after %v", answers)
		answers = append(answers, status)
		if status >= 400 && !strings.Contains(row.name, "100-continue") {
			require.Contains(t, body, `"code":"`)
			require.Contains(t, body, `"request_id":"`)
		}
	}
	if row.open {
		_, err := io.WriteString(conn, "GET /openapi-3.0.json HTTP/1.1\r\nHost: a\r\n\r\n")
		require.NoError(t, err)
		status, _, err := readAnswer(in)
		require.NoError(t, err, "one more request")
		require.Equal(t, 200, status)
		return answers, "goes on"
	}
	status, _, err := readAnswer(in)
	require.Zero(t, status, "one answer too many")
	require.Error(t, err)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the connection is left open")
	return answers, "closed"
}

// readAnswer reads one response.
func readAnswer(in *bufio.Reader) (status int, body string, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, "", err
	}
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, "", fmt.Errorf("no status line: %q", line)
	}
	if status, err = strconv.Atoi(fields[1]); err != nil {
		return 0, "", err
	}
	length := 0
	for line != "\r\n" {
		if line, err = in.ReadString('\n'); err != nil {
			return status, "", err
		}
		if value, found := strings.CutPrefix(line, "Content-Length: "); found {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return status, "", err
			}
		}
	}
	content := make([]byte, length)
	_, err = io.ReadFull(in, content)
	return status, string(content), err
}
