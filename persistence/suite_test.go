package persistence_test

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/persistence"
)

// writers are those who must pass every claim of this file.
var writers = map[string]writer{
	"one by one":   oneByOne,
	"in one round": inRounds(persistence.CommitterConfig{Workers: 1}),
	"two at once":  inRounds(persistence.CommitterConfig{Workers: 2, RoundMax: 8}),
}

// eachWriter tries a claim on every writer, each on a database of its own.
func eachWriter(t *testing.T, claim func(t *testing.T, w *world)) {
	t.Helper()
	for name, through := range writers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim(t, openOn(t, schema, through))
		})
	}
}

// lives are payments told by what is asked of them. Between them every field of
// a payment is something else than nothing at least once.
func lives() map[string]func(id engine.ID) []engine.Command {
	asked := time.Now().UTC().Truncate(time.Microsecond).Add(time.Minute)
	inquired := func(id engine.ID, status engine.ChargeReportStatus) engine.Command {
		report := &engine.ChargeReport{Status: status, GatewayReference: "59214"}
		return engine.RecordInquiry{Reference: charge(id), AskedAt: asked, Charge: report}
	}
	answered := func(status engine.ChargeReportStatus, text, url string) engine.Command {
		return engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: status, Text: text, URL: url}}
	}
	return map[string]func(id engine.ID) []engine.Command{
		"paid out": func(id engine.ID) []engine.Command {
			return []engine.Command{
				answered(engine.ChargeWantsOTP, "Composez #144*82#", ""),
				engine.SubmitOTP{OTP: "1234"},
				engine.RecordOTPAnswer{Attempt: 1, Err: engine.Errorf(engine.Declined, engine.CodeOTPInvalid, "")},
				engine.SubmitOTP{OTP: "1234"},
				engine.RecordOTPAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargePending}},
				succeeded(id, 50_000),
				engine.ConfirmDelivery{},
				engine.RecordPayoutAnswer{Try: 1, Send: 1, Report: engine.PayoutReport{Status: engine.PayoutReportPending, Recipient: "RCP_1"}},
				transferred(id, 1, 42_501, engine.PayoutReportPaid),
				transferred(id, 1, 42_500, engine.PayoutReportPaid),
			}
		},
		"payout refused": func(id engine.ID) []engine.Command {
			return []engine.Command{
				succeeded(id, 50_000),
				engine.ConfirmDelivery{},
				engine.RecordPayoutAnswer{Try: 1, Send: 1, Err: &engine.Error{Kind: engine.Declined, Code: engine.CodeWalletRejected, Text: "unknown"}},
			}
		},
		"not found": func(id engine.ID) []engine.Command {
			return []engine.Command{
				engine.RecordChargeAnswer{Attempt: 1, Err: engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "")},
				inquired(id, engine.ChargeAbsent), inquired(id, engine.ChargeAbsent),
			}
		},
		"sent elsewhere": func(engine.ID) []engine.Command {
			return []engine.Command{answered(engine.ChargeRedirects, "Continuez", "https://pay.example/1")}
		},
		"doubted": func(id engine.ID) []engine.Command { return []engine.Command{succeeded(id, 49_999)} },
		"declined": func(engine.ID) []engine.Command {
			return []engine.Command{answered(engine.ChargeFailed, "Solde insuffisant", "")}
		},
		"cancelled, and given back through an API that is slow to know": func(id engine.ID) []engine.Command {
			toldOf := func(status engine.RefundReportStatus) engine.Command {
				report := refunded(id, status).Notification.Refund
				return engine.RecordInquiry{Reference: refund(id), AskedAt: asked, Refund: report}
			}
			return []engine.Command{
				engine.CancelCharge{},
				succeeded(id, 50_000),
				engine.RecordRefundAnswer{Refund: 1, Flight: 1, Send: 1, Err: engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "")},
				engine.RecordInquiry{Reference: refund(id), AskedAt: asked, Refund: &engine.RefundReport{Status: engine.RefundReportAbsent}},
				refunded(id, engine.RefundReportAttention),
				refunded(id, engine.RefundReportDone),
				toldOf(engine.RefundReportFailed), // it bounced, and is owed again
				toldOf(engine.RefundReportDone),
			}
		},
		"moved on, and the first gateway took it late": func(id engine.ID) []engine.Command {
			return []engine.Command{unsent(1), captured(id, 2), succeeded(id, 50_000), refunded(id, engine.RefundReportFailed)}
		},
	}
}

