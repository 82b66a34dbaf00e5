package main

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Chaos: Paystack goes dark while payers come and go. Its calls are cut without an
// answer, which proves nothing, so the first payers wait in doubt; then its breaker
// opens and the next ones are asked through FedaPay at once. When the lights are on
// again what was in doubt is found out, and what was captured once too often goes
// back.
const (
	chaosAfter = 5 * time.Second
	chaosFor   = 20 * time.Second
)

// chaosNeeds is the shortest demo that shows all of it.
const chaosNeeds = chaosAfter + chaosFor + 10*time.Second

// darken runs until ctx ends, and leaves the lights on.
func (d *demo) darken(ctx context.Context, to streams) {
	if !pass(ctx, chaosAfter) {
		return
	}
	d.first.Cut()
	to.printf("\n*** Paystack goes dark for %s: every call is cut ***\n", chaosFor)
	pass(ctx, chaosFor)
	if err := d.first.Shine(); err != nil {
		to.printf("\nthe simulated Paystack can't come back: %s\n", err)
		return
	}
	to.printf("\n*** Paystack answers again ***\n")
}

// byHandEvery is how often somebody of the demo's staff looks at what is theirs.
const byHandEvery = 2 * time.Second

// refundByHand is the demo's staff: what FedaPay has captured once too often they
// give back at its dashboard, for it has no refund API; the engine finds it done.
func (d *demo) refundByHand(ctx context.Context) {
	for pass(ctx, byHandEvery) {
		waiting, err := d.engine.store.RefundsWaiting(ctx, 100)
		if err != nil {
			continue // the next look may do better; the log says why
		}
		for _, r := range waiting {
			if r.Gateway == engine.FedaPay {
				_ = d.second.Refund(r.Charge, 0) // given back already, or not to be: the engine asks
			}
		}
	}
}

// pass waits, and reports false when ctx ended first.
func pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
