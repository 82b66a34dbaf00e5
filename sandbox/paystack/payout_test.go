package paystack_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/sandbox/paystack"
)

func TestTheSameAccountIsTheSameRecipient(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	require.Equal(t, w.payee("0700000000"), w.payee("0700000000"))
	require.NotEqual(t, w.payee("0700000000"), w.payee("0700000001"))
	for name, change := range map[string]object{
		"Moov":             {"bank_code": "MOOV_CI"},
		"no name":          {"name": ""},
		"another currency": {"currency": "NGN"},
		"a bank account":   {"type": "nuban"},
		"the 0 dropped":    {"account_number": "700000000"},
	} {
		body := object{"type": "mobile_money", "name": "Awa", "account_number": "0700000000", "bank_code": "ORANGE_CI", "currency": "XOF"}
		for key, value := range change {
			body[key] = value
		}
		require.Equal(t, 400, w.post("/transferrecipient", body).code, name)
	}
	require.Equal(t, 404, w.get("/transferrecipient/RCP_nobody").code)
}

func TestMalformedTransfersAreRefusedAndMoveNothing(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Float: 1_000_000})
	to := w.payee("0700000000")
	for name, change := range map[string]object{
		"an amount as string":   {"amount": "475000"},
		"a fraction":            {"amount": 475_000.5},
		"nothing":               {"amount": 0},
		"less than nothing":     {"amount": -100},
		"no currency":           {"currency": ""},
		"another source":        {"source": "card"},
		"a recipient as number": {"recipient": 5},
		"a short reference":     {"reference": "short"},
		"a long reference":      {"reference": "fifty-one-characters-are-one-more-than-are-allowed-"},
		"capitals":              {"reference": "TRANSFER-NUMBER-ONE"},
		"a dot":                 {"reference": "transfer.number.one"},
		"more than there is":    {"amount": 1_000_100},
	} {
		body := transferOf("transfer-number-one", to, 475_000)
		for key, value := range change {
			body[key] = value
		}
		require.Equal(t, 400, w.post("/transfer", body).code, name)
	}
	require.Equal(t, 400, w.post("/transfer", transferOf("transfer-number-one", w.payee("0700000049"), 1000)).code)
	require.Empty(t, w.server.Books().Transfers)
	require.EqualValues(t, 1_000_000, w.server.Books().Balance)
	require.Equal(t, 200, w.post("/transfer", transferOf("transfer-number-one", to, 475_000)).code)
	require.EqualValues(t, 525_000, w.server.Books().Balance, "it leaves at once")
}

func TestEachWalletChoosesItsOutcome(t *testing.T) {
	t.Parallel()
	const reference, amount = "transfer-number-one", 475_000
	for _, c := range []struct {
		ending, answer string
		after          map[time.Duration]string
		events         []string
		returned       int64
	}{
		{"0000", "pending", map[time.Duration]string{4 * time.Second: "pending", 5 * time.Second: "success"}, []string{"transfer.success"}, 0},
		{"0040", "pending", map[time.Duration]string{5 * time.Second: "failed"}, []string{"transfer.failed"}, amount},
		{
			"0041", "pending",
			map[time.Duration]string{5 * time.Second: "success", 65 * time.Second: "reversed"},
			[]string{"transfer.success", "transfer.reversed"},
			amount,
		},
		{"0042", "otp", map[time.Duration]string{29 * time.Minute: "otp", 30 * time.Minute: "abandoned"}, []string{}, amount},
		{"0043", "pending", map[time.Duration]string{59 * time.Minute: "pending", time.Hour: "success"}, []string{"transfer.success"}, 0},
		{"0044", "pending", map[time.Duration]string{59 * time.Second: "", time.Minute: "success"}, []string{"transfer.success"}, 0},
		{"0045", "success", map[time.Duration]string{0: "success"}, []string{"transfer.success"}, 0},
		{"0046", "pending", map[time.Duration]string{5 * time.Second: "reversed"}, []string{"transfer.reversed"}, amount},
		{"0047", "pending", map[time.Duration]string{5 * time.Second: "rejected"}, []string{}, amount},
		{"0048", "pending", map[time.Duration]string{5 * time.Second: "blocked"}, []string{}, amount},
		{"0030", "pending", map[time.Duration]string{5 * time.Second: "success"}, []string{}, 0},
	} {
		t.Run(c.ending, func(t *testing.T) {
			t.Parallel()
			hooks := receive(t)
			w := start(t, paystack.Config{Float: 1_000_000, WebhookURL: hooks.URL, Guesses: paystack.Guesses{TransferFee: 2_500}})
			to := w.payee("070000" + c.ending)
			require.Equal(t, c.answer, w.post("/transfer", transferOf(reference, to, amount)).data()["status"])
			require.Equal(t, 400, w.post("/transfer", transferOf(reference, to, amount)).code, "a used reference")
			var passed time.Duration
			for _, at := range sorted(c.after) {
				w.pass(at - passed)
				passed = at
				r := w.get("/transfer/verify/" + reference)
				if c.after[at] == "" {
					require.Equal(t, 404, r.code)
					continue
				}
				require.Equal(t, c.after[at], r.data()["status"], "after %s", at)
			}
			require.Equal(t, c.events, hooks.events())
			books := w.server.Books()
			require.True(t, books.Balanced())
			row, found := books.Transfer(reference)
			require.True(t, found)
			require.EqualValues(t, amount, row.Sent)
			require.Equal(t, c.returned, row.Returned)
			if c.returned == 0 {
				require.EqualValues(t, 1_000_000-amount-2_500, books.Balance)
			} else {
				require.EqualValues(t, 1_000_000, books.Balance, "the fee comes back too")
			}
		})
	}
}

