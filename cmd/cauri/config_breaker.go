package main

import (
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

// breaker is how a gateway's breakers judge, as configured.
func (s *Settings) breaker() failover.Config {
	return failover.Config{
		Window: s.BreakerWindow, InARow: s.BreakerFailures, AtLeast: s.BreakerCallsMin, Percent: s.BreakerFailuresPercent,
		Probes: s.BreakerProbes, SlowAfter: s.BreakerSlowAfter,
		OpenFor: s.BreakerOpenFor, OpenForMax: s.BreakerOpenForMax, ReopenWithin: s.BreakerReopenWithin,
	}
}

// operatorsOf is how operators are judged, as configured: all that can be charged.
func (s *Settings) operatorsOf(routes engine.Routes) failover.OperatorsConfig {
	return failover.OperatorsConfig{
		Serves: serving(routes), InARow: s.OperatorFailures, Within: s.OperatorWindow, BadFor: s.OperatorBadFor,
	}
}

// The longest that make sense.
const (
	// An outage is over for payers one wait after it is over. Who wants a gateway left
	// alone for longer than that decides it: cauri gateways force, half an hour unless
	// told otherwise.
	breakerOpenForMost = 30 * time.Minute
	// Beyond an hour what a breaker remembers is another day's weather.
	breakerMemoryMost = time.Hour
	// Trials are a second apart: ten are as long as a pause after a 429 without a figure.
	breakerProbesMost = 10
)

// limits are between what and what a setting makes sense.
type limits[N time.Duration | uint32] struct {
	name            string
	is, least, most N
}

func refuse[N time.Duration | uint32](all ...limits[N]) (faults Misconfigured) {
	for _, one := range all {
		if one.is < one.least || one.is > one.most {
			faults = append(faults, fmt.Sprintf("%s is from %v to %v", one.name, one.least, one.most))
		}
	}
	return faults
}

// requireBreaker refuses a breaker, or a judge of operators, that would never open,
// never close, or open for nothing. Zero is refused too: it would silently mean the
// default.
func (s *Settings) requireBreaker() Misconfigured {
	// Twelve parts of a window are forgotten one by one: under a second they are noise.
	const windowLeast = 12 * time.Second
	faults := refuse(
		limits[time.Duration]{"CAURI_BREAKER_WINDOW", s.BreakerWindow, windowLeast, breakerMemoryMost},
		// Under a tenth every answer is slow; over a call's deadline none ever is.
		limits[time.Duration]{"CAURI_BREAKER_SLOW_AFTER", s.BreakerSlowAfter, 100 * time.Millisecond, s.policy().CallTimeout},
		limits[time.Duration]{"CAURI_BREAKER_OPEN_FOR", s.BreakerOpenFor, time.Second, breakerOpenForMost},
		limits[time.Duration]{"CAURI_BREAKER_OPEN_FOR_MAX", s.BreakerOpenForMax, time.Second, breakerOpenForMost},
		limits[time.Duration]{"CAURI_BREAKER_REOPEN_WITHIN", s.BreakerReopenWithin, time.Second, breakerMemoryMost},
		limits[time.Duration]{"CAURI_OPERATOR_WINDOW", s.OperatorWindow, windowLeast, breakerMemoryMost},
		limits[time.Duration]{"CAURI_OPERATOR_BAD_FOR", s.OperatorBadFor, time.Second, breakerOpenForMost},
	)
	faults = append(faults, refuse(
		limits[uint32]{"CAURI_BREAKER_FAILURES", s.BreakerFailures, 1, 1000},
		limits[uint32]{"CAURI_BREAKER_FAILURES_PERCENT", s.BreakerFailuresPercent, 1, 100},
		limits[uint32]{"CAURI_BREAKER_CALLS_MIN", s.BreakerCallsMin, 2, 10_000}, // a share of one call is no share
		limits[uint32]{"CAURI_BREAKER_PROBES", s.BreakerProbes, 1, breakerProbesMost},
		limits[uint32]{"CAURI_OPERATOR_FAILURES", s.OperatorFailures, 1, 1000},
	)...)
	if s.BreakerOpenFor > s.BreakerOpenForMax {
		faults = append(faults, "CAURI_BREAKER_OPEN_FOR is longer than CAURI_BREAKER_OPEN_FOR_MAX")
	}
	return faults
}
