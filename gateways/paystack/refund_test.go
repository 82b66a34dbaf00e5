package paystack_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/paystack"
)

var refundRef = engine.Reference{Transaction: transactionID, Kind: engine.RefundReference, Number: 1}

func refundCall() engine.RefundCall {
	return engine.RefundCall{
		Reference: refundRef, Send: 1, Gateway: engine.Paystack, Charge: chargeRef, Amount: 15_000, Currency: money.XOF,
	}
}

// refundOf is a refund as an answer has it.
func refundOf(id int, status, note string) map[string]any {
	return map[string]any{
		"id": id, "domain": "test", "transaction": 302961, "amount": 1_500_000, "currency": "XOF", "status": status, "merchant_note": note,
	}
}

func data(t *testing.T, of any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"status": true, "message": "Refunds retrieved", "data": of})
	require.NoError(t, err)
	return string(body)
}

// A refund without an amount is a full one, which is refused the second time; the
// note is where our number stands.
func TestARefundIsAskedInFullUnderOurNumber(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/refund": {200, data(t, refundOf(7, "pending", refundRef.String()))}})
	got, err := client(t, r.URL).Refund(t.Context(), refundCall())
	require.NoError(t, err)
	require.Equal(t, engine.RefundReport{
		Status: engine.RefundReportPending, Amount: 15_000, Currency: money.XOF, GatewayReference: "7", Number: 1,
	}, got)
	require.JSONEq(t, `{"transaction":"`+chargeRef.String()+`","currency":"XOF","merchant_note":"`+refundRef.String()+`"}`,
		string(r.Requests()[0].Body))
}

func TestTheRefundOfACaptureIsFoundAmongOthers(t *testing.T) {
	t.Parallel()
	ours, tenth, theirs := refundRef.String(), refundRef.String()+"0", "asked at the desk"
	for name, c := range map[string]struct {
		rows   []any
		status engine.RefundReportStatus
		number int
	}{
		"none":                        {nil, engine.RefundReportAbsent, 0},
		"ours":                        {[]any{refundOf(1, "pending", ours)}, engine.RefundReportPending, 1},
		"ours in words":               {[]any{refundOf(1, "processed", "refund "+ours+" of BookMi")}, engine.RefundReportDone, 1},
		"done before still going on":  {[]any{refundOf(1, "pending", ours), refundOf(2, "processed", ours)}, engine.RefundReportDone, 1},
		"ours failed":                 {[]any{refundOf(1, "failed", ours)}, engine.RefundReportFailed, 1},
		"wants people":                {[]any{refundOf(1, "needs-attention", ours)}, engine.RefundReportAttention, 1},
		"r10 is not r1":               {[]any{refundOf(1, "pending", tenth)}, engine.RefundReportPending, 0},
		"somebody else's":             {[]any{refundOf(1, "processed", theirs)}, engine.RefundReportDone, 0},
		"somebody else's, and failed": {[]any{refundOf(1, "failed", theirs)}, engine.RefundReportAbsent, 0},
		"ours before somebody else's": {[]any{refundOf(1, "processed", theirs), refundOf(2, "pending", ours)}, engine.RefundReportPending, 1},
		"a new word":                  {[]any{refundOf(1, "reviewing", ours)}, engine.RefundReportPending, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := c.rows
			if rows == nil {
				rows = []any{}
			}
			r := answering(t, map[string]reply{
				"/transaction/verify/" + chargeRef.String(): {200, about(t, "transaction.verify.response.success", chargeRef, nil)},
				"/refund": {200, data(t, rows)},
			})
			got, err := client(t, r.URL).InquireRefund(t.Context(), engine.InquireCall{Reference: refundRef, Charge: chargeRef})
			require.NoError(t, err)
			require.Equal(t, c.status, got.Status)
			require.Equal(t, c.number, got.Number)
		})
	}
}

func TestARefundsRefusalIsReadByItsWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		kind   engine.Kind
		code   engine.Code
	}{
		"given back already": {400, sample(t, "error.refund.already_reversed.400"), engine.Ambiguous, engine.CodeDuplicateReference},
		"the float is low": {
			400, `{"status":false,"message":"Your balance is not enough to fulfil this request"}`, engine.Declined, engine.CodeFloatLow,
		},
		"in the wrong state": {422, sample(t, "error.refund.retry_bad_state.422"), engine.Declined, engine.CodeGatewayDeclined},
		"nothing like it":    {404, `{"status":false,"message":"Transaction not found"}`, engine.Declined, engine.CodeGatewayDeclined},
		"an outage":          {500, sample(t, "error.server.500"), engine.Ambiguous, engine.CodeGatewayServerError},
		"a limit":            {429, sample(t, "error.rate_limited.429"), engine.Unavailable, engine.CodeGatewayRateLimited},
		"a wrong key":        {401, sample(t, "error.invalid_key.401"), engine.Unavailable, engine.CodeGatewayUnauthorized},
		"no amount": {
			200, data(t, map[string]any{"id": 7, "status": "pending", "currency": "XOF"}), engine.Ambiguous, engine.CodeGatewayUnreadable,
		},
		"no id": {200, data(t, map[string]any{"amount": 1, "currency": "XOF"}), engine.Ambiguous, engine.CodeGatewayUnreadable},
	} {
		r := answering(t, map[string]reply{"/refund": {c.status, c.body}})
		_, err := client(t, r.URL).Refund(t.Context(), refundCall())
		require.ErrorIs(t, err, c.kind, "%s: %v", name, err)
		require.Equal(t, c.code, engine.CodeOf(err), name)
	}
}

