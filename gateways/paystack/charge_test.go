package paystack_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
)

const (
	verifyPath = "/transaction/verify/01jd3m5nq8rstvwxyz0123456k-c1"
	checkPath  = "/charge/01jd3m5nq8rstvwxyz0123456k-c1"
)

func TestAChargeIsSentAsTheDocumentsSay(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pay_offline_mobile_money", chargeRef, nil)}})
	_, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	require.NoError(t, err)

	require.Len(t, r.Requests(), 1)
	got := r.Requests()[0]
	require.Equal(t, "POST", got.Method)
	require.Equal(t, "/charge", got.Path)
	require.Equal(t, "Bearer "+testKey, got.Authorization)
	require.Equal(t, "application/json", got.ContentType)
	require.JSONEq(t, `{
		"email": "payer@example.com", "amount": "1500000", "currency": "XOF", "reference": "01jd3m5nq8rstvwxyz0123456k-c1",
		"mobile_money": {"phone": "0700000000", "provider": "orange"},
		"metadata": {"booking_id": "booking-42", "payment_id": "pay_01jd3m5nq8rstvwxyz0123456k", "attempt": 1}
	}`, string(got.Body))
}

func TestPhonesAndProvidersAreConfiguration(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pending", chargeRef, nil)}})
	c := client(t, r.URL, func(c *paystack.Config) {
		c.PhoneFormat, c.Providers, c.EmailDomain = paystack.E164, map[phone.Operator]string{phone.Orange: "ORANGE_CI"}, "payers.example.com"
	})
	call := chargeCall()
	call.Payer.Email = ""
	_, err := c.Charge(t.Context(), call)
	require.NoError(t, err)
	body := string(r.Requests()[0].Body)
	require.Contains(t, body, `"phone":"+2250700000000","provider":"ORANGE_CI"`)
	require.Contains(t, body, `"email":"01jd3m5nq8rstvwxyz0123456k@payers.example.com"`)
}

func TestWhatPaystackCannotDoIsNeverSent(t *testing.T) {
	t.Parallel()
	r := answering(t, nil)
	c := client(t, r.URL)
	for name, change := range map[string]func(*engine.ChargeCall){
		"Moov":            func(c *engine.ChargeCall) { c.Payer.Operator = phone.Moov },
		"naira":           func(c *engine.ChargeCall) { c.Currency = "NGN" },
		"a card":          func(c *engine.ChargeCall) { c.Method = "card" },
		"nothing":         func(c *engine.ChargeCall) { c.Amount = 0 },
		"no reference":    func(c *engine.ChargeCall) { c.Reference = engine.Reference{} },
		"a payout's name": func(c *engine.ChargeCall) { c.Reference = payoutRef },
		"no address":      func(c *engine.ChargeCall) { c.Payer.Email = "" },
	} {
		call := chargeCall()
		change(&call)
		_, err := c.Charge(t.Context(), call)
		require.ErrorIs(t, err, engine.Unsupported, name)
	}
	require.Empty(t, r.Requests())
}

