package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// canary is a value that must never be printed, whatever is wrong with it.
const canary = "canary-5f2a"

// madeUp is as long as 32 random bytes are, in base64, and as varied.
const madeUp = canary + "Vq8zR1mWn7tYc3LkPd0XsJh6GbUeAo2FiTx"

func production() Settings {
	return Settings{
		BreakerFailures: 5, BreakerFailuresPercent: 50, BreakerCallsMin: 20, BreakerWindow: time.Minute, BreakerSlowAfter: 8 * time.Second,
		BreakerOpenFor: 20 * time.Second, BreakerOpenForMax: 5 * time.Minute, BreakerReopenWithin: 2 * time.Minute, BreakerProbes: 3,
		OperatorFailures: 5, OperatorWindow: 5 * time.Minute, OperatorBadFor: time.Minute,
		Env: Production, DatabaseURL: "postgres://cauri@/cauri?host=/var/run/postgresql",
		HTTPAddr: "0.0.0.0:8080", AdminAddr: "127.0.0.1:8081",
		AccessSettings: AccessSettings{
			APIKey: secret.New("ck_live_" + madeUp), KeyPeppers: []secret.Named{{ID: "p1", Value: secret.New(madeUp)}}, TokenIssuer: "bookmi",
		},
		PaystackSecretKey: secret.New("sk_live_" + canary),
		PaystackBaseURL:   "https://api.paystack.co", AutoReleaseHours: 48, Commission: 1500, AmountMin: 100, AmountMax: 2_000_000,
		EdgeSettings: counting(), DataSettings: sealing(),
		PromptWindow: 180e9, WalletCooling: 24 * time.Hour,
		FedaPayPhoneCountry: "ci", FedaPayDirectModes: map[phone.Operator]string{phone.MTN: "mtn_ci"},
	}
}

// sealing is one key of each kind, made of the canary.
func sealing() DataSettings {
	one := func(text string) []secret.Named {
		sum := sha256.Sum256([]byte(canary + text))
		return []secret.Named{{ID: "k1", Value: secret.New(base64.StdEncoding.EncodeToString(sum[:]))}}
	}
	return DataSettings{DataKeys: one("data"), IndexKeys: one("index")}
}

// counting are the rates everybody has who sets none.
func counting() EdgeSettings {
	var cli struct{ EdgeSettings }
	parser, err := kong.New(&cli)
	if err == nil {
		_, err = parser.Parse(nil)
	}
	if err != nil {
		panic(err)
	}
	return cli.EdgeSettings
}

func TestRatesAreThoseOfTheSecurityPage(t *testing.T) {
	t.Parallel()
	tenMinutes := http.Rate{Most: 5, Within: 10 * time.Minute}
	s := Settings{EdgeSettings: counting(), PaystackBaseURL: "https://api.paystack.co"}
	require.Equal(t, tenMinutes, s.rates().StartsPerPhone)
	require.Equal(t, tenMinutes, s.rates().CodesPerPhone)
	require.Len(t, networks(s.paystackSources()), 3)
	require.False(t, s.PaystackSourcesEnforced)
	require.Empty(t, s.FedaPaySources)
	s.PaystackBaseURL = "http://127.0.0.1:1"
	require.Empty(t, s.paystackSources(), "the simulated gateway comes from anywhere")
	s.unlimited()
	require.Equal(t, http.Rates{}, s.rates())
}

// twoDoors is a production with both gateways.
func twoDoors() Settings {
	s := production()
	s.FedaPaySecretKey = secret.New("sk_live_" + canary)
	s.FedaPayWebhookSecrets = []secret.Secret{secret.New("wh_live_" + canary)}
	return s
}

func TestProductionStartsWhenNothingIsMissing(t *testing.T) {
	t.Parallel()
	s := production()
	require.NoError(t, s.complete())
	require.True(t, s.policy().Live["paystack"])
	require.True(t, s.policy().Refunds["paystack"])
}

func TestWithoutASecondKeyThereIsNoSecondDoor(t *testing.T) {
	t.Parallel()
	s := production()
	require.NoError(t, s.complete())
	for _, r := range s.policy().Routes {
		require.Equal(t, r.Gateway == engine.FedaPay, r.Off != "", routeName(r))
	}
	require.Empty(t, s.policy().Routes.For(engine.Collect, engine.MobileMoney, phone.Moov))
}

