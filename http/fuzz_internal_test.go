package http

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// FuzzFingerprint: two bodies have the same fingerprint exactly when they mean the
// same, however each is spelled.
func FuzzFingerprint(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 } `},
		{`{"a":"é<"}`, `{"\u0061":"\u00e9\u003c"}`},
		{`{"a":15000}`, `{"a":15000.0}`},
		{`{"a":null}`, `{}`},
		{`[1,2]`, `[2,1]`},
		{`{"path":"x","body":{}}`, `{}`},
		{`{"a":{"b":1},"c":2}`, `{"a":{"b":1,"c":2}}`},
		{`"1"`, `1`},
	} {
		f.Add("", []byte(pair[0]), "", []byte(pair[1]))
		f.Add("pay_1", []byte(pair[0]), "pay_2", []byte(pair[0]))
	}
	f.Fuzz(func(t *testing.T, path1 string, body1 []byte, path2 string, body2 []byte) {
		tree1, err1 := parseJSON(body1)
		tree2, err2 := parseJSON(body2)
		if err1 != nil || err2 != nil {
			t.Skip()
		}
		one, err := fingerprint(path1, tree1)
		require.NoError(t, err)
		other, err := fingerprint(path2, tree2)
		require.NoError(t, err)
		if validPath(path1) && validPath(path2) {
			require.Equal(t, path1 == path2 && reflect.DeepEqual(tree1, tree2), one == other)
		}
		var spaced bytes.Buffer
		require.NoError(t, json.Indent(&spaced, body1, "  ", "\t"))
		tree, err := parseJSON(spaced.Bytes())
		require.NoError(t, err)
		again, err := fingerprint(path1, tree)
		require.NoError(t, err)
		require.Equal(t, one, again, "spaces mean nothing")
		sorted, err := json.Marshal(tree1)
		require.NoError(t, err)
		tree, err = parseJSON(sorted)
		require.NoError(t, err)
		again, err = fingerprint(path1, tree)
		require.NoError(t, err)
		require.Equal(t, one, again, "neither do the order of keys and the way a letter is escaped")
	})
}

// validPath reports what a path's parameter may be: inspectTarget lets no other through.
func validPath(s string) bool {
	return !bytes.ContainsFunc([]byte(s), func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// FuzzForwarded: whatever a client writes into X-Forwarded-For, the address that our
// proxy adds at its right end is whom we take it for.
func FuzzForwarded(f *testing.F) {
	for _, claim := range []string{
		"", "198.51.100.7", "198.51.100.7, 10.0.0.1", "unknown", ",,,", "[2001:db8::1]:443", "::ffff:198.51.100.7", "fe80::1%eth0",
		"\"", "10.0.0.1",
	} {
		f.Add([]byte(claim))
	}
	s := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	client := func(lines ...string) netip.Addr {
		var ctx fasthttp.RequestCtx
		ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, nil)
		for _, line := range lines {
			ctx.Request.Header.Add(fasthttp.HeaderXForwardedFor, line)
		}
		return s.client(&ctx)
	}
	real := netip.MustParseAddr("203.0.113.9")
	f.Fuzz(func(t *testing.T, claim []byte) {
		require.Equal(t, real, client(string(claim)+", 203.0.113.9"))
		require.Equal(t, real, client(string(claim)+",203.0.113.9, 10.0.0.2"))
		require.Equal(t, real, client(string(claim), "203.0.113.9"))
		alone := client(string(claim))
		require.True(t, alone.IsValid() && !alone.Is4In6() && alone.Zone() == "")
	})
}
