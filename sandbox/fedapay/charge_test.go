package fedapay_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox/fedapay"
)

func TestAPayerWhoApprovesIsDebitedOnce(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	w.key = liveKey
	row := w.created("paid", "0500000001")
	sent := object{"token": row["payment_token"], "phone_number": object{"number": "0500000002", "country": "CI"}}
	first := w.post("/v1/mtn_ci", sent)
	require.Equal(t, "pending", first.of("payment_intent")["status"])
	require.Equal(t, row["reference"], first.of("payment_intent")["reference"])
	require.Equal(t, first.raw, w.post("/v1/mtn_ci", sent).raw, "asked again it is the same prompt")
	w.pass(3 * time.Second)

	full := w.get("/v1/transactions/merchant/paid?include=customer,refunds").of("transaction")
	require.Equal(t, "approved", full["status"])
	require.Equal(t, "Awa Kone", full["customer"].(map[string]any)["full_name"])
	require.Equal(t, []any{}, full["refunds"])
	require.NotContains(t, full, "balance")
	require.EqualValues(t, 15_000, full["amount"])
	require.EqualValues(t, 15_625, full["amount_debited"])
	require.EqualValues(t, 625, full["fees"])
	require.Equal(t, "0.04", full["commission"], "a string here")
	require.Equal(t, map[string]any{"order_id": "ord_1"}, full["custom_metadata"])
	require.Equal(t, 400, w.post("/v1/mtn_ci", sent).code, "paid is paid")

	require.Equal(t, []string{"transaction.approved"}, hooks.names())
	approved := hooks.named(t, "transaction.approved")
	method := approved.entity["payment_method"].(map[string]any)
	require.Equal(t, "2250500000002", method["number"], "with the country's code and no plus")
	require.Contains(t, string(approved.raw), `\u0026`, "escapes that re-encoding would lose")
	books := w.server.BooksOf("live")
	require.True(t, books.Balanced())
	require.EqualValues(t, 15_625, books.Totals.Captured)
	require.EqualValues(t, 15_000, books.Balance, "the fees come on top")
	require.Empty(t, w.server.Books().Payments, "the other domain knows nothing")
}

func TestEachNumberChoosesItsOutcome(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	approved, declined, canceled := []string{"transaction.approved"}, []string{"transaction.declined"}, []string{"transaction.canceled"}
	for _, c := range []struct {
		ending, answer string
		after          map[time.Duration]string
		events         []string
	}{
		{"0001", "pending", map[time.Duration]string{2 * time.Second: "pending", 3 * time.Second: "approved", day: "approved"}, approved},
		{"0010", "pending", map[time.Duration]string{3 * time.Second: "canceled", day: "canceled"}, canceled},
		{"0011", "pending", map[time.Duration]string{3 * time.Second: "declined", day: "declined"}, declined},
		{"0012", "pending", map[time.Duration]string{3 * time.Second: "declined"}, declined},
		{"0013", "pending", map[time.Duration]string{3 * time.Second: "canceled"}, canceled},
		{"0014", "approved", map[time.Duration]string{0: "approved"}, approved},
		{"0020", "pending", map[time.Duration]string{day - time.Second: "pending", day: "expired"}, []string{}},
		{"0021", "pending", map[time.Duration]string{149 * time.Second: "pending", 150 * time.Second: "approved"}, approved},
		{"0022", "pending", map[time.Duration]string{179 * time.Second: "pending", 180 * time.Second: "declined"}, declined},
		{"0023", "pending", map[time.Duration]string{3 * time.Second: "approved"}, approved},
		{
			"0025", "pending",
			map[time.Duration]string{180 * time.Second: "canceled", 240 * time.Second: "approved"},
			slices.Concat(canceled, approved),
		},
		{
			"0026", "pending",
			map[time.Duration]string{3 * time.Second: "declined", 240 * time.Second: "approved"},
			slices.Concat(declined, approved),
		},
		{
			"0029", "pending",
			map[time.Duration]string{3 * time.Second: "canceled", 240 * time.Second: "approved"},
			slices.Concat(canceled, approved),
		},
		{"0030", "pending", map[time.Duration]string{3 * time.Second: "approved"}, []string{}},
		{"0031", "pending", map[time.Duration]string{3 * time.Second: "approved"}, slices.Repeat(approved, 8)},
		{"0033", "pending", map[time.Duration]string{3 * time.Second: "approved"}, approved},
	} {
		t.Run(c.ending, func(t *testing.T) {
			t.Parallel()
			hooks := receive(t)
			w := start(t, fedapay.Config{WebhookURL: hooks.URL})
			row := w.created("number", "050000"+c.ending)
			require.Equal(t, c.answer, w.prompt(row["payment_token"]).of("payment_intent")["status"])
			var passed time.Duration
			for _, at := range slices.Sorted(maps.Keys(c.after)) {
				w.pass(at - passed)
				passed = at
				require.Equal(t, c.after[at], w.status("number"), "after %s", at)
			}
			w.quiet()
			require.Equal(t, c.events, hooks.names())
			books := w.server.Books()
			require.True(t, books.Balanced())
			paid, found := books.Payment("number")
			require.True(t, found)
			if c.after[passed] == "approved" {
				require.EqualValues(t, 15_625, paid.Captured)
			} else {
				require.Zero(t, paid.Captured)
			}
		})
	}
}

