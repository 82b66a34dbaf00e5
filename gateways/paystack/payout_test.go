package paystack_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// transferAnswer is POST /transfer's answer about our payout.
func transferAnswer(t *testing.T, fields map[string]any) reply {
	t.Helper()
	all := map[string]any{"amount": 1_275_000}
	for k, v := range fields {
		all[k] = v
	}
	return reply{200, about(t, "constructed.transfer.initiate.response.xof_pending", payoutRef, all)}
}

func TestAPayoutMakesItsRecipientOnceAndThenTheTransfer(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{
		"/transferrecipient": {201, sample(t, "constructed.transferrecipient.create.response.orange_ci")},
		"/transfer":          transferAnswer(t, nil),
	})
	c := client(t, r.URL)
	call := payoutCall()
	got, err := c.Payout(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.PayoutReport{
		Status: engine.PayoutReportPending, Amount: 12_750, Currency: "XOF", GatewayReference: "TRF_constructed0001",
		Recipient: "RCP_constructed0001",
	}, got)
	requests := r.Requests()
	require.Len(t, requests, 2)
	require.JSONEq(t, `{"type":"mobile_money","name":"Awa Kouassi","account_number":"0700000000","bank_code":"ORANGE_CI",
		"currency":"XOF","metadata":{"talent_id":"talent-7"}}`, string(requests[0].Body))
	require.JSONEq(t, `{"source":"balance","amount":1275000,"currency":"XOF","recipient":"RCP_constructed0001",
		"reference":"01jd3m5nq8rstvwxyz0123456k-p1","reason":"booking-42"}`, string(requests[1].Body))

	call.Recipient = got.Recipient
	again, err := c.Payout(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, got, again)
	require.Len(t, r.Requests(), 3, "a recipient that is known is not made again")
}

func TestTheRecipientIsLearntEvenWhenTheTransferIsLost(t *testing.T) {
	t.Parallel()
	r := misbehave(t, func(conn net.Conn, got seen) {
		if got.Path == "/transferrecipient" {
			answer(conn, 201, sample(t, "constructed.transferrecipient.create.response.orange_ci"))
		}
	})
	got, err := client(t, r.URL).Payout(t.Context(), payoutCall())
	require.ErrorIs(t, err, engine.Ambiguous)
	require.Equal(t, engine.PayoutReport{Recipient: "RCP_constructed0001"}, got)
}

func TestNoTransferIsSentWhenItsRecipientFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply
		kind engine.Kind
		code engine.Code
	}{
		"down":               {reply{503, ""}, una, engine.CodeGatewayServerError},
		"junk":               {reply{200, "<html>"}, una, engine.CodeGatewayUnreadable},
		"without a code":     {reply{200, `{"status":true,"message":"ok","data":{"id":1}}`}, una, engine.CodeGatewayUnreadable},
		"a bad account":      {reply{400, `{"status":false,"message":"Account number is invalid"}`}, dec, engine.CodeWalletRejected},
		"a bad bank code":    {reply{400, `{"status":false,"message":"Bank code is invalid"}`}, dec, engine.CodeGatewayMisconfigured},
		"some other refusal": {reply{400, `{"status":false,"message":"Not today"}`}, una, engine.CodeGatewayDeclined},
	} {
		r := answering(t, map[string]reply{"/transferrecipient": c.reply})
		got, err := client(t, r.URL).Payout(t.Context(), payoutCall())
		require.ErrorIs(t, err, c.kind, name)
		require.Equal(t, c.code, engine.CodeOf(err), name)
		require.Empty(t, got, name)
		require.Len(t, r.Requests(), 1, name)
	}
}

func TestATransferThatWantsACodeIsPendingAndAnAlarm(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/transfer": transferAnswer(t, map[string]any{"status": "otp"})})
	call := payoutCall()
	call.Recipient = "RCP_known"
	got, err := client(t, r.URL).Payout(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.PayoutReportPending, got.Status)
	require.Equal(t, engine.CodeGatewayMisconfigured, got.Code)
}

func TestATransfersAnswerIsAboutItOrUnreadable(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string]map[string]any{
		"another reference": {"reference": "acv_9ee55786-2323-4760-98e2-6380c9cb3f68"},
		"no amount":         {"amount": nil},
		"no currency":       {"currency": nil},
		"no domain":         {"domain": nil},
	} {
		r := answering(t, map[string]reply{"/transfer": transferAnswer(t, fields)})
		call := payoutCall()
		call.Recipient = "RCP_known"
		got, err := client(t, r.URL).Payout(t.Context(), call)
		require.ErrorIs(t, err, engine.Ambiguous, name)
		require.Equal(t, engine.PayoutReport{Recipient: "RCP_known"}, got, name)
	}
}

func TestAPayoutPaystackCannotMakeIsNeverSent(t *testing.T) {
	t.Parallel()
	r := answering(t, nil)
	for name, change := range map[string]func(*engine.PayoutCall){
		"Moov":            func(c *engine.PayoutCall) { c.Wallet.Operator = phone.Moov },
		"naira":           func(c *engine.PayoutCall) { c.Currency = "NGN" },
		"too much":        func(c *engine.PayoutCall) { c.Amount = 1 << 62 },
		"no reference":    func(c *engine.PayoutCall) { c.Reference = engine.Reference{} },
		"a charge's name": func(c *engine.PayoutCall) { c.Reference = chargeRef },
	} {
		call := payoutCall()
		change(&call)
		_, err := client(t, r.URL).Payout(t.Context(), call)
		require.ErrorIs(t, err, engine.Unsupported, name)
	}
	require.Empty(t, r.Requests())
}
