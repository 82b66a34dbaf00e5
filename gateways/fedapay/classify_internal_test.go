package fedapay

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/gateways/wire"
)

var operations = []Operation{OpCreate, OpToken, OpStart, OpFind, OpRead, OpSearch, OpCurrencies, OpWebhooks}

// FuzzClassify holds the classifier against the whitelist written down a second
// time, from the other side: what may be called not-done, and what done.
func FuzzClassify(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for i, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, status := range []int{200, 400, 404, 409, 429, 500} {
			f.Add(status, body, uint8(i))
		}
	}
	f.Add(401, []byte(nil), uint8(0))
	f.Add(400, []byte(`{"error":"no"}`), uint8(1))
	f.Add(200, []byte(`{"v1/transaction":{"amount":1,"amount":2}}`), uint8(0))
	f.Fuzz(func(t *testing.T, status int, body []byte, op uint8) {
		e := classify(operations[int(op)%len(operations)], wire.Outcome{Phase: wire.Answered, Status: status, Body: body})
		var said map[string]any
		isObject := json.Unmarshal(body, &said) == nil && said != nil
		switch {
		case e == nil:
			require.True(t, answers.Plain(body), "%s", body)
			require.True(t, isObject && status >= 200 && status <= 299, "%d %s", status, body)
		case e.Kind == engine.Ambiguous:
		case status == 401 || status == 429:
			require.Equal(t, engine.Unavailable, e.Kind)
		default:
			require.Equal(t, engine.Unavailable, e.Kind, "FedaPay's words decline nobody")
			require.Contains(t, []int{400, 403, 404, 422}, status)
			require.True(t, isObject, "%s", body)
		}
	})
}

func TestOnlyUnsentCallsAndListedAnswersAreUnavailable(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		for status := 100; status <= 599; status++ {
			e := classify(op, wire.Outcome{Phase: wire.Answered, Status: status, Body: []byte(`{"message":"no"}`)})
			switch {
			case status >= 200 && status <= 299:
				require.Nil(t, e, "what a success says is read elsewhere")
			case status == 400 || status == 401 || status == 403 || status == 404 || status == 422 || status == 429:
				require.Equal(t, engine.Unavailable, e.Kind, "%s %d", op, status)
			default:
				require.Equal(t, engine.Ambiguous, e.Kind, "%s %d", op, status)
			}
		}
		require.Equal(t, engine.Unavailable, classify(op, wire.Outcome{Phase: wire.NotSent}).Kind)
		require.Equal(t, engine.Ambiguous, classify(op, wire.Outcome{Phase: wire.Sent}).Kind)
	}
}

// What is read and not listed would be read whichever way it comes.
func TestEveryMemberThatIsReadIsListed(t *testing.T) {
	t.Parallel()
	for _, read := range []any{transaction{}, token{}, intent{}, hook{}, currency{}} {
		require.Empty(t, gatewaytest.Unlisted(read, answers), "%T, bare", read)
	}
	for _, wrapper := range []string{"v1/transaction", "v1/transactions", "v1/payment_intent", "v1/currencies", "v1/webhooks"} {
		for _, read := range []any{transaction{}, intent{}, hook{}, currency{}} {
			require.Empty(t, gatewaytest.Unlisted(read, answers[wrapper]), "%T", read)
		}
	}
	require.Empty(t, gatewaytest.Unlisted(metadata{}, answers["custom_metadata"]))
	require.Empty(t, gatewaytest.Unlisted(event{}, redaction.Kept))
	kept := []string{"payment_token", "payment_url", "currency.modes"} // ways to pay, and a list: no webhook tells them
	require.Subset(t, kept, gatewaytest.Unlisted(transaction{}, redaction.Kept["entity"]))
}
