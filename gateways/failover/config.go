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
	SlowAfter   time.Duration // a success that took longer is a failure to the breaker; 8 s
	CallTimeout time.Duration // the deadline inside every call: a hung one would hold its place for ever; 15 s

	OpenFor      time.Duration // how long an open breaker waits before it is tried, give or take a fifth; 20 s
	OpenForMax   time.Duration // what that wait doubles up to, see ReopenWithin; 300 s
	ReopenWithin time.Duration // one that our probes closed and payers open again so soon waits twice as long; 2 min

	// Changed is told of every change, under the breaker's lock: it hands over (a
	// send that does not block) and never asks a breaker anything. It may be nil.
	Changed func(engine.Gateway, Class, State, State)
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
	if c.InARow == 0 {
		c.InARow = 5
	}
	if c.AtLeast == 0 {
		c.AtLeast = 20
	}
	if c.Changed == nil {
		c.Changed = func(engine.Gateway, Class, State, State) {}
	}
	if c.Probed == nil {
		c.Probed = func(engine.Gateway, error) {}
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return c
}
