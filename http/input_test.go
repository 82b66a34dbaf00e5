package http_test

import (
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/http"
)

// badInput is every way we know to get a request wrong.
var badInput = []struct {
	name   string
	change map[string]any // of a correct body
	raw    string         // or the whole body
	header headers
	status int
	code   engine.Code
	field  string
}{
	{name: "no booking", change: map[string]any{"booking_id": nil}, status: 422, code: "field_missing", field: "body.booking_id"},
	{name: "no amount", change: map[string]any{"amount": nil}, status: 422, code: "field_missing", field: "body.amount"},
	{name: "no phone", change: map[string]any{"phone": nil}, status: 422, code: "field_missing", field: "body.phone"},
	{
		name: "booking with a space", change: map[string]any{"booking_id": "bk 1"},
		status: 422, code: "booking_malformed", field: "body.booking_id",
	},
	{
		name: "booking too long", change: map[string]any{"booking_id": strings.Repeat("b", 65)},
		status: 422, code: "booking_malformed", field: "body.booking_id",
	},
	{name: "empty talent", change: map[string]any{"talent_id": ""}, status: 422, code: "talent_malformed", field: "body.talent_id"},
	{
		name: "null booking", change: map[string]any{"booking_id": map[string]any{}},
		status: 422, code: "booking_malformed", field: "body.booking_id",
	},
	{name: "fractional amount", change: map[string]any{"amount": 100.5}, status: 422, code: "amount_not_whole", field: "body.amount"},
	{name: "amount as a string", change: map[string]any{"amount": "15000"}, status: 422, code: "amount_not_whole", field: "body.amount"},
	{name: "amount with an exponent", raw: `"amount":1e3`, status: 422, code: "amount_not_whole", field: "body.amount"},
	{name: "amount with decimals", raw: `"amount":15000.00`, status: 422, code: "amount_not_whole", field: "body.amount"},
	{name: "amount beyond int64", raw: `"amount":99999999999999999999`, status: 422, code: "amount_not_whole", field: "body.amount"},
	{name: "zero", change: map[string]any{"amount": 0}, status: 422, code: "amount_out_of_range", field: "body.amount"},
	{name: "negative", change: map[string]any{"amount": -15000}, status: 422, code: "amount_out_of_range", field: "body.amount"},
	{name: "below the least", change: map[string]any{"amount": 99}, status: 422, code: "amount_out_of_range", field: "body.amount"},
	{name: "above the most", change: map[string]any{"amount": 2_000_001}, status: 422, code: "amount_out_of_range", field: "body.amount"},
	{name: "euros", change: map[string]any{"currency": "EUR"}, status: 422, code: "currency_unsupported", field: "body.currency"},
	{name: "cash", change: map[string]any{"method": "cash"}, status: 422, code: "method_unsupported", field: "body.method"},
	{name: "unknown operator", change: map[string]any{"operator": "mpesa"}, status: 422, code: "operator_unknown", field: "body.operator"},
	{
		name: "moov", change: map[string]any{"operator": "moov", "phone": "0100000001"},
		status: 422, code: "operator_unavailable", field: "body.operator",
	},
	{
		name: "operator of another prefix", change: map[string]any{"operator": "mtn"},
		status: 422, code: "operator_mismatch", field: "body.operator",
	},
	{name: "foreign phone", change: map[string]any{"phone": "+33612345678"}, status: 422, code: "phone_foreign", field: "body.phone"},
	{name: "landline", change: map[string]any{"phone": "2721234567"}, status: 422, code: "phone_landline", field: "body.phone"},
	{name: "eight digits", change: map[string]any{"phone": "07000001"}, status: 422, code: "phone_malformed", field: "body.phone"},
	{name: "phone as a number", change: map[string]any{"phone": 700000001}, status: 422, code: "phone_malformed", field: "body.phone"},
	{name: "no e-mail", change: map[string]any{"email": "awa"}, status: 422, code: "email_malformed", field: "body.email"},
	{
		name: "e-mail too long", change: map[string]any{"email": strings.Repeat("a", 250) + "@x.ci"},
		status: 422, code: "email_malformed", field: "body.email",
	},
	{
		name: "date without a zone", change: map[string]any{"delivery_due_at": "2026-02-01T20:00:00"},
		status: 422, code: "date_malformed", field: "body.delivery_due_at",
	},
	{name: "unknown field", change: map[string]any{"pan": "none"}, status: 422, code: "field_unknown", field: "body"},
	{name: "field in other letters", raw: `"Amount":15000`, status: 422, code: "validation_failed"},
	{name: "a key twice", raw: `"amount":15000,"amount":1`, status: 400, code: "json_malformed"},
	{name: "an array", raw: `[`, status: 400, code: "json_malformed"},
	{name: "two things wrong", change: map[string]any{"phone": "12", "operator": "moov"}, status: 422, code: "validation_failed"},
	{name: "no key", header: headers{"Idempotency-Key": ""}, status: 400, code: "idempotency_key_missing", field: "header.Idempotency-Key"},
	{name: "key with a space", header: key("a b"), status: 400, code: "idempotency_key_malformed", field: "header.Idempotency-Key"},
	{
		name: "key too long", header: key(strings.Repeat("k", 256)),
		status: 400, code: "idempotency_key_malformed", field: "header.Idempotency-Key",
	},
	{name: "a form", header: headers{"Content-Type": "application/x-www-form-urlencoded"}, status: 415, code: "content_type_unsupported"},
	{name: "compressed", header: headers{"Content-Encoding": "gzip"}, status: 415, code: "content_encoding_unsupported"},
	{name: "no API key", header: headers{"Authorization": ""}, status: 401, code: "unauthenticated"},
	{name: "wrong API key", header: headers{"Authorization": "Bearer ck_test_wrong"}, status: 401, code: "unauthenticated"},
	{name: "other scheme", header: headers{"Authorization": "Basic " + platformSecret}, status: 401, code: "unauthenticated"},
}

