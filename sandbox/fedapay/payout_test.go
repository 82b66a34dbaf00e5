package fedapay_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox/fedapay"
)

func TestAPayoutMovesNothingBeforeItIsStarted(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{Float: 100_000, WebhookURL: hooks.URL})
	id := w.payout("out", "0500000001", 10_000)
	w.pass(time.Hour)
	require.EqualValues(t, 100_000, w.server.Books().Balance)
	require.Equal(t, "pending", w.get("/v1/payouts/merchant/out").of("payout")["status"])
	begun := w.begin(id)
	require.Equal(t, 200, begun.code, string(begun.raw))
	require.Equal(t, "started", begun.list("payouts")[0].(map[string]any)["status"])
	require.EqualValues(t, 100_000-10_150, w.server.Books().Balance, "amount and fee leave at once")
	require.Equal(t, 400, w.begin(id).code, "never twice")
	w.pass(2 * time.Second)
	require.Equal(t, "processing", w.get("/v1/payouts/merchant/out").of("payout")["status"])
	w.pass(3 * time.Second)
	require.Equal(t, "sent", w.get("/v1/payouts/" + number(id)).of("payout")["status"])
	require.Equal(t, []string{"payout.sent"}, hooks.names())
	require.EqualValues(t, 10_000, hooks.got()[0].entity["amount"])
	require.True(t, w.server.Books().Balanced())
	require.Len(t, w.get("/v1/payouts/search?search=out").list("payouts"), 1)
}

func TestEachWalletChoosesItsOutcome(t *testing.T) {
	t.Parallel()
	const amount, fee = 10_000, 150
	for _, c := range []struct {
		ending, answer string
		after          map[time.Duration]string
		events         []string
		returned       bool
	}{
		{"0001", "started", map[time.Duration]string{4 * time.Second: "processing", 5 * time.Second: "sent"}, []string{"payout.sent"}, false},
		{"0040", "started", map[time.Duration]string{5 * time.Second: "failed"}, []string{"payout.failed"}, true},
		{"0041", "started", map[time.Duration]string{5 * time.Second: "failed"}, []string{"payout.failed"}, true},
		{"0042", "started", map[time.Duration]string{29 * time.Minute: "started", 30 * time.Minute: "canceled"}, []string{}, true},
		{"0043", "started", map[time.Duration]string{59 * time.Minute: "processing", time.Hour: "sent"}, []string{"payout.sent"}, false},
		{"0044", "started", map[time.Duration]string{59 * time.Second: "", time.Minute: "sent"}, []string{"payout.sent"}, false},
		{"0045", "sent", map[time.Duration]string{0: "sent"}, []string{"payout.sent"}, false},
		{"0046", "started", map[time.Duration]string{5 * time.Second: "failed"}, []string{"payout.failed"}, true},
		{"0047", "started", map[time.Duration]string{5 * time.Second: "failed"}, []string{}, true},
		{"0048", "started", map[time.Duration]string{5 * time.Second: "failed"}, []string{}, true},
		{"0030", "started", map[time.Duration]string{5 * time.Second: "sent"}, []string{}, false},
	} {
		t.Run(c.ending, func(t *testing.T) {
			t.Parallel()
			hooks := receive(t)
			w := start(t, fedapay.Config{Float: 100_000, WebhookURL: hooks.URL})
			begun := w.begin(w.payout("out", "050000"+c.ending, amount))
			require.Equal(t, c.answer, begun.list("payouts")[0].(map[string]any)["status"])
			require.Equal(t, 422, w.post("/v1/payouts", payoutOf("out", "050000"+c.ending, amount)).code, "a used reference")
			var passed time.Duration
			for _, at := range slices.Sorted(maps.Keys(c.after)) {
				w.pass(at - passed)
				passed = at
				r := w.get("/v1/payouts/merchant/out")
				if c.after[at] == "" {
					require.Equal(t, 404, r.code)
					continue
				}
				require.Equal(t, c.after[at], r.of("payout")["status"], "after %s", at)
			}
			w.quiet()
			require.Equal(t, c.events, hooks.names())
			books := w.server.Books()
			require.True(t, books.Balanced())
			row, found := books.Transfer("out")
			require.True(t, found)
			require.EqualValues(t, amount, row.Sent)
			if c.returned {
				require.EqualValues(t, 100_000, books.Balance, "the fee comes back too")
			} else {
				require.EqualValues(t, 100_000-amount-fee, books.Balance)
			}
		})
	}
}