func TestARefundsNoticeNamesTheChargeAndNoRefund(t *testing.T) {
	t.Parallel()
	event := func(kind, status string, amount any) engine.Notification {
		n, err := webhooks(t).Parse(delivered(forged.Event(kind, map[string]any{
			"status": status, "transaction_reference": chargeRef.String(), "refund_reference": nil, "amount": amount, "processor": "mpgs_zen",
			"customer": map[string]any{"email": "payer@example.com"}, "integration": 1,
		}).Delivery().Body))
		require.NoError(t, err)
		require.NotContains(t, string(n.Delivery.Body), "payer@example.com")
		again, err := webhooks(t).Parse(n.Delivery)
		require.NoError(t, err)
		require.Equal(t, n, again)
		return n
	}
	n := event("refund.processed", "processed", "1500000")
	require.Equal(t, chargeRef, n.Reference)
	require.Equal(t, engine.RefundReport{Status: engine.RefundReportDone, Amount: 15_000, Currency: money.XOF}, *n.Refund)
	require.False(t, n.Stale)
	require.NotEqual(t, n.Identity, event("refund.processed", "processed", 700_000).Identity, "two partial ones are two")
	require.NotEqual(t, n.Identity, event("refund.pending", "pending", "1500000").Identity)
	require.True(t, event("refund.processed", "failed", "1500000").Stale, "a kind its status contradicts is only a reason to ask")
	require.True(t, event("refund.processed", "processed", nil).Stale, "a success without its figure is none")
	inexact := event("refund.processed", "processed", 1_500_050)
	require.True(t, inexact.Refund.Inexact)
}

func TestAProbeIsNilOnlyWhenPaystackTakesUs(t *testing.T) {
	t.Parallel()
	one := `{"status":true,"message":"Banks retrieved","data":[{"name":"Orange Côte d'Ivoire","code":"ORANGE_CI","active":true}]}`
	for name, c := range map[string]struct {
		act  func() *rogue
		kind engine.Kind
	}{
		"there":     {func() *rogue { return answering(t, map[string]reply{"/bank": {200, one}}) }, ""},
		"wrong key": {func() *rogue { return answering(t, map[string]reply{"/bank": {401, ""}}) }, engine.Unavailable},
		"broken":    {func() *rogue { return answering(t, nil) }, engine.Ambiguous},
		"silent":    {func() *rogue { return misbehave(t, hangs) }, engine.Ambiguous},
	} {
		err := client(t, c.act().URL, func(c *paystack.Config) { c.Timeout = 300 * time.Millisecond }).Probe(t.Context())
		if c.kind == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, c.kind, name)
	}
	r := answering(t, map[string]reply{"/bank": {200, one}})
	missing, err := client(t, r.URL).Offers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{
		"Paystack does not list MTN_CI: payouts to MTN MoMo will be refused", "Paystack does not list WAVE_CI: payouts to Wave will be refused",
	}, missing)
}

func TestAnOperatorsOwnFailureIsKnownByConfiguredWordsOnly(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pending", chargeRef, map[string]any{
		"status": "failed", "message": "Operator is currently unavailable",
	})}})
	got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Equal(t, engine.CodeGatewayDeclined, got.Code, "nobody told us what those words mean")
	told := client(t, r.URL, func(c *paystack.Config) { c.OperatorFailures = []string{"Operator is currently"} })
	got, err = told.Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Equal(t, engine.CodeOperatorFailed, got.Code)
}

// A list of what may stay forgets nobody: what Paystack adds tomorrow is left out.
func TestNothingAboutPeopleOrCardsIsKeptOfAWebhook(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"webhook.charge.success.card", "webhook.charge.success.mobile_money_ghs", "webhook.transfer.success", "webhook.refund.processed",
	} {
		body := []byte(sample(t, name))
		kept := string(paystack.Redact(body))
		for _, secretive := range []string{
			"@", "last4", "bin", "authorization", "customer", "account_number", "account_name", "ip_address", "phone", "first_name", "log",
		} {
			require.NotContains(t, kept, secretive, name)
		}
		require.Contains(t, kept, `"status"`, name)
		require.Equal(t, kept, string(paystack.Redact([]byte(kept))), name)
	}
	require.Equal(t, `{"data":{"message":"sent to **********"},"event":"x"}`,
		string(paystack.Redact([]byte(`{"event":"x","data":{"message":"sent to 0700000000","new":{"phone":"0700000000"},"history":[1]}}`))))
	require.Nil(t, paystack.Redact([]byte(`{"event":`)))
}
