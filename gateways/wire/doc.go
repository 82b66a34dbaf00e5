// Package wire is what the gateways' clients share below their dialects: one
// request on a connection of its own, the proof of how far it came, and careful
// reading of what comes back. It knows no gateway.
//
// # Words
//
//   - [Host]: where one gateway is asked. [Outcome]: all that is known of a request
//     when it is over. [Phase]: how far it came: not sent, sent, answered.
//   - [Places]: where a payer may be sent. [Key]: a secret webhooks are signed with.
//   - [Text], [Label]: fields of loosely typed JSON. What such a field does not take
//     is as good as absent, and an absent field that matters makes an answer
//     unreadable; a whole answer is never lost to a field nobody reads.
//
// # Connections
//
// Every request has a connection of its own. A kept-alive one may have been closed
// by the other side a moment ago, and a charge written into it can only be called
// Ambiguous: the payer waits, and no other gateway may be tried. A fresh one costs
// two round trips (TLS resumes sessions) of calls that take seconds. In exchange
// "refused, unreachable, untrusted" is always provably "not sent". Nothing is ever
// sent twice: fasthttp's retries are off, and redirects are not followed.
//
// What never happens here: a word of a gateway's, an amount, a retry, a decision
// about what an answer means. No phone, key or one-time code is in an error's text.
package wire