func TestTheSecondDoorOpensWithItsKey(t *testing.T) {
	t.Parallel()
	s := twoDoors()
	s.RoutesOff, s.RoutesOn = []string{"fedapay.card.hosted"}, []string{"fedapay.wave.hosted"}
	require.NoError(t, s.complete())
	policy := s.policy()
	require.True(t, policy.Live["fedapay"])
	require.False(t, policy.Refunds["fedapay"], "FedaPay has no refund API")
	require.False(t, policy.FailoverAfterQuarantine)
	collect := func(m engine.Method, o phone.Operator) []engine.Door { return policy.Routes.For(engine.Collect, m, o) }
	paystack, page := engine.Door{Gateway: engine.Paystack, Flow: engine.Direct}, engine.Door{Gateway: engine.FedaPay, Flow: engine.Hosted}
	require.Equal(t, []engine.Door{paystack, {Gateway: engine.FedaPay, Flow: engine.Direct}}, collect(engine.MobileMoney, phone.MTN))
	require.Equal(t, []engine.Door{page}, collect(engine.MobileMoney, phone.Moov))
	require.Equal(t, []engine.Door{paystack, page}, collect(engine.MobileMoney, phone.Wave), "switched on")
	require.Equal(t, []engine.Door{paystack}, collect(engine.MobileMoney, phone.Orange))
	require.Equal(t, []engine.Door{{Gateway: engine.Paystack, Flow: engine.Hosted}}, collect(engine.Card, ""), "switched off")
	require.Equal(t, "https://api.fedapay.com", s.fedapayURL())

	s.FedaPayDirectModes = map[phone.Operator]string{}
	require.Equal(t, []engine.Door{paystack}, s.policy().Routes.For(engine.Collect, engine.MobileMoney, phone.MTN), "no mode, no door")
}

func TestASecondDoorIsRefusedWhereItWouldPayWithNothing(t *testing.T) {
	t.Parallel()
	sandboxed := func(s *Settings) {
		s.FedaPaySecretKey = secret.New("sk_sandbox_" + canary)
		s.FedaPayWebhookSecrets = []secret.Secret{secret.New("wh_sandbox_" + canary)}
	}
	for name, c := range map[string]struct {
		spoil func(*Settings)
		names string
	}{
		"a sandbox key in production": {sandboxed, "FEDAPAY_SECRET_KEY is a sandbox key"},
		"one real, one pretended":     {func(s *Settings) { sandboxed(s); s.Env = Staging }, "different environments"},
		"a public key":                {func(s *Settings) { s.FedaPaySecretKey = secret.New("pk_live_" + canary) }, "FEDAPAY_SECRET_KEY"},
		"no key at all":               {func(s *Settings) { s.FedaPaySecretKey = secret.New(canary) }, "FEDAPAY_SECRET_KEY"},
		"secrets without a key":       {func(s *Settings) { s.FedaPaySecretKey = secret.Secret{} }, "FEDAPAY_SECRET_KEY is missing"},
		"a key without secrets":       {func(s *Settings) { s.FedaPayWebhookSecrets = nil }, "FEDAPAY_WEBHOOK_SECRETS is missing"},
		"a secret that isn't": {
			func(s *Settings) { s.FedaPayWebhookSecrets = append(s.FedaPayWebhookSecrets, secret.New(canary)) }, "FEDAPAY_WEBHOOK_SECRETS",
		},
		"a secret of the other environment": {
			func(s *Settings) {
				s.FedaPayWebhookSecrets = append(s.FedaPayWebhookSecrets, secret.New("wh_sandbox_"+canary))
			}, "another environment",
		},
		"the other environment's host": {func(s *Settings) { s.FedaPayBaseURL = "https://sandbox-api.fedapay.com" }, "other environment"},
		"a gateway over http":          {func(s *Settings) { s.FedaPayBaseURL = "http://api.fedapay.com" }, "FEDAPAY_BASE_URL"},
		"a gateway on this machine":    {func(s *Settings) { s.FedaPayBaseURL = "https://127.0.0.1:8091" }, "FEDAPAY_BASE_URL"},
		"a way back over http":         {func(s *Settings) { s.ReturnURL = "http://pay.example.ci/return/{payment}" }, "CAURI_RETURN_URL"},
		"a way back that runs":         {func(s *Settings) { s.ReturnURL = "javascript:alert(1)" }, "CAURI_RETURN_URL"},
		"a route nobody knows":         {func(s *Settings) { s.RoutesOff = []string{"fedapay.orange"} }, "fedapay.orange.hosted"},
		"a route on and off": {
			func(s *Settings) {
				s.RoutesOn, s.RoutesOff = []string{"fedapay.wave.hosted"}, []string{"fedapay.wave.hosted"}
			}, "both name",
		},
		"a route through no door": {
			func(s *Settings) {
				s.FedaPaySecretKey, s.FedaPayWebhookSecrets = secret.Secret{}, nil
				s.RoutesOn = []string{"fedapay.wave.hosted"}
			}, "FEDAPAY_SECRET_KEY is not set",
		},
		"a mode for nobody": {
			func(s *Settings) { s.FedaPayDirectModes = map[phone.Operator]string{"moov": "moov_ci"} }, "FEDAPAY_DIRECT_MODES",
		},
		"a country in words":      {func(s *Settings) { s.FedaPayPhoneCountry = "Bénin" }, "FEDAPAY_PHONE_COUNTRY"},
		"a country in capitals":   {func(s *Settings) { s.FedaPayPhoneCountry = "CI" }, "FEDAPAY_PHONE_COUNTRY"},
		"no country":              {func(s *Settings) { s.FedaPayPhoneCountry = "" }, "FEDAPAY_PHONE_COUNTRY"},
		"payers taken for others": {func(s *Settings) { s.FedaPayPhoneCountry = "bj" }, "FEDAPAY_PHONE_COUNTRY is ci with a live key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := twoDoors()
			c.spoil(&s)
			err := s.complete()
			require.Error(t, err)
			require.Contains(t, err.Error(), c.names)
			require.NotContains(t, err.Error(), canary)
			require.Equal(t, exitMisconfigured, exitCode(err))
		})
	}
}

