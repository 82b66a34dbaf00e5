// Package paystack speaks to Paystack about mobile money in Côte d'Ivoire: it
// collects, passes one-time codes on, sends to wallets, asks what became of
// something, and reads webhooks. It knows Paystack's dialect and nothing else.
//
// # Words
//
//   - [Client]: the four calls. [Webhooks]: signatures and notifications.
//   - subunits: francs × 100. XOF has no subunit, yet Paystack's amounts of it are
//     multiplied by 100 like any other (Paystack docs, API introduction, "XOF
//     Subunit and Fractions"). amount.go does it and nobody else.
//   - answer: what came back and could be read. Refusal: a readable no.
//   - verify and check: GET /transaction/verify/:reference, the authority about
//     money, and GET /charge/:reference, which knows what the payer is asked now.
//
// # What an error means
//
// errors.go is a whitelist. Unavailable is said only when no byte of the request
// left us, or when Paystack refused in a documented way before doing anything;
// Declined when it answered no for a reason; everything else is Ambiguous, the
// duplicate reference above all: it says that an earlier request arrived.
//
// # Connections
//
// Every call has a connection of its own. A kept-alive one may have been closed
// by the other side a moment ago, and a charge written into it can only be
// called Ambiguous: the payer waits for ten seconds and more, and no other
// gateway may be tried. A fresh one costs two round trips (TLS resumes sessions)
// of calls that take seconds, and Paystack's own limit, 1,200 charges a minute
// (Rate limits), is 20 handshakes a second. In exchange "refused, unreachable,
// untrusted" is always provably "not sent". Nothing is ever sent twice:
// fasthttp's retries are off, and redirects are not followed.
//
// # Assumptions that are configuration
//
// How phones are written, which codes the operators have, what a refused
// one-time code means and where a payer may be sent are not confirmed for Côte
// d'Ivoire, so [Config] has them. The dashboard must leave fees with the
// merchant: with fees passed on, amount is more than was asked, and the engine
// puts every such payment under review.
//
// What never happens here: a retry, a second connection for one request, a
// database, a decision about what comes next. No phone, key or one-time code is
// in an error's text.
package paystack
