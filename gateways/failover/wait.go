package failover

import (
	"sync"
	"time"
)

// wait is how long an open breaker stays open. It is taken under gobreaker's
// lock, and takes no other.
//
// A cheap GET that works does not prove that charges do. A breaker that our
// probes have closed and payers open again at once has been closed too early, and
// each time costs some payers a wait in doubt: so it stays open twice as long as
// the last time, until it has once stayed closed.
type wait struct {
	mu     sync.Mutex
	length time.Duration // of the last one, before the jitter
	until  time.Time     // in the past unless it is open
	opened time.Time     // when it last left closed, whatever trials came since; zero while it is closed
	closed time.Time     // when it last closed; zero before
}

// spread is the jitter: 20 s become 16 to 24, so that nodes do not probe as one.
const spread = 0.2

// begin notes that it opened. After a trial that failed the same wait begins once
// more. doubted says that what closed it last was our probes.
func (w *wait) begin(now time.Time, c Config, trial, doubted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !trial {
		w.opened = now
	}
	switch {
	case trial:
	case doubted && !w.closed.IsZero() && now.Sub(w.closed) < c.ReopenWithin:
		w.length = min(2*w.length, c.OpenForMax)
	default:
		w.length = c.OpenFor
	}
	w.last(now, c)
}

// again begins one twice as long, of a breaker that a trial has left as it was.
func (w *wait) again(now time.Time, c Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.length = min(2*w.length, c.OpenForMax)
	w.last(now, c)
}

// last sets when it is over. The caller holds mu.
func (w *wait) last(now time.Time, c Config) {
	jittered := time.Duration(float64(w.length) * (1 - spread + 2*spread*c.Random()))
	w.until = now.Add(min(jittered, c.OpenForMax))
}

// end notes that it closed.
func (w *wait) end(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until, w.opened, w.closed = time.Time{}, time.Time{}, now
}

// left is how much of it there is.
func (w *wait) left(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(0, w.until.Sub(now))
}

// since is when it left closed; zero while it is closed.
func (w *wait) since() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened
}
