package persistence_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

var schema = pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
	return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
}}

// world is a store on a database of its own, with a window to look in by.
type world struct {
	*persistence.Store
	dsn    string
	policy *engine.Policy
	window *pgxpool.Pool
}

func open(t testing.TB) *world {
	t.Helper()
	policy := engine.DefaultPolicy()
	policy.Live = map[engine.Gateway]bool{engine.Paystack: true}
	w := &world{dsn: pgtest.DSN(t, schema), policy: &policy}
	w.Store = w.another(t)
	var err error
	w.window, err = pgxpool.New(t.Context(), w.dsn)
	require.NoError(t, err)
	t.Cleanup(w.window.Close)
	return w
}

// another opens a second store on the same database, as another node would.
func (w *world) another(t testing.TB) *persistence.Store {
	t.Helper()
	s, err := persistence.Open(t.Context(), persistence.Config{DSN: w.dsn, Policy: w.policy, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func (w *world) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, w.window.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func (w *world) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	_, err := w.window.Exec(t.Context(), query, args...)
	require.NoError(t, err)
}

func (w *world) sound(t testing.TB) {
	t.Helper()
	found, err := w.CheckInvariants(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}

func freshID() engine.ID { return engine.ID(uuid.Must(uuid.NewV7())) }

func initiation(booking string) engine.InitiateCharge {
	return engine.InitiateCharge{
		Principal: "platform", Booking: booking, Talent: "T1", Amount: 50_000, Currency: money.XOF, Method: engine.MobileMoney,
		Payer: engine.Payer{Operator: phone.MTN, Phone: phone.MustParse("0500000001"), Email: "payer@example.com"},
	}
}

func (w *world) apply(t testing.TB, id engine.ID, cmd engine.Command) engine.Applied {
	t.Helper()
	applied, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: cmd})
	require.NoError(t, err)
	return applied
}

func charge(id engine.ID) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1}
}

func payout(id engine.ID, no int) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.PayoutReference, Number: no}
}

func succeeded(id engine.ID, amount money.Amount) engine.Notify {
	r := charge(id)
	return engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "charge.success", Reference: r,
		Identity: engine.NewIdentity(engine.Paystack, "charge.success", r.String(), "success"),
		Charge: &engine.ChargeReport{
			Status: engine.ChargeSucceeded, Amount: amount, Currency: money.XOF, Live: true,
			GatewayReference: "59214", Fee: 975, FeeSubunits: 97_500,
		},
		Delivery: engine.Delivery{Signature: []byte{1, 2, 3}, Body: []byte(`{"event":"charge.success"}`), ReceivedAt: time.Now()},
	}}
}

func transferred(id engine.ID, no int, amount money.Amount, status engine.PayoutReportStatus) engine.Notify {
	r := payout(id, no)
	return engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "transfer", Reference: r,
		Identity: engine.NewIdentity(engine.Paystack, "transfer", r.String(), string(status)),
		Payout:   &engine.PayoutReport{Status: status, Amount: amount, Currency: money.XOF, Live: true, GatewayReference: "TRF_1", Fee: 10},
		Delivery: engine.Delivery{Signature: []byte{9}, Body: []byte(`{"event":"transfer.success"}`), ReceivedAt: time.Now()},
	}}
}

// paid brings a payment to its hold.
func (w *world) paid(t testing.TB, booking string) engine.ID {
	t.Helper()
	id := freshID()
	w.apply(t, id, initiation(booking))
	w.apply(t, id, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone, Text: "Tapez *133#"}})
	w.apply(t, id, succeeded(id, 50_000))
	return id
}

