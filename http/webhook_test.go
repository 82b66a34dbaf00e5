package http_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

func successBody(t *testing.T, reference string, amount int64) string {
	t.Helper()
	body, err := json.Marshal(notice{Event: "charge.success", Reference: reference, Amount: amount})
	require.NoError(t, err)
	return string(body)
}

// deliver sends a signed webhook, as a gateway does: with no key of ours.
func (e *edge) deliver(t *testing.T, body string, more ...headers) answerOf {
	t.Helper()
	signed := headers{"Authorization": "", signatureName: paystack.sign([]byte(body))}
	return e.do(t, "POST", "/webhooks/paystack", body, append([]headers{signed}, more...)...)
}

// paid starts a payment and lets the gateway say it is paid.
func (e *edge) paid(t *testing.T, booking string) http.Payment {
	t.Helper()
	p := e.initiated(t, booking)
	a := e.deliver(t, successBody(t, p.Reference, p.Amount))
	require.Equal(t, 200, a.status, "%s", a.body)
	require.JSONEq(t, `{"outcome":"changed"}`, string(a.body))
	return p
}

func TestTwoHundredMeansCommittedAndADuplicateChangesNothing(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	body := successBody(t, p.Reference, p.Amount)
	const copies = 64
	outcomes := make([]answerOf, copies)
	var all sync.WaitGroup
	for i := range copies {
		all.Go(func() { outcomes[i] = e.deliver(t, body) })
	}
	all.Wait()
	changed := 0
	for _, a := range outcomes {
		require.Equal(t, 200, a.status, "%s", a.body)
		if string(a.body) == `{"outcome":"changed"}` {
			changed++
		}
	}
	require.Equal(t, 1, changed)
	require.Equal(t, "succeeded", e.do(t, "GET", "/v1/payments/"+p.ID, "").payment(t).Status)
	metrics := e.adminPage(t, "/metrics")
	require.Contains(t, metrics, `cauri_webhooks_total{gateway="paystack",result="changed"} 1`)
	require.Contains(t, metrics, `cauri_webhooks_total{gateway="paystack",result="duplicate"} 63`)
}

func TestWhatAWebhookIsAnswered(t *testing.T) {
	t.Parallel()
	orphan := engine.Reference{Transaction: engine.MustParseID("01kapw8c2vf8xtr0q6ynd9b5mh"), Kind: engine.ChargeReference, Number: 1}
	for _, c := range []struct {
		name, body string
		headers    headers
		status     int
		parked     int
		code       engine.Code
	}{
		{name: "unsigned", body: `{}`, headers: headers{signatureName: ""}, status: 401, code: engine.CodeSignatureWrong},
		{
			name: "signed by another", body: `{}`, headers: headers{signatureName: signer{"other"}.sign([]byte(`{}`))},
			status: 401, code: engine.CodeSignatureWrong,
		},
		{name: "signature of nothing", body: `{}`, headers: headers{signatureName: "zz"}, status: 401, code: engine.CodeSignatureWrong},
		{name: "compressed", body: `{}`, headers: headers{"Content-Encoding": "gzip"}, status: 415, code: "content_encoding_unsupported"},
		{name: "oversized", body: `{"padding":"` + strings.Repeat("x", 64<<10) + `"}`, status: 413, code: "body_too_large"},
		{name: "foreign reference", body: `{"event":"charge.success","reference":"order-77","amount":1}`, status: 200, parked: 1},
		{name: "unknown kind", body: `{"event":"subscription.create","reference":"` + orphan.String() + `"}`, status: 200, parked: 1},
		{name: "orphan", body: `{"event":"charge.success","reference":"` + orphan.String() + `","amount":1}`, status: 200, parked: 1},
		{name: "unreadable", body: `not json`, status: 200, parked: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			for range 2 { // said twice, it is kept once
				a := e.deliver(t, c.body, c.headers)
				require.Equal(t, c.status, a.status, "%s", a.body)
				if c.code != "" {
					require.Equal(t, c.code, a.problem(t).Code)
					require.Empty(t, a.header("Www-Authenticate"))
				}
			}
			require.Len(t, e.parked, c.parked)
			for _, n := range e.parked {
				require.NotEmpty(t, n.Identity)
				require.Equal(t, engine.Paystack, n.Gateway)
				require.Equal(t, c.body, string(n.Delivery.Body))
				require.Len(t, n.Delivery.Signature, 64)
			}
		})
	}
}

