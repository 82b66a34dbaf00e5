package paystack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/gateways/secret"
)

const testKey = "sk_test_fixture"

// transactionID is the one all calls of these tests are about.
var transactionID = engine.MustParseID("01jd3m5nq8rstvwxyz0123456k")

var (
	chargeRef = engine.Reference{Transaction: transactionID, Kind: engine.ChargeReference, Number: 1}
	payoutRef = engine.Reference{Transaction: transactionID, Kind: engine.PayoutReference, Number: 1}
)

func chargeCall() engine.ChargeCall {
	return engine.ChargeCall{
		Reference: chargeRef, Gateway: engine.Paystack, Flow: engine.Direct, Method: engine.MobileMoney, Amount: 15_000,
		Currency: money.XOF,
		Payer:    engine.Payer{Operator: phone.Orange, Phone: phone.MustParse("0700000000"), Email: "payer@example.com"},
		Booking:  "booking-42",
	}
}

func payoutCall() engine.PayoutCall {
	return engine.PayoutCall{
		Reference: payoutRef, Gateway: engine.Paystack, Amount: 12_750, Currency: money.XOF, Talent: "talent-7", Booking: "booking-42",
		Wallet: engine.Wallet{No: 1, Operator: phone.Orange, Phone: phone.MustParse("0700000000"), Name: "Awa Kouassi"},
	}
}

// seen is a request as a rogue received it.
type seen struct {
	Method, Path, Query, Authorization, ContentType string
	Body                                            []byte
}

// rogue is a server of raw TCP: it reads one request from each connection and
// then does what the test says, which need not be HTTP.
type rogue struct {
	URL string

	mu       sync.Mutex
	requests []seen
	conns    int
}

// misbehave starts a rogue; act is given the connection after its request was read.
func misbehave(t testing.TB, act func(conn net.Conn, got seen)) *rogue {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &rogue{URL: "http://" + listener.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns++
			r.mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				if got, ok := r.read(conn); ok {
					act(conn, got)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return r
}

func (r *rogue) read(conn net.Conn) (seen, bool) {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return seen{}, false
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return seen{}, false
	}
	got := seen{
		request.Method, request.URL.Path, request.URL.RawQuery, request.Header.Get("Authorization"), request.Header.Get("Content-Type"), body,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, got)
	return got, true
}

func (r *rogue) Requests() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seen{}, r.requests...)
}

func (r *rogue) Conns() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns
}

// answer writes a whole HTTP response.
func answer(conn net.Conn, status int, body string, headers ...string) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", status, len(body))
	for _, h := range headers {
		out.WriteString(h + "\r\n")
	}
	out.WriteString("\r\n" + body)
	_, _ = conn.Write(out.Bytes())
}

// answering is a rogue that answers every path with what the map has for it.
func answering(t testing.TB, answers map[string]reply) *rogue {
	t.Helper()
	return misbehave(t, func(conn net.Conn, got seen) {
		a, known := answers[got.Path]
		if !known {
			a = reply{500, `{"status":false,"message":"the test has no answer for this path"}`}
		}
		answer(conn, a.status, a.body)
	})
}

type reply struct {
	status int
	body   string
}

// client makes a client of a rogue; change may alter its configuration.
func client(t testing.TB, url string, change ...func(*paystack.Config)) *paystack.Client {
	t.Helper()
	config := paystack.Config{Key: secret.New(testKey), BaseURL: url, Timeout: 5 * time.Second}
	for _, c := range change {
		c(&config)
	}
	made, err := paystack.New(config)
	require.NoError(t, err)
	return made
}

// sample reads a sample answer as it is.
func sample(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return string(raw)
}

// about reads a sample answer and makes it speak of our reference, with the
// fields given instead of its own.
func about(t testing.TB, name string, ours engine.Reference, fields map[string]any) string {
	t.Helper()
	var whole map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(sample(t, name))))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&whole))
	data, is := whole["data"].(map[string]any)
	require.True(t, is)
	data["reference"] = ours.String()
	for field, value := range fields {
		data[field] = value
	}
	out, err := json.Marshal(whole)
	require.NoError(t, err)
	return string(out)
}
