package http_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

// startQuiet is a server for very many requests: it logs its own faults alone.
func startQuiet(f *testing.F) (*edge, *logBook) {
	f.Helper()
	faults := &logBook{}
	e := start(f, func(c *http.Config) {
		c.ReadWithin = 2 * time.Second
		c.Log = slog.New(slog.NewJSONHandler(faults, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	return e, faults
}

// say writes bytes, says that there are no more, and returns what was answered.
func (e *edge) say(t *testing.T, raw []byte) (answers []int, bodies []string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.server.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, _ = conn.Write(raw) // a server that has seen enough closes before the end
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.CloseWrite()
	}
	for in := bufio.NewReader(conn); ; {
		status, body, err := readAnswer(in)
		if err != nil {
			require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
			var late net.Error
			require.False(t, errors.As(err, &late) && late.Timeout(), "neither answered nor closed: %q", raw)
			return answers, bodies
		}
		answers, bodies = append(answers, status), append(bodies, body)
	}
}

// FuzzSmuggling: whatever headers come before it, a body is a body. The request that
// stands in it is never served, and neither is anything after a refusal.
func FuzzSmuggling(f *testing.F) {
	for _, row := range rawRows {
		headers, _, whole := strings.Cut(row.raw, "\r\n\r\n")
		if _, after, found := strings.Cut(headers, "\r\n"); whole && found {
			f.Add([]byte(after+"\r\n"), false)
		}
	}
	f.Add([]byte("X-A: b\nContent-Length: 0\n"), true)
	f.Add([]byte("Transfer-Encoding: chunked\r\n"), true)
	e, faults := startQuiet(f)
	f.Fuzz(func(t *testing.T, headers []byte, first bool) {
		// Where the headers end is the sender's to say: an empty line in them ends them.
		lined := append([]byte("\r\n"), headers...)
		if bytes.Contains(lined, []byte("\n\r\n")) || bytes.Contains(lined, []byte("\n\n")) || len(headers) > 4000 {
			t.Skip()
		}
		if len(headers) > 0 && !bytes.HasSuffix(headers, []byte("\r\n")) {
			headers = append(bytes.Clone(headers), "\r\n"...)
		}
		inner := "0\r\n\r\n" + smuggled // ends a chunked body, too, if the server thinks it is one
		length := []byte("Content-Length: " + strconv.Itoa(len(inner)) + "\r\n")
		if first {
			headers = append(length, headers...)
		} else {
			headers = append(bytes.Clone(headers), length...)
		}
		answers, _ := e.say(t, []byte("POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\n"+string(headers)+"\r\n"+inner))
		require.LessOrEqual(t, len(answers)-countOf(answers, 100), 1, "one request, one answer: %q", headers)
		require.NotContains(t, answers, 200, "%q", headers)
		require.Empty(t, faults.String())
	})
}

// FuzzRawSocket: whatever bytes come, every answer is one of ours, no handler breaks,
// and the next connection is served.
func FuzzRawSocket(f *testing.F) {
	for _, row := range rawRows {
		if len(row.raw) < 2000 {
			f.Add([]byte(row.raw))
		}
	}
	e, faults := startQuiet(f)
	ours := []int{100, 200, 400, 401, 404, 405, 408, 413, 415, 422, 431}
	f.Fuzz(func(t *testing.T, raw []byte) {
		answers, bodies := e.say(t, raw)
		for i, status := range answers {
			require.Contains(t, ours, status, "%q", raw)
			// 413 and 401 to an Expect have no body: fasthttp allows none there.
			if status >= 400 && bodies[i] != "" {
				require.Contains(t, bodies[i], `"code":"`, "%q", raw)
			}
		}
		require.Empty(t, faults.String(), "%q", raw)
		require.Empty(t, e.parked, "nothing is signed: %q", raw)
		after, _ := e.say(t, []byte("GET /openapi-3.0.json HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.Equal(t, []int{200}, after)
	})
}

// FuzzIdempotencyKey: 1 to 255 visible ASCII characters, and nothing else, at the real
// door.
func FuzzIdempotencyKey(f *testing.F) {
	for _, key := range []string{
		"k", "9f6c0b1e-initiate", strings.Repeat("k", 255), strings.Repeat("k", 256), "a b", "", " ", "a\tb", "é", "~!", "a,b", "\x00", "\x7f",
	} {
		f.Add(key)
	}
	e, faults := startQuiet(f)
	f.Fuzz(func(t *testing.T, key string) {
		if strings.ContainsAny(key, "\r\n") || len(key) > 2000 {
			t.Skip() // it would be another header
		}
		answers, bodies := e.say(t, []byte(payment+"Idempotency-Key: "+key+"\r\nConnection: close\r\n\r\n{}"))
		require.Len(t, answers, 1)
		key = strings.Trim(key, " \t") // around a value, they are no part of it (RFC 9110, 5.5)
		visible := len(key) >= 1 && len(key) <= 255 && !strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' })
		if visible {
			require.Equal(t, 422, answers[0], "%q: %s", key, bodies[0])
			require.NotContains(t, bodies[0], "idempotency_key")
		} else {
			require.Equal(t, 400, answers[0], "%q: %s", key, bodies[0])
		}
		if len(key) > 20 {
			require.NotContains(t, bodies[0], key)
		}
		require.Empty(t, faults.String())
	})
}

func countOf(answers []int, status int) (n int) {
	for _, a := range answers {
		if a == status {
			n++
		}
	}
	return n
}
