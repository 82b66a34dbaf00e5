package gatewaytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// flow claims that a story begins with a status and ends with the price taken
// once and told the same by everybody.
func (s suite) flow(story Story, begins engine.ChargeReportStatus) func(*testing.T, *World) {
	return func(t *testing.T, w *World) {
		call, exists := s.charge(w, story, price)
		if !exists {
			return
		}
		report, err := w.Collector.Charge(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, begins, report.Status)
		require.Equal(t, w.Live, report.Live)
		if begins == engine.ChargeRedirects {
			require.NotEmpty(t, report.URL)
		}
		if begins != engine.ChargeSucceeded {
			require.NotEqual(t, engine.ChargeSucceeded, s.inquireCharge(t, w, call.Reference).Status)
			require.Zero(t, w.Captured(call.Reference.String()))
			if begins == engine.ChargeRedirects && w.Pay != nil {
				w.Pay(report.URL)
			}
			w.Soon()
		}
		s.requirePaid(t, w, call)
	}
}

// requirePaid claims that the gateway's books, its answer to an inquiry and its
// webhook say the same: paid, once, this amount.
func (s suite) requirePaid(t *testing.T, w *World, call engine.ChargeCall) {
	t.Helper()
	require.Equal(t, call.Amount, w.Captured(call.Reference.String()))
	report := s.inquireCharge(t, w, call.Reference)
	requireSuccess(t, w, call, report)
	w.Soon()
	if w.Webhooks == nil {
		return
	}
	told := w.about(t, call.Reference)
	require.Len(t, told, 1)
	require.NotNil(t, told[0].Charge)
	requireSuccess(t, w, call, *told[0].Charge)
	require.Equal(t, report.GatewayReference, told[0].Charge.GatewayReference)
	require.Equal(t, report.FeeSubunits, told[0].Charge.FeeSubunits)
}

func requireSuccess(t *testing.T, w *World, call engine.ChargeCall, r engine.ChargeReport) {
	t.Helper()
	require.Equal(t, engine.ChargeSucceeded, r.Status)
	require.Equal(t, call.Amount, r.Amount)
	require.Equal(t, call.Currency, r.Currency)
	require.Equal(t, w.Live, r.Live)
	require.False(t, r.Inexact)
	require.NotEmpty(t, r.GatewayReference)
	require.GreaterOrEqual(t, r.Fee, money.Amount(0))
}

func (s suite) otpCall(call engine.ChargeCall, code engine.OTP) engine.OTPCall {
	return engine.OTPCall{Reference: call.Reference, Gateway: s.Gateway, OTP: code}
}

// wantsCode charges a payer who has a code to type.
func (s suite) wantsCode(t *testing.T, w *World) (engine.ChargeCall, bool) {
	t.Helper()
	call, exists := s.charge(w, TypesCode, price)
	if !exists || w.OTP == nil {
		return call, false
	}
	report, err := w.Collector.Charge(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeWantsOTP, report.Status)
	require.Equal(t, engine.ChargeWantsOTP, s.inquireCharge(t, w, call.Reference).Status, "an inquiry tells the prompt too")
	return call, true
}

func (s suite) typesTheCode(t *testing.T, w *World) {
	call, exists := s.wantsCode(t, w)
	if !exists {
		return
	}
	report, err := w.OTP.SubmitOTP(t.Context(), s.otpCall(call, w.RightOTP))
	require.NoError(t, err)
	require.Contains(t, []engine.ChargeReportStatus{engine.ChargeSucceeded, engine.ChargePending}, report.Status)
	w.Soon()
	s.requirePaid(t, w, call)
}

func (s suite) wrongCodeAsksAgain(t *testing.T, w *World) {
	call, exists := s.wantsCode(t, w)
	if !exists {
		return
	}
	_, err := w.OTP.SubmitOTP(t.Context(), s.otpCall(call, w.WrongOTP))
	requireKind(t, err, engine.Declined, "a wrong code")
	require.Equal(t, engine.CodeOTPInvalid, engine.CodeOf(err))
	require.Equal(t, engine.ChargeWantsOTP, s.inquireCharge(t, w, call.Reference).Status)
	_, err = w.OTP.SubmitOTP(t.Context(), s.otpCall(call, w.RightOTP))
	require.NoError(t, err)
	w.Soon()
	s.requirePaid(t, w, call)
}

func (s suite) noFunds(t *testing.T, w *World) {
	call, exists := s.charge(w, HasNoFunds, price)
	if !exists {
		return
	}
	_, err := w.Collector.Charge(t.Context(), call)
	if err != nil {
		requireKind(t, err, engine.Declined, "no funds")
		require.Equal(t, engine.CodeInsufficientFunds, engine.CodeOf(err))
		return
	}
	w.Soon()
	report := s.inquireCharge(t, w, call.Reference)
	require.Equal(t, engine.ChargeFailed, report.Status)
	require.Equal(t, engine.CodeInsufficientFunds, report.Code)
	require.Zero(t, w.Captured(call.Reference.String()))
}