// withoutMoov is an account through which nobody collects from Moov.
func withoutMoov(c *http.Config) {
	for i := range c.Policy.Routes {
		if c.Policy.Routes[i].Operator == phone.Moov {
			c.Policy.Routes[i].Off = "the account does not offer it"
		}
	}
}

func TestBadInputIsNamedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	e := start(t, withoutMoov)
	for _, c := range badInput {
		t.Run(c.name, func(t *testing.T) {
			body := orangeBody(t, c.change)
			if c.raw != "" {
				body = strings.Replace(orangeBody(t, nil), `"amount":15000`, c.raw, 1)
			}
			a := e.do(t, "POST", "/v1/payments/initiate", body, key("bad-"+strings.ReplaceAll(c.name, " ", "-")), c.header)
			require.Equal(t, c.status, a.status, "%s", a.body)
			p := a.problem(t)
			require.Equal(t, c.code, p.Code, "%s", a.body)
			require.Equal(t, "fr", a.header("Content-Language"))
			require.False(t, p.Retryable)
			if c.field != "" {
				require.Equal(t, []http.FieldError{{Field: c.field, Code: p.Code, Message: p.DisplayText, Detail: p.Detail}}, p.Errors)
				require.NotEmpty(t, p.Detail, "a developer is told what is expected")
			}
			for _, sent := range []string{"0700000001", "12345678", "4084084084084081", `"pan"`, "awa@", "mpesa"} {
				require.NotContains(t, string(a.body), sent)
			}
			if c.status == 401 {
				require.Contains(t, a.header("Www-Authenticate"), "Bearer")
			}
		})
	}
	require.Empty(t, e.all())
	require.Empty(t, e.answers, "a refusal is not remembered: it can be mended under the same key")
	for _, secret := range []string{"0700000001", "4084084084084081", "12345678", platformSecret, "awa@example.ci"} {
		require.NotContains(t, e.log.String(), secret)
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	e := start(t, withoutMoov)
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"operator": "moov", "phone": "+33612345678"}), key("k"),
		headers{"Accept-Language": "en"})
	p := a.problem(t)
	require.Equal(t, "Several things need correcting.", p.DisplayText)
	require.Equal(t, []http.FieldError{
		{
			Field: "body.operator", Code: "operator_unavailable",
			Message: "Moov Money is not available at the moment. You can use Orange Money, MTN MoMo, Wave or a bank card.",
			Detail:  "no gateway serves this operator",
		},
		{
			Field: "body.phone", Code: "phone_foreign", Message: "This number is foreign. Use a number of Côte d’Ivoire (+225).",
			Detail: "a foreign phone number; one of Côte d'Ivoire begins with +225",
		},
	}, p.Errors)
}

func TestMoovIsToldInFrenchWhoWorks(t *testing.T) {
	t.Parallel()
	body := orangeBody(t, map[string]any{"operator": "moov", "phone": "0100000001"})
	a := start(t, withoutMoov).do(t, "POST", "/v1/payments/initiate", body, key("k"))
	require.Equal(t, 422, a.status)
	require.Equal(t, "Moov Money n’est pas disponible pour le moment. "+
		"Vous pouvez utiliser Orange Money, MTN MoMo, Wave ou une carte bancaire.",
		a.problem(t).DisplayText)
}

