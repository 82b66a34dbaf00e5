// Package failover stands between the engine and a gateway and knows one thing:
// whether it is worth calling now. A breaker for each gateway and class of
// operation (collect, verify, payout, refund) turns calls to a gateway that is
// down into Unavailable at once, without a byte leaving: the only fast failover
// there is.
//
// What never happens here: choosing another gateway. That is Decide's, from the
// four outcomes alone. Nor does a breaker's state ever change what a call
// already made came to: a time-out opens the breaker and is Ambiguous all the
// same. Verify has a breaker of its own, because it is what resolves the unknown
// attempts an outage leaves behind. A payout's breaker guards one gateway; there
// is no type here that holds two.
package failover