func TestAPaymentsWholeLifeReadsBackAsItWasDecided(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.Orange, Phone: phone.MustParse("0700000001"), Name: "Awa"})
		require.NoError(t, err)
		seen := map[string]bool{}
		for life, commands := range lives() {
			id := freshID()
			c := initiation(life)
			if life == "sent elsewhere" {
				c.Method, c.Payer = engine.Card, engine.Payer{Email: "payer@example.com"}
			}
			c.DeliveryDueAt = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
			for _, cmd := range append([]engine.Command{c}, commands(id)...) {
				told := w.apply(t, id, cmd)
				require.Equal(t, engine.Changed, told.Outcome, "%s: %T", life, cmd)
				st, err := w.Payment(t.Context(), id)
				require.NoError(t, err)
				read, decided := st.Transaction, told.State
				// What stands beside the row is read afresh each time.
				decided.Wallet, decided.WalletAt, decided.Recipients = read.Wallet, read.WalletAt, read.Recipients
				decided.Slot, decided.SlotPaid = read.Slot, read.SlotPaid
				require.Equal(t, decided, read, "%s: after %T", life, cmd)
				require.Len(t, st.Timeline, w.count(t, "SELECT count(*) FROM history WHERE transaction_id = $1", [16]byte(id)))
				witness(seen, reflect.ValueOf(st.Transaction))
				w.sound(t)
			}
		}
		for _, noun := range []any{
			engine.Transaction{}, engine.Attempt{}, engine.Hold{}, engine.Payout{}, engine.Try{}, engine.Refund{}, engine.Wallet{},
		} {
			for _, field := range reflect.VisibleFields(reflect.TypeOf(noun)) {
				if name := reflect.TypeOf(noun).Name() + "." + field.Name; name != "Hold.Refunded" { // refunds of holds are yet to come
					require.True(t, seen[name], "%s was never stored and read back: add it to a life", name)
				}
			}
		}
	})
}

// witness notes every field that is something.
func witness(seen map[string]bool, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			witness(seen, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			witness(seen, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				seen[v.Type().Name()+"."+v.Type().Field(i).Name] = true
				witness(seen, v.Field(i))
			}
		}
	default:
	}
}

func TestFiftyDeliveriesAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		w.apply(t, id, initiation("B1"))
		const copies = 50
		second := w.second(t)
		outcomes := make(chan engine.Outcome, copies)
		var start, done sync.WaitGroup
		start.Add(1)
		for i := range copies {
			store := w.writer
			if i%2 == 1 {
				store = second // as another process
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
	})
}

func TestFiftyInitiationsUnderOneKeyAreOnePayment(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		const copies = 50
		states := make(chan engine.Applied, copies)
		var done sync.WaitGroup
		for range copies {
			done.Go(func() {
				applied, err := persist(t.Context(), w, engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
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
	})
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
		require.NoError(t, err)
		_, err = w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B2"), Key: key("k", 2)})
		require.Equal(t, engine.CodeIdempotencyKeyReused, engine.CodeOf(err))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM transactions"))
		_, _, _, err = w.Recall(t.Context(), *key("k", 2))
		require.Equal(t, engine.CodeIdempotencyKeyReused, engine.CodeOf(err))
	})
}

func TestARefusedAskLeavesNoTraceAndNoKey(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		c := initiation("B1")
		c.Amount = 1
		_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: c, Key: key("k", 1)})
		require.ErrorIs(t, err, engine.Invalid)
		for _, table := range []string{"transactions", "attempts", "idempotency", "open_bookings", "due", "history"} {
			require.Zero(t, w.count(t, "SELECT count(*) FROM "+table), table)
		}
		_, err = w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
		require.NoError(t, err, "the key is still free")
	})
}

func TestTheFirstAnswerIsEverybodysAnswer(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
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
	})
}

func TestADuplicateAskKeepsItsKey(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
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
	})
}

func TestOneOpenPaymentForEachBooking(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		const copies = 20
		results := make(chan error, copies)
		var done sync.WaitGroup
		for range copies {
			done.Go(func() {
				_, err := persist(t.Context(), w, engine.Ask{Transaction: freshID(), Command: initiation("B1")})
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
	})
}

func TestASlotIsFreeAfterAFailureAndALateSuccessIsOwedBack(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		first := freshID()
		w.apply(t, first, initiation("B1"))
		poor := engine.ChargeReport{Status: engine.ChargeFailed, Code: engine.CodeInsufficientFunds}
		w.apply(t, first, engine.RecordChargeAnswer{Attempt: 1, Report: poor})
		w.sound(t)
		second := w.paid(t, "B1")
		applied := w.apply(t, first, succeeded(first, 50_000))
		require.Equal(t, engine.Surplus, applied.State.Attempts[0].Disposition)
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM refunds WHERE amount = 50000 AND status = 'sending' AND gateway = 'paystack'"))
		owner, err := w.BookingPayment(t.Context(), "B1")
		require.NoError(t, err)
		require.Equal(t, second, owner)
		w.sound(t)
	})
}

