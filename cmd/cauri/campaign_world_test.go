package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
	"github.com/bookmi/cauri/sandbox/fedapay"
	"github.com/bookmi/cauri/sandbox/paystack"
)

// hurried is the policy of the campaign: the real rules, in seconds. What it
// leaves alone is what a payer's safety depends on: no failover after a
// quarantine, and the engine's own ten minutes before a refund is sent again.
func hurried(p engine.Policy) engine.Policy {
	const s = time.Second
	p.CallTimeout, p.AnswerGrace, p.InquireAfter = s, s, s/2
	p.PromptWindow, p.HostedWindow, p.PendingMax = promptWindow, 5*s, 3*s
	p.OfferAgain, p.OfferFor, p.FailoverWithin = s, 8*s, 20*s
	p.QuarantineFor, p.QuarantineReads, p.ReviewPause = 3*s, 3, s
	live := engine.Schedule{
		At: []time.Duration{2 * s, promptWindow + s/2, 7 * s, 10 * s}, Then: []engine.Pace{{Every: 4 * s, Until: time.Hour}},
	}
	p.LiveAttempt, p.LiveAttempts = live, nil
	// After one look soon the next is half a day later: the clock is moved there.
	p.DeadAttempt = engine.Schedule{At: []time.Duration{14 * s}, Then: []engine.Pace{{Every: 12 * time.Hour, Until: 48 * time.Hour}}}
	soon := engine.Schedule{At: []time.Duration{s, 3 * s, 7 * s}, Then: []engine.Pace{{Every: 10 * s, Until: 24 * time.Hour}}}
	p.OpenTry, p.PayoutRetry, p.WalletCheck, p.OpenRefund, p.RefundRetry = soon, soon, soon, soon, soon
	return p
}

// promptWindow is 180 s in a hurry, at both gateways and in the engine.
const promptWindow = 4 * time.Second

// campaignWord makes this test binary be the campaign's far engine, which is
// killed as the power would kill it.
const campaignWord = "be-the-far-engine"

// beFar is the far engine's life. It ends with its parent too: its standard
// input is a pipe that nobody writes to.
func beFar(ctx context.Context, args []string) int {
	ctx, orphaned := context.WithCancel(ctx)
	defer orphaned()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		orphaned()
	}()
	settings := campaignSettings(args[0], args[1], args[2], args[3], args[4])
	var running lifecycle.Group
	far := newApp(settings, hurried(settings.policy()), settings.DatabaseURL, slog.New(slog.DiscardHandler))
	if err := far.start(ctx, &running); err != nil {
		fmt.Fprintln(os.Stderr, "the far engine:", err)
		return 1
	}
	<-ctx.Done()
	if err := running.Stop(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "the far engine:", err)
		return 1
	}
	return 0
}

// world is everything the campaign runs: two gateways with books of their own,
// one database, an engine in this process and one in another.
type world struct {
	dsn      string
	window   *pgxpool.Pool // the database as people see it
	paystack *paystack.Server
	fedapay  *fedapay.Server
	atlas    struct{ paystack, fedapay string } // where the gateways are
	near     *app
	far      farEngine
	ahead    time.Duration // of the database's clock, before the machine's

	sampled, uncommitted atomic.Int64 // requests that move money: looked up, and found to be ahead of their commit
	tick                 atomic.Int64
	sends                struct { // requests that move money, by reference
		sync.Mutex
		of map[string]int
	}
}

