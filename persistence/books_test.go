package persistence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// theirs is a wallet of a talent's.
func theirs(digits string) engine.Wallet {
	return engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse(digits), Name: "Awa Kouassi"}
}

func (w *world) setWallet(t *testing.T, talent, digits string) {
	t.Helper()
	_, _, err := w.SetWallet(t.Context(), talent, theirs(digits))
	require.NoError(t, err)
}

// heldFor brings a payment of so many francs for a talent to its hold.
func (w *world) heldFor(t *testing.T, talent string, amount money.Amount) engine.ID {
	t.Helper()
	id := freshID()
	c := initiation(id.String())
	c.Talent, c.Amount = talent, amount
	w.apply(t, id, c)
	w.apply(t, id, succeeded(id, amount))
	return id
}

// sent releases a payment; its payout goes out in the same commit.
func (w *world) sent(t *testing.T, id engine.ID) {
	t.Helper()
	require.Len(t, w.apply(t, id, engine.ConfirmDelivery{}).Effects, 1)
}

func (w *world) balances(t *testing.T, talent string) [3]money.Amount {
	t.Helper()
	b, err := w.Balances(t.Context(), talent)
	require.NoError(t, err)
	require.Equal(t, talent, b.Talent)
	require.Equal(t, time.UTC, b.AsOf.Location())
	return [3]money.Amount{b.Available, b.PaidThisMonth, b.PendingRelease}
}

// Story 4.8, by hand: commission is 15 %, so of 10 000 F the talent earns 8 500.
func TestATalentsThreeNumbersFollowTheMoney(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, err := w.Balances(t.Context(), "T1")
	require.ErrorIs(t, err, engine.NotFound)
	first := w.heldFor(t, "T1", 10_000)
	second := w.heldFor(t, "T1", 1_001) // 150 + 851: largest remainder
	w.heldFor(t, "T2", 99_000)
	require.Equal(t, [3]money.Amount{0, 0, 9_351}, w.balances(t, "T1"))

	w.apply(t, first, engine.ConfirmDelivery{})
	require.Equal(t, [3]money.Amount{8_500, 0, 851}, w.balances(t, "T1"), "released, and there is no wallet to send it to")
	w.setWallet(t, "T1", "0500000002")
	w.apply(t, first, engine.Tick{})
	require.Equal(t, [3]money.Amount{0, 0, 851}, w.balances(t, "T1"), "in flight is neither theirs to ask for nor paid")
	w.apply(t, first, transferred(first, 1, 8_500, engine.PayoutReportPaid))
	require.Equal(t, [3]money.Amount{0, 8_500, 851}, w.balances(t, "T1"))

	w.sent(t, second)
	w.apply(t, second, transferred(second, 1, 851, engine.PayoutReportFailed))
	require.Equal(t, [3]money.Amount{851, 8_500, 0}, w.balances(t, "T1"), "a failed one is theirs again")
	w.apply(t, first, transferred(first, 1, 8_500, engine.PayoutReportReversed))
	require.Equal(t, [3]money.Amount{9_351, 0, 0}, w.balances(t, "T1"), "a bounced one is not paid any more")
	require.Equal(t, [3]money.Amount{0, 0, 84_150}, w.balances(t, "T2"))
	w.setWallet(t, "T3", "0500000003")
	require.Equal(t, [3]money.Amount{}, w.balances(t, "T3"), "known by their wallet, and nothing yet")
	w.sound(t)
}

// What was paid last month is not paid this month, to the microsecond, in
// Abidjan's time; what bounced this month is taken off this month.
func TestAMonthBeginsAtMidnightInAbidjan(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.setWallet(t, "T1", "0500000002")
	early, late, bounced := w.heldFor(t, "T1", 10_000), w.heldFor(t, "T1", 20_000), w.heldFor(t, "T1", 40_000)
	for _, p := range []struct {
		id     engine.ID
		amount money.Amount
	}{{early, 8_500}, {late, 17_000}, {bounced, 34_000}} {
		w.sent(t, p.id)
		w.apply(t, p.id, transferred(p.id, 1, p.amount, engine.PayoutReportPaid))
	}
	// A server in another time zone counts the same month.
	w.exec(t, "ALTER ROLE CURRENT_USER IN DATABASE "+w.strings(t, "SELECT current_database()::text")[0]+" SET timezone = 'Asia/Tokyo'")
	w.exec(t, "ALTER TABLE journals DISABLE TRIGGER append_only")
	begins := "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
	w.exec(t, "UPDATE journals SET booked_at = "+begins+" WHERE kind = 'payout.paid' AND transaction_id = $1", [16]byte(late))
	for _, id := range []engine.ID{early, bounced} {
		w.exec(t, "UPDATE journals SET booked_at = "+begins+" - interval '1 microsecond' WHERE kind = 'payout.paid' AND transaction_id = $1",
			[16]byte(id))
	}
	require.Equal(t, [3]money.Amount{0, 17_000, 0}, w.balances(t, "T1"))
	w.apply(t, bounced, transferred(bounced, 1, 34_000, engine.PayoutReportReversed))
	require.Equal(t, [3]money.Amount{34_000, -17_000, 0}, w.balances(t, "T1"), "17 000 paid, 34 000 of last month back")
}