// The sandbox of FedaPay has test numbers of Benin alone.
func TestASandboxMayBeToldAnotherCountry(t *testing.T) {
	t.Parallel()
	s := production()
	s.Env, s.PaystackSecretKey, s.FedaPayPhoneCountry = Development, secret.Secret{}, "bj"
	require.NoError(t, s.complete())
	require.True(t, s.hasSecondDoor())
}

func TestProductionRefusesToStartHalfConfigured(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*Settings)
		names string
	}{
		"no Paystack key": {func(s *Settings) { s.PaystackSecretKey = secret.Secret{} }, "PAYSTACK_SECRET_KEY"},
		"a test key":      {func(s *Settings) { s.PaystackSecretKey = secret.New("sk_test_" + canary) }, "PAYSTACK_SECRET_KEY"},
		"a public key":    {func(s *Settings) { s.PaystackSecretKey = secret.New("pk_live_" + canary) }, "PAYSTACK_SECRET_KEY"},
		"no key at all":   {func(s *Settings) { s.PaystackSecretKey = secret.New(canary) }, "PAYSTACK_SECRET_KEY"},
		"a previous key that isn't": {
			func(s *Settings) { s.PaystackPreviousKeys = []secret.Secret{secret.New(canary)} }, "PAYSTACK_PREVIOUS_SECRET_KEYS",
		},
		"a short API key":           {func(s *Settings) { s.APIKey = secret.New(madeUp[:42]) }, "CAURI_API_KEY"},
		"an API key of few letters": {func(s *Settings) { s.APIKey = secret.New("ck_live_" + strings.Repeat("k", 44)) }, "CAURI_API_KEY"},
		"no pepper":                 {func(s *Settings) { s.KeyPeppers = nil }, "CAURI_KEY_PEPPERS is missing"},
		"a guessable pepper":        {func(s *Settings) { s.KeyPeppers[0].Value = secret.New(canary) }, "CAURI_KEY_PEPPERS: p1 is guessable"},
		"the developers' pepper":    {func(s *Settings) { s.KeyPeppers[0].Value = secret.New(developmentPepper) }, "CAURI_KEY_PEPPERS"},
		"two peppers of one name":   {func(s *Settings) { s.KeyPeppers = append(s.KeyPeppers, s.KeyPeppers[0]) }, "CAURI_KEY_PEPPERS"},
		"a token key that is none": {
			func(s *Settings) { s.TokenKeys = []secret.Named{{ID: "k1", Value: secret.New(canary)}} }, "CAURI_TOKEN_KEYS: k1",
		},
		"a guessable API key":     {func(s *Settings) { s.APIKey = secret.New(canary) }, "CAURI_API_KEY"},
		"the developers' API key": {func(s *Settings) { s.APIKey = secret.New(developmentAPIKey) }, "CAURI_API_KEY"},
		"no data key":             {func(s *Settings) { s.DataKeys = nil }, "CAURI_DATA_KEYS is missing"},
		"no index key":            {func(s *Settings) { s.IndexKeys = nil }, "CAURI_INDEX_KEYS is missing"},
		"a data key in words":     {func(s *Settings) { s.DataKeys[0].Value = secret.New(madeUp) }, "CAURI_DATA_KEYS: a key is base64"},
		"a data key of few bytes": {
			func(s *Settings) { s.DataKeys[0].Value = secret.New(strings.Repeat("A", 43) + "=") }, "CAURI_DATA_KEYS: k1 is guessable",
		},
		"the developers' data key": {func(s *Settings) {
			data, _ := vault.DevelopmentKeys()
			s.DataKeys = vault.SpellKeys(data)
		}, "CAURI_DATA_KEYS holds"},
		"the developers' index key": {func(s *Settings) {
			_, index := vault.DevelopmentKeys()
			s.IndexKeys = vault.SpellKeys(index)
		}, "CAURI_INDEX_KEYS holds"},
		"one key for both":          {func(s *Settings) { s.IndexKeys = s.DataKeys }, "CAURI_DATA_KEYS, CAURI_INDEX_KEYS"},
		"two data keys of one name": {func(s *Settings) { s.DataKeys = append(s.DataKeys, s.IndexKeys[0]) }, "CAURI_DATA_KEYS: two keys"},
		"a private PostgreSQL":      {func(s *Settings) { s.DatabaseURL = "" }, "DATABASE_URL"},
		"a gateway over http":       {func(s *Settings) { s.PaystackBaseURL = "http://api.paystack.co" }, "PAYSTACK_BASE_URL"},
		"a gateway on this machine": {func(s *Settings) { s.PaystackBaseURL = "https://127.0.0.1:8090" }, "PAYSTACK_BASE_URL"},
		"no gateway":                {func(s *Settings) { s.PaystackBaseURL = "::" }, "PAYSTACK_BASE_URL"},
		"a public admin listener":   {func(s *Settings) { s.AdminAddr = "0.0.0.0:8081" }, "CAURI_ADMIN_ADDR"},
		"one address for both":      {func(s *Settings) { s.HTTPAddr = s.AdminAddr }, "CAURI_HTTP_ADDR"},
		"amounts upside down":       {func(s *Settings) { s.AmountMin = s.AmountMax + 1 }, "amounts"},
		"more than everything":      {func(s *Settings) { s.Commission = 10_001 }, "commission"},
		"a release in the past":     {func(s *Settings) { s.AutoReleaseHours = -1 }, "release"},
		"everybody is our proxy":    {func(s *Settings) { s.TrustedProxies = []string{"10.0.0.0/8", "0.0.0.0/0"} }, "CAURI_TRUSTED_PROXIES"},
		"everybody of IPv6":         {func(s *Settings) { s.TrustedProxies = []string{"::/0"} }, "CAURI_TRUSTED_PROXIES"},
		"everybody in two halves":   {func(s *Settings) { s.TrustedProxies = []string{"0.0.0.0/1", "128.0.0.0/1"} }, "CAURI_TRUSTED_PROXIES"},
		"everybody, mapped":         {func(s *Settings) { s.TrustedProxies = []string{"::ffff:0.0.0.0/96"} }, "CAURI_TRUSTED_PROXIES"},
		"a proxy that is none":      {func(s *Settings) { s.TrustedProxies = []string{canary} }, "CAURI_TRUSTED_PROXIES"},
		"everybody is Paystack":     {func(s *Settings) { s.PaystackSources = []string{"0.0.0.0/0"} }, "PAYSTACK_SOURCE_ADDRESSES"},
		"FedaPay is nowhere":        {func(s *Settings) { s.FedaPaySourcesEnforced = true }, "FEDAPAY_SOURCE_ADDRESSES"},
		"prompts are not counted":   {func(s *Settings) { s.StartsPerPhone = http.Rate{} }, "CAURI_STARTS_PER_PHONE"},
		"codes are not counted":     {func(s *Settings) { s.CodesPerPhone = http.Rate{} }, "CAURI_CODES_PER_PHONE"},
		"failures are not counted":  {func(s *Settings) { s.FailuresPerAddr = http.Rate{} }, "CAURI_FAILURES_PER_ADDRESS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := production()
			c.spoil(&s)
			err := s.complete()
			require.Error(t, err)
			require.Contains(t, err.Error(), c.names)
			require.NotContains(t, err.Error(), canary)
			require.Equal(t, exitMisconfigured, exitCode(err))
		})
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	s := Settings{
		Env: Production, PaystackBaseURL: "https://api.paystack.co", AdminAddr: "127.0.0.1:1", AmountMin: 1, AmountMax: 1, PromptWindow: 1,
	}
	err := s.complete()
	for _, name := range []string{"PAYSTACK_SECRET_KEY", "CAURI_KEY_PEPPERS", "DATABASE_URL"} {
		require.ErrorContains(t, err, name)
	}
}

