package failover

import (
	"math/rand/v2"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Config is how breakers judge. The zero value is docs/adr/0007's.
type Config struct {
	Window      time.Duration // how far back failures count; 60 s
	InARow      uint32        // failures in a row that open it; 5
	AtLeast     uint32        // calls in the window before the share counts; 20
	Percent     uint32        // the share: of a hundred answered calls, the failures that open it; 50
	Probes      uint32        // how many may try a half-open one, and must succeed to close it; 3
	SlowAfter   time.Duration // a success that took longer for each of its requests is a failure to the breaker; 8 s
	CallTimeout time.Duration // the deadline of a call whose caller has none: a hung one would hold its place for ever; 15 s

	OpenFor      time.Duration // how long an open breaker waits before it is tried, give or take a fifth; 20 s
	OpenForMax   time.Duration // what that wait doubles up to, see ReopenWithin; 300 s, never less than OpenFor
	ReopenWithin time.Duration // one that our probes closed and payers open again so soon waits twice as long; 2 min

	// Changed is told of every change, under the breaker's lock: it hands over (a
	// send that does not block) and never asks a breaker anything. It may be nil.
	Changed func(engine.Gateway, Class, State, State)
	// Refused is told of every call that was not made, whoever refused it: the
	// breaker, a person's override or the gateway's pause. A probe is no such call. It
	// runs on the caller's goroutine and must not block. It may be nil.
	Refused func(engine.Gateway, Class)
	// Probed is told how each probe ended, from the prober's goroutine. It may be nil.
	Probed func(engine.Gateway, error)
	// Random is a number in [0,1) for the jitter: nodes that saw one outage do not
	// all come back in the same second. Nil means the runtime's.
	Random func() float64
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.Window, 60 * time.Second},
		{&c.SlowAfter, 8 * time.Second},
		{&c.CallTimeout, 15 * time.Second},
		{&c.OpenFor, 20 * time.Second},
		{&c.OpenForMax, 300 * time.Second},
		{&c.ReopenWithin, 2 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	c.OpenForMax = max(c.OpenForMax, c.OpenFor)
	for _, n := range []struct {
		value    *uint32
		fallback uint32
	}{{&c.InARow, 5}, {&c.AtLeast, 20}, {&c.Percent, 50}, {&c.Probes, 3}} {
		if *n.value == 0 {
			*n.value = n.fallback
		}
	}
	if c.Changed == nil {
		c.Changed = func(engine.Gateway, Class, State, State) {}
	}
	if c.Refused == nil {
		c.Refused = func(engine.Gateway, Class) {}
	}
	if c.Probed == nil {
		c.Probed = func(engine.Gateway, error) {}
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return c
}
