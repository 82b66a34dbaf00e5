package fedapay_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

const (
	testKey  = "sk_sandbox_fixture"
	liveKey  = "sk_live_fixture"
	testHook = "wh_sandbox_fixture"
	liveHook = "wh_live_fixture"
	patient  = 10 * time.Second // how long a test waits before it says "never"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a running FedaPay, the clock it lives by, and a client of it.
type world struct {
	t      *testing.T
	server *fedapay.Server
	clock  *sandbox.ManualClock
	url    string
	key    string
	client *http.Client
}

func morning() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

// start runs a FedaPay on a manual clock until the test ends.
func start(t *testing.T, cfg fedapay.Config) *world {
	t.Helper()
	clock := sandbox.NewManualClock(morning())
	if cfg.Clock == nil {
		cfg.Clock = clock
	}
	if cfg.SecretKeys == nil {
		cfg.SecretKeys = []string{testKey, liveKey}
	}
	if cfg.WebhookSecrets == nil {
		cfg.WebhookSecrets = []string{testHook, liveHook}
	}
	w := &world{t: t, server: fedapay.New(cfg), clock: clock, key: testKey}
	w.client = &http.Client{Timeout: patient, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	require.NoError(t, w.server.Start(t.Context()))
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		w.stop()
	})
	var err error
	w.url, err = w.server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	return w
}

func (w *world) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	require.NoError(w.t, w.server.Stop(ctx))
}

// pass moves the clock and waits until everything that set in motion is done.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.Advance(d)
	w.quiet()
}

func (w *world) quiet() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	require.NoError(w.t, w.server.Quiet(ctx))
}

// reply is what a call was answered.
type reply struct {
	code int
	raw  []byte
	json map[string]any
}

// of is an object in its envelope: v1/transaction, v1/payout.
func (r reply) of(kind string) map[string]any {
	object, _ := r.json["v1/"+kind].(map[string]any)
	return object
}

func (r reply) list(kind string) []any {
	rows, _ := r.json["v1/"+kind].([]any)
	return rows
}

// try makes a call; err is what the connection says.
func (w *world) try(method, path string, body any) (reply, error) {
	var sent io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		sent = bytes.NewReader([]byte(b))
	case []byte:
		sent = bytes.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		require.NoError(w.t, err)
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, w.url+path, sent)
	require.NoError(w.t, err)
	request.Header.Set("Authorization", "Bearer "+w.key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := w.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	r := reply{code: answer.StatusCode}
	if r.raw, err = io.ReadAll(answer.Body); err != nil {
		return reply{}, err
	}
	_ = json.Unmarshal(r.raw, &r.json) // some faults are not JSON
	return r, nil
}

func (w *world) post(path string, body any) reply {
	w.t.Helper()
	r, err := w.try(http.MethodPost, path, body)
	require.NoError(w.t, err)
	return r
}

func (w *world) get(path string) reply {
	w.t.Helper()
	r, err := w.try(http.MethodGet, path, nil)
	require.NoError(w.t, err)
	return r
}

func (w *world) put(path string, body any) reply {
	w.t.Helper()
	r, err := w.try(http.MethodPut, path, body)
	require.NoError(w.t, err)
	return r
}

func (w *world) remove(path string) reply {
	w.t.Helper()
	r, err := w.try(http.MethodDelete, path, nil)
	require.NoError(w.t, err)
	return r
}

type object map[string]any

// order is a well-formed transaction of 15 000 francs.
func order(reference, phone string) object {
	return object{
		"description": "Order 1 & 2", "amount": 15_000, "currency": object{"iso": "XOF"}, "merchant_reference": reference,
		"custom_metadata": object{"order_id": "ord_1"}, "callback_url": "https://shop.example/return?a=b",
		"customer": object{"firstname": "Awa", "lastname": "Kone", "phone_number": object{"number": phone, "country": "ci"}},
	}
}

// created makes a transaction and returns it.
func (w *world) created(reference, phone string) map[string]any {
	w.t.Helper()
	r := w.post("/v1/transactions", order(reference, phone))
	require.Equal(w.t, 200, r.code, string(r.raw))
	return r.of("transaction")
}