func TestDevelopmentNeedsNothing(t *testing.T) {
	t.Parallel()
	s := production()
	s.Env, s.APIKey, s.PaystackSecretKey, s.DatabaseURL = Development, secret.Secret{}, secret.Secret{}, ""
	require.NoError(t, s.complete())
	require.False(t, s.policy().Live["paystack"], "the development key is a test key")
	require.True(t, s.hasSecondDoor())
	require.Equal(t, "https://sandbox-api.fedapay.com", s.fedapayURL())

	s = production()
	s.Env = Development
	require.NoError(t, s.complete())
	require.False(t, s.hasSecondDoor(), "beside a live key no door pretends")
}

// run runs a command line as main would.
func run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(context.Background(), args, streams{&o, &e})
	return code, o.String(), e.String()
}

func TestTheProgramRefusesWithSeventyEight(t *testing.T) {
	code, _, errs := run(t, "serve", "--env=production", "--paystack-secret-key=sk_test_"+canary)
	require.Equal(t, exitMisconfigured, code)
	require.Contains(t, errs, "CAURI_KEY_PEPPERS")
	require.NotContains(t, errs, canary)

	code, _, errs = run(t, "demo", "--env=production")
	require.Equal(t, exitMisconfigured, code, errs)
}

func TestAWrongCommandLineIsTheCallersFault(t *testing.T) {
	for _, args := range [][]string{
		{"nonsense"}, {"serve", "--no-such-flag"}, {"serve", "--env=moon"}, {"demo", "--rate=0"}, {"demo", "--rate=1e9"}, {},
	} {
		code, _, errs := run(t, args...)
		require.Equal(t, exitUsage, code, args)
		require.NotEmpty(t, errs)
	}
}

