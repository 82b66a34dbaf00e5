package persistence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// moved brings a payment to its second gateway, the first unreached.
func (w *world) moved(t testing.TB, booking string) engine.ID {
	t.Helper()
	id := freshID()
	w.apply(t, id, initiation(booking))
	w.apply(t, id, unsent(1))
	return id
}

// surplus brings a payment to be paid twice, the gateway named being the one that
// took it once too often.
func (w *world) surplus(t testing.TB, booking string, through engine.Gateway) engine.ID {
	t.Helper()
	id := w.moved(t, booking)
	successes := []engine.Notify{succeeded(id, 50_000), captured(id, 2)}
	if through == engine.Paystack {
		successes[0], successes[1] = successes[1], successes[0]
	}
	for _, success := range successes {
		w.apply(t, id, success)
	}
	return id
}

func (w *world) prompts(t testing.TB, id engine.ID) int {
	t.Helper()
	return w.count(t, "SELECT count(*) FROM open_prompts WHERE transaction_id = $1", [16]byte(id))
}

func TestMovingOnIsOneCommitAndThePhoneStaysTaken(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		w.apply(t, id, initiation("B1"))
		taken := w.strings(t, "SELECT xmin::text FROM open_prompts")
		applied := w.apply(t, id, unsent(1))
		require.Equal(t, 2, applied.State.Version)
		require.Equal(t, engine.ChargeIsInitiated, applied.State.Status, "nothing has failed")
		require.Len(t, applied.Effects, 1)
		call, is := applied.Effects[0].(engine.ChargeCall)
		require.True(t, is)
		require.Equal(t, chargeNo(id, 2), call.Reference)
		require.Equal(t, engine.FedaPay, call.Gateway)
		require.Equal(t, []string{"paystack direct rejected", "fedapay direct sending"},
			w.strings(t, "SELECT concat_ws(' ', gateway, flow, status) FROM attempts ORDER BY no"))
		require.Equal(t, taken, w.strings(t, "SELECT xmin::text FROM open_prompts"), "the row was not written again")
		w.sound(t)

		w.apply(t, id, captured(id, 2))
		require.Zero(t, w.prompts(t, id), "paid: nobody asks on that phone")
		w.sound(t)
	})
}

func TestAppliedTellsTheMovesThatAreInHistory(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		w.apply(t, id, initiation("B1"))
		var told []string
		for _, m := range w.apply(t, id, unsent(1)).Moves {
			told = append(told, fmt.Sprintf("%s %d: %s to %s", m.Subject, m.Step, m.From, m.To))
		}
		require.Len(t, told, 2)
		require.Equal(t, told, w.strings(t, `
			SELECT format('%s %s: %s to %s', subject, step, from_status, to_status) FROM history WHERE version = 2 ORDER BY place`))
		require.Empty(t, w.apply(t, id, unsent(1)).Moves, "a duplicate moves nothing")
	})
}

// What this process has seen of the outside goes into every decision.
func TestARestingGatewayIsPassedOver(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		w.health.Store(&engine.Health{Resting: []engine.Gateway{engine.Paystack}})
		applied := w.apply(t, freshID(), initiation("B1"))
		require.Equal(t, engine.FedaPay, applied.State.Attempts[0].Gateway)
		w.health.Store(&engine.Health{Resting: []engine.Gateway{engine.Paystack, engine.FedaPay}})
		_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B2")})
		require.Equal(t, engine.CodeGatewaysResting, engine.CodeOf(err))
		w.sound(t)
	})
}

// Turned away by everybody, a payment has no live attempt, no prompt, and is not
// forgotten.
func TestWhatEveryGatewayTurnedAwayIsOfferedAgain(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := w.moved(t, "B1")
		w.apply(t, id, unsent(2))
		require.Zero(t, w.prompts(t, id))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM due WHERE kind = 'charge' AND due_at < now() + interval '2 min'"))
		w.sound(t)
		w.exec(t, "UPDATE attempts SET check_at = now() - interval '1 s', since_at = since_at - interval '1 min'")
		applied := w.apply(t, id, engine.Tick{})
		require.Len(t, applied.State.Attempts, 3)
		require.Equal(t, 1, w.prompts(t, id))
		w.sound(t)
	})
}

