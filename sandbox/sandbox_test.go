package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bookmi/cauri/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheAgendaKeepsTimeAndOrder(t *testing.T) {
	t.Parallel()
	clock := sandbox.NewManualClock(time.Unix(0, 0))
	pulse := sandbox.NewPulse()
	agenda := sandbox.NewAgenda(clock, pulse)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { agenda.Run(ctx) })
	defer func() { cancel(); running.Wait() }()

	var mu sync.Mutex
	var done []string
	note := func(at time.Duration, name string) {
		agenda.At(time.Unix(0, 0).Add(at), func() {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, name)
		})
	}
	note(3*time.Second, "third")
	note(time.Second, "first")
	note(3*time.Second, "fourth")
	note(2*time.Second, "second")
	note(time.Hour, "never")
	clock.Advance(3 * time.Second)
	require.NoError(t, pulse.Until(t.Context(), agenda.Quiet))
	require.Equal(t, []string{"first", "second", "third", "fourth"}, done)

	waiting, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, pulse.Until(waiting, func() bool { return false }), context.Canceled)
}

func TestTheSystemClockFires(t *testing.T) {
	t.Parallel()
	c, release := sandbox.SystemClock{}.Alarm(time.Now())
	defer release()
	<-c
	require.Equal(t, time.UTC, sandbox.SystemClock{}.Now().Location())
}

func TestBooksBalanceOnlyWhenEveryFrancIsInARow(t *testing.T) {
	t.Parallel()
	account := sandbox.NewAccount(1000)
	for _, m := range []sandbox.Movement{
		{Kind: sandbox.Capture, Reference: "a", Amount: 500},
		{Kind: sandbox.CaptureFee, Reference: "a", Amount: -10},
		{Kind: sandbox.Refund, Reference: "a", Amount: -200},
		{Kind: sandbox.RefundReturn, Reference: "a", Amount: 50},
		{Kind: sandbox.Transfer, Reference: "t", Amount: -300},
		{Kind: sandbox.TransferFee, Reference: "t", Amount: -5},
		{Kind: sandbox.TransferReturn, Reference: "t", Amount: 300},
		{Kind: sandbox.TransferFeeReturn, Reference: "t", Amount: 5},
	} {
		account.Post(m)
	}
	require.EqualValues(t, 1340, account.Balance())
	books := account.Snapshot(sandbox.Books{
		Payments: []sandbox.PaymentRow{{Reference: "b"}, {Reference: "a"}}, Transfers: []sandbox.TransferRow{{Reference: "t"}},
	})
	require.True(t, books.Balanced())
	row, found := books.Payment("a")
	require.True(t, found)
	require.Equal(t, sandbox.PaymentRow{Reference: "a", Captured: 500, Fees: 10, Refunded: 150}, row)
	sent, found := books.Transfer("t")
	require.True(t, found)
	require.EqualValues(t, 300, sent.Returned)
	_, found = books.Transfer("u")
	require.False(t, found)
	_, found = books.Payment("c")
	require.False(t, found)

	require.False(t, account.Snapshot(sandbox.Books{Transfers: []sandbox.TransferRow{{Reference: "t"}}}).Balanced(), "money without a row")
	books.Balance++
	require.False(t, books.Balanced())
}

func TestPotsArePartsOfOneAccount(t *testing.T) {
	t.Parallel()
	account := sandbox.NewAccount(1000)
	for _, m := range []sandbox.Movement{
		{Kind: sandbox.Capture, Reference: "a", Amount: 500, Pot: "coming"},
		{Kind: sandbox.Settlement, Reference: "a", Amount: -500, Pot: "coming"},
		{Kind: sandbox.Settlement, Reference: "a", Amount: 500, Pot: "there"},
	} {
		account.Post(m)
	}
	require.Zero(t, account.Pot("coming"))
	require.EqualValues(t, 500, account.Pot("there"))
	require.EqualValues(t, 1500, account.Balance(), "a settlement comes to nothing")
	require.True(t, account.Snapshot(sandbox.Books{Payments: []sandbox.PaymentRow{{Reference: "a"}}}).Balanced())
}

type thing struct{ names []string }

func (t thing) Keys() []string { return t.names }

func TestAShelfFindsARowByEachOfItsNames(t *testing.T) {
	t.Parallel()
	var shelf sandbox.Shelf[thing]
	_, found := shelf.Find("a")
	require.False(t, found)
	shelf.Put(thing{[]string{"a", "b"}})
	shelf.Put(thing{[]string{"z"}})
	shelf.Put(thing{[]string{"a", "b", "c"}})
	require.Len(t, shelf.Rows, 2, "replaced, not added")
	for _, name := range []string{"a", "b", "c"} {
		row, found := shelf.Find(name)
		require.True(t, found)
		require.Len(t, row.names, 3)
	}
}