func TestAPaymentsWholeLifeReadsBackAsItWasDecided(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.Orange, Phone: phone.MustParse("0700000001"), Name: "Awa"})
	require.NoError(t, err)
	id := freshID()
	c := initiation("B1")
	c.DeliveryDueAt = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, cmd := range []engine.Command{
		c,
		engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeWantsOTP, Text: "Composez #144*82#"}},
		engine.SubmitOTP{OTP: "1234"},
		engine.RecordOTPAnswer{Attempt: 1, Err: engine.Errorf(engine.Declined, engine.CodeOTPInvalid, "")},
		engine.SubmitOTP{OTP: "1234"},
		engine.RecordOTPAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargePending}},
		succeeded(id, 50_000),
		engine.ConfirmDelivery{},
		engine.Tick{},
		engine.RecordPayoutAnswer{Try: 1, Report: engine.PayoutReport{Status: engine.PayoutReportPending, Recipient: "RCP_1"}},
		transferred(id, 1, 42_500, engine.PayoutReportPaid),
	} {
		applied := w.apply(t, id, cmd)
		require.Equal(t, engine.Changed, applied.Outcome, "%T", cmd)
		st, err := w.Payment(t.Context(), id)
		require.NoError(t, err)
		stripped, told := st.Transaction, applied.State
		// What stands beside the row is read afresh each time.
		stripped.Wallet, told.Wallet, stripped.Recipients, told.Recipients = nil, nil, nil, nil
		require.Equal(t, told, stripped, "after %T", cmd)
		w.sound(t)
	}
	st, err := w.Payment(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, engine.PayoutIsPaid, st.Transaction.Payout.Status)
	require.Equal(t, "RCP_1", st.Transaction.Recipients[engine.Paystack])
	require.Len(t, st.Timeline, 14, "every move is in the timeline")
	require.Equal(t, 4, w.count(t, "SELECT count(*) FROM outbox"))
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries"))
	require.Zero(t, w.count(t, "SELECT count(*) FROM due"), "nothing is left to do")
}

func TestFiftyDeliveriesAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	w := open(t)
	other := w.another(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	const copies = 50
	outcomes := make(chan engine.Outcome, copies)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range copies {
		store := w.Store
		if i%2 == 1 {
			store = other // as another process
		}
		done.Go(func() {
			start.Wait()
			applied, err := persist(t.Context(), store, engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
			if err == nil {
				outcomes <- applied.Outcome
			}
		})
	}
	start.Done()
	done.Wait()
	close(outcomes)
	counts := map[engine.Outcome]int{}
	for o := range outcomes {
		counts[o]++
	}
	require.Equal(t, map[engine.Outcome]int{engine.Changed: 1, engine.Duplicate: copies - 1}, counts)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM holds"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM outbox WHERE kind = 'payment.received'"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted'"))
	w.sound(t)
}

// persist applies and comes again when told that the database is busy, as a
// gateway does: a row lock waits one second, and fifty wait in line.
func persist(ctx context.Context, s *persistence.Store, ask engine.Ask) (applied engine.Applied, err error) {
	for range 100 {
		applied, err = s.Apply(ctx, ask)
		if err == nil || engine.CodeOf(err) != engine.CodeOverloaded {
			return applied, err
		}
	}
	return applied, err
}

func key(name string, body byte) *engine.IdempotencyKey {
	return &engine.IdempotencyKey{Principal: "platform", Operation: "initiate", Key: name, Hash: [32]byte{body}}
}

func TestFiftyInitiationsUnderOneKeyAreOnePayment(t *testing.T) {
	t.Parallel()
	w := open(t)
	const copies = 50
	states := make(chan engine.Applied, copies)
	var done sync.WaitGroup
	for range copies {
		done.Go(func() {
			applied, err := persist(t.Context(), w.Store, engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
			if err == nil {
				states <- applied
			}
		})
	}
	done.Wait()
	close(states)
	changed, seen := 0, map[engine.ID]int{}
	for applied := range states {
		seen[applied.State.ID]++
		if applied.Outcome == engine.Changed {
			changed++
			require.Len(t, applied.Effects, 1)
		} else {
			require.Equal(t, engine.Replayed, applied.Outcome)
			require.Empty(t, applied.Effects, "a replay calls nobody")
		}
	}
	require.Equal(t, 1, changed)
	require.Len(t, seen, 1, "everybody was told of the same payment")
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM transactions"))
	w.sound(t)
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
	require.NoError(t, err)
	_, err = w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B2"), Key: key("k", 2)})
	require.Equal(t, engine.CodeIdempotencyKeyReused, engine.CodeOf(err))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM transactions"))
	_, _, _, err = w.Recall(t.Context(), *key("k", 2))
	require.Equal(t, engine.CodeIdempotencyKeyReused, engine.CodeOf(err))
}

func TestARefusedAskLeavesNoTraceAndNoKey(t *testing.T) {
	t.Parallel()
	w := open(t)
	c := initiation("B1")
	c.Amount = 1
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: c, Key: key("k", 1)})
	require.ErrorIs(t, err, engine.Invalid)
	for _, table := range []string{"transactions", "attempts", "idempotency", "open_bookings", "due", "history"} {
		require.Zero(t, w.count(t, "SELECT count(*) FROM "+table), table)
	}
	_, err = w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
	require.NoError(t, err, "the key is still free")
}

