package paystack_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/paystack"
)

const (
	testKey = "sk_test_fixture"
	liveKey = "sk_live_fixture"
	patient = 10 * time.Second // how long a test waits before it says "never"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a running Paystack, the clock it lives by, and a client of it.
type world struct {
	t      *testing.T
	server *paystack.Server
	clock  *sandbox.ManualClock
	url    string
	key    string
	client *http.Client
}

func morning() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

// start runs a Paystack on a manual clock until the test ends.
func start(t *testing.T, cfg paystack.Config) *world {
	t.Helper()
	clock := sandbox.NewManualClock(morning())
	if cfg.Clock == nil {
		cfg.Clock = clock
	}
	if cfg.SecretKeys == nil {
		cfg.SecretKeys = []string{testKey, liveKey}
	}
	w := &world{t: t, server: paystack.New(cfg), clock: clock, key: testKey}
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
	code   int
	header http.Header
	raw    []byte
	json   map[string]any
}

func (r reply) message() any { return r.json["message"] }
func (r reply) data() map[string]any {
	data, _ := r.json["data"].(map[string]any)
	return data
}

func (r reply) list() []any {
	data, _ := r.json["data"].([]any)
	return data
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
	r := reply{code: answer.StatusCode, header: answer.Header}
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

type object map[string]any

// charge is a well-formed charge of 5 000 francs.
func charge(reference, provider, phone string) object {
	return object{
		"email": "buyer@example.com", "amount": "500000", "currency": "XOF", "reference": reference,
		"mobile_money": object{"phone": phone, "provider": provider}, "metadata": object{"order_id": "ord_1"},
	}
}

// paid makes a charge that has succeeded.
func (w *world) paid(reference, phone string) {
	w.t.Helper()
	require.Equal(w.t, 200, w.post("/charge", charge(reference, "mtn", phone)).code)
	w.pass(8 * time.Second)
	require.Equal(w.t, "success", w.verified(reference))
}

func (w *world) verified(reference string) any {
	w.t.Helper()
	r := w.get("/transaction/verify/" + reference)
	require.Equal(w.t, 200, r.code, string(r.raw))
	return r.data()["status"]
}

// payee makes a recipient and returns its code.
func (w *world) payee(account string) string {
	w.t.Helper()
	r := w.post("/transferrecipient", object{
		"type": "mobile_money", "name": "Awa Kouassi", "account_number": account, "bank_code": "ORANGE_CI", "currency": "XOF",
	})
	require.Equal(w.t, 201, r.code, string(r.raw))
	code, _ := r.data()["recipient_code"].(string)
	return code
}

func transferOf(reference, recipient string, amount int64) object {
	return object{
		"source": "balance", "amount": amount, "currency": "XOF", "recipient": recipient, "reference": reference, "reason": "Order 1",
	}
}

// sample reads one of Paystack's samples.
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
	event     string
	data      map[string]any
}

func (h hook) signedWith(key string) bool {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write(h.raw)
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(h.signature))
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
		h := hook{raw: raw, signature: request.Header.Get("X-Paystack-Signature")}
		var body struct {
			Event string         `json:"event"`
			Data  map[string]any `json:"data"`
		}
		_ = json.Unmarshal(raw, &body)
		h.event, h.data = body.Event, body.Data
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

func (r *receiver) events() []string {
	events := []string{}
	for _, h := range r.got() {
		events = append(events, h.event)
	}
	return events
}
