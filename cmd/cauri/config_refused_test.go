package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// wholesome is the environment of a production that would start.
func wholesome() map[string]string {
	return map[string]string{
		"CAURI_ENV": "production", "DATABASE_URL": "postgres://cauri@db.example/cauri?sslmode=verify-full",
		"PAYSTACK_SECRET_KEY": "sk_live_" + canary, "CAURI_API_KEY": "ck_live_" + madeUp, "CAURI_KEY_PEPPERS": "p1:" + madeUp,
		"CAURI_DATA_KEYS": spelledKeys("d1"), "CAURI_INDEX_KEYS": spelledKeys("i1"),
		"FEDAPAY_SECRET_KEY": "sk_live_" + canary, "FEDAPAY_WEBHOOK_SECRETS": "wh_live_" + canary,
	}
}

// twenty are the configurations a production refuses, by their number on the security
// page (1.1), each as somebody would come by it. An empty value takes a setting away.
var twenty = []struct {
	no    int
	what  string
	set   map[string]string
	names string // what the refusal names
}{
	{1, "no Paystack key", map[string]string{"PAYSTACK_SECRET_KEY": ""}, "PAYSTACK_SECRET_KEY is missing"},
	{2, "a test key", map[string]string{"PAYSTACK_SECRET_KEY": "sk_test_" + canary}, "PAYSTACK_SECRET_KEY is a test key"},
	{3, "a public key", map[string]string{"PAYSTACK_SECRET_KEY": "pk_live_" + canary}, "public key"},
	{3, "a public key of FedaPay's", map[string]string{"FEDAPAY_SECRET_KEY": "pk_live_" + canary}, "FEDAPAY_SECRET_KEY"},
	{4, "FedaPay without its key", map[string]string{"FEDAPAY_SECRET_KEY": ""}, "FEDAPAY_SECRET_KEY is missing"},
	{5, "a key of FedaPay's other host", map[string]string{"FEDAPAY_BASE_URL": "https://sandbox-api.fedapay.com"}, "FEDAPAY_BASE_URL"},
	{5, "a sandbox key", map[string]string{"FEDAPAY_SECRET_KEY": "sk_sandbox_" + canary}, "FEDAPAY_SECRET_KEY"},
	{6, "FedaPay without webhook secrets", map[string]string{"FEDAPAY_WEBHOOK_SECRETS": ""}, "FEDAPAY_WEBHOOK_SECRETS is missing"},
	{7, "a gateway over http", map[string]string{"PAYSTACK_BASE_URL": "http://api.paystack.co"}, "PAYSTACK_BASE_URL"},
	{7, "a gateway on this machine", map[string]string{"PAYSTACK_BASE_URL": "https://localhost:8090"}, "PAYSTACK_BASE_URL"},
	{7, "FedaPay over http", map[string]string{"FEDAPAY_BASE_URL": "http://api.fedapay.com"}, "FEDAPAY_BASE_URL"},
	{8, "a short API key", map[string]string{"CAURI_API_KEY": "ck_live_" + canary}, "CAURI_API_KEY"},
	{8, "an API key of one letter", map[string]string{"CAURI_API_KEY": strings.Repeat("a", 64)}, "CAURI_API_KEY"},
	{9, "no pepper", map[string]string{"CAURI_KEY_PEPPERS": ""}, "CAURI_KEY_PEPPERS is missing"},
	{9, "a short pepper", map[string]string{"CAURI_KEY_PEPPERS": "p1:" + canary}, "CAURI_KEY_PEPPERS"},
	{11, "a database in the clear", map[string]string{"DATABASE_URL": "postgres://cauri@db.example/cauri"}, "sslmode=verify-full"},
	{11, "a database that may be anybody", map[string]string{"DATABASE_URL": "postgres://cauri@db/c?sslmode=require"}, "sslmode=verify-full"},
	{12, "a private PostgreSQL", map[string]string{"DATABASE_URL": ""}, "DATABASE_URL is missing"},
	{17, "a public admin listener", map[string]string{"CAURI_ADMIN_ADDR": "0.0.0.0:8081"}, "CAURI_ADMIN_ADDR"},
	{17, "an admin listener on every interface", map[string]string{"CAURI_ADMIN_ADDR": ":8081"}, "CAURI_ADMIN_ADDR"},
	{18, "everybody is our proxy", map[string]string{"CAURI_TRUSTED_PROXIES": "0.0.0.0/0"}, "CAURI_TRUSTED_PROXIES"},
	{19, "two peppers of one name", map[string]string{"CAURI_KEY_PEPPERS": "p1:" + madeUp + ",p1:" + madeUp}, "CAURI_KEY_PEPPERS"},
	{2, "a test key beside the live one", map[string]string{"PAYSTACK_PREVIOUS_SECRET_KEYS": "sk_test_" + canary}, "PREVIOUS"},
	{2, "everybody's key beside the live one", map[string]string{"PAYSTACK_PREVIOUS_SECRET_KEYS": developmentPaystackKey}, "PREVIOUS"},
	{1, "the beginning of a key", map[string]string{"PAYSTACK_SECRET_KEY": "sk_live_"}, "no key"},
	{1, "no key before", map[string]string{"PAYSTACK_PREVIOUS_SECRET_KEYS": "sk_"}, "PAYSTACK_PREVIOUS_SECRET_KEYS"},
	{6, "the beginning of a webhook secret", map[string]string{"FEDAPAY_WEBHOOK_SECRETS": "wh_live_"}, "FEDAPAY_WEBHOOK_SECRETS"},
	{5, "the other host with its port", map[string]string{"FEDAPAY_BASE_URL": "https://sandbox-api.fedapay.com:443"}, "FEDAPAY_BASE_URL"},
	{5, "the other host in capitals", map[string]string{"FEDAPAY_BASE_URL": "https://SANDBOX-API.fedapay.com"}, "FEDAPAY_BASE_URL"},
	{5, "the other host with a dot", map[string]string{"FEDAPAY_BASE_URL": "https://sandbox-api.fedapay.com."}, "FEDAPAY_BASE_URL"},
	{7, "this machine with a dot", map[string]string{"PAYSTACK_BASE_URL": "https://localhost."}, "PAYSTACK_BASE_URL"},
	{7, "this machine in capitals", map[string]string{"PAYSTACK_BASE_URL": "https://LOCALHOST"}, "PAYSTACK_BASE_URL"},
	{7, "this machine cut short", map[string]string{"PAYSTACK_BASE_URL": "https://127.1:8090"}, "PAYSTACK_BASE_URL"},
	{7, "every interface", map[string]string{"PAYSTACK_BASE_URL": "https://0.0.0.0:8090"}, "PAYSTACK_BASE_URL"},
	{7, "every interface of IPv6", map[string]string{"PAYSTACK_BASE_URL": "https://[::]:8090"}, "PAYSTACK_BASE_URL"},
	{7, "this machine as a number", map[string]string{"PAYSTACK_BASE_URL": "https://2130706433"}, "PAYSTACK_BASE_URL"},
	{7, "this machine in hexadecimal", map[string]string{"PAYSTACK_BASE_URL": "https://0x7f000001"}, "PAYSTACK_BASE_URL"},
	{7, "a neighbour", map[string]string{"PAYSTACK_BASE_URL": "https://sandbox:8090"}, "PAYSTACK_BASE_URL"},
	{7, "the cloud's own address", map[string]string{"PAYSTACK_BASE_URL": "https://169.254.169.254"}, "PAYSTACK_BASE_URL"},
	{7, "the other gateway", map[string]string{"PAYSTACK_BASE_URL": "https://api.fedapay.com"}, "the other gateway's"},
	{7, "a key in an address", map[string]string{"PAYSTACK_BASE_URL": "https://" + canary + "@api.paystack.co"}, "PAYSTACK_BASE_URL"},
	{7, "a way back to this machine", map[string]string{"CAURI_RETURN_URL": "https://localhost/"}, "CAURI_RETURN_URL"},
	{9, "a pepper without its id", map[string]string{"CAURI_KEY_PEPPERS": madeUp}, "CAURI_KEY_PEPPERS: one of a list is written id:value"},
	{9, "a pepper the wrong way round", map[string]string{"CAURI_KEY_PEPPERS": madeUp + ":p1"}, "CAURI_KEY_PEPPERS"},
	{9, "one of two peppers without its id", map[string]string{"CAURI_KEY_PEPPERS": "p1:" + madeUp + "," + madeUp}, "CAURI_KEY_PEPPERS"},
	{10, "a data key without its id", map[string]string{"CAURI_DATA_KEYS": madeUp}, "CAURI_DATA_KEYS"},
	{10, "an index key without its id", map[string]string{"CAURI_INDEX_KEYS": madeUp}, "CAURI_INDEX_KEYS"},
	{19, "a token key without its kid", map[string]string{"CAURI_TOKEN_KEYS": madeUp}, "CAURI_TOKEN_KEYS"},
	{18, "everybody in halves", map[string]string{"CAURI_TRUSTED_PROXIES": "0.0.0.0/8,1.0.0.0/8"}, "CAURI_TRUSTED_PROXIES"},
	{20, "a limit that limits nobody", map[string]string{"CAURI_STARTS_PER_PHONE": "1000000000/1s"}, "CAURI_STARTS_PER_PHONE"},
	{20, "wallets that do not cool", map[string]string{"CAURI_WALLET_COOLING": "0s"}, "CAURI_WALLET_COOLING"},
	{20, "a way around, named as a service is", map[string]string{"CAURI_SKIP_SIGNATURES_NAME": "1"}, "CAURI_SKIP_SIGNATURES_NAME"},
	{20, "faults named so", map[string]string{"CAURI_FAULTS_PORT": "all"}, "CAURI_FAULTS_PORT"},
	{20, "a secret where a word belongs", map[string]string{"CAURI_LOG_LEVEL": canary}, "CAURI_LOG_LEVEL"},
	{20, "a secret where a number belongs", map[string]string{"CAURI_SHARDS": canary}, "CAURI_SHARDS"},
	{20, "a secret where a rate belongs", map[string]string{"CAURI_RATE_PER_KEY": canary}, "CAURI_RATE_PER_KEY"},
	{20, "a secret where one of three words belongs", map[string]string{"CAURI_ENV": canary}, "CAURI_ENV"},
	{20, "a way around signatures", map[string]string{"CAURI_SKIP_SIGNATURES": "1"}, "CAURI_SKIP_SIGNATURES"},
	{20, "faults", map[string]string{"CAURI_FAULTS": "all"}, "CAURI_FAULTS"},
	{20, "a moved clock", map[string]string{"CAURI_CLOCK_OFFSET": "24h"}, "CAURI_CLOCK_OFFSET"},
	{20, "the simulated gateway's settings", map[string]string{"CAURI_SANDBOX_SECRET_KEY": "sk_live_" + canary}, "CAURI_SANDBOX_SECRET_KEY"},
}

