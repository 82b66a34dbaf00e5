package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox/fedapay"
	"github.com/bookmi/cauri/sandbox/paystack"
)

// The demo's two doors, simulated, and the settings that lead to them. Nothing
// real is touched: the keys are the demo's own.

// demoMode is the only mode that FedaPay's own sandbox charges without a page.
const demoMode = "momo_test"

// demoModes are what the simulated FedaPay's page offers. An account that shows
// them all lets every operator move there when Paystack is dark.
var demoModes = []string{demoMode, "orange_ci", "wave_ci", "moov_ci", "stripe_gw"}

// setUp gives the demo keys, routes and free addresses of its own.
func (c demoCommand) setUp(settings *Settings) {
	settings.PaystackSecretKey = secret.New(developmentPaystackKey)
	settings.PaystackPreviousKeys = nil
	settings.PaystackOperatorFailureTexts = []string{"operator is currently unavailable"} // the simulated one's words
	settings.FedaPaySecretKey = secret.New(developmentFedaPayKey)
	settings.FedaPayWebhookSecrets = []secret.Secret{secret.New(developmentFedaPayWebhook)}
	settings.FedaPayDirectModes = map[phone.Operator]string{phone.MTN: demoMode}
	settings.RoutesOn, settings.RoutesOff = []string{"fedapay.orange.hosted", "fedapay.wave.hosted"}, nil
	settings.BreakerOpenFor = demoBreakerOpenFor
	settings.unlimited()    // its payers are few phones, paying all the time
	settings.assumeAccess() // peppers too: keys that cauri keys makes work here
	settings.assumeData()
	settings.HTTPAddr = freeAddr(settings.HTTPAddr, "")
	settings.AdminAddr = freeAddr(settings.AdminAddr, settings.HTTPAddr)
}

// books are the files in which the simulated gateways keep theirs.
func (d *demo) books(dataDir string) (paystackBooks, fedapayBooks string) {
	return filepath.Join(dataDir, "paystack.books.jsonl"), filepath.Join(dataDir, "fedapay.books.jsonl")
}

// startGateways opens both on ports of their own. Their books survive the demo,
// because the engine's do.
func (d *demo) startGateways(ctx context.Context, seed uint64, window time.Duration, settings *Settings) error {
	paystackBooks, fedapayBooks := d.books(settings.DataDir)
	if d.database.private == nil {
		paystackBooks, fedapayBooks = "", "" // somebody else's database: leave nothing beside it
	}
	const francs = 100 // subunits
	d.first = paystack.New(paystack.Config{
		SecretKeys: []string{settings.PaystackSecretKey.Reveal()}, Seed: seed, BooksPath: paystackBooks, Float: 10_000_000 * francs,
		Timings: paystack.Timings{
			Approve: 1200 * time.Millisecond, TransferSent: 800 * time.Millisecond, Window: window, RefundStep: 700 * time.Millisecond,
		},
	})
	d.second = fedapay.New(fedapay.Config{
		SecretKeys: []string{settings.FedaPaySecretKey.Reveal()}, WebhookSecrets: []string{developmentFedaPayWebhook}, Seed: seed,
		BooksPath: fedapayBooks, KeepEnabled: true, Hosted: demoModes,
		Timings: fedapay.Timings{Approve: 1200 * time.Millisecond, Window: window},
	})
	if err := d.running.Start(ctx,
		lifecycle.Service{Name: "simulated Paystack", Start: d.first.Start, Stop: d.first.Stop},
		lifecycle.Service{Name: "simulated FedaPay", Start: d.second.Start, Stop: d.second.Stop}); err != nil {
		return err
	}
	var errs [2]error
	settings.PaystackBaseURL, errs[0] = d.first.Listen("127.0.0.1:0")
	settings.FedaPayBaseURL, errs[1] = d.second.Listen("127.0.0.1:0")
	return errors.Join(errs[:]...)
}

// How long a payer of the demo has: one who types at a terminal has to copy an id first,
// and a demo that stops by itself waits for nobody.
const (
	demoWindowMin = 8 * time.Second
	demoWindowMax = 2 * time.Minute
)

// window is how long this demo's payers have.
func (c demoCommand) window() time.Duration {
	if c.For == 0 {
		return demoWindowMax
	}
	return min(max(c.For/4, demoWindowMin), demoWindowMax)
}

// demoBreakerOpenFor lets a breaker come back while somebody is watching.
const demoBreakerOpenFor = 4 * time.Second

// demoPolicy makes the demo's payers and gateways as impatient as its audience.
func demoPolicy(p engine.Policy, window time.Duration) engine.Policy {
	p.PromptWindow, p.HostedWindow = window, window
	const s = time.Second
	soon := engine.Schedule{
		At:   []time.Duration{3 * s, 6 * s, 9 * s, 12 * s, 15 * s, 20 * s, 25 * s, 30 * s},
		Then: []engine.Pace{{Every: 5 * s, Until: 10 * time.Minute}, {Every: time.Hour, Until: 24 * time.Hour}}, Never: 24 * time.Hour,
	}
	p.LiveAttempt = soon
	p.LiveAttempts = map[engine.Door]engine.Schedule{{Gateway: engine.FedaPay, Flow: engine.Hosted}: soon}
	p.PendingMax = 10 * s // a page nobody pays on is left, and listened to
	p.QuarantineFor, p.QuarantineReads = 6*s, 2
	p.OfferAgain, p.OfferFor = 3*s, 30*s
	p.OpenTry.At = []time.Duration{5 * s, 10 * s, 20 * s, 40 * s}
	p.OpenRefund.At = []time.Duration{2 * s, 4 * s, 8 * s, 15 * s, 30 * s}
	p.RefundRetry.At = []time.Duration{3 * s, 6 * s, 12 * s, 24 * s}
	return p
}
