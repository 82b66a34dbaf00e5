package fedapay_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/internal/secret"
)

// asked is what a direct charge comes to when all goes well.
var asked = engine.ChargeReport{Status: engine.ChargeOnPhone, GatewayReference: "235879"}

func TestADirectChargeIsCreatedAndStartedAsTheFactsSay(t *testing.T) {
	t.Parallel()
	r := answering(t, accepting(t, nil))
	got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Equal(t, asked, got)

	require.Len(t, r.Requests(), 2)
	create, start := r.Requests()[0], r.Requests()[1]
	for _, one := range []seen{create, start} {
		require.Equal(t, "POST", one.Method)
		require.Equal(t, "Bearer "+testKey, one.Authorization)
		require.Equal(t, "application/json", one.ContentType)
	}
	require.Equal(t, createPath, create.Path)
	require.JSONEq(t, `{
		"description": "booking-42", "amount": 15000, "currency": {"iso": "XOF"}, "merchant_reference": "01jd3m5nq8rstvwxyz0123456k-c1",
		"custom_metadata": {"payment_id": "pay_01jd3m5nq8rstvwxyz0123456k", "booking_id": "booking-42", "attempt": 1, "flow": "direct:mtn_ci"}
	}`, string(create.Body))
	require.Equal(t, startPath, start.Path)
	require.JSONEq(t, sample(t, "direct_mtn_ci.request"), string(start.Body))
}

func TestATokenIsAskedForByPostWhenTheCreateBroughtNone(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string]map[string]any{
		"neither": {"payment_token": nil, "payment_url": nil}, "no token": {"payment_token": nil}, "no link": {"payment_url": nil},
	} {
		r := answering(t, accepting(t, map[string]reply{createPath: {201, about(t, "transaction_create.response", fields)}}))
		got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
		require.NoError(t, err, name)
		require.Equal(t, asked, got, name)
		require.Len(t, r.Requests(), 3, name)
		require.Equal(t, "POST", r.Requests()[1].Method, name)
		require.Equal(t, tokenPath, r.Requests()[1].Path, name)
		require.JSONEq(t, `{}`, string(r.Requests()[1].Body), name)
	}
}

func TestABareAnswerIsReadAsThePublishedReferenceShowsIt(t *testing.T) {
	t.Parallel()
	bare := func(body, wrapper string) string {
		return strings.TrimSuffix(strings.TrimPrefix(body, `{"`+wrapper+`":`), "}")
	}
	r := answering(t, accepting(t, map[string]reply{
		createPath: {201, bare(about(t, "transaction_create.response", nil), "v1/transaction")},
		startPath:  {200, `{"reference":"trx_fOg_1763805600047","status":"pending"}`},
	}))
	got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Equal(t, asked, got)
}

func TestAPageIsHandedOutForADay(t *testing.T) {
	t.Parallel()
	r := answering(t, accepting(t, nil))
	c := client(t, r.URL, func(c *fedapay.Config) { c.ReturnURL = "https://shop.example.com/pay/return" })
	got, err := c.Charge(t.Context(), pageCall())
	require.NoError(t, err)
	require.Equal(t, engine.ChargeReport{
		Status: engine.ChargeRedirects, GatewayReference: "235879", URL: pageURL, Window: 24 * hour,
	}, got)
	require.Len(t, r.Requests(), 1)
	body := string(r.Requests()[0].Body)
	require.Contains(t, body, `"flow":"page"`)
	require.Contains(t, body, `"callback_url":"https://shop.example.com/pay/return"`)
	require.NotContains(t, body, "0100000000", "FedaPay is not told whom it will meet")
	require.NotContains(t, body, "example.com\"}", "nor an address that would name a customer")
}

func TestACardGoesToThePageOrNowhere(t *testing.T) {
	t.Parallel()
	call := chargeCall()
	call.Method, call.Payer = "card", engine.Payer{Email: "payer@example.com"}
	r := answering(t, accepting(t, nil))
	_, err := client(t, r.URL).Charge(t.Context(), call)
	require.ErrorIs(t, err, engine.Unsupported, "a card has no phone to ask on")
	require.Empty(t, r.Requests())
	call.Flow = engine.Hosted
	got, err := client(t, r.URL).Charge(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeRedirects, got.Status)
}

