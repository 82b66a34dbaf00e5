package failover

import (
	"context"
	"errors"

	"github.com/sony/gobreaker/v2"

	"github.com/bookmi/cauri/engine"
)

// What an answer says about the health of who gave it.

// errSlow is a success that took too long: fine for the payer, a failure for
// the breaker.
var errSlow = errors.New("slow")

// healthy reports that the gateway is alive, whatever it answered: a decline, a
// refused request or a duplicate reference is an answer.
func healthy(err error) bool {
	if err == nil {
		return true
	}
	e := engine.GatewayError(err)
	switch {
	case errors.Is(err, errSlow):
		return false
	case e.Kind == engine.Declined, e.Code == engine.CodeDuplicateReference:
		return true
	case e.Kind == engine.Unavailable:
		return e.Code == engine.CodeGatewayDeclined // a listed 4xx: it read us
	}
	return false
}

// excluded reports what says nothing about the gateway's health: our own
// cancelling, our own limits, a wrong key, its rate limit, what it does not do (its
// client says so without asking), and what we have misconfigured. gobreaker calls
// it with nil too.
//
// Misconfigured is excluded for three reasons. It is often about one thing only
// (FedaPay's 403 for a way of paying nobody switched on), and a breaker it opened
// would take the working doors of that gateway away too. Some of it is said by
// the client without asking anybody, so it must not count for health either. And
// it costs a payer one refused round trip before Decide, told Unavailable, asks
// the next gateway; the remedy is a person's, in the table of routes or with an
// override, and no wait of ours brings it nearer.
func excluded(err error) bool {
	if err == nil || errors.Is(err, errSlow) {
		return false
	}
	switch engine.CodeOf(err) {
	case engine.CodeGatewayUnauthorized, engine.CodeGatewayMisconfigured, engine.CodeOverloaded:
		return true
	}
	_, limited := pauseAsked(err)
	return limited || errors.Is(err, engine.Unsupported) || errors.Is(err, context.Canceled)
}

// trips decides on the window's counts. Requests includes calls still running, so
// half of the calls that make the share count must have been answered.
func (b *Breaker) trips(c gobreaker.Counts) bool {
	asked := c.Requests - c.TotalExclusions
	done := c.TotalSuccesses + c.TotalFailures
	return c.ConsecutiveFailures >= b.config.InARow ||
		(asked >= b.config.AtLeast && done >= b.config.AtLeast/2 && uint64(c.TotalFailures)*100 >= uint64(done)*uint64(b.config.Percent))
}
