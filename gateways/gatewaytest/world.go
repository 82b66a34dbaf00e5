package gatewaytest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// Harness says how to make a world to test a gateway in.
type Harness struct {
	Gateway engine.Gateway
	// Open makes a fresh gateway with nothing in its books, its client and its
	// webhook endpoint, and closes all of it with the test.
	Open func(t *testing.T) *World
}

// World is a gateway in its sandbox, seen from both sides.
type World struct {
	// The ports; nil is "this gateway does not".
	Collector engine.Collector
	OTP       engine.OTPSubmitter
	Disburser engine.Disburser
	Inquirer  engine.ChargeInquirer
	Payouts   engine.PayoutInquirer
	Refunder  engine.Refunder
	Refunds   engine.RefundInquirer
	Webhooks  engine.Webhooks

	Flow     func(Story) engine.Flow           // where that payer agrees; nil: always directly
	Payer    func(Story) (engine.Payer, bool)  // who makes a story happen; false: nobody does
	Wallet   func(Story) (engine.Wallet, bool) // whose wallet does
	RightOTP engine.OTP
	WrongOTP engine.OTP
	Live     bool         // the domain of everything that happens here
	Float    money.Amount // what there is to pay out from, before any charge

	Soon  func()                   // payers have approved, queued transfers are sent, webhooks have arrived
	Late  func()                   // every window is over, everything that comes late has come
	Pay   func(url string)         // what a payer does on a page; nil: it pays by itself
	Break func(Operation, Trouble) // what happens to the next call
	Mend  func()                   // ends Dark

	Inbox    *Inbox
	Captured func(reference string) money.Amount // what the gateway's own books took from a payer
	Sent     func(reference string) money.Amount // and what they gave to a wallet, less what came back
	Refunded func(reference string) money.Amount // and what of a charge they gave back
}

// Story is what a payer or a wallet makes happen.
type Story string

// Stories of a charge.
const (
	Approves      Story = "the payer approves on the phone"
	TypesCode     Story = "the payer types a code"
	OpensPage     Story = "the payer opens a page"
	PaysAtOnce    Story = "the answer is a success"
	HasNoFunds    Story = "the payer has no funds"
	NeverApproves Story = "the payer never approves"
	HiddenAtFirst Story = "taken, and not found at first"
)

// Stories of a wallet.
const (
	IsPaid      Story = "the wallet is paid"
	IsNotPaid   Story = "the transfer fails"
	IsReversed  Story = "the transfer is paid and comes back"
	IsRefused   Story = "the wallet is refused"
	IsPaidLater Story = "the transfer is pending for long"
)

// Operation is a call that can be broken.
type Operation string

// The operations.
const (
	Charging  Operation = "charge"
	Inquiring Operation = "inquire"
	Paying    Operation = "pay"
	Refunding Operation = "refund"
)

// Trouble is what happens to a call.
type Trouble string

// The troubles. Before and after is before and after the gateway has acted.
const (
	CutBefore     Trouble = "cut before"
	CutAfter      Trouble = "cut after"
	ErrorBefore   Trouble = "5xx before"
	ErrorAfter    Trouble = "5xx after"
	GarbledAfter  Trouble = "garbled after"
	PageAfter     Trouble = "a proxy's page after"
	WrongKey      Trouble = "wrong key"
	TooManyCalls  Trouble = "too many calls"
	Dark          Trouble = "nobody listens" // until Mend
	WebhooksTwice Trouble = "webhooks come twice"
)

// Inbox is a webhook endpoint: it answers 200 and keeps what came.
type Inbox struct {
	URL string
	Now func() time.Time // the sandbox's clock, where webhooks are dated; nil: the machine's

	mu   sync.Mutex
	came []Delivered
}

// Delivered is a webhook as it arrived.
type Delivered struct {
	Signatures [][]byte // every value of the signature's header
	Body       []byte
	At         time.Time
}

// Receive opens an inbox that reads the header named; it closes with the test.
func Receive(t *testing.T, header string) *Inbox {
	t.Helper()
	in := &Inbox{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		one := Delivered{Body: body, At: time.Now()}
		if in.Now != nil {
			one.At = in.Now()
		}
		for _, value := range r.Header.Values(header) {
			one.Signatures = append(one.Signatures, []byte(value))
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.came = append(in.came, one)
	}))
	t.Cleanup(server.Close)
	in.URL = server.URL
	return in
}

// Came is what has arrived so far.
func (in *Inbox) Came() []Delivered {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]Delivered{}, in.came...)
}

// about reads what has come about a reference, all of it verified. What tells
// nothing, that a charge was made, is left out.
func (w *World) about(t *testing.T, r engine.Reference) []engine.Notification {
	t.Helper()
	var told []engine.Notification
	for _, d := range w.Inbox.Came() {
		secret, err := w.Webhooks.Verify(d.Signatures, d.Body)
		require.NoError(t, err)
		require.NotEmpty(t, secret)
		n, err := w.parse(d)
		require.NoError(t, err)
		require.False(t, n.Stale, "%s", d.Body)
		n.Delivery = engine.Delivery{} // evidence: two copies of one webhook may differ in it
		if n.Reference == r && (n.Charge == nil || n.Charge.Status != nothingNew) {
			told = append(told, n)
		}
	}
	return told
}

// nothingNew is the report of a notification that decides nothing.
const nothingNew = engine.ChargeHeard

func (w *World) flow(s Story) engine.Flow {
	if w.Flow == nil {
		return engine.Direct
	}
	return w.Flow(s)
}

// parse reads a webhook.
func (w *World) parse(d Delivered) (engine.Notification, error) {
	return w.Webhooks.Parse(engine.Delivery{Signature: d.Signatures[0], Body: d.Body, ReceivedAt: d.At})
}

// references makes names nobody has used: a shared gateway would refuse others.
type references struct {
	kind engine.ReferenceKind
	base engine.ID
	made atomic.Int32
}

func (r *references) next() engine.Reference {
	return engine.Reference{Transaction: r.base.Nth(int(r.made.Add(1))), Kind: r.kind, Number: 1}
}
