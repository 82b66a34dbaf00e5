package wire

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bookmi/cauri/internal/secret"
)

// Origin reads a gateway's base URL: scheme and host, https unless the key is of a
// test mode. Its errors name no secret.
func Origin(base string, key secret.Secret, live bool) (*url.URL, error) {
	at, err := url.Parse(base)
	switch {
	case err != nil || at.Host == "" || at.User != nil || strings.Trim(at.Path, "/") != "" || at.RawQuery != "":
		return nil, errors.New("the base URL is scheme and host, nothing more")
	case at.Scheme != "https" && at.Scheme != "http":
		return nil, errors.New("the base URL is https")
	case at.Scheme == "http" && live:
		return nil, errors.New("a live key never travels over plain http")
	case strings.ContainsFunc(key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the key has a character no key has")
	}
	return at, nil
}

// urlBytesMax is what browsers and phones are sure to open.
const urlBytesMax = 2048

// CheckReturn refuses an address a payer's browser could not come back to: https,
// or, where no money is live, this machine. "" is none, and fine.
func CheckReturn(address string, live bool) error {
	if address == "" {
		return nil
	}
	back, err := url.Parse(address)
	plain := err == nil && back.Scheme == "http" && !live && isLoopback(back.Hostname())
	if err != nil || (back.Scheme != "https" && !plain) || back.Host == "" || len(address) > urlBytesMax {
		return errors.New("the return URL is https, and short enough for every browser")
	}
	return nil
}

// Places are where a payer may be sent.
type Places struct {
	Base  *url.URL // the gateway's own host: plain http when the gateway is
	Hosts []string // in lower case, subdomains included; https alone
	Local bool     // this machine too, plain: a simulated page
}

// MayOpen returns an address that a payer may be sent to as it was understood, so
// that nobody else understands another one; "" is that they may not. Of one that may
// not be opened, told is what may be logged: the host alone, for the rest may be
// somebody's way to pay, and that only when it is a plain one.
func (p Places) MayOpen(address string) (open, told string) {
	to, err := url.Parse(address)
	if err != nil || len(address) > urlBytesMax || to.User != nil {
		return "", "unreadable"
	}
	name := strings.ToLower(to.Hostname())
	own := to.Scheme == p.Base.Scheme && to.Host == p.Base.Host
	pretended := p.Local && to.Scheme == "http" && isLoopback(name)
	known := to.Scheme == "https" && (to.Port() == "" || to.Port() == "443") && plainHost.MatchString(name) &&
		slices.ContainsFunc(p.Hosts, func(host string) bool { return name == host || strings.HasSuffix(name, "."+host) })
	switch {
	case (own || pretended || known) && isVisible(address) && isVisible(to.String()) && len(to.String()) <= urlBytesMax:
		return to.String(), ""
	case to.Host == "" || own || isLoopback(name) || plainHost.MatchString(name):
		return "", to.Scheme + "://" + to.Host
	}
	return "", to.Scheme + "://(a strange host)"
}

// plainHost is a name that a browser, a phone and we read alike: letters, digits and
// dashes, no label empty, the last one letters.
var plainHost = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]+$`)

// isVisible reports an address of visible ASCII with nothing in it that could end an
// attribute, a line or a host for another reader (RFC 3986, Appendix A, has none).
func isVisible(address string) bool {
	return !strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// isLoopback reports a host of this machine.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}