// A late success on the dead attempt: what is owed, its books and its call are one
// commit, whatever breaks on the way.
func TestALateSuccessOnTheDeadAttemptOwesItBackInOneCommit(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := w.moved(t, "B1")
		w.apply(t, id, captured(id, 2))
		before := w.footprint(t)
		w.exec(t, `CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a fault'; END $$`)
		for _, table := range []string{"refunds", "history", "outbox", "inbox", "due", "journals", "postings"} {
			w.exec(t, "CREATE TRIGGER breaks AFTER INSERT ON "+table+" FOR EACH STATEMENT EXECUTE FUNCTION breaks()")
			_, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
			require.ErrorIs(t, err, engine.Internal, table)
			require.Equal(t, before, w.footprint(t), "broken at %s", table)
			w.exec(t, "DROP TRIGGER breaks ON "+table)
		}

		applied := w.apply(t, id, succeeded(id, 50_000))
		require.Equal(t, engine.Kept, applied.State.Attempts[1].Disposition)
		require.Equal(t, engine.Surplus, applied.State.Attempts[0].Disposition)
		require.Len(t, applied.Effects, 1)
		call, is := applied.Effects[0].(engine.RefundCall)
		require.True(t, is)
		require.Equal(t, engine.Paystack, call.Gateway)
		require.Equal(t, refund(id), call.Reference)
		require.Equal(t, []string{"charge.surplus c1", "charge.fee c1", "refund.sent r1"}, w.strings(t, `
			SELECT concat_ws(' ', j.kind, j.cause) FROM journals j JOIN refunds r USING (transaction_id)
			 WHERE j.booked_at = r.owed_at ORDER BY j.no`))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM due WHERE kind = 'refund'"))
		w.sound(t)
	})
}

// footprint counts what a commit leaves behind.
func (w *world) footprint(t testing.TB) []string {
	t.Helper()
	return w.strings(t, `
		SELECT 'version ' || version FROM transactions
		 UNION ALL SELECT concat_ws(' ', reference, status, disposition) FROM attempts
		 UNION ALL SELECT 'refunds ' || count(*) FROM refunds
		 UNION ALL SELECT 'history ' || count(*) FROM history
		 UNION ALL SELECT 'outbox ' || count(*) FROM outbox
		 UNION ALL SELECT 'inbox ' || count(*) FROM inbox
		 UNION ALL SELECT 'due ' || count(*) FROM due
		 UNION ALL SELECT 'journals ' || count(*) FROM journals
		 UNION ALL SELECT 'postings ' || count(*) FROM postings ORDER BY 1`)
}

// Two nodes hear at the same moment that both gateways took the money.
func TestOfTwoSuccessesAtOnceOneIsKeptAndOneOwedBack(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		nodes := []applier{w, w.second(t)}
		const payments = 20
		for range payments {
			id := w.moved(t, freshID().String())
			for _, err := range atOnce(t.Context(), nodes, []engine.Ask{
				{Transaction: id, Command: succeeded(id, 50_000)}, {Transaction: id, Command: captured(id, 2)},
			}) {
				require.NoError(t, err)
			}
			require.Equal(t, []string{"kept", "surplus"}, w.strings(t,
				"SELECT disposition FROM attempts WHERE transaction_id = $1 ORDER BY disposition", [16]byte(id)))
		}
		require.Equal(t, payments, w.count(t, "SELECT count(*) FROM holds"))
		require.Equal(t, payments, w.count(t, `
			SELECT count(*) FROM refunds r JOIN attempts a USING (transaction_id) WHERE a.no = r.attempt_no AND a.disposition = 'surplus'`))
		require.Equal(t, payments*50_000, w.count(t, "SELECT sum(amount) FROM postings WHERE account = 'escrow:held'"))
		w.sound(t)
	})
}

