package fedapay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/fedapay"
)

// The engine has FedaPay's id once our answer reached it, and not before.
var (
	answered   = engine.InquireCall{Reference: chargeRef, Gateway: engine.FedaPay, GatewayReference: "235879"}
	unanswered = engine.InquireCall{Reference: chargeRef, Gateway: engine.FedaPay}
)

var gone = reply{404, `{"message":"Ressource introuvable"}`}

func TestEachOfFedaPaysWordsIsTakenForWhatItMeans(t *testing.T) {
	t.Parallel()
	status := func(word string, more map[string]any) map[string]any {
		fields := map[string]any{"status": word}
		for k, v := range more {
			fields[k] = v
		}
		return fields
	}
	mode := map[string]any{"mode": "mtn_ci"}
	deleted := map[string]any{"deleted_at": "2026-11-22T11:00:00.000Z"}
	for name, c := range map[string]struct {
		sample string
		fields map[string]any
		direct engine.ChargeReportStatus // for a direct charge, whose link nobody had
		page   engine.ChargeReportStatus // for one that may be paid on its link
	}{
		"pending":                 {"pending", nil, engine.ChargePending, engine.ChargePending},
		"pending, asked":          {"pending", mode, engine.ChargeOnPhone, engine.ChargePending},
		"created, asked":          {"pending", status("created", mode), engine.ChargeOnPhone, engine.ChargePending},
		"pending, deleted":        {"pending", deleted, engine.ChargeAbandoned, engine.ChargeAbandoned},
		"approved":                {"approved", nil, engine.ChargeSucceeded, engine.ChargeSucceeded},
		"approved, deleted":       {"approved", deleted, engine.ChargeSucceeded, engine.ChargeSucceeded},
		"transferred":             {"transferred", nil, engine.ChargeSucceeded, engine.ChargeSucceeded},
		"declined":                {"declined", nil, engine.ChargeFailed, engine.ChargePending},
		"declined, deleted":       {"declined", deleted, engine.ChargeFailed, engine.ChargeAbandoned},
		"canceled":                {"canceled", nil, engine.ChargeFailed, engine.ChargePending},
		"expired":                 {"expired", nil, engine.ChargeAbandoned, engine.ChargeAbandoned},
		"refunded":                {"refunded", nil, engine.ChargeReversed, engine.ChargeReversed},
		"refunded in part":        {"refunded", status("approved_partially_refunded", nil), engine.ChargeReversed, engine.ChargeReversed},
		"settled, then in part":   {"refunded", status("transferred_partially_refunded", nil), engine.ChargeReversed, engine.ChargeReversed},
		"a word nobody has heard": {"pending", status("meditating", nil), engine.ChargePending, engine.ChargePending},
		"a success misspelt":      {"approved", status("Approved", nil), engine.ChargePending, engine.ChargePending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, flow := range []struct {
				metadata any
				want     engine.ChargeReportStatus
			}{{direct, c.direct}, {paged, c.page}, {nil, c.page}, {"direct:mtn_ci", c.page}} {
				fields := map[string]any{"custom_metadata": flow.metadata}
				for k, v := range c.fields {
					fields[k] = v
				}
				body := about(t, "transaction_get_"+c.sample+".response", fields)
				r := answering(t, map[string]reply{
					readPath: {200, body}, findPath: {200, body}, currenciesPath: {200, sample(t, "currencies_list.response")},
				})
				got, err := client(t, r.URL).InquireCharge(t.Context(), answered)
				require.NoError(t, err)
				require.Equal(t, flow.want, got.Status, "%v", flow.metadata)
				require.Equal(t, "235879", got.GatewayReference)
				require.Equal(t, readPath, r.Requests()[0].Path, "by their id when it is known")
				require.Equal(t, "GET", r.Requests()[0].Method)
			}
		})
	}
}

