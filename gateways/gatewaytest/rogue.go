package gatewaytest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// Seen is a request as a rogue received it.
type Seen struct {
	Method, Path, Query, Authorization, ContentType string
	Body                                            []byte
}

// Rogue is a server of raw TCP: it reads one request from each connection and
// then does what the test says, which need not be HTTP.
type Rogue struct {
	URL string

	mu       sync.Mutex
	requests []Seen
	conns    int
}

// Misbehave starts a rogue; act is given the connection after its request was read.
func Misbehave(t testing.TB, act func(conn net.Conn, got Seen)) *Rogue {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &Rogue{URL: "http://" + listener.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns++
			r.mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				if got, ok := r.read(conn); ok {
					act(conn, got)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return r
}

func (r *Rogue) read(conn net.Conn) (Seen, bool) {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return Seen{}, false
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return Seen{}, false
	}
	got := Seen{
		request.Method, request.URL.Path, request.URL.RawQuery, request.Header.Get("Authorization"), request.Header.Get("Content-Type"), body,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, got)
	return got, true
}

// Requests are those it read, in order.
func (r *Rogue) Requests() []Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Seen{}, r.requests...)
}

// Conns is how many connections were made to it.
func (r *Rogue) Conns() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns
}

// Answer writes a whole HTTP response.
func Answer(conn net.Conn, status int, body string, headers ...string) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", status, len(body))
	for _, h := range headers {
		out.WriteString(h + "\r\n")
	}
	out.WriteString("\r\n" + body)
	_, _ = conn.Write(out.Bytes())
}

// Says answers with a status and a body.
func Says(status int, body string, headers ...string) func(net.Conn, Seen) {
	return func(conn net.Conn, _ Seen) { Answer(conn, status, body, headers...) }
}

// Writes writes bytes, which need be no HTTP, and closes.
func Writes(raw string) func(net.Conn, Seen) {
	return func(conn net.Conn, _ Seen) { _, _ = conn.Write([]byte(raw)) }
}

// Resets ends the connection with a RST.
func Resets(conn net.Conn, _ Seen) {
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0)
	}
}

// Hangs keeps silent until the other side has had enough.
func Hangs(conn net.Conn, _ Seen) { _, _ = conn.Read(make([]byte, 1)) }

// To are the requests it read for a path.
func (r *Rogue) To(path string) []Seen {
	return slices.DeleteFunc(r.Requests(), func(one Seen) bool { return one.Path != path })
}

// Shape is one way for a call to go wrong, and what it must be taken for.
type Shape struct {
	Name string
	Act  func(conn net.Conn, got Seen)
	Kind engine.Kind
	Code engine.Code
}

// Fails is a shape on one line.
func Fails(name string, act func(net.Conn, Seen), kind engine.Kind, code engine.Code) Shape {
	return Shape{name, act, kind, code}
}

// Unanswered are the shapes that mean the same whatever the dialect: no answer, or
// not to its end, or one that is none. ok is what a success of the call looks like.
func Unanswered(ok string) []Shape {
	const (
		amb        = engine.Ambiguous
		unreadable = engine.CodeGatewayUnreadable
	)
	const html = "<html><body><h1>502 Bad Gateway</h1></body></html>"
	begun := func(raw string, then func(net.Conn, Seen)) func(net.Conn, Seen) {
		return func(c net.Conn, s Seen) {
			Writes("HTTP/1.1 200 OK\r\n"+raw)(c, s)
			then(c, s)
		}
	}
	return []Shape{
		{"closed at once", func(net.Conn, Seen) {}, amb, unreadable},
		{"reset", Resets, amb, unreadable},
		{"silence", Hangs, amb, engine.CodeGatewayTimeout},
		{"half a status line", Writes("HTTP/1.1 2"), amb, unreadable},
		{"half of the headers", Writes("HTTP/1.1 200 OK\r\nContent-Type: appl"), amb, unreadable},
		{"half of the body", Writes("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + ok), amb, unreadable},
		{"half of a chunk", Writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + ok), amb, unreadable},
		{"headers that never end", begun("X-Request-Id: 1\r\n", Hangs), amb, engine.CodeGatewayTimeout},
		{"a body that never ends", begun("Content-Length: 4000\r\n\r\n{", Hangs), amb, engine.CodeGatewayTimeout},
		{"reset in the body", begun("Content-Length: 4000\r\n\r\n{", Resets), amb, unreadable},
		{"no HTTP", Writes("SSH-2.0-OpenSSH_9.6\r\n\r\n"), amb, unreadable},
		{"a body without end of JSON", Writes("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + ok[:len(ok)-9]), amb, unreadable},
		{"more than a mebibyte", Says(200, ok[:1]+strings.Repeat(" ", 1<<20)+ok[1:]), amb, unreadable},
		{"headers without end", Writes("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), amb, unreadable},

		{"200 empty", Says(200, ""), amb, unreadable},
		{"204", Writes("HTTP/1.1 204 No Content\r\n\r\n"), amb, unreadable},
		{"200 HTML", Says(200, html), amb, unreadable},
		{"200 XML", Says(200, "<?xml version='1.0'?><ok/>"), amb, unreadable},
		{"200 null", Says(200, "null"), amb, unreadable},
		{"200 array", Says(200, "[]"), amb, unreadable},
		{"200 and more JSON", Says(200, ok+ok), amb, unreadable},
		{"200 compressed", Says(200, "\x1f\x8b\x08\x00\x00", "Content-Encoding: gzip"), amb, unreadable},
		{"202 empty", Says(202, ""), amb, unreadable},

		{"301", Says(301, "", "Location: http://127.0.0.1:1/charge"), amb, unreadable},
		{"302 to a page that says yes", Says(302, ok, "Location: http://127.0.0.1:1/charge"), amb, unreadable},
		{"400 empty", Says(400, ""), amb, unreadable},
		{"400 HTML", Says(400, html), amb, unreadable},
		{"404 HTML", Says(404, html), amb, unreadable},
		{"502 HTML", Says(502, html), amb, engine.CodeGatewayServerError},
		{"503 empty", Says(503, ""), amb, engine.CodeGatewayServerError},
		{"504", Says(504, html), amb, engine.CodeGatewayServerError},
		{"599", Says(599, ""), amb, engine.CodeGatewayServerError},

		{"401 empty", Says(401, ""), engine.Unavailable, engine.CodeGatewayUnauthorized},
		{"429 HTML", Says(429, html), engine.Unavailable, engine.CodeGatewayRateLimited},
	}
}
