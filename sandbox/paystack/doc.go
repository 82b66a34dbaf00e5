// Package paystack is a Paystack to test against: the documented paths at the
// root of its own listener, in the shapes of Paystack's own samples, for a
// merchant of Côte d'Ivoire. Point any Paystack client at it.
//
//	p := paystack.New(paystack.Config{SecretKeys: []string{"sk_test_x"}, WebhookURL: "http://…/webhooks/paystack"})
//	p.Start(ctx)
//	url, err := p.Listen("127.0.0.1:0")
//
// # What it does as Paystack does
//
//   - Amounts are subunits, 100 for one franc; fractions of a franc are
//     ignored. A charge's amount is a string or a number, a transfer's a JSON
//     integer.
//   - A reference is used once, whatever became of it: charges and transfers
//     have their own alphabets and refusals. Refunds have none: a second full
//     one is refused, a second partial one goes through.
//   - 200 does not mean paid: data.status does.
//   - A failed, timed out or abandoned charge sends no webhook. Neither does a
//     transfer abandoned, rejected or blocked.
//   - Webhooks carry x-paystack-signature: hex HMAC-SHA512 of the raw body with
//     the API secret key. Anything but exactly 200 is tried again: with a live
//     key four times three minutes apart, then hourly for 72 hours; with a test
//     key hourly for ten.
//   - Orange, MTN and Wave are served, Moov is not. The simulated payer answers
//     by itself after a while, as the number wants; on a hosted page a person may
//     be quicker, and a card waits for one.
//   - Transfers and refunds need a balance: float + captures − fees − transfers
//     − refunds + what came back.
//   - The answers to charge, check, submit_otp, verify, fetch and list have
//     different keys, as the samples do: a checked charge has no id.
//
// # What the documentation leaves open
//
// [Guesses], [Config.Flows] and [Timings] settle it, each with a default: which
// status each operator's charge begins with (orange send_otp, mtn pay_offline,
// wave open_url); whether a wrong OTP is HTTP 400 or a 200 that says failed,
// how many are too many, how long the wait is; what follows the right OTP; the
// HTTP code of an unknown transaction, of a used transfer reference, of a new
// recipient; how a timed-out charge verifies; the transfer's fee and whether it
// comes back; the unit of the greatest amount; the phone's form; every text
// meant for a payer. Besides: a transaction stays success after a partial
// refund, and keeps its fees after a full one; an account number is ten
// national digits; an untouched hosted page verifies as abandoned; the rounding
// of fees. A client that holds under all of these will hold at Paystack.
//
// Left out: card data on /charge, bulk transfers and their OTP, disputes,
// settlements, rate limits (429 comes as a fault).
//
// # The sandbox's own paths
//
// No key, no fault, never cut:
//
//	GET    /sandbox/pay/:code     the hosted page: pay, decline, cancel (POST do=…)
//	GET    /sandbox/books         captures, transfers, refunds, totals; ?domain=
//	GET    /sandbox/deliveries    webhooks and their tries; ?reference= ?event=
//	GET    /sandbox/numbers       which phone numbers choose what
//	GET    /sandbox/faults        the rules in force and what has struck
//	POST   /sandbox/faults        one rule or a list; DELETE clears them
//	POST   /sandbox/dark          {"mode": "refused" | "cut" | "off", "for_millis": 5000}
//
// A rule is {"kind": "cut", "operation": "charge", "when": "after", "next": 3}
// or {"kind": "latency", "latency_millis": 800, "per_mille": 50}. Kinds and
// their fields: [sandbox.Fault]; operations: [Operations]. Numbers that choose
// an outcome: [sandbox.Numbers].
//
// # Words
//
// A charge is Paystack's transaction. A domain is test or live, by the key's
// prefix. The books are all rows and the account beside them; a change is what
// one request or one step does to them, all or nothing. A step is what happens
// by itself, when its time has come.
//
// What never happens here: an answer before its change is in the books; a
// webhook before that either; money moved outside capture, transferTo,
// refundOf and their returns; an import of the engine's rooms.
package paystack