func TestTheFirstAnswerIsEverybodysAnswer(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, _, err := w.Remember(t.Context(), *key("k", 1), 202, []byte("too early"))
	require.ErrorIs(t, err, engine.NotFound)
	_, err = w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
	require.NoError(t, err)
	_, _, found, err := w.Recall(t.Context(), *key("k", 1))
	require.NoError(t, err)
	require.False(t, found)
	for _, body := range []string{"first", "second"} {
		status, answer, err := w.Remember(t.Context(), *key("k", 1), 202, []byte(body))
		require.NoError(t, err)
		require.Equal(t, 202, status)
		require.Equal(t, "first", string(answer))
	}
}

func TestADuplicateAskKeepsItsKey(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	w.apply(t, id, engine.ConfirmDelivery{})
	k := &engine.IdempotencyKey{Principal: "platform", Operation: "confirm", Key: "again", Hash: [32]byte{7}}
	applied, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: engine.ConfirmDelivery{}, Key: k})
	require.NoError(t, err)
	require.Equal(t, engine.Duplicate, applied.Outcome)
	_, _, err = w.Remember(t.Context(), *k, 200, []byte("{}"))
	require.NoError(t, err)
	applied, err = w.Apply(t.Context(), engine.Ask{Transaction: id, Command: engine.ConfirmDelivery{}, Key: k})
	require.NoError(t, err)
	require.Equal(t, engine.Replayed, applied.Outcome)
}

func TestOneOpenPaymentForEachBooking(t *testing.T) {
	t.Parallel()
	w := open(t)
	const copies = 20
	results := make(chan error, copies)
	var done sync.WaitGroup
	for range copies {
		done.Go(func() {
			_, err := persist(t.Context(), w.Store, engine.Ask{Transaction: freshID(), Command: initiation("B1")})
			results <- err
		})
	}
	done.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
			continue
		}
		require.Equal(t, engine.CodeBookingBeingPaid, engine.CodeOf(err))
	}
	require.Equal(t, 1, won)
	w.sound(t)
}

func TestASlotIsFreeAfterAFailureAndALateSuccessIsOwedBack(t *testing.T) {
	t.Parallel()
	w := open(t)
	first := freshID()
	w.apply(t, first, initiation("B1"))
	poor := engine.ChargeReport{Status: engine.ChargeFailed, Code: engine.CodeInsufficientFunds}
	w.apply(t, first, engine.RecordChargeAnswer{Attempt: 1, Report: poor})
	w.sound(t)
	second := w.paid(t, "B1")
	applied := w.apply(t, first, succeeded(first, 50_000))
	require.Equal(t, engine.Surplus, applied.State.Attempts[0].Disposition)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM refunds WHERE amount = 50000 AND status = 'due'"))
	owner, err := w.BookingPayment(t.Context(), "B1")
	require.NoError(t, err)
	require.Equal(t, second, owner)
	w.sound(t)
}

func TestACommandForNobodyIsNotFound(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, cmd := range []engine.Command{engine.Tick{}, engine.ConfirmDelivery{}, succeeded(freshID(), 1)} {
		_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: cmd})
		require.ErrorIs(t, err, engine.NotFound)
	}
}

func TestAMismatchMovesNoMoneyAndIsKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	applied := w.apply(t, id, succeeded(id, 49_999))
	require.Equal(t, engine.ReviewAmount, applied.State.Review)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'review'"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
	require.Zero(t, w.count(t, "SELECT count(*) FROM postings"))
	right := succeeded(id, 50_000)
	right.Notification.Delivery.Signature = []byte{4}
	w.apply(t, id, right)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted'"), "the same identity, and now it counts")
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM deliveries"), "both bodies are evidence")
	w.sound(t)
}

func TestAnUnreachableDatabaseIsOverloaded(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.Close()
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1")})
	require.ErrorIs(t, err, engine.Overloaded)
}

func BenchmarkApply(b *testing.B) {
	w := open(b)
	ids := make([]engine.ID, b.N)
	for i := range ids {
		ids[i] = freshID()
		w.apply(b, ids[i], initiation(ids[i].String()))
	}
	b.ResetTimer()
	for _, id := range ids {
		w.apply(b, id, succeeded(id, 50_000))
	}
}
