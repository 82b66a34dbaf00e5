package paystack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/gateways/wire"
)

var operations = []Operation{
	OpCharge, OpSubmitOTP, OpVerify, OpCheck, OpRecipient, OpTransfer, OpVerifyTransfer, OpInitialize, OpRefund, OpReadRefund,
	OpListRefunds, OpBanks,
}

// FuzzClassify holds the classifier against the whitelist written down a second
// time, from the other side: what may be called not-done, and what done.
func FuzzClassify(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for i, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, status := range []int{200, 400, 404, 429, 500} {
			f.Add(status, body, uint8(i))
		}
	}
	f.Add(401, []byte(nil), uint8(0))
	f.Add(400, []byte(`{"status":"false","message":"no","Status":true}`), uint8(1))
	f.Add(400, []byte(`{"status":true,"status":false,"message":"no"}`), uint8(0))
	f.Add(200, []byte(`{"status":false,"status":true,"message":"yes","data":{"amount":1,"amount":2}}`), uint8(2))
	f.Fuzz(func(t *testing.T, status int, body []byte, op uint8) {
		operation := operations[int(op)%len(operations)]
		e := classify(operation, wire.Outcome{Phase: wire.Answered, Status: status, Body: body}, OTPAsksAgain)
		var said struct{ Status, Message, Code, Type any }
		isJSON := json.Unmarshal(body, &said) == nil
		switch {
		case e == nil:
			require.True(t, answers.Plain(body), "%s", body)
			require.True(t, isJSON && status >= 200 && status <= 299 && (said.Status == true || said.Status == "true"), "%d %s", status, body)
		case e.Kind == engine.Ambiguous:
		case status == 401 || status == 429:
			require.Equal(t, engine.Unavailable, e.Kind)
		default:
			message, _ := said.Message.(string)
			require.True(t, slices.Contains([]int{400, 404, 422}, status) || (status == 403 && operation == OpBanks), "%s %d", operation, status)
			require.True(t, isJSON && (said.Status == false || said.Status == "false") && message != "", "%s", body)
			require.True(t, said.Type != "processor_error" && said.Code != "unknown" && said.Code != "duplicate_transfer_reference", "%s", body)
			require.NotContains(t, strings.ToLower(message), "duplicate transaction reference")
			require.NotContains(t, strings.ToLower(message), "reference already exists")
			if e.Kind == engine.Declined {
				require.Contains(t, []Operation{OpCharge, OpSubmitOTP, OpRecipient, OpTransfer, OpRefund}, operation, "a question is not declined")
			} else {
				require.Equal(t, engine.Unavailable, e.Kind)
			}
		}
	})
}

func TestOnlyUnsentCallsAndListedAnswersAreUnavailable(t *testing.T) {
	t.Parallel()
	plainNo := []byte(`{"status":false,"message":"no"}`)
	for _, op := range operations {
		for status := 100; status <= 599; status++ {
			e := classify(op, wire.Outcome{Phase: wire.Answered, Status: status, Body: plainNo}, OTPAsksAgain)
			require.NotNil(t, e)
			switch {
			case status == 400 || status == 404 || status == 422:
				require.NotEqual(t, engine.Ambiguous, e.Kind, "%s %d", op, status)
			case status == 401 || status == 429, status == 403 && op == OpBanks:
				require.Equal(t, engine.Unavailable, e.Kind, "%s %d", op, status)
			default:
				require.Equal(t, engine.Ambiguous, e.Kind, "%s %d", op, status)
			}
		}
		require.Equal(t, engine.Unavailable, classify(op, wire.Outcome{Phase: wire.NotSent}, OTPAsksAgain).Kind)
		require.Equal(t, engine.Ambiguous, classify(op, wire.Outcome{Phase: wire.Sent}, OTPAsksAgain).Kind)
	}
}

// What is read and not listed would be read whichever way it comes.
func TestEveryMemberThatIsReadIsListed(t *testing.T) {
	t.Parallel()
	require.Empty(t, gatewaytest.Unlisted(envelope{}, answers))
	for _, read := range []any{transaction{}, transfer{}, refundRow{}, recipient{}, initialized{}, bank{}} {
		require.Empty(t, gatewaytest.Unlisted(read, answers["data"]), "%T", read)
	}
	require.Empty(t, gatewaytest.Unlisted(event{}, redaction.Kept))
	for _, read := range []any{transaction{}, transfer{}, refundEvent{}, other{}} { // what a prompt has, no webhook tells
		require.Subset(t, []string{"display_text", "url"}, gatewaytest.Unlisted(read, redaction.Kept["data"]), "%T", read)
	}
}
