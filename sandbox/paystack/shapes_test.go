package paystack_test

import (
	"encoding/json"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox/paystack"
)

// keysOf lists the keys of a JSON value, objects within objects included. Of a
// list it looks at the first element. Free-form objects count as one key, and
// so do objects that are null or empty on one side.
func keysOf(prefix string, value any, into map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			into[prefix+key] = true
			if key != "metadata" {
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

func TestChargeAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	for provider, names := range map[string][]string{
		"orange": {"charge.create.response.send_otp", "constructed.charge.create.response.orange_ci.send_otp"},
		"mtn":    {"charge.create.response.pay_offline_mobile_money", "constructed.charge.create.response.mtn_ci.pay_offline"},
		"wave":   {"charge.create.response.open_url", "constructed.charge.create.response.wave_ci.open_url"},
	} {
		created := w.post("/charge", charge("first-"+provider, provider, "0700000000"))
		require.Equal(t, 200, created.code)
		require.Equal(t, "Charge attempted", created.message())
		for _, name := range names {
			sameKeys(t, name, created.raw)
		}
	}
	sameKeys(t, "charge.check.response.send_otp", w.get("/charge/first-orange").raw)
	sameKeys(t, "charge.check.response.open_url", w.get("/charge/first-wave").raw)

	sameKeys(t, "charge.create.response.pending_mobile_money", w.post("/charge", charge("pending", "mtn", "0500000023")).raw)
	sameKeys(t, "charge.check.response.pending", w.get("/charge/pending").raw)
	require.Equal(t, "Reference check successful", w.get("/charge/pending").message())

	w.post("/charge", charge("poor", "mtn", "0500000010"))
	w.pass(8 * time.Second)
	sameKeys(t, "charge.check.response.failed", w.get("/charge/poor").raw)

	sameKeys(t, "charge.create.response.success_mobile_money", w.post("/charge", charge("now", "mtn", "0500000014")).raw)
	sameKeys(t, "charge.check.response.success", w.get("/charge/now").raw)
}

func TestSubmitOTPAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	submit := func(phone string) reply {
		w.post("/charge", charge("otp-"+phone, "orange", phone))
		return w.post("/charge/submit_otp", object{"otp": "1234", "reference": "otp-" + phone})
	}
	sameKeys(t, "charge.submit_otp.response.success", submit("0700000000").raw)
	sameKeys(t, "charge.submit_otp.response.pending", submit("0700000034").raw)
	sameKeys(t, "charge.submit_otp.response.open_url", submit("0700000035").raw)
	sameKeys(t, "charge.submit_otp.response.failed", submit("0700000010").raw)
}

func TestTransactionAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	w.post("/charge", charge("ongoing", "orange", "0700000000"))
	sameKeys(t, "constructed.transaction.verify.response.xof_ongoing", w.get("/transaction/verify/ongoing").raw)
	w.post("/charge", charge("poor", "mtn", "0500000010"))
	w.paid("paid", "0500000000")
	sameKeys(t, "constructed.transaction.verify.response.xof_failed", w.get("/transaction/verify/poor").raw)
	sameKeys(t, "constructed.transaction.verify.response.xof_success", w.get("/transaction/verify/paid").raw)
	w.pass(172 * time.Second)
	require.Equal(t, "abandoned", w.verified("ongoing"))
	sameKeys(t, "constructed.transaction.verify.response.xof_abandoned", w.get("/transaction/verify/ongoing").raw)

	opened := w.post("/transaction/initialize", sample(t, "constructed.transaction.initialize.request.card_xof"))
	sameKeys(t, "transaction.initialize.response", opened.raw)
	page := w.url + "/sandbox/pay/" + opened.data()["access_code"].(string)
	require.Equal(t, page, opened.data()["authorization_url"])
	form, err := w.client.PostForm(page, map[string][]string{"do": {"pay"}})
	require.NoError(t, err)
	require.NoError(t, form.Body.Close())
	reference := opened.data()["reference"].(string)
	verified := w.get("/transaction/verify/" + reference)
	sameKeys(t, "transaction.verify.response.success", verified.raw)
	require.Equal(t, "ord_123", verified.data()["metadata"].(map[string]any)["order_id"])
	id := json.Number(decimal(verified.data()["id"]))
	sameKeys(t, "transaction.fetch.response", w.get("/transaction/"+id.String()).raw)
	sameKeys(t, "transaction.list.response", w.get("/transaction?use_cursor=true").raw)
}

func decimal(v any) string {
	encoded, _ := json.Marshal(uint64(v.(float64)))
	return string(encoded)
}

func TestPayoutAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Float: 10_000_000})
	sameKeys(t, "balance.response", w.get("/balance").raw)
	sameKeys(t, "constructed.balance.response.xof", w.get("/balance").raw)
	sameKeys(t, "constructed.bank.list.response.mobile_money_xof", w.get("/bank?currency=XOF&type=mobile_money").raw)

	created := w.post("/transferrecipient", sample(t, "constructed.transferrecipient.create.request.orange_ci"))
	sameKeys(t, "constructed.transferrecipient.create.response.orange_ci", created.raw)
	code := created.data()["recipient_code"].(string)
	sameKeys(t, "transferrecipient.fetch.response", w.get("/transferrecipient/"+code).raw)

	queued := w.post("/transfer", transferOf("transfer-number-one", code, 475_000))
	require.Equal(t, "Transfer has been queued", queued.message())
	sameKeys(t, "transfer.initiate.response.success", queued.raw)
	sameKeys(t, "constructed.transfer.initiate.response.xof_pending", queued.raw)
	w.pass(5 * time.Second)
	sameKeys(t, "transfer.verify.response.success", w.get("/transfer/verify/transfer-number-one").raw)
	sameKeys(t, "transfer.fetch.response", w.get("/transfer/"+queued.data()["transfer_code"].(string)).raw)
	// The sample's list has no reference, and a list without one reconciles nothing.
	sameKeys(t, "transfer.list.response", w.get("/transfer").raw, "data.[].reference")

	wanting := w.post("/transfer", transferOf("transfer-number-two", w.payee("0700000042"), 475_000))
	require.Equal(t, "Transfer requires OTP to continue", wanting.message())
	sameKeys(t, "transfer.initiate.response.otp", wanting.raw)
}

func TestRefundAnswersHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Float: 10_000_000})
	w.paid("paid", "0500000000")
	queued := w.post("/refund", object{"transaction": "paid", "amount": 200_000})
	sameKeys(t, "refund.create.response.pending", queued.raw)
	w.pass(10 * time.Second)
	fetched := w.get("/refund/" + decimal(queued.data()["id"]))
	require.Equal(t, "processed", fetched.data()["status"])
	sameKeys(t, "refund.fetch.response.processed", fetched.raw)
	sameKeys(t, "refund.list.response", w.get("/refund?transaction="+decimal(fetched.data()["transaction"])).raw)
}

func TestWebhooksHaveTheSamplesKeys(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{Float: 10_000_000, WebhookURL: hooks.URL})
	w.paid("paid", "0500000000")
	w.paid("fails", "0500000036")
	w.paid("attends", "0500000037")
	opened := w.post("/transaction/initialize", object{"email": "a@example.com", "amount": "100000", "reference": "card"})
	form, err := w.client.PostForm(opened.data()["authorization_url"].(string), map[string][]string{"do": {"pay"}})
	require.NoError(t, err)
	require.NoError(t, form.Body.Close())
	w.post("/transfer", transferOf("transfer-success-01", w.payee("0700000000"), 1000))
	w.post("/transfer", transferOf("transfer-failed-001", w.payee("0700000040"), 1000))
	w.post("/transfer", transferOf("transfer-reversed-1", w.payee("0700000046"), 1000))
	for _, reference := range []string{"paid", "fails", "attends"} {
		require.Equal(t, 200, w.post("/refund", object{"transaction": reference}).code)
	}
	w.pass(5 * time.Second)
	w.pass(5 * time.Second)

	samples := map[string]string{
		"charge.success mobile_money": "constructed.webhook.charge.success.mobile_money_xof",
		"charge.success card":         "webhook.charge.success.card",
		"transfer.success":            "constructed.webhook.transfer.success.xof",
		"transfer.failed":             "constructed.webhook.transfer.failed.xof",
		"transfer.reversed":           "constructed.webhook.transfer.reversed.xof",
		"refund.pending":              "webhook.refund.pending",
		"refund.processing":           "webhook.refund.processing",
		"refund.processed":            "webhook.refund.processed",
		"refund.failed":               "webhook.refund.failed",
		"refund.needs-attention":      "webhook.refund.needs-attention",
	}
	seen := map[string]bool{}
	for _, h := range hooks.got() {
		name := h.event
		if channel, has := h.data["channel"].(string); has && name == "charge.success" {
			name += " " + channel
		}
		require.Contains(t, samples, name)
		sameKeys(t, samples[name], h.raw)
		require.True(t, h.signedWith(testKey), "signed with the key of its domain")
		require.False(t, h.signedWith(liveKey))
		seen[name] = true
	}
	require.Len(t, seen, len(samples), "every event was sent")
}

func TestRefusalsHaveTheSamplesBodies(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	code := w.payee("0700000000")
	w.paid("paid", "0500000000")
	// Refunding all of it takes more than the balance, from which fees have gone.
	w.paid("other", "0500000001")
	require.Equal(t, 200, w.post("/refund", object{"transaction": "paid"}).code)
	require.Equal(t, 200, w.post("/transfer", transferOf("transfer-number-one", code, 1000)).code)

	without := charge("x", "mtn", "0500000000")
	delete(without, "email")
	foreign := charge("x", "mtn", "0500000000")
	foreign["currency"] = "NGN"
	for name, r := range map[string]reply{
		"error.charge.missing_email.400":            w.post("/charge", without),
		"error.currency_not_supported":              w.post("/charge", foreign),
		"error.transaction.duplicate_reference.400": w.post("/charge", charge("paid", "mtn", "0500000000")),
		"error.charge.submit_otp_bad_reference.400": w.post("/charge/submit_otp", object{"otp": "1", "reference": "nobody"}),
		"error.validation.missing_params.400":       w.post("/transaction/initialize", object{"amount": "100"}),
		"error.transaction_not_found.400":           w.get("/transaction/verify/nobody"),
		"error.refund.already_reversed.400":         w.post("/refund", object{"transaction": "paid"}),
		"error.transfer.duplicate_reference.400":    w.post("/transfer", transferOf("transfer-number-one", code, 1000)),
		"error.transfer.insufficient_balance.400":   w.post("/transfer", transferOf("transfer-number-two", code, 90_000_000)),
		"error.transfer.invalid_recipient.400":      w.post("/transfer", transferOf("transfer-number-two", "RCP_nobody", 1000)),
		"error.transfer.not_found.404":              w.get("/transfer/verify/transfer-number-two"),
	} {
		require.JSONEq(t, string(sample(t, name)), string(r.raw), name)
		want := 400
		if name == "error.transfer.not_found.404" {
			want = 404
		}
		require.Equal(t, want, r.code, name)
	}
	w.key = "sk_test_other"
	for _, path := range []string{"/balance", "/transaction/verify/paid"} {
		r := w.get(path)
		require.Equal(t, 401, r.code)
		require.JSONEq(t, string(sample(t, "error.invalid_key.401")), string(r.raw))
	}
}
