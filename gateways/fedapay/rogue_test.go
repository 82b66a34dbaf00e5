package fedapay_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/internal/secret"
)

const testKey = "sk_sandbox_fixture"

// transactionID is the one all calls of these tests are about.
var transactionID = engine.MustParseID("01jd3m5nq8rstvwxyz0123456k")

var chargeRef = engine.Reference{Transaction: transactionID, Kind: engine.ChargeReference, Number: 1}

// The paths of a charge and its inquiry. The samples' transaction is 235879.
const (
	createPath     = "/v1/transactions"
	tokenPath      = "/v1/transactions/235879/token"
	startPath      = "/v1/mtn_ci"
	readPath       = "/v1/transactions/235879"
	findPath       = "/v1/transactions/merchant/01jd3m5nq8rstvwxyz0123456k-c1"
	searchPath     = "/v1/transactions/search"
	currenciesPath = "/v1/currencies"
)

// pageURL is where the samples' payer is sent.
const pageURL = "https://sandbox-process.fedapay.com/PAYMENT_TOKEN_EXAMPLE"

func chargeCall() engine.ChargeCall {
	return engine.ChargeCall{
		Reference: chargeRef, Gateway: engine.FedaPay, Flow: engine.Direct, Method: engine.MobileMoney, Amount: 15_000,
		Currency: money.XOF,
		Payer:    engine.Payer{Operator: phone.MTN, Phone: phone.MustParse("0500000000"), Email: "payer@example.com"},
		Booking:  "booking-42",
	}
}

// pageCall is of a payer whose operator has no direct mode.
func pageCall() engine.ChargeCall {
	call := chargeCall()
	call.Flow, call.Payer.Operator, call.Payer.Phone = engine.Hosted, phone.Moov, phone.MustParse("0100000000")
	return call
}

const hour = time.Hour

// secure is a well-behaved server behind TLS.
type secure struct {
	URL   string
	Roots *x509.CertPool
}

func secured(t testing.TB, answers map[string]reply) secure {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[r.URL.Path]
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return secure{server.URL, roots}
}

// What a server of raw TCP does to us: gatewaytest has it.
type (
	seen  = gatewaytest.Seen
	rogue = gatewaytest.Rogue
)

var (
	misbehave = gatewaytest.Misbehave
	answer    = gatewaytest.Answer
)

type reply struct {
	status int
	body   string
}

// answering is a rogue that answers every path with what the map has for it, and
// otherwise as FedaPay does: with 404.
func answering(t testing.TB, answers map[string]reply) *rogue {
	t.Helper()
	return misbehave(t, func(conn net.Conn, got seen) {
		a, known := answers[got.Path]
		if !known {
			a = reply{404, `{"message":"Page introuvable"}`}
		}
		answer(conn, a.status, a.body)
	})
}

// accepting answers a charge all the way, with the changes given.
func accepting(t testing.TB, changes map[string]reply) map[string]reply {
	t.Helper()
	answers := map[string]reply{
		createPath: {200, about(t, "transaction_create.response", nil)},
		tokenPath:  {200, sample(t, "transaction_token.response")},
		startPath:  {200, sample(t, "direct_payment.response")},
		searchPath: {200, sample(t, "transactions_search.response")},
	}
	for path, change := range changes {
		answers[path] = change
	}
	return answers
}

// client makes a client of a rogue; change may alter its configuration.
func client(t testing.TB, url string, change ...func(*fedapay.Config)) *fedapay.Client {
	t.Helper()
	config := fedapay.Config{Key: secret.New(testKey), BaseURL: url, Timeout: 5 * time.Second}
	for _, c := range change {
		c(&config)
	}
	made, err := fedapay.New(config)
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

// about reads a sample answer and makes it speak of our reference, of a direct
// charge unless the fields given say otherwise.
func about(t testing.TB, name string, fields map[string]any) string {
	t.Helper()
	return speaking(t, name, "v1/transaction", fields)
}

// told is about, for a webhook.
func told(t testing.TB, name string, fields map[string]any) string {
	t.Helper()
	return speaking(t, name, "entity", fields)
}

func speaking(t testing.TB, name, wrapper string, fields map[string]any) string {
	t.Helper()
	var whole map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(sample(t, name))))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&whole))
	object, is := whole[wrapper].(map[string]any)
	require.True(t, is)
	object["merchant_reference"], object["custom_metadata"] = chargeRef.String(), direct
	for field, value := range fields {
		object[field] = value
	}
	out, err := json.Marshal(whole)
	require.NoError(t, err)
	return string(out)
}

// What we hang on a transaction.
var (
	direct = map[string]any{"payment_id": "pay_01jd3m5nq8rstvwxyz0123456k", "attempt": 1, "flow": "direct:mtn_ci"}
	paged  = map[string]any{"payment_id": "pay_01jd3m5nq8rstvwxyz0123456k", "attempt": 1, "flow": "page"}
)