// A link that may not be shown is shown to nobody, so nobody can pay: another
// gateway may be asked.
func TestAPayerIsSentToKnownPlacesOnly(t *testing.T) {
	t.Parallel()
	for url, allowed := range map[string]bool{
		pageURL:                                                    true,
		"https://process.fedapay.com/t":                            true,
		"https://PROCESS.FedaPay.com:443/t":                        true,
		"http://127.0.0.1:8090/pay/t":                              true, // a simulated page on this machine
		"http://localhost/pay/t":                                   true,
		"http://[::1]:8090/pay/t":                                  true,
		"http://process.fedapay.com/t":                             false,
		"http://10.0.0.1/pay/t":                                    false,
		"https://fedapay.com.evil.example/t":                       false,
		"https://evilfedapay.com/t":                                false,
		"https://me@process.fedapay.com/t":                         false,
		"https://process.fedapay.com:8443/t":                       false,
		"javascript:alert(1)":                                      false,
		"//process.fedapay.com/t":                                  false,
		"https://process.fedapay.com/" + strings.Repeat("t", 2048): false,
		"": false,
	} {
		r := answering(t, accepting(t, map[string]reply{
			createPath: {200, about(t, "transaction_create.response", map[string]any{"payment_url": nil})},
			tokenPath:  {200, `{"token":"t","url":"` + url + `"}`},
		}))
		got, err := client(t, r.URL).Charge(t.Context(), pageCall())
		if allowed {
			require.NoError(t, err, url)
			require.Equal(t, url, got.URL)
			continue
		}
		require.ErrorIs(t, err, engine.Unavailable, url)
		require.Equal(t, engine.CodeGatewayMisconfigured, engine.CodeOf(err), url)
		require.Empty(t, got, url)
	}
}

func TestALivePayerIsNeverSentToAPlainPage(t *testing.T) {
	t.Parallel()
	server := secured(t, accepting(t, map[string]reply{
		createPath: {200, about(t, "transaction_create.response", map[string]any{"payment_url": "http://127.0.0.1:8090/pay/t"})},
	}))
	c := client(t, server.URL, func(c *fedapay.Config) {
		c.Key, c.RootCAs = secret.New("sk_live_fixture"), server.Roots
	})
	require.True(t, c.Live())
	_, err := c.Charge(t.Context(), pageCall())
	require.ErrorIs(t, err, engine.Unavailable)
}

func TestPhonesAndFlowsAreConfiguration(t *testing.T) {
	t.Parallel()
	answers := accepting(t, nil)
	answers["/v1/mtn_open_ci"] = answers[startPath]
	r := answering(t, answers)
	c := client(t, r.URL, func(c *fedapay.Config) {
		c.PhoneFormat = fedapay.E164
		c.Modes, c.Country = map[phone.Operator]string{phone.MTN: "mtn_open_ci"}, "bj"
	})
	_, err := c.Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Contains(t, string(r.To("/v1/mtn_open_ci")[0].Body), `{"number":"+2250500000000","country":"bj"}`)
	orange := chargeCall()
	orange.Payer.Operator = phone.Orange
	_, err = c.Charge(t.Context(), orange)
	require.ErrorIs(t, err, engine.Unsupported, "a list of modes is the whole list")
}

func TestWhatFedaPayCannotDoIsNeverSent(t *testing.T) {
	t.Parallel()
	r := answering(t, nil)
	c := client(t, r.URL)
	for name, change := range map[string]func(*engine.ChargeCall){
		"Orange":          func(c *engine.ChargeCall) { c.Payer.Operator = phone.Orange },
		"Wave":            func(c *engine.ChargeCall) { c.Payer.Operator = phone.Wave },
		"nobody":          func(c *engine.ChargeCall) { c.Payer.Operator = "" },
		"naira":           func(c *engine.ChargeCall) { c.Currency = "NGN" },
		"a bank":          func(c *engine.ChargeCall) { c.Method = "bank" },
		"nothing":         func(c *engine.ChargeCall) { c.Amount = 0 },
		"too much":        func(c *engine.ChargeCall) { c.Amount = 1 << 62 },
		"no reference":    func(c *engine.ChargeCall) { c.Reference = engine.Reference{} },
		"a payout's name": func(c *engine.ChargeCall) { c.Reference.Kind = engine.PayoutReference },
	} {
		call := chargeCall()
		change(&call)
		_, err := c.Charge(t.Context(), call)
		require.ErrorIs(t, err, engine.Unsupported, name)
	}
	require.Empty(t, r.Requests())
}

