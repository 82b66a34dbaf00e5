package gatewaytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func (s suite) paid(t *testing.T, w *World) {
	call, exists := s.payout(w, IsPaid, price)
	if !exists {
		return
	}
	report, err := w.Disburser.Payout(t.Context(), call)
	require.NoError(t, err)
	require.Contains(t, []engine.PayoutReportStatus{engine.PayoutReportPending, engine.PayoutReportPaid}, report.Status)
	w.Soon()
	require.Equal(t, call.Amount, w.Sent(call.Reference.String()))
	inquired := s.inquirePayout(t, w, call.Reference)
	requireReport(t, w, call, inquired, engine.PayoutReportPaid)
	require.Equal(t, report.Recipient, inquired.Recipient)
	s.requireTold(t, w, call, engine.PayoutReportPaid)

	again, exists := s.payout(w, IsPaid, price)
	require.True(t, exists)
	again.Recipient = report.Recipient
	second, err := w.Disburser.Payout(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, report.Recipient, second.Recipient)
}

func requireReport(t *testing.T, w *World, call engine.PayoutCall, r engine.PayoutReport, status engine.PayoutReportStatus) {
	t.Helper()
	require.Equal(t, status, r.Status)
	require.Equal(t, call.Amount, r.Amount)
	require.Equal(t, call.Currency, r.Currency)
	require.Equal(t, w.Live, r.Live)
	require.False(t, r.Inexact)
	require.NotEmpty(t, r.GatewayReference)
}

// requireTold claims that webhooks told these statuses, one each.
func (s suite) requireTold(t *testing.T, w *World, call engine.PayoutCall, statuses ...engine.PayoutReportStatus) {
	t.Helper()
	if w.Webhooks == nil {
		return
	}
	var told []engine.PayoutReportStatus
	identities := map[engine.Identity]bool{}
	for _, n := range w.about(t, call.Reference) {
		require.NotNil(t, n.Payout)
		requireReport(t, w, call, *n.Payout, n.Payout.Status)
		told = append(told, n.Payout.Status)
		identities[n.Identity] = true
	}
	require.ElementsMatch(t, statuses, told)
	require.Len(t, identities, len(statuses))
}

func (s suite) notPaid(t *testing.T, w *World) {
	call, exists := s.payout(w, IsNotPaid, price)
	if !exists {
		return
	}
	_, err := w.Disburser.Payout(t.Context(), call)
	require.NoError(t, err)
	w.Soon()
	require.Zero(t, w.Sent(call.Reference.String()))
	report := s.inquirePayout(t, w, call.Reference)
	requireReport(t, w, call, report, engine.PayoutReportFailed)
	require.NotEmpty(t, report.Code)
	s.requireTold(t, w, call, engine.PayoutReportFailed)
}

func (s suite) reversed(t *testing.T, w *World) {
	call, exists := s.payout(w, IsReversed, price)
	if !exists {
		return
	}
	_, err := w.Disburser.Payout(t.Context(), call)
	require.NoError(t, err)
	w.Soon()
	requireReport(t, w, call, s.inquirePayout(t, w, call.Reference), engine.PayoutReportPaid)
	w.Late()
	requireReport(t, w, call, s.inquirePayout(t, w, call.Reference), engine.PayoutReportReversed)
	require.Zero(t, w.Sent(call.Reference.String()))
	s.requireTold(t, w, call, engine.PayoutReportPaid, engine.PayoutReportReversed)
}

func (s suite) refused(t *testing.T, w *World) {
	call, exists := s.payout(w, IsRefused, price)
	if !exists {
		return
	}
	report, err := w.Disburser.Payout(t.Context(), call)
	requireKind(t, err, engine.Declined, "a refused wallet")
	require.Equal(t, engine.CodeWalletRejected, engine.CodeOf(err))
	require.Equal(t, engine.PayoutReport{Recipient: report.Recipient}, report)
	require.Equal(t, engine.PayoutReportAbsent, s.inquirePayout(t, w, call.Reference).Status)
}

func (s suite) floatLow(t *testing.T, w *World) {
	call, exists := s.payout(w, IsPaid, w.Float+1)
	if !exists {
		return
	}
	_, err := w.Disburser.Payout(t.Context(), call)
	requireKind(t, err, engine.Declined, "too little float")
	require.Equal(t, engine.CodeFloatLow, engine.CodeOf(err))
	require.Equal(t, engine.PayoutReportAbsent, s.inquirePayout(t, w, call.Reference).Status)
}

func (s suite) payoutAnswerLost(t *testing.T, w *World) {
	for _, trouble := range lostAfter {
		call, exists := s.payout(w, IsPaid, price)
		if !exists {
			return
		}
		w.Break(Paying, trouble)
		report, err := w.Disburser.Payout(t.Context(), call)
		requireKind(t, err, engine.Ambiguous, trouble)
		call.Recipient = report.Recipient
		found := s.inquirePayout(t, w, call.Reference)
		require.NotEqual(t, engine.PayoutReportAbsent, found.Status, trouble)

		_, err = w.Disburser.Payout(t.Context(), call) // the documented way: the same reference again
		requireKind(t, err, engine.Ambiguous, "a used reference")
		require.Equal(t, engine.CodeDuplicateReference, engine.CodeOf(err))
		w.Soon()
		require.Equal(t, call.Amount, w.Sent(call.Reference.String()), "paid once")
		requireReport(t, w, call, s.inquirePayout(t, w, call.Reference), engine.PayoutReportPaid)
	}
}

func (s suite) payoutLost(t *testing.T, w *World) {
	for _, trouble := range append(append([]Trouble{}, lostBefore...), neverSent...) {
		call, exists := s.payout(w, IsPaid, price)
		if !exists {
			return
		}
		w.Break(Paying, trouble)
		report, err := w.Disburser.Payout(t.Context(), call)
		require.Error(t, err, trouble)
		require.NotEqual(t, engine.Declined, engine.GatewayError(err).Kind, trouble)
		w.Mend()
		require.Equal(t, engine.PayoutReportAbsent, s.inquirePayout(t, w, call.Reference).Status, trouble)

		call.Recipient = report.Recipient
		_, err = w.Disburser.Payout(t.Context(), call)
		require.NoError(t, err, trouble)
		w.Soon()
		require.Equal(t, call.Amount, w.Sent(call.Reference.String()), trouble)
	}
}

func (s suite) payoutAbsent(t *testing.T, w *World) {
	if w.Disburser != nil {
		require.Equal(t, engine.PayoutReportAbsent, s.inquirePayout(t, w, s.payouts.next()).Status)
	}
}

func (s suite) payoutPending(t *testing.T, w *World) {
	call, exists := s.payout(w, IsPaidLater, price)
	if !exists {
		return
	}
	_, err := w.Disburser.Payout(t.Context(), call)
	require.NoError(t, err)
	w.Soon()
	requireReport(t, w, call, s.inquirePayout(t, w, call.Reference), engine.PayoutReportPending)
	require.Empty(t, w.about(t, call.Reference))
}