func TestWhyADirectChargeFailedIsWhatFedaPayTellsAndNoMore(t *testing.T) {
	t.Parallel()
	const down = "OPERATOR_DOWN"
	for name, c := range map[string]struct {
		word   string
		told   any // last_error_code
		listed []string
		want   engine.Code
	}{
		"declined blames nobody":            {"declined", "API_ERROR", nil, engine.CodeGatewayDeclined},
		"canceled is no funds":              {"canceled", "API_ERROR", nil, engine.CodeInsufficientFunds},
		"a code nobody listed":              {"declined", down, []string{"OTHER"}, engine.CodeGatewayDeclined},
		"declined with the operator's code": {"declined", down, []string{"OTHER", down}, engine.CodeOperatorFailed},
		"canceled with the operator's code": {"canceled", down, []string{down}, engine.CodeOperatorFailed},
		"a code that is a number":           {"declined", 5031, []string{"5031"}, engine.CodeOperatorFailed},
		"no code at all, and one is listed": {"declined", nil, []string{down}, engine.CodeGatewayDeclined},
		"a code of no shape we take":        {"declined", map[string]any{"code": down}, []string{down}, engine.CodeGatewayDeclined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := map[string]any{"last_error_code": c.told}
			r := answering(t, map[string]reply{readPath: {200, about(t, "transaction_get_"+c.word+".response", fields)}})
			got, err := client(t, r.URL, func(config *fedapay.Config) { config.OperatorFailures = c.listed }).InquireCharge(t.Context(), answered)
			require.NoError(t, err)
			require.Equal(t, engine.ChargeFailed, got.Status)
			require.Equal(t, c.want, got.Code)
			require.Empty(t, got.Text, "FedaPay's words are for whoever calls")

			hooks, err := fedapay.NewWebhooks(fedapay.WebhooksConfig{
				Secrets: []fedapay.Secret{{ID: "now", Value: endpoint}}, OperatorFailures: c.listed,
			})
			require.NoError(t, err)
			n, err := hooks.Parse(undated([]byte(told(t, "webhook_transaction_"+c.word, fields))))
			require.NoError(t, err)
			require.Equal(t, c.want, n.Charge.Code, "a webhook says what the inquiry would")
			again, err := hooks.Parse(n.Delivery)
			require.NoError(t, err)
			require.Equal(t, n, again, "and what is kept of it says so still")
		})
	}
}

func TestTheOperatorsCodeSaysNothingOfWhatHasNotFailed(t *testing.T) {
	t.Parallel()
	config := func(c *fedapay.Config) { c.OperatorFailures = []string{"API_ERROR"} }
	money := reply{200, sample(t, "currencies_list.response")}
	for name, c := range map[string]struct {
		word   string
		fields map[string]any
		want   engine.ChargeReportStatus
	}{
		"paid":             {"approved", map[string]any{"last_error_code": "API_ERROR"}, engine.ChargeSucceeded},
		"still going on":   {"pending", map[string]any{"last_error_code": "API_ERROR", "mode": "mtn_ci"}, engine.ChargeOnPhone},
		"failed on a page": {"declined", map[string]any{"last_error_code": "API_ERROR", "custom_metadata": paged}, engine.ChargePending},
	} {
		r := answering(t, map[string]reply{readPath: {200, about(t, "transaction_get_"+c.word+".response", c.fields)}, currenciesPath: money})
		got, err := client(t, r.URL, config).InquireCharge(t.Context(), answered)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got.Status, name)
		require.Empty(t, got.Code, name)
	}
}

