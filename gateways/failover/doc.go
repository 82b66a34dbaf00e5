// Package failover stands between the engine and a gateway and knows one thing:
// whether it is worth calling now. A breaker for each gateway and class of
// operation (collect, verify, payout, refund) turns calls to a gateway that is
// down into Unavailable at once, without a byte leaving: the only fast failover
// there is.
//
// Words: a breaker is closed (calls go through), open (none does) or half-open
// (it is being tried). A prober is a gateway's cheap GET, with which we try an
// open collect breaker ourselves: while there is one, no payer's charge is the
// guinea pig. A pause is a gateway's own "not so fast" (429), and holds for all
// its classes. A gateway is resting while it would not take a payer's call. An
// override is a person's decision, above all but a pause. Apart from all this,
// Operators remembers how charges ended at each operator: one that fails through
// every door is not the gateways' trouble, and another gateway changes nothing.
//
// What never happens here: choosing another gateway. That is Decide's, from the
// four outcomes alone. Nor does a breaker's state ever change what a call
// already made came to: a time-out opens the breaker and is Ambiguous all the
// same. Verify has a breaker of its own, because it is what resolves the unknown
// attempts an outage leaves behind. A guard holds one gateway; there is no type
// here that holds two.
package failover
