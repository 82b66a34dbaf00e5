package persistence_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func (w *world) payoutsDue(t *testing.T) int {
	t.Helper()
	return w.count(t, "SELECT count(*) FROM due WHERE kind = 'payout' AND due_at <= now() AND claimed_until IS NULL")
}

// released is a payment whose payout is owed; refused is one whose wallet the
// gateway did not take.
func (w *world) released(t *testing.T, booking string) engine.ID {
	t.Helper()
	id := w.paid(t, booking)
	w.apply(t, id, engine.ConfirmDelivery{})
	return id
}

var refusedWallet = engine.RecordPayoutAnswer{Try: 1, Send: 1, Err: engine.Errorf(engine.Declined, engine.CodeWalletRejected, "")}

func TestANewWalletWakesThePayoutsThatWaitForOne(t *testing.T) {
	t.Parallel()
	w := open(t)
	missing := w.released(t, "B1")
	require.Zero(t, w.payoutsDue(t), "it looks again by itself, later")
	w.setWallet(t, "T2", "0500000003")
	require.Zero(t, w.payoutsDue(t), "somebody else's wallet")
	w.setWallet(t, "T1", "0500000002")
	require.Equal(t, 1, w.payoutsDue(t))
	require.Equal(t, engine.PayoutIsSent, w.apply(t, missing, engine.Tick{}).State.Payout.Status)
	w.apply(t, missing, refusedWallet)
	require.Zero(t, w.count(t, "SELECT count(*) FROM due WHERE kind = 'payout'"), "only another wallet helps")

	w.setWallet(t, "T1", "0500000002")
	require.Zero(t, w.count(t, "SELECT count(*) FROM due WHERE kind = 'payout'"), "the same one is not another")
	w.setWallet(t, "T1", "0500000004")
	require.Equal(t, 1, w.payoutsDue(t))
	sent := w.apply(t, missing, engine.Tick{}).State.Payout
	require.Equal(t, engine.PayoutIsSent, sent.Status)
	require.Equal(t, 2, sent.Tries[1].Wallet.No)
	w.sound(t)
}

// The gateway refuses a wallet while its talent sets another: the decision read
// the old one, and commits after the new one is asked for. Who sets it waits for
// that commit, or nobody would ever look at the payout again.
func TestAWalletSetWhileTheOldOneIsRefusedStillWakesThePayout(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.setWallet(t, "T1", "0500000002")
	id := w.released(t, "B1")
	w.exec(t, `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER dawdle_at_commit AFTER UPDATE ON payout_tries DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION dawdle()`)
	refused := w.later(t, engine.Ask{Transaction: id, Command: refusedWallet})
	require.Eventually(t, func() bool {
		return w.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") == 1
	}, 10*time.Second, time.Millisecond)
	w.setWallet(t, "T1", "0500000004")
	require.NoError(t, <-refused)
	require.Equal(t, 1, w.payoutsDue(t))
	require.Equal(t, 2, w.apply(t, id, engine.Tick{}).State.Payout.Tries[1].Wallet.No)
	w.sound(t)
}

func TestWalletsSetAtOnceAreAllKeptInOneOrder(t *testing.T) {
	t.Parallel()
	w := open(t)
	numbers := []string{"0500000002", "0500000003", "0500000004"}
	var done sync.WaitGroup
	for _, digits := range numbers {
		done.Go(func() {
			if _, changed, err := w.SetWallet(t.Context(), "T1", theirs(digits)); err != nil || !changed {
				t.Error(digits, changed, err)
			}
		})
	}
	done.Wait()
	require.Equal(t, []string{"1", "2", "3"}, w.strings(t, "SELECT no::text FROM wallets WHERE talent_id = 'T1' ORDER BY no"))
	current, found, err := w.Wallet(t.Context(), "T1")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, 3, current.No)
}
