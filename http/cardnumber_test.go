package http_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pan is Paystack's own test card: no document prints it without spaces.
const pan = "4084084084084081"

func TestACardNumberIsTakenNowhere(t *testing.T) {
	t.Parallel()
	e := start(t, withoutMoov)
	sent := map[string]func() answerOf{
		"X-Request-Id kept out of our logs": func() answerOf {
			return e.do(t, "GET", "/v1/payments/pay_0", "", headers{"X-Request-Id": pan})
		},
		"Idempotency-Key": func() answerOf { return e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key(pan)) },
		"a booking's path": func() answerOf {
			return e.do(t, "POST", "/v1/booking_requests/"+pan+"/confirm_delivery", "{}", key("k-path"))
		},
		"a wallet's holder": func() answerOf {
			return e.do(t, "PUT", "/v1/talents/tl_77/wallet", `{"operator":"wave","phone":"0700000056","name":"4084 0840 8408 4081"}`)
		},
		"a field nobody knows": func() answerOf {
			return e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"pan": pan}), key("k-pan"))
		},
	}
	for _, field := range []string{"booking_id", "talent_id", "currency", "method", "operator", "phone", "email", "delivery_due_at"} {
		value := pan
		if field == "email" {
			value = pan + "@example.ci"
		}
		sent[field] = func() answerOf {
			return e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{field: value}), key("k-"+field))
		}
	}
	for _, written := range []string{
		"4084.0840.8408.4081", "4084_0840_8408_4081", "4084  0840  8408  4081", "4084 0840 8408 4081", "1 4084 0840 8408 4081",
		"4084/0840/8408/4081", "4084, 0840, 8408, 4081", "2026-07-01 4084084084084081", "3782 822463 10005", "3782-822463-10005 exp. 12/30",
	} {
		sent[written] = func() answerOf {
			return e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"talent_id": written}), key("k-written"))
		}
	}
	for name, written := range map[string]string{
		"one digit escaped": `\u0034084084084084081`, "all digits escaped": escaped(pan), "spaces escaped": `4084\u00200840\u00208408\u00204081`,
		"slashes escaped": `4084\/0840\/8408\/4081`,
	} {
		sent[name] = func() answerOf {
			body := strings.Replace(orangeBody(t, map[string]any{"talent_id": "XXX"}), "XXX", written, 1)
			return e.do(t, "POST", "/v1/payments/initiate", body, key("k-escaped"))
		}
	}
	sent["an escaped query"] = func() answerOf { return e.do(t, "GET", "/v1/payments/pay_0?card=%34"+pan[1:], "", nil) }
	sent["a query"] = func() answerOf { return e.do(t, "GET", "/v1/payments/pay_0?card="+pan, "", nil) }
	sent["the amount"] = func() answerOf {
		body := strings.Replace(orangeBody(t, nil), `"amount":15000`, `"amount":`+pan, 1)
		return e.do(t, "POST", "/v1/payments/initiate", body, key("k-amount"))
	}
	for where, send := range sent {
		a := send()
		require.NotContains(t, string(a.body), "40840840", where)
		require.NotEqual(t, pan, a.header("X-Request-Id"), where)
		if !strings.HasPrefix(where, "X-Request-Id") {
			require.Equal(t, 422, a.status, "%s: %s", where, a.body)
			require.Equal(t, "card_number_sent", string(a.problem(t).Code), where)
		}
	}
	require.Empty(t, e.all())
	require.Empty(t, e.answers)
	require.NotContains(t, e.log.String(), "40840840")
}

func TestNumbersThatAreNoCardsAreTaken(t *testing.T) {
	t.Parallel()
	e := start(t, withoutMoov)
	for name, booking := range map[string]string{
		"a time in milliseconds": "1795425283123",
		"a snowflake":            "1795425283123456789",
		"a wrong check digit":    "4084084084084082",
		"a phone":                "2250700000001",
		"twenty digits":          "40840840840840814084",
		"a UUID":                 "10bfbbe4-7577-4282-9253-cf2d0c6ef669", // 4757742829253 in its middle passes for a Visa
		"digits in a name":       "order4084084084084081x",
		"other groups":           "408-408-4084084-081",
	} {
		a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"booking_id": booking}), key("k-"+booking))
		require.Equal(t, 202, a.status, "%s: %s", name, a.body)
	}
}

// escaped spells every letter as JSON may.
func escaped(text string) (out string) {
	for _, r := range text {
		out += fmt.Sprintf("\\u%04x", r)
	}
	return out
}
