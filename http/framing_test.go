package http_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
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
	for in := bufio.NewReader(conn); ; {
		status, content, err := readAnswer(in)
		if err != nil {
			require.Zero(t, status, "an answer that breaks off")
			return statuses, body
		}
		statuses, body = append(statuses, status), content
	}
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

// A thousand connections that send a byte now and then, half of them in the headers,
// half in the body: they hold a socket each and nothing else. Webhooks are answered
// meanwhile, and every one of the thousand is ended.
func TestAThousandSlowConnectionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.ReadWithin = 3 * time.Second })
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	const many = 1000
	slow := make([]net.Conn, many)
	for i := range slow {
		conn, err := net.Dial("tcp", e.server.Addr())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		opening := "POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\nX-Slow: "
		if i%2 == 0 {
			opening = "POST /webhooks/paystack HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
		}
		_, err = io.WriteString(conn, opening)
		require.NoError(t, err)
		slow[i] = conn
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		drip := time.NewTicker(200 * time.Millisecond)
		defer drip.Stop()
		for {
			select {
			case <-stop:
				return
			case <-drip.C:
				for _, conn := range slow {
					_, _ = conn.Write([]byte("a")) // those that were ended take none
				}
			}
		}
	}()
	body := successBody(t, p.Reference, p.Amount)
	for range 200 {
		began := time.Now()
		require.Equal(t, 200, e.deliver(t, body).status)
		require.Less(t, time.Since(began), 10*time.Second)
	}
	for _, conn := range slow {
		statuses, _ := readAnswers(t, conn)
		require.Equal(t, []int{408}, statuses)
	}
	close(stop)
	<-done
	require.Equal(t, 200, e.deliver(t, body).status)
}
