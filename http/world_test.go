package http_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/http"
)

// world stands behind the ports: a small store that decides with the real
// engine, remembers answers, and plays the gateway.
type world struct {
	policy  engine.Policy
	gateway func(engine.Effect) engine.Command // what an effect comes to; nil is silence

	mu           sync.Mutex
	now          time.Time
	transactions map[engine.ID]engine.Transaction
	bookings     map[string]engine.ID
	keys         map[keyName]firstAsk
	answers      map[keyName]answer
	seen         map[engine.Identity]bool
	uses         map[[32]byte][]use
	parked       []engine.Notification
	told         []engine.Notification // as they arrived, bodies not copied again
	wallets      map[string]engine.Wallet
	watchers     map[engine.ID]map[chan struct{}]bool
	events       map[engine.ID][]engine.Event
	reads        int // of payments
	searches     []engine.Search
	brokenAfter  int       // searches; 0 is never
	broken       error     // what every port answers, when set
	prompt       engine.ID // who is asking the payer's phone for this amount now
	health       engine.Health
	breakers     []http.Breaker
	asks         int
	proposals    []engine.Proposal
	audit        []engine.AuditRecord
	keysKept     map[string]engine.APIKey
	keysErr      error // they can not be read
	keysUsed     map[string]time.Time

	effects sync.WaitGroup
}

type keyName struct{ principal, operation, key string }

type firstAsk struct {
	hash [32]byte
	id   engine.ID
}

type answer struct {
	status int
	body   []byte
}

func newWorld() *world {
	policy := engine.DefaultPolicy()
	return &world{
		policy: policy, now: time.Date(2026, 1, 15, 20, 0, 0, 0, time.UTC),
		transactions: map[engine.ID]engine.Transaction{}, bookings: map[string]engine.ID{},
		keys: map[keyName]firstAsk{}, answers: map[keyName]answer{}, seen: map[engine.Identity]bool{}, uses: map[[32]byte][]use{},
		wallets: map[string]engine.Wallet{}, watchers: map[engine.ID]map[chan struct{}]bool{}, events: map[engine.ID][]engine.Event{},
		keysKept: map[string]engine.APIKey{}, keysUsed: map[string]time.Time{},
		gateway: func(engine.Effect) engine.Command { return nil },
	}
}

func (w *world) Ask(_ context.Context, ask engine.Ask) (engine.Applied, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asks++
	if w.broken != nil {
		return engine.Applied{}, w.broken
	}
	var name keyName
	if k := ask.Key; k != nil {
		name = keyName{k.Principal, k.Operation, k.Key}
		if first, used := w.keys[name]; used {
			if first.hash != k.Hash {
				return engine.Applied{}, engine.Errorf(engine.Conflict, engine.CodeIdempotencyKeyReused, "another body")
			}
			return engine.Applied{State: w.transactions[first.id], Outcome: engine.Replayed}, nil
		}
	}
	t, known := w.transactions[ask.Transaction]
	if !known {
		t = engine.Transaction{ID: ask.Transaction}
	}
	if c, initiates := ask.Command.(engine.InitiateCharge); initiates {
		if owner, taken := w.bookings[c.Booking]; taken && w.transactions[owner].Status.Open() {
			t.Slot = owner
		}
		t.Prompt = w.prompt
	}
	if n, notifies := ask.Command.(engine.Notify); notifies {
		w.told = append(w.told, n.Notification)
	}
	d, err := t.Decide(ask.Command, engine.Given{Now: w.now, Fresh: t.ID, Policy: &w.policy, Health: w.health})
	if err != nil {
		return engine.Applied{}, err
	}
	if a := ask.Act; a != nil && !a.Proposal.IsZero() {
		if err := w.rule(*a, t.ID, "approved"); err != nil {
			return engine.Applied{}, err
		}
	} else if a != nil {
		w.writeDown(*a, t.ID)
	}
	outcome := engine.Duplicate
	if d.Changed() {
		outcome = engine.Changed
		w.transactions[t.ID] = d.Next
		w.bookings[d.Next.Booking] = t.ID
		w.events[t.ID] = append(w.events[t.ID], d.Events...)
	}
	if ask.Key != nil {
		w.keys[name] = firstAsk{ask.Key.Hash, t.ID}
	}
	w.nudge(t.ID)
	for _, e := range d.Effects {
		w.effects.Go(func() { w.run(e) })
	}
	return engine.Applied{State: d.Next, Effects: d.Effects, Outcome: outcome}, nil
}

// nudge hints at a transaction; the lock is held.
func (w *world) nudge(id engine.ID) {
	for c := range w.watchers[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (w *world) run(e engine.Effect) {
	if command := w.gateway(e); command != nil {
		_, _ = w.Ask(context.Background(), engine.Ask{Transaction: e.Subject().Transaction, Command: command})
	}
}

func (w *world) Park(_ context.Context, n engine.Notification) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	if !w.seen[n.Identity] {
		w.seen[n.Identity] = true
		w.parked = append(w.parked, n)
	}
	return nil
}

func (w *world) Payment(_ context.Context, id engine.ID) (engine.Statement, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	if w.broken != nil {
		return engine.Statement{}, w.broken
	}
	t, known := w.transactions[id]
	if !known {
		return engine.Statement{}, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "none")
	}
	return engine.Statement{Transaction: t, Timeline: []engine.Moment{{At: t.CreatedAt, Machine: "charge", To: "initiated"}}}, nil
}

