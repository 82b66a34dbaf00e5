package sandbox

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Gate is a listener that can go dark: the port is closed, so that a client
// gets "connection refused" and knows that nothing was sent, and every open
// connection is cut. Lit again it listens where it did before.
type Gate struct {
	mu     sync.Mutex
	addr   string
	inner  net.Listener // nil while dark
	lit    chan struct{}
	closed bool
	conns  map[net.Conn]struct{}
}

// OpenGate listens on a TCP address; port 0 is any free one, kept from then on.
func OpenGate(addr string) (*Gate, error) {
	inner, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &Gate{addr: inner.Addr().String(), inner: inner, lit: make(chan struct{}), conns: map[net.Conn]struct{}{}}, nil
}

// Accept waits for a connection, through any darkness, until Close.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		inner, lit, closed := g.inner, g.lit, g.closed
		g.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if inner == nil {
			<-lit
			continue
		}
		conn, err := inner.Accept()
		if err == nil {
			if tracked := g.track(conn, inner); tracked != nil {
				return tracked, nil
			}
			continue
		}
		if !errors.Is(err, net.ErrClosed) {
			return nil, err
		}
	}
}

// track remembers a connection; nil if the gate went dark while it came in.
func (g *Gate) track(conn net.Conn, inner net.Listener) net.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inner != inner {
		_ = conn.Close()
		return nil
	}
	g.conns[conn] = struct{}{}
	return &gateConn{Conn: conn, gate: g}
}

// Darken closes the port and cuts every connection. Twice is harmless.
func (g *Gate) Darken() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inner == nil {
		return
	}
	_ = g.inner.Close()
	g.inner = nil
	g.cut()
}

// Light listens again at the same address. It fails if somebody took the port.
func (g *Gate) Light() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inner != nil || g.closed {
		return nil
	}
	inner, err := net.Listen("tcp", g.addr)
	if err != nil {
		return fmt.Errorf("listen again: %w", err)
	}
	g.inner = inner
	g.wake()
	return nil
}

// Close ends Accept and cuts every connection. Twice is harmless.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if g.inner != nil {
		_ = g.inner.Close()
		g.inner = nil
	}
	g.cut()
	g.wake()
	return nil
}

// Addr is where it listens, dark or not.
func (g *Gate) Addr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", g.addr)
	if err != nil { // it was a listener's own address
		return &net.TCPAddr{}
	}
	return addr
}

func (g *Gate) cut() {
	for conn := range g.conns {
		_ = conn.Close()
	}
	clear(g.conns)
}

func (g *Gate) wake() {
	close(g.lit)
	g.lit = make(chan struct{})
}

type gateConn struct {
	net.Conn
	gate *Gate
}

// Close forgets the connection as well.
func (c *gateConn) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.conns, c.Conn)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