func TestTransfersAreListedByRecipient(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Float: 1_000_000})
	a, b := w.payee("0700000000"), w.payee("0700000001")
	w.post("/transfer", transferOf("transfer-number-one", a, 1000))
	w.post("/transfer", transferOf("transfer-number-two", b, 1000))
	rows := w.get("/transfer?recipient=" + b).list()
	require.Len(t, rows, 1)
	require.Equal(t, "transfer-number-two", rows[0].(map[string]any)["reference"])
	require.Len(t, w.get("/transfer?perPage=1&use_cursor=true").list(), 1)
}

func TestAFullRefundIsGivenOnce(t *testing.T) {
	t.Parallel()
	hooks := receive(t)
	w := start(t, paystack.Config{Float: 1_000_000, WebhookURL: hooks.URL})
	w.paid("paid", "0500000000")
	require.Equal(t, 200, w.post("/refund", object{"transaction": "paid", "merchant_note": "01jd-r1"}).code)
	w.quiet() // each event has arrived before the next is sent
	require.Equal(t, "success", w.verified("paid"), "until it is processed")
	again := w.post("/refund", object{"transaction": "paid"})
	require.Equal(t, 400, again.code)
	require.Equal(t, "transaction_reversed", again.json["code"])
	w.pass(5 * time.Second)
	w.pass(5 * time.Second)
	require.Equal(t, "reversed", w.verified("paid"))
	require.Equal(t, "reversed", w.get("/charge/paid").data()["status"])
	require.Equal(t, []string{"charge.success", "refund.pending", "refund.processing", "refund.processed"}, hooks.events())

	books := w.server.Books()
	require.True(t, books.Balanced())
	require.EqualValues(t, 500_000, books.Totals.Refunded)
	require.EqualValues(t, 1_000_000-9_750, books.Balance, "the fees stay taken")
	require.Equal(t, "01jd-r1", books.Refunds[0].Note)
}

func TestPartialRefundsAddUpToTheChargeAndNoFurther(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Float: 1_000_000})
	w.paid("paid", "0500000000")
	part := object{"transaction": "paid", "amount": "200000", "currency": "XOF"}
	require.Equal(t, 200, w.post("/refund", part).code)
	require.Equal(t, 200, w.post("/refund", part).code, "nothing tells it from the first")
	require.Equal(t, 400, w.post("/refund", part).code)
	w.pass(10 * time.Second)
	require.Equal(t, "success", w.verified("paid"))
	id := decimal(w.get("/transaction/verify/paid").data()["id"])
	require.Equal(t, 200, w.post("/refund", object{"transaction": id}).code, "the rest, by id")
	w.pass(10 * time.Second)
	require.Equal(t, "reversed", w.verified("paid"))
	require.Len(t, w.get("/refund?transaction="+id).list(), 3)
	require.EqualValues(t, 500_000, w.server.Books().Totals.Refunded)
}

func TestAFailedRefundComesBack(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{Float: 1_000_000})
	w.paid("paid", "0500000036")
	before := w.server.Books().Balance
	r := w.post("/refund", object{"transaction": "paid"})
	require.EqualValues(t, before-500_000, w.server.Books().Balance)
	w.pass(10 * time.Second)
	require.Equal(t, "failed", w.get("/refund/" + decimal(r.data()["id"])).data()["status"])
	require.Equal(t, before, w.server.Books().Balance)
	require.True(t, w.server.Books().Balanced())
	require.Equal(t, 200, w.post("/refund", object{"transaction": "paid"}).code, "and may be asked again")
}

func TestRefundsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := start(t, paystack.Config{})
	w.paid("paid", "0500000000")
	w.post("/charge", charge("open", "mtn", "0500000020"))
	require.Equal(t, 400, w.post("/refund", object{"transaction": "open"}).code, "not paid")
	require.Equal(t, 400, w.post("/refund", object{"transaction": "nobody"}).code)
	require.Equal(t, 400, w.post("/refund", object{"transaction": "paid", "amount": 500_100}).code, "more than paid")
	require.Equal(t, 400, w.post("/refund", object{"transaction": "paid", "amount": 1.5}).code)
	require.Equal(t, 400, w.post("/refund", object{}).code)
	short := w.post("/refund", object{"transaction": "paid"})
	require.Equal(t, 400, short.code, "the fees are missing")
	require.Contains(t, short.message(), "balance is not enough")
	require.Equal(t, 404, w.get("/refund/1").code)
	require.Empty(t, w.server.Books().Refunds)
}