// A late success while the newer attempt may still debit: the newer goes on asking,
// and no other payment may ask that phone for that amount beside it.
func TestAPhoneStaysTakenWhileTheNewerAttemptLives(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		c := initiation("B1")
		w.apply(t, id, c)
		w.apply(t, id, unsent(1))
		w.apply(t, id, succeeded(id, 50_000))
		require.Equal(t, 1, w.prompts(t, id))
		c.Booking = "B2"
		_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: c})
		require.Equal(t, engine.CodePromptOpen, engine.CodeOf(err))
		w.sound(t)
	})
}

// Two bookings, one payer, one amount: the phone would show the same twice.
func TestOfTwoPaymentsThatWouldAskTheSameOfAPhoneOneIsRefused(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		nodes := []applier{w, w.second(t)}
		for range 20 {
			c := initiation(freshID().String())
			asks := []engine.Ask{{Transaction: freshID(), Command: c}}
			c.Booking = freshID().String()
			asks = append(asks, engine.Ask{Transaction: freshID(), Command: c})
			errs := atOnce(t.Context(), nodes, asks)
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			require.NoError(t, errs[winner])
			require.ErrorIs(t, errs[1-winner], engine.Conflict)
			var refused *engine.Error
			require.ErrorAs(t, errs[1-winner], &refused)
			require.Equal(t, engine.CodePromptOpen, refused.Code)
			require.Equal(t, asks[winner].Transaction, refused.About, "it says whose request is out")
			require.Equal(t, 1, w.prompts(t, asks[winner].Transaction))

			c.Booking = freshID().String()
			c.Amount++
			_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: c})
			require.NoError(t, err, "another amount can be told apart")
		}
		w.sound(t)
	})
}

func TestAPageAsksOnNobodysPhone(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		for _, booking := range []string{"B1", "B2"} {
			c := initiation(booking)
			c.Method, c.Payer = engine.Card, engine.Payer{Email: "payer@example.com"}
			applied := w.apply(t, freshID(), c)
			require.Equal(t, engine.Hosted, applied.State.Attempts[0].Flow)
		}
		require.Zero(t, w.count(t, "SELECT count(*) FROM open_prompts"))
		require.Equal(t, 2, w.count(t, "SELECT count(*) FROM transactions WHERE method = 'card' AND operator = '' AND phone_index = ''"))
		w.sound(t)
	})
}

// A cancelled payment gives its booking up at once; its request may still be on
// the phone, and what is approved there goes back.
func TestACancelledPaymentLeavesItsBookingButNotThePhone(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		w.apply(t, id, initiation("B1"))
		w.apply(t, id, engine.CancelCharge{})
		require.Zero(t, w.count(t, "SELECT count(*) FROM open_bookings"))
		require.Equal(t, 1, w.prompts(t, id))
		w.sound(t)
		another := w.paid(t, "B1")
		applied := w.apply(t, id, succeeded(id, 50_000))
		require.Equal(t, engine.ChargeIsCancelled, applied.State.Status)
		require.Equal(t, engine.Surplus, applied.State.Attempts[0].Disposition)
		require.Zero(t, w.prompts(t, id))
		owner, err := w.BookingPayment(t.Context(), "B1")
		require.NoError(t, err)
		require.Equal(t, another, owner)
		w.sound(t)
	})
}

