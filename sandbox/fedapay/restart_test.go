package fedapay_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

func TestBooksOutliveTheServer(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	cfg := fedapay.Config{
		Float: 100_000, BooksPath: filepath.Join(t.TempDir(), "books.jsonl"), KeepEnabled: true,
		Clock: sandbox.NewManualClock(morning()), WebhookURL: hooks.URL,
	}
	before := start(t, cfg)
	hooks.answers(http.StatusInternalServerError)
	before.clock, _ = cfg.Clock.(*sandbox.ManualClock)
	before.charged("deaf", "0500000014")
	before.charged("promised", "0500000001")
	require.Equal(t, 200, before.begin(before.payout("out", "0500000001", 10_000)).code)
	require.NoError(t, before.server.Refund("deaf", 1000))
	before.quiet()
	kept, endpoint := before.server.Books(), before.server.Endpoint()
	require.Positive(t, endpoint.FailuresInARow)
	before.stop()
	tried := len(hooks.got())

	hooks.answers(http.StatusNoContent)
	after := start(t, cfg)
	after.clock = before.clock
	after.quiet()
	require.Equal(t, kept, after.server.Books())
	require.Equal(t, endpoint, after.server.Endpoint())
	require.Equal(t, 422, after.post("/v1/transactions", order("deaf", "0500000014")).code, "its reference is still used")
	require.Len(t, hooks.got(), tried, "the next try is not due yet")
	after.pass(5 * time.Second)
	require.Equal(t, "approved", after.status("promised"))
	require.Equal(t, "sent", after.get("/v1/payouts/merchant/out").of("payout")["status"])
	after.pass(30 * time.Second)
	first := after.server.Deliveries()[0]
	require.Equal(t, sandbox.Done, first.State)
	require.Len(t, first.Tries, 2, "one in each life")
	require.True(t, after.server.Books().Balanced())
	require.Equal(t, 422, after.post("/v1/payouts", payoutOf("out", "0500000001", 10_000)).code)
	require.Error(t, before.server.Start(t.Context()), "a stopped server is over")
}

func TestAnEndpointThatWasDisabledStaysSo(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	hooks.answers(http.StatusInternalServerError)
	cfg := fedapay.Config{
		BooksPath: filepath.Join(t.TempDir(), "books.jsonl"), Clock: sandbox.NewManualClock(morning()), WebhookURL: hooks.URL,
	}
	before := start(t, cfg)
	before.clock, _ = cfg.Clock.(*sandbox.ManualClock)
	before.created("deaf", "0500000001")
	before.quiet()
	before.tryAll()
	require.False(t, before.server.Endpoint().Enabled)
	before.stop()
	after := start(t, cfg)
	require.False(t, after.server.Endpoint().Enabled)
	tried := len(hooks.got())
	after.created("unheard", "0500000001")
	after.quiet()
	require.Len(t, hooks.got(), tried)
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	keys, secrets := []string{testKey}, []string{testHook}
	for name, cfg := range map[string]fedapay.Config{
		"no key":            {WebhookSecrets: secrets},
		"a public key":      {SecretKeys: []string{"pk_sandbox_x"}, WebhookSecrets: secrets},
		"no secret":         {SecretKeys: keys},
		"another's secret":  {SecretKeys: keys, WebhookSecrets: []string{liveHook}},
		"an odd secret":     {SecretKeys: keys, WebhookSecrets: []string{testHook, "pk_sandbox_x"}},
		"an odd speed":      {SecretKeys: keys, WebhookSecrets: secrets, Speed: -1},
		"an odd domain":     {SecretKeys: keys, WebhookSecrets: secrets, Direct: map[string][]string{"test": {"mtn_ci"}}},
		"an odd phone form": {SecretKeys: keys, WebhookSecrets: secrets, Guesses: fedapay.Guesses{PhoneForm: "roman"}},
		"no page":           {SecretKeys: keys, WebhookSecrets: secrets, Hosted: []string{}},
		"an odd commission": {SecretKeys: keys, WebhookSecrets: secrets, Guesses: fedapay.Guesses{CommissionPerMille: 1000}},
		"an endless amount": {SecretKeys: keys, WebhookSecrets: secrets, Guesses: fedapay.Guesses{AmountMax: 1 << 60}},
		"an odd fault":      {SecretKeys: keys, WebhookSecrets: secrets, Faults: []sandbox.Fault{{Kind: "fire", Next: 1}}},
		"no such folder":    {SecretKeys: keys, WebhookSecrets: secrets, BooksPath: filepath.Join(t.TempDir(), "none", "books.jsonl")},
	} {
		server := fedapay.New(cfg)
		err := server.Start(t.Context())
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "pk_sandbox_x", name)
		require.NoError(t, server.Stop(t.Context()), name)
		_, err = server.Listen("127.0.0.1:0")
		require.Error(t, err, name)
	}
}

// Set by TestBooksSurviveAKill when this binary runs again as a sandbox.
var childBooks = flag.String("sandbox.books", "", "run as a sandbox process on these books")

// TestSandboxProcess is the other process of TestBooksSurviveAKill.
func TestSandboxProcess(t *testing.T) {
	if *childBooks == "" {
		return // an ordinary run
	}
	server := fedapay.New(fedapay.Config{
		SecretKeys: []string{testKey}, WebhookSecrets: []string{testHook}, BooksPath: *childBooks,
	})
	require.NoError(t, server.Start(t.Context()))
	url, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	_, err = fmt.Fprintln(os.Stdout, url)
	require.NoError(t, err)
	<-t.Context().Done() // until it is killed
}

func TestBooksSurviveAKill(t *testing.T) {
	t.Parallel()
	books := filepath.Join(t.TempDir(), "books.jsonl")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSandboxProcess$", "-sandbox.books="+books)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	w := &world{t: t, url: url[:len(url)-1], key: testKey, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	for i := range 20 {
		w.charged(fmt.Sprintf("row%d", i), "0500000014")
	}
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "killed, not ended")

	// A kill in the middle of a write leaves half a line; nobody was answered.
	file, err := os.OpenFile(books, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"Transactions":[{"ID":`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	after := start(t, fedapay.Config{SecretKeys: []string{testKey}, BooksPath: books})
	kept := after.server.Books()
	require.Len(t, kept.Payments, 20)
	require.EqualValues(t, 20*15_625, kept.Totals.Captured)
	require.True(t, kept.Balanced())
	last := kept.Payments[0].GatewayID
	require.NotEqual(t, last, number(after.charged("row20", "0500000014")["id"]), "ids go on")
	require.Len(t, after.server.Books().Payments, 21)
}
