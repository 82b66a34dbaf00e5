package persistence_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// doubtful is a command and what its one commit must leave behind.
type doubtful struct {
	prepare func(t *testing.T, w *world, id engine.ID)
	ask     engine.Ask
	left    string // counts what there must be one of
}

// Every command that calls somebody or moves money, with the answer to its
// COMMIT lost: it had its effect once, and whoever asked is told so, with the
// calls that only this answer carries. Decided again, each of them would be a
// conflict or a duplicate, and its calls would be made by nobody.
func TestALostAnswerIsTheAnswerAllTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]doubtful{
		"an initiation without a key": {
			ask: engine.Ask{Command: initiation("B1")}, left: "SELECT count(*) FROM attempts WHERE transaction_id = $1",
		},
		"a code on its way": {
			prepare: func(t *testing.T, w *world, id engine.ID) {
				t.Helper()
				w.apply(t, id, initiation("B1"))
				w.apply(t, id, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeWantsOTP}})
			},
			ask: engine.Ask{Command: engine.SubmitOTP{OTP: "1234"}}, left: "SELECT otp_tries FROM attempts WHERE transaction_id = $1",
		},
		"a tick that asks": {
			prepare: func(t *testing.T, w *world, id engine.ID) {
				t.Helper()
				w.apply(t, id, initiation("B1"))
				w.exec(t, "UPDATE attempts SET check_at = now() - interval '1 s'")
			},
			ask:  engine.Ask{Command: engine.Tick{}},
			left: "SELECT count(*) FROM attempts WHERE transaction_id = $1 AND status = 'unknown'",
		},
		"an answer that moves on": {
			prepare: func(t *testing.T, w *world, id engine.ID) {
				t.Helper()
				w.apply(t, id, initiation("B1"))
			},
			ask:  engine.Ask{Command: unsent(1)},
			left: "SELECT count(*) FROM attempts WHERE transaction_id = $1 AND gateway = 'fedapay'",
		},
		"a cancellation's late success": {
			prepare: func(t *testing.T, w *world, id engine.ID) {
				t.Helper()
				w.apply(t, id, initiation("B1"))
				w.apply(t, id, engine.CancelCharge{})
			},
			ask: engine.Ask{Command: engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{
				Status: engine.ChargeSucceeded, Amount: 50_000, Currency: money.XOF, Live: true,
			}}},
			left: "SELECT count(*) FROM refunds WHERE transaction_id = $1 AND sends = 1",
		},
		"a confirmation that pays out": {
			prepare: func(t *testing.T, w *world, id engine.ID) {
				t.Helper()
				_, _, err := w.SetWallet(t.Context(), "T1", theirs("0500000002"))
				require.NoError(t, err)
				w.apply(t, id, initiation("B1"))
				w.apply(t, id, succeeded(id, 50_000))
			},
			ask:  engine.Ask{Command: engine.ConfirmDelivery{}},
			left: "SELECT count(*) FROM payout_tries WHERE transaction_id = $1 AND sends = 1",
		},
	} {
		for cut, where := range map[string]int32{"in the COMMIT": afterWrites, "after the COMMIT": afterCommit} {
			t.Run(name+" "+cut, func(t *testing.T) {
				t.Parallel()
				w := open(t)
				between := wired(t, w.dsn)
				store := w.through(t, between.dsn)
				id := freshID()
				if c.prepare != nil {
					c.prepare(t, w, id)
				}
				_, err := store.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B0")}) // statements are prepared
				require.NoError(t, err)

				between.cut.Store(where)
				ask := c.ask
				ask.Transaction = id
				applied, err := store.Apply(t.Context(), ask)
				require.NoError(t, err)
				require.EqualValues(t, 1, between.cuts.Load(), "the connection was cut")
				require.Equal(t, engine.Changed, applied.Outcome)
				require.Len(t, applied.Effects, 1)
				require.Equal(t, 1, w.count(t, c.left, [16]byte(id)))
				require.Equal(t, applied.State.Version, w.version(t, id))
			})
		}
	}
}

// Two processes, one key, different bodies: one of them has its payment, the
// other is told that the key is taken. Under two keys, the booking decides.
func TestTwoProcessesRacingForAKeyAgreeOnTheWinner(t *testing.T) {
	t.Parallel()
	w := open(t)
	stores := []applier{w, w.second(t)}
	for try := range 40 {
		booking, other := freshID().String(), freshID().String()
		asks := []engine.Ask{
			{Transaction: freshID(), Command: initiation(booking), Key: key(booking, 1)},
			{Transaction: freshID(), Command: initiation(other), Key: key(booking, 2)},
		}
		refusal := engine.CodeIdempotencyKeyReused
		if try%2 == 1 {
			asks[1] = engine.Ask{Transaction: freshID(), Command: initiation(booking), Key: key(other, 2)}
			refusal = engine.CodeBookingBeingPaid
		}
		errs := atOnce(t.Context(), stores, asks)
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		require.NoError(t, errs[winner])
		require.Equal(t, refusal, engine.CodeOf(errs[1-winner]))
		again, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: asks[winner].Command, Key: asks[winner].Key})
		require.NoError(t, err)
		require.Equal(t, engine.Replayed, again.Outcome)
		require.Equal(t, asks[winner].Transaction, again.State.ID)
	}
	require.Equal(t, 40, w.count(t, "SELECT count(*) FROM transactions"))
	require.Equal(t, 40, w.count(t, "SELECT count(*) FROM idempotency"), "a refused ask leaves its key free")
	w.sound(t)
}

// atOnce applies each ask through its own process, all at the same moment.
func atOnce(ctx context.Context, stores []applier, asks []engine.Ask) []error {
	errs := make([]error, len(asks))
	var start, done sync.WaitGroup
	start.Add(1)
	for i, ask := range asks {
		done.Go(func() {
			start.Wait()
			_, errs[i] = persist(ctx, stores[i], ask)
		})
	}
	start.Done()
	done.Wait()
	return errs
}