func TestEveryAnswerToAChargeIsUnderstood(t *testing.T) {
	t.Parallel()
	xof := map[string]any{"currency": "XOF"}
	for name, want := range map[string]engine.ChargeReport{
		"pay_offline_mobile_money": {Status: engine.ChargeOnPhone, Text: "Please complete authorization process on your mobile phone"},
		"pending":                  {Status: engine.ChargePending},
		"pending_mobile_money":     {Status: engine.ChargePending},
		"send_otp":                 {Status: engine.ChargeWantsOTP, Text: "Please send OTP"},
		"send_otp_voucher":         {Status: engine.ChargeWantsOTP, Text: "Please dial *110# to generate a voucher code. Then input the voucher"},
		"send_pin":                 {Status: engine.ChargeUnknowable},
		"send_phone":               {Status: engine.ChargeUnknowable, Text: "Please send phone"},
		"send_birthday":            {Status: engine.ChargeUnknowable, Text: "Please send your birthday"},
		"send_address":             {Status: engine.ChargeUnknowable, Text: "Please send details for address verification"},
		"open_url":                 {Status: engine.ChargeRedirects, URL: "https://standard.paystack.co/close"},
		"success_mobile_money": {
			Status: engine.ChargeSucceeded, Amount: 1, Currency: "XOF", Live: true, GatewayReference: "59333", Fee: 2, FeeSubunits: 153,
		},
		"success_card": {Status: engine.ChargeSucceeded, Amount: 2, Currency: "XOF", Fee: 1, FeeSubunits: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := map[string]any{}
			if want.Status == engine.ChargeSucceeded {
				fields = xof
			}
			r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response."+name, chargeRef, fields)}})
			got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestAnAnswersWordDecidesAndAnUnknownOneIsNeverAnEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields map[string]any
		want   engine.ChargeReport
		told   string
	}{
		"failed for funds": {
			map[string]any{"status": "failed", "message": "Insufficient funds"},
			engine.ChargeReport{Status: engine.ChargeFailed, Code: engine.CodeInsufficientFunds, Text: "Insufficient funds"},
			"",
		},
		"failed by the payer": {
			map[string]any{"status": "failed", "message": "Declined by customer"},
			engine.ChargeReport{Status: engine.ChargeFailed, Code: engine.CodeRefusedByPayer, Text: "Declined by customer"},
			"",
		},
		"failed without a word": {
			map[string]any{"status": "failed"}, engine.ChargeReport{Status: engine.ChargeFailed, Code: engine.CodeGatewayDeclined}, "",
		},
		"timeout is confirmed first": {
			map[string]any{"status": "timeout", "message": "Timed out"},
			engine.ChargeReport{Status: engine.ChargePending, Code: engine.CodeGatewayTimeout, Text: "Timed out"},
			"",
		},
		"a new word": {
			map[string]any{"status": "meditating"}, engine.ChargeReport{Status: engine.ChargePending}, "charge status=meditating",
		},
		"an address we do not know": {
			map[string]any{"status": "open_url", "url": "https://paystack.co.evil.example/x"},
			engine.ChargeReport{Status: engine.ChargeUnknowable},
			"url=https://paystack.co.evil.example",
		},
		"a plain address": {
			map[string]any{"status": "open_url", "url": "http://checkout.paystack.com/x"},
			engine.ChargeReport{Status: engine.ChargeUnknowable},
			"url=http://checkout.paystack.com",
		},
		"no address at all": {
			map[string]any{"status": "open_url"}, engine.ChargeReport{Status: engine.ChargeUnknowable}, "url=://",
		},
		"Wave's own page": {
			map[string]any{"status": "open_url", "url": "https://pay.wave.com/c/cos-1"},
			engine.ChargeReport{Status: engine.ChargeRedirects, URL: "https://pay.wave.com/c/cos-1"},
			"",
		},
		"markup is not shown": {
			map[string]any{"status": "pay_offline", "display_text": "<script>alert(1)</script>"},
			engine.ChargeReport{Status: engine.ChargeOnPhone},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pending", chargeRef, c.fields)}})
			var told string
			got, err := client(t, r.URL, func(config *paystack.Config) {
				config.Observer.Unknown = func(where, value string) { told = where + "=" + value }
			}).Charge(t.Context(), chargeCall())
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.told, told)
		})
	}
}

