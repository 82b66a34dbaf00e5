package fedapay

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/secret"
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
var modeName = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

// Config is what a client needs. The zero value of everything but Key is what
// FedaPay documents.
type Config struct {
	Key         secret.Secret // sk_sandbox_… or sk_live_…
	BaseURL     string        // default LiveURL or SandboxURL, as the key says; plain http only with a sandbox key
	RootCAs     *x509.CertPool
	PhoneFormat PhoneFormat // default National
	// Modes are the operators that can be charged without a page, and FedaPay's name
	// for each; default mtn through mtn_ci, the one it documents for Côte d'Ivoire.
	// Who goes to the page instead, and whether the account may, the routes say.
	Modes map[phone.Operator]string
	// ReturnURL is where the page sends the payer's browser afterwards; "{payment}" in
	// it becomes the payment's id. Default none. What FedaPay appends to it (id, status) is forgeable and means nothing.
	ReturnURL string
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
)

const (
	timeoutDefault = 15 * time.Second
	// A charge is at most five requests, one at a time: 50 charges a second for
	// 5 s each are 250.
	maxConnsDefault = 256
	// The longest answer we ask for is a page of 25 transactions of some 2 KiB; a
	// MiB bounds a gateway gone mad.
	answerBytesMax = 1 << 20
	headerBytesMax = 16 << 10
)

// Client calls FedaPay. It is safe for concurrent use and holds no connection
// between calls, so there is nothing to close.
type Client struct {
	config     Config
	live       bool
	host       *fasthttp.HostClient
	base       *url.URL
	currencies atomic.Pointer[map[label]money.Currency] // by FedaPay's id; learnt when first needed
}

// New checks the configuration and makes a client; it calls nobody.
func New(config Config) (*Client, error) {
	c := config.withDefaults()
	base, err := c.validate()
	if err != nil {
		return nil, fmt.Errorf("fedapay: %w", err)
	}
	var d dialer
	secured := base.Scheme == "https"
	if secured {
		d.tls = newTLS(base.Hostname(), c.RootCAs)
	}
	return &Client{
		config: c, base: base, live: isLive(c.Key),
		host: &fasthttp.HostClient{
			Addr:  fasthttp.AddMissingPort(base.Host, secured),
			IsTLS: secured, DialTimeout: d.dial, MaxConns: c.MaxConns,
			// Exactly once. The two settings say the same; either would do.
			MaxIdemponentCallAttempts: 1,
			RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
			MaxResponseBodySize:       answerBytesMax, ReadBufferSize: headerBytesMax,
			Name: "cauri", DisablePathNormalizing: true, SecureErrorLogMessage: true,
		},
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
	c.Modes, c.RedirectHosts = maps.Clone(c.Modes), slices.Clone(c.RedirectHosts)
	for i, host := range c.RedirectHosts {
		c.RedirectHosts[i] = strings.ToLower(host)
	}
	return c
}

// validate names what is wrong and never a value of a secret.
func (c Config) validate() (*url.URL, error) {
	base, err := url.Parse(c.BaseURL)
	live := isLive(c.Key)
	switch {
	case err != nil || base.Host == "" || base.User != nil || strings.Trim(base.Path, "/") != "" || base.RawQuery != "":
		return nil, errors.New("the base URL is scheme and host, nothing more")
	case base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("the base URL is https")
	case !live && !strings.HasPrefix(c.Key.Reveal(), "sk_sandbox_"):
		return nil, errors.New("the key is a secret key: it begins with sk_sandbox_ or sk_live_")
	case strings.ContainsFunc(c.Key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the key has a character no key has")
	case base.Scheme == "http" && live:
		return nil, errors.New("a live key never travels over plain http")
	case (base.Host == "api.fedapay.com" && !live) || (base.Host == "sandbox-api.fedapay.com" && live):
		return nil, errors.New("the key is of the other environment than the base URL")
	case c.PhoneFormat != National && c.PhoneFormat != E164:
		return nil, fmt.Errorf("phone format %q is neither %s nor %s", c.PhoneFormat, National, E164)
	case c.Timeout < 0 || c.MaxConns < 0:
		return nil, errors.New("timeout and connections are above zero")
	}
	for operator, mode := range c.Modes {
		if !modeName.MatchString(mode) {
			return nil, fmt.Errorf("mode %q of %s is no name of a mode", mode, operator)
		}
	}
	if c.ReturnURL != "" {
		back, err := url.Parse(c.ReturnURL)
		plain := back != nil && back.Scheme == "http" && !live && isLoopback(back.Hostname())
		if err != nil || (back.Scheme != "https" && !plain) || back.Host == "" || len(c.ReturnURL) > urlBytesMax {
			return nil, errors.New("the return URL is https, and short enough for every browser")
		}
	}
	return base, nil
}

func isLive(key secret.Secret) bool { return strings.HasPrefix(key.Reveal(), "sk_live_") }

// Live reports that the key is a live one: what Policy.Live is told.
func (c *Client) Live() bool { return c.live }

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
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(c.base.Scheme + "://" + c.base.Host + q.path)
	request.Header.Set("Authorization", "Bearer "+c.config.Key.Reveal())
	request.Header.Set("Accept", "application/json")
	request.SetConnectionClose() // see doc.go, Connections
	if q.in != nil {
		body, err := json.Marshal(q.in)
		if err != nil {
			return classify(q.op, outcome{phase: notSent, err: err})
		}
		request.Header.SetMethod(fasthttp.MethodPost)
		request.Header.SetContentType("application/json")
		request.SetBodyRaw(body)
	}
	now := time.Now()
	deadline := now.Add(c.config.Timeout)
	if sooner, has := ctx.Deadline(); has && sooner.Before(deadline) {
		deadline = sooner
	}
	if err := ctx.Err(); err != nil || !now.Before(deadline) {
		return classify(q.op, outcome{phase: notSent, err: cmp.Or(err, context.DeadlineExceeded)})
	}
	if err := c.host.DoDeadline(request, response, deadline); err != nil {
		return classify(q.op, outcome{phase: phaseOf(err), err: err})
	}
	body := response.Body()
	if failure := classify(q.op, outcome{phase: answered, status: response.StatusCode(), body: body}); failure != nil {
		return failure
	}
	if unwrap(body, q.wrapper, out) != nil {
		return unreadable("the answer is not of the documented shape")
	}
	return nil
}

// phaseOf says how far a call came that has no answer.
func phaseOf(err error) phase {
	var before *unsent
	if errors.As(err, &before) || errors.Is(err, fasthttp.ErrNoFreeConns) {
		return notSent
	}
	return sent
}

// write spells a phone as FedaPay is configured to want it.
func (c *Client) write(n phone.Number) string {
	if c.config.PhoneFormat == E164 {
		return n.E164()
	}
	return n.National()
}

// isLoopback reports a host of this machine.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}

// unknown tells the observer of a value this package cannot take.
func (o Observer) unknown(where, value string) {
	if o.Unknown != nil {
		o.Unknown(where, shorten(value))
	}
}