func TestFedaPaysOwnNumbersDoWhatTheyWereSeenToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		number, country, status string
		strict                  bool
	}{
		"success":               {"0166000001", "bj", "approved", true},
		"the other success":     {"0164000001", "bj", "approved", true},
		"failure":               {"0166000000", "bj", "declined", true},
		"eight digits":          {"66000001", "bj", "declined", false},
		"with the country":      {"+2290166000001", "bj", "declined", false},
		"another":               {"0500000001", "ci", "approved", false},
		"another in the strict": {"0500000001", "ci", "declined", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, fedapay.Config{Guesses: fedapay.Guesses{TestNumbersOnly: c.strict}})
			row := w.created("test", "0500000001")
			w.post("/v1/momo_test", object{
				"token": row["payment_token"], "phone_number": object{"number": c.number, "country": c.country},
			})
			w.pass(3 * time.Second)
			require.Equal(t, c.status, w.status("test"))
		})
	}
}

func TestDeclinedAndCanceledAreNotFinal(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	for _, phone := range []string{"0500000010", "0500000012"} {
		row := w.charged(phone, phone)
		w.pass(3 * time.Second)
		require.Contains(t, []string{"declined", "canceled"}, w.status(phone))
		again := w.post("/v1/momo_test", object{
			"token": row["payment_token"], "phone_number": object{"number": "0500000001", "country": "ci"},
		})
		require.Equal(t, 200, again.code, "the same transaction can be asked for again")
		require.Equal(t, "pending", w.status(phone))
		w.pass(3 * time.Second)
		paid := w.get("/v1/transactions/merchant/" + phone).of("transaction")
		require.Equal(t, "approved", paid["status"])
		require.Equal(t, "API_ERROR", paid["last_error_code"], "which says nothing of a success")
	}
	require.EqualValues(t, 2, w.server.Books().Totals.CapturesCount)
}

func TestALinkIsOverADayAfterItsCreation(t *testing.T) {
	t.Parallel()
	for name, guesses := range map[string]fedapay.Guesses{
		"declined stays": {}, "declined expires": {DeclinedExpires: true, MoreEvents: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks := receive(t)
			w := start(t, fedapay.Config{WebhookURL: hooks.URL, Guesses: guesses})
			row := w.charged("order", "0500000012")
			w.pass(24*time.Hour - time.Second)
			require.Equal(t, 200, w.post("/v1/transactions/"+number(row["id"])+"/token", nil).code)
			w.pass(time.Second)
			if guesses.DeclinedExpires {
				require.Equal(t, "expired", w.status("order"))
				require.Equal(t, []string{"transaction.declined", "transaction.expired"}, hooks.names())
			} else {
				require.Equal(t, "declined", w.status("order"))
				require.Equal(t, []string{"transaction.declined"}, hooks.names())
			}
			require.Equal(t, 400, w.post("/v1/transactions/"+number(row["id"])+"/token", nil).code)
			require.Equal(t, 400, w.prompt(row["payment_token"]).code)
			require.Equal(t, "not open", w.opens(row))
		})
	}
}

// opens looks at the hosted page of a transaction.
func (w *world) opens(row map[string]any) string {
	w.t.Helper()
	r := w.get(strings.TrimPrefix(row["payment_url"].(string), w.url))
	require.Equal(w.t, 200, r.code)
	if strings.Contains(string(r.raw), `value="pay"`) {
		return "open"
	}
	return "not open"
}

// decide does on the hosted page what a payer may.
func (w *world) decide(row map[string]any, decision string) *http.Response {
	w.t.Helper()
	answer, err := w.client.PostForm(row["payment_url"].(string), map[string][]string{"do": {decision}})
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	return answer
}

func TestAPersonWhoDeclinesOnThePageMayStillPayThere(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	row := w.created("page", "0700000001")
	back := "https://shop.example/return?a=b&id=" + number(row["id"]) + "&status="
	for decision, status := range map[string]string{"decline": "declined", "cancel": "canceled"} {
		require.Equal(t, back+status, w.decide(row, decision).Header.Get("Location"))
		require.Equal(t, status, w.status("page"))
		require.Equal(t, "open", w.opens(row))
		w.quiet()
	}
	require.Equal(t, 400, w.decide(row, "steal").StatusCode)
	require.Equal(t, back+"approved", w.decide(row, "pay").Header.Get("Location"))
	require.Equal(t, "not open", w.opens(row))
	require.Equal(t, http.StatusOK, w.decide(row, "pay").StatusCode)
	w.pass(24 * time.Hour)
	require.Equal(t, "approved", w.status("page"), "it no longer expires")
	require.EqualValues(t, 15_625, w.server.Books().Totals.Captured, "paid once")
	require.Len(t, hooks.names(), 3)
	require.Equal(t, 404, w.get("/sandbox/pay/nobody").code)
}

