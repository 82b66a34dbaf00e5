package engine

import (
	"errors"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// square holds a machine against a list of its legal moves that was written by
// hand: every cell of (from, to) is tried, the illegal ones included.
func square[S ~string](t *testing.T, m machine[S], legal map[S][]S) {
	t.Helper()
	allowed := map[[2]S]bool{}
	for from, targets := range legal {
		for _, to := range targets {
			allowed[[2]S{from, to}] = true
		}
	}
	require.Len(t, m.moves, len(legal), "a status without a row in the test")
	for from := range legal {
		for to := range legal {
			d := newDraft(Transaction{}, Given{})
			status, step := from, 7
			err := moveTo(d, m, "subject", &status, &step, to, "")
			if !allowed[[2]S{from, to}] {
				require.ErrorIs(t, err, Conflict, "%s → %s", from, to)
				require.Equal(t, from, status)
				require.Equal(t, 7, step)
				require.Empty(t, d.Moves)
				continue
			}
			require.NoError(t, err, "%s → %s", from, to)
			require.Equal(t, to, status)
			require.Equal(t, []Move{{m.name, "subject", 8, string(from), string(to), ""}}, d.Moves)
		}
	}
	for to := range legal {
		require.Equal(t, to == m.first, m.allows("", to), "a machine begins at %s", m.first)
	}
}

func TestAttemptMovesOnlyAsDrawn(t *testing.T) {
	t.Parallel()
	square(t, attemptMachine, map[AttemptStatus][]AttemptStatus{
		AttemptSending:    {AttemptCustomer, AttemptUnknown, AttemptRejected, AttemptFailed, AttemptSucceeded},
		AttemptCustomer:   {AttemptFailed, AttemptExpired, AttemptSucceeded},
		AttemptUnknown:    {AttemptCustomer, AttemptQuarantine, AttemptFailed, AttemptSucceeded},
		AttemptQuarantine: {AttemptCustomer, AttemptAbsent, AttemptFailed, AttemptSucceeded},
		AttemptRejected:   {AttemptSucceeded},
		AttemptFailed:     {AttemptSucceeded},
		AttemptExpired:    {AttemptFailed, AttemptSucceeded},
		AttemptAbsent:     {AttemptFailed, AttemptSucceeded},
		AttemptSucceeded:  nil,
	})
}

func TestChargeHoldPayoutAndTryMoveOnlyAsDrawn(t *testing.T) {
	t.Parallel()
	for from, targets := range map[HoldStatus][]HoldStatus{HoldHeld: {HoldReleased}, HoldReleased: nil} {
		require.Len(t, holdMachine.moves[from], len(targets))
	}
	// Moves that emit need a whole transaction: their squares compare the table.
	same(t, chargeMachine, map[ChargeStatus][]ChargeStatus{
		ChargeIsInitiated:  {ChargeIsProcessing, ChargeIsSucceeded, ChargeIsFailed, ChargeIsExpired, ChargeIsCancelled},
		ChargeIsProcessing: {ChargeIsSucceeded, ChargeIsFailed, ChargeIsExpired, ChargeIsCancelled},
		ChargeIsCancelled:  nil,
		ChargeIsFailed:     {ChargeIsSucceeded},
		ChargeIsExpired:    {ChargeIsSucceeded},
		ChargeIsSucceeded:  nil,
	})
	same(t, refundMachine, map[RefundStatus][]RefundStatus{
		RefundIsOwed:    {RefundIsSending, RefundIsManual, RefundIsDone},
		RefundIsSending: {RefundIsUnknown, RefundIsPending, RefundIsDone, RefundIsOwed, RefundIsManual},
		RefundIsUnknown: {RefundIsPending, RefundIsDone, RefundIsManual},
		RefundIsPending: {RefundIsUnknown, RefundIsDone, RefundIsManual},
		RefundIsManual:  {RefundIsDone},
		RefundIsDone:    {RefundIsManual},
	})
	same(t, payoutMachine, map[PayoutStatus][]PayoutStatus{
		PayoutIsDue:      {PayoutIsSent},
		PayoutIsSent:     {PayoutIsPaid, PayoutIsFailed, PayoutIsReversed},
		PayoutIsPaid:     {PayoutIsReversed},
		PayoutIsFailed:   {PayoutIsSent, PayoutIsPaid},
		PayoutIsReversed: {PayoutIsSent},
	})
	square(t, tryMachine, map[TryStatus][]TryStatus{
		TrySending:  {TryUnknown, TryPending, TryPaid, TryFailed, TryReversed},
		TryUnknown:  {TryPending, TryPaid, TryFailed, TryReversed},
		TryPending:  {TryUnknown, TryPaid, TryFailed, TryReversed},
		TryPaid:     {TryReversed},
		TryFailed:   {TryPaid},
		TryReversed: nil,
	})
}

func same[S ~string](t *testing.T, m machine[S], legal map[S][]S) {
	t.Helper()
	require.Len(t, m.moves, len(legal))
	for from := range legal {
		for to := range legal {
			want := false
			for _, s := range legal[from] {
				want = want || s == to
			}
			require.Equal(t, want, m.allows(from, to), "%s: %s → %s", m.name, from, to)
		}
	}
}

func TestEveryStatusIsReachedFromTheFirst(t *testing.T) {
	t.Parallel()
	reached := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for _, m := range LegalMoves() {
			if (m.From == "" || reached[m.Machine+m.From]) && !reached[m.Machine+m.To] {
				reached[m.Machine+m.To], changed = true, true
			}
		}
	}
	for machine, statuses := range Statuses() {
		for _, s := range statuses {
			require.True(t, reached[machine+s], "%s can never be %s", machine, s)
		}
	}
}

func TestErrorsAreTheirKindAndTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := &Error{Kind: Ambiguous, Code: CodeGatewayTimeout, Detail: "d", Err: cause}
	require.ErrorIs(t, err, Ambiguous)
	require.ErrorIs(t, err, cause)
	require.NotErrorIs(t, err, Unavailable)
}

func TestAGatewaysUnlistedErrorIsAmbiguous(t *testing.T) {
	t.Parallel()
	require.Nil(t, GatewayError(nil))
	require.Equal(t, Ambiguous, GatewayError(errors.New("anything")).Kind)
	require.Equal(t, Ambiguous, GatewayError(Errorf(Invalid, CodeInternal, "")).Kind)
	require.Equal(t, Ambiguous, GatewayError(Errorf(NotFound, CodeInternal, "")).Kind)
	for _, k := range []Kind{Declined, Unavailable, Ambiguous, Unsupported} {
		require.Equal(t, k, GatewayError(Errorf(k, CodeInternal, "")).Kind)
	}
}

// The drawing in the docs is the machines' own.
func TestDiagramInTheDocsIsTrue(t *testing.T) {
	t.Parallel()
	const file = "../docs/state_machines.md"
	want := "<!-- Generated from the engine's machines by: go test ./engine -update. Do not edit. -->\n# State machines\n\n" + Diagram()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(have))
}
