package paystack_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/gateways/paystack"
)

var refundRef = engine.Reference{Transaction: transactionID, Kind: engine.RefundReference, Number: 1}

func refundCall() engine.RefundCall {
	return engine.RefundCall{
		Reference: refundRef, Send: 1, Gateway: engine.Paystack, Charge: chargeRef, Amount: 15_000, Currency: money.XOF,
	}
}

// refundedID is Paystack's number for the charge, as the sample of verify has it.
const refundedID = 4099260516

// refundOf is a refund as an answer has it.
func refundOf(id int, status, note string) map[string]any {
	return map[string]any{
		"id": id, "domain": "test", "transaction": refundedID, "amount": 1_500_000, "currency": "XOF", "status": status, "merchant_note": note,
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
		"ours failed, people gave it": {[]any{refundOf(1, "failed", ours), refundOf(2, "processed", theirs)}, engine.RefundReportDone, 0},
		"ours failed, people try":     {[]any{refundOf(2, "pending", theirs), refundOf(1, "failed", ours)}, engine.RefundReportPending, 0},
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

// A list that showed another charge's refund must not make ours done.
func TestARefundOfAnotherChargeIsNotOurs(t *testing.T) {
	t.Parallel()
	another, unnamed := refundOf(1, "processed", "asked at the desk"), refundOf(2, "processed", "asked at the desk")
	another["transaction"] = 302961
	delete(unnamed, "transaction")
	r := answering(t, map[string]reply{
		"/transaction/verify/" + chargeRef.String(): {200, about(t, "transaction.verify.response.success", chargeRef, nil)},
		"/refund": {200, data(t, []any{another, unnamed})},
	})
	got, err := client(t, r.URL).InquireRefund(t.Context(), engine.InquireCall{Reference: refundRef, Charge: chargeRef})
	require.NoError(t, err)
	require.Equal(t, engine.RefundReport{Status: engine.RefundReportAbsent}, got)
	require.Equal(t, "transaction=4099260516&perPage=50", r.Requests()[1].Query)
}

// Known by its id, it is read there; but when that one has failed or is gone,
// people may have given the money back since, and the list knows.
func TestARefundKnownByItsIDIsReadThereFirst(t *testing.T) {
	t.Parallel()
	ours := refundRef.String()
	byHand := []any{refundOf(7, "failed", ours), refundOf(9, "processed", "asked at the desk")}
	for name, c := range map[string]struct {
		fetched reply
		listed  []any
		want    engine.RefundReport
		kind    engine.Kind
		asked   int
	}{
		"done": {
			reply{200, data(t, refundOf(7, "processed", ours))},
			nil,
			engine.RefundReport{Status: engine.RefundReportDone, Amount: 15_000, Currency: money.XOF, GatewayReference: "7", Number: 1},
			"", 1,
		},
		"failed, and given back by hand": {
			reply{200, data(t, refundOf(7, "failed", ours))},
			byHand,
			engine.RefundReport{Status: engine.RefundReportDone, Amount: 15_000, Currency: money.XOF, GatewayReference: "9"},
			"", 3,
		},
		"failed, and nothing else": {
			reply{200, data(t, refundOf(7, "failed", ours))},
			byHand[:1],
			engine.RefundReport{Status: engine.RefundReportFailed, Amount: 15_000, Currency: money.XOF, GatewayReference: "7", Number: 1},
			"", 3,
		},
		"gone": {
			reply{404, `{"status":false,"message":"Refund not found"}`}, []any{}, engine.RefundReport{Status: engine.RefundReportAbsent}, "", 3,
		},
		"another":     {reply{200, data(t, refundOf(8, "processed", ours))}, nil, engine.RefundReport{}, engine.Ambiguous, 1},
		"no answer":   {reply{500, ""}, nil, engine.RefundReport{}, engine.Ambiguous, 1},
		"gone, a 500": {reply{404, `{"status":false,"message":"Refund not found"}`}, nil, engine.RefundReport{}, engine.Ambiguous, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]reply{
				"/refund/7": c.fetched,
				"/transaction/verify/" + chargeRef.String(): {200, about(t, "transaction.verify.response.success", chargeRef, nil)},
			}
			if c.listed != nil {
				answers["/refund"] = reply{200, data(t, c.listed)}
			}
			r := answering(t, answers)
			got, err := client(t, r.URL).InquireRefund(t.Context(), engine.InquireCall{
				Reference: refundRef, Charge: chargeRef, GatewayReference: "7",
			})
			require.Equal(t, c.want, got)
			if c.kind != "" {
				require.ErrorIs(t, err, c.kind)
			} else {
				require.NoError(t, err)
			}
			require.Len(t, r.Requests(), c.asked)
		})
	}
}