// Not in parallel: the environment is the process's.
func TestProductionRefusesTheTwentyConfigurations(t *testing.T) {
	refused := map[int]bool{}
	for _, c := range twenty {
		t.Run(fmt.Sprintf("%d %s", c.no, c.what), func(t *testing.T) {
			environment := wholesome()
			maps.Copy(environment, c.set)
			for name, value := range environment {
				t.Setenv(name, value)
			}
			code, out, errs := run(t, "serve")
			require.Equal(t, exitMisconfigured, code, errs)
			require.Contains(t, errs, c.names)
			require.NotContains(t, out+errs, canary, "what is wrong is named, never shown")
			refused[c.no] = true
		})
	}
	fmt.Printf("production refuses %d spellings of %d configurations\n", len(twenty), len(refused))
}

// What stands on the command line everybody on the machine reads. In production alone: a
// developer's secrets are none.
func TestProductionTakesNoSecretFromTheCommandLine(t *testing.T) {
	for name, value := range wholesome() {
		t.Setenv(name, value)
	}
	for _, flag := range []string{
		"--paystack-secret-key=sk_live_" + canary, "--key-peppers=p1:" + madeUp, "--fedapay-webhook-secrets=wh_live_" + canary,
		"--database-url=postgres://cauri:" + canary + "@db.example/cauri?sslmode=verify-full",
	} {
		code, out, errs := run(t, "config", "print", flag)
		name, _, _ := strings.Cut(flag, "=")
		require.Equal(t, exitMisconfigured, code, flag)
		require.Contains(t, errs, name+" stands on the command line")
		require.NotContains(t, out+errs, canary, name)
	}
	t.Setenv("CAURI_ENV", "development")
	code, _, errs := run(t, "config", "print", "--paystack-secret-key=sk_live_"+canary)
	require.Zero(t, code, errs)
}

