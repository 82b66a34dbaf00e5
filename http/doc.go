// Package http is the edge: it turns requests into asks and what was committed
// into answers.
//
// Two listeners. The public one serves the API under /v1, described once in Go
// types through Huma, and the gateways' webhooks under /webhooks, which are raw:
// their signature is over the bytes as received. The other is for whoever runs
// the engine: health, readiness, metrics, profiles.
//
// Its words: a route is a row of the table in routes.go; a call is one request
// with what every handler is told about it; a principal is who calls; a problem
// is an error as bytes (RFC 9457), made in problem.go and nowhere else; a rate is so
// many within a time, counted by this node, a quota one that all nodes count; to
// remember an answer is to store its bytes under the caller's idempotency key.
//
// What never happens here: a row is seen, a lock taken, a gateway called, an
// amount added to another. Bytes that belong to fasthttp never leave their
// handler. A 200 is never said to a gateway before the commit is known
// (docs/adr/0004).
package http
