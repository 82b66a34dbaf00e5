package http

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// doors is a listener at which one address has only so many connections: a few
// machines that open sockets and say nothing shall not take them all. A trusted
// proxy, and this machine, bring everybody's.
type doors struct {
	net.Listener
	trusted []netip.Prefix

	mu   sync.Mutex
	open map[netip.Addr]int // at most connectionsMax entries, and one more while it is turned away
}

func newDoors(on net.Listener, trusted []netip.Prefix) *doors {
	return &doors{Listener: on, trusted: trusted, open: map[netip.Addr]int{}}
}

// Accept returns the next connection of an address that has a place, and closes
// those that have none without a word: to read them is what they want.
func (d *doors) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, is := conn.RemoteAddr().(*net.TCPAddr)
		if !is {
			return conn, nil
		}
		addr := plainAddr(from.IP)
		if onThisMachine(addr) || slices.ContainsFunc(d.trusted, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return conn, nil
		}
		if addr = site(addr); d.enter(addr) {
			return &placed{Conn: conn, leave: sync.OnceFunc(func() { d.leave(addr) })}, nil
		}
		_ = conn.Close()
	}
}

func (d *doors) enter(addr netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[addr] == connectionsPerAddress {
		return false
	}
	d.open[addr]++
	return true
}

func (d *doors) leave(addr netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[addr]--; d.open[addr] == 0 {
		delete(d.open, addr)
	}
}

// placed is a connection that gives its place back when it is closed.
type placed struct {
	net.Conn
	leave func()
}

// Close closes it, however often.
func (p *placed) Close() error {
	p.leave()
	return p.Conn.Close()
}
