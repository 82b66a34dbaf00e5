package paystack_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/paystack"
)

func TestTheOfficialOrangeNumberPaysWithItsOTP(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{WebhookURL: hooks.URL})
	created := w.post("/charge", sample(t, "constructed.charge.create.request.orange_ci"))
	require.Equal(t, "send_otp", created.data()["status"])
	paid := w.post("/charge/submit_otp", sample(t, "constructed.charge.submit_otp.request.orange_ci"))
	require.Equal(t, "success", paid.data()["status"])
	require.EqualValues(t, 500_000, paid.data()["amount"])
	require.EqualValues(t, 9_750, paid.data()["fees"], "1.95 %")
	w.quiet()

	require.Equal(t, []string{"charge.success"}, hooks.events())
	h := hooks.got()[0]
	require.Equal(t, "ord-0f8fad5b-d9cb-469f-a165-70867728950e", h.data["reference"])
	require.Equal(t, "test", h.data["domain"])
	require.Equal(t, "ord_123", h.data["metadata"].(map[string]any)["order_id"])
	books := w.server.Books()
	require.True(t, books.Balanced())
	require.EqualValues(t, 490_250, books.Balance)
}

func TestEachNumberChoosesItsOutcome(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	for _, c := range []struct {
		ending string
		answer string
		after  map[time.Duration]string // verify's status once so much has passed
		events int
	}{
		{"0000", "pay_offline", map[time.Duration]string{7 * time.Second: "ongoing", 8 * time.Second: "success", hour: "success"}, 1},
		{"0010", "pay_offline", map[time.Duration]string{8 * time.Second: "failed", hour: "failed"}, 0},
		{"0011", "pay_offline", map[time.Duration]string{8 * time.Second: "failed", hour: "failed"}, 0},
		{"0012", "pay_offline", map[time.Duration]string{8 * time.Second: "failed", hour: "failed"}, 0},
		{"0013", "pay_offline", map[time.Duration]string{8 * time.Second: "failed", hour: "failed"}, 0},
		{"0014", "success", map[time.Duration]string{0: "success"}, 1},
		{"0020", "pay_offline", map[time.Duration]string{179 * time.Second: "ongoing", 180 * time.Second: "abandoned", hour: "abandoned"}, 0},
		{"0021", "pay_offline", map[time.Duration]string{149 * time.Second: "ongoing", 150 * time.Second: "success"}, 1},
		{"0022", "pay_offline", map[time.Duration]string{179 * time.Second: "ongoing", 180 * time.Second: "failed"}, 0},
		{"0023", "pending", map[time.Duration]string{0: "pending", 8 * time.Second: "success"}, 1},
		{"0024", "open_url", map[time.Duration]string{8 * time.Second: "success"}, 1},
		{"0025", "pay_offline", map[time.Duration]string{180 * time.Second: "abandoned", 240 * time.Second: "success"}, 1},
		{"0026", "pay_offline", map[time.Duration]string{8 * time.Second: "failed", 240 * time.Second: "success"}, 1},
		{"0027", "send_otp", map[time.Duration]string{180 * time.Second: "abandoned"}, 0},
		{"0028", "pay_offline", map[time.Duration]string{8 * time.Second: "success"}, 1},
		{"0029", "pay_offline", map[time.Duration]string{8 * time.Second: "failed", 240 * time.Second: "success"}, 1},
		{"0030", "pay_offline", map[time.Duration]string{8 * time.Second: "success", hour: "success"}, 0},
		{"0031", "pay_offline", map[time.Duration]string{8 * time.Second: "success"}, 8},
		{"0033", "pay_offline", map[time.Duration]string{8 * time.Second: "success"}, 1},
	} {
		t.Run(c.ending, func(t *testing.T) {
			t.Parallel()
			hooks := receive(t)
			w := start(t, paystack.Config{WebhookURL: hooks.URL})
			require.Equal(t, c.answer, w.post("/charge", charge("number", "mtn", "050000"+c.ending)).data()["status"])
			var passed time.Duration
			for _, at := range sorted(c.after) {
				w.pass(at - passed)
				passed = at
				require.Equal(t, c.after[at], w.verified("number"), "after %s", at)
			}
			require.Len(t, hooks.got(), c.events, "a failure sends none")
			row, found := w.server.Books().Payment("number")
			require.True(t, found)
			if c.after[passed] == "success" {
				require.EqualValues(t, 500_000, row.Captured)
			} else {
				require.Zero(t, row.Captured)
			}
			require.True(t, w.server.Books().Balanced())
		})
	}
}

