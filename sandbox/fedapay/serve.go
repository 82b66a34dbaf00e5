package fedapay

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/bookmi/cauri/sandbox"
)

// dialect is FedaPay's paths and refusals.
func (s *Server) dialect() sandbox.Dialect {
	return sandbox.Dialect{
		Routes: s.routes(), Domain: s.domain, Reference: referenceIn, Restate: restate,
		NoPath: errNoPath, NoKey: errKey, Broken: errServer, TooMany: errRate,
	}
}

func (s *Server) routes() []sandbox.Route {
	at := sandbox.At
	return []sandbox.Route{
		at("POST", "/v1/customers", "create_customer", s.createCustomer),
		at("GET", "/v1/customers", "list_customers", s.listCustomers),
		at("GET", "/v1/customers/:id", "fetch_customer", s.fetchCustomer),
		at("PUT", "/v1/customers/:id", "update_customer", s.updateCustomer),
		at("DELETE", "/v1/customers/:id", "delete_customer", s.deleteCustomer),
		at("POST", "/v1/transactions", "create", s.createTransaction),
		at("GET", "/v1/transactions", "list_transactions", s.listTransactions),
		at("GET", "/v1/transactions/search", "search_transactions", s.listTransactions),
		at("GET", "/v1/transactions/fees", "quote_fees", s.quoteFees),
		at("GET", "/v1/transactions/merchant/:reference", "find", s.findTransaction),
		at("GET", "/v1/transactions/:id", "fetch", s.fetchTransaction),
		at("PUT", "/v1/transactions/:id", "update", s.updateTransaction),
		at("DELETE", "/v1/transactions/:id", "delete", s.deleteTransaction),
		at("POST", "/v1/transactions/:id/token", "token", s.createToken),
		at("POST", "/v1/transactions/:id/receipt_url", "receipt_url", s.createReceipt),
		at("POST", "/v1/payouts", "create_payout", s.createPayout),
		at("PUT", "/v1/payouts/start", "start_payouts", s.startPayouts),
		at("GET", "/v1/payouts", "list_payouts", s.listPayouts),
		at("GET", "/v1/payouts/search", "search_payouts", s.listPayouts),
		at("GET", "/v1/payouts/merchant/:reference", "find_payout", s.findPayout),
		at("GET", "/v1/payouts/:id", "fetch_payout", s.fetchPayout),
		at("GET", "/v1/balances", "list_balances", s.listBalances),
		at("GET", "/v1/balances/:id", "fetch_balance", s.fetchBalance),
		at("GET", "/v1/currencies", "list_currencies", s.listCurrencies),
		at("GET", "/v1/currencies/:id", "fetch_currency", s.fetchCurrency),
		at("GET", "/v1/events", "list_events", s.listEvents),
		at("GET", "/v1/events/:id", "fetch_event", s.fetchEvent),
		at("GET", "/v1/webhooks", "list_webhooks", s.listWebhooks),
		at("GET", "/v1/webhooks/:id", "fetch_webhook", s.fetchWebhook),
		at("POST", "/v1/:mode", "charge", s.charge),
	}
}

// Operations are the names a fault may be set for: calls, then webhook events.
func Operations() []string {
	var s *Server // names alone: nobody is asked to serve
	var names []string
	for _, r := range s.routes() {
		names = append(names, r.Operation)
	}
	return append(names, eventNames...)
}

// referenceIn is what a call is about, as far as it says so.
func referenceIn(r *request) string {
	if r.Arg != "" && r.Method != "POST" {
		return r.Arg
	}
	var body struct {
		Merchant string `json:"merchant_reference"`
		Token    string `json:"token"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return r.Arg
	}
	return or(or(body.Merchant, body.Token), r.Arg)
}

// wrapped is FedaPay's envelope of a single object: its kind is the key.
func wrapped(kind string, object any) answer {
	return answer{Code: 200, Body: map[string]any{kind: object}}
}

// restate replaces the amount of an answer or a webhook that has one: by
// amount, or by one franc more than it says when amount is 0.
func restate(body []byte, amount int64) []byte {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var whole map[string]any
	if decoder.Decode(&whole) != nil {
		return body
	}
	for _, key := range []string{"entity", "v1/transaction", "v1/payout"} {
		object, _ := whole[key].(map[string]any)
		number, _ := object["amount"].(json.Number)
		said, err := strconv.ParseInt(number.String(), 10, 64)
		if err == nil {
			object["amount"] = or(amount, said+subunits)
			return encode(whole)
		}
	}
	return body // it states no amount
}
