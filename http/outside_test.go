package http_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/http"
)

func TestACardNeedsNoOperatorAndIsPaidOnAPage(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = wantsOTP
	card := map[string]any{"method": "card", "operator": nil, "phone": nil}
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, card), key("k-1"))
	require.Equal(t, 202, a.status, "%s", a.body)
	p := a.payment(t)
	require.Equal(t, engine.Card, p.Method)
	require.Equal(t, engine.NextRedirect, p.NextAction.Type)
	require.Equal(t, "https://process.fedapay.com/t/1", p.NextAction.RedirectURL)
	require.NotContains(t, string(a.body), `"operator"`)
	require.NotContains(t, string(a.body), `"phone"`)
	require.Len(t, p.Attempts, 1)
	require.Equal(t, engine.Paystack, p.Attempts[0].Gateway)
	require.Equal(t, engine.Hosted, p.Attempts[0].Flow)
}

func TestEachMethodSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, c := range map[string]struct {
		fields map[string]any
		field  string
		code   engine.Code
	}{
		"a card with an operator":   {map[string]any{"method": "card", "phone": nil}, "body.operator", engine.CodeOperatorMismatch},
		"a card with a wrong phone": {map[string]any{"method": "card", "operator": nil, "phone": "12"}, "body.phone", engine.CodePhoneMalformed},
		"a wallet without operator": {map[string]any{"operator": nil}, "body.operator", "field_missing"},
		"a wallet without phone":    {map[string]any{"phone": nil}, "body.phone", "field_missing"},
		"neither wallet nor card":   {map[string]any{"method": "cash"}, "body.method", engine.CodeMethodUnsupported},
		"a field of a card":         {map[string]any{"method": "card", "operator": nil, "card": "x"}, "body", "field_unknown"},
	} {
		a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, c.fields), key(name[:1]+strconv.Itoa(len(name))))
		require.Equal(t, 422, a.status, "%s: %s", name, a.body)
		p := a.problem(t)
		require.Equal(t, c.code, p.Code, name)
		require.Len(t, p.Errors, 1, name)
		require.Equal(t, c.field, p.Errors[0].Field, name)
	}
	require.Empty(t, e.all())
}

func TestAnOperatorNobodyServesNamesThoseThatWorkNow(t *testing.T) {
	t.Parallel()
	e := start(t, withoutMoov)
	e.looks(engine.Health{Down: []phone.Operator{phone.Wave}})
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"operator": "moov", "phone": "0100000001"}), key("k"))
	require.Equal(t, 422, a.status)
	p := a.problem(t)
	require.Equal(t, engine.CodeOperatorUnavailable, p.Code)
	require.Equal(t, "Moov Money n’est pas disponible pour le moment. Vous pouvez utiliser Orange Money, MTN MoMo ou une carte bancaire.",
		p.DisplayText)
	require.False(t, p.Retryable)
}

func TestWhenEveryGatewayRestsThePayerIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.looks(engine.Health{Resting: []engine.Gateway{engine.Paystack}},
		http.Breaker{Gateway: engine.Paystack, Class: "verify", State: "open", RetryAfterMS: 1000},
		http.Breaker{Gateway: engine.Paystack, Class: "collect", State: "open", RetryAfterMS: 17_300},
		http.Breaker{Gateway: engine.FedaPay, Class: "collect", State: "open", RetryAfterMS: 2000})
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"))
	require.Equal(t, 503, a.status)
	p := a.problem(t)
	require.Equal(t, engine.CodeGatewaysResting, p.Code)
	require.True(t, p.Retryable)
	require.Contains(t, p.DisplayText, "Orange Money est injoignable")
	require.Contains(t, p.DisplayText, "MTN MoMo") // through FedaPay
	seconds, err := strconv.Atoi(a.header("Retry-After"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, seconds, 19, "what is left of Paystack's wait, rounded up, and at least one")
	require.LessOrEqual(t, seconds, 21)
	require.Empty(t, e.all(), "nothing has failed, so nothing is stored")

	e.looks(engine.Health{})
	e.gateway = onPhone
	again := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"))
	require.Equal(t, 202, again.status, "the same key, later")
}

