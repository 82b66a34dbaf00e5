package gatewaytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// captured makes a payment and returns the call that gives it back.
func (s suite) captured(t *testing.T, w *World) (engine.RefundCall, bool) {
	t.Helper()
	if w.Refunder == nil {
		return engine.RefundCall{}, false
	}
	charge, exists := s.charge(w, Approves, price)
	require.True(t, exists)
	_, err := w.Collector.Charge(t.Context(), charge)
	require.NoError(t, err)
	w.Soon()
	require.Equal(t, price, w.Captured(charge.Reference.String()))
	back := charge.Reference
	back.Kind = engine.RefundReference
	return engine.RefundCall{
		Reference: back, Send: 1, Gateway: s.Gateway, Charge: charge.Reference, Amount: price, Currency: money.XOF, Booking: charge.Booking,
	}, true
}

func (s suite) inquireRefund(t *testing.T, w *World, call engine.RefundCall, gatewayReference string) engine.RefundReport {
	t.Helper()
	report, err := w.Refunds.InquireRefund(t.Context(), engine.InquireCall{
		Reference: call.Reference, Gateway: s.Gateway, GatewayReference: gatewayReference, Charge: call.Charge,
	})
	require.NoError(t, err)
	return report
}

func (s suite) requireRefund(t *testing.T, w *World, r engine.RefundReport, status engine.RefundReportStatus, number int) {
	t.Helper()
	require.NotEmpty(t, r.GatewayReference)
	r.GatewayReference = ""
	require.Equal(t, engine.RefundReport{Status: status, Amount: price, Currency: money.XOF, Live: w.Live, Number: number}, r)
}

func (s suite) givenBack(t *testing.T, w *World) {
	call, exists := s.captured(t, w)
	if !exists {
		return
	}
	report, err := w.Refunder.Refund(t.Context(), call)
	require.NoError(t, err)
	s.requireRefund(t, w, report, engine.RefundReportPending, 1)
	w.Late()
	require.Equal(t, price, w.Refunded(call.Charge.String()))
	s.requireRefund(t, w, s.inquireRefund(t, w, call, report.GatewayReference), engine.RefundReportDone, 1)
	s.requireRefund(t, w, s.inquireRefund(t, w, call, ""), engine.RefundReportDone, 1)
	require.Equal(t, engine.ChargeReversed, s.inquireCharge(t, w, call.Charge).Status)
	told := map[engine.RefundReportStatus]bool{}
	for _, n := range w.about(t, call.Charge) {
		if n.Refund != nil {
			require.Equal(t, price, n.Refund.Amount)
			require.Equal(t, w.Live, n.Refund.Live)
			told[n.Refund.Status] = true
		}
	}
	require.Equal(t, map[engine.RefundReportStatus]bool{engine.RefundReportPending: true, engine.RefundReportDone: true}, told)
}

// A second full refund is refused, and what is refused is found: nobody is given
// their money back twice.
func (s suite) givenBackOnce(t *testing.T, w *World) {
	call, exists := s.captured(t, w)
	if !exists {
		return
	}
	_, err := w.Refunder.Refund(t.Context(), call)
	require.NoError(t, err)
	call.Send = 2
	_, err = w.Refunder.Refund(t.Context(), call)
	requireKind(t, err, engine.Ambiguous, "the list tells")
	w.Late()
	require.Equal(t, price, w.Refunded(call.Charge.String()))
	s.requireRefund(t, w, s.inquireRefund(t, w, call, ""), engine.RefundReportDone, 1)
}

func (s suite) refundAnswerLost(t *testing.T, w *World) {
	for _, trouble := range lostAfter {
		call, exists := s.captured(t, w)
		if !exists {
			return
		}
		w.Break(Refunding, trouble)
		_, err := w.Refunder.Refund(t.Context(), call)
		requireKind(t, err, engine.Ambiguous, trouble)
		s.requireRefund(t, w, s.inquireRefund(t, w, call, ""), engine.RefundReportPending, 1)
	}
	for _, trouble := range lostBefore {
		call, exists := s.captured(t, w)
		require.True(t, exists)
		w.Break(Refunding, trouble)
		_, err := w.Refunder.Refund(t.Context(), call)
		requireKind(t, err, engine.Ambiguous, trouble)
		require.Equal(t, engine.RefundReportAbsent, s.inquireRefund(t, w, call, "").Status)
		require.Zero(t, w.Refunded(call.Charge.String()))
	}
}

func (s suite) refundUnavailable(t *testing.T, w *World) {
	for _, trouble := range neverSent {
		call, exists := s.captured(t, w)
		if !exists {
			return
		}
		w.Break(Refunding, trouble)
		_, err := w.Refunder.Refund(t.Context(), call)
		w.Mend()
		requireKind(t, err, engine.Unavailable, trouble)
		require.Equal(t, engine.RefundReportAbsent, s.inquireRefund(t, w, call, "").Status)
	}
}