// Not in parallel: the environment is the process's.
func TestAnErrorForMachinesIsOneLineOfJSON(t *testing.T) {
	t.Setenv("CAURI_API_URL", "http://127.0.0.1:1")
	for _, c := range []struct {
		args []string
		exit int
		code string
	}{
		{[]string{"payment", "get", "B1", "--json"}, exitTryAgain, "try_again"},
		{[]string{"payment", "verify", "pay_x", "--json"}, exitUsage, "usage"},
		{[]string{"payout", "retry", "pay_x", "--reason=r", "--json"}, exitUsage, "usage"},
		{[]string{"keys", "new", "--json"}, exitUsage, "usage"},
		{[]string{"payment", "list", "--limit=x", "--json"}, exitUsage, "usage"},
	} {
		code, out, errs := run(t, c.args...)
		require.Equal(t, c.exit, code, c.args)
		require.Empty(t, out)
		var told struct{ Error failure }
		require.NoError(t, json.Unmarshal([]byte(errs), &told), "%v: %s", c.args, errs)
		require.Equal(t, []any{c.exit, c.code}, []any{told.Error.Exit, told.Error.Code}, c.args)
		require.NotEmpty(t, told.Error.Message)
		require.Equal(t, 1, strings.Count(errs, "\n"))
	}
	t.Setenv("CAURI_STAFF_KEY", "cs_x\ny")
	code, _, errs := run(t, "payment", "list")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "CAURI_STAFF_KEY")
	require.NotContains(t, errs, "cs_x")
}

// The private database of a machine on which no engine has run, and one of somebody else's.
func TestADatabaseWithoutOurTablesIsExplained(t *testing.T) {
	dsn := pgtest.DSN(t, pgtest.Schema{Name: "empty", Migrate: func(context.Context, string) error { return nil }})
	for _, args := range [][]string{{"keys", "list"}, {"staff", "list"}, {"webhook", "list"}, {"refunds"}} {
		code, _, errs := run(t, append(args, "--database-url="+dsn)...)
		require.Equal(t, exitUsage, code, "%v: %s", args, errs)
		require.Contains(t, errs, "DATABASE_URL", args)
	}
}

func TestHelpAndVersionAnswer(t *testing.T) {
	code, out, _ := run(t, "--help")
	require.Zero(t, code)
	for _, command := range []string{"demo", "serve", "sandbox", "migrate", "doctor", "version"} {
		require.Contains(t, out, command)
	}
	code, out, _ = run(t, "version", "--json")
	require.Zero(t, code)
	require.Contains(t, out, `"version"`)
}
