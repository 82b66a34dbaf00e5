package paystack

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/wire"
	"github.com/bookmi/cauri/internal/secret"
)

// BaseURL is Paystack's, for test and live alike: the key chooses the mode
// (Paystack docs, API introduction).
const BaseURL = "https://api.paystack.co"

// PhoneFormat is how a phone is written for Paystack.
type PhoneFormat string

// The formats. Paystack's test number for Orange CI is printed in the national
// one (Test payments), Kenya's must be international (Payment channels).
const (
	National PhoneFormat = "national" // 0700000000
	E164     PhoneFormat = "e164"     // +2250700000000
)

// OTPRefusal is what a readable 4xx to a one-time code is taken for. Paystack
// says "show it and ask again" (Errors, Charge), not with which status.
type OTPRefusal string

// The readings of a refused one-time code.
const (
	OTPAsksAgain OTPRefusal = "ask_again" // Declined, CodeOTPInvalid: the payer types another
	OTPInquires  OTPRefusal = "inquire"   // Ambiguous: the gateway is asked where the charge stands
)

// Config is what a client needs. The zero value of everything but Key is what
// Paystack documents.
type Config struct {
	Key         secret.Secret // outgoing calls: sk_test_… or sk_live_…
	BaseURL     string        // default BaseURL; plain http only with a test key
	RootCAs     *x509.CertPool
	PhoneFormat PhoneFormat               // of charges and wallets; default National
	Providers   map[phone.Operator]string // mobile_money.provider; default orange, mtn, wave
	BankCodes   map[phone.Operator]string // a wallet's bank_code; default ORANGE_CI, MTN_CI, WAVE_CI
	OTPRefusal  OTPRefusal                // default OTPAsksAgain
	// EmailDomain makes an address for payers who have none, because a charge
	// must have one: <transaction>@<domain>, which should be yours. Without it
	// such a payer is Unsupported.
	EmailDomain string
	// ReturnURL is where the payer's browser goes after the hosted page; "{payment}"
	// in it becomes the payment's id. Empty: where Paystack's dashboard says. What
	// its query says is nobody's proof of anything.
	ReturnURL string
	// OperatorFailures are phrases, in lower case, by which Paystack says that the
	// operator's own system failed. None is documented, so the default is none: then
	// the payer is asked before another gateway is.
	OperatorFailures []string
	// RedirectHosts are where a payer may be sent, subdomains included; default
	// paystack.co, paystack.com, wave.com. BaseURL's own host always is one.
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
	// Unknown follows a word of Paystack's that this package does not know, or a
	// value it cannot take: where it stood, and the value, shortened.
	Unknown func(where, value string)
}

// Operation is the name of a request in metrics and logs.
type Operation string

// The operations, one for each path.
const (
	OpCharge         Operation = "charge"
	OpSubmitOTP      Operation = "submit_otp"
	OpVerify         Operation = "verify"
	OpCheck          Operation = "check_charge"
	OpRecipient      Operation = "create_recipient"
	OpTransfer       Operation = "transfer"
	OpVerifyTransfer Operation = "verify_transfer"
	OpInitialize     Operation = "initialize"
	OpRefund         Operation = "refund"
	OpReadRefund     Operation = "read_refund"
	OpListRefunds    Operation = "list_refunds"
	OpBanks          Operation = "banks"
)

const (
	timeoutDefault = 15 * time.Second
	// Two nodes' worth of calls in flight: 20 charges a second (Rate limits) for
	// 10 s each is 200.
	maxConnsDefault = 256
	// Seconds until a rate limit's window ends (Paystack docs, Rate limits).
	resetHeader = "x-ratelimit-reset"
)

// Client calls Paystack. It is safe for concurrent use and holds no connection
// between calls, so there is nothing to close.
type Client struct {
	config Config
	live   bool
	host   *wire.Host
	places wire.Places
}

