package paystack_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/gateways/paystack"
)

// personal is what may stand nowhere in a stored webhook: members about people,
// their cards and wallets, and an e-mail's sign.
var personal = []string{
	"@", "last4", `"bin"`, "authorization", "customer", "account_n", "ip_address", "phone", "_name", "log", "exp_", "brand", "details",
}

// A list of what may stay forgets nobody: what Paystack adds tomorrow is left out.
func TestNothingAboutPeopleOrCardsIsKeptOfAWebhook(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*webhook.*.json")
	require.NoError(t, err)
	read := 0
	for _, file := range files {
		if strings.Contains(file, "signature_vector") {
			continue
		}
		read++
		body := []byte(sample(t, strings.TrimSuffix(filepath.Base(file), ".json")))
		kept := string(paystack.Redact(body))
		for _, one := range personal {
			require.NotContains(t, kept, one, file)
		}
		require.NotRegexp(t, `"0[0-9]{9}"|2250[0-9]{9}`, kept, file)
		require.Contains(t, kept, `"status"`, file)
		require.Equal(t, kept, string(paystack.Redact([]byte(kept))), file)
	}
	require.GreaterOrEqual(t, read, 17)
	for _, c := range [][2]string{
		{`{"message":"sent to 0700000000","new":{"phone":"0700000000"},"history":[1]}`, `{"message":"sent to **********"}`},
		{`{"recipient":{"recipient_code":"RCP_1","name":"Awa"},"message":{"en":"Awa"}}`, `{"recipient":{"recipient_code":"RCP_1"}}`},
		{`{"merchant_note":"Awa 01jd3m5nq8rstvwxyz0123456k-r1"}`, `{"merchant_note":"01jd3m5nq8rstvwxyz0123456k-r1"}`},
		{`{"id":{"email":"a@b.ci"},"amount":["a@b.ci"]}`, `{}`},
	} {
		require.Equal(t, `{"event":"x","data":`+c[1]+`}`, string(paystack.Redact([]byte(`{"event":"x","data":`+c[0]+`}`))))
	}
	require.Equal(t, `{"EVENT":"x"}`, string(paystack.Redact([]byte(`{"EVENT":"x","email":"a@b.ci"}`))))
	require.Nil(t, paystack.Redact([]byte(`{"event":`)))
}

// Whatever is told, kept and read again is the same: what can't be named too.
func TestWhatIsKeptIsReadAgainAsItWas(t *testing.T) {
	t.Parallel()
	charge := chargeRef.String()
	twice := `{"event":"charge.success","data":{"Status":"success","status":"failed","reference":"` + charge + `"}}`
	bodies := map[string][]byte{
		"a failure":               forged.ChargeFailed(charge, 1_500_000, "0700000000 refused").Delivery().Body,
		"a card":                  forged.CardSuccess(charge, 1_500_000).Delivery().Body,
		"a transfer":              forged.TransferFailed(payoutRef.String(), 1_275_000).With("failures", "0700000000").Delivery().Body,
		"a refund":                forged.Refund("processed", charge, 1_500_000).Delivery().Body,
		"a kind nobody applies":   []byte(`{"event":"customeridentification.failed","data":{"email":"a@example.com"}}`),
		"data that is a list":     []byte(`{"event":"charge.success","data":["a@example.com"]}`),
		"not JSON":                []byte(`{"event":`),
		"two words for one thing": []byte(twice),
	}
	for _, fault := range forge.Faults {
		bodies[string(fault)] = forged.CardSuccess(charge, 1_500_000).Fault(fault).Delivery().Body
	}
	for name, body := range bodies {
		n, err := webhooks(t).Parse(delivered(body))
		again, errAgain := webhooks(t).Parse(n.Delivery)
		require.Equal(t, n, again, name)
		require.Equal(t, err, errAgain, name)
	}
}

// Two bodies with no name of their own differ by their signatures, even when what
// is kept of them does not.
func TestTwoThatHaveNoNameAreTwo(t *testing.T) {
	t.Parallel()
	told := func(email, signature string) engine.Identity {
		body := `{"event":"customeridentification.failed","data":{"email":"` + email + `"}}`
		n, err := webhooks(t).Parse(engine.Delivery{Signature: []byte(strings.Repeat(signature, 64)), Body: []byte(body)})
		require.Error(t, err)
		return n.Identity
	}
	require.Equal(t, told("a@example.com", "aa"), told("a@example.com", "AA"))
	require.NotEqual(t, told("a@example.com", "aa"), told("b@example.com", "bb"))
}

// What is signed and can't be read is no less a webhook: its bytes are kept, to be
// tried again with a release that can.
func TestAnUnreadableBodyIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"not json", `{"event":`, ""} {
		n, err := webhooks(t).Parse(delivered([]byte(body)))
		require.ErrorIs(t, err, engine.Invalid)
		require.Equal(t, body, string(n.Delivery.Body))
	}
}