func (w *world) BookingPayment(_ context.Context, booking string) (engine.ID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, known := w.bookings[booking]; known {
		return id, nil
	}
	return engine.ID{}, engine.Errorf(engine.NotFound, engine.CodeBookingUnknown, "none")
}

func (w *world) Balances(_ context.Context, talent string) (engine.Balances, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := engine.Balances{Talent: talent, Currency: money.XOF, AsOf: w.now}
	found := false
	for _, t := range w.transactions {
		if t.Talent != talent {
			continue
		}
		found = true
		if t.Hold != nil && t.Hold.Status == engine.HoldHeld {
			b.PendingRelease += t.Hold.TalentFee
		}
		if t.Payout != nil && t.Payout.Status == engine.PayoutIsDue {
			b.Available += t.Payout.Amount
		}
	}
	if !found {
		return engine.Balances{}, engine.Errorf(engine.NotFound, engine.CodeTalentUnknown, "none")
	}
	return b, nil
}

func (w *world) SetWallet(_ context.Context, talent string, wallet engine.Wallet) (engine.Wallet, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := w.wallets[talent]
	wallet.No = had.No
	if had == wallet {
		return had, false, nil
	}
	wallet.No++
	w.wallets[talent] = wallet
	return wallet, true, nil
}

func (w *world) Subscribe(id engine.ID) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers[id] == nil {
		w.watchers[id] = map[chan struct{}]bool{}
	}
	w.watchers[id][c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers[id], c)
	}
}

// watching counts who waits for a transaction.
func (w *world) watching(id engine.ID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watchers[id])
}

// hint says that a transaction may have changed.
func (w *world) hint(id engine.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nudge(id)
}

// unheard is a command whose hint is lost.
func (w *world) unheard(t *testing.T, id engine.ID, c engine.Command) {
	t.Helper()
	w.mu.Lock()
	waiting := w.watchers[id]
	w.watchers[id] = nil
	w.mu.Unlock()
	w.command(t, id, c)
	w.mu.Lock()
	w.watchers[id] = waiting
	w.mu.Unlock()
}

// swell changes a payment into one that takes a megabyte to tell.
func (w *world) swell(id engine.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.transactions[id]
	t.Version++
	t.Booking = strings.Repeat("x", 1<<20) + strconv.Itoa(t.Version)
	w.transactions[id] = t
	w.nudge(id)
}

// stir is a commit of which nobody outside can see anything.
func (w *world) stir(id engine.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.transactions[id]
	t.Version++
	w.transactions[id] = t
	w.nudge(id)
}

// multiply makes so many payments of one.
func (w *world) multiply(t *testing.T, id engine.ID, n int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range n - 1 {
		copied := w.transactions[id]
		copied.ID = id.Nth(i + 1)
		w.transactions[copied.ID] = copied
	}
	require.Len(t, w.transactions, n)
}

// breakAfter fails every search after so many.
func (w *world) breakAfter(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.brokenAfter = n
}

func (w *world) readsSoFar() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads
}

// command does something to a payment from inside.
func (w *world) command(t *testing.T, id engine.ID, c engine.Command) {
	t.Helper()
	_, err := w.Ask(t.Context(), engine.Ask{Transaction: id, Command: c})
	require.NoError(t, err)
}

func (w *world) Events(_ context.Context, id engine.ID, after, limit int) ([]engine.Published, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return nil, w.broken
	}
	out := []engine.Published{}
	for _, e := range w.events[id] {
		if e.Seq > after && len(out) < limit {
			out = append(out, engine.Published{Seq: e.Seq, Kind: e.Kind, Payload: fmt.Appendf(nil, `{"seq":%d,"type":%q}`, e.Seq, e.Kind)})
		}
	}
	return out, nil
}

func (w *world) Payments(_ context.Context, q engine.Search) (engine.Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return engine.Page{}, w.broken
	}
	if w.brokenAfter > 0 && len(w.searches) >= w.brokenAfter {
		return engine.Page{}, engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "away")
	}
	w.searches = append(w.searches, q)
	return w.page(q.Owner, q.Before, q.Limit, func(t engine.Transaction) bool {
		return (len(q.Statuses) == 0 || slices.Contains(q.Statuses, t.Status)) && (q.Booking == "" || t.Booking == q.Booking)
	}), nil
}

func (w *world) Payouts(_ context.Context, q engine.PayoutSearch) (engine.Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return engine.Page{}, w.broken
	}
	return w.page(q.Owner, q.Before, q.Limit, func(t engine.Transaction) bool {
		return t.Payout != nil && (q.Waiting == "" || t.Payout.Waiting == q.Waiting)
	}), nil
}

