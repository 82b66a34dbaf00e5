// Package sandbox pretends to be the outside: the payment companies, as their
// wire knows them. A simulated gateway keeps books of its own, signs webhooks
// on its own and imports none of the engine's rooms, so that a misreading in
// our client cannot cancel out against the same misreading here. It speaks to
// anybody's client of that gateway, not to ours alone.
//
// This package holds what every gateway needs; the gateways themselves are its
// folders (sandbox/paystack, sandbox/fedapay), each with real paths at the root of its listener.
//
//   - [Account] and [Books]: where the money is, in subunits. Rows say what a
//     gateway tells its clients; the account is written beside them, movement
//     by movement, so that the two can be held against each other.
//   - [Journal]: the books on disk, a line a change, so that a sandbox which is
//     a process of its own survives kill -9 with what it had promised.
//   - [Deliverer]: signed webhooks, tried again on the gateway's schedule, unless
//     the gateway has disabled the endpoint.
//   - [Faults]: what goes wrong on purpose, counted: before the effect, after
//     it, or to a webhook.
//   - [Gate]: a listener that can refuse connections for a while.
//   - [Clock] and [Agenda]: what happens by itself, because time has passed.
//   - [Host]: the life of a gateway, its listeners and routes, what goes wrong
//     with its calls, and the sandbox's own paths. A gateway says by its [Dialect]
//     what its routes and refusals are.
//   - [Shelf]: rows, findable by several names.
//   - [Numbers]: the last four digits of a phone number choose an outcome, as
//     test cards do.
//
// # Numbers
//
// The table is [Numbers]; a number that is not in it succeeds. It speaks of
// what happens; each gateway's package says what it calls that. An ending counts
// for the payer's phone of a charge and for the account number of a transfer:
//
//	0010 no funds            0011 wrong PIN           0012 the payer refuses
//	0013 the operator is down                         0014 succeeds at once
//	0020 never approves      0021 approves slowly     0022 ends as a timeout
//	0023 answers pending     0024 answers open_url    0025 abandoned, paid later
//	0026 failed, paid later  0027 answers send_otp    0028 answers pay_offline
//	0029 the operator is down, paid later
//	0030 webhook lost        0031 webhook eight times 0032 webhook late
//	0033 webhook with another amount                  0034 pending after the OTP
//	0035 open_url after the OTP                       0036 paid, refund fails
//	0037 paid, refund needs attention
//	0040 transfer fails      0041 sent, then reversed 0042 transfer wants an OTP
//	0043 pending for long    0044 not found at first  0045 transfer sent at once
//	0046 transfer reversed   0047 transfer rejected   0048 transfer blocked
//	0049 transfer refused
//
// The right OTP is [OTP]; any other is wrong.
//
// What never happens here: a float, a sleep, a goroutine that Stop does not
// wait for, a queue without a bound. Amounts are int64 in the gateway's
// subunits and never converted.
package sandbox