func (s suite) neverApproves(t *testing.T, w *World) {
	call, exists := s.charge(w, NeverApproves, price)
	if !exists {
		return
	}
	_, err := w.Collector.Charge(t.Context(), call)
	require.NoError(t, err)
	w.Late()
	report := s.inquireCharge(t, w, call.Reference)
	require.Contains(t, []engine.ChargeReportStatus{engine.ChargeAbandoned, engine.ChargeFailed}, report.Status)
	require.Zero(t, w.Captured(call.Reference.String()))
	require.Empty(t, w.about(t, call.Reference), "nobody tells a failure")
}

func (s suite) amountsArrive(t *testing.T, w *World) {
	for _, amount := range []money.Amount{1, 99, 100, 101, 15_000, 1_999_999} {
		call, exists := s.charge(w, PaysAtOnce, amount)
		if !exists {
			return
		}
		report, err := w.Collector.Charge(t.Context(), call)
		require.NoError(t, err)
		requireSuccess(t, w, call, report)
		s.requirePaid(t, w, call)
	}
}

// chargeAnswerLost is the one that costs people money: the payer was asked, and
// we do not know. Sent again it must be refused, and taken for what it means.
func (s suite) chargeAnswerLost(t *testing.T, w *World) {
	for _, trouble := range lostAfter {
		call, exists := s.charge(w, Approves, price)
		if !exists {
			return
		}
		w.Break(Charging, trouble)
		_, err := w.Collector.Charge(t.Context(), call)
		requireKind(t, err, engine.Ambiguous, trouble)
		require.Equal(t, engine.ChargeOnPhone, s.inquireCharge(t, w, call.Reference).Status, trouble)

		_, err = w.Collector.Charge(t.Context(), call)
		requireKind(t, err, engine.Ambiguous, "a used reference")
		require.Equal(t, engine.CodeDuplicateReference, engine.CodeOf(err))
		w.Soon()
		s.requirePaid(t, w, call)
	}
}

func (s suite) chargeLost(t *testing.T, w *World) {
	for _, trouble := range lostBefore {
		call, exists := s.charge(w, Approves, price)
		if !exists {
			return
		}
		w.Break(Charging, trouble)
		_, err := w.Collector.Charge(t.Context(), call)
		requireKind(t, err, engine.Ambiguous, trouble)
		require.Equal(t, engine.ChargeAbsent, s.inquireCharge(t, w, call.Reference).Status, trouble)
		w.Late()
		require.Zero(t, w.Captured(call.Reference.String()))
	}
}

func (s suite) chargeUnavailable(t *testing.T, w *World) {
	for _, trouble := range neverSent {
		call, exists := s.charge(w, PaysAtOnce, price)
		if !exists {
			return
		}
		w.Break(Charging, trouble)
		_, err := w.Collector.Charge(t.Context(), call)
		requireKind(t, err, engine.Unavailable, trouble)
		w.Mend()
		require.Equal(t, engine.ChargeAbsent, s.inquireCharge(t, w, call.Reference).Status, trouble)
		require.Zero(t, w.Captured(call.Reference.String()), trouble)
	}
}

func (s suite) chargeAbsent(t *testing.T, w *World) {
	if w.Collector != nil {
		require.Equal(t, engine.ChargeAbsent, s.inquireCharge(t, w, s.charges.next()).Status)
	}
}

func (s suite) inquiryLost(t *testing.T, w *World) {
	for _, trouble := range append(append([]Trouble{}, lostAfter...), neverSent...) {
		call, exists := s.charge(w, PaysAtOnce, price)
		if !exists {
			return
		}
		_, err := w.Collector.Charge(t.Context(), call)
		require.NoError(t, err)
		w.Break(Inquiring, trouble)
		report, err := w.Inquirer.InquireCharge(t.Context(), engine.InquireCall{Reference: call.Reference, Gateway: s.Gateway})
		require.Error(t, err, trouble)
		require.Empty(t, report, trouble)
		w.Mend()
		require.Equal(t, engine.ChargeSucceeded, s.inquireCharge(t, w, call.Reference).Status, trouble)
	}
}

func (s suite) hiddenAtFirst(t *testing.T, w *World) {
	call, exists := s.charge(w, HiddenAtFirst, price)
	if !exists {
		return
	}
	_, err := w.Collector.Charge(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeAbsent, s.inquireCharge(t, w, call.Reference).Status)
	w.Late()
	require.NotEqual(t, engine.ChargeAbsent, s.inquireCharge(t, w, call.Reference).Status)
}

func (s suite) webhooksTwice(t *testing.T, w *World) {
	call, exists := s.charge(w, PaysAtOnce, price)
	if !exists || w.Webhooks == nil {
		return
	}
	w.Break(Charging, WebhooksTwice)
	_, err := w.Collector.Charge(t.Context(), call)
	require.NoError(t, err)
	w.Soon()
	told := w.about(t, call.Reference)
	require.Len(t, told, 2)
	require.Equal(t, told[0], told[1])
}
