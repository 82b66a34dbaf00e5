package http

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
)

const (
	// patienceMax is how long a money POST waits for the gateway's answer before
	// it says what is known: longer, and a phone's user has pressed again.
	patienceMax = 3 * time.Second

	// waitersMax bounds who waits at once. Each costs a goroutine that a
	// connection has anyway and a read or four; one more than this is answered at
	// once, which is always allowed.
	waitersMax = 1024

	// waitMax is the longest a GET waits: under the 30 s after which phones' networks and
	// proxies cut a silent connection.
	waitMax = 25 * time.Second

	// watchEvery is lookEvery for those who wait so long: five looks in the longest wait.
	watchEvery = 5 * time.Second

	// lookEvery is how often a waiter looks without having been nudged: a nudge is
	// a hint and may be lost. Three looks in the longest wait.
	lookEvery = time.Second
)

// watcher waits for payments to have something to say to their payer.
type watcher struct {
	feed    Feed
	reports Reports
	slots   chan struct{}
	stop    <-chan struct{} // closed when the server drains: everybody answers what is known
}

func newWatcher(feed Feed, reports Reports, stop <-chan struct{}) *watcher {
	return &watcher{feed: feed, reports: reports, slots: make(chan struct{}, waitersMax), stop: stop}
}

// await returns the payment as soon as it speaks, or as it is known when
// patience, the context or the server ends. It cannot fail: known is committed,
// and saying it is right, only less than could be said.
func (w *watcher) await(ctx context.Context, known engine.Transaction, patience time.Duration) engine.Transaction {
	if speaks(known) || patience <= 0 {
		return known
	}
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	default:
		return known
	}
	nudged, leave := w.feed.Subscribe(known.ID)
	defer leave()
	over := time.NewTimer(patience)
	defer over.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		// Subscribed first, read second: a change between the two is not missed.
		if now, err := w.reports.Payment(ctx, known.ID); err == nil && now.Transaction.Version > known.Version {
			known = now.Transaction
		}
		if speaks(known) {
			return known
		}
		select {
		case _, open := <-nudged:
			if !open {
				nudged = nil // the feed is gone; the looks remain
			}
		case <-look.C:
		case <-over.C:
			return known
		case <-ctx.Done():
			return known
		case <-w.stop:
			return known
		}
	}
}

// change returns the payment once it differs from what the caller knows, or as it is when
// the time, the context or the server ends. What can't be read just now is read again; an
// old answer is never wrong, only old.
func (w *watcher) change(
	ctx context.Context, st engine.Statement, differs func(engine.Statement) bool, patience time.Duration,
) engine.Statement {
	nudged, leave := w.feed.Subscribe(st.Transaction.ID)
	defer leave()
	over := time.NewTimer(patience)
	defer over.Stop()
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	for {
		// Subscribed first, read second: a change between the two is not missed.
		if now, err := w.reports.Payment(ctx, st.Transaction.ID); err == nil {
			st = now
		}
		if differs(st) {
			return st
		}
		select {
		case _, open := <-nudged:
			if !open {
				nudged = nil // the feed is gone; the looks remain
			}
		case <-look.C:
		case <-over.C:
			return st
		case <-ctx.Done():
			return st
		case <-w.stop:
			return st
		}
	}
}

// speaks reports that there is more to say than "we are asking": an instruction,
// an end, or the admission that no answer came.
func speaks(t engine.Transaction) bool {
	a, exists := t.LastAttempt()
	if !exists || !t.Status.Open() {
		return true
	}
	return a.Status != engine.AttemptSending && !a.OTPInFlight
}
