package fedapay_test

import (
	"encoding/json"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox/fedapay"
)

// keysOf lists the keys of a JSON value, objects within objects included. Of a
// list it looks at the first element. Free-form objects count as one key, and
// so do objects that are null or empty on one side.
func keysOf(prefix string, value any, into map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			into[prefix+key] = true
			if key != "custom_metadata" {
				keysOf(prefix+key+".", inner, into)
			}
		}
	case []any:
		if len(v) > 0 {
			keysOf(prefix+"[].", v[0], into)
		}
	}
}

// sameKeys fails unless body has exactly the sample's keys. But names keys that
// the sample has and we know to be missing, or the other way round, or whose
// insides are null on one side.
func sameKeys(t *testing.T, name string, body []byte, but ...string) {
	t.Helper()
	var theirs, ours any
	require.NoError(t, json.Unmarshal(sample(t, name), &theirs), name)
	require.NoError(t, json.Unmarshal(body, &ours), string(body))
	want, got := map[string]bool{}, map[string]bool{}
	keysOf("", theirs, want)
	keysOf("", ours, got)
	list := func(keys map[string]bool) []string {
		kept := []string{}
		for key := range keys {
			excused := false
			for _, b := range but {
				excused = excused || key == b || len(key) > len(b) && key[:len(b)+1] == b+"."
			}
			if !excused {
				kept = append(kept, key)
			}
		}
		sort.Strings(kept)
		return kept
	}
	require.Equal(t, list(want), list(got), name)
}

func TestCollectionAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	created := w.post("/v1/transactions", sample(t, "transaction_create.request"))
	require.Equal(t, 200, created.code, string(created.raw))
	sameKeys(t, "transaction_create.response", created.raw)
	row := created.of("transaction")
	one := "/v1/transactions/" + number(row["id"])
	sameKeys(t, "transaction_get_pending.response", w.get(one).raw)
	sameKeys(t, "transaction_get_pending.response", w.get("/v1/transactions/merchant/att_01JD9Z0M7V").raw)
	token := w.post(one+"/token", object{})
	sameKeys(t, "transaction_token.response", token.raw)
	require.Equal(t, row["payment_token"], token.json["token"])
	require.Equal(t, row["payment_url"], token.json["url"])
	quote := w.get("/v1/transactions/fees?mode=momo_test&token=" + row["payment_token"].(string))
	sameKeys(t, "transactions_fees.response", quote.raw)
	require.EqualValues(t, 15_625, quote.json["amount_debited"])
	require.EqualValues(t, 0.04, quote.json["commission"])

	asked := w.prompt(row["payment_token"])
	sameKeys(t, "direct_payment.response", asked.raw)
	require.Equal(t, "pending", asked.of("payment_intent")["status"])
	w.pass(3 * time.Second)
	sameKeys(t, "transaction_get_approved.response", w.get(one).raw)
	w.created("second", "0500000001")
	sameKeys(t, "transactions_search.response", w.get("/v1/transactions/search?search=*").raw, paidKeys...)
	w.pass(72 * time.Hour)
	sameKeys(t, "transaction_get_transferred.response", w.get(one).raw)
	require.Equal(t, "transferred", w.status("att_01JD9Z0M7V"))
	sameKeys(t, "transaction_get_expired.response", w.get("/v1/transactions/merchant/second").raw)
	require.Equal(t, "expired", w.status("second"))
}

func TestTheSamplesRequestsAreTaken(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Float: 100_000})
	ask := func(name, path string) {
		token := w.created(name+w.key, "0500000012")["payment_token"].(string)
		r := w.post(path, strings.ReplaceAll(string(sample(t, name)), "PAYMENT_TOKEN_EXAMPLE", token))
		require.Equal(t, 200, r.code, string(r.raw))
		w.pass(3 * time.Second)
		require.Equal(t, "approved", w.status(name+w.key), "the number sent counts, not the customer's")
	}
	ask("direct_momo_test_sandbox.request", "/v1/momo_test")
	for name, status := range map[string]string{"payout_start_now.request": "started", "payout_start_scheduled.request": "pending"} {
		id := number(w.payout(name, "0500000001", 1000))
		r := w.put("/v1/payouts/start", strings.ReplaceAll(string(sample(t, name)), `"id": 13`, `"id": `+id))
		require.Equal(t, 200, r.code, string(r.raw))
		require.Equal(t, status, r.list("payouts")[0].(map[string]any)["status"])
	}
	w.key = liveKey
	ask("direct_mtn_ci.request", "/v1/mtn_ci")
}

// What the first row of the sample has because it is paid.
var paidKeys = []string{"v1/transactions.[].metadata.paid_customer"}

func TestEndingsHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Guesses: fedapay.Guesses{DirectAtOnce: true}})
	now := w.prompt(w.created("now", "0500000001")["payment_token"])
	sameKeys(t, "direct_payment_sandbox_immediate.response", now.raw)
	require.Equal(t, "approved", now.of("payment_intent")["status"])
	for reference, phone := range map[string]string{"declined": "0500000012", "canceled": "0500000010"} {
		w.charged(reference, phone)
		require.Equal(t, reference, w.status(reference))
		sameKeys(t, "transaction_get_"+reference+".response", w.get("/v1/transactions/merchant/"+reference).raw)
	}
	require.NoError(t, w.server.Refund("now", 0))
	require.Equal(t, "refunded", w.status("now"))
	sameKeys(t, "transaction_get_refunded.response", w.get("/v1/transactions/merchant/now").raw)
}

func TestPayoutAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{Float: 1_000_000})
	created := w.post("/v1/payouts", sample(t, "payout_create.request"))
	require.Equal(t, 200, created.code, string(created.raw))
	sameKeys(t, "payout_create.response", created.raw)
	begun := w.begin(created.of("payout")["id"])
	sameKeys(t, "payout_start.response", begun.raw)
	w.pass(5 * time.Second)
	one := w.get("/v1/payouts/" + number(created.of("payout")["id"]))
	sameKeys(t, "payout_get_sent.response", one.raw)
	require.EqualValues(t, 10_150, one.of("payout")["amount_debited"])
	w.begin(w.payout("fails", "0500000040", 1000))
	w.pass(5 * time.Second)
	sameKeys(t, "payout_get_failed.response", w.get("/v1/payouts/merchant/fails").raw)
}

func TestTheOtherAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{WebhookURL: hooks.URL})
	created := w.post("/v1/customers", sample(t, "customer_create.request"))
	sameKeys(t, "customer_create.response", created.raw)
	sameKeys(t, "balances_list.response", w.get("/v1/balances").raw)
	sameKeys(t, "currencies_list.response", w.get("/v1/currencies").raw)
	sameKeys(t, "webhooks_list.response", w.get("/v1/webhooks").raw)
	w.paid("paid", "0500000001")
	events := w.get("/v1/events")
	sameKeys(t, "events_list.response", events.raw)
	latest, _ := events.list("events")[0].(map[string]any)
	require.Equal(t, "transaction.approved", latest["type"])
	var entity map[string]any
	require.NoError(t, json.Unmarshal([]byte(latest["entity"].(string)), &entity), "a string of JSON")
	for _, key := range []string{"id", "status", "reference", "amount", "operation", "mode", "account_id", "currency_id"} {
		require.Contains(t, entity, key)
	}
	for _, path := range []string{"/v1/currencies/1", "/v1/balances/142434", "/v1/webhooks/1", "/v1/events/" + latest["id"].(string)} {
		require.Equal(t, 200, w.get(path).code, path)
	}
	for _, path := range []string{"/v1/currencies/2", "/v1/balances/1", "/v1/webhooks/2", "/v1/events/235879", "/v1/events/evt_1"} {
		require.Equal(t, 404, w.get(path).code, path)
	}
}

func TestWebhooksHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, fedapay.Config{Float: 100_000, WebhookURL: hooks.URL})
	w.paid("paid", "0500000001")
	w.charged("declined", "0500000012")
	w.charged("canceled", "0500000010")
	w.begin(w.payout("sent", "0500000001", 1000))
	w.begin(w.payout("failed", "0500000040", 1000))
	w.pass(5 * time.Second)
	w.pass(72 * time.Hour)
	seen := map[string]bool{}
	for _, h := range hooks.got() {
		name := "webhook_" + strings.ReplaceAll(h.name, ".", "_")
		sameKeys(t, name, h.raw)
		require.True(t, h.signedWith(testHook), "signed with the secret of its domain")
		require.False(t, h.signedWith(liveHook))
		seen[h.name] = true
	}
	require.Len(t, seen, 7, "%v", seen)
}

func TestRefusalsHaveTheSamplesShapes(t *testing.T) {
	t.Parallel()
	w := start(t, fedapay.Config{})
	token := w.created("order", "0500000001")["payment_token"]
	for _, mode := range []string{"mtn_ci", "mtn_open", "moov"} {
		r := w.post("/v1/"+mode, object{"token": token})
		require.Equal(t, 400, r.code)
		require.JSONEq(t, string(sample(t, "error_400_operation_not_allowed")), string(r.raw))
	}
	unnamed := order("other", "0500000001")
	unnamed["customer"] = object{"firstname": "Awa"}
	r := w.post("/v1/transactions", unnamed)
	require.Equal(t, 422, r.code)
	sameKeys(t, "error_validation", r.raw)
	require.Equal(t, []any{"lastname field required"}, r.json["errors"].(map[string]any)["lastname"])
	for path, code := range map[string]int{"/v1/transactions/1": 404, "/v1/nowhere": 404} {
		r := w.get(path)
		require.Equal(t, code, r.code)
		sameKeys(t, "error_message_only", r.raw)
	}
	require.Equal(t, 404, w.post("/v1/transactions/mtn_ci", object{"token": token}).code, "the path that is printed in the documentation")
	w.key = "sk_sandbox_other"
	r = w.get("/v1/currencies")
	require.Equal(t, 401, r.code)
	sameKeys(t, "error_message_only", r.raw)
}
