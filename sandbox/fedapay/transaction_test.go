package fedapay_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox/fedapay"
)

func TestADeletedTransactionCannotBePaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guesses fedapay.Guesses
		code    int
		late    bool
	}{
		"shown as deleted":           {fedapay.Guesses{}, 204, false},
		"gone":                       {fedapay.Guesses{DeletedIsGone: true, DeletedCode: 200, MoreEvents: true}, 200, false},
		"but what is on the handset": {fedapay.Guesses{DeletedIsPaid: true}, 204, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, fedapay.Config{Guesses: c.guesses})
			row := w.charged("left", "0500000001")
			path := "/v1/transactions/" + number(row["id"])
			require.Equal(t, c.code, w.remove(path).code)
			require.Equal(t, 400, w.prompt(row["payment_token"]).code)
			w.pass(3 * time.Second)
			read := w.get(path)
			if c.guesses.DeletedIsGone {
				require.Equal(t, 404, read.code)
			} else {
				require.NotNil(t, read.of("transaction")["deleted_at"])
				require.Equal(t, c.late, read.of("transaction")["status"] == "approved")
			}
			require.Equal(t, c.late, w.server.Books().Totals.Captured > 0)
			require.Equal(t, 422, w.post("/v1/transactions", order("left", "0500000001")).code, "its reference stays used")
		})
	}
}

func TestWhatIsPaidCannotBeDeletedOrChanged(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Guesses: fedapay.Guesses{DeletePendingOnly: true}})
	row := w.paid("paid", "0500000001")
	path := "/v1/transactions/" + number(row["id"])
	require.Equal(t, 400, w.remove(path).code)
	require.Equal(t, 400, w.put(path, object{"description": "more"}).code)
	receipt := w.post(path+"/receipt_url", nil)
	require.Equal(t, 200, receipt.code)
	require.Equal(t, receipt.json["url"], w.get(path).of("transaction")["receipt_url"])

	open := w.charged("open", "0500000012")
	path = "/v1/transactions/" + number(open["id"])
	changed := w.put(path, object{"description": "Order 2", "amount": 1, "merchant_reference": "other"}).of("transaction")
	require.Equal(t, "Order 2", changed["description"])
	require.EqualValues(t, 15_000, changed["amount"], "money stays")
	require.Equal(t, "open", changed["merchant_reference"])
	require.Equal(t, 400, w.post(path+"/receipt_url", nil).code, "not paid")
	w.pass(3 * time.Second)
	require.Equal(t, 400, w.remove(path).code, "declined, and only pending ones can be deleted")
	require.Equal(t, 404, w.remove("/v1/transactions/1").code)
}

func TestMalformedTransactionsAreRefusedAndLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	with := func(key string, value any) object {
		body := order("again", "0500000001")
		body[key] = value
		return body
	}
	phoned := func(number, country string) object {
		return object{"firstname": "A", "lastname": "K", "phone_number": object{"number": number, "country": country}}
	}
	for name, body := range map[string]any{
		"not JSON":              `{"amount"`,
		"a list":                `[]`,
		"no description":        with("description", ""),
		"no amount":             with("amount", nil),
		"an amount as text":     with("amount", "15000"),
		"a fraction":            with("amount", 15_000.5),
		"too little":            with("amount", 99),
		"too much":              with("amount", 3_000_001),
		"less than nothing":     with("amount", -100),
		"another currency":      with("currency", object{"iso": "NGN"}),
		"no currency":           with("currency", object{}),
		"a script as callback":  with("callback_url", "javascript:alert(1)"),
		"text as metadata":      with("custom_metadata", "x"),
		"an endless reference":  with("merchant_reference", strings.Repeat("x", 201)),
		"an endless text":       with("description", strings.Repeat("x", 1001)),
		"an odd e-mail":         with("customer", object{"firstname": "A", "lastname": "K", "email": "buyer"}),
		"a customer not there":  with("customer", object{"email": "a@example.com"}),
		"an odd country":        with("customer", phoned("0500000001", "xx")),
		"an odd phone":          with("customer", phoned("x", "ci")),
		"a customer who is not": with("customer", object{"id": 1}),
	} {
		r := w.post("/v1/transactions", body)
		require.Contains(t, []int{404, 422}, r.code, "%s: %s", name, r.raw)
		require.NotEmpty(t, r.json["message"], name)
	}
	require.Empty(t, w.server.Books().Payments)
	require.Empty(t, w.get("/v1/customers").list("customers"))
	require.Equal(t, 200, w.post("/v1/transactions", with("currency", object{"iso": 952})).code, "by number too")
	bare := with("customer", nil)
	delete(bare, "merchant_reference")
	first, second := w.post("/v1/transactions", bare), w.post("/v1/transactions", bare)
	require.NotEqual(t, first.of("transaction")["id"], second.of("transaction")["id"], "no reference is never a used one")
	require.Equal(t, 422, w.prompt(first.of("transaction")["payment_token"]).code, "nobody's phone")
	require.Equal(t, 404, w.prompt("nobody").code)
	require.Equal(t, 422, w.post("/v1/momo_test", object{"token": "x", "phone_number": object{"number": "x", "country": "ci"}}).code)
	require.Equal(t, 422, w.post("/v1/momo_test", object{"token": "x", "phone_number": object{"number": "0500000001", "country": "xx"}}).code)
	require.Equal(t, 404, w.get("/v1/transactions/"+number(first.of("transaction")["id"])+"/token").code, "GET is none of a token's")
}