const (
	campaignFedaPayKey     = "sk_sandbox_campaign"
	campaignFedaPayWebhook = "wh_sandbox_campaign"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dsn: pgtest.DSN(t, pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
		return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
	}})}
	w.sends.of = map[string]int{}
	w.makeClockMovable(t)
	config, err := pgxpool.ParseConfig(w.dsn)
	require.NoError(t, err)
	config.MaxConns = 6
	w.window, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(w.window.Close)
	w.startPaystack(t)
	w.startFedaPay(t)

	settings := campaignSettings(w.dsn, w.atlas.paystack, w.atlas.fedapay, "127.0.0.1:0", "127.0.0.1:0")
	w.near = newApp(settings, hurried(settings.policy()), w.dsn, slog.New(slog.DiscardHandler))
	var running lifecycle.Group
	require.NoError(t, w.near.start(t.Context(), &running))
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })

	w.far.addr = freeAddr("127.0.0.1:18180", "")
	w.far.args = []string{campaignWord, w.dsn, w.atlas.paystack, w.atlas.fedapay, w.far.addr, freeAddr("127.0.0.1:18181", w.far.addr)}
	require.NoError(t, w.far.start())
	t.Cleanup(w.far.kill)
	// One gateway tells the engine that lives, the other the one that dies.
	w.paystack.PointWebhooksAt("http://" + w.far.addr + "/webhooks/paystack")
	w.fedapay.PointWebhooksAt(w.near.url() + "/webhooks/fedapay")
	return w
}

func (w *world) startPaystack(t *testing.T) {
	t.Helper()
	const speed = 1800 // a webhook comes again after two seconds instead of an hour
	at := func(d time.Duration) time.Duration { return d * speed }
	w.paystack = paystack.New(paystack.Config{
		SecretKeys: []string{developmentPaystackKey}, Speed: speed, Seed: 3, Float: 10_000_000_000_00,
		OnArrival: func(a paystack.Arrival) { w.arrived(a.Operation, a.Reference) },
		Timings: paystack.Timings{
			Approve: at(150 * time.Millisecond), ApproveSlow: at(2 * time.Second), Window: at(promptWindow), LateSuccess: at(9 * time.Second),
			OTPLock: at(time.Second), Hidden: at(2 * time.Second), RateReset: at(time.Second), RefundStep: at(150 * time.Millisecond),
			TransferSent: at(200 * time.Millisecond), TransferLong: at(3 * time.Second), TransferOTP: at(3 * time.Second),
			TransferTurns: at(time.Second),
		},
	})
	require.NoError(t, w.paystack.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, w.paystack.Stop(context.Background())) })
	var err error
	w.atlas.paystack, err = w.paystack.Listen("127.0.0.1:0")
	require.NoError(t, err)
}

func (w *world) startFedaPay(t *testing.T) {
	t.Helper()
	const speed = 60 // a webhook comes again after half a second, one, then two
	at := func(d time.Duration) time.Duration { return d * speed }
	w.fedapay = fedapay.New(fedapay.Config{
		SecretKeys: []string{campaignFedaPayKey}, WebhookSecrets: []string{campaignFedaPayWebhook}, Speed: speed, Seed: 4, KeepEnabled: true,
		// The account has what the routes ask for, and the token is a call of its own.
		Direct: map[string][]string{"sandbox": {"mtn_ci"}}, Hosted: []string{"moov_ci", "mtn_ci", "stripe_gw"},
		Guesses:   fedapay.Guesses{NoTokenOnCreate: true},
		OnArrival: func(a fedapay.Arrival) { w.arrived(a.Operation, a.Reference) },
		Timings: fedapay.Timings{
			Approve: at(150 * time.Millisecond), ApproveSlow: at(2 * time.Second), Window: at(promptWindow), LateSuccess: at(9 * time.Second),
			Hidden: at(2 * time.Second), Expiry: at(10 * time.Second),
		},
	})
	require.NoError(t, w.fedapay.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, w.fedapay.Stop(context.Background())) })
	var err error
	w.atlas.fedapay, err = w.fedapay.Listen("127.0.0.1:0")
	require.NoError(t, err)
}

// makeClockMovable puts a clock of the test's before PostgreSQL's own: whatever
// asks the database for the time is ahead by what move has added.
func (w *world) makeClockMovable(t *testing.T) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), w.dsn)
	require.NoError(t, err)
	defer pool.Close()
	// A path leaves out, without a word, a schema that the engine's role may not use: it
	// would go by the real clock.
	_, err = pool.Exec(t.Context(), "CREATE SCHEMA clock; GRANT USAGE ON SCHEMA clock TO PUBLIC; "+clockAhead(0)+`
		DO $$ BEGIN
			EXECUTE format('ALTER DATABASE %I SET search_path = public, clock, pg_catalog', current_database());
		END $$`)
	require.NoError(t, err)
}

