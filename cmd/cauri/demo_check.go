package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/sandbox"
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

// settle waits until no charge, no payout and no refund is under way, and nobody
// is owed anything.
func (d *demo) settle(ctx context.Context) error {
	deadline := time.NewTimer(quietWithin)
	defer deadline.Stop()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		c, err := d.engine.store.Counts(ctx)
		open := c.Payments[engine.ChargeIsInitiated] + c.Payments[engine.ChargeIsProcessing]
		if err == nil && open+c.InFlight+c.Waiting+c.InDoubt+int64(c.Owed) == 0 {
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

// compareBooks holds what we booked against what the gateways say they took, gave
// back and sent, reference by reference (E1).
func (d *demo) compareBooks(ctx context.Context, found *checked) error {
	ours, err := d.engine.store.Books(ctx)
	if err != nil {
		return err
	}
	captured, refunded, sent := map[string]money.Amount{}, map[string]money.Amount{}, map[string]money.Amount{}
	for _, books := range d.gatewayBooks() {
		if !books.Balanced() {
			found.broken = append(found.broken, "the books of the simulated "+books.Gateway+" do not balance")
		}
		for _, p := range books.Payments {
			took := p.Captured
			if took > 0 && books.Gateway == string(engine.FedaPay) {
				took = p.Asked // the payer was debited its fees on top, which are not ours
			}
			if took > 0 {
				captured[p.Reference] = money.Amount(took / books.Subunits)
			}
			if p.Refunded > 0 {
				refunded[p.Reference] = money.Amount(p.Refunded / books.Subunits)
			}
		}
		for _, t := range books.Transfers {
			if t.Sent > 0 && t.Status == "success" {
				sent[t.Reference] = money.Amount(t.Sent / books.Subunits)
			}
		}
	}
	found.differ("captured", ours.Captured, captured)
	found.differ("refunded", ours.Refunded, refunded)
	found.differ("paid out", ours.PaidOut, sent)
	return nil
}

// gatewayBooks are the books of the gateways there are.
func (d *demo) gatewayBooks() []sandbox.Books {
	books := []sandbox.Books{d.first.Books()}
	if d.second != nil {
		books = append(books, d.second.Books())
	}
	return books
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