// New checks the configuration and makes a client; it calls nobody.
func New(config Config) (*Client, error) {
	c := config.withDefaults()
	base, err := c.validate()
	if err != nil {
		return nil, fmt.Errorf("paystack: %w", err)
	}
	return &Client{
		config: c, live: isLive(c.Key), places: wire.Places{Base: base, Hosts: c.RedirectHosts},
		host: wire.NewHost(wire.HostConfig{
			Base: base, RootCAs: c.RootCAs, Key: c.Key, Timeout: c.Timeout, MaxConns: c.MaxConns, ResetHeader: resetHeader,
		}),
	}, nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = BaseURL
	}
	if c.PhoneFormat == "" {
		c.PhoneFormat = National
	}
	if c.OTPRefusal == "" {
		c.OTPRefusal = OTPAsksAgain
	}
	if c.Providers == nil { // Paystack docs, Payment channels, "Mobile money providers"
		c.Providers = map[phone.Operator]string{phone.Orange: "orange", phone.MTN: "mtn", phone.Wave: "wave"}
	}
	if c.BankCodes == nil { // GET /bank?currency=XOF&type=mobile_money
		c.BankCodes = map[phone.Operator]string{phone.Orange: "ORANGE_CI", phone.MTN: "MTN_CI", phone.Wave: "WAVE_CI"}
	}
	if c.RedirectHosts == nil {
		c.RedirectHosts = []string{"paystack.co", "paystack.com", "wave.com"}
	}
	if c.Timeout == 0 {
		c.Timeout = timeoutDefault
	}
	if c.MaxConns == 0 {
		c.MaxConns = maxConnsDefault
	}
	c.OperatorFailures = slices.Clone(c.OperatorFailures)
	for i, phrase := range c.OperatorFailures {
		c.OperatorFailures[i] = strings.ToLower(phrase)
	}
	c.Providers, c.BankCodes = maps.Clone(c.Providers), maps.Clone(c.BankCodes)
	c.RedirectHosts = slices.Clone(c.RedirectHosts)
	for i, host := range c.RedirectHosts {
		c.RedirectHosts[i] = strings.ToLower(host)
	}
	return c
}

// validate names what is wrong and never a value of a secret.
func (c Config) validate() (*url.URL, error) {
	live := isLive(c.Key)
	switch {
	case !live && !strings.HasPrefix(c.Key.Reveal(), "sk_test_"):
		return nil, errors.New("the key is a secret key: it begins with sk_test_ or sk_live_")
	case c.PhoneFormat != National && c.PhoneFormat != E164:
		return nil, fmt.Errorf("phone format %q is neither %s nor %s", c.PhoneFormat, National, E164)
	case c.OTPRefusal != OTPAsksAgain && c.OTPRefusal != OTPInquires:
		return nil, fmt.Errorf("OTP refusal %q is neither %s nor %s", c.OTPRefusal, OTPAsksAgain, OTPInquires)
	case c.Timeout < 0 || c.MaxConns < 0:
		return nil, errors.New("timeout and connections are above zero")
	case slices.Contains(c.OperatorFailures, ""):
		return nil, errors.New("an operator failure of no words would be every failure")
	}
	if err := wire.CheckReturn(c.ReturnURL, live); err != nil {
		return nil, err
	}
	return wire.Origin(c.BaseURL, c.Key, live)
}

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
		return errors.New("paystack: a key of another environment needs another start")
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
	case engine.PayoutCall:
		if call.Recipient == "" {
			return 2 // the recipient, the transfer
		}
	case engine.InquireCall:
		switch call.Reference.Kind {
		case engine.ChargeReference:
			return 2 // verify, the check
		case engine.RefundReference:
			return 3 // ours, its charge, the list of them
		case engine.PayoutReference:
		}
	case engine.ChargeCall, engine.OTPCall, engine.RefundCall:
	}
	return 1
}

// ask sends one request and reads the data of its answer into out. A nil in
// makes it a GET.
func (c *Client) ask(ctx context.Context, op Operation, path string, in, out any) *engine.Error {
	begun := time.Now()
	failure := c.exchange(ctx, op, path, in, out)
	if c.config.Observer.Called != nil {
		c.config.Observer.Called(op, failure, time.Since(begun))
	}
	return failure
}

func (c *Client) exchange(ctx context.Context, op Operation, path string, in, out any) *engine.Error {
	got := c.host.Do(ctx, path, in)
	if failure := classify(op, got, c.config.OTPRefusal); failure != nil {
		return failure
	}
	var reply envelope
	if err := json.Unmarshal(got.Body, &reply); err != nil || json.Unmarshal(reply.Data, out) != nil {
		return wire.Unreadable("the answer's data is not of the documented shape")
	}
	return nil
}

// write spells a phone as Paystack is configured to want it.
func (c *Client) write(n phone.Number) string {
	if c.config.PhoneFormat == E164 {
		return n.E164()
	}
	return n.National()
}

// opens is an address that a payer may be sent to; "" is one that they may not.
func (c *Client) opens(address string) string {
	open, told := c.places.MayOpen(address)
	if open == "" {
		c.config.Observer.unknown("url", told)
	}
	return open
}

// unknown tells the observer of a value this package cannot take.
func (o Observer) unknown(where, value string) {
	if o.Unknown != nil {
		o.Unknown(where, wire.Shorten(value))
	}
}