func sorted(after map[time.Duration]string) []time.Duration {
	var times []time.Duration
	for at := range maps.Keys(after) {
		times = append(times, at)
	}
	for i := range times {
		for j := i; j > 0 && times[j] < times[j-1]; j-- {
			times[j], times[j-1] = times[j-1], times[j]
		}
	}
	return times
}

func TestATimeoutIsAStatusOfItsOwnWhenChecked(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	w.post("/charge", charge("slow", "mtn", "0500000022"))
	w.pass(180 * time.Second)
	require.Equal(t, "timeout", w.get("/charge/slow").data()["status"])
}

func TestALateWebhookComesTenMinutesAfter(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{WebhookURL: hooks.URL})
	w.paid("late", "0500000032")
	w.pass(10*time.Minute - time.Second)
	require.Empty(t, hooks.got())
	w.pass(time.Second)
	require.Equal(t, []string{"charge.success"}, hooks.events())
}

func TestAWebhookMayStateAnotherAmountThanTheBooks(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{WebhookURL: hooks.URL})
	w.paid("odd", "0500000033")
	h := hooks.got()[0]
	require.EqualValues(t, 500_100, h.data["amount"])
	require.True(t, h.signedWith(testKey), "and be signed all the same")
	require.EqualValues(t, 500_000, w.get("/transaction/verify/odd").data()["amount"])
}

func TestAHiddenChargeIsFoundAMinuteLater(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	require.Equal(t, 200, w.post("/charge", charge("hidden", "mtn", "0500000044")).code)
	require.Equal(t, 400, w.get("/transaction/verify/hidden").code)
	require.Equal(t, 400, w.get("/charge/hidden").code)
	require.Equal(t, 400, w.post("/charge", charge("hidden", "mtn", "0500000044")).code, "its reference is used")
	w.pass(time.Minute)
	require.Equal(t, "success", w.verified("hidden"))
}

func TestAWrongOTPIsNoFailedPayment(t *testing.T) {
	t.Parallel()
	for name, guesses := range map[string]paystack.Guesses{"refused": {}, "failed in a 200": {WrongOTPFails: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, paystack.Config{Guesses: guesses})
			w.post("/charge", charge("otp", "orange", "0700000000"))
			submit := func(otp string) reply { return w.post("/charge/submit_otp", object{"otp": otp, "reference": "otp"}) }
			wrong := submit("9999")
			if guesses.WrongOTPFails {
				require.Equal(t, 200, wrong.code)
				require.Equal(t, "failed", wrong.data()["status"])
			} else {
				require.Equal(t, 400, wrong.code)
			}
			require.Equal(t, "ongoing", w.verified("otp"))
			submit("9998")
			require.Contains(t, submit("9997").message(), "Too many")
			require.Contains(t, submit(sandbox.OTP).message(), "Too many", "the wait holds for the right one too")
			w.pass(time.Minute)
			require.Equal(t, "success", submit(sandbox.OTP).data()["status"])
			require.Equal(t, "success", submit(sandbox.OTP).data()["status"], "again changes nothing")
			require.EqualValues(t, 500_000, w.server.Books().Totals.Captured)
		})
	}
}

func TestAnOTPIsForChargesThatAskedForOne(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	w.post("/charge", charge("offline", "mtn", "0500000000"))
	require.Equal(t, 400, w.post("/charge/submit_otp", object{"otp": "1234", "reference": "offline"}).code)
	for _, step := range []string{"pin", "phone", "birthday", "address"} {
		require.Equal(t, 400, w.post("/charge/submit_"+step, object{"reference": "offline"}).code)
	}
	w.pass(8 * time.Second)
	require.Equal(t, "success", w.verified("offline"))
}

