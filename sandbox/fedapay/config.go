package fedapay

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Config says which merchant this FedaPay serves. SecretKeys and WebhookSecrets
// are needed.
type Config struct {
	// SecretKeys are the merchant's API keys: sk_sandbox_… or sk_live_…. The
	// prefix decides the domain, and a domain sees nothing of the other.
	SecretKeys []string
	// WebhookSecrets are those of the endpoint: wh_sandbox_… or wh_live_…, at
	// least one for each domain there is a key of. Several of a domain sign the
	// same delivery, one s= each, as clients are told to expect.
	WebhookSecrets []string
	// WebhookURL is where events go. Empty: they are recorded as lost.
	WebhookURL string
	// KeepEnabled is disable_on_error switched off: the endpoint stays enabled
	// whatever it answers. It is on when FedaPay makes an endpoint.
	KeepEnabled bool
	// PublicURL is how a payer's browser reaches this server; it begins the
	// links to the hosted page. Empty: the Host of the request that asked.
	PublicURL string
	// Speed divides the webhook schedule and the timings. 0 means 1: real time.
	// A latency fault is not divided.
	Speed int
	// Seed makes tokens, references and fault dice repeatable.
	Seed uint64
	// Float is what the mtn_ci balance of each domain starts with, in francs.
	Float int64
	// Faults are in force from the start; more come by Server.Faults or
	// POST /sandbox/faults.
	Faults []sandbox.Fault
	// OnArrival is told of every API call before anything is done about it, in
	// the handler's goroutine.
	OnArrival func(Arrival)
	// Clock is the time to live by; nil means the machine's.
	Clock sandbox.Clock
	// BooksPath is a file of JSON lines that survives kill -9; empty: memory.
	BooksPath string
	// DeliveryWorkers bounds webhooks under way at once; 0 means 16.
	DeliveryWorkers int
	// Direct are the modes that POST /v1/{mode} may charge, by domain. A missing
	// domain keeps its default: sandbox takes momo_test alone, as it was seen to,
	// live takes mtn_ci, the one documented for Côte d'Ivoire.
	Direct map[string][]string
	// Hosted are the modes the hosted page offers, the first one preselected. nil
	// is mtn_ci and stripe_gw, after momo_test in the sandbox domain: newer pages
	// of FedaPay's name no other operator for Côte d'Ivoire, older ones do.
	Hosted []string
	// Payouts are the modes that can be paid out to. nil is mtn_ci and, in the
	// sandbox domain, momo_test. An empty list is an account without the feature:
	// it is to be enabled by FedaPay's support.
	Payouts []string
	// Timings are how long operators and payers take. Zeros keep their default.
	Timings Timings
	// Guesses settle what FedaPay's documentation leaves open.
	Guesses Guesses
}

// Arrival is an API call as it came in.
type Arrival = sandbox.Arrival

// Timings are real durations; Config.Speed divides them.
type Timings struct {
	Approve     time.Duration // from the prompt to the payer's yes: 3 s, as in FedaPay's sandbox
	ApproveSlow time.Duration // for 0021: 150 s
	Window      time.Duration // for 0022, 0025: a prompt not answered is over: 180 s
	LateSuccess time.Duration // for 0025, 0026, 0029: 240 s
	Expiry      time.Duration // from creation until the link is over: 24 h
	Settle      time.Duration // from approved to transferred: 72 h
	Hidden      time.Duration // for 0044, from the request on: 60 s
	PayoutTaken time.Duration // from started to processing: 2 s
	PayoutSent  time.Duration // from started to sent: 5 s
	PayoutLong  time.Duration // for 0043: 1 h
	PayoutOver  time.Duration // for 0042, until canceled: 30 min
}

// Phone forms a live operator may want.
const (
	National      = "national"      // 0500000000
	International = "international" // +2250500000000 or 2250500000000
)

// Guesses are facts that no source confirms. The zero value is our best guess;
// a client that is right under every value of these will be right at FedaPay.
type Guesses struct {
	CreatedCode   int // HTTP code of a create; 0 means 200 as seen, the docs say 201
	InvalidCode   int // of a malformed request; 0 means 422, validation was seen as 400 and 500 too
	DuplicateCode int // of a merchant_reference used before; 0 means InvalidCode
	DeletedCode   int // of a delete; 0 means 204, 200 was seen too
	NoPayoutsCode int // of payouts not enabled; 0 means 403, 400 and 401 were seen

	NoTokenOnCreate bool   // a create answers without payment_token and payment_url
	NewTokens       bool   // each call for a token makes a new one; the old ones stay valid
	DirectAtOnce    bool   // a direct charge answers its end, approved or not; else pending
	PhoneForm       string // what mtn_ci and other live operators want: National, International, or both when empty. Others are declined
	TestNumbersOnly bool   // momo_test declines every number but FedaPay's own; else numbers choose

	DeletedIsGone     bool // a deleted transaction is not found; else it is shown with deleted_at
	DeletePendingOnly bool // declined and canceled ones can't be deleted
	DeletedIsPaid     bool // a prompt that was on the handset when the transaction was deleted is still approved
	DeclinedExpires   bool // declined and canceled end as expired after the window; else only their link is over

	CommissionPerMille int64 // of the amount the payer is debited; 0 means 40, negative means none
	FeesOnMerchant     bool  // fees are taken from the merchant's share; else the payer is debited more than the amount
	SettledAtOnce      bool  // approved money can be paid out; else once it is transferred
	AmountMin          int64 // francs; 0 means 100
	AmountMax          int64 // francs; 0 means 3 000 000

	OneBalance       bool  // payouts draw on all modes' balances together; else on their own
	PayoutMax        int64 // francs; 0 means 1 000 000 (FedaPay docs, Payouts)
	PayoutsPerNumber int   // in 24 h; 0 means 3 (FedaPay docs, Payouts), negative any number
	PayoutFee        int64 // francs; 0 means the tiers seen in Togo, negative none

	MoreEvents     bool          // transaction.expired, .refunded and .deleted, payout.created and .started are sent too
	RetryFirst     time.Duration // gap before the second try, doubling up to 2 min; 0 means 30 s
	TryTimeout     time.Duration // how long FedaPay waits for an answer; 0 means 30 s
	TenOfAnyEvents bool          // ten failures in a row of whatever events disable the endpoint; else ten of one event
}