func TestARefundThatIsNoneIsNeverSent(t *testing.T) {
	t.Parallel()
	r := answering(t, nil)
	for name, change := range map[string]func(*engine.RefundCall){
		"of a payout":   func(c *engine.RefundCall) { c.Charge = payoutRef },
		"of no charge":  func(c *engine.RefundCall) { c.Charge = engine.Reference{} },
		"of no name":    func(c *engine.RefundCall) { c.Reference = engine.Reference{} },
		"a charge's":    func(c *engine.RefundCall) { c.Reference = chargeRef },
		"in naira":      func(c *engine.RefundCall) { c.Currency = "NGN" },
		"in no curency": func(c *engine.RefundCall) { c.Currency = "" },
	} {
		call := refundCall()
		change(&call)
		_, err := client(t, r.URL).Refund(t.Context(), call)
		require.ErrorIs(t, err, engine.Unsupported, name)
	}
	require.Empty(t, r.Requests())
}

// What may go wrong with a charge may go wrong with a refund, and with a question
// about one: only a refusal is read otherwise.
func TestEveryShapeOfFailureOfARefundIsClassified(t *testing.T) {
	t.Parallel()
	charges := chargeShapes(t)
	require.GreaterOrEqual(t, len(charges), 40)
	for _, s := range charges {
		switch s.Name {
		case "200 without the charge's status", "200 about another charge", "404 readable":
			continue // a charge's own answers, and what is "no such refund" here
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := misbehave(t, s.Act)
			c := client(t, r.URL, func(c *paystack.Config) { c.Timeout = 300 * time.Millisecond })
			got, err := c.Refund(t.Context(), refundCall())
			require.Empty(t, got)
			switch s.Code {
			case engine.CodeGatewayDeclined, engine.CodeGatewayMisconfigured:
				require.ErrorIs(t, err, engine.Declined, "%v", err)
			case engine.CodeInsufficientFunds:
				require.ErrorIs(t, err, engine.Declined, "%v", err)
				require.Equal(t, engine.CodeFloatLow, engine.CodeOf(err), "a refund is paid out of our float")
			default:
				require.ErrorIs(t, err, s.Kind, "%v", err)
				require.Equal(t, s.Code, engine.CodeOf(err), "%v", err)
			}
			require.Len(t, r.Requests(), 1, "nothing is ever sent twice")

			for _, known := range []string{"", "7"} {
				got, err := c.InquireRefund(t.Context(), engine.InquireCall{Reference: refundRef, Charge: chargeRef, GatewayReference: known})
				require.Error(t, err)
				require.Empty(t, got, "no answer is no absence")
			}
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
		"another charge's": {
			200, data(t, map[string]any{"id": 7, "transaction": map[string]any{"reference": "ord-1"}, "amount": 1, "currency": "XOF"}),
			engine.Ambiguous, engine.CodeGatewayUnreadable,
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

// The one notice that carries the note and an id: ours when the note says so, and
// otherwise an id that would only mislead.
func TestARefundsNoticeWithItsNoteNamesOurs(t *testing.T) {
	t.Parallel()
	notice := forged.Refund("needs-attention", chargeRef.String(), 1_500_000)
	parse := func(w forge.Webhook) engine.Notification {
		d := w.Delivery()
		n, err := webhooks(t).Parse(delivered(d.Body))
		require.NoError(t, err)
		require.NotContains(t, string(n.Delivery.Body), "@")
		again, err := webhooks(t).Parse(n.Delivery)
		require.NoError(t, err)
		require.Equal(t, n, again)
		return n
	}
	theirs := parse(notice)
	require.Equal(t, engine.RefundReport{Status: engine.RefundReportAttention, Amount: 15_000, Currency: money.XOF}, *theirs.Refund)
	ours := parse(notice.With("merchant_note", "Awa "+refundRef.String()))
	require.Equal(t, 1, ours.Refund.Number)
	require.Equal(t, "123456", ours.Refund.GatewayReference)
	require.NotEqual(t, theirs.Identity, ours.Identity)
	require.Zero(t, parse(notice.With("merchant_note", "01jd3m5nq8rstvwxyz0123456m-r1")).Refund.Number, "of another payment")
	for _, status := range []string{"pending", "processing", "processed", "failed"} {
		n := parse(forged.Refund(status, chargeRef.String(), 1_500_000))
		require.False(t, n.Stale)
		require.Equal(t, chargeRef, n.Reference)
		require.Zero(t, n.Refund.Number)
		require.Empty(t, n.Refund.GatewayReference)
	}
}
