// Package gatewaytest is what every gateway must be able to do, written once:
// Exercise runs it against a gateway's client and its sandbox, over real HTTP.
//
// A gateway says by its World what it can do: a port it does not serve is nil, a
// story its sandbox cannot tell has no payer, and the claims about them are not
// run. What is claimed is the engine's contract and nothing of a dialect: money
// taken once and told exactly, an answer that was lost found again by asking,
// and no error called Unavailable after the gateway could have acted.
//
// Rogue is the other outside: a server of raw TCP that does to a client whatever can
// be done to it, and Unanswered the shapes of failure that mean the same in every
// dialect.
//
// What never happens here: a sleep, a gateway's own word, a number of its wire.
// The package is imported by tests alone.
package gatewaytest
