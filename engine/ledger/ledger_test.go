package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
)

func release() ledger.Journal {
	return ledger.Journal{Kind: "hold.released", Cause: "release", Currency: money.XOF, Postings: append(
		ledger.Move(ledger.EscrowHeld, ledger.Commission, 7_500),
		ledger.Move(ledger.EscrowHeld, ledger.TalentPayable("T1"), 42_500)...)}
}

func TestABalancedJournalPasses(t *testing.T) {
	t.Parallel()
	require.NoError(t, release().Check())
}

func TestWhatDoesNotBalanceIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ledger.Journal){
		"off by one":       func(j *ledger.Journal) { j.Postings[0].Amount++ },
		"no lines":         func(j *ledger.Journal) { j.Postings = nil },
		"one line":         func(j *ledger.Journal) { j.Postings = j.Postings[:1] },
		"an empty line":    func(j *ledger.Journal) { j.Postings = append(j.Postings, ledger.Posting{Account: ledger.EscrowHeld}) },
		"no kind":          func(j *ledger.Journal) { j.Kind = "" },
		"no cause":         func(j *ledger.Journal) { j.Cause = "" },
		"foreign currency": func(j *ledger.Journal) { j.Currency = "NGN" },
		"no account":       func(j *ledger.Journal) { j.Postings[0].Account = "" },
		"not an address":   func(j *ledger.Journal) { j.Postings[0].Account = "escrow" },
		"sum out of range": func(j *ledger.Journal) { j.Postings[1].Amount, j.Postings[3].Amount = 1<<62, 1<<62 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := release()
			spoil(&j)
			require.Error(t, j.Check())
		})
	}
}

func TestReverseUndoesEveryAccount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(1, int64(money.Max)), 1, 6).Draw(t, "amounts")
		j := ledger.Journal{Kind: "k", Cause: "c", Currency: money.XOF}
		for i, a := range amounts {
			j.Postings = append(j.Postings, ledger.Move(ledger.EscrowHeld, ledger.TalentPayable(string(rune('a'+i))), money.Amount(a))...)
		}
		back := j.Reverse("k.undone", "undo")
		require.NoError(t, back.Check())
		sums := map[ledger.Account]money.Amount{}
		for _, p := range append(j.Postings, back.Postings...) {
			sums[p.Account] += p.Amount
		}
		for account, sum := range sums {
			require.Zero(t, sum, account)
		}
	})
}

func TestOnlyATalentsPayableHasAFloor(t *testing.T) {
	t.Parallel()
	_, floored := ledger.TalentPayable("T1").Floor()
	require.True(t, floored)
	for _, a := range []ledger.Account{
		ledger.EscrowHeld, ledger.PayoutInFlight, ledger.GatewayBalance("paystack"), ledger.Suspense("paystack"),
	} {
		_, floored := a.Floor()
		require.False(t, floored, a)
	}
}
