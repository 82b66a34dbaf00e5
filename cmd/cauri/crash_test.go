package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/cmd/cauri/internal/traffic"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/paystack"
)

// impatient is the policy of tests: the real schedules, in seconds.
func impatient(p engine.Policy) engine.Policy {
	const s = time.Second
	p.CallTimeout, p.AnswerGrace, p.InquireAfter, p.PromptWindow, p.HostedWindow = 2*s, s, s, 6*s, 6*s
	p.QuarantineFor, p.QuarantineReads = 3*s, 3
	quick := engine.Schedule{At: []time.Duration{s, 2 * s, 3 * s, 4 * s, 5 * s, 7 * s}, Then: []engine.Pace{{Every: 2 * s, Until: time.Hour}}}
	p.LiveAttempt, p.OpenTry, p.PayoutRetry, p.WalletCheck, p.OpenRefund, p.RefundRetry = quick, quick, quick, quick, quick, quick
	return p
}

// testSettings is an engine of a test's on addresses of its own.
func testSettings(dsn, gateway, addr, admin string) Settings {
	return Settings{
		Env: Development, DatabaseURL: dsn, HTTPAddr: addr, AdminAddr: admin, PaystackBaseURL: gateway, PaystackPhoneFormat: "national",
		PaystackSecretKey: secret.New(developmentPaystackKey), AccessSettings: AccessSettings{
			APIKey: secret.New(developmentAPIKey), KeyPeppers: []secret.Named{{ID: "p1", Value: secret.New(developmentPepper)}},
		},
		AutoReleaseHours: 48, Commission: 1500, AmountMin: 100, AmountMax: 2_000_000, PromptWindow: 180 * time.Second,
		Shards: 16, LiveActors: 1000, LogFormat: telemetry.JSON,
	}
}

// beAnEngine is what the child does until it is killed.
func beAnEngine(ctx context.Context, args []string) int {
	settings := testSettings(args[0], args[1], args[2], args[3])
	var running lifecycle.Group
	engine := newApp(settings, impatient(settings.policy()), settings.DatabaseURL, slog.New(slog.DiscardHandler))
	if err := engine.start(ctx, &running); err != nil {
		fmt.Fprintln(os.Stderr, "the engine under test:", err)
		return 1
	}
	<-ctx.Done()
	if err := running.Stop(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "the engine under test:", err)
		return 1
	}
	return 0
}

// harness is a durable PostgreSQL, a gateway with books of its own, and an
// engine in another process that is killed again and again.
type harness struct {
	dsn      string
	gateway  *paystack.Server
	base     string // the gateway's address
	addr     string // the engine's
	admin    string
	window   *pgxpool.Pool
	child    *exec.Cmd
	unknown  atomic.Int64 // references the gateway saw before we had committed them
	arrivals atomic.Int64
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	dir, err := os.MkdirTemp("", "cauri-crash-") // not t.TempDir: PostgreSQL's account must get in when we are root
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	server, err := pgembed.Start(t.Context(), pgembed.Config{BaseDir: dir, App: "cauri-crash", Auto: true}) // fsync on
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	h := &harness{dsn: server.DSN("cauri-crash"), addr: freeAddr("127.0.0.1:18080", "")}
	h.admin = freeAddr("127.0.0.1:18081", h.addr)
	require.NoError(t, persistence.Migrate(t.Context(), h.dsn, slog.New(slog.DiscardHandler)))
	h.window, err = pgxpool.New(t.Context(), h.dsn)
	require.NoError(t, err)
	t.Cleanup(h.window.Close)

	const speed = 3600 // webhooks come again after a second instead of an hour
	at := func(d time.Duration) time.Duration { return d * speed }
	h.gateway = paystack.New(paystack.Config{
		SecretKeys: []string{developmentPaystackKey}, WebhookURL: "http://" + h.addr + "/webhooks/paystack", Speed: speed,
		Float: 100_000_000_00, OnArrival: h.arrived,
		Timings: paystack.Timings{Approve: at(300 * time.Millisecond), Window: at(5 * time.Second), TransferSent: at(200 * time.Millisecond)},
		Faults: []sandbox.Fault{
			{Kind: sandbox.Cut, When: sandbox.After, Operation: "charge", PerMille: 60},
			{Kind: sandbox.Cut, When: sandbox.Before, Operation: "charge", PerMille: 30},
			{Kind: sandbox.ErrorAnswer, When: sandbox.After, Operation: "transfer", PerMille: 100},
			{Kind: sandbox.WebhookDuplicates, Operation: "charge.success", PerMille: 300, Copies: 6},
			{Kind: sandbox.WebhookLoss, Operation: "charge.success", PerMille: 60},
		},
	})
	require.NoError(t, h.gateway.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, h.gateway.Stop(context.Background())) })
	h.base, err = h.gateway.Listen("127.0.0.1:0")
	require.NoError(t, err)
	return h
}