// charged makes a transaction and asks the payer for it.
func (w *world) charged(reference, phone string) map[string]any {
	w.t.Helper()
	row := w.created(reference, phone)
	r := w.prompt(row["payment_token"])
	require.Equal(w.t, 200, r.code, string(r.raw))
	return row
}

func (w *world) prompt(token any) reply {
	w.t.Helper()
	mode := "momo_test"
	if w.key == liveKey {
		mode = "mtn_ci"
	}
	return w.post("/v1/"+mode, object{"token": token})
}

// paid makes a transaction that has been approved.
func (w *world) paid(reference, phone string) map[string]any {
	w.t.Helper()
	row := w.charged(reference, phone)
	w.pass(3 * time.Second)
	require.Equal(w.t, "approved", w.status(reference))
	return row
}

func (w *world) status(reference string) any {
	w.t.Helper()
	r := w.get("/v1/transactions/merchant/" + reference)
	require.Equal(w.t, 200, r.code, string(r.raw))
	return r.of("transaction")["status"]
}

// payoutOf is a well-formed payout.
func payoutOf(reference, phone string, amount int64) object {
	return object{
		"description": "Week 47", "amount": amount, "currency": object{"iso": "XOF"}, "merchant_reference": reference,
		"mode": "mtn_ci", "custom_metadata": object{"payout_id": "po_1"},
		"customer": object{"firstname": "Awa", "lastname": "Kone", "phone_number": object{"number": "+225" + phone, "country": "ci"}},
	}
}

// begin starts payouts by id.
func (w *world) begin(ids ...any) reply {
	w.t.Helper()
	rows := []object{}
	for _, id := range ids {
		rows = append(rows, object{"id": id})
	}
	return w.put("/v1/payouts/start", object{"payouts": rows})
}

func (w *world) payout(reference, phone string, amount int64) any {
	w.t.Helper()
	r := w.post("/v1/payouts", payoutOf(reference, phone, amount))
	require.Equal(w.t, 200, r.code, string(r.raw))
	return r.of("payout")["id"]
}

func number(v any) string {
	encoded, _ := json.Marshal(uint64(v.(float64)))
	return string(encoded)
}

// sample reads one of FedaPay's samples.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return body
}

// hook is one webhook as it arrived.
type hook struct {
	raw       []byte
	signature string
	name      string
	entity    map[string]any
}

// signedWith says whether one of the s= of the header is right for its t=.
func (h hook) signedWith(secret string) bool {
	var t string
	for part := range strings.SplitSeq(h.signature, ",") {
		scheme, value, _ := strings.Cut(part, "=")
		if scheme == "t" {
			t = value
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(t + "."))
		mac.Write(h.raw)
		if scheme == "s" && hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(value)) {
			return true
		}
	}
	return false
}

// receiver is a merchant's webhook endpoint.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	hooks  []hook
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		raw, _ := io.ReadAll(request.Body)
		h := hook{raw: raw, signature: request.Header.Get("X-FEDAPAY-SIGNATURE")}
		var body struct {
			Name   string         `json:"name"`
			Entity map[string]any `json:"entity"`
		}
		_ = json.Unmarshal(raw, &body)
		h.name, h.entity = body.Name, body.Entity
		r.mu.Lock()
		defer r.mu.Unlock()
		r.hooks = append(r.hooks, h)
		answer.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) got() []hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]hook{}, r.hooks...)
}

// names are the events that came, but for the creations.
func (r *receiver) names() []string {
	names := []string{}
	for _, h := range r.got() {
		if h.name != "transaction.created" {
			names = append(names, h.name)
		}
	}
	return names
}

// named is the first hook of that name: two that are sent at once come in either order.
func (r *receiver) named(t *testing.T, name string) hook {
	t.Helper()
	hooks := r.got()
	i := slices.IndexFunc(hooks, func(h hook) bool { return h.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return hooks[i]
}

// tryAll lets the whole schedule of a webhook pass.
func (w *world) tryAll() {
	w.t.Helper()
	for _, gap := range []time.Duration{30, 60, 120, 120, 120, 120, 120, 120, 120} {
		w.pass(gap * time.Second)
	}
}