// page is what a search finds, the latest first; the lock is held.
func (w *world) page(o engine.Owner, before engine.ID, limit int, meant func(engine.Transaction) bool) engine.Page {
	all := slices.SortedFunc(maps.Values(w.transactions), func(a, b engine.Transaction) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	var page engine.Page
	for _, t := range all {
		if !before.IsZero() && bytes.Compare(t.ID[:], before[:]) >= 0 || !t.BelongsTo(o) || !meant(t) {
			continue
		}
		if len(page.Transactions) == limit {
			page.Next = page.Transactions[limit-1].ID
			break
		}
		page.Transactions = append(page.Transactions, t)
	}
	return page
}

func (w *world) Recall(_ context.Context, k engine.IdempotencyKey) (int, []byte, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := keyName{k.Principal, k.Operation, k.Key}
	if first, used := w.keys[name]; used && first.hash != k.Hash {
		return 0, nil, false, engine.Errorf(engine.Conflict, engine.CodeIdempotencyKeyReused, "another body")
	}
	a, found := w.answers[name]
	return a.status, a.body, found, nil
}

func (w *world) Remember(_ context.Context, k engine.IdempotencyKey, status int, body []byte) (int, []byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := keyName{k.Principal, k.Operation, k.Key}
	if first, found := w.answers[name]; found {
		return first.status, first.body, nil
	}
	w.answers[name] = answer{status, body}
	return status, body, nil
}

// use is one use of a quota.
type use struct {
	intent [32]byte
	at     time.Time
}

func (w *world) Use(_ context.Context, intent [32]byte, quotas []engine.Quota) (full []int, wait time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return nil, 0, w.broken
	}
	var fresh []engine.Quota
	for i, q := range quotas {
		uses := slices.DeleteFunc(w.uses[q.Subject], func(u use) bool { return !u.at.After(w.now.Add(-q.Within)) })
		w.uses[q.Subject] = uses
		switch {
		case slices.ContainsFunc(uses, func(u use) bool { return u.intent == intent }):
		case len(uses) >= q.Most:
			full, wait = append(full, i), max(wait, uses[len(uses)-q.Most].at.Add(q.Within).Sub(w.now))
		default:
			fresh = append(fresh, q)
		}
	}
	if len(full) == 0 {
		for _, q := range fresh {
			w.uses[q.Subject] = append(w.uses[q.Subject], use{intent, w.now})
		}
	}
	return full, wait, nil
}

// passes makes time pass.
func (w *world) passes(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) outside() http.Outside {
	return http.Outside{
		OperatorDownFor: 90 * time.Second,
		Health: func() engine.Health {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.health
		},
		Breakers: func() []http.Breaker {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.breakers
		},
	}
}

// looks sets how the outside looks from here on.
func (w *world) looks(h engine.Health, breakers ...http.Breaker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.health, w.breakers = h, breakers
}

func (w *world) ready() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

func (w *world) asksSoFar() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asks
}

func (w *world) all() map[engine.ID]engine.Transaction {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.transactions)
}

// signer is a gateway's side of a webhook, and our reading of it: hex
// HMAC-SHA512 over the body, amounts in francs.
type signer struct{ secret string }

func (s signer) sign(body []byte) string {
	mac := hmac.New(sha512.New, []byte(s.secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (s signer) Verify(signatures [][]byte, body []byte) (string, error) {
	if len(signatures) != 1 {
		return "", engine.Errorf(engine.Forbidden, engine.CodeSignatureWrong, "not one")
	}
	given, err := hex.DecodeString(string(signatures[0]))
	mac := hmac.New(sha512.New, []byte(s.secret))
	mac.Write(body)
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return "", engine.Errorf(engine.Forbidden, engine.CodeSignatureWrong, "wrong")
	}
	return "test", nil
}

type notice struct {
	Event     string `json:"event"`
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Padding   string `json:"padding,omitempty"`
}

// redacted is what a parser lets us store of a body.
func redacted(body string) string { return strings.ReplaceAll(body, "0700000001", "") }

func (s signer) Parse(d engine.Delivery) (engine.Notification, error) {
	digest, _ := hex.DecodeString(string(d.Signature)) // Verify has read it before
	kept := engine.Delivery{Signature: digest, Body: []byte(redacted(string(d.Body))), ReceivedAt: d.ReceivedAt}
	var n notice
	if err := json.Unmarshal(d.Body, &n); err != nil {
		return engine.Notification{Delivery: kept}, engine.Errorf(engine.Invalid, engine.CodeNotificationForeign, "unreadable")
	}
	out := engine.Notification{
		Gateway: engine.Paystack, Kind: n.Event, Delivery: kept,
		Identity: engine.NewIdentity(engine.Paystack, n.Event, n.Reference, "success"),
	}
	reference, err := engine.ParseReference(n.Reference)
	if err != nil || n.Event != "charge.success" {
		out.Foreign = "not ours"
		return out, engine.Errorf(engine.Invalid, engine.CodeNotificationForeign, "not ours")
	}
	out.Reference = reference
	out.Charge = &engine.ChargeReport{
		Status: engine.ChargeSucceeded, Amount: money.Amount(n.Amount), Currency: money.XOF, GatewayReference: "gw-1",
	}
	return out, nil
}
