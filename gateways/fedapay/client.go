package fedapay

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/wire"
	"github.com/bookmi/cauri/internal/secret"
)

// FedaPay's two hosts: what lives in one is invisible in the other, and the
// key's prefix says which is meant (FedaPay, Sending requests).
const (
	LiveURL    = "https://api.fedapay.com"
	SandboxURL = "https://sandbox-api.fedapay.com"
)

// PhoneFormat is how a phone is written for FedaPay.
type PhoneFormat string

// The formats. In FedaPay's sandbox only the national one was seen to work; its
// documents print both, and which one live mtn_ci takes is unconfirmed.
const (
	National PhoneFormat = "national" // 0500000000
	E164     PhoneFormat = "e164"     // +2250500000000
)

// Flow is how the payers of an operator are reached.
type Flow string

// Page sends the payer to FedaPay's hosted page.
const Page Flow = "page"

// Direct charges without a page, through a mode of FedaPay's: direct:mtn_ci.
func Direct(mode string) Flow { return Flow(directPrefix + mode) }

const directPrefix = "direct:"

// mode is the mode of a direct flow; "" for the page.
func (f Flow) mode() string {
	mode, _ := strings.CutPrefix(string(f), directPrefix)
	if mode == string(f) {
		return ""
	}
	return mode
}

// modeName is what a mode may look like; it becomes a path.
var (
	modeName    = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)
	countryName = regexp.MustCompile(`^[a-z]{2}$`)
)

// IsCountry reports that a code is written as FedaPay is sent one: ISO 3166-1
// alpha-2 in small letters (FedaPay docs, Customers, show both cases).
func IsCountry(code string) bool { return countryName.MatchString(code) }

// Config is what a client needs. The zero value of everything but Key is what
// FedaPay documents.
type Config struct {
	Key         secret.Secret // sk_sandbox_… or sk_live_…
	BaseURL     string        // default LiveURL or SandboxURL, as the key says; plain http only with a sandbox key
	RootCAs     *x509.CertPool
	PhoneFormat PhoneFormat // default National
	// Country is where FedaPay is told a phone is; default ci. Its sandbox has test
	// numbers of bj alone.
	Country string
	// Modes are the operators that can be charged without a page, and FedaPay's name
	// for each; default mtn through mtn_ci, the one it documents for Côte d'Ivoire. Its
	// sandbox takes momo_test alone.
	// Who goes to the page instead, and whether the account may, the routes say.
	Modes map[phone.Operator]string
	// ReturnURL is where the page sends the payer's browser afterwards; "{payment}" in
	// it becomes the payment's id. Default none. What FedaPay appends to it (id,
	// status) is forgeable and means nothing.
	ReturnURL string
	// OperatorFailures are the values of last_error_code by which FedaPay says, of a
	// direct charge that failed, that the operator's own system did. None is
	// documented, so the default is none: then the payer is asked before another
	// gateway is, and an outage of the operator can't be told from a payer's refusal.
	// NewWebhooks is to be told the same.
	OperatorFailures []string
	// ModeComesLate says that FedaPay names a transaction's mode only once it is
	// paid (unconfirmed). A direct charge whose start was lost then can't be told
	// from one never started, and is pending until FedaPay lets it expire.
	ModeComesLate bool
	// RedirectHosts are where a payer may be sent, subdomains included; default
	// fedapay.com. BaseURL's own host always is one, and with a sandbox key plain
	// http on this machine.
	RedirectHosts []string
	Timeout       time.Duration // of one request, when the context's deadline is not sooner; default 15 s
	MaxConns      int           // requests at once; more are refused as not sent; default 256
	Observer      Observer
}

// Observer is told what happens, for metrics and logs. Its functions may be nil;
// they are called on the caller's goroutine and must not block.
type Observer struct {
	// Called follows every request; failure is nil when it was answered as asked.
	Called func(op Operation, failure *engine.Error, took time.Duration)
	// Unknown follows a word of FedaPay's that this package does not know, or a
	// value it cannot take: where it stood, and the value, shortened.
	Unknown func(where, value string)
}

// Operation is the name of a request in metrics and logs.
type Operation string

// The operations, one for each path.
const (
	OpCreate     Operation = "create"
	OpToken      Operation = "token"
	OpStart      Operation = "start" // the direct charge: the only request here that can move money
	OpFind       Operation = "find"
	OpRead       Operation = "read"
	OpSearch     Operation = "search"
	OpCurrencies Operation = "currencies"
	OpWebhooks   Operation = "webhooks"
)

const (
	timeoutDefault = 15 * time.Second
	// A charge is at most five requests, one at a time: 50 charges a second for
	// 5 s each are 250.
	maxConnsDefault = 256
)

// Client calls FedaPay. It is safe for concurrent use and holds no connection
// between calls, so there is nothing to close.
type Client struct {
	config     Config
	live       bool
	host       *wire.Host
	places     wire.Places
	currencies atomic.Pointer[map[wire.Label]money.Currency] // by FedaPay's id; learnt when first needed
}

