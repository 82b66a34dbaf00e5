package fedapay_test

import (
	"slices"
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

// on is the default table with every line on, or those alone that a test picks.
func on(pick func(engine.Route) bool) engine.Routes {
	routes := slices.DeleteFunc(engine.DefaultRoutes(), func(r engine.Route) bool { return pick != nil && !pick(r) })
	for i := range routes {
		routes[i].Off = ""
	}
	return routes
}

func TestWhatARouteNeedsAndFedaPayDoesNotListIsTold(t *testing.T) {
	t.Parallel()
	const (
		moov  = "FedaPay lists Moov Money in other countries alone: its page will not offer it in Côte d’Ivoire"
		mtn   = "FedaPay does not list the mode mtn_ci: charges of MTN MoMo will be refused"
		cards = "FedaPay lists no mode of cards: its page will not take them"
	)
	byCard := func(r engine.Route) bool { return r.Method == engine.Card }
	modes := func(names string) string { return `{"v1/currencies":[{"id":1,"iso":"XOF","modes":[` + names + `]}]}` }
	for name, c := range map[string]struct {
		listed string
		routes engine.Routes
		want   []string
	}{
		"as it was seen": {sample(t, "currencies_list.response"), engine.DefaultRoutes(), []string{moov}},
		"every line on, and of Wave the list says nothing": {sample(t, "currencies_list.response"), on(nil), []string{moov}},
		"every operator, and cards":                        {modes(`"mtn_ci","orange_ci","wave_direct_ci","moov","moov_ci","uba"`), on(nil), nil},
		"none of what we use":                              {modes(`"mtn_open","moov_tg"`), engine.DefaultRoutes(), []string{mtn, moov, cards}},
		"a line that is off":                               {modes(`"moov_tg"`), on(byCard), []string{cards}},
		"a list without modes":                             {`{"v1/currencies":[{"id":1,"iso":"XOF"}]}`, engine.DefaultRoutes(), nil},
		"no francs": {
			`{"v1/currencies":[{"id":2,"iso":"GNF","modes":["mtn_open_gn"]}]}`, engine.DefaultRoutes(),
			[]string{"FedaPay does not list XOF: nobody can be charged"},
		},
	} {
		r := answering(t, map[string]reply{currenciesPath: {200, c.listed}})
		missing, err := client(t, r.URL).Offers(t.Context(), c.routes)
		require.NoError(t, err, name)
		require.Equal(t, c.want, missing, name)
	}
	broken := answering(t, map[string]reply{currenciesPath: {503, ""}})
	_, err := client(t, broken.URL).Offers(t.Context(), engine.DefaultRoutes())
	require.ErrorIs(t, err, engine.Ambiguous)
	paystackAlone := on(func(r engine.Route) bool { return r.Gateway == engine.Paystack })
	missing, err := client(t, broken.URL).Offers(t.Context(), paystackAlone)
	require.NoError(t, err, "no line is FedaPay's: it is not asked")
	require.Empty(t, missing)
	require.Len(t, broken.Requests(), 1)
}

func TestAModeIsTheOneConfigured(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{currenciesPath: {200, sample(t, "currencies_list.response")}})
	missing, err := client(t, r.URL, func(c *fedapay.Config) {
		c.Modes = map[phone.Operator]string{phone.MTN: "mtn_new_ci"}
	}).Offers(t.Context(), on(func(r engine.Route) bool { return r.Operator == phone.MTN }))
	require.NoError(t, err)
	require.Equal(t, []string{"FedaPay does not list the mode mtn_new_ci: charges of MTN MoMo will be refused"}, missing)
}

func TestAnEndpointThatTellsUsNothingIsTold(t *testing.T) {
	t.Parallel()
	const path, off = "/webhooks/fedapay", "the webhook endpoint pay.example.com/webhooks/fedapay is disabled: FedaPay tells us nothing"
	ours := func(rest string) string {
		return `{"url":"https://pay.example.com/webhooks/fedapay?k=secret"` + rest + `}`
	}
	const working = `,"enabled":true,"disable_on_error":false`
	for name, c := range map[string]struct {
		listed string
		want   []string
	}{
		"works":       {ours(working), nil},
		"is disabled": {ours(`,"enabled":false,"disable_on_error":true`), []string{off}},
		"would disable itself": {ours(`,"enabled":true,"disable_on_error":true`), []string{
			"the webhook endpoint pay.example.com/webhooks/fedapay disables itself after ten failures of ours: disable_on_error is on",
		}},
		"says nothing about it":           {ours(""), nil},
		"an old one is disabled":          {ours(`,"enabled":false`) + "," + ours(working), nil},
		"another program's is no concern": {`{"url":"https://shop.example.com/hook","enabled":false},` + ours(working), nil},
		"another program's is no help":    {`{"url":"https://shop.example.com/hook","enabled":true},` + ours(`,"enabled":false`), []string{off}},
		"a proxy gives it another name":   {`{"url":"https://pay.example.com/f","enabled":true}`, nil},
		"a proxy's, and it is disabled": {`{"url":"https://pay.example.com/f","enabled":false}`, []string{
			"the webhook endpoint pay.example.com/f is disabled: FedaPay tells us nothing",
		}},
		"no endpoint": {"", []string{"no webhook endpoint is registered: FedaPay tells us nothing"}},
		"an address that can't be read": {`{"url":"%zz","enabled":false}`, []string{
			"the webhook endpoint unreadable is disabled: FedaPay tells us nothing",
		}},
	} {
		r := answering(t, map[string]reply{"/v1/webhooks": {200, `{"v1/webhooks":[` + c.listed + `],"meta":{}}`}})
		faults, err := client(t, r.URL).Endpoints(t.Context(), path)
		require.NoError(t, err, name)
		require.Equal(t, c.want, faults, name)
	}
	_, err := client(t, answering(t, nil).URL).Endpoints(t.Context(), path)
	require.ErrorIs(t, err, engine.Unavailable, "a list that does not exist says nothing about the endpoint")
}

func TestASimulatedFedaPayIsThereAndShowsWhatWeUse(t *testing.T) {
	t.Parallel()
	w := open(t, simulated.Guesses{})
	require.NoError(t, w.client.Probe(t.Context()))
	missing, err := w.client.Offers(t.Context(), on(func(r engine.Route) bool { return r.Operator == phone.MTN || r.Method == engine.Card }))
	require.NoError(t, err)
	require.Empty(t, missing)
	w.server.DisableOnError(false)
	faults, err := w.client.Endpoints(t.Context(), "/webhooks/fedapay")
	require.NoError(t, err)
	require.Empty(t, faults)
	w.server.DisableOnError(true)
	faults, err = w.client.Endpoints(t.Context(), "/webhooks/fedapay")
	require.NoError(t, err)
	require.Len(t, faults, 1)
}

func TestACallIsCountedByItsRequests(t *testing.T) {
	t.Parallel()
	c := client(t, "http://127.0.0.1:1")
	for call, want := range map[engine.Effect]int{
		engine.ChargeCall{Flow: engine.Direct}: 3, engine.ChargeCall{Flow: engine.Hosted}: 2, engine.InquireCall{}: 2, engine.PayoutCall{}: 1,
	} {
		require.Equal(t, want, c.Requests(call), "%T", call)
	}
}