func TestADisabledEndpointGetsNothing(t *testing.T) {
	t.Parallel()
	clock, pulse := sandbox.NewManualClock(time.Unix(0, 0)), sandbox.NewPulse()
	agenda := sandbox.NewAgenda(clock, pulse)
	var posts, status atomic.Int64
	status.Store(http.StatusInternalServerError)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts.Add(1)
		w.WriteHeader(int(status.Load()))
	}))
	defer endpoint.Close()
	hooks := sandbox.NewDeliverer(sandbox.DelivererConfig{
		URL: endpoint.URL, Speed: 1, Faults: sandbox.NewFaults(1, nil), Agenda: agenda, Clock: clock, Pulse: pulse,
		Sign:     func(string, []byte) (string, string) { return "X-Signature", "s" },
		Schedule: func(string) []time.Duration { return []time.Duration{time.Minute} },
		Accepts:  func(status int) bool { return status == http.StatusAccepted },
		Record:   func(sandbox.Tried) {},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { agenda.Run(ctx) })
	running.Go(func() { hooks.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	quiet := func() {
		require.NoError(t, pulse.Until(t.Context(), func() bool { return agenda.Quiet() && hooks.Quiet() }))
	}
	send := func(domain string) {
		hooks.Send(hooks.Plan(sandbox.Notice{Domain: domain, Event: "e", Body: []byte(`{}`)}))
		quiet()
	}
	send("test")
	hooks.Disable("test")
	send("test")
	require.EqualValues(t, 1, posts.Load())
	clock.Advance(time.Minute)
	quiet()
	require.EqualValues(t, 1, posts.Load(), "what waited is lost when its turn comes")
	status.Store(http.StatusAccepted)
	send("live")
	hooks.Enable("test")
	send("test")
	require.EqualValues(t, 3, posts.Load())
	var states []sandbox.DeliveryState
	for _, d := range hooks.Deliveries() {
		states = append(states, d.State)
	}
	require.Equal(t, []sandbox.DeliveryState{sandbox.Lost, sandbox.Lost, sandbox.Done, sandbox.Done}, states)
}

func TestFaultsStrikeAsOftenAsTheyWereTold(t *testing.T) {
	t.Parallel()
	faults := sandbox.NewFaults(7, []string{"charge", "verify"})
	require.NoError(t, faults.Add(sandbox.Fault{Kind: sandbox.Cut, Operation: "charge", Next: 2}))
	require.Empty(t, faults.Call("verify"))
	require.Len(t, faults.Call("charge"), 1)
	require.Equal(t, 1, faults.Rules()[0].Next)
	require.Len(t, faults.Call("charge"), 1)
	require.Empty(t, faults.Call("charge"))
	require.Empty(t, faults.Rules())
	require.Equal(t, []sandbox.FaultCount{{Kind: sandbox.Cut, Operation: "charge", When: sandbox.Before, Count: 2}}, faults.Counts())

	require.NoError(t, faults.Add(sandbox.Fault{Kind: sandbox.WebhookLoss, Next: 1}))
	require.Empty(t, faults.Call("charge"), "a webhook's fault is no call's")
	faults.Clear()
	require.Empty(t, faults.Webhook("charge.success"))
}

func TestTheSameSeedStrikesTheSameCalls(t *testing.T) {
	t.Parallel()
	strikes := func(seed uint64) (pattern string) {
		faults := sandbox.NewFaults(seed, []string{"charge"})
		require.NoError(t, faults.Add(sandbox.Fault{Kind: sandbox.Cut, PerMille: 300}))
		for range 200 {
			pattern += strings.Repeat("x", len(faults.Call("charge"))) + "."
		}
		return pattern
	}
	require.Equal(t, strikes(1), strikes(1))
	require.NotEqual(t, strikes(1), strikes(2))
	hits := strings.Count(strikes(1), "x")
	require.Greater(t, hits, 30)
	require.Less(t, hits, 90)
}

func TestImpossibleFaultsAreRefused(t *testing.T) {
	t.Parallel()
	faults := sandbox.NewFaults(1, []string{"charge"})
	for name, rule := range map[string]sandbox.Fault{
		"unknown kind":      {Kind: "fire", Next: 1},
		"unknown operation": {Kind: sandbox.Cut, Operation: "chrage", Next: 1},
		"unknown moment":    {Kind: sandbox.Cut, When: "during", Next: 1},
		"no measure":        {Kind: sandbox.Cut},
		"two measures":      {Kind: sandbox.Cut, Next: 1, PerMille: 1},
		"more than all":     {Kind: sandbox.Cut, PerMille: 1001},
		"too many":          {Kind: sandbox.Cut, Next: 1_000_001},
		"less than none":    {Kind: sandbox.Cut, Next: -1, PerMille: 1},
		"too slow":          {Kind: sandbox.Latency, LatencyMillis: 600_001, Next: 1},
		"too many copies":   {Kind: sandbox.WebhookDuplicates, Copies: 65, Next: 1},
	} {
		require.Error(t, faults.Add(sandbox.Fault{Kind: sandbox.Cut, Next: 1}, rule), name)
		require.Empty(t, faults.Rules(), "all or none")
	}
	many := make([]sandbox.Fault, 257)
	for i := range many {
		many[i] = sandbox.Fault{Kind: sandbox.Cut, Next: 1}
	}
	require.Error(t, faults.Add(many...))
}

func TestAJournalLosesOnlyWhatWasNeverWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "books.jsonl")
	var lines []string
	open := func() *sandbox.Journal {
		lines = nil
		journal, err := sandbox.OpenJournal(path, func(line []byte) error {
			lines = append(lines, string(line))
			var n int
			return json.Unmarshal(line, &n)
		})
		require.NoError(t, err)
		return journal
	}
	journal := open()
	for n := range 3 {
		number, err := journal.Append(n)
		require.NoError(t, err)
		require.NoError(t, journal.Sync(number))
		require.NoError(t, journal.Sync(number), "again costs nothing")
	}
	require.NoError(t, journal.Close())
	cut(t, path, "12")
	journal = open()
	require.Equal(t, []string{"0", "1", "2"}, lines)
	_, err := journal.Append(3)
	require.NoError(t, err)
	require.NoError(t, journal.Close())
	_, err = journal.Append(4)
	require.Error(t, err, "closed")
	_, err = journal.Append(5)
	require.Error(t, err, "and broken from then on")

	open()
	require.Equal(t, []string{"0", "1", "2", "3"}, lines)
	cut(t, path, "not a number\n")
	_, err = sandbox.OpenJournal(path, func(line []byte) error { var n int; return json.Unmarshal(line, &n) })
	require.Error(t, err, "books are not guessed")

	var none sandbox.Journal
	_, err = none.Append(1)
	require.NoError(t, err)
	require.NoError(t, none.Sync(1))
	require.NoError(t, none.Close())
}

