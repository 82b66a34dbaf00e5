// Package paystack speaks to Paystack about mobile money and cards in Côte d'Ivoire:
// it collects, passes one-time codes on, sends to wallets, gives back, asks what
// became of something, and reads webhooks. It knows Paystack's dialect and nothing
// else; what is below any dialect is in gateways/wire.
//
// # Words
//
//   - [Client]: charge, code, payout, refund, and the questions about them.
//     [Webhooks]: signatures and notifications.
//   - subunits: francs × 100. XOF has no subunit, yet Paystack's amounts of it are
//     multiplied by 100 like any other (Paystack docs, API introduction, "XOF
//     Subunit and Fractions"). amount.go does it and nobody else.
//   - answer: what came back and could be read. Refusal: a readable no.
//   - verify and check: GET /transaction/verify/:reference, the authority about
//     money, and GET /charge/:reference, which knows what the payer is asked now.
//   - page: Paystack's own, where a card's number is typed. What the payer's browser
//     brings back from it is read by nobody: verify says whether they paid.
//   - note: merchant_note, the one field of a refund that is ours. Our number stands
//     in it, because a refund has no reference and cannot be sent twice safely by name.
//
// # What an error means
//
// errors.go is a whitelist. Unavailable is said only when no byte of the request
// left us, or when Paystack refused in a documented way before doing anything;
// Declined when it answered no for a reason; everything else is Ambiguous, the
// duplicate reference above all: it says that an earlier request arrived.
//
// # What is kept of a webhook
//
// [Redact] keeps a list of members and drops the rest: no phone, e-mail or name of
// a payer, nothing of their card, no account a transfer went to. What is kept is what
// is read, so a notification kept and read again is the same one. Its signature is
// evidence by then: it is of the bytes as they came, and not verified twice.
//
// # Assumptions that are configuration
//
// How phones are written, which codes the operators have, what a refused
// one-time code means, by which words an operator's own failure is told, and where
// a payer may be sent are not confirmed for Côte d'Ivoire, so [Config] has them. The dashboard must leave fees with the
// merchant: with fees passed on, amount is more than was asked, and the engine
// puts every such payment under review.
//
// What never happens here: a retry, a second connection for one request, a
// database, a decision about what comes next. No phone, key or one-time code is
// in an error's text.
package paystack
