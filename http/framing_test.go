package http_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

// exchange writes raw bytes and returns every status line and the last body the
// server answered with before it closed.
func (e *edge) exchange(t *testing.T, raw string) (statuses []int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.server.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, raw)
	require.NoError(t, err)
	return readAnswers(t, conn)
}

func readAnswers(t *testing.T, conn net.Conn) (statuses []int, body string) {
	t.Helper()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return statuses, body
		}
		status, err := strconv.Atoi(strings.Fields(line)[1])
		require.NoError(t, err, line)
		length := 0
		for line != "\r\n" {
			line, err = in.ReadString('\n')
			require.NoError(t, err)
			if value, found := strings.CutPrefix(line, "Content-Length: "); found {
				length, err = strconv.Atoi(strings.TrimSpace(value))
				require.NoError(t, err)
			}
		}
		content := make([]byte, length)
		_, err = io.ReadFull(in, content)
		require.NoError(t, err)
		statuses, body = append(statuses, status), string(content)
	}
}

func TestFramesThatTwoReadersReadDifferentlyAreRefused(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.ReadWithin = time.Second })
	const (
		post    = "POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\n"
		get     = "GET /v1/payments/pay_x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + platformSecret + "\r\n"
		closing = "Connection: close\r\n"
		smuggle = "GET /openapi.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	)
	for _, c := range []struct {
		name, raw string
		status    int
	}{
		{"length and chunked", post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggle, 400},
		{"two lengths that differ", post + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400},
		{"two lengths that agree", post + "Content-Length: 3\r\nContent-Length: 3\r\n" + closing + "\r\nabc", 400},
		{"signed length", post + "Content-Length: +3\r\n" + closing + "\r\nabc", 400},
		{"xchunked", post + "Transfer-Encoding: xchunked\r\n" + closing + "\r\n3\r\nabc\r\n0\r\n\r\n", 400},
		{"chunked and identity", post + "Transfer-Encoding: chunked, identity\r\n" + closing + "\r\n3\r\nabc\r\n0\r\n\r\n", 400},
		{"space before the colon", post + "Transfer-Encoding : chunked\r\n" + closing + "\r\n3\r\nabc\r\n0\r\n\r\n", 400},
		// No end of the headers is ever seen.
		{"bare line feeds", "POST /webhooks/paystack HTTP/1.1\nHost: a\nContent-Length: 3\nConnection: close\n\nabc", 408},
		{"newline in a chunk extension", post + "Transfer-Encoding: chunked\r\n" + closing + "\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", 400},
		{"no host", "GET /openapi.json HTTP/1.1\r\nConnection: close\r\n\r\n", 400},
		{"two hosts", "GET /openapi.json HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400},
		{"folded header", get + "X-Test: a\r\n b\r\n" + closing + "\r\n", 400},
		{"folded with a tab", get + "X-Test: a\r\n\tb\r\n" + closing + "\r\n", 400},
		{"NUL in a value", get + "X-Test: a\x00b\r\n" + closing + "\r\n", 400},
		{"two authorizations", get + "Authorization: Bearer other\r\n" + closing + "\r\n", 400},
		{"two signatures", post + "x-paystack-signature: aa\r\nX-Paystack-Signature: bb\r\nContent-Length: 2\r\n" + closing + "\r\n{}", 401},
		{"body over the limit", post + "Content-Length: 70000\r\n\r\n" + strings.Repeat("a", 70000), 413},
		{"chunks over the limit", post + "Transfer-Encoding: chunked\r\n\r\n11170\r\n" + strings.Repeat("a", 70000) + "\r\n0\r\n\r\n", 413},
		{"headers over the limit", get + "X-A: " + strings.Repeat("a", 9000) + "\r\n\r\n", 431},
		{"escaped path", "GET /v1/%70ayments/pay_x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400},
		{"double slash", "GET //v1/payments/pay_x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400},
		{"dots", "GET /v1/x/../payments/pay_x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400},
		{
			"escaped webhook",
			"POST /%77ebhooks/paystack HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\nConnection: close\r\n\r\n" + strings.Repeat("a", 70000),
			400,
		},
		{"NUL in the path", "GET /v1/payments/pay_x%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			statuses, body := e.exchange(t, c.raw)
			require.Equal(t, []int{c.status}, statuses, "%s", body)
			require.Contains(t, body, `"code":"`)
			require.Contains(t, body, `"request_id":"`)
		})
	}
	t.Cleanup(func() { require.NotContains(t, e.log.String(), platformSecret) })
}

func TestABodyThatWouldBeRefusedIsNotInvited(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, c := range map[string]struct {
		raw    string
		status []int
	}{
		"too large":  {"POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n", []int{413}},
		"no API key": {"POST /v1/payments/initiate HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", []int{401}},
		"welcome": {
			"POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
			[]int{100, 401},
		},
	} {
		statuses, _ := e.exchange(t, c.raw)
		require.Equal(t, c.status, statuses, name)
	}
}

func TestASlowRequestIsEndedAsAWhole(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.ReadWithin = 300 * time.Millisecond })
	conn, err := net.Dial("tcp", e.server.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(conn, "POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
	require.NoError(t, err)
	drip := time.NewTicker(20 * time.Millisecond) // each byte alone is in time; all of them are not
	defer drip.Stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			<-drip.C
			if _, err := conn.Write([]byte("a")); err != nil {
				return
			}
		}
	}()
	statuses, body := readAnswers(t, conn)
	require.NoError(t, conn.Close())
	<-done
	require.Equal(t, []int{408}, statuses)
	require.Contains(t, body, "request_timeout")
}