// The four that only the server itself can tell: the one of these tests is fast and not
// durable, and its account may do everything.
func TestProductionRefusesAServerThatForgets(t *testing.T) {
	dsn := pgtest.DSN(t, pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
		return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
	}})
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(t.Context(), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$")
	require.NoError(t, err)
	environment := wholesome()
	environment["DATABASE_URL"] = dsn
	for name, value := range environment {
		t.Setenv(name, value)
	}
	code, _, errs := run(t, "serve")
	require.Equal(t, exitMisconfigured, code, errs)
	for no, says := range map[int]string{
		13: "fsync is off", 14: "synchronous_commit is off", 15: "full_page_writes is off", 16: "the account is a superuser",
	} {
		require.Contains(t, errs, says, no)
	}
}

// What production refuses it refuses for that reason alone.
func TestAWholesomeProductionIsRefusedForNothing(t *testing.T) {
	for name, value := range wholesome() {
		t.Setenv(name, value)
	}
	t.Setenv("CAURI_SERVICE_HOST", "10.0.0.1") // as a container's keeper does for a service called cauri
	t.Setenv("CAURI_PORT_8080_TCP_ADDR", "10.0.0.1")
	code, out, errs := run(t, "config", "print")
	require.Zero(t, code, errs)
	require.NotContains(t, out, canary)
}
