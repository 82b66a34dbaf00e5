package main

import (
	"context"
	"fmt"

	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/fedapay"
	"github.com/bookmi/cauri/sandbox/paystack"
)

type sandboxCommand struct {
	PaystackAddr string        `name:"paystack-addr" default:"127.0.0.1:8090" help:"Where the simulated Paystack listens, its real paths at the root."`
	SecretKey    secret.Secret `name:"secret-key" env:"CAURI_SANDBOX_SECRET_KEY" placeholder:"KEY" help:"The merchant's API secret key at Paystack; its prefix chooses test or live. Absent: the development key."`
	WebhookURL   string        `name:"webhook-url" default:"http://127.0.0.1:8080/webhooks/paystack" help:"Where Paystack's events are sent."`
	Books        string        `placeholder:"FILE" help:"Keep Paystack's books in a file that survives a crash. Absent: in memory."`

	FedaPayAddr          string        `name:"fedapay-addr" default:"127.0.0.1:8091" help:"Where the simulated FedaPay listens, its real paths at the root."`
	FedaPaySecretKey     secret.Secret `name:"fedapay-key" env:"CAURI_SANDBOX_FEDAPAY_KEY" placeholder:"KEY" help:"The merchant's secret key at FedaPay; its prefix chooses sandbox or live. Absent: the development key."`
	FedaPayWebhookSecret secret.Secret `name:"fedapay-webhook-secret" env:"CAURI_SANDBOX_FEDAPAY_WEBHOOK_SECRET" placeholder:"SECRET" help:"What FedaPay's events are signed with. Absent: the development one."`
	FedaPayWebhookURL    string        `name:"fedapay-webhook-url" default:"http://127.0.0.1:8080/webhooks/fedapay" help:"Where FedaPay's events are sent."`
	FedaPayBooks         string        `name:"fedapay-books" placeholder:"FILE" help:"As --books, FedaPay's."`
	KeepEnabled          bool          `name:"keep-enabled" help:"Switch FedaPay's disable_on_error off: its endpoint stays enabled whatever it answers. On is how FedaPay makes one."`

	Speed int    `default:"1" help:"Divides the webhook schedules and the operators' timings. 60 makes minutes seconds."`
	Seed  uint64 `default:"1" help:"Makes ids, codes and fault dice repeatable."`
	Float int64  `default:"0" help:"Starting balances, in francs."`
}

// simulated is a simulated gateway, ready to be started.
type simulated struct {
	flag, addr string
	service    lifecycle.Service
	listen     func(string) (string, error)
	says       []string // for whoever points a client at it
}

// Run serves the simulated gateways until it is told to stop.
func (c sandboxCommand) Run(ctx context.Context, to streams) error {
	var running lifecycle.Group
	for _, s := range []simulated{c.paystack(), c.fedapay()} {
		if err := running.Start(ctx, s.service); err != nil {
			return err
		}
		base, err := s.listen(s.addr)
		if err != nil {
			_ = running.Stop(context.WithoutCancel(ctx)) // the port is what went wrong
			return fmt.Errorf("%w\n  choose another with %s", err, s.flag)
		}
		to.printf("%s: %s\n", s.service.Name, base)
		for _, line := range s.says {
			to.printf("  %s\n", line)
		}
		to.printf("  faults   POST %s/sandbox/faults\n  books    GET  %s/sandbox/books\n", base, base)
	}
	to.printf("The right code is %s; the last four digits of a phone choose what happens:\n", sandbox.OTP)
	for _, n := range sandbox.Numbers {
		to.printf("    …%s  %s\n", n.Ending, n.Says)
	}
	to.printf("Ctrl-C stops them.\n")
	<-ctx.Done()
	return running.Stop(context.WithoutCancel(ctx))
}

func (c sandboxCommand) paystack() simulated {
	key, keyLine := given(c.SecretKey, developmentPaystackKey, "key     ")
	const subunits = 100 // Paystack's own unit: the sandbox keeps its books in it
	server := paystack.New(paystack.Config{
		SecretKeys: []string{key}, WebhookURL: c.WebhookURL, Speed: c.Speed, Seed: c.Seed,
		Float: c.Float * subunits, BooksPath: c.Books,
	})
	return simulated{
		flag: "--paystack-addr", addr: c.PaystackAddr, listen: server.Listen,
		service: lifecycle.Service{Name: "Simulated Paystack", Start: server.Start, Stop: server.Stop},
		says:    append(keyLine, "events   "+c.WebhookURL),
	}
}

func (c sandboxCommand) fedapay() simulated {
	key, keyLine := given(c.FedaPaySecretKey, developmentFedaPayKey, "key     ")
	webhook, webhookLine := given(c.FedaPayWebhookSecret, developmentFedaPayWebhook, "webhooks")
	server := fedapay.New(fedapay.Config{
		SecretKeys: []string{key}, WebhookSecrets: []string{webhook}, WebhookURL: c.FedaPayWebhookURL, KeepEnabled: c.KeepEnabled,
		Speed: c.Speed, Seed: c.Seed, Float: c.Float, BooksPath: c.FedaPayBooks,
		// An account that has what the engine's route table asks for by default.
		Direct: map[string][]string{"sandbox": {"mtn_ci", "momo_test"}}, Hosted: []string{"moov_ci", "mtn_ci", "stripe_gw"},
	})
	return simulated{
		flag: "--fedapay-addr", addr: c.FedaPayAddr, listen: server.Listen,
		service: lifecycle.Service{Name: "Simulated FedaPay", Start: server.Start, Stop: server.Stop},
		says:    append(append(keyLine, webhookLine...), "events   "+c.FedaPayWebhookURL),
	}
}

// given is a secret, or the development one and a line that shows it: only what
// everybody knows is ever printed.
func given(set secret.Secret, development, what string) (value string, line []string) {
	if set.IsZero() {
		return development, []string{what + " " + development + " (the development one)"}
	}
	return set.Reveal(), nil
}
