package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/telemetry"
)

// Environment says how much may be assumed.
type Environment string

// The environments.
const (
	Development Environment = "development"
	Staging     Environment = "staging"
	Production  Environment = "production"
)

// The values a developer need not set. All say what they are: none works at a
// real gateway, and production refuses them.
const (
	developmentPaystackKey    = "sk_test_cauri_development"
	developmentFedaPayKey     = "sk_sandbox_cauri_development"
	developmentFedaPayWebhook = "wh_sandbox_cauri_development"
	developmentAPIKey         = "ck_test_cauri_development"
)

// Settings is everything that can be set, each a flag, an environment variable
// and a default. The names are a contract.
type Settings struct {
	Env Environment `name:"env" env:"CAURI_ENV" enum:"development,staging,production" default:"development" help:"How much may be assumed: ${enum}."`

	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL 15 or newer. Absent: a private one, started and stopped with this program."`
	DataDir     string `name:"data-dir" env:"CAURI_DATA_DIR" placeholder:"DIR" help:"Where the private PostgreSQL keeps its data."`
	PGBin       string `name:"pg-bin" env:"CAURI_PG_BIN" placeholder:"DIR" help:"Where initdb and postgres are, for the private PostgreSQL. Absent: searched."`
	PGAuto      bool   `name:"pg-auto" env:"CAURI_PG_AUTO" default:"true" negatable:"" help:"Install PostgreSQL's programs when there are none (root on Debian or Ubuntu)."`
	PGDownload  string `name:"pg-download" env:"CAURI_PG_DOWNLOAD" placeholder:"URL" help:"Where builds of PostgreSQL may be fetched, each with its .sha256."`

	HTTPAddr  string `name:"http-addr" env:"CAURI_HTTP_ADDR" default:"127.0.0.1:8080" help:"Where the API and the webhooks listen."`
	AdminAddr string `name:"admin-addr" env:"CAURI_ADMIN_ADDR" default:"127.0.0.1:8081" help:"Where health, metrics and profiles listen. Never public."`

	AccessSettings

	PaystackSecretKey    secret.Secret   `name:"paystack-secret-key" env:"PAYSTACK_SECRET_KEY" placeholder:"KEY" help:"Paystack's API secret key, which signs its webhooks too."`
	PaystackPreviousKeys []secret.Secret `name:"paystack-previous-secret-keys" env:"PAYSTACK_PREVIOUS_SECRET_KEYS" placeholder:"KEY,…" help:"Keys that still verify webhooks during a rotation: keep one for 73 hours."`
	SecretSettings
	PaystackBaseURL     string `name:"paystack-base-url" env:"PAYSTACK_BASE_URL" default:"https://api.paystack.co" help:"Where Paystack is."`
	PaystackPhoneFormat string `name:"paystack-phone-format" env:"PAYSTACK_PHONE_FORMAT" enum:"national,e164" default:"national" help:"How Paystack is told a phone number: ${enum}."`

	PaystackOperatorFailureTexts []string `name:"paystack-operator-failure-texts" env:"PAYSTACK_OPERATOR_FAILURE_TEXTS" sep:";" placeholder:"TEXT;…" help:"Phrases by which Paystack says that the operator's own system failed, so that the second gateway is asked without asking the payer. None is documented."`

	FedaPaySecretKey      secret.Secret             `name:"fedapay-secret-key" env:"FEDAPAY_SECRET_KEY" placeholder:"KEY" help:"FedaPay's secret key. Absent: there is no second door."`
	FedaPayWebhookSecrets []secret.Secret           `name:"fedapay-webhook-secrets" env:"FEDAPAY_WEBHOOK_SECRETS" placeholder:"SECRET,…" help:"What FedaPay signs its webhooks with, wh_…; the previous one too for 73 hours of a rotation."`
	FedaPayBaseURL        string                    `name:"fedapay-base-url" env:"FEDAPAY_BASE_URL" placeholder:"URL" help:"Where FedaPay is. Absent: api.fedapay.com or sandbox-api.fedapay.com, as the key says."`
	FedaPayPhoneFormat    string                    `name:"fedapay-phone-format" env:"FEDAPAY_PHONE_FORMAT" enum:"national,e164" default:"national" help:"How FedaPay is told a phone number: ${enum}."`
	FedaPayPhoneCountry   string                    `name:"fedapay-phone-country" env:"FEDAPAY_PHONE_COUNTRY" default:"ci" placeholder:"COUNTRY" help:"Where FedaPay is told a payer's phone is, two small letters. Its sandbox has test numbers of bj alone; a live key takes ci."`
	FedaPayDirectModes    map[phone.Operator]string `name:"fedapay-direct-modes" env:"FEDAPAY_DIRECT_MODES" default:"mtn=mtn_ci" mapsep:"," placeholder:"OPERATOR=MODE,…" help:"Who FedaPay charges without a page, and its name for that."`

	FedaPayOperatorFailureCodes []string `name:"fedapay-operator-failure-codes" env:"FEDAPAY_OPERATOR_FAILURE_CODES" placeholder:"CODE,…" help:"Values of last_error_code by which FedaPay says, of a direct charge that failed, that the operator's own system did. None is documented; API_ERROR is none: a paid transaction had it."`

	ReturnURL               string   `name:"return-url" env:"CAURI_RETURN_URL" placeholder:"URL" help:"Where gateways' pages send the payer's browser afterwards; {payment} in it becomes the payment's id. The engine serves /return/{payment}."`
	RoutesOff               []string `name:"routes-off" env:"CAURI_ROUTES_OFF" placeholder:"ROUTE,…" help:"Lines of the route table that are not used, such as fedapay.card.hosted; cauri gateways lists them."`
	RoutesOn                []string `name:"routes-on" env:"CAURI_ROUTES_ON" placeholder:"ROUTE,…" help:"Lines that are off by default and that your account offers, such as fedapay.wave.hosted."`
	FailoverAfterQuarantine bool     `name:"failover-after-quarantine" env:"CAURI_FAILOVER_AFTER_QUARANTINE" help:"Ask the second gateway also when the first has long said it never heard of the payment. Not before that gateway has said in writing that it means it."`

	BreakerFailures        uint32        `name:"breaker-failures" env:"CAURI_BREAKER_FAILURES" default:"5" help:"Failures in a row that open a gateway's breaker."`
	BreakerFailuresPercent uint32        `name:"breaker-failures-percent" env:"CAURI_BREAKER_FAILURES_PERCENT" default:"50" help:"Failures among a hundred calls of the window that open it, when there were enough calls."`
	BreakerCallsMin        uint32        `name:"breaker-calls-min" env:"CAURI_BREAKER_CALLS_MIN" default:"20" help:"Calls in the window before their share of failures counts."`
	BreakerWindow          time.Duration `name:"breaker-window" env:"CAURI_BREAKER_WINDOW" default:"60s" help:"How far back a breaker looks."`
	BreakerSlowAfter       time.Duration `name:"breaker-slow-after" env:"CAURI_BREAKER_SLOW_AFTER" default:"8s" help:"A success that took longer counts as a failure of the gateway's health."`
	BreakerOpenFor         time.Duration `name:"breaker-open-for" env:"CAURI_BREAKER_OPEN_FOR" default:"20s" help:"How long an open breaker waits before it is tried again."`
	BreakerOpenForMax      time.Duration `name:"breaker-open-for-max" env:"CAURI_BREAKER_OPEN_FOR_MAX" default:"300s" help:"What that wait doubles up to, when charges keep failing at a gateway whose probes succeed."`
	BreakerReopenWithin    time.Duration `name:"breaker-reopen-within" env:"CAURI_BREAKER_REOPEN_WITHIN" default:"2m" help:"A breaker that probes closed and charges open again so soon waits twice as long."`
	BreakerProbes          uint32        `name:"breaker-probes" env:"CAURI_BREAKER_PROBES" default:"3" help:"Trials in a row that must succeed to close it."`

	OperatorFailures uint32        `name:"operator-failures" env:"CAURI_OPERATOR_FAILURES" default:"5" help:"An operator's own failures in a row, through one gateway, that make it bad there. Bad through every gateway that serves it, it is down and its payers are told."`
	OperatorWindow   time.Duration `name:"operator-window" env:"CAURI_OPERATOR_WINDOW" default:"5m" help:"How far apart these may be in all."`
	OperatorBadFor   time.Duration `name:"operator-bad-for" env:"CAURI_OPERATOR_BAD_FOR" default:"60s" help:"How long it is bad, before the next payer's charge decides."`

	PayerEmailDomain string `name:"payer-email-domain" env:"CAURI_PAYER_EMAIL_DOMAIN" placeholder:"DOMAIN" help:"Makes an address for payers who have none: Paystack requires one. A domain of yours."`

	AutoReleaseHours int               `name:"escrow-auto-release-hours" env:"CAURI_ESCROW_AUTO_RELEASE_HOURS" default:"48" help:"From delivery to release, when the payer says nothing. Stored on each hold when it is made."`
	Commission       money.BasisPoints `name:"commission-basis-points" env:"CAURI_COMMISSION_BASIS_POINTS" default:"1500" help:"Our share of an amount, in hundredths of a percent."`
	AmountMin        int64             `name:"amount-min" env:"CAURI_AMOUNT_MIN" default:"100" help:"The least a payment may be, in francs."`
	AmountMax        int64             `name:"amount-max" env:"CAURI_AMOUNT_MAX" default:"2000000" help:"The most a payment may be, in francs."`
	PortedNumbers    bool              `name:"ported-numbers" env:"CAURI_PORTED_NUMBERS" help:"Accept a number whose prefix belongs to another operator."`
	WalletCooling    time.Duration     `name:"wallet-cooling" env:"CAURI_WALLET_COOLING" default:"24h" help:"How long a wallet that takes another's place is not paid to: whoever took over a talent's telephone has that long to be noticed."`
	PromptWindow     time.Duration     `name:"prompt-window" env:"CAURI_PROMPT_WINDOW" default:"180s" help:"How long a payer has to approve."`

	EdgeSettings
	DataSettings

	Shards        int `name:"shards" env:"CAURI_SHARDS" default:"32" help:"Shard managers of the actor system, from 16 to 64."`
	CommitWorkers int `name:"commit-workers" env:"CAURI_COMMIT_WORKERS" default:"2" help:"Rounds of commits under way at once, from 1 to 8."`
	LiveActors    int `name:"live-actors" env:"CAURI_LIVE_ACTORS" default:"10000" help:"Transactions kept in memory at once."`

	GCPercent int `name:"gc-percent" env:"GOGC" default:"200" help:"How much the heap grows between two rounds of the garbage collector, in percent. Half of it takes 30 MB less at 256 connections, and 5 % of the rate."`

	LogFormat telemetry.Format `name:"log-format" env:"CAURI_LOG_FORMAT" enum:"text,json" default:"text" help:"How log lines look: ${enum}."`
	LogLevel  slog.Level       `name:"log-level" env:"CAURI_LOG_LEVEL" default:"INFO" help:"The least level that is logged: DEBUG, INFO, WARN, ERROR."`
}