// clockAhead is both of the clock's faces. A function of one expression costs
// nothing: PostgreSQL puts the expression in its place.
func clockAhead(by time.Duration) string {
	const face = `CREATE OR REPLACE FUNCTION clock.%[1]s() RETURNS timestamptz %[2]s LANGUAGE sql AS
		$face$ SELECT pg_catalog.%[1]s() + interval '%[3]d seconds' $face$; `
	seconds := int64(by / time.Second)
	return fmt.Sprintf(face, "now", "STABLE", seconds) + fmt.Sprintf(face, "clock_timestamp", "VOLATILE", seconds)
}

// move lets time pass, for everybody who asks the database.
func (w *world) move(ctx context.Context, by time.Duration) error {
	w.ahead += by
	_, err := w.window.Exec(ctx, clockAhead(w.ahead), pgx.QueryExecModeSimpleProtocol)
	return err
}

// now is the database's clock.
func (w *world) now(ctx context.Context) (at time.Time, err error) {
	err = w.window.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&at)
	return at, err
}

// hangUp ends every connection the engines have to the database: what was under
// way may be committed or not, and nobody is told.
func (w *world) hangUp(ctx context.Context) error {
	_, err := w.window.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'cauri'`)
	return err
}

// sampleEvery is how many requests there are to each that is looked up.
const sampleEvery = 16

// arrived is E5, sampled: no request that may move money reaches a gateway under
// a reference that is not committed.
func (w *world) arrived(operation, reference string) {
	switch operation {
	case "charge", "initialize", "create", "transfer":
	default:
		return
	}
	if _, err := engine.ParseReference(reference); err != nil {
		return // FedaPay's direct charge names its token
	}
	w.sends.Lock()
	w.sends.of[reference]++
	w.sends.Unlock()
	if w.tick.Add(1)%sampleEvery != 0 {
		return
	}
	var known bool
	err := w.window.QueryRow(context.Background(), `SELECT EXISTS (SELECT 1 FROM attempts WHERE reference = $1)
		OR EXISTS (SELECT 1 FROM payout_tries WHERE reference = $1)`, reference).Scan(&known)
	if err != nil {
		return // the test's own connection: it proves nothing
	}
	w.sampled.Add(1)
	if !known {
		w.uncommitted.Add(1)
	}
}

// farEngine is an engine in a process of its own.
type farEngine struct {
	args  []string
	addr  string
	child *exec.Cmd
	stdin io.Closer
	kills int
}

func (f *farEngine) start() (err error) {
	f.child = exec.Command(os.Args[0], f.args...)
	f.child.Stderr = os.Stderr
	if f.stdin, err = f.child.StdinPipe(); err != nil {
		return err
	}
	return f.child.Start()
}

// ready says whether it serves.
func (f *farEngine) ready() bool {
	response, err := http.Get("http://" + f.args[len(f.args)-1] + "/readyz")
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }() // the status is all there is
	return response.StatusCode == http.StatusOK
}

// kill ends it between two instructions.
func (f *farEngine) kill() {
	_ = f.child.Process.Kill()
	_ = f.child.Wait() // killed, and says so
	_ = f.stdin.Close()
}

// campaignSettings are those of both engines.
func campaignSettings(dsn, paystackURL, fedapayURL, addr, admin string) Settings {
	settings := testSettings(dsn, paystackURL, addr, admin)
	settings.FedaPayBaseURL = fedapayURL
	settings.FedaPaySecretKey = secret.New(campaignFedaPayKey)
	settings.FedaPayWebhookSecrets = []secret.Secret{secret.New(campaignFedaPayWebhook)}
	settings.PaystackOperatorFailureTexts = []string{"operator is currently unavailable"}
	settings.BreakerOpenFor, settings.LiveActors = 1500*time.Millisecond, 20_000
	return settings
}
