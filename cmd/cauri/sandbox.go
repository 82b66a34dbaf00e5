package main

import (
	"context"
	"fmt"

	"github.com/bookmi/cauri/gateways/secret"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/paystack"
)

type sandboxCommand struct {
	PaystackAddr string        `name:"paystack-addr" default:"127.0.0.1:8090" help:"Where the simulated Paystack listens, its real paths at the root."`
	SecretKey    secret.Secret `name:"secret-key" env:"CAURI_SANDBOX_SECRET_KEY" placeholder:"KEY" help:"The merchant's API secret key; its prefix chooses test or live. Absent: the development key."`
	WebhookURL   string        `name:"webhook-url" default:"http://127.0.0.1:8080/webhooks/paystack" help:"Where events are sent."`
	Speed        int           `default:"1" help:"Divides the webhook schedule and the operators' timings. 60 makes minutes seconds."`
	Seed         uint64        `default:"1" help:"Makes ids, codes and fault dice repeatable."`
	Float        int64         `default:"0" help:"Starting balance, in francs."`
	Books        string        `placeholder:"FILE" help:"Keep the books in a file that survives a crash. Absent: in memory."`
}

// Run serves the simulated gateways until it is told to stop.
func (c sandboxCommand) Run(ctx context.Context, to streams) error {
	key := c.SecretKey.Reveal()
	if key == "" {
		key = developmentPaystackKey
	}
	const subunits = 100 // Paystack's own unit: the sandbox keeps its books in it
	server := paystack.New(paystack.Config{
		SecretKeys: []string{key}, WebhookURL: c.WebhookURL, Speed: c.Speed, Seed: c.Seed,
		Float: c.Float * subunits, BooksPath: c.Books,
	})
	var running lifecycle.Group
	if err := running.Start(ctx, lifecycle.Service{Name: "simulated Paystack", Start: server.Start, Stop: server.Stop}); err != nil {
		return err
	}
	base, err := server.Listen(c.PaystackAddr)
	if err != nil {
		return fmt.Errorf("%w\n  choose another with --paystack-addr", err)
	}
	to.printf("Simulated Paystack: %s\n", base)
	if c.SecretKey.IsZero() {
		to.printf("  key      %s (the development key)\n", key)
	}
	to.printf("  events   %s\n", c.WebhookURL)
	to.printf("  faults   POST %s/sandbox/faults\n  books    GET  %s/sandbox/books\n", base, base)
	to.printf("  the right code is %s; the last four digits of a phone choose what happens:\n", sandbox.OTP)
	for _, n := range sandbox.Numbers {
		to.printf("    …%s  %s\n", n.Ending, n.Says)
	}
	to.printf("Ctrl-C stops it.\n")
	<-ctx.Done()
	return running.Stop(context.WithoutCancel(ctx))
}