// exitMisconfigured is EX_CONFIG of sysexits.h: what a supervisor should not
// restart.
const exitMisconfigured = 78

// Misconfigured lists every fault of a configuration at once, each naming its
// setting and never a value.
type Misconfigured []string

func (m Misconfigured) Error() string {
	return "the configuration can't be started with:\n  - " + strings.Join(m, "\n  - ")
}

// ExitCode tells kong what to exit with.
func (Misconfigured) ExitCode() int { return exitMisconfigured }

// complete fills in what development assumes and refuses what production must
// not be (security: a half-configured production does not start).
func (s *Settings) complete() error {
	faults := s.readSecrets() // before anything is assumed
	if s.Env == Development {
		if s.PaystackSecretKey.IsZero() {
			s.PaystackSecretKey = secret.New(developmentPaystackKey)
		}
		if s.FedaPaySecretKey.IsZero() && len(s.FedaPayWebhookSecrets) == 0 && !isLiveKey(s.PaystackSecretKey) {
			s.FedaPaySecretKey = secret.New(developmentFedaPayKey)
			s.FedaPayWebhookSecrets = []secret.Secret{secret.New(developmentFedaPayWebhook)}
		}
		s.assumeAccess()
		s.assumeData()
	}
	faults = append(faults, s.requireSecrets()...)
	faults = append(faults, s.requireAccess()...)
	faults = append(faults, s.requireKnown(os.Environ())...)
	faults = append(faults, s.requireUntyped()...)
	faults = append(faults, s.requireSecondDoor()...)
	faults = append(faults, s.requireRoutes()...)
	faults = append(faults, s.requireBreaker()...)
	faults = append(faults, s.requireEdge()...)
	faults = append(faults, s.requireData()...)
	faults = append(faults, s.requireDurable()...)
	if policy := s.policy(); policy.Check() != nil {
		faults = append(faults, policy.Check().Error())
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

func (s *Settings) requireSecrets() (faults Misconfigured) {
	key := s.PaystackSecretKey.Reveal()
	switch {
	case key == "":
		faults = append(faults, "PAYSTACK_SECRET_KEY is missing: Paystack dashboard, Settings, API Keys & Webhooks")
	case strings.HasPrefix(key, "pk_"):
		faults = append(faults, "PAYSTACK_SECRET_KEY holds a public key (pk_…): the secret one begins with sk_")
	case !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "sk_live_"):
		faults = append(faults, "PAYSTACK_SECRET_KEY begins with neither sk_test_ nor sk_live_")
	case s.Env == Production && !strings.HasPrefix(key, "sk_live_"):
		faults = append(faults, "PAYSTACK_SECRET_KEY is a test key: production takes sk_live_…")
	}
	for _, previous := range s.PaystackPreviousKeys {
		switch kind(previous) {
		case kind(s.PaystackSecretKey):
		case "":
			faults = append(faults, "PAYSTACK_PREVIOUS_SECRET_KEYS holds something that is no secret key")
		default:
			faults = append(faults, "PAYSTACK_PREVIOUS_SECRET_KEYS holds a key of another environment than PAYSTACK_SECRET_KEY: "+
				"with it, play money would pay")
		}
	}
	faults = append(faults, s.requireWhole("PAYSTACK_SECRET_KEY", s.PaystackSecretKey)...)
	return append(faults, s.requireWhole("PAYSTACK_PREVIOUS_SECRET_KEYS", s.PaystackPreviousKeys...)...)
}

// commitWorkersMax leaves connections of the pool of rounds for what is decided
// alone.
const commitWorkersMax = 8

// Below, nothing but garbage is collected; above, 40 MB of live heap become 400.
const (
	gcPercentMin = 20
	gcPercentMax = 1000
)

// walletCoolingMin is a day and a night (S-18).
const walletCoolingMin = 24 * time.Hour

func (s *Settings) requireDurable() (faults Misconfigured) {
	faults = append(faults, s.requireBase("PAYSTACK_BASE_URL", s.PaystackBaseURL)...)
	if s.ReturnURL != "" {
		faults = append(faults, s.requireReturn()...)
	}
	faults = append(faults, s.requireDatabase()...)
	if s.Env == Production && !isPrivate(s.AdminAddr) {
		faults = append(faults, "CAURI_ADMIN_ADDR is public: health, metrics and profiles have no login; use a loopback or private address")
	}
	if s.Env == Production && s.WalletCooling < walletCoolingMin {
		faults = append(faults, "CAURI_WALLET_COOLING is 24h at least in production: whoever took a talent's telephone has to be noticed")
	}
	if s.CommitWorkers < 0 || s.CommitWorkers > commitWorkersMax {
		faults = append(faults, fmt.Sprintf("CAURI_COMMIT_WORKERS is from 1 to %d", commitWorkersMax))
	}
	if s.GCPercent != 0 && s.GCPercent < gcPercentMin || s.GCPercent > gcPercentMax {
		faults = append(faults, fmt.Sprintf("GOGC is from %d to %d: it is never off", gcPercentMin, gcPercentMax))
	}
	if s.HTTPAddr == s.AdminAddr && !strings.HasSuffix(s.HTTPAddr, ":0") { // the system chooses a port for each
		faults = append(faults, "CAURI_HTTP_ADDR and CAURI_ADMIN_ADDR are the same address")
	}
	return faults
}

// policy is what Decide is given.
func (s *Settings) policy() engine.Policy {
	p := engine.DefaultPolicy()
	p.Live = map[engine.Gateway]bool{
		engine.Paystack: isLiveKey(s.PaystackSecretKey), engine.FedaPay: isLiveKey(s.FedaPaySecretKey),
	}
	p.Routes = s.routes()
	p.FailoverAfterQuarantine = s.FailoverAfterQuarantine
	p.AutoReleaseHours, p.Commission, p.PortedNumbers = s.AutoReleaseHours, s.Commission, s.PortedNumbers
	p.AmountMin, p.AmountMax = money.Amount(s.AmountMin), money.Amount(s.AmountMax)
	p.PromptWindow, p.WalletCooling = s.PromptWindow, s.WalletCooling
	p.PromptWindows = map[phone.Operator]time.Duration{}
	return p
}

// settingNames are the environment variables that are read.
func settingNames() map[string]bool {
	names := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if name := field.Tag.Get("env"); name != "" {
			names[name] = true
		}
	}
	return names
}

// variables are the environment's, with what they are set to.
func variables() map[string]string {
	out := map[string]string{}
	for _, line := range os.Environ() {
		name, value, _ := strings.Cut(line, "=")
		out[name] = value
	}
	return out
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// isPrivate reports that only this machine or its private network reaches the
// address. An empty host is every interface: public.
func isPrivate(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && (ip.IsLoopback() || ip.IsPrivate()))
}
