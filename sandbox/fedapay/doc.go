// Package fedapay is a FedaPay to test against: the real paths at the root of
// its own listener, in the shapes FedaPay was seen to answer with, for a merchant
// of Côte d'Ivoire. Point any FedaPay client at it.
//
//	f := fedapay.New(fedapay.Config{
//		SecretKeys: []string{"sk_sandbox_x"}, WebhookSecrets: []string{"wh_sandbox_x"}, WebhookURL: "http://…/webhooks/fedapay",
//	})
//	f.Start(ctx)
//	url, err := f.Listen("127.0.0.1:0")
//
// # What it does as FedaPay does
//
//   - Amounts are whole francs, never hundredths. Fees come on top: the payer is
//     debited more than the amount.
//   - Answers are wrapped, {"v1/transaction": {…}}; token and fees are not.
//   - A merchant_reference is used once, whatever became of it; there is no
//     idempotency key. Ids count per kind: a transaction and a payout may have
//     the same one.
//   - Collecting takes three calls: create, token (often in the create's answer
//     already), then POST /v1/{mode} for the operator's prompt, or the hosted
//     page. A mode that is not allowed is 400. The sandbox domain takes
//     momo_test alone, where 0166000001 and 0164000001 pay, 0166000000 and
//     0164000000 don't, and anything but ten national digits is declined.
//   - Declined and canceled are not final: until 24 hours after its creation, or
//     until it is deleted, the same transaction can be paid on its link or asked
//     for directly again. Only a pending one becomes expired.
//   - Approved is paid; 72 hours later it is transferred, and only then in the
//     balance of its mode, one of many.
//   - last_error_code says nothing: a transaction declined first and approved
//     later keeps it.
//   - Webhooks carry X-FEDAPAY-SIGNATURE: t=…,s=…, HMAC-SHA256 of t.body, made
//     anew for each try. Any 2xx will do. There are ten tries, the gaps doubling
//     up to two minutes; then the endpoint is disabled, unless disable_on_error is
//     off, and hears nothing until an operator enables it. GET /v1/events has
//     what was missed.
//   - There is no refund in the API: an operator refunds in the dashboard, MTN
//     alone, and a client finds the status refunded by asking.
//   - Payouts are created, then started by PUT /v1/payouts/start; nothing moves
//     before. They need the balance of their mode, three a day reach a number.
//   - Error texts are French and have no codes.
//
// # What the documentation leaves open
//
// [Guesses], [Config] and [Timings] settle it, each with a default: the HTTP codes
// of a create, of what is invalid, of a used merchant_reference, of a delete;
// whether a create has a token and a second one is new; what a delete leaves, and
// whether it stops a prompt; whether declined ever expires; the phone's form; fees,
// limits and who bears them; when money can be paid out; which modes are direct,
// hosted, paid out; where the webhook's gaps begin, how long FedaPay waits, ten
// failures of what disable an endpoint; which other events there are.
//
// Settled without a choice: a second direct charge while one waits for the payer
// is the same prompt; one after declined is pending again; search looks at
// references, description and id; include adds objects and keeps their ids; a
// refund's keys and a card's payment method; PUT changes no money; lists are
// newest first; how an outcome is told. A lack of funds and an operator that is
// down are canceled, a wrong PIN, a refusal and a prompt that timed out declined.
// A client that holds under all of these will hold at FedaPay.
//
// # Numbers
//
// They are [sandbox.Numbers], read in FedaPay's words. There are no OTPs, and
// charges answer pending but for 0014: 0023, 0027, 0028, 0034 and 0035 succeed
// like any other. 0020 expires after 24 hours; 0022 is declined and 0025 canceled
// when the prompt is over, 0025 is approved all the same later. 0024 is refused
// directly and pays on the hosted page by itself; other pages wait for a person.
// 0036 and 0037 can't be refunded. 0041 and 0046 fail, 0047 and 0048 fail without
// a webhook, 0042 is canceled after 30 minutes.
//
// Left out: form-encoded bodies, batches, logs, connected accounts, deleting
// payouts, the hosted page's own calls, English texts, rate limits (429 comes as
// a fault).
//
// # The sandbox's own paths
//
// No key, no fault, never cut:
//
//	GET    /sandbox/pay/:token    the hosted page: pay, decline, cancel (POST do=…&mode=…)
//	POST   /sandbox/refund        the dashboard's: {"transaction": "…", "amount": 500}; without amount all
//	GET    /sandbox/endpoint      the webhook endpoint: enabled, disable_on_error, failures in a row
//	POST   /sandbox/endpoint      {"enabled": true, "disable_on_error": false}
//	GET    /sandbox/books         captures, transfers, refunds, totals
//	GET    /sandbox/deliveries    webhooks and their tries; ?reference= ?event=
//	GET    /sandbox/numbers       which phone numbers choose what
//	GET    /sandbox/faults        the rules in force and what has struck
//	POST   /sandbox/faults        one rule or a list; DELETE clears them
//	POST   /sandbox/dark          {"mode": "refused" | "cut" | "off", "for_millis": 5000}
//
// Refund, endpoint and books take ?domain=. Kinds of faults: [sandbox.Fault];
// operations: [Operations].
//
// # Words
//
// A mode is an operator's wallet or a card. A domain is sandbox or live, by the
// prefix of keys and webhook secrets. The books are all rows and the account
// beside them; a pot is a mode's balance or what is under way to it. A change is
// what one request or one step does to the books, all or nothing. A step is what
// happens by itself, when its time has come.
//
// What never happens here: an answer before its change is in the books; a webhook
// before that either; money moved outside capture, settle, giveBack and
// advancePayout; an import of the engine's rooms.
package fedapay