func TestMalformedPayoutsAreRefusedAndMoveNothing(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Float: 100_000})
	for name, c := range map[string]struct {
		change object
		code   int
	}{
		"no mode":              {object{"mode": ""}, 500},
		"another mode":         {object{"mode": "orange_ci"}, 400},
		"an amount as text":    {object{"amount": "10000"}, 422},
		"a fraction":           {object{"amount": 0.5}, 422},
		"nothing":              {object{"amount": 0}, 422},
		"too much at once":     {object{"amount": 1_000_001}, 422},
		"another currency":     {object{"currency": object{"iso": "NGN"}}, 422},
		"nobody":               {object{"customer": nil}, 422},
		"an odd name":          {object{"customer": object{"firstname": "Awa"}}, 422},
		"an odd metadata":      {object{"custom_metadata": 5}, 422},
		"a wallet refused":     {object{"customer": payoutOf("", "0500000049", 1)["customer"]}, 422},
		"a body of other type": {object{"mode": 5}, 422},
	} {
		body := payoutOf("out", "0500000001", 10_000)
		maps.Copy(body, c.change)
		require.Equal(t, c.code, w.post("/v1/payouts", body).code, name)
	}
	require.Empty(t, w.server.Books().Transfers)
	id := w.payout("out", "0500000001", 10_000)
	for name, c := range map[string]struct {
		body any
		code int
	}{
		"the documented array": {[]object{{"id": id}}, 422},
		"nothing":              {object{}, 422},
		"nobody":               {object{"payouts": []object{{"id": 1}}}, 404},
		"twice":                {object{"payouts": []object{{"id": id}, {"id": id}}}, 400},
		"an odd time":          {object{"payouts": []object{{"id": id, "scheduled_at": "soon"}}}, 422},
		"an odd phone":         {object{"payouts": []object{{"id": id, "phone_number": object{"number": "x", "country": "ci"}}}}, 422},
		"one and nobody":       {object{"payouts": []object{{"id": id}, {"id": 1}}}, 404},
	} {
		require.Equal(t, c.code, w.put("/v1/payouts/start", c.body).code, name)
	}
	require.EqualValues(t, 100_000, w.server.Books().Balance, "all of them or none")
	bare := payoutOf("bare", "0500000001", 10_000)
	bare["customer"] = object{"firstname": "Awa", "lastname": "Kone"}
	poor := w.post("/v1/payouts", bare).of("payout")["id"]
	require.Equal(t, 422, w.begin(poor).code, "to no number")
	named := w.put("/v1/payouts/start", object{"payouts": []object{{
		"id": poor, "phone_number": object{"number": "+2250500000001", "country": "ci"},
	}}})
	require.Equal(t, 200, named.code, string(named.raw))
	require.Equal(t, 404, w.get("/v1/payouts/1").code)
}

func TestAPayoutDrawsOnTheBalanceOfItsMode(t *testing.T) {
	t.Parallel()
	amounts := func(w *world) map[string]float64 {
		all := map[string]float64{}
		for _, b := range w.get("/v1/balances").list("balances") {
			row := b.(map[string]any)
			all[row["mode"].(string)] = row["amount"].(float64)
		}
		return all
	}
	for name, guesses := range map[string]fedapay.Guesses{"each": {}, "all together": {OneBalance: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, fedapay.Config{Float: 5_000, Guesses: guesses})
			w.paid("in", "0500000001")
			require.EqualValues(t, 0, amounts(w)["momo_test"], "approved, and not there yet")
			require.EqualValues(t, 5_000, amounts(w)["mtn_ci"])
			require.Equal(t, 400, w.begin(w.payout("early", "0500000001", 10_000)).code)
			w.pass(72 * time.Hour)
			require.EqualValues(t, 15_000, amounts(w)["momo_test"])
			code := 400
			if guesses.OneBalance {
				code = 200
			}
			require.Equal(t, code, w.begin(w.payout("late", "0500000001", 10_000)).code)
			require.True(t, w.server.Books().Balanced())
		})
	}
}

func TestANumberGetsThreePayoutsADay(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Float: 1_000_000})
	for _, reference := range []string{"a", "b", "c"} {
		require.Equal(t, 200, w.begin(w.payout(reference, "0500000001", 1000)).code)
	}
	fourth := w.payout("d", "0500000001", 1000)
	require.Equal(t, 422, w.begin(fourth).code)
	require.Equal(t, 200, w.begin(w.payout("e", "0500000002", 1000)).code, "another number")
	w.pass(24 * time.Hour)
	require.Equal(t, 200, w.begin(fourth).code)

	free := start(t, fedapay.Config{Float: 1_000_000, Guesses: fedapay.Guesses{PayoutsPerNumber: -1, PayoutFee: -1}})
	ids := []any{}
	for _, reference := range []string{"a", "b", "c", "d"} {
		ids = append(ids, free.payout(reference, "0500000001", 100_000))
	}
	require.Equal(t, 200, free.begin(ids...).code)
	require.EqualValues(t, 600_000, free.server.Books().Balance)
}

func TestPayoutFeesAreTheTiersSeen(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Float: 10_000_000})
	for amount, fee := range map[int64]int64{10_000: 150, 50_000: 300, 150_000: 800, 500_000: 2_000} {
		reference := fmt.Sprint(amount)
		require.Equal(t, 200, w.begin(w.payout(reference, fmt.Sprintf("05%08d", amount), amount)).code)
		row, _ := w.server.Books().Transfer(reference)
		require.Equal(t, fee, row.Fees)
	}
}

