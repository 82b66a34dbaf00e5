package http

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"

	"github.com/valyala/fasthttp"
)

const (
	// forwardedHopsMax is how many hops of X-Forwarded-For are read: 32 of them are
	// more proxies in a row than anybody runs, and a header of 8 KiB could list 4,000.
	forwardedHopsMax = 32

	// A network of trusted proxies is at most so wide: the widest a provider of
	// proxies publishes is a /13 of IPv4, and a /29 of IPv6. What is wider is a typing
	// error, or everybody.
	proxyBitsMin4, proxyBitsMin6 = 8, 16

	// One household has at least 2^64 addresses of IPv6 (RFC 6177): a limit per
	// address is one per /64 there.
	siteBits6 = 64
)

// client says whose request it is: the address that talks to us or, when that is a
// proxy of ours, the right-most one in X-Forwarded-For that is not (S-20). Each
// proxy writes whom it talked to at the right end; what stands further left than
// the first stranger is the stranger's own words. An entry that is no address ends
// the walk: beyond it nobody knows, and the proxy that passed it on is who came.
func (s *Server) client(ctx *fasthttp.RequestCtx) netip.Addr {
	came := plainAddr(ctx.RemoteIP())
	if !s.trusts(came) {
		return came
	}
	lines := ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor) // several lines are one list (RFC 9110, 5.3)
	hops := 0
	for _, line := range slices.Backward(lines) {
		for rest := line; rest != nil; hops++ {
			if hops == forwardedHopsMax {
				return came
			}
			entry := rest
			if comma := bytes.LastIndexByte(rest, ','); comma >= 0 {
				entry, rest = rest[comma+1:], rest[:comma]
			} else {
				rest = nil
			}
			hop, ok := parseHop(bytes.Trim(entry, " \t"))
			if !ok {
				return came
			}
			if came = hop; !s.trusts(came) {
				return came
			}
		}
	}
	return came
}

// trusts says that what this address claims about others is believed.
func (s *Server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseHop reads an entry of X-Forwarded-For: an address, perhaps with a port, as
// some proxies write it; one of IPv6 with a port stands in brackets.
func parseHop(entry []byte) (netip.Addr, bool) {
	if len(entry) == 0 || len(entry) > len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535") {
		return netip.Addr{}, false
	}
	text := string(entry)
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap(), addr.Zone() == ""
	}
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap(), with.Addr().Zone() == ""
	}
	if bare, closed := bytes.CutSuffix(bytes.TrimPrefix(entry, []byte("[")), []byte("]")); closed && entry[0] == '[' {
		addr, err := netip.ParseAddr(string(bare))
		return addr.Unmap(), err == nil && addr.Is6() && addr.Zone() == ""
	}
	return netip.Addr{}, false
}

// plainAddr is an address in its one spelling: a listener of both families sees
// 192.0.2.1 as ::ffff:192.0.2.1.
func plainAddr(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// site is what one client can be told apart by: its address, or its /64.
func site(a netip.Addr) netip.Addr {
	if a.Is6() {
		if network, err := a.Prefix(siteBits6); err == nil {
			return network.Addr()
		}
	}
	return a
}

// onThisMachine says that the address tells nothing of who came: a tool of whoever
// runs us, or a proxy that was not named. It has no limits of its own.
func onThisMachine(a netip.Addr) bool { return a.IsLoopback() }

// ParseNetworks reads addresses and networks, 192.0.2.1 or 10.0.0.0/8, in their one
// spelling. It never repeats what it can't read.
func ParseNetworks(spelled []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, one := range spelled {
		network, err := netip.ParsePrefix(one)
		if err != nil {
			addr, err := netip.ParseAddr(one)
			if err != nil || addr.Zone() != "" {
				return nil, errors.New("an address or a network is written 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32")
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		if addr := network.Addr(); addr.Is4In6() { // ::ffff:10.0.0.0/104 is 10.0.0.0/8
			const mapped = 96
			if network.Bits() < mapped {
				return nil, errors.New("a mapped network of IPv4 is written as one of IPv4")
			}
			network = netip.PrefixFrom(addr.Unmap(), network.Bits()-mapped)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// Everybody reports networks that are so wide, one of them or all together, that to trust
// them is to trust whoever comes: anybody may then choose the address we take them for.
// Private networks are nobody's but ours.
func Everybody(networks []netip.Prefix) error {
	var share4, share6 float64 // of the widest network there may be
	for _, n := range networks {
		least := proxyBitsMin4
		if n.Addr().Is6() {
			least = proxyBitsMin6
		}
		if n.Bits() < least {
			return fmt.Errorf("a network of /%d is everybody: at least /%d of IPv4, /%d of IPv6", n.Bits(), proxyBitsMin4, proxyBitsMin6)
		}
		switch share := math.Exp2(float64(least - n.Bits())); {
		case n.Addr().IsPrivate():
		case n.Addr().Is6():
			share6 += share
		default:
			share4 += share
		}
	}
	if share4 > 1 || share6 > 1 {
		return fmt.Errorf("together they are everybody: no more than one /%d of IPv4 and one /%d of IPv6 in all", proxyBitsMin4, proxyBitsMin6)
	}
	return nil
}