// arrived is E5: no request reaches the gateway under a reference that we have
// not committed.
func (h *harness) arrived(a paystack.Arrival) {
	if a.Reference == "" || (a.Operation != "charge" && a.Operation != "transfer") {
		return
	}
	h.arrivals.Add(1)
	var known bool
	err := h.window.QueryRow(context.Background(), `SELECT EXISTS (SELECT 1 FROM attempts WHERE reference = $1)
		OR EXISTS (SELECT 1 FROM payout_tries WHERE reference = $1)`, a.Reference).Scan(&known)
	if err == nil && !known {
		h.unknown.Add(1)
	}
}

func (h *harness) start(t *testing.T) {
	t.Helper()
	h.child = exec.Command(os.Args[0], childWord, h.dsn, h.base, h.addr, h.admin)
	h.child.Stderr = os.Stderr
	require.NoError(t, h.child.Start())
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + h.admin + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }() // the status is all there is
		return response.StatusCode == http.StatusOK
	}, 20*time.Second, 20*time.Millisecond, "the engine came up")
}

func (h *harness) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, h.child.Process.Kill())
	_ = h.child.Wait() // killed, and says so
}

// kills is how often the engine dies under its payers. Each cycle is about a
// second, long enough for commits at every step of a payment.
const kills = 12

func TestKillingTheEngineLosesNothingAndDoublesNothing(t *testing.T) {
	h := newHarness(t)
	h.start(t)
	payers := traffic.New(traffic.Config{
		BaseURL: "http://" + h.addr, APIKey: developmentAPIKey, Rate: 25, Seed: 7, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, payers.Seed(t.Context()))
	paying, stop := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() { payers.Run(paying) })
	for n := range kills {
		awhile := time.NewTimer(time.Duration(350+137*n%700) * time.Millisecond)
		<-awhile.C
		h.kill(t)
		h.start(t)
	}
	stop()
	gone.Wait()

	store, err := persistence.Open(t.Context(), persistence.Config{
		DSN: h.dsn, Vault: vault.Development(), Policy: &engine.Policy{}, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer store.Close()
	d := demo{first: h.gateway, engine: &app{store: store}}
	found, err := d.check(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.child.Process.Signal(os.Interrupt))
	require.NoError(t, h.child.Wait(), "a drained engine exits with 0")

	counts, err := store.Counts(t.Context())
	require.NoError(t, err)
	t.Logf("%d kills; %d payments %v; %d requests at the gateway; %d references compared; payers %+v",
		kills, total(counts.Payments), counts.Payments, h.arrivals.Load(), found.references, payers.Counts())
	require.Empty(t, found.broken)
	require.Zero(t, h.unknown.Load(), "a request reached the gateway before its attempt was committed")
	require.Positive(t, counts.Payments[engine.ChargeIsSucceeded])
	require.Positive(t, counts.PaidOut)
}
