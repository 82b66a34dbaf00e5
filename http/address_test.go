package http_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

// behind makes a server believe what these networks say about others. The tests
// themselves come from 127.0.0.1.
func behind(t *testing.T, networks ...string) func(*http.Config) {
	t.Helper()
	trusted, err := http.ParseNetworks(networks)
	require.NoError(t, err)
	return func(c *http.Config) { c.TrustedProxies = trusted }
}

// TestNobodyChoosesTheAddressTheyAreTakenFor is the spoof table (S-20): what a
// client writes itself is never who it is.
func TestNobodyChoosesTheAddressTheyAreTakenFor(t *testing.T) {
	t.Parallel()
	const (
		mine     = "127.0.0.1" // who really talks to the server
		one      = "127.0.0.0/8"
		two      = "10.0.0.0/8"
		six      = "2001:db8:ffff::/48"
		attacker = "203.0.113.9"
		victim   = "198.51.100.7"
	)
	for _, c := range []struct {
		name    string
		trusted []string
		lines   []string // of X-Forwarded-For
		from    string
	}{
		{"nobody is trusted and nothing is said", nil, nil, mine},
		{"nobody is trusted: what is said is a claim", nil, []string{victim}, mine},
		{"another proxy than the one that came is trusted", []string{two}, []string{victim}, mine},
		{"the proxy says nothing", []string{one}, nil, mine},
		{"the proxy says nothing in words", []string{one}, []string{""}, mine},
		{"the proxy says who came", []string{one}, []string{attacker}, attacker},
		{"the client has written something before", []string{one}, []string{victim + ", " + attacker}, attacker},
		{"the client has written a lot before", []string{one}, []string{"1.1.1.1, 2.2.2.2,3.3.3.3 , " + victim + "," + attacker}, attacker},
		{"the client pretends to be our proxy", []string{one}, []string{"127.0.0.1, " + attacker}, attacker},
		{"the client pretends that our proxies talked", []string{one, two}, []string{victim + ", 10.0.0.1, " + attacker}, attacker},
		{"two proxies", []string{one, two}, []string{attacker + ", 10.0.0.1"}, attacker},
		{"two proxies, and the client has written before", []string{one, two}, []string{victim + ", " + attacker + ", 10.0.0.1"}, attacker},
		{"of two proxies one is not trusted", []string{one}, []string{attacker + ", 10.0.0.1"}, "10.0.0.1"},
		{"proxies all the way", []string{one, two}, []string{"10.0.0.2, 10.0.0.1"}, "10.0.0.2"},
		{"each proxy writes a line", []string{one, two}, []string{victim, attacker, "10.0.0.1"}, attacker},
		{"the client's own line comes first", []string{one}, []string{victim, attacker}, attacker},
		{"lines of several", []string{one, two}, []string{victim + ", 1.1.1.1", attacker + ", 10.0.0.1"}, attacker},
		{"an empty line at the end", []string{one}, []string{attacker, ""}, mine},
		{"garbage", []string{one}, []string{"unknown"}, mine},
		{"an obfuscated name", []string{one}, []string{"_hidden"}, mine},
		{"garbage before the address", []string{one}, []string{"<script>, " + attacker}, attacker},
		{"garbage after the address", []string{one}, []string{attacker + ", x"}, mine},
		{"garbage behind a proxy", []string{one, two}, []string{victim + ", x, 10.0.0.1"}, "10.0.0.1"},
		{"a comma at the end", []string{one}, []string{attacker + ","}, mine},
		{"commas alone", []string{one}, []string{",,,,"}, mine},
		{"a quote", []string{one}, []string{`"` + attacker + `"`}, mine},
		{"an address with leading zeros", []string{one}, []string{"203.000.113.009"}, mine},
		{"an address of three numbers", []string{one}, []string{"203.113.9"}, mine},
		{"an address as a number", []string{one}, []string{"3405803785"}, mine},
		{"an address in hexadecimal", []string{one}, []string{"0xcb007109"}, mine},
		{"a network", []string{one}, []string{"203.0.113.0/24"}, mine},
		{"a name", []string{one}, []string{"localhost"}, mine},
		{"spaces and tabs", []string{one}, []string{" \t" + victim + " ,\t " + attacker + " \t"}, attacker},
		{"a port", []string{one}, []string{attacker + ":4711"}, attacker},
		{"a port that is none", []string{one}, []string{attacker + ":99999"}, mine},
		{"a port of a proxy", []string{one, two}, []string{attacker + ":4711, 10.0.0.1:80"}, attacker},
		{"IPv6", []string{one}, []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in another spelling", []string{one}, []string{"2001:0DB8:0:0::0007"}, "2001:db8::7"},
		{"IPv6 in brackets", []string{one}, []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 with a port", []string{one}, []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		{"IPv4 in brackets", []string{one}, []string{"[203.0.113.9]"}, mine},
		{"a bracket left open", []string{one}, []string{"[2001:db8::7"}, mine},
		{"IPv6 with a zone", []string{one}, []string{"fe80::1%eth0"}, mine},
		{"a proxy of IPv6", []string{one, six}, []string{attacker + ", 2001:db8:ffff::1"}, attacker},
		{"IPv6 beside the proxies' network", []string{one, six}, []string{attacker + ", 2001:db8:fffe::1"}, "2001:db8:fffe::1"},
		{"mapped IPv4", []string{one}, []string{"::ffff:203.0.113.9"}, attacker},
		{"mapped IPv4 in hexadecimal", []string{one}, []string{"::ffff:cb00:7109"}, attacker},
		{"a proxy told as mapped IPv4", []string{one, two}, []string{attacker + ", ::ffff:10.0.0.1"}, attacker},
		{"a network told as mapped IPv4", []string{"::ffff:127.0.0.0/104"}, []string{attacker}, attacker},
		{"one address, not a network", []string{"127.0.0.1"}, []string{attacker}, attacker},
		{"more hops than anybody has", []string{one, two}, []string{attacker + strings.Repeat(",10.0.0.1", 40)}, "10.0.0.1"},
		{"an entry without end", []string{one}, []string{strings.Repeat("1", 4000)}, mine},
		{"a thousand entries of the client's", []string{one}, []string{strings.Repeat("1.1.1.1,", 800) + attacker}, attacker},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, behind(t, c.trusted...))
			var raw strings.Builder
			raw.WriteString("GET /openapi.json HTTP/1.1\r\nHost: a\r\nX-Request-Id: who-is-it\r\n")
			raw.WriteString("X-Real-IP: " + victim + "\r\nForwarded: for=" + victim + "\r\n") // no proxy of ours is asked to write these
			for _, line := range c.lines {
				raw.WriteString("X-Forwarded-For: " + line + "\r\n")
			}
			statuses, _ := e.exchange(t, raw.String()+"Connection: close\r\n\r\n")
			require.Equal(t, []int{200}, statuses)
			require.Equal(t, c.from, loggedFrom(t, e.log.String(), "who-is-it"))
		})
	}
}

