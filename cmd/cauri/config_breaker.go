package main

import (
	"fmt"
	"time"

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

// requireBreaker refuses a breaker that would never open, never close, or open
// for nothing. Zero is refused too: it would silently mean the default.
func (s *Settings) requireBreaker() (faults Misconfigured) {
	for _, d := range []struct {
		name            string
		is, least, most time.Duration
	}{
		// Twelve parts of a window are forgotten one by one: under a second they are noise.
		{"CAURI_BREAKER_WINDOW", s.BreakerWindow, 12 * time.Second, breakerMemoryMost},
		// Under a tenth every answer is slow; over a call's deadline none ever is.
		{"CAURI_BREAKER_SLOW_AFTER", s.BreakerSlowAfter, 100 * time.Millisecond, s.policy().CallTimeout},
		{"CAURI_BREAKER_OPEN_FOR", s.BreakerOpenFor, time.Second, breakerOpenForMost},
		{"CAURI_BREAKER_OPEN_FOR_MAX", s.BreakerOpenForMax, time.Second, breakerOpenForMost},
		{"CAURI_BREAKER_REOPEN_WITHIN", s.BreakerReopenWithin, time.Second, breakerMemoryMost},
	} {
		if d.is < d.least || d.is > d.most {
			faults = append(faults, fmt.Sprintf("%s is from %s to %s", d.name, d.least, d.most))
		}
	}
	for _, n := range []struct {
		name            string
		is, least, most uint32
	}{
		{"CAURI_BREAKER_FAILURES", s.BreakerFailures, 1, 1000},
		{"CAURI_BREAKER_FAILURES_PERCENT", s.BreakerFailuresPercent, 1, 100},
		{"CAURI_BREAKER_CALLS_MIN", s.BreakerCallsMin, 2, 10_000}, // a share of one call is no share
		{"CAURI_BREAKER_PROBES", s.BreakerProbes, 1, breakerProbesMost},
	} {
		if n.is < n.least || n.is > n.most {
			faults = append(faults, fmt.Sprintf("%s is from %d to %d", n.name, n.least, n.most))
		}
	}
	if s.BreakerOpenFor > s.BreakerOpenForMax {
		faults = append(faults, "CAURI_BREAKER_OPEN_FOR is longer than CAURI_BREAKER_OPEN_FOR_MAX")
	}
	return faults
}
