package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// unsent is the error of a call of which no byte of the request left us: the
// name was not found, nobody listened, TLS failed, no connection was free. It
// deliberately has no Timeout method: fasthttp would replace it by its own
// timeout, which says nothing about what was sent.
type unsent struct{ err error }

func (e *unsent) Error() string { return "not sent: " + e.err.Error() }
func (e *unsent) Unwrap() error { return e.err }

// sessionsMax is how many TLS sessions are kept to be resumed. One host serves
// them all; a few tickets a moment is what concurrent handshakes use up.
const sessionsMax = 64

func newTLS(host string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionsMax),
	}
}

// dialing opens connections: TCP, then TLS unless the gateway is a plain sandbox.
// The TLS handshake is part of dialling, so that its failure is known to have
// come before the request. Every error is *unsent.
//
// The caller's cancelling cuts the connection, too. It is nobody's for what may
// move money: only an answer, or its time, ends that.
func dialing(caller context.Context, secure *tls.Config) fasthttp.DialFuncWithTimeout {
	return func(address string, timeout time.Duration) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(caller, timeout)
		defer cancel()
		raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, &unsent{err}
		}
		conn := &counted{Conn: raw, uncut: context.AfterFunc(caller, func() {
			if errors.Is(caller.Err(), context.Canceled) { // a deadline is kept, and told, by fasthttp
				_ = raw.Close()
			}
		})}
		if secure == nil {
			return conn, nil
		}
		secured := tls.Client(conn, secure)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, &unsent{err}
		}
		conn.written = 0 // from here on it is the request's bytes
		return secured, nil
	}
}

// counted counts what the operating system took of a request. It serves one
// request, so one goroutine.
type counted struct {
	net.Conn
	written int
	uncut   func() bool // ends the wait for the caller's cancelling
}

// Close is called once the request is over, however it ended.
func (c *counted) Close() error {
	c.uncut()
	return c.Conn.Close()
}

// Write marks a failure before the first byte as unsent; after it, part of a
// request may have arrived, and part of one is enough to be ambiguous.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written += n
	if err != nil && c.written == 0 {
		return n, &unsent{err}
	}
	return n, err
}