func TestASuccessIsToldWhole(t *testing.T) {
	t.Parallel()
	want := engine.ChargeReport{
		Status: engine.ChargeSucceeded, Amount: 15_000, Currency: "XOF", GatewayReference: "235879", FeeSubunits: 625,
	}
	body := about(t, "transaction_get_approved.response", nil)
	r := answering(t, map[string]reply{findPath: {200, body}, currenciesPath: {200, sample(t, "currencies_list.response")}})
	c := client(t, r.URL)
	for range 3 {
		got, err := c.InquireCharge(t.Context(), unanswered)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Len(t, r.To(currenciesPath), 1, "currencies are learnt once")

	merchant := answering(t, map[string]reply{readPath: {200, about(t, "transaction_get_approved.response", map[string]any{
		"amount_debited": 15000, "currency": map[string]any{"iso": "XOF"}, "amount": 15000.5,
	})}})
	got, err := client(t, merchant.URL).InquireCharge(t.Context(), answered)
	require.NoError(t, err)
	require.EqualValues(t, 625, got.Fee, "the payer paid no more than the price: the fee is ours")
	require.True(t, got.Inexact)
}

func TestAPartGivenBackIsNotTheWhole(t *testing.T) {
	t.Parallel()
	for word, amount := range map[string]int64{"refunded": 15_000, "approved_partially_refunded": 0} {
		r := answering(t, map[string]reply{
			readPath:       {200, about(t, "transaction_get_refunded.response", map[string]any{"status": word})},
			currenciesPath: {200, sample(t, "currencies_list.response")},
		})
		got, err := client(t, r.URL).InquireCharge(t.Context(), answered)
		require.NoError(t, err)
		require.Equal(t, engine.ChargeReversed, got.Status)
		require.EqualValues(t, amount, got.Amount)
		if amount > 0 { // or nobody believes that the debt is settled
			require.EqualValues(t, "XOF", got.Currency)
		}
	}
}

// Where Charge can be cut, and what the inquiry makes of what is left.
func TestEveryCutInAChargeIsFoundByAsking(t *testing.T) {
	t.Parallel()
	pending := func(fields map[string]any) reply {
		return reply{200, about(t, "transaction_get_pending.response", fields)}
	}
	page := map[string]any{"custom_metadata": paged}
	link := map[string]reply{tokenPath: {200, sample(t, "transaction_token.response")}}
	for name, c := range map[string]struct {
		call  engine.InquireCall
		found reply
		more  map[string]reply
		late  bool
		want  engine.ChargeReport
	}{
		"the create never arrived": {
			unanswered, gone, nil, false, engine.ChargeReport{Status: engine.ChargeAbsent},
		},
		"direct: created, never started": {
			unanswered, pending(nil), nil, false, engine.ChargeReport{Status: engine.ChargeAbsent},
		},
		"direct: started, the answer was lost": {
			unanswered, pending(map[string]any{"mode": "mtn_ci"}), nil, false,
			engine.ChargeReport{Status: engine.ChargeOnPhone, Amount: 15_000, GatewayReference: "235879"},
		},
		"direct: not told apart, when modes come late": {
			unanswered, pending(nil), nil, true,
			engine.ChargeReport{Status: engine.ChargePending, Amount: 15_000, GatewayReference: "235879"},
		},
		"direct: we had the answer, so it was started": {
			answered, pending(nil), nil, false,
			engine.ChargeReport{Status: engine.ChargePending, Amount: 15_000, GatewayReference: "235879"},
		},
		"page: the link was lost": {
			unanswered, pending(page), link, false,
			engine.ChargeReport{Status: engine.ChargeRedirects, GatewayReference: "235879", URL: pageURL, Window: 24 * hour},
		},
		"page: the payer has the link": {
			answered, pending(page), nil, false,
			engine.ChargeReport{Status: engine.ChargePending, Amount: 15_000, GatewayReference: "235879"},
		},
		"page: the payer is at it": {
			unanswered, pending(map[string]any{"custom_metadata": paged, "mode": "mtn_ci"}), nil, false,
			engine.ChargeReport{Status: engine.ChargePending, Amount: 15_000, GatewayReference: "235879"},
		},
		"somebody else's doing": {
			unanswered, pending(map[string]any{"custom_metadata": nil}), nil, false,
			engine.ChargeReport{Status: engine.ChargePending, Amount: 15_000, GatewayReference: "235879"},
		},
		"gone by its id, there by our name": {
			answered, pending(map[string]any{"mode": "mtn_ci"}),
			map[string]reply{readPath: gone},
			false,
			engine.ChargeReport{Status: engine.ChargeOnPhone, Amount: 15_000, GatewayReference: "235879"},
		},
		"gone by both: deleted": {
			answered, gone, map[string]reply{readPath: gone}, false, engine.ChargeReport{Status: engine.ChargeAbsent},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]reply{findPath: c.found, readPath: c.found, searchPath: {200, sample(t, "transactions_search.response")}}
			for path, one := range c.more {
				answers[path] = one
			}
			r := answering(t, answers)
			got, err := client(t, r.URL, func(config *fedapay.Config) { config.ModeComesLate = c.late }).InquireCharge(t.Context(), c.call)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Empty(t, r.To(startPath), "an inquiry starts nothing")
		})
	}
}