// New checks the configuration and makes a client; it calls nobody.
func New(config Config) (*Client, error) {
	c := config.withDefaults()
	base, err := c.validate()
	if err != nil {
		return nil, fmt.Errorf("fedapay: %w", err)
	}
	live := isLive(c.Key)
	return &Client{
		config: c, live: live, places: wire.Places{Base: base, Hosts: c.RedirectHosts, Local: !live},
		host: wire.NewHost(wire.HostConfig{Base: base, RootCAs: c.RootCAs, Key: c.Key, Timeout: c.Timeout, MaxConns: c.MaxConns}),
	}, nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = SandboxURL
		if isLive(c.Key) {
			c.BaseURL = LiveURL
		}
	}
	if c.PhoneFormat == "" {
		c.PhoneFormat = National
	}
	if c.Country == "" {
		c.Country = "ci"
	}
	if c.Modes == nil { // FedaPay docs, Payment methods
		c.Modes = map[phone.Operator]string{phone.MTN: "mtn_ci"}
	}
	if c.RedirectHosts == nil {
		c.RedirectHosts = []string{"fedapay.com"}
	}
	if c.Timeout == 0 {
		c.Timeout = timeoutDefault
	}
	if c.MaxConns == 0 {
		c.MaxConns = maxConnsDefault
	}
	c.Modes, c.RedirectHosts, c.OperatorFailures = maps.Clone(c.Modes), slices.Clone(c.RedirectHosts), slices.Clone(c.OperatorFailures)
	for i, host := range c.RedirectHosts {
		c.RedirectHosts[i] = strings.ToLower(host)
	}
	return c
}

// validate names what is wrong and never a value of a secret.
func (c Config) validate() (*url.URL, error) {
	live := isLive(c.Key)
	switch {
	case !live && !strings.HasPrefix(c.Key.Reveal(), "sk_sandbox_"):
		return nil, errors.New("the key is a secret key: it begins with sk_sandbox_ or sk_live_")
	case c.PhoneFormat != National && c.PhoneFormat != E164:
		return nil, fmt.Errorf("phone format %q is neither %s nor %s", c.PhoneFormat, National, E164)
	case !IsCountry(c.Country):
		return nil, fmt.Errorf("country %q is not two small letters", c.Country)
	case c.Timeout < 0 || c.MaxConns < 0:
		return nil, errors.New("timeout and connections are above zero")
	case slices.Contains(c.OperatorFailures, ""):
		return nil, errOfEveryFailure
	}
	for operator, mode := range c.Modes {
		if !modeName.MatchString(mode) {
			return nil, fmt.Errorf("mode %q of %s is no name of a mode", mode, operator)
		}
	}
	if err := wire.CheckReturn(c.ReturnURL, live); err != nil {
		return nil, err
	}
	base, err := wire.Origin(c.BaseURL, c.Key, live)
	if err == nil && ((base.Host == "api.fedapay.com" && !live) || (base.Host == "sandbox-api.fedapay.com" && live)) {
		return nil, errors.New("the key is of the other environment than the base URL")
	}
	return base, err
}

// errOfEveryFailure: most failures carry no code.
var errOfEveryFailure = errors.New("an operator failure without a code would be every failure")

// UseKey makes the client call with another key of the same environment, from the next
// call on. Its error names no value.
func (c *Client) UseKey(key secret.Secret) error {
	if err := c.CheckKey(key); err != nil {
		return err
	}
	c.host.SetKey(key)
	return nil
}

// CheckKey says why UseKey would refuse a key, and changes nothing.
func (c *Client) CheckKey(key secret.Secret) error {
	if !strings.HasPrefix(key.Reveal(), "sk_") || isLive(key) != c.live {
		return errors.New("fedapay: a key of another environment needs another start")
	}
	return nil
}

func isLive(key secret.Secret) bool { return strings.HasPrefix(key.Reveal(), "sk_live_") }

// Live reports that the key is a live one: what Policy.Live is told.
func (c *Client) Live() bool { return c.live }

// Requests is how many requests a call is at most, one after another, when each
// is answered: what a call may take is counted by them.
func (c *Client) Requests(call engine.Effect) int {
	switch call := call.(type) {
	case engine.ChargeCall:
		if call.Flow == engine.Direct {
			return 3 // create, token, start
		}
		return 2
	case engine.InquireCall:
		return 2 // the transaction and its currency; or the look and the list
	case engine.OTPCall, engine.PayoutCall, engine.RefundCall:
	}
	return 1
}

// question is one request. A nil in makes it a GET.
type question struct {
	op      Operation
	path    string
	in      any
	wrapper string // the key its answer stands under
}

// ask sends one request and reads its answer into out.
func (c *Client) ask(ctx context.Context, q question, out any) *engine.Error {
	begun := time.Now()
	failure := c.exchange(ctx, q, out)
	if c.config.Observer.Called != nil {
		c.config.Observer.Called(q.op, failure, time.Since(begun))
	}
	return failure
}

func (c *Client) exchange(ctx context.Context, q question, out any) *engine.Error {
	got := c.host.Do(ctx, q.path, q.in)
	if failure := classify(q.op, got); failure != nil {
		return failure
	}
	if unwrap(got.Body, q.wrapper, out) != nil {
		return wire.Unreadable("the answer is not of the documented shape")
	}
	return nil
}

// write spells a phone as FedaPay is configured to want it.
func (c *Client) write(n phone.Number) string {
	if c.config.PhoneFormat == E164 {
		return n.E164()
	}
	return n.National()
}

// unknown tells the observer of a value this package cannot take.
func (o Observer) unknown(where, value string) {
	if o.Unknown != nil {
		o.Unknown(where, wire.Shorten(value))
	}
}