func TestAPageIsPaidThroughTheModesItOffers(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Hosted: []string{"mtn_ci", "orange_ci", "moov_ci"}})
	w.key = liveKey
	row := w.created("page", "0700000001")
	pay := func(mode string) int {
		answer, err := w.client.PostForm(row["payment_url"].(string), map[string][]string{"do": {"pay"}, "mode": {mode}})
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, 400, pay("stripe_gw"))
	require.Equal(t, 303, pay("moov_ci"))
	require.Equal(t, "moov_ci", w.get("/v1/transactions/merchant/page").of("transaction")["mode"])
	modes := w.get("/v1/currencies").list("currencies")[0].(map[string]any)["modes"]
	require.Contains(t, modes, "moov_ci", "what the configuration adds is known")
	require.Equal(t, 400, w.post("/v1/moov_ci", object{"token": row["payment_token"]}).code, "and not charged directly")
	require.ErrorContains(t, w.server.Refund("page", 0), "no such", "in the other domain")
	require.Equal(t, 400, w.post("/sandbox/refund?domain=live", object{"transaction": "page"}).code, "MTN alone")
}

func TestANumberMayPayOnThePageByItself(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	row := w.created("page", "0500000024")
	require.Equal(t, 400, w.prompt(row["payment_token"]).code, "not directly")
	require.Equal(t, "pending", w.status("page"))
	w.pass(3 * time.Second)
	require.Equal(t, "approved", w.status("page"))
}

func TestOneOfManyConcurrentPaymentsOfATransactionIsTaken(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	row := w.created("one", "0500000014")
	const callers = 64
	var accepted atomic.Int64
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			if i%2 == 0 {
				answer, err := w.client.PostForm(row["payment_url"].(string), map[string][]string{"do": {"pay"}})
				if err == nil {
					_ = answer.Body.Close()
				}
				return
			}
			r, err := w.try(http.MethodPost, "/v1/momo_test", object{"token": row["payment_token"]})
			if err == nil && r.code == 200 {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, accepted.Load(), int64(1))
	require.EqualValues(t, 15_625, w.server.Books().Totals.Captured)
	require.EqualValues(t, 1, w.server.Books().Totals.CapturesCount)
}

func TestFeesAreThoseOfTheSamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rate, amount, debited int64 }{
		{18, 22_000, 22_403}, {20, 50_000, 51_020}, {40, 100, 104}, {40, 15_000, 15_625},
	} {
		w := start(t, fedapay.Config{Guesses: fedapay.Guesses{CommissionPerMille: c.rate}})
		body := order("fees", "0500000014")
		body["amount"] = c.amount
		w.prompt(w.post("/v1/transactions", body).of("transaction")["payment_token"])
		paid := w.get("/v1/transactions/merchant/fees").of("transaction")
		require.EqualValues(t, c.debited, paid["amount_debited"])
		require.EqualValues(t, c.debited-c.amount, paid["fees"])
		require.EqualValues(t, c.amount, w.server.Books().Balance)
	}
	w := start(t, fedapay.Config{Guesses: fedapay.Guesses{FeesOnMerchant: true, SettledAtOnce: true}})
	w.charged("fees", "0500000014")
	paid := w.get("/v1/transactions/merchant/fees").of("transaction")
	require.EqualValues(t, 15_000, paid["amount_debited"])
	require.EqualValues(t, 14_400, paid["amount_transferred"])
	require.EqualValues(t, 14_400, w.server.Books().Balance)
	require.True(t, w.server.Books().Balanced())
	w.pass(72 * time.Hour)
	require.Equal(t, "transferred", w.status("fees"))
	require.EqualValues(t, 14_400, w.server.Books().Balance)
}

func TestTheFormOfAPhoneIsConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ form, number, status string }{
		{"", "0500000001", "approved"},
		{"", "+2250500000001", "approved"},
		{fedapay.National, "0500000001", "approved"},
		{fedapay.National, "+2250500000001", "declined"},
		{fedapay.International, "2250500000001", "approved"},
		{fedapay.International, "0500000001", "declined"},
	} {
		t.Run(c.form+" "+c.number, func(t *testing.T) {
			t.Parallel()
			w := start(t, fedapay.Config{Guesses: fedapay.Guesses{PhoneForm: c.form}})
			w.key = liveKey
			w.charged("form", c.number)
			w.pass(3 * time.Second)
			require.Equal(t, c.status, w.status("form"))
			row, _ := w.server.BooksOf("live").Payment("form")
			require.Equal(t, "2250500000001", row.Phone)
		})
	}
}