func TestPortedNumbersAreTakenWherePolicySaysSo(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *http.Config) { c.Policy.PortedNumbers = true })
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"operator": "mtn"}), key("k"), headers{"Prefer": "wait=0"})
	require.Equal(t, 202, a.status, "%s", a.body)
}

func TestUnknownThingsAreNotFound(t *testing.T) {
	t.Parallel()
	e := start(t)
	const nobody = "pay_01kapw8c2vf8xtr0q6ynd9b5mh"
	for _, c := range []struct {
		method, path, body string
		status             int
		code               engine.Code
	}{
		{"GET", "/v1/payments/" + nobody, "", 404, "payment_unknown"},
		{"GET", "/v1/payments/nonsense", "", 404, "payment_unknown"},
		{"GET", "/v1/payments/" + strings.ToUpper(nobody), "", 404, "payment_unknown"},
		{"POST", "/v1/payments/submit_otp", `{"payment_id":"` + nobody + `","otp":"1234"}`, 404, "payment_unknown"},
		{"POST", "/v1/payments/submit_otp", `{"payment_id":"nonsense","otp":"1234"}`, 422, "id_malformed"},
		{"POST", "/v1/payments/submit_otp", `{"payment_id":"` + nobody + `","otp":"12345678901"}`, 422, "otp_malformed"},
		{"POST", "/v1/booking_requests/bk_none/confirm_delivery", "", 404, "booking_unknown"},
		{"POST", "/v1/booking_requests/bk%20none/confirm_delivery", "", 400, "request_unreadable"},
		{"POST", "/v1/booking_requests/bk~none/confirm_delivery", "", 422, "booking_malformed"},
		{"POST", "/v1/booking_requests/bk_none/confirm_delivery", `{"force":true}`, 422, "field_unknown"},
		{"GET", "/v1/talents/tl_none/balance", "", 404, "talent_unknown"},
		{"PUT", "/v1/talents/tl_1/wallet", `{"operator":"wave","phone":"0700000001","name":"  "}`, 422, "name_malformed"},
		{"PUT", "/v1/talents/tl_1/wallet", `{"operator":"wave","phone":"2721234567","name":"Awa"}`, 422, "phone_landline"},
		{"GET", "/v1/nothing", "", 404, "route_unknown"},
		{"GET", "/V1/payments/" + nobody, "", 404, "route_unknown"},
		{"GET", "/v1/payments/" + nobody + "/", "", 404, "route_unknown"},
		{"DELETE", "/v1/payments/" + nobody, "", 405, "method_not_allowed"},
		{"OPTIONS", "/v1/payments/initiate", "", 405, "method_not_allowed"},
		{"GET", "/webhooks/paystack", "", 405, "method_not_allowed"},
	} {
		a := e.do(t, c.method, c.path, c.body, key("k"))
		require.Equal(t, c.status, a.status, "%s %s: %s", c.method, c.path, a.body)
		require.Equal(t, c.code, a.problem(t).Code, "%s %s", c.method, c.path)
	}
	require.Equal(t, "GET, POST", e.do(t, "PATCH", "/v1/payments/initiate", "").header("Allow"))
	require.Zero(t, e.asks)
}

func TestMoneyPostsWantAKey(t *testing.T) {
	t.Parallel()
	e := start(t)
	for path, body := range map[string]string{
		"/v1/payments/initiate":                          orangeBody(t, nil),
		"/v1/payments/submit_otp":                        `{"payment_id":"pay_01kapw8c2vf8xtr0q6ynd9b5mh","otp":"1234"}`,
		"/v1/booking_requests/bk_1/confirm_delivery":     "",
		"/v1/booking_requests/bk.1-2_3/confirm_delivery": "{}",
	} {
		require.Equal(t, engine.Code("idempotency_key_missing"), e.do(t, "POST", path, body).problem(t).Code, path)
	}
}

// Google's metadata is the oracle for what we say of numbers.
func TestPhoneAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		national := rapid.StringMatching(`0[157][0-9]{8}`).Draw(t, "number")
		ours, err := phone.Parse(national)
		require.NoError(t, err)
		theirs, err := phonenumbers.Parse(national, "CI")
		require.NoError(t, err)
		require.Equal(t, phonenumbers.Format(theirs, phonenumbers.E164), ours.E164())
		if phonenumbers.IsValidNumberForRegion(theirs, "CI") {
			require.Equal(t, phonenumbers.MOBILE, phonenumbers.GetNumberType(theirs))
		}
	})
}
