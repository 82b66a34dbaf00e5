package main

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

type webhookShow struct {
	Identity string `arg:"" help:"Which one, as list shows it."`
	onMachine
}

// shownDelivery is one version of a notification, opened.
type shownDelivery struct {
	ReceivedAt time.Time `json:"received_at"`
	Body       string    `json:"body"`
}

// Run opens what is sealed, for a person whose name and reason are kept.
func (c webhookShow) Run(ctx context.Context, settings *Settings, to streams) error {
	act, err := c.act(settings, engine.ActReveal)
	if err != nil {
		return err
	}
	if c.DryRun {
		return to.rehearsed(c.JSON, "show the bytes of "+c.Identity)
	}
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		deliveries, err := store.Evidence(ctx, engine.Identity(c.Identity), act)
		if err != nil {
			return err
		}
		shown := make([]shownDelivery, len(deliveries))
		for i, d := range deliveries {
			shown[i] = shownDelivery{d.ReceivedAt, string(d.Body)}
		}
		if c.JSON {
			return to.printJSON(shown)
		}
		for _, d := range shown {
			to.printf("%s\n%s\n", d.ReceivedAt.Format(time.RFC3339), d.Body)
		}
		return nil
	})
}