// From the lost answer to the money back, each step in the books and by the clock.
func TestARefundIsAskedAboutUntilItIsDone(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := w.surplus(t, "B1", engine.Paystack)
		balance := func(account string) int {
			return w.count(t, "SELECT coalesce(sum(amount), 0) FROM postings WHERE account = $1", account)
		}
		require.Equal(t, 50_000, balance("refund:in_flight"))
		w.exec(t, "UPDATE refunds SET next_at = now() - interval '1 s'")
		w.exec(t, "UPDATE due SET due_at = now() - interval '1 s' WHERE kind = 'refund'")
		claimed, err := w.ClaimDue(t.Context(), 10, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []engine.ID{id}, claimed)
		applied := w.apply(t, id, engine.Tick{})
		require.Equal(t, engine.RefundIsUnknown, applied.State.Refunds[0].Status)
		require.Len(t, applied.Effects, 1)
		asked, is := applied.Effects[0].(engine.InquireCall)
		require.True(t, is)
		require.Equal(t, charge(id), asked.Charge)
		w.sound(t)

		require.Equal(t, engine.Changed, w.apply(t, id, refunded(id, engine.RefundReportDone)).Outcome)
		require.Equal(t, engine.Duplicate, w.apply(t, id, refunded(id, engine.RefundReportDone)).Outcome)
		require.Zero(t, balance("refund:in_flight"))
		require.Zero(t, balance("payer:surplus"))
		require.Zero(t, w.count(t, "SELECT count(*) FROM due WHERE kind = 'refund'"))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM outbox WHERE kind = 'payment.refunded' AND payload LIKE '%-r1%'"))
		w.sound(t)
	})
}

func TestWhatPeopleMustGiveBackIsListedLongestOwedFirst(t *testing.T) {
	t.Parallel()
	w := open(t)
	manual, held := w.surplus(t, "B1", engine.FedaPay), w.surplus(t, "B2", engine.Paystack)
	for booking, refused := range map[string]*engine.Error{ // the engine's: given back beside it, it would be given back twice
		"B3": engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, ""),
		"B5": engine.Errorf(engine.Unavailable, engine.CodeGatewayUnreachable, ""),
	} {
		w.apply(t, w.surplus(t, booking, engine.Paystack), engine.RecordRefundAnswer{Refund: 1, Flight: 1, Send: 1, Err: refused})
	}
	done := w.surplus(t, "B4", engine.Paystack)
	w.apply(t, done, refunded(done, engine.RefundReportDone))
	w.apply(t, held, refunded(held, engine.RefundReportAttention))
	waiting, err := w.RefundsWaiting(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 2)
	first := waiting[0]
	require.Equal(t, manual.Payment(), first.Payment)
	require.Equal(t, refund(manual).String(), first.Reference)
	require.Equal(t, chargeNo(manual, 2).String(), first.Charge)
	require.Equal(t, "102030", first.ChargeAtGateway, "what FedaPay's dashboard is searched by")
	require.Equal(t, engine.FedaPay, first.Gateway)
	require.Equal(t, engine.RefundIsManual, first.Status)
	require.Equal(t, "B1", first.Booking)
	require.EqualValues(t, 50_000, first.Amount)
	require.Equal(t, time.UTC, first.OwedAt.Location())
	require.Equal(t, engine.CodeRefundAttention, waiting[1].Code)
	require.Equal(t, "RFD_1", waiting[1].RefundAtGateway)
	one, err := w.RefundsWaiting(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, waiting[:1], one)
	counts, err := w.Counts(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 200_000, counts.Owed)
	require.EqualValues(t, 50_000, counts.Refunded)
	require.EqualValues(t, 5, counts.Surplus)
	require.Zero(t, counts.InDoubt)
	books, err := w.Books(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]money.Amount{chargeNo(done, 1).String(): 50_000}, books.Refunded)
	require.EqualValues(t, 50_000, books.Captured[chargeNo(done, 1).String()])
}

// One commit may move several machines: they are told in the order of the decision.
func TestATimelineTellsTheMovesOfACommitInTheirOrder(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.surplus(t, "B1", engine.Paystack)
	w.apply(t, id, refunded(id, engine.RefundReportDone))
	statement, err := w.Payment(t.Context(), id)
	require.NoError(t, err)
	var told []string
	for _, m := range statement.Timeline {
		told = append(told, m.Machine+" "+m.Subject+" "+m.To)
	}
	require.Equal(t, []string{
		"charge  initiated", "attempt c1 sending",
		"attempt c1 rejected", "attempt c2 sending",
		"attempt c2 succeeded", "hold  held", "charge  succeeded",
		"attempt c1 succeeded", "refund r1 owed", "refund r1 sending",
		"refund r1 done",
	}, told)
}
