// Package fedapay speaks to FedaPay about collecting in Côte d'Ivoire: it
// charges a phone directly or sends the payer to FedaPay's page, asks what became
// of a charge, and reads webhooks. It knows FedaPay's dialect and nothing else.
//
// # Words
//
//   - [Client]: charge and inquire. [Webhooks]: signatures and notifications.
//   - create, token, start: the three requests of a direct charge. Only the start,
//     POST /v1/:mode, can move money; a page has none, and its link moves it.
//   - link: the page's address. Whoever has it can pay for a day.
//   - flow: how a payer is reached, direct or page, as the engine's route says. It
//     is written into the transaction, and comes back with everything FedaPay tells
//     of it.
//   - untouched: created, and nobody was asked to pay yet.
//   - answer: what came back and could be read. Refusal: a readable no.
//
// # What FedaPay can't do
//
// One-time codes and refunds have no API, so there is no method. A refund is a
// person's task in the dashboard, seen when the transaction says refunded. Money
// is not sent through it.
//
// # What an error means
//
// errors.go is a whitelist. Unavailable is said only when no byte of the request
// left us, when the key was refused, or when FedaPay refused with a listed status
// and readable words and one look by our reference found that true (money-safety,
// R6). Everything else is Ambiguous: time-outs, 5xx, 408, 409, a refusal that the
// look contradicts. Nothing is Declined, because FedaPay's refusals carry no code
// and speak the locale's language. A create that was lost can't have moved money
// and is Ambiguous all the same: the inquiry is sure where we only reason.
//
// # What a status means
//
// Declined and canceled are final for a direct charge alone, whose link never
// leaves this package: see translate. That is why a direct charge that is refused
// is not turned into a page: one transaction has one flow for life.
//
// # What a webhook means
//
// Its signature is dated. Within five minutes of its date it is a fact, later (or
// earlier) a hint to inquire. It says nothing of live or test: its secret does.
// It carries the payer, and our account's e-mails and balances, which are not kept:
// [Redact] keeps a list of members and drops the rest. What is kept is what is read,
// so a notification kept and read again is the same one. Its signature is evidence
// by then: it is of the bytes as they came, and not verified twice.
//
// # Assumptions that are configuration
//
// How phones are written, which operators have a mode and which, whether a transaction
// has its mode before it is paid, and where a payer may be sent are not confirmed
// for Côte d'Ivoire, so [Config] has them; nor is any code by which it would say that
// an operator failed. The webhook's disable_on_error must be off in the dashboard, or
// ten failures of ours end all webhooks: Client.Endpoints looks. By default the
// payer pays FedaPay's fees on top of the price: the price is what is compared.
//
// What never happens here: a retry, a second connection for one request, a
// database, a decision about what comes next. No phone or key is in an error's
// text.
package fedapay