// What FedaPay can't do has no method, so it can't be called by mistake: a type,
// not a check.
func TestFedaPayHasNoMethodForWhatItCannotDo(t *testing.T) {
	t.Parallel()
	var c any = (*fedapay.Client)(nil)
	for what, has := range map[string]bool{
		"codes":                 implements[engine.OTPSubmitter](c),
		"payouts":               implements[engine.Disburser](c),
		"questions of payouts":  implements[engine.PayoutInquirer](c),
		"refunds":               implements[engine.Refunder](c),
		"questions of refunds":  implements[engine.RefundInquirer](c),
		"no charges":            !implements[engine.Collector](c),
		"no questions of these": !implements[engine.ChargeInquirer](c),
	} {
		require.False(t, has, what)
	}
}

func implements[T any](c any) bool {
	_, is := c.(T)
	return is
}

func TestADescriptionIsNeverEmptyNorLong(t *testing.T) {
	t.Parallel()
	for booking, want := range map[string]string{
		"": "pay_01jd3m5nq8rstvwxyz0123456k", strings.Repeat("é", 300): strings.Repeat("é", 100), "b": "b",
	} {
		r := answering(t, accepting(t, nil))
		call := chargeCall()
		call.Booking = booking
		_, err := client(t, r.URL).Charge(t.Context(), call)
		require.NoError(t, err)
		require.Contains(t, string(r.Requests()[0].Body), `"description":"`+want+`"`)
	}
}

// The answer to a start has no figures: what it says beyond "asked" is read.
func TestAnEndInTheAnswerIsReadFromTheTransaction(t *testing.T) {
	t.Parallel()
	paid := reply{200, about(t, "transaction_get_approved.response", nil)}
	money := reply{200, sample(t, "currencies_list.response")}
	success := engine.ChargeReport{
		Status: engine.ChargeSucceeded, Amount: 15_000, Currency: "XOF", GatewayReference: "235879", FeeSubunits: 625,
	}
	waiting := engine.ChargeReport{Status: engine.ChargeOnPhone, Amount: 15_000, GatewayReference: "235879"}
	pending := reply{200, about(t, "transaction_get_pending.response", map[string]any{"mode": "mtn_ci"})}
	refused := reply{200, about(t, "transaction_get_declined.response", nil)}
	another := reply{200, about(t, "transaction_get_approved.response", map[string]any{"id": 1})}
	failed := engine.ChargeReport{
		Status: engine.ChargeFailed, Code: engine.CodeGatewayDeclined, Amount: 15_000, GatewayReference: "235879",
	}
	for name, c := range map[string]struct {
		answers map[string]reply
		want    engine.ChargeReport
	}{
		"paid":                            {map[string]reply{readPath: paid, currenciesPath: money}, success},
		"paid, and it can't be read":      {map[string]reply{readPath: {503, ""}}, asked},
		"paid, in no currency we know":    {map[string]reply{readPath: paid, currenciesPath: {200, `{"v1/currencies":[]}`}}, asked},
		"paid, and that is not confirmed": {map[string]reply{readPath: pending}, waiting},
		"paid, and it was declined":       {map[string]reply{readPath: refused}, failed},
		"paid, and it is another's":       {map[string]reply{readPath: another}, asked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := accepting(t, c.answers)
			answers[startPath] = reply{200, sample(t, "direct_payment_sandbox_immediate.response")}
			r := answering(t, answers)
			got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestManyChargesAtOnceDoNotShareAnswers(t *testing.T) {
	t.Parallel()
	const calls = 32
	r := misbehave(t, func(conn net.Conn, got seen) {
		if got.Path != createPath {
			answer(conn, 200, sample(t, "direct_payment.response"))
			return
		}
		_, after, _ := strings.Cut(string(got.Body), `"merchant_reference":"`)
		answer(conn, 200, about(t, "transaction_create.response", map[string]any{"merchant_reference": after[:29]}))
	})
	c := client(t, r.URL)
	var all sync.WaitGroup
	errs := make([]error, calls)
	for i := range calls {
		all.Go(func() {
			call := chargeCall()
			call.Reference.Transaction = transactionID.Nth(i)
			_, errs[i] = c.Charge(t.Context(), call)
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, r.To(createPath), calls)
}
