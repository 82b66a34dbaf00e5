package fedapay_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/forge"
)

func TestNoPayerAndNoAccountIsKeptOfAWebhook(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/webhook_*_*.json")
	require.NoError(t, err)
	read := 0
	for _, file := range files {
		if strings.Contains(file, "signature_vector") {
			continue
		}
		read++
		kept := string(fedapay.Redact([]byte(sample(t, strings.TrimSuffix(filepath.Base(file), ".json")))))
		for _, personal := range []string{
			"@", "pk_sandbox", "474000", `"balances`, `"account`, `"customer"`, "payment_method", "phone", "firstname", "lastname", "_token", "http",
		} {
			require.NotContains(t, kept, personal, file)
		}
		require.NotRegexp(t, `[^0-9]0[0-9]{9}[^0-9]|2250[0-9]{9}`, kept, file)
		for _, evidence := range []string{`"amount":`, `"status":`, `"merchant_reference":`, `"created_at":`} {
			require.Contains(t, kept, evidence, file)
		}
		require.Equal(t, kept, string(fedapay.Redact([]byte(kept))), file)
	}
	require.Equal(t, 7, read)
}

func TestRedactingSparesWhatIsEvidenceAndNothingElse(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"name":"x","account":{"a":1},"entity":{"id":1,"balance":{"b":2}}}`:     `{"name":"x","entity":{"id":1}}`,
		`{"account":1,"ACCOUNT":2,"name":"x","account":3}`:                       `{"name":"x"}`,
		`{ "name" : "\u0026" , "entity" : {"id":1.50, "mode":"é\u0026"} }`:       `{"name":"\u0026","entity":{"id":1.50,"mode":"é\u0026"}}`,
		`{"entity":[{"balance":1}],"name":"x"}`:                                  `{"name":"x"}`,
		`{"name":"customer.created","entity":{"id":7,"email":"a","name":"Awa"}}`: `{"name":"customer.created","entity":{"id":7}}`,
		`{"name":{"email":"a"},"entity":{"currency":{"iso":"XOF","a":"b"}}}`:     `{"entity":{"currency":{"iso":"XOF"}}}`,
		`{}`: `{}`,
		`{"name":"x","account":{"email":"owner@example.com"}`: ``,
		`{"name":"x"}{"account":1}`:                           ``,
		`[{"account":1}]`:                                     ``,
		`"account"`:                                           ``,
		``:                                                    ``,
	} {
		require.Equal(t, want, string(fedapay.Redact([]byte(body))), body)
	}
}

// Whatever is told, kept and read again is the same: what can't be named too.
func TestWhatIsKeptIsReadAgainAsItWas(t *testing.T) {
	t.Parallel()
	reference := chargeRef.String()
	deliveries := map[string]forge.Delivery{
		"created":  forged.Created(reference, 15_000).Delivery(),
		"approved": forged.Approved(reference, 15_000).Delivery(),
		"refunded": forged.Refunded(reference, 15_000).Delivery(),
		"customer": forged.Event("customer.created", map[string]any{"firstname": "Awa", "email": "awa@example.com"}).Delivery(),
		"no JSON":  {Body: []byte(`{"name":`)},
	}
	for _, fault := range forge.FedaPayFaults {
		deliveries[string(fault)] = forged.Declined(reference, 15_000).With("custom_metadata", direct).Fault(fault).Delivery()
	}
	for name, d := range deliveries {
		n, err := webhooks(t).Parse(arrived(d))
		if name != "no JSON" && name != string(forge.NotJSON) {
			require.NotContains(t, string(n.Delivery.Body), "Awa", name)
			require.NotContains(t, string(n.Delivery.Body), "@", name)
		}
		again, errAgain := webhooks(t).Parse(n.Delivery)
		require.Equal(t, n, again, name)
		require.Equal(t, err, errAgain, name)
	}
}

// What is signed and can't be read is no less a webhook: its bytes are kept, to be
// tried again with a release that can.
func TestAnUnreadableBodyIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"not json", `{"name":`, ""} {
		n, err := webhooks(t).Parse(undated([]byte(body)))
		require.ErrorIs(t, err, engine.Invalid)
		require.Equal(t, body, string(n.Delivery.Body))
	}
}
