package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/http/contracttest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),     // fasthttp's clock, one a process
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),  // ends with its sleep, 10 s after the stop
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*TCPDialer).tcpAddrsClean"), // the test's client
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*Client).mCleaner"),
		); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

const (
	platformSecret = "ck_test_0123456789abcdef0123456789abcdef"
	rivalSecret    = "ck_test_fedcba9876543210fedcba9876543210"
	signatureName  = "x-paystack-signature"
)

var paystack = signer{secret: "sk_test_0123456789abcdef"}

// edge is a running server with a world behind it.
type edge struct {
	*world
	server *http.Server
	client *fasthttp.Client
	log    *logBook
	base   string
	cells  int // of the matrix, so far
	admin  string
}

// logBook keeps what was logged, for tests that grep it.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func start(t testing.TB, change ...func(*http.Config)) *edge {
	t.Helper()
	return startWith(t, http.Receiver{Webhooks: paystack, Header: signatureName}, change...)
}

func startWith(t testing.TB, receiver http.Receiver, change ...func(*http.Config)) *edge {
	t.Helper()
	w := newWorld()
	e := &edge{world: w, log: &logBook{}, client: &fasthttp.Client{MaxConnsPerHost: 256, ReadTimeout: 15 * time.Second}}
	mine, err := http.NewKey("k1", "platform", platformSecret)
	require.NoError(t, err)
	other, err := http.NewKey("k2", "rival", rivalSecret)
	require.NoError(t, err)
	cfg := http.Config{
		Addr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", Version: "test", Now: w.clock,
		Keys: []http.Key{mine, other}, Peppers: peppers, KeyMode: http.TestKeys,
		TokenKeys: tokenKeys, TokenIssuer: "bookmi", Platform: "platform", Policy: &w.policy,
		Log:      slog.New(slog.NewJSONHandler(e.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: prometheus.NewRegistry(),
	}
	for _, f := range change {
		f(&cfg)
	}
	e.server, err = http.New(cfg, http.Ports{
		Asker: w, Inbox: w, Reports: w, Wallets: w, Keys: w, Staff: w, Feed: w, Answers: w, Quotas: w, Health: health{w}, Outside: w.outside(),
		Webhooks: map[engine.Gateway]http.Receiver{engine.Paystack: receiver},
	})
	require.NoError(t, err)
	require.NoError(t, e.server.Start(t.Context()))
	e.base, e.admin = "http://"+e.server.Addr(), "http://"+e.server.AdminAddr()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		e.client.CloseIdleConnections()
		require.NoError(t, e.server.Stop(ctx))
		w.effects.Wait()
	})
	return e
}

type health struct{ w *world }

func (h health) Ready(context.Context) error { return h.w.ready() }

func (h health) Backlog(context.Context) (http.Backlog, error) {
	return http.Backlog{InboxWaiting: 90 * time.Second}, h.w.ready()
}

// answerOf is a response with nothing of fasthttp's in it.
type answerOf struct {
	status  int
	body    []byte
	headers map[string]string
}

func (a answerOf) header(name string) string { return a.headers[name] }

func (a answerOf) payment(t *testing.T) http.Payment {
	t.Helper()
	var p http.Payment
	require.NoError(t, json.Unmarshal(a.body, &p), "%s", a.body)
	return p
}

func (a answerOf) problem(t *testing.T) http.Problem {
	t.Helper()
	var p http.Problem
	require.Equal(t, "application/problem+json", a.header("Content-Type"), "%d %s", a.status, a.body)
	require.NoError(t, json.Unmarshal(a.body, &p), "%s", a.body)
	require.Equal(t, a.status, p.Status)
	require.NotEmpty(t, p.Code)
	require.NotEmpty(t, p.DisplayText)
	require.NotEmpty(t, p.RequestID)
	require.Equal(t, a.header("X-Request-Id"), p.RequestID)
	return p
}

type headers map[string]string

// do sends one request with the platform's key, unless headers say otherwise, and holds
// the exchange against the contract.
func (e *edge) do(t *testing.T, method, path, body string, more ...headers) answerOf {
	t.Helper()
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(e.base + path)
	request.URI().DisablePathNormalizing = true
	request.Header.SetMethod(method)
	request.Header.Set("Authorization", "Bearer "+platformSecret)
	if body != "" {
		request.Header.SetContentType("application/json")
		request.SetBodyString(body)
	}
	for _, m := range more {
		for name, value := range m {
			if value == "" {
				request.Header.Del(name)
				continue
			}
			request.Header.Set(name, value)
		}
	}
	require.NoError(t, e.client.Do(request, response))
	out := answerOf{status: response.StatusCode(), body: bytes.Clone(response.Body()), headers: map[string]string{}}
	for name, value := range response.Header.All() {
		out.headers[string(name)] = string(value)
	}
	e.check(t, contracttest.Exchange{
		Method: method, Path: path, Sent: contracttest.Header(request.Header.All()), Body: []byte(body),
		Status: out.status, Got: contracttest.Header(response.Header.All()), Answer: out.body,
	})
	return out
}

// read takes an answer's body apart.
func read[T any](t *testing.T, a answerOf) T {
	t.Helper()
	var out T
	require.NoError(t, json.Unmarshal(a.body, &out), "%s", a.body)
	return out
}

func key(k string) headers { return headers{"Idempotency-Key": k} }

// orangeBody is a correct request; with overrides fields, nil removing one.
func orangeBody(t *testing.T, overrides map[string]any) string {
	t.Helper()
	fields := map[string]any{
		"booking_id": "bk_1", "talent_id": "tl_1", "amount": 15000, "currency": "XOF", "method": "mobile_money",
		"operator": "orange", "phone": "0700000001", "email": "awa@example.ci",
	}
	for name, value := range overrides {
		if value == nil {
			delete(fields, name)
			continue
		}
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(body)
}

// wantsOTP is a gateway that asks for a code and takes 123456.
func wantsOTP(e engine.Effect) engine.Command {
	switch call := e.(type) {
	case engine.ChargeCall:
		if call.Flow == engine.Hosted {
			return engine.RecordChargeAnswer{Attempt: call.Reference.Number, Report: engine.ChargeReport{
				Status: engine.ChargeRedirects, URL: "https://process.fedapay.com/t/1", GatewayReference: "gw-2",
			}}
		}
		return engine.RecordChargeAnswer{Attempt: call.Reference.Number, Report: engine.ChargeReport{
			Status: engine.ChargeWantsOTP, Text: "Composez #144*82# puis saisissez le code", GatewayReference: "gw-1",
		}}
	case engine.OTPCall:
		if call.OTP.Reveal() != "123456" {
			return engine.RecordOTPAnswer{Attempt: call.Reference.Number, Err: engine.Errorf(engine.Declined, engine.CodeOTPInvalid, "wrong")}
		}
		return engine.RecordOTPAnswer{Attempt: call.Reference.Number, Report: engine.ChargeReport{Status: engine.ChargePending}}
	case engine.InquireCall, engine.PayoutCall, engine.RefundCall:
	}
	return nil
}

// onPhone is a gateway whose payer approves on the phone.
func onPhone(e engine.Effect) engine.Command {
	if call, charges := e.(engine.ChargeCall); charges {
		return engine.RecordChargeAnswer{Attempt: call.Reference.Number, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}}
	}
	return nil
}

// initiated starts a payment through the API and returns it.
func (e *edge) initiated(t *testing.T, booking string) http.Payment {
	t.Helper()
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"booking_id": booking}), key("start-"+booking))
	require.Equal(t, 202, a.status, "%s", a.body)
	return a.payment(t)
}
