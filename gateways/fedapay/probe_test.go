package fedapay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/fedapay"
	simulated "github.com/bookmi/cauri/sandbox/fedapay"
)

func TestAProbeIsNilOnlyWhenFedaPayTakesUs(t *testing.T) {
	t.Parallel()
	listed := sample(t, "currencies_list.response")
	for name, c := range map[string]struct {
		answer reply
		kind   engine.Kind
	}{
		"there":     {reply{200, listed}, ""},
		"wrong key": {reply{401, `{"message":"Non autorisé"}`}, engine.Unavailable},
		"broken":    {reply{500, ""}, engine.Ambiguous},
		"a page":    {reply{200, "<html></html>"}, engine.Ambiguous},
	} {
		r := answering(t, map[string]reply{currenciesPath: c.answer})
		err := client(t, r.URL, func(c *fedapay.Config) { c.Timeout = 300 * time.Millisecond }).Probe(t.Context())
		if c.kind == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, c.kind, name)
	}
}

func TestAModeThatFedaPayDoesNotListIsTold(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{currenciesPath: {200, sample(t, "currencies_list.response")}})
	missing, err := client(t, r.URL).Offers(t.Context())
	require.NoError(t, err)
	require.Empty(t, missing)
	missing, err = client(t, r.URL, func(c *fedapay.Config) {
		c.Modes = map[phone.Operator]string{phone.MTN: "mtn_ci", phone.Moov: "moov_ci"}
	}).Offers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"FedaPay does not list the mode moov_ci: charges of Moov Money will be refused"}, missing)
}

func TestASimulatedFedaPayIsThereAndListsWhatWeUse(t *testing.T) {
	t.Parallel()
	c := open(t, simulated.Guesses{}).client
	require.NoError(t, c.Probe(t.Context()))
	missing, err := c.Offers(t.Context())
	require.NoError(t, err)
	require.Empty(t, missing)
}

func TestACurrencyThatFedaPayDoesNotListIsTold(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"v1/currencies":[{"id":2,"iso":"GNF","modes":["mtn_open_gn"]}]}`: {"FedaPay does not list XOF: nobody can be charged"},
		`{"v1/currencies":[{"id":1,"iso":"XOF"}]}`:                         nil, // it tells no modes: nothing to compare
	} {
		missing, err := client(t, answering(t, map[string]reply{currenciesPath: {200, body}}).URL).Offers(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, missing)
	}
	_, err := client(t, answering(t, map[string]reply{currenciesPath: {503, ""}}).URL).Offers(t.Context())
	require.ErrorIs(t, err, engine.Ambiguous)
}