func TestACommandForNobodyIsNotFound(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		for _, cmd := range []engine.Command{engine.Tick{}, engine.ConfirmDelivery{}, succeeded(freshID(), 1)} {
			_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: cmd})
			require.ErrorIs(t, err, engine.NotFound)
		}
	})
}

func TestAMismatchMovesNoMoneyAndIsKept(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
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
	})
}

// Two processes play the same life of the same payments at once: whoever is
// later does nothing, and nothing is done twice.
func TestTwoProcessesLeaveOneHistory(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse("0500000002"), Name: "Awa"})
		require.NoError(t, err)
		const payments = 10
		ids := make([]engine.ID, payments)
		for i := range ids {
			ids[i] = freshID()
			w.apply(t, ids[i], initiation(ids[i].String()))
		}
		failures := make(chan error, 2*payments*5)
		var done sync.WaitGroup
		for _, process := range []applier{w, w.second(t)} {
			done.Go(func() {
				for _, id := range ids {
					for _, cmd := range []engine.Command{
						succeeded(id, 50_000),
						engine.ConfirmDelivery{},
						engine.Tick{},
						engine.RecordPayoutAnswer{Try: 1, Send: 1, Report: engine.PayoutReport{Status: engine.PayoutReportPending, Recipient: "RCP_1"}},
						transferred(id, 1, 42_500, engine.PayoutReportPaid),
					} {
						if _, err := persist(t.Context(), process, engine.Ask{Transaction: id, Command: cmd}); err != nil {
							failures <- err
						}
					}
				}
			})
		}
		done.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		require.Equal(t, payments, w.count(t, "SELECT count(*) FROM payouts WHERE status = 'paid'"))
		require.Equal(t, payments, w.count(t, "SELECT count(*) FROM payout_tries"))
		require.Equal(t, 4*payments, w.count(t, "SELECT count(*) FROM outbox"))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM recipients"), "the wallet has one name at the gateway")
		w.sound(t)
	})
}

func TestACopyOfWhatCountsLeavesNoTrace(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := w.paid(t, "B1")
		before := w.count(t, "SELECT sum(version) FROM transactions")
		copied := succeeded(id, 50_000)
		copied.Notification.Delivery.Signature = []byte("signed by the next key")
		require.Equal(t, engine.Duplicate, w.apply(t, id, copied).Outcome)
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox"))
		require.Equal(t, before, w.count(t, "SELECT sum(version) FROM transactions"))
	})
}

// A webhook that was slower than our own question changes nothing, and it is
// answered 200: its identity and its bytes are there to show.
func TestWhatAnInquiryToldFirstIsStillKept(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		w.apply(t, id, initiation("B1"))
		told := succeeded(id, 50_000)
		require.NoError(t, w.Park(t.Context(), told.Notification), "it had come when the payment could not be read")
		require.Equal(t, engine.Changed, w.apply(t, id, engine.RecordInquiry{Reference: charge(id), Charge: told.Notification.Charge}).Outcome)

		applied := w.apply(t, id, told)
		require.Equal(t, engine.Duplicate, applied.Outcome)
		require.Contains(t, applied.Counted, told.Notification.Identity)
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM inbox WHERE status = 'counted' AND next_at IS NULL"), "it has left the waiting ones")
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM deliveries"))
		w.sound(t)
	})
}

func TestATickMakesTheDueRowsSayWhatTheStateDoes(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := w.paid(t, "B1")
		w.exec(t, "UPDATE due SET due_at = now(), claimed_until = now() + interval '1 h' WHERE kind = 'release'")
		w.exec(t, "INSERT INTO due (transaction_id, kind, due_at) VALUES ($1, 'payout', now())", [16]byte(id))
		require.Equal(t, engine.Duplicate, w.apply(t, id, engine.Tick{}).Outcome)
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM due"))
		require.Equal(t, 1, w.count(t, `SELECT count(*) FROM due JOIN holds USING (transaction_id)
		WHERE kind = 'release' AND due_at = release_at AND claimed_until IS NULL`))
	})
}

func TestAReplayCarriesNoEffects(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		id := freshID()
		first, err := w.Apply(t.Context(), engine.Ask{Transaction: id, Command: initiation("B1"), Key: key("k", 1)})
		require.NoError(t, err)
		require.Len(t, first.Effects, 1)
		w.apply(t, id, succeeded(id, 50_000))
		replayed, err := w.second(t).Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("k", 1)})
		require.NoError(t, err)
		require.Equal(t, engine.Replayed, replayed.Outcome)
		require.Empty(t, replayed.Effects)
		require.Empty(t, replayed.Events)
		require.Equal(t, id, replayed.State.ID)
		require.Equal(t, engine.ChargeIsSucceeded, replayed.State.Status, "the state is today's")
	})
}
