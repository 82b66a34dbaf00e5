// Package actors is order and time: each transaction has its actor, one command
// of it is applied after the other, and what time makes due is asked when it is.
//
//	Ask → gate → shard → transaction → Store.Apply → reply → effects → gateway → Ask …
//
// Its words: the gate admits or refuses at once. A shard is an actor that alone
// spawns, sends to and stops the transactions that hash to it. A transaction is
// the actor of one payment: it blocks on the store, which is what serialises
// duplicate webhooks, and remembers only what can never change. A lane is the
// bounded number of calls under way to one gateway in one class. A loop looks for
// what is due, what waits in the inbox, who is idle.
//
// Actors carry no truth. PostgreSQL decides under the row's lock; an actor saves
// lock waits and reads, and two of them for one transaction, on two machines, are
// slower and never wrong.
//
// What never happens here: a call to a gateway inside an actor, an effect that is
// not committed, a reply before the commit is known, a queue without a bound, a
// panic that reaches protoactor, a clock read or a goroutine started other than
// through the ports, and, of protoactor: Stop on a busy actor, SetReceiveTimeout,
// RequestFuture, a spawn or a send by name.
package actors