func TestOneOfManyConcurrentCreatesUnderAReferenceIsAccepted(t *testing.T) {
	t.Parallel()
	var arrivals atomic.Int64
	w := start(t, fedapay.Config{OnArrival: func(a fedapay.Arrival) {
		if a.Operation == "create" && a.Reference == "one" && len(a.Body) > 0 {
			arrivals.Add(1)
		}
	}})
	const callers = 64
	var accepted, refused atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			r, err := w.try(http.MethodPost, "/v1/transactions", order("one", "0500000014"))
			switch {
			case err == nil && r.code == 200:
				accepted.Add(1)
			case err == nil && r.code == 422:
				refused.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, accepted.Load())
	require.EqualValues(t, callers-1, refused.Load())
	require.EqualValues(t, callers, arrivals.Load(), "each is told on arrival")
	require.Len(t, w.server.Books().Payments, 1)
}

func TestUnconfirmedCodesAreConfiguration(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Guesses: fedapay.Guesses{
		CreatedCode: 201, InvalidCode: 500, DuplicateCode: 409, NoTokenOnCreate: true, NewTokens: true, CommissionPerMille: -1,
	}})
	created := w.post("/v1/transactions", order("order", "0500000001"))
	require.Equal(t, 201, created.code)
	require.NotContains(t, created.of("transaction"), "payment_token")
	path := "/v1/transactions/" + number(created.of("transaction")["id"]) + "/token"
	first, second := w.post(path, nil).json["token"], w.post(path, nil).json["token"]
	require.NotEqual(t, first, second)
	require.Equal(t, 409, w.post("/v1/transactions", order("order", "0500000001")).code)
	require.Equal(t, 500, w.post("/v1/transactions", object{}).code)
	require.Equal(t, 200, w.prompt(first).code, "the earlier one stays valid")
	w.pass(3 * time.Second)
	require.Equal(t, "0", w.get("/v1/transactions/merchant/order").of("transaction")["commission"])
	require.EqualValues(t, 15_000, w.server.Books().Totals.Captured)
}

func TestAHiddenTransactionIsFoundAMinuteLater(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	row := w.charged("hidden", "0500000044")
	require.Equal(t, 404, w.get("/v1/transactions/merchant/hidden").code)
	require.Equal(t, 404, w.get("/v1/transactions/"+number(row["id"])).code)
	require.Empty(t, w.get("/v1/transactions/search").list("transactions"))
	require.Equal(t, 422, w.post("/v1/transactions", order("hidden", "0500000001")).code, "its reference is used")
	w.pass(time.Minute)
	require.Equal(t, "approved", w.status("hidden"))
}

func TestListsHavePagesNewestFirst(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	for i := range 5 {
		w.created(fmt.Sprintf("row%d", i), "0500000001")
	}
	references := func(r reply) (names []string) {
		require.Equal(t, 200, r.code, string(r.raw))
		for _, row := range r.list("transactions") {
			names = append(names, row.(map[string]any)["merchant_reference"].(string))
		}
		return names
	}
	second := w.get("/v1/transactions/search?search=*&per_page=2&page=2")
	require.Equal(t, []string{"row2", "row1"}, references(second))
	require.Equal(t, map[string]any{
		"current_page": 2.0, "next_page": 3.0, "prev_page": 1.0, "per_page": 2.0, "total_pages": 3.0, "total_count": 5.0,
	}, second.json["meta"])
	require.Equal(t, []string{"row3"}, references(w.get("/v1/transactions/search?search=row3")))
	require.Len(t, references(w.get("/v1/transactions?page=none")), 5)
	require.Nil(t, w.get("/v1/transactions?page=1").json["meta"].(map[string]any)["next_page"])
	require.Empty(t, references(w.get("/v1/transactions?page=9")))
}

func TestAnEMailIsACustomer(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	one := object{"firstname": "Awa", "lastname": "Kone", "email": "shared@example.com"}
	first := w.post("/v1/customers", one).of("customer")
	body := order("second", "0500000001")
	body["customer"] = object{"firstname": "Kofi", "lastname": "Ba", "email": "shared@example.com"}
	second := w.post("/v1/transactions", body).of("transaction")
	require.Equal(t, first["id"], second["customer_id"])
	path := "/v1/customers/" + number(first["id"])
	require.Equal(t, "Kofi Ba", w.get(path).of("customer")["full_name"], "overwritten: the trap of a shared address")
	body = order("third", "0500000001")
	body["customer"] = object{"id": first["id"]}
	require.Equal(t, first["id"], w.post("/v1/transactions", body).of("transaction")["customer_id"])
	require.Equal(t, "Awa", w.put(path, object{"firstname": "Awa"}).of("customer")["firstname"])
	require.Equal(t, 422, w.put(path, object{"email": "none"}).code)
	require.Equal(t, first["id"], w.post("/v1/customers", one).of("customer")["id"])
	require.Len(t, w.get("/v1/customers").list("customers"), 1)
	require.Equal(t, 204, w.remove(path).code)
	require.Equal(t, 404, w.get(path).code)
	require.Equal(t, 404, w.put(path, object{}).code)
	require.Equal(t, 404, w.remove(path).code)
	require.NotEqual(t, first["id"], w.post("/v1/customers", one).of("customer")["id"])
	w.quiet()
	var told []string
	for _, d := range w.server.Deliveries() {
		if strings.HasPrefix(d.Event, "customer.") {
			told = append(told, d.Event)
		}
	}
	require.Equal(t, []string{"customer.created", "customer.updated", "customer.updated", "customer.deleted", "customer.created"}, told)
}