func TestMalformedChargesAreRefusedAndLeaveNoReferenceBehind(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	with := func(key string, value any) object {
		body := charge("again", "mtn", "0500000000")
		body[key] = value
		return body
	}
	for name, body := range map[string]any{
		"not JSON":              `{"email"`,
		"a list":                `[]`,
		"no e-mail":             with("email", ""),
		"a malformed e-mail":    with("email", "buyer"),
		"no amount":             with("amount", nil),
		"a zero amount":         with("amount", "0"),
		"half a franc":          with("amount", 50),
		"a fraction of a unit":  with("amount", 500_000.5),
		"a negative amount":     with("amount", "-500000"),
		"an amount with spaces": with("amount", " 500000"),
		"an endless amount":     with("amount", strings.Repeat("9", 40)),
		"too much":              with("amount", "1000000100"),
		"another currency":      with("currency", "GHS"),
		"an underscore":         with("reference", "a_b"),
		"a space":               with("reference", "a b"),
		"a number as reference": with("reference", 7),
		"no mobile money":       with("mobile_money", nil),
		"Moov":                  with("mobile_money", object{"phone": "0100000000", "provider": "moov"}),
		"AirtelTigo":            with("mobile_money", object{"phone": "0100000000", "provider": "atl"}),
		"Vodafone":              with("mobile_money", object{"phone": "0100000000", "provider": "vod"}),
		"a transfer's code":     with("mobile_money", object{"phone": "0500000000", "provider": "MTN_CI"}),
		"a short phone":         with("mobile_money", object{"phone": "500000000", "provider": "mtn"}),
		"the 0 dropped":         with("mobile_money", object{"phone": "+225500000000", "provider": "mtn"}),
	} {
		r := w.post("/charge", body)
		require.Equal(t, 400, r.code, name)
		require.Equal(t, false, r.json["status"], name)
		require.NotEmpty(t, r.message(), name)
	}
	require.Empty(t, w.server.Books().Payments)
	require.Equal(t, 200, w.post("/charge", with("amount", 500_000)).code, "a number is an amount too")
	require.Equal(t, 404, w.get("/nowhere").code)
	require.Equal(t, 404, w.get("/transfer/verify/a/b").code)
}

func TestFractionsOfAFrancAreIgnored(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	body := charge("fraction", "mtn", "+2250500000014")
	body["amount"] = "500099"
	require.Equal(t, "success", w.post("/charge", body).data()["status"])
	require.EqualValues(t, 500_000, w.get("/transaction/verify/fraction").data()["amount"])
	require.EqualValues(t, 500_000, w.server.Books().Totals.Captured)
}

func TestAReferenceLeftOutIsMade(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	body := charge("", "mtn", "0500000014")
	first, second := w.post("/charge", body), w.post("/charge", body)
	require.NotEmpty(t, first.data()["reference"])
	require.NotEqual(t, first.data()["reference"], second.data()["reference"])
}

func TestOneOfManyConcurrentChargesUnderAReferenceIsAccepted(t *testing.T) {
	t.Parallel()
	var arrivals atomic.Int64
	w := start(t, paystack.Config{OnArrival: func(a paystack.Arrival) {
		if a.Operation == "charge" && a.Reference == "one" && a.Method == http.MethodPost && len(a.Body) > 0 {
			arrivals.Add(1)
		}
	}})
	const callers = 64
	var accepted, refused atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			r, err := w.try(http.MethodPost, "/charge", charge("one", "mtn", "0500000014"))
			switch {
			case err == nil && r.code == 200:
				accepted.Add(1)
			case err == nil && r.message() == "Duplicate Transaction Reference":
				refused.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, accepted.Load())
	require.EqualValues(t, callers-1, refused.Load())
	require.EqualValues(t, callers, arrivals.Load(), "each is told on arrival")
	require.EqualValues(t, 500_000, w.server.Books().Totals.Captured)
}

func TestDomainsSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{WebhookURL: hooks.URL, Float: 1000})
	w.paid("mine", "0500000000")
	w.key = liveKey
	require.Equal(t, 400, w.get("/transaction/verify/mine").code)
	require.EqualValues(t, 1000, w.get("/balance").list()[0].(map[string]any)["balance"])
	w.paid("mine", "0500000000")
	last := hooks.got()[1]
	require.Equal(t, "live", last.data["domain"])
	require.True(t, last.signedWith(liveKey))
	require.Len(t, w.server.BooksOf("live").Payments, 1)
}