// A gateway gone mad, or somebody who speaks in its name, writes onto payers' phones
// no more than words (S-24).
func TestAGatewaysWordsAreShownPlainAndShort(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, shown string }{
		"its own words":      {"Composez #144*82#, puis le code à 4 chiffres.", "Composez #144*82#, puis le code à 4 chiffres."},
		"two lines":          {"Un.\nDeux.", "Un.\nDeux."},
		"markup":             {"<b>Bonjour</b>", ""},
		"half of a tag":      {"Payez <img src=x onerror=alert(1)", ""},
		"a terminal's codes": {"\x1b[2JPayez\x07\r", "[2JPayez"},
		"text turned round":  {"Payez \u202e00051\u202c F", "Payez 00051 F"},
		"isolates":           {"\u2066Payez\u2069", "Payez"},
		"a NUL":              {"Pa\x00yez", ""}, // wire.Text: what PostgreSQL can't keep
		"a phone":            {"Envoyé au +225 07 07-12.34\u202f56 : tapez *133#", "Envoyé au +*** ** **-**.**\u202f** : tapez *133#"},
		"a price":            {"Payez 1 500 000 FCFA par *144*4*6#", "Payez 1 500 000 FCFA par *144*4*6#"},
		"a phone at the end": {strings.Repeat("é", 293) + "0707123456", strings.Repeat("é", 293) + "*******"},
		"a phone in pieces":  {"Au 07\u202a07\u202a12\u202a34\u202a56", "Au **********"},
		"no end":             {strings.Repeat("é", 10_000), strings.Repeat("é", 300)},
		"half a character":   {"Payez \xff", "Payez \ufffd"}, // as JSON spells it
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := map[string]any{"status": "pay_offline", "display_text": c.sent}
			r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pending", chargeRef, fields)}})
			got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
			require.NoError(t, err)
			require.Equal(t, engine.ChargeOnPhone, got.Status)
			require.Equal(t, c.shown, got.Text)
		})
	}
}

func TestASuccessThatDoesNotSayHowMuchIsNoSuccess(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string]map[string]any{
		"no amount":         {"amount": nil},
		"an amount of text": {"amount": "a lot"},
		"a fraction":        {"amount": 100.5},
		"nothing":           {"amount": 0},
		"less than nothing": {"amount": -100},
		"beyond all bounds": {"amount": 900_000_000_001},
		"no currency":       {"currency": nil},
		"no domain":         {"domain": "staging"},
		"another's":         {"reference": "somebody-else"},
	} {
		r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.success_mobile_money", chargeRef, fields)}})
		got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
		require.ErrorIs(t, err, engine.Ambiguous, name)
		require.Equal(t, engine.CodeGatewayUnreadable, engine.CodeOf(err), name)
		require.Empty(t, got, name)
	}
}

func TestAFractionOfAFrancIsReportedAsSuch(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.success_mobile_money", chargeRef,
		map[string]any{"amount": "1500050", "currency": "XOF"})}})
	got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.True(t, got.Inexact)
}

func TestACodeIsPassedOnWithTheReference(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge/submit_otp": {200, about(t, "charge.submit_otp.response.success", chargeRef, nil)}})
	got, err := client(t, r.URL).SubmitOTP(t.Context(), engine.OTPCall{Reference: chargeRef, OTP: "1234"})
	require.NoError(t, err)
	require.Equal(t, engine.ChargeSucceeded, got.Status)
	require.Equal(t, "2046671778", got.GatewayReference)
	require.JSONEq(t, `{"otp":"1234","reference":"01jd3m5nq8rstvwxyz0123456k-c1"}`, string(r.Requests()[0].Body))
}

func TestACodeMayLeadToAnotherPrompt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]engine.ChargeReportStatus{"open_url": engine.ChargeRedirects, "pending": engine.ChargePending} {
		r := answering(t, map[string]reply{"/charge/submit_otp": {200, about(t, "charge.submit_otp.response."+name, chargeRef, nil)}})
		got, err := client(t, r.URL).SubmitOTP(t.Context(), engine.OTPCall{Reference: chargeRef, OTP: "1234"})
		require.NoError(t, err)
		require.Equal(t, want, got.Status)
	}
}