func cut(t *testing.T, path, tail string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(tail)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestAGateRefusesWhileDark(t *testing.T) {
	t.Parallel()
	gate, err := sandbox.OpenGate("127.0.0.1:0")
	require.NoError(t, err)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := gate.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("!"))
		}
	})
	dial := func() (net.Conn, error) { return net.Dial("tcp", gate.Addr().String()) }
	conn, err := dial()
	require.NoError(t, err)
	one := make([]byte, 1)
	_, err = io.ReadFull(conn, one)
	require.NoError(t, err)

	gate.Darken()
	gate.Darken()
	_, err = conn.Read(one)
	require.Error(t, err, "open connections are cut")
	require.NoError(t, conn.Close())
	_, err = dial()
	require.Error(t, err)
	require.NoError(t, gate.Light())
	require.NoError(t, gate.Light())
	conn, err = dial()
	require.NoError(t, err)
	require.NoError(t, conn.Close())

	gate.Darken()
	require.NoError(t, gate.Close(), "a dark gate can be closed")
	require.NoError(t, gate.Close())
	accepting.Wait()
}

func TestTheTableOfNumbersIsTheOneThatIsToldToPeople(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	told := regexp.MustCompile(`\b00[0-9]{2}\b`).FindAllString(string(doc), -1)
	seen := map[string]bool{}
	for i, n := range sandbox.Numbers {
		require.Len(t, n.Ending, 4)
		require.False(t, seen[n.Ending], n.Ending)
		seen[n.Ending] = true
		require.NotEmpty(t, n.Says)
		require.Equal(t, n.Outcome, sandbox.OutcomeOf("070000"+n.Ending))
		require.Equal(t, n.Ending, told[i], "doc.go tells them in the same order")
	}
	require.Len(t, told, len(sandbox.Numbers))
	require.Equal(t, sandbox.Succeeds, sandbox.OutcomeOf("0700000000"), "the official test number")
	require.Equal(t, sandbox.Succeeds, sandbox.OutcomeOf("10"))
}
