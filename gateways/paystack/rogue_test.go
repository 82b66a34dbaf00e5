package paystack_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
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

// What a server of raw TCP does to us: gatewaytest has it.
type (
	seen  = gatewaytest.Seen
	rogue = gatewaytest.Rogue
)

var (
	misbehave = gatewaytest.Misbehave
	answer    = gatewaytest.Answer
)

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