// Whether a wrong code is 200 "failed" or a 4xx is not documented: both ask again.
func TestARefusedCodeIsNoFailedPayment(t *testing.T) {
	t.Parallel()
	failed := reply{200, about(t, "charge.submit_otp.response.failed", chargeRef, map[string]any{"message": "Invalid OTP"})}
	ongoing := reply{200, about(t, "constructed.transaction.verify.response.xof_ongoing", chargeRef, nil)}
	wants := reply{200, about(t, "charge.check.response.send_otp", chargeRef, nil)}
	over := reply{200, about(t, "constructed.transaction.verify.response.xof_failed", chargeRef, nil)}
	for name, c := range map[string]struct {
		answers map[string]reply
		kind    engine.Kind
		code    engine.Code
		status  engine.ChargeReportStatus
	}{
		"a 4xx": {
			map[string]reply{"/charge/submit_otp": {400, `{"status":false,"message":"Invalid OTP supplied"}`}},
			engine.Declined, engine.CodeOTPInvalid, "",
		},
		"failed, and still wants a code": {
			map[string]reply{"/charge/submit_otp": failed, verifyPath: ongoing, checkPath: wants}, engine.Declined, engine.CodeOTPInvalid, "",
		},
		"failed, and verify says so": {
			map[string]reply{"/charge/submit_otp": failed, verifyPath: over}, "", "", engine.ChargeFailed,
		},
		"failed, and verify is down": {
			map[string]reply{"/charge/submit_otp": failed}, engine.Ambiguous, engine.CodeGatewayUnreadable, "",
		},
		"a reference it does not know": {
			map[string]reply{"/charge/submit_otp": {400, sample(t, "error.charge.submit_otp_bad_reference.400")}},
			engine.Ambiguous, engine.CodeGatewayUnreadable, "",
		},
		"a wrong key": {
			map[string]reply{"/charge/submit_otp": {401, sample(t, "error.invalid_key.401")}},
			engine.Unavailable, engine.CodeGatewayUnauthorized, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := answering(t, c.answers)
			got, err := client(t, r.URL).SubmitOTP(t.Context(), engine.OTPCall{Reference: chargeRef, OTP: "9999"})
			if c.status != "" {
				require.NoError(t, err)
				require.Equal(t, c.status, got.Status)
				return
			}
			require.ErrorIs(t, err, c.kind)
			require.Equal(t, c.code, engine.CodeOf(err))
		})
	}
}

func TestARefusedCodeMayBeAskedAboutInstead(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge/submit_otp": {400, `{"status":false,"message":"Invalid OTP supplied"}`}})
	c := client(t, r.URL, func(c *paystack.Config) { c.OTPRefusal = paystack.OTPInquires })
	_, err := c.SubmitOTP(t.Context(), engine.OTPCall{Reference: chargeRef, OTP: "9999"})
	require.ErrorIs(t, err, engine.Ambiguous)
}

func TestManyChargesAtOnceDoNotShareAnswers(t *testing.T) {
	t.Parallel()
	const calls = 64
	r := misbehave(t, func(conn net.Conn, got seen) {
		reference := string(got.Body[indexAfter(got.Body, `"reference":"`):][:29])
		answer(conn, 200, `{"status":true,"message":"Charge attempted","data":{"reference":"`+reference+`","status":"pending"}}`)
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
	require.Len(t, r.Requests(), calls)
}

func indexAfter(body []byte, needle string) int {
	for i := range body {
		if len(body)-i >= len(needle) && string(body[i:i+len(needle)]) == needle {
			return i + len(needle)
		}
	}
	return 0
}

func TestAnOperatorsOwnFailureIsKnownByConfiguredWordsOnly(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/charge": {200, about(t, "charge.create.response.pending", chargeRef, map[string]any{
		"status": "failed", "message": "Operator is currently unavailable",
	})}})
	got, err := client(t, r.URL).Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Equal(t, engine.CodeGatewayDeclined, got.Code, "nobody told us what those words mean")
	told := client(t, r.URL, func(c *paystack.Config) { c.OperatorFailures = []string{"Operator is currently"} })
	got, err = told.Charge(t.Context(), chargeCall())
	require.NoError(t, err)
	require.Equal(t, engine.CodeOperatorFailed, got.Code)
}

func TestNoWordsAreNotEveryOperatorsFailure(t *testing.T) {
	t.Parallel()
	_, err := paystack.New(paystack.Config{Key: secret.New(testKey), OperatorFailures: []string{""}})
	require.Error(t, err)
}