func TestAPayoutMayBeScheduled(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{Float: 20_000, WebhookURL: hooks.URL, Guesses: fedapay.Guesses{MoreEvents: true}})
	later := func(id any) reply {
		return w.put("/v1/payouts/start", object{"payouts": []object{{"id": id, "scheduled_at": "2026-03-02 10:00:00"}}})
	}
	id, poor := w.payout("a", "0500000001", 15_000), w.payout("b", "0500000001", 15_000)
	require.Equal(t, "pending", later(id).list("payouts")[0].(map[string]any)["status"])
	require.Equal(t, 200, later(poor).code)
	require.Equal(t, 400, w.begin(id).code, "it is started already")
	w.pass(time.Hour)
	require.Equal(t, "started", w.get("/v1/payouts/merchant/a").of("payout")["status"])
	require.Equal(t, "failed", w.get("/v1/payouts/merchant/b").of("payout")["status"], "there was too little when it was due")
	w.pass(5 * time.Second)
	require.Equal(t, "sent", w.get("/v1/payouts/merchant/a").of("payout")["status"])
	require.EqualValues(t, 20_000-15_300, w.server.Books().Balance)
	require.ElementsMatch(t, []string{"payout.created", "payout.created", "payout.started", "payout.failed", "payout.sent"}, hooks.names())
}

func TestPayoutsAreAFeatureToBeEnabled(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Payouts: []string{}})
	for _, r := range []reply{w.post("/v1/payouts", payoutOf("a", "0500000001", 1000)), w.begin(1)} {
		require.Equal(t, 403, r.code)
		require.JSONEq(t, string(sample(t, "error_400_operation_not_allowed")), string(r.raw))
	}
	live := start(t, fedapay.Config{})
	live.key = liveKey
	body := payoutOf("a", "0500000001", 1000)
	body["mode"] = "momo_test"
	require.Equal(t, 400, live.post("/v1/payouts", body).code, "the simulator is the sandbox's")
}

func TestOneOfManyConcurrentStartsOfAPayoutMovesMoney(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Float: 1_000_000})
	id := w.payout("out", "0500000045", 10_000)
	var begun atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			r, err := w.try("PUT", "/v1/payouts/start", object{"payouts": []object{{"id": id}}})
			if err == nil && r.code == 200 {
				begun.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, begun.Load())
	require.EqualValues(t, 1_000_000-10_150, w.server.Books().Balance)
}

func TestAnOperatorRefundsAndTheClientFindsOutByAsking(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL, Float: 1_000})
	w.paid("early", "0500000001")
	require.NoError(t, w.server.Refund("early", 5_000))
	require.Equal(t, "approved_partially_refunded", w.status("early"))
	w.pass(72 * time.Hour)
	require.Equal(t, "transferred_partially_refunded", w.status("early"))
	row := w.get("/v1/transactions/merchant/early?include=refunds").of("transaction")
	require.EqualValues(t, 5_000, row["refunds"].([]any)[0].(map[string]any)["amount"])
	rest := w.post("/sandbox/refund", object{"transaction": row["id"], "note": "by hand"})
	require.Equal(t, 200, rest.code, string(rest.raw))
	require.Equal(t, "refunded", w.status("early"))
	require.Equal(t, []string{"transaction.approved", "transaction.transferred"}, hooks.names(), "nothing tells a refund")
	books := w.server.Books()
	require.True(t, books.Balanced())
	require.EqualValues(t, 1_000, books.Balance, "the fees stay taken")
	require.Equal(t, "by hand", books.Refunds[1].Note)
	require.Equal(t, "early", books.Refunds[1].Payment)
}

func TestRefundsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Payouts: []string{"momo_test"}, Guesses: fedapay.Guesses{PayoutFee: -1, MoreEvents: true}})
	w.paid("paid", "0500000001")
	w.paid("fails", "0500000036")
	w.created("open", "0500000001")
	require.ErrorContains(t, w.server.Refund("nobody", 0), "no such")
	require.ErrorContains(t, w.server.Refund("open", 0), "approved or transferred")
	require.ErrorContains(t, w.server.Refund("paid", 15_001), "more than is left")
	require.ErrorContains(t, w.server.Refund("paid", -1), "more than is left")
	require.ErrorContains(t, w.server.Refund("fails", 0), "could not")
	require.Equal(t, 400, w.post("/sandbox/refund", `[`).code)
	w.pass(72 * time.Hour)
	body := payoutOf("out", "0500000045", 30_000)
	body["mode"] = "momo_test"
	require.Equal(t, 200, w.begin(w.post("/v1/payouts", body).of("payout")["id"]).code)
	require.ErrorContains(t, w.server.Refund("paid", 0), "not enough", "it was paid out")
	require.Empty(t, w.server.Books().Refunds)
}