// loggedFrom is the address the access log has of a request.
func loggedFrom(t *testing.T, log, id string) string {
	t.Helper()
	for lines := bufio.NewScanner(strings.NewReader(log)); lines.Scan(); {
		var entry struct {
			Message   string `json:"msg"`
			RequestID string `json:"request_id"`
			From      string `json:"from"`
		}
		require.NoError(t, json.NewDecoder(bytes.NewReader(lines.Bytes())).Decode(&entry))
		if entry.Message == "request" && entry.RequestID == id {
			return entry.From
		}
	}
	require.Fail(t, "no such request in the log")
	return ""
}

func TestNetworksAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for _, good := range [][]string{nil, {"10.0.0.0/8"}, {"192.0.2.1", "2001:db8::/32"}, {"2001:db8::1"}} {
		networks, err := http.ParseNetworks(good)
		require.NoError(t, err, good)
		require.Len(t, networks, len(good))
		require.NoError(t, http.Everybody(networks), good)
	}
	for _, bad := range []string{"", "x", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "::ffff:10.0.0.0/90", "10.0.0.0/8,"} {
		_, err := http.ParseNetworks([]string{bad})
		require.Error(t, err, bad)
	}
	for _, all := range []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::ffff:0.0.0.0/96", "2000::/3", "10.0.0.0/7", "::/1"} {
		networks, err := http.ParseNetworks([]string{"192.0.2.1", all})
		require.NoError(t, err, all)
		require.Error(t, http.Everybody(networks), all)
	}
}

// crowd is a listener at which connections come from wherever a test says.
type crowd struct{ come chan net.Conn }

func (c *crowd) Accept() (net.Conn, error) {
	conn, open := <-c.come
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (c *crowd) Close() error   { return nil }
func (c *crowd) Addr() net.Addr { return &net.TCPAddr{} }

// caller is one end of a connection from an address.
type caller struct {
	net.Conn
	from string
}

func (c caller) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(c.from), Port: 4711} }

func TestOneAddressCannotTakeEveryConnection(t *testing.T) {
	t.Parallel()
	trusted, err := http.ParseNetworks([]string{"10.0.0.0/8"})
	require.NoError(t, err)
	outside := &crowd{make(chan net.Conn)}
	door := http.CountConnections(outside, trusted)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	// come says whether a connection from there was let in, or closed.
	come := func(from string) net.Conn {
		theirs, ours := net.Pipe()
		t.Cleanup(func() { _ = theirs.Close() })
		outside.come <- caller{ours, from}
		closed := make(chan struct{})
		go func() {
			_, _ = theirs.Read(make([]byte, 1))
			close(closed)
		}()
		select {
		case conn := <-accepted:
			return conn
		case <-closed:
			return nil
		case <-time.After(10 * time.Second):
			require.Fail(t, "neither let in nor closed")
			return nil
		}
	}
	var let []net.Conn
	for range http.ConnectionsPerAddress {
		conn := come("203.0.113.9")
		require.NotNil(t, conn)
		let = append(let, conn)
	}
	require.Nil(t, come("203.0.113.9"), "one more")
	require.Nil(t, come("::ffff:203.0.113.9"), "the same address in another spelling")
	require.NotNil(t, come("203.0.113.10"), "another address")
	require.NoError(t, let[0].Close())
	_ = let[0].Close() // twice is once
	require.NotNil(t, come("203.0.113.9"), "whose place was given back")
	require.Nil(t, come("203.0.113.9"))
	for i := range http.ConnectionsPerAddress {
		require.NotNil(t, come(fmt.Sprintf("2001:db8::%x", i+1)))
	}
	require.Nil(t, come("2001:db8::ffff"), "a household is one address")
	for range 2 * http.ConnectionsPerAddress {
		require.NotNil(t, come("10.0.0.1"), "a proxy has everybody's connections")
		require.NotNil(t, come("127.0.0.1"), "this machine's")
	}
	close(outside.come)
	<-accepted
}