func TestAnInquiryThatWasNotAnsweredIsNoNotFound(t *testing.T) {
	t.Parallel()
	list := reply{200, sample(t, "transactions_search.response")}
	poor := about(t, "transaction_get_approved.response", map[string]any{"amount": nil})
	paid := reply{200, about(t, "transaction_get_approved.response", nil)}
	page := reply{200, about(t, "transaction_get_pending.response", map[string]any{"custom_metadata": paged})}
	mute := reply{200, about(t, "transaction_get_pending.response", map[string]any{"status": nil})}
	seventh := reply{200, about(t, "transaction_get_approved.response", map[string]any{"id": 7})}
	another := reply{200, sample(t, "transaction_get_approved.response")}
	currencies := reply{200, sample(t, "currencies_list.response")}
	guinea := reply{200, `{"v1/currencies":[{"id":2,"iso":"GNF"}]}`}
	elsewhere := reply{200, `{"token":"t","url":"https://evil.example/t"}`}
	for name, c := range map[string]struct {
		call    engine.InquireCall
		answers map[string]reply
	}{
		"down":                            {unanswered, map[string]reply{findPath: {503, ""}, searchPath: list}},
		"the key is refused":              {unanswered, map[string]reply{findPath: {401, ""}, searchPath: list}},
		"too many calls":                  {unanswered, map[string]reply{findPath: {429, ""}, searchPath: list}},
		"404 as a page":                   {unanswered, map[string]reply{findPath: {404, "<html>Not Found</html>"}, searchPath: list}},
		"404 of nothing":                  {unanswered, map[string]reply{findPath: {404, ""}, searchPath: list}},
		"404, and the list is down":       {unanswered, map[string]reply{findPath: gone, searchPath: {500, ""}}},
		"404, and the list is missing":    {unanswered, map[string]reply{findPath: gone, searchPath: gone}},
		"404, and the list is no list":    {unanswered, map[string]reply{findPath: gone, searchPath: {200, `{"meta":{}}`}}},
		"200 of nothing":                  {unanswered, map[string]reply{findPath: {200, "{}"}, searchPath: list}},
		"about another":                   {unanswered, map[string]reply{findPath: another, searchPath: list}},
		"no status":                       {unanswered, map[string]reply{findPath: mute}},
		"by id, down":                     {answered, map[string]reply{readPath: {503, ""}, findPath: gone, searchPath: list}},
		"by id, another's":                {answered, map[string]reply{readPath: another, findPath: gone}},
		"by id, of another id":            {answered, map[string]reply{readPath: seventh}},
		"a success without money":         {answered, map[string]reply{readPath: {200, poor}, currenciesPath: currencies}},
		"a success without currency":      {answered, map[string]reply{readPath: paid, currenciesPath: {503, ""}}},
		"in a currency nobody lists":      {answered, map[string]reply{readPath: paid, currenciesPath: guinea}},
		"page: the link is not to be had": {unanswered, map[string]reply{findPath: page, tokenPath: {503, ""}}},
		"page: the link leads elsewhere":  {unanswered, map[string]reply{findPath: page, tokenPath: elsewhere}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := client(t, answering(t, c.answers).URL).InquireCharge(t.Context(), c.call)
			require.Error(t, err)
			require.Empty(t, got)
		})
	}
}

// A path that did not exist would say 404 of every charge there is.
func TestWhatIsListedIsNotAbsent(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{findPath: gone, searchPath: listing(t)})
	var told string
	c := client(t, r.URL, func(c *fedapay.Config) {
		c.Observer.Unknown = func(where, value string) { told = where + ": " + value }
	})
	got, err := c.InquireCharge(t.Context(), unanswered)
	require.NoError(t, err)
	require.Equal(t, engine.ChargePending, got.Status)
	require.Equal(t, "235880", got.GatewayReference)
	require.Equal(t, "find: 404 about a transaction that is listed", told)
	require.Equal(t, "search="+chargeRef.String()+"&page=1&per_page=25", r.To(searchPath)[0].Query)
}

func TestAGatewayReferenceThatIsNoIDIsNoPath(t *testing.T) {
	t.Parallel()
	for _, reference := range []string{"../payouts/1", "trx_1", "-1", " 1"} {
		r := answering(t, map[string]reply{findPath: gone, searchPath: {200, sample(t, "transactions_search.response")}})
		got, err := client(t, r.URL).InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef, GatewayReference: reference})
		require.NoError(t, err)
		require.Equal(t, engine.ChargeAbsent, got.Status)
		require.Equal(t, findPath, r.Requests()[0].Path)
	}
}
