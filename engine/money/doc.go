// Package money has the engine's amounts: whole minor units of a currency, and
// the few things that may be done to them.
//
// XOF has no minor unit (ISO 4217 exponent 0), so an Amount is whole francs
// everywhere inside. What a gateway's wire wants (Paystack: francs × 100) is
// the business of that gateway's amount.go and of nobody else.
//
// Nothing here rounds without saying who gets the remainder, nothing is a
// float, and nothing wraps around: arithmetic that cannot be right is an error.
package money
