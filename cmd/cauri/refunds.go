package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

type refundsCommand struct {
	JSON bool `help:"For machines."`
}

// refundsListed bounds the list: what people can do in a day.
const refundsListed = 500

// Run lists what payers are owed and only people can give back, the longest owed
// first.
func (c refundsCommand) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		waiting, err := store.RefundsWaiting(ctx, refundsListed)
		if err != nil {
			return err
		}
		if c.JSON {
			if waiting == nil {
				waiting = []persistence.RefundWaiting{}
			}
			return to.printJSON(waiting)
		}
		printRefunds(to, waiting, time.Now())
		return nil
	})
}

func printRefunds(to streams, waiting []persistence.RefundWaiting, now time.Time) {
	if len(waiting) == 0 {
		to.printf("no refund waits for people\n")
		return
	}
	table := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(table, format, args...) } // as printf
	line("PAYMENT\tAMOUNT\tSTATUS\tGATEWAY\tCHARGE\tAT THE GATEWAY\tSINCE\tWHY\n")
	byHand := 0
	for _, r := range waiting {
		line("%s\t%s\t%s\t%s\t%s\t%s\t%s (%s)\t%s %s\n", r.Payment, francs(r.Amount), r.Status, r.Gateway, r.Charge, r.ChargeAtGateway,
			r.OwedAt.Format(time.RFC3339), now.Sub(r.OwedAt).Round(time.Minute), r.Code, r.Said)
		if r.Status == engine.RefundIsManual {
			byHand++
		}
	}
	_ = table.Flush()
	to.printf("%d to be given back by hand (manual); once the gateway shows them, the engine books them by itself\n", byHand)
	if others := len(waiting) - byHand; others > 0 {
		to.printf("%d to be looked at, and not to be given back: the gateway has them or wants something\n", others)
	}
	if len(waiting) == refundsListed {
		to.printf("the list ends at %d: there may be more\n", refundsListed)
	}
}
