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
)

// Direction says whether money comes in or goes out.
type Direction string

// The directions.
const (
	Collect  Direction = "collect"
	Disburse Direction = "disburse"
)

// Route is one line of the table operator × gateway × flow: who may be charged,
// or paid, through whom. Which routes exist is configuration; that a line may
// stand there is a fact with evidence.
type Route struct {
	Direction Direction
	Method    Method
	Operator  phone.Operator
	Gateway   Gateway
	Evidence  string // where it is written that the gateway can do this
}

// Routes is the table, in order of preference.
type Routes []Route

// DefaultRoutes is what the gateways' documents promise today. Moov is absent
// because no document of Paystack offers it in Côte d'Ivoire.
func DefaultRoutes() Routes {
	const (
		charge   = "Paystack docs, Payment channels: provider codes orange, mtn, wave for CI"
		transfer = "Paystack GET /bank?currency=XOF&type=mobile_money: ORANGE_CI, MTN_CI, WAVE_CI"
	)
	var table Routes
	for _, o := range []phone.Operator{phone.Orange, phone.MTN, phone.Wave} {
		table = append(table,
			Route{Collect, MobileMoney, o, Paystack, charge},
			Route{Disburse, MobileMoney, o, Paystack, transfer})
	}
	return table
}

// For returns the gateways that serve the operator in that direction, the
// preferred one first; none is an answer.
func (r Routes) For(d Direction, m Method, o phone.Operator) []Gateway {
	var out []Gateway
	for _, route := range r {
		if route.Direction == d && route.Method == m && route.Operator == o {
			out = append(out, route.Gateway)
		}
	}
	return out
}

// Operators lists who can be served in that direction, in the order people are
// shown them: what a payer turned away is told to use instead.
func (r Routes) Operators(d Direction, m Method) []phone.Operator {
	var out []phone.Operator
	for _, o := range phone.Operators {
		if slices.ContainsFunc(r, func(route Route) bool {
			return route.Direction == d && route.Method == m && route.Operator == o
		}) {
			out = append(out, o)
		}
	}
	return out
}