// The currency. XOF has div 1: amounts are whole francs (FedaPay docs,
// Transactions).
const (
	currency     = "XOF"
	currencyCode = 952
	subunits     = 1
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
	direct := map[string][]string{domainSandbox: {momoTest}, domainLive: {mtnCI}}
	for domain, modes := range c.Direct {
		direct[domain] = modes
	}
	c.Direct = direct
	if c.Hosted == nil {
		c.Hosted = []string{mtnCI, card}
	}
	if c.Payouts == nil {
		c.Payouts = []string{mtnCI, momoTest}
	}
	c.Timings = c.Timings.withDefaults(max(c.Speed, 1))
	c.Guesses = c.Guesses.withDefaults()
	return c
}

func (t Timings) withDefaults(speed int) Timings {
	for _, one := range []struct {
		d         *time.Duration
		otherwise time.Duration
	}{
		{&t.Approve, 3 * time.Second},
		{&t.ApproveSlow, 150 * time.Second},
		{&t.Window, 180 * time.Second},
		{&t.LateSuccess, 240 * time.Second},
		{&t.Expiry, 24 * time.Hour},
		{&t.Settle, 72 * time.Hour},
		{&t.Hidden, 60 * time.Second},
		{&t.PayoutTaken, 2 * time.Second},
		{&t.PayoutSent, 5 * time.Second},
		{&t.PayoutLong, time.Hour},
		{&t.PayoutOver, 30 * time.Minute},
	} {
		*one.d = or(*one.d, one.otherwise) / time.Duration(speed)
	}
	return t
}

func (g Guesses) withDefaults() Guesses {
	g.CreatedCode = or(g.CreatedCode, 200)
	g.InvalidCode = or(g.InvalidCode, 422)
	g.DuplicateCode = or(g.DuplicateCode, g.InvalidCode)
	g.DeletedCode = or(g.DeletedCode, 204)
	g.NoPayoutsCode = or(g.NoPayoutsCode, 403)
	g.CommissionPerMille = max(0, or(g.CommissionPerMille, 40))
	g.AmountMin = or(g.AmountMin, 100)
	g.AmountMax = or(g.AmountMax, 3_000_000)
	g.PayoutMax = or(g.PayoutMax, 1_000_000)
	g.PayoutsPerNumber = or(g.PayoutsPerNumber, 3)
	g.RetryFirst = or(g.RetryFirst, 30*time.Second)
	return g
}

// amountBound keeps amount × 1000 far inside an int64.
const amountBound = 1_000_000_000_000

// validate says what is wrong, never repeating a secret.
func (c Config) validate() error {
	if len(c.SecretKeys) == 0 {
		return errors.New("no secret key")
	}
	var signed []string
	for i, secret := range c.WebhookSecrets {
		domain := domainOf(secret, "wh_")
		if domain == "" {
			return fmt.Errorf("webhook secret %d begins with neither wh_sandbox_ nor wh_live_", i+1)
		}
		signed = append(signed, domain)
	}
	for i, key := range c.SecretKeys {
		domain := domainOf(key, "sk_")
		if domain == "" {
			return fmt.Errorf("secret key %d begins with neither sk_sandbox_ nor sk_live_", i+1)
		}
		if !slices.Contains(signed, domain) {
			return fmt.Errorf("there is a key but no webhook secret of the domain %s", domain)
		}
	}
	g := c.Guesses
	switch {
	case c.Speed < 1:
		return errors.New("the speed is less than 1")
	case !slices.Contains([]string{"", National, International}, g.PhoneForm):
		return fmt.Errorf("a phone form %q is none of %s, %s", g.PhoneForm, National, International)
	case len(c.Hosted) == 0:
		return errors.New("the hosted page offers no mode")
	case g.CommissionPerMille >= perMille:
		return errors.New("a commission of all there is")
	case g.AmountMax > amountBound || g.PayoutMax > amountBound:
		return fmt.Errorf("amounts end at %d francs", int64(amountBound))
	}
	for domain := range c.Direct {
		if domain != domainSandbox && domain != domainLive {
			return fmt.Errorf("direct modes of %q, which is neither sandbox nor live", domain)
		}
	}
	return nil
}

// Domains of a key and of everything made with it.
const (
	domainSandbox = "sandbox"
	domainLive    = "live"
)

// domainOf reads the domain off the prefix of a key (sk_) or of a webhook
// secret (wh_); empty if it has none.
func domainOf(secret, kind string) string {
	for _, domain := range []string{domainSandbox, domainLive} {
		if strings.HasPrefix(secret, kind+domain+"_") {
			return domain
		}
	}
	return ""
}

// FedaPay tries a webhook ten times, further and further apart, at most about
// two minutes; then it disables the endpoint (FedaPay docs, Webhooks). Where it
// begins is a guess: 30, 60 and seven times 120 s make a quarter of an hour.
const (
	triesMax    = 10
	retryGapMax = 2 * time.Minute
)

// schedule is the gap before each further try.
func schedule(first time.Duration) []time.Duration {
	gaps := make([]time.Duration, triesMax-1)
	for i := range gaps {
		gaps[i] = min(first, retryGapMax)
		first = gaps[i] * 2
	}
	return gaps
}
