package engine

import (
	"slices"

	"github.com/bookmi/cauri/engine/phone"
)

// Gateway is a payment company we talk to. It is also its name in references to
// ledger accounts, so it never changes once money has moved through it.
type Gateway string

// The gateways.
const (
	Paystack Gateway = "paystack"
	FedaPay  Gateway = "fedapay"
)

// Method is how the payer pays.
type Method string

// The methods.
const (
	MobileMoney Method = "mobile_money"
	Card        Method = "card" // its number is typed on the gateway's page and never comes near us
)

// Direction says whether money comes in or goes out.
type Direction string

// The directions.
const (
	Collect  Direction = "collect"
	Disburse Direction = "disburse"
)

// Flow is where the payer agrees.
type Flow string

// The flows.
const (
	Direct Flow = "direct" // on their phone: a prompt, or a code they type in the app
	Hosted Flow = "hosted" // on the gateway's page
)

// Door is a way through a gateway.
type Door struct {
	Gateway Gateway
	Flow    Flow
}

// Route is one line of the table operator × gateway × flow: who may be charged,
// or paid, through whom. Which routes exist is configuration; that a line may
// stand there is a fact with evidence.
type Route struct {
	Direction Direction
	Method    Method
	Operator  phone.Operator // empty for cards
	Gateway   Gateway
	Flow      Flow
	Evidence  string // where it is written that the gateway can do this
	Off       string // why it is not used; empty when it is
}

// Routes is the table, in order of preference.
type Routes []Route

// DefaultRoutes is what the gateways' documents promise today. Moov goes through
// FedaPay alone: no document of Paystack offers it in Côte d'Ivoire. Orange and
// Wave through FedaPay stand in one of its two lists only: they are off until
// the account is seen to offer them.
func DefaultRoutes() Routes {
	const (
		charge   = "Paystack docs, Payment channels: provider codes orange, mtn, wave for CI"
		transfer = "Paystack GET /bank?currency=XOF&type=mobile_money: ORANGE_CI, MTN_CI, WAVE_CI"
		card     = "Paystack docs, Transaction, Initialize: channels card; CI brands Visa, Mastercard"
		direct   = "FedaPay docs, Payment methods: mtn_ci without redirect"
		page     = "FedaPay docs, Payment methods (English): Orange, Wave and Moov in CI on the hosted page"
		pageCard = "FedaPay docs, Payment methods: Visa and MasterCard, all regions, on the hosted page"
		unseen   = "not until the account is seen to offer it: the French page of FedaPay's documents does not list it"
	)
	var table Routes
	for _, o := range []phone.Operator{phone.Orange, phone.MTN, phone.Wave} {
		table = append(table,
			Route{Collect, MobileMoney, o, Paystack, Direct, charge, ""},
			Route{Disburse, MobileMoney, o, Paystack, Direct, transfer, ""})
	}
	return append(table,
		Route{Collect, MobileMoney, phone.MTN, FedaPay, Direct, direct, ""},
		Route{Collect, MobileMoney, phone.Moov, FedaPay, Hosted, page, ""},
		Route{Collect, MobileMoney, phone.Orange, FedaPay, Hosted, page, unseen},
		Route{Collect, MobileMoney, phone.Wave, FedaPay, Hosted, page, unseen},
		Route{Collect, Card, "", Paystack, Hosted, card, ""},
		Route{Collect, Card, "", FedaPay, Hosted, pageCard, ""},
	)
}

func (r Route) serves(d Direction, m Method, o phone.Operator) bool {
	return r.Off == "" && r.Direction == d && r.Method == m && r.Operator == o
}

// For returns the doors that serve the operator in that direction, the preferred
// one first; none is an answer. Of a card the operator is empty.
func (r Routes) For(d Direction, m Method, o phone.Operator) []Door {
	var out []Door
	for _, route := range r {
		if route.serves(d, m, o) {
			out = append(out, Door{route.Gateway, route.Flow})
		}
	}
	return out
}

// Operators lists who can be served in that direction, in the order people are
// shown them.
func (r Routes) Operators(d Direction, m Method) []phone.Operator {
	var out []phone.Operator
	for _, o := range phone.Operators {
		if len(r.For(d, m, o)) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// Health is what this process has seen of the outside lately. It prevents
// nothing that safety depends on: it says where a new request is worth sending.
type Health struct {
	Resting []Gateway        // their collect breaker takes no payer's call now
	Down    []phone.Operator // failing through every door that serves them
}

// Working lists the operators a payer could use now: served, not down, and with
// a door that is not resting. It is what a payer turned away is told.
func (r Routes) Working(d Direction, m Method, h Health) []phone.Operator {
	var out []phone.Operator
	for _, o := range r.Operators(d, m) {
		if !slices.Contains(h.Down, o) && len(h.open(r.For(d, m, o))) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// open leaves out the doors whose gateway is resting.
func (h Health) open(doors []Door) []Door {
	return slices.DeleteFunc(slices.Clone(doors), func(d Door) bool { return slices.Contains(h.Resting, d.Gateway) })
}

// First is the door a new payment takes, or none when every gateway that serves
// it is resting. served is false when nobody serves it at all.
func (r Routes) First(d Direction, m Method, o phone.Operator, h Health) (door Door, open, served bool) {
	all := r.For(d, m, o)
	if len(all) == 0 {
		return Door{}, false, false
	}
	if awake := h.open(all); len(awake) > 0 {
		return awake[0], true, true
	}
	return Door{}, false, true
}
