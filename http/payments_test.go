package http_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func TestInitiateAnswersWithTheGatewaysInstruction(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = wantsOTP
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"delivery_due_at": "2026-02-01T20:00:00Z"}), key("k-1"))
	require.Equal(t, 202, a.status, "%s", a.body)
	require.Empty(t, a.header("Idempotent-Replayed"))
	p := a.payment(t)
	require.Regexp(t, `^pay_[0-9a-z]{26}$`, p.ID)
	require.Equal(t, "processing", p.Status)
	require.EqualValues(t, 15000, p.Amount)
	require.Equal(t, "XOF", p.Currency)
	require.Equal(t, p.ID[len("pay_"):]+"-c1", p.Reference)
	require.Equal(t, "Composez #144*82# puis saisissez le code", p.DisplayText)
	require.Equal(t, engine.NextOTP, p.NextAction.Type)
	require.NotNil(t, p.NextAction.ExpiresAt)
	require.Equal(t, 3000, p.PollAfterMS)
	require.Equal(t, "+225 07****01", p.Phone)
	require.NotContains(t, string(a.body), "null")
}

func TestASilentGatewayStillGetsThePayerAnAnswer(t *testing.T) {
	t.Parallel()
	e := start(t)
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k-1"), headers{"Prefer": "wait=0"})
	require.Equal(t, 202, a.status, "%s", a.body)
	p := a.payment(t)
	require.Equal(t, "initiated", p.Status)
	require.Equal(t, engine.NextNone, p.NextAction.Type)
	require.Equal(t, 1000, p.PollAfterMS)
	require.Contains(t, p.DisplayText, "Patientez")
}

func TestARedirectCarriesItsAddress(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = func(effect engine.Effect) engine.Command {
		return engine.RecordChargeAnswer{Attempt: effect.Subject().Number, Report: engine.ChargeReport{
			Status: engine.ChargeRedirects, URL: "https://pay.wave.com/c/1",
		}}
	}
	p := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"operator": "wave"}), key("k-1")).payment(t)
	require.Equal(t, engine.NextRedirect, p.NextAction.Type)
	require.Equal(t, "https://pay.wave.com/c/1", p.NextAction.RedirectURL)
}

func TestAWrongCodeAsksAgainAndDoesNotFailThePayment(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = wantsOTP
	p := e.initiated(t, "bk_1")
	otp := func(k, code string) answerOf {
		return e.do(t, "POST", "/v1/payments/submit_otp", `{"payment_id":"`+p.ID+`","otp":"`+code+`"}`, key(k))
	}
	wrong := otp("otp-1", "999999")
	require.Equal(t, 202, wrong.status, "%s", wrong.body)
	again := wrong.payment(t)
	require.Equal(t, "processing", again.Status)
	require.Equal(t, engine.NextOTP, again.NextAction.Type)
	require.Equal(t, "otp_invalid", again.Code)
	require.Contains(t, again.DisplayText, "incorrect")
	right := otp("otp-2", "123456")
	require.Equal(t, 202, right.status, "%s", right.body)
	require.Equal(t, engine.NextNone, right.payment(t).NextAction.Type)
	require.Equal(t, wrong.body, otp("otp-1", "999999").body, "the first code's answer stays what it was")
	require.NotContains(t, e.log.String(), "999999")
}

func TestACodeThatNobodyWantsIsAConflict(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	a := e.do(t, "POST", "/v1/payments/submit_otp", `{"payment_id":"`+p.ID+`","otp":"1234"}`, key("otp"))
	require.Equal(t, 409, a.status)
	require.Equal(t, engine.CodeOTPNotWanted, a.problem(t).Code)
}

func TestFiftyAtOnceAreAnsweredWithTheSameBytes(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = wantsOTP
	const callers = 50
	answers := make([]answerOf, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { answers[i] = e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("same")) })
	}
	all.Wait()
	firsts := 0
	for _, a := range answers {
		require.Equal(t, 202, a.status, "%s", a.body)
		require.Equal(t, answers[0].body, a.body)
		if a.header("Idempotent-Replayed") == "" {
			firsts++
		}
	}
	require.LessOrEqual(t, firsts, 1)
	require.Len(t, e.all(), 1)
	spaced := `  {"email":"awa@example.ci","phone":"0700000001","operator":"orange","method":"mobile_money",` +
		`"currency":"XOF","amount":15000,"talent_id":"tl_1","booking_id":"bk_1"} `
	replay := e.do(t, "POST", "/v1/payments/initiate", spaced, key("same"))
	require.Equal(t, answers[0].body, replay.body, "spaces and order are not another body")
	require.Equal(t, "true", replay.header("Idempotent-Replayed"))
}

