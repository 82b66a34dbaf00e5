package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// checked is what holding our books against everybody else's found.
type checked struct {
	references int
	broken     []string
}

// quietWithin is how long what is under way may take to finish: a payer's window
// in the demo, the inquiry after it, a payout, and as much again.
const quietWithin = 45 * time.Second

// check waits until nothing is under way and then asks the questions that have
// only one right answer: our invariants, and the gateway's own books.
func (d *demo) check(ctx context.Context) (*checked, error) {
	ctx, cancel := context.WithTimeout(ctx, quietWithin+time.Minute)
	defer cancel()
	var found checked
	if err := d.settle(ctx); err != nil {
		found.broken = append(found.broken, err.Error())
	}
	violations, err := d.engine.store.CheckInvariants(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range violations {
		found.broken = append(found.broken, v.Invariant+": "+v.What)
	}
	return &found, d.compareBooks(ctx, &found)
}

var errNotQuiet = errors.New("payments are still under way long after the last payer has left")

// settle waits until no charge and no payout is under way.
func (d *demo) settle(ctx context.Context) error {
	deadline := time.NewTimer(quietWithin)
	defer deadline.Stop()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		c, err := d.engine.store.Counts(ctx)
		if err == nil && c.Payments[engine.ChargeIsInitiated]+c.Payments[engine.ChargeIsProcessing]+c.InFlight+c.Waiting == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errNotQuiet
		case <-ticker.C:
		}
	}
}

// compareBooks holds what we booked against what the gateway says it took and
// sent, reference by reference (E1).
func (d *demo) compareBooks(ctx context.Context, found *checked) error {
	captured, paid, err := d.engine.store.Captures(ctx)
	if err != nil {
		return err
	}
	books := d.gateway.Books()
	if !books.Balanced() {
		found.broken = append(found.broken, "the simulated gateway's own books do not balance")
	}
	theirs := map[string]money.Amount{}
	for _, p := range books.Payments {
		if p.Captured > 0 {
			theirs[p.Reference] = money.Amount(p.Captured / books.Subunits)
		}
	}
	found.differ("captured", captured, theirs)
	sent := map[string]money.Amount{}
	for _, t := range books.Transfers {
		if t.Sent > 0 && t.Status == "success" {
			sent[t.Reference] = money.Amount(t.Sent / books.Subunits)
		}
	}
	found.differ("paid out", paid, sent)
	return nil
}

// differ compares two books line by line.
func (c *checked) differ(what string, ours, theirs map[string]money.Amount) {
	for reference, amount := range theirs {
		c.references++
		if ours[reference] != amount {
			c.broken = append(c.broken, fmt.Sprintf("%s: the gateway has %d F %s, we have %d F", reference, amount, what, ours[reference]))
		}
	}
	for reference, amount := range ours {
		if _, known := theirs[reference]; !known {
			c.broken = append(c.broken, fmt.Sprintf("%s: we have %d F %s, the gateway nothing", reference, amount, what))
		}
	}
}
