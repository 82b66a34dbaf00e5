package paystack

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Config says which merchant this Paystack serves. Only SecretKeys is needed.
type Config struct {
	// SecretKeys are the merchant's API keys: sk_test_… or sk_live_…. The prefix
	// decides the domain, and a domain sees nothing of the other. The first key
	// of a domain signs its webhooks: Paystack has no separate webhook secret
	// (Paystack docs, Webhooks).
	SecretKeys []string
	// WebhookURL is where events go. Empty: they are recorded as lost.
	WebhookURL string
	// PublicURL is how a payer's browser reaches this server; it begins the
	// links to the hosted page. Empty: the Host of the request that asked.
	PublicURL string
	// Speed divides the webhook schedule and the operators' timings. 0 means 1:
	// real time. A latency fault is not divided.
	Speed int
	// Seed makes ids, codes and fault dice repeatable.
	Seed uint64
	// Float is the starting balance of each domain, in subunits (100 for one
	// franc).
	Float int64
	// Faults are in force from the start; more come by Server.Faults or
	// POST /sandbox/faults.
	Faults []sandbox.Fault
	// OnArrival is told of every API call before anything is done about it, in
	// the handler's goroutine: a test looks there whether the attempt was
	// committed, and whether a database transaction was open.
	OnArrival func(Arrival)
	// Clock is the time to live by; nil means the machine's.
	Clock sandbox.Clock
	// BooksPath is a file of JSON lines that survives kill -9; empty: memory.
	BooksPath string
	// DeliveryWorkers bounds webhooks under way at once; 0 means 16.
	DeliveryWorkers int
	// Flows is what data.status each provider answers a charge with. Missing
	// ones keep their default.
	Flows map[string]string
	// Timings are how long operators and payers take. Zeros keep their default.
	Timings Timings
	// Guesses settle what Paystack's documentation leaves open.
	Guesses Guesses
}

// Arrival is an API call as it came in.
type Arrival struct {
	At        time.Time
	Method    string
	Path      string
	Operation string // as in Operations
	Reference string // of the charge, transfer or refunded transaction; empty if none was given
	Body      []byte // the caller may keep it
}

// Timings are real durations; Config.Speed divides them.
type Timings struct {
	Approve       time.Duration // from the prompt to the payer's yes: 8 s
	ApproveSlow   time.Duration // for 0021: 150 s
	Window        time.Duration // a mobile money charge not approved is over: 180 s (Paystack docs, Payment Channels)
	LateSuccess   time.Duration // for 0025, 0026, 0029: 240 s
	OTPLock       time.Duration // after too many wrong codes: 60 s, less than the window
	Hidden        time.Duration // for 0044, from the request on: 60 s
	TransferSent  time.Duration // from queued to success: 5 s
	TransferLong  time.Duration // for 0043: 1 h
	TransferOTP   time.Duration // an OTP not given: 30 min (Paystack docs, How Transfers Work)
	TransferTurns time.Duration // for 0041, from success to reversed: 60 s
	RateReset     time.Duration // what a 429 says is left of its window: 30 s, told in whole seconds
	RefundStep    time.Duration // from pending to processing, and on to the end: 5 s each
}

// Guesses are facts that no source confirms. The zero value is our best guess;
// a client that is right under every value of these will be right at Paystack.
type Guesses struct {
	WrongOTPFails       bool   // a wrong OTP answers 200 with data.status failed; else 400. The charge stays open in both
	OTPTriesMax         int    // wrong codes before a wait is imposed; 0 means 3
	AfterOTP            string // data.status after the right code: success (also when empty) or pending
	UnknownCode         int    // HTTP code for a transaction that does not exist; 0 means 400, some saw 404
	DuplicateCode       int    // HTTP code for a used transfer reference; 0 means 400, some saw 404
	RecipientCode       int    // HTTP code for a new recipient; 0 means 201, the docs say 200
	TimeoutVerifiesAs   string // status of a timed-out charge at verify; empty means failed
	TransferAtOnce      bool   // transfers answer success at once, as test mode often does; else pending
	TransferFee         int64  // subunits, taken with each transfer
	TransferFeeKept     bool   // a reversed transfer's fee does not come back
	AmountMax           int64  // subunits; 0 means 10 000 000 francs: the docs give the figure without its unit
	OTPText             string // display_text of send_otp
	OfflineText         string // display_text of pay_offline
	NoInternationalForm bool   // phones are refused as +225…; the ten national digits are always taken
}