func TestAPersonPaysOnThePage(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Timings: paystack.Timings{Approve: time.Hour}})
	decide := func(page, decision string) *http.Response {
		answer, err := w.client.PostForm(page, map[string][]string{"do": {decision}})
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer
	}
	page := w.post("/charge", charge("wave", "wave", "0700000000")).data()["url"].(string)
	require.Equal(t, http.StatusSeeOther, decide(page+"?redirect_to=https%3A%2F%2Fshop.example%2Fback", "pay").StatusCode)
	require.Equal(t, "success", w.verified("wave"))
	decide(page, "pay")
	require.EqualValues(t, 1, w.server.Books().Totals.CapturesCount)
	w.pass(time.Hour)
	require.EqualValues(t, 500_000, w.server.Books().Totals.Captured, "paid by hand is paid once")

	opened := w.post("/transaction/initialize", object{
		"email": "a@example.com", "amount": 100_000, "reference": "card", "callback_url": "https://shop.example/return?a=b",
	})
	page = opened.data()["authorization_url"].(string)
	require.Equal(t, "abandoned", w.verified("card"))
	looked, err := w.client.Get(page)
	require.NoError(t, err)
	require.NoError(t, looked.Body.Close())
	require.Contains(t, looked.Header.Get("Content-Type"), "text/html")
	require.Equal(t, "ongoing", w.verified("card"))
	decide(page, "cancel")
	require.Equal(t, "abandoned", w.verified("card"))
	back := decide(page, "pay")
	require.Equal(t, "https://shop.example/return?a=b&reference=card&trxref=card", back.Header.Get("Location"))
	require.Equal(t, "success", w.verified("card"))
	require.EqualValues(t, 3_200, w.get("/transaction/verify/card").data()["fees"], "3.2 %")
	require.Equal(t, 404, w.get("/sandbox/pay/nobody").code)
}

func TestListsPageByNumberAndByCursor(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	for i := range 5 {
		w.post("/charge", charge(fmt.Sprintf("row%d", i), "mtn", "0500000014"))
		w.pass(24 * time.Hour)
	}
	w.post("/charge", charge("open", "mtn", "0500000020"))
	references := func(r reply) (names []string) {
		require.Equal(t, 200, r.code, string(r.raw))
		for _, row := range r.list() {
			names = append(names, row.(map[string]any)["reference"].(string))
		}
		return names
	}
	second := w.get("/transaction?perPage=2&page=2&status=success")
	require.Equal(t, []string{"row2", "row1"}, references(second))
	meta, err := json.Marshal(second.json["meta"])
	require.NoError(t, err)
	require.JSONEq(t, `{"total":5,"total_volume":2500000,"skipped":2,"perPage":2,"page":2,"pageCount":3}`, string(meta))

	var all []string
	path := "/transaction?perPage=4&use_cursor=true"
	for range 2 {
		r := w.get(path)
		all = append(all, references(r)...)
		if next, more := r.json["meta"].(map[string]any)["next"].(string); more {
			path = "/transaction?perPage=4&use_cursor=true&next=" + next
		}
	}
	require.Equal(t, []string{"open", "row4", "row3", "row2", "row1", "row0"}, all)
	require.Equal(t, []string{"row2", "row1"}, references(w.get("/transaction?from=2026-03-03&to=2026-03-04")))
	require.Equal(t, 400, w.get("/transaction?perPage=none").code)
	require.Equal(t, 400, w.get("/transaction?next=none").code)
	require.Equal(t, 400, w.get("/transaction?from=yesterday").code)
}

func TestAWalletPaysOnThePageToo(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	opened := w.post("/transaction/initialize", object{
		"email": "a@example.com", "amount": 100_000, "reference": "wallet", "channels": []string{"mobile_money"},
	})
	page := opened.data()["authorization_url"].(string)
	require.Equal(t, "abandoned", w.verified("wallet"))
	for _, c := range [][2]string{{"decline", "failed"}, {"pay", "success"}} {
		answer, err := w.client.PostForm(page, map[string][]string{"do": {c[0]}})
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, c[1], w.verified("wallet"))
	}
	paid := w.get("/transaction/verify/wallet").data()
	require.Equal(t, "mobile_money", paid["channel"])
	require.EqualValues(t, 1_950, paid["fees"], "1.95 %")
}
