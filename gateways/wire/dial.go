package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// unsent is the error of a call of which no byte of the request left us: the
// name was not found, nobody listened, TLS failed, no connection was free. It
// deliberately has no Timeout method: fasthttp would replace it by its own
// timeout, which says nothing about what was sent.
type unsent struct{ err error }

func (e *unsent) Error() string { return "not sent: " + e.err.Error() }
func (e *unsent) Unwrap() error { return e.err }

// dialer opens connections: TCP, then TLS unless the gateway is a plain sandbox.
// The TLS handshake is part of dialling, so that its failure is known to have
// come before the request.
type dialer struct {
	tls *tls.Config // nil for plain HTTP
}

// sessionsMax is how many TLS sessions are kept to be resumed. One host serves
// them all; a few tickets a moment is what concurrent handshakes use up.
const sessionsMax = 64

func newTLS(host string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionsMax),
	}
}

// dial has fasthttp's signature. Every error is *unsent.
func (d dialer) dial(address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, &unsent{err}
	}
	conn := &counted{Conn: raw}
	if d.tls == nil {
		return conn, nil
	}
	secured := tls.Client(conn, d.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, &unsent{err}
	}
	conn.written = 0 // from here on it is the request's bytes
	return secured, nil
}

// counted counts what the operating system took of a request. It serves one
// request, so one goroutine.
type counted struct {
	net.Conn
	written int
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