// Shares of an amount that Paystack keeps in Côte d'Ivoire, in ten-thousandths,
// without VAT (support.paystack.com, transaction pricing). Fractions of a
// subunit are dropped: how Paystack rounds is not known.
const (
	feeMobileMoney = 195
	feeCard        = 320
	feeWhole       = 10_000
)

// The currency and its factor: "XOF has no subunit, multiply by 100 all the
// same" (Paystack docs, XOF Subunit and Fractions).
const (
	currency = "XOF"
	subunits = 100
)

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// withDefaults is the configuration with nothing left to decide.
func (c Config) withDefaults() Config {
	c.Speed = or(c.Speed, 1)
	if c.Clock == nil {
		c.Clock = sandbox.SystemClock{}
	}
	if c.OnArrival == nil {
		c.OnArrival = func(Arrival) {}
	}
	flows := map[string]string{"orange": sendOTP, "mtn": payOffline, "wave": openURL}
	for provider, status := range c.Flows {
		flows[provider] = status
	}
	c.Flows = flows

	t := &c.Timings
	for _, one := range []struct {
		d         *time.Duration
		otherwise time.Duration
	}{
		{&t.Approve, 8 * time.Second},
		{&t.ApproveSlow, 150 * time.Second},
		{&t.Window, 180 * time.Second},
		{&t.LateSuccess, 240 * time.Second},
		{&t.OTPLock, 60 * time.Second},
		{&t.Hidden, 60 * time.Second},
		{&t.TransferSent, 5 * time.Second},
		{&t.TransferLong, time.Hour},
		{&t.TransferOTP, 30 * time.Minute},
		{&t.TransferTurns, time.Minute},
		{&t.RateReset, 30 * time.Second},
		{&t.RefundStep, 5 * time.Second},
	} {
		*one.d = or(*one.d, one.otherwise) / time.Duration(max(c.Speed, 1))
	}

	g := &c.Guesses
	g.OTPTriesMax = or(g.OTPTriesMax, 3)
	g.AfterOTP = or(g.AfterOTP, success)
	g.UnknownCode = or(g.UnknownCode, 400)
	g.DuplicateCode = or(g.DuplicateCode, 400)
	g.RecipientCode = or(g.RecipientCode, 201)
	g.TimeoutVerifiesAs = or(g.TimeoutVerifiesAs, failed)
	g.AmountMax = or(g.AmountMax, 10_000_000*subunits)
	g.OTPText = or(g.OTPText, "Please enter the OTP")
	g.OfflineText = or(g.OfflineText, "Please complete authorization process on your mobile phone")
	return c
}

// validate says what is wrong, never repeating a key.
func (c Config) validate() error {
	if len(c.SecretKeys) == 0 {
		return errors.New("no secret key")
	}
	for i, key := range c.SecretKeys {
		if domainOf(key) == "" {
			return fmt.Errorf("secret key %d begins with neither sk_test_ nor sk_live_", i+1)
		}
	}
	if c.Speed < 1 {
		return errors.New("the speed is less than 1")
	}
	for provider, status := range c.Flows {
		if _, taken := bankCodes[provider]; !taken {
			return fmt.Errorf("a flow for %q, which is none of orange, mtn, wave", provider)
		}
		if !prompts[status] {
			return fmt.Errorf("the flow of %s cannot begin with %q", provider, status)
		}
	}
	if a := c.Guesses.AfterOTP; a != success && a != pending {
		return fmt.Errorf("after the OTP comes success or pending, not %q", a)
	}
	return nil
}

// Domains of a key and of everything made with it.
const (
	domainTest = "test"
	domainLive = "live"
)

// domainOf reads the domain off a key's prefix; empty if it has none.
func domainOf(key string) string {
	switch {
	case strings.HasPrefix(key, "sk_test_"):
		return domainTest
	case strings.HasPrefix(key, "sk_live_"):
		return domainLive
	}
	return ""
}

// schedule is the gap before each further try of a webhook. Live: four tries
// three minutes apart, then hourly for 72 hours. Test: hourly for ten hours
// (Paystack docs, Webhooks).
func schedule(domain string) []time.Duration {
	const (
		soonGaps  = 3 // between the first four tries
		liveHours = 72
		testHours = 10
	)
	var gaps []time.Duration
	hours := testHours
	if domain == domainLive {
		hours = liveHours
		for range soonGaps {
			gaps = append(gaps, 3*time.Minute)
		}
	}
	for range hours {
		gaps = append(gaps, time.Hour)
	}
	return gaps
}