func TestOneKeyIsOneIntention(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	e.initiated(t, "bk_1")
	other := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"booking_id": "bk_1", "amount": 15001}), key("start-bk_1"))
	require.Equal(t, 422, other.status)
	require.Equal(t, engine.CodeIdempotencyKeyReused, other.problem(t).Code)
	rival := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"booking_id": "bk_2"}), key("start-bk_1"),
		headers{"Authorization": "Bearer " + rivalSecret})
	require.Equal(t, 202, rival.status, "another principal's key of that name is another key")
}

func TestABookingIsPaidOnce(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	first := e.initiated(t, "bk_1")
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("second"))
	require.Equal(t, 409, a.status)
	p := a.problem(t)
	require.Equal(t, engine.CodeBookingBeingPaid, p.Code)
	require.Equal(t, first.ID, p.PaymentID)
}

func TestAPaymentShowsItsHoldPayoutAndTimeline(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.paid(t, "bk_1")
	confirmed := e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", key("c"))
	require.Equal(t, 200, confirmed.status, "%s", confirmed.body)
	require.Equal(t, engine.HoldReleased, confirmed.payment(t).Hold.Status)
	again := e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "{}", key("c"))
	require.Equal(t, confirmed.body, again.body)
	require.Equal(t, "true", again.header("Idempotent-Replayed"))

	a := e.do(t, "GET", "/v1/payments/"+p.ID, "")
	require.Equal(t, 200, a.status, "%s", a.body)
	got := a.payment(t)
	require.Equal(t, "succeeded", got.Status)
	require.Equal(t, "Paiement reçu. Merci !", got.DisplayText)
	require.Zero(t, got.PollAfterMS)
	require.EqualValues(t, 15000, got.Hold.Commission+got.Hold.TalentFee)
	require.Equal(t, engine.PayoutIsDue, got.Payout.Status)
	require.NotEmpty(t, got.Timeline)
	require.Equal(t, "Payment received. Thank you!",
		e.do(t, "GET", "/v1/payments/"+p.ID, "", headers{"Accept-Language": "en-GB,en;q=0.9,fr;q=0.5"}).payment(t).DisplayText)

	b := e.do(t, "GET", "/v1/talents/tl_1/balance", "")
	require.JSONEq(t, `{"talent_id":"tl_1","available":12750,"paid_this_month":0,"pending_release":0,
		"currency":"XOF","as_of":"2026-01-15T20:00:00Z"}`, string(b.body))
}

func TestWhatIsSomebodyElsesDoesNotExist(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.paid(t, "bk_1")
	rival := headers{"Authorization": "Bearer " + rivalSecret}
	for name, a := range map[string]answerOf{
		"read":    e.do(t, "GET", "/v1/payments/"+p.ID, "", rival),
		"otp":     e.do(t, "POST", "/v1/payments/submit_otp", `{"payment_id":"`+p.ID+`","otp":"1234"}`, key("x"), rival),
		"cancel":  e.do(t, "POST", "/v1/payments/"+p.ID+"/cancel", "", key("x"), rival),
		"confirm": e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", key("x"), rival),
	} {
		require.Equal(t, 404, a.status, name)
		a.problem(t)
	}
	require.Equal(t, engine.HoldHeld, e.do(t, "GET", "/v1/payments/"+p.ID, "").payment(t).Hold.Status)
}

func TestAWalletIsShownMaskedAndSetTwiceIsSetOnce(t *testing.T) {
	t.Parallel()
	e := start(t)
	for range 2 {
		a := e.do(t, "PUT", "/v1/talents/tl_1/wallet", `{"operator":"wave","phone":"+225 05 00 00 00 56","name":"Awa Koné"}`)
		require.Equal(t, 200, a.status, "%s", a.body)
		require.JSONEq(t, `{"talent_id":"tl_1","operator":"wave","phone":"+225 05****56","name":"Awa Koné"}`, string(a.body))
	}
	require.Equal(t, 1, e.wallets["tl_1"].No)
	a := e.do(t, "PUT", "/v1/talents/tl_1/wallet", `{"operator":"moov","phone":"0100000001","name":"Awa"}`)
	require.Equal(t, 422, a.status)
	require.Equal(t, engine.CodeOperatorUnavailable, a.problem(t).Code)
	require.Contains(t, a.problem(t).DisplayText, "Wave")
}

func TestAnOverloadedEngineIsA503ThatSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fail(engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "full"))
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"))
	require.Equal(t, 503, a.status)
	require.NotEmpty(t, a.header("Retry-After"))
	require.True(t, a.problem(t).Retryable)
	e.fail(nil)
	require.Equal(t, 202, e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"), headers{"Prefer": "wait=0"}).status,
		"a 503 is not remembered")
}

func TestABrokenDependencyTellsNothingOfItself(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.fail(&engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: "relation does not exist", Err: engine.Internal})
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k"))
	require.Equal(t, 500, a.status)
	require.NotContains(t, string(a.body), "relation")
	require.Contains(t, e.log.String(), "relation does not exist")
}