func TestATimelineIsToldInOrder(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.setWallet(t, "T1", "0500000002")
	id := w.heldFor(t, "T1", 10_000)
	w.sent(t, id)
	w.apply(t, id, transferred(id, 1, 8_500, engine.PayoutReportPaid))
	statement, err := w.Payment(t.Context(), id)
	require.NoError(t, err)
	at := map[string]int{}
	for i, m := range statement.Timeline {
		at[m.Machine+" "+m.Subject+" "+m.To] = i
		require.Equal(t, time.UTC, m.At.Location())
		if i > 0 {
			require.False(t, m.At.Before(statement.Timeline[i-1].At), "line %d", i)
		}
	}
	require.Len(t, at, len(statement.Timeline), "each move once: %v", at)
	for _, pair := range [][2]string{
		{"charge  initiated", "charge  succeeded"},
		{"attempt c1 sending", "attempt c1 succeeded"},
		{"charge  succeeded", "hold  released"},
		{"hold  held", "hold  released"},
		{"hold  released", "payout  sent"},
		{"payout  due", "payout  sent"},
		{"try p1 sending", "try p1 paid"},
		{"payout  sent", "payout  paid"},
	} {
		require.Contains(t, at, pair[0])
		require.Contains(t, at, pair[1])
		require.Less(t, at[pair[0]], at[pair[1]], "%s before %s", pair[0], pair[1])
	}
	_, err = w.Payment(t.Context(), freshID())
	require.ErrorIs(t, err, engine.NotFound)
}

// A report reads one moment: a payment that is being written to is never seen
// half before and half after.
func TestAStatementIsOfOneMoment(t *testing.T) {
	t.Parallel()
	w := open(t)
	const payments = 60
	ids := make([]engine.ID, payments)
	for i := range ids {
		ids[i] = freshID()
		w.apply(t, ids[i], initiation(ids[i].String()))
	}
	written := make(chan error, 1)
	go func() {
		for _, id := range ids {
			if _, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)}); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	for _, id := range ids {
		for paid := false; !paid; {
			statement, err := w.Payment(t.Context(), id) // which refuses a state that may not be
			require.NoError(t, err)
			paid = statement.Transaction.Version == 2
			require.Len(t, statement.Timeline, map[bool]int{false: 2, true: 5}[paid])
		}
	}
	require.NoError(t, <-written)
}

func TestABookingsPaymentIsItsOwnersElseTheLatest(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, err := w.BookingPayment(t.Context(), "B1")
	require.ErrorIs(t, err, engine.NotFound)
	poor := engine.ChargeReport{Status: engine.ChargeFailed, Code: engine.CodeInsufficientFunds}
	failed := engine.RecordChargeAnswer{Attempt: 1, Report: poor}
	first, second := freshID(), freshID()
	for _, id := range []engine.ID{first, second} {
		w.apply(t, id, initiation("B1"))
		w.apply(t, id, failed)
		latest, err := w.BookingPayment(t.Context(), "B1")
		require.NoError(t, err)
		require.Equal(t, id, latest)
	}
	w.apply(t, first, succeeded(first, 50_000)) // late, and the slot is free
	owner, err := w.BookingPayment(t.Context(), "B1")
	require.NoError(t, err)
	require.Equal(t, first, owner)
}

func TestCountsAndBooksSayWhatWasDone(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.setWallet(t, "T1", "0500000002")
	paidOut, held, failed := w.heldFor(t, "T1", 10_000), w.heldFor(t, "T1", 20_000), w.heldFor(t, "T1", 40_000)
	w.sent(t, failed)
	w.apply(t, failed, transferred(failed, 1, 34_000, engine.PayoutReportFailed))
	w.sent(t, paidOut)
	w.apply(t, paidOut, transferred(paidOut, 1, 8_500, engine.PayoutReportPaid))
	open := freshID()
	w.apply(t, open, initiation("B1"))
	w.apply(t, open, succeeded(open, 1)) // not the price
	counts, err := w.Counts(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, counts.Payments[engine.ChargeIsSucceeded])
	require.EqualValues(t, 20_000, counts.Held)
	require.EqualValues(t, 50_000, counts.Released)
	require.EqualValues(t, 8_500, counts.PaidOut)
	require.EqualValues(t, 1, counts.InFlight, "what failed is owed still")
	require.EqualValues(t, 5, counts.Identities)
	require.EqualValues(t, 1, counts.Review)
	books, err := w.Books(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]money.Amount{
		charge(paidOut).String(): 10_000, charge(held).String(): 20_000, charge(failed).String(): 40_000,
	}, books.Captured)
	require.Equal(t, map[string]money.Amount{payout(paidOut, 1).String(): 8_500}, books.PaidOut)
	require.Empty(t, books.Refunded)
}

func TestWalletsAreNumberedAndTheSameOneIsNoNewOne(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, step := range []struct {
		digits string
		no     int
		set    bool
	}{{"0500000002", 1, true}, {"0500000002", 1, false}, {"0500000003", 2, true}, {"0500000002", 3, true}} {
		wallet, set, err := w.SetWallet(t.Context(), "T1", theirs(step.digits))
		require.NoError(t, err)
		require.Equal(t, step.no, wallet.No)
		require.Equal(t, step.set, set)
		current, found, err := w.Wallet(t.Context(), "T1")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, wallet, current)
	}
	require.Equal(t, 3, w.count(t, "SELECT count(*) FROM wallets"), "the old ones are history")
}
