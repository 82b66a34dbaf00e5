package paystack_test

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
	"github.com/bookmi/cauri/sandbox/paystack"
)

func TestBooksOutliveTheServer(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	cfg := paystack.Config{
		Float: 1_000_000, BooksPath: filepath.Join(t.TempDir(), "books.jsonl"),
		Clock: sandbox.NewManualClock(morning()), WebhookURL: hooks.URL,
	}
	before := start(t, cfg)
	hooks.answers(http.StatusInternalServerError)
	before.clock, _ = cfg.Clock.(*sandbox.ManualClock)
	before.post("/charge", charge("deaf", "mtn", "0500000014"))
	before.post("/charge", charge("promised", "mtn", "0500000000"))
	before.post("/transfer", transferOf("transfer-number-one", before.payee("0700000000"), 100_000))
	before.post("/refund", object{"transaction": "deaf", "amount": 1000})
	before.quiet()
	kept := before.server.Books()
	before.stop()
	tried := len(hooks.got())

	hooks.answers(http.StatusOK)
	after := start(t, cfg)
	after.clock = before.clock
	after.quiet()
	require.Equal(t, kept, after.server.Books())
	require.Equal(t, 400, after.post("/charge", charge("deaf", "mtn", "0500000014")).code, "its reference is still used")
	require.Len(t, hooks.got(), tried, "the next try is not due yet")
	after.pass(8 * time.Second)
	require.Equal(t, "success", after.verified("promised"))
	require.Equal(t, "success", after.get("/transfer/verify/transfer-number-one").data()["status"])
	after.pass(time.Hour)
	first := after.server.Deliveries()[0]
	require.Equal(t, sandbox.Done, first.State)
	require.Len(t, first.Tries, 2, "one in each life")
	require.True(t, after.server.Books().Balanced())
	require.Error(t, before.server.Start(t.Context()), "a stopped server is over")
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]paystack.Config{
		"no key":         {},
		"a public key":   {SecretKeys: []string{"pk_test_x"}},
		"an odd speed":   {SecretKeys: []string{testKey}, Speed: -1},
		"a flow of moov": {SecretKeys: []string{testKey}, Flows: map[string]string{"moov": "pay_offline"}},
		"an odd flow":    {SecretKeys: []string{testKey}, Flows: map[string]string{"mtn": "send_money"}},
		"an odd guess":   {SecretKeys: []string{testKey}, Guesses: paystack.Guesses{AfterOTP: "maybe"}},
		"an odd fault":   {SecretKeys: []string{testKey}, Faults: []sandbox.Fault{{Kind: "fire", Next: 1}}},
		"no such folder": {SecretKeys: []string{testKey}, BooksPath: filepath.Join(t.TempDir(), "none", "books.jsonl")},
	} {
		server := paystack.New(cfg)
		err := server.Start(t.Context())
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "pk_test_x", name)
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
	server := paystack.New(paystack.Config{SecretKeys: []string{testKey}, BooksPath: *childBooks})
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
		require.Equal(t, 200, w.post("/charge", charge(fmt.Sprintf("row%d", i), "mtn", "0500000014")).code)
	}
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "killed, not ended")

	// A kill in the middle of a write leaves half a line; nobody was answered.
	file, err := os.OpenFile(books, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"Charges":[{"ID":`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	after := start(t, paystack.Config{SecretKeys: []string{testKey}, BooksPath: books})
	kept := after.server.Books()
	require.Len(t, kept.Payments, 20)
	require.EqualValues(t, 20*500_000, kept.Totals.Captured)
	require.True(t, kept.Balanced())
	require.Equal(t, 200, after.post("/charge", charge("row20", "mtn", "0500000014")).code)
}