func TestWhatCannotBeCommittedNowIsA503(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]error{
		"full":      engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "full"),
		"stopping":  engine.Errorf(engine.Overloaded, engine.CodeShuttingDown, "stopping"),
		"running":   engine.Errorf(engine.Conflict, engine.CodeStillRunning, "running"),
		"no answer": fmt.Errorf("ask: %w", engine.Internal),
		"database":  engine.Errorf(engine.Internal, engine.CodeInternal, "down"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			e.gateway = onPhone
			p := e.initiated(t, "bk_1")
			e.fail(broken)
			body := successBody(t, p.Reference, p.Amount)
			a := e.deliver(t, body)
			require.Equal(t, 503, a.status, "%s", a.body)
			require.Regexp(t, `^[1-3]$`, a.header("Retry-After"))
			require.Equal(t, 503, e.deliver(t, `{"event":"x","reference":"y"}`).status, "what can't be parked is not taken either")
			e.fail(nil)
			require.JSONEq(t, `{"outcome":"changed"}`, string(e.deliver(t, body).body), "the retry is the queue")
		})
	}
}

func TestAnUnknownGatewayHasNoDoor(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, gateway := range []string{"nobody", "fedapay"} { // known to the engine and not configured is unknown too
		a := e.do(t, "POST", "/webhooks/"+gateway, `{}`)
		require.Equal(t, 404, a.status, gateway)
		require.Equal(t, engine.Code("route_unknown"), a.problem(t).Code)
	}
}

func TestTwoSignaturesAreAsWrongAsNone(t *testing.T) {
	t.Parallel()
	e := start(t)
	body := `{"event":"x","reference":"y"}`
	right := paystack.sign([]byte(body))
	request := "POST /webhooks/paystack HTTP/1.1\r\nHost: x\r\n" + signatureName + ": " + right + "\r\n" + signatureName + ": " + right +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nConnection: close\r\n\r\n" + body
	statuses, _ := e.exchange(t, request)
	require.Equal(t, []int{401}, statuses)
	require.Empty(t, e.parked)
}

func TestOnlyWhatTheParserLetsUsKeepIsStored(t *testing.T) {
	t.Parallel()
	e := start(t)
	a := e.deliver(t, `{"event":"subscription.create","reference":"y","phone":"0700000001"}`)
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Len(t, e.parked, 1)
	require.JSONEq(t, `{"event":"subscription.create","reference":"y","phone":""}`, string(e.parked[0].Delivery.Body))
}

// fasthttp reads the next request of a connection into the same buffer: a body
// that was kept without a copy would now say something else.
func TestABodyOutlivesItsBuffer(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	e.client.MaxConnsPerHost = 1
	var sent []string
	for i := range 20 {
		p := e.initiated(t, fmt.Sprintf("bk_%d", i))
		body := successBody(t, p.Reference, p.Amount)
		sent = append(sent, body)
		require.Equal(t, 200, e.deliver(t, body).status)
		poison := strings.Repeat("Z", len(body))
		require.Equal(t, 401, e.deliver(t, poison, headers{signatureName: strings.Repeat("f", 128)}).status)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	require.Len(t, e.told, len(sent))
	for i, n := range e.told {
		require.Equal(t, sent[i], string(n.Delivery.Body))
		require.Equal(t, paystack.sign([]byte(sent[i])), fmt.Sprintf("%x", n.Delivery.Signature))
		require.False(t, bytes.Contains([]byte(n.Identity), []byte("Z")))
		require.Equal(t, engine.Paystack, n.Gateway)
	}
}