func TestAnOperatorThatIsDownIsNamedAndSoAreTheOthers(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.looks(engine.Health{Down: []phone.Operator{phone.Orange}})
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"))
	require.Equal(t, 503, a.status)
	p := a.problem(t)
	require.Equal(t, engine.CodeOperatorDown, p.Code)
	require.Contains(t, p.DisplayText, "Orange Money est en panne")
	require.Contains(t, p.DisplayText, "Wave")
	require.NotContains(t, p.DisplayText, "utiliser Orange")
	seconds, err := strconv.Atoi(a.header("Retry-After"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, seconds, 90, "as long as it is left alone")
}

func TestAPhoneThatIsBeingAskedPointsToThePaymentThatAsks(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.prompt = engine.MustParseID("01kapw8c2vf8xtr0q6ynd9b5mh")
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"))
	require.Equal(t, 409, a.status)
	p := a.problem(t)
	require.Equal(t, engine.CodePromptOpen, p.Code)
	require.Equal(t, "pay_01kapw8c2vf8xtr0q6ynd9b5mh", p.PaymentID)
}

func TestACancelledPaymentFreesItsBookingAndWhatItTakesIsOwedBack(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	require.Equal(t, 400, e.do(t, "POST", "/v1/payments/"+p.ID+"/cancel", "").status, "every money POST has a key")
	a := e.do(t, "POST", "/v1/payments/"+p.ID+"/cancel", "", key("c"))
	require.Equal(t, 200, a.status, "%s", a.body)
	cancelled := a.payment(t)
	require.Equal(t, "cancelled", cancelled.Status)
	require.Equal(t, "payment_cancelled", cancelled.Code)
	require.Contains(t, cancelled.DisplayText, "annulé")
	require.Equal(t, engine.NextNone, cancelled.NextAction.Type)
	require.Zero(t, cancelled.PollAfterMS)
	again := e.do(t, "POST", "/v1/payments/"+p.ID+"/cancel", "{}", key("c"))
	require.Equal(t, a.body, again.body)
	require.Equal(t, "true", again.header("Idempotent-Replayed"))
	require.Equal(t, 200, e.do(t, "POST", "/v1/payments/"+p.ID+"/cancel", "", key("other")).status, "said twice, it is as cancelled")

	other := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("another-way"))
	require.Equal(t, 202, other.status, "%s", other.body)

	require.Equal(t, 200, e.deliver(t, successBody(t, p.Reference, p.Amount)).status)
	late := e.do(t, "GET", "/v1/payments/"+p.ID, "").payment(t)
	require.Equal(t, "cancelled", late.Status)
	require.EqualValues(t, 15000, late.RefundDue)
	require.Contains(t, late.DisplayText, "remboursé")
	require.Len(t, late.Refunds, 1)
	require.Equal(t, http.Refund{
		Reference: p.ID[len("pay_"):] + "-r1", Of: p.Reference, Gateway: engine.Paystack, Cause: engine.RefundSurplus, Amount: 15000,
		Status: engine.RefundIsSending, OwedAt: late.Refunds[0].OwedAt,
	}, late.Refunds[0])
	require.Equal(t, engine.Surplus, late.Attempts[0].Disposition)
}

func TestAPaidPaymentIsNotCancelled(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.paid(t, "bk_1")
	a := e.do(t, "POST", "/v1/payments/"+p.ID+"/cancel", "", key("c"))
	require.Equal(t, 409, a.status)
	require.Equal(t, engine.CodeMoveIllegal, a.problem(t).Code)
}

// Nobody could take it: it fails by itself, and says what works.
func TestAPaymentThatEndsBecauseOfItsOperatorNamesTheOthers(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = func(effect engine.Effect) engine.Command {
		e.looks(engine.Health{Down: []phone.Operator{phone.Orange}})
		return engine.RecordChargeAnswer{Attempt: effect.Subject().Number, Report: engine.ChargeReport{
			Status: engine.ChargeFailed, Code: engine.CodeOperatorFailed, Text: "Upstream error",
		}}
	}
	p := e.initiated(t, "bk_1")
	require.Equal(t, "failed", p.Status)
	require.Equal(t, "operator_down", p.Code)
	require.Contains(t, p.DisplayText, "Orange Money est en panne")
	require.Contains(t, p.DisplayText, "Wave")
}
