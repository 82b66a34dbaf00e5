package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/actors"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/persistence"
)

// app is the engine put together: read start from top to bottom and you have
// seen every room and who is given to whom.
type app struct {
	settings Settings
	policy   engine.Policy
	dsn      string
	log      *slog.Logger
	registry *prometheus.Registry

	store  *persistence.Store
	feed   *persistence.Feed
	system *actors.System
	edge   *http.Server
}

func newApp(settings Settings, policy engine.Policy, dsn string, log *slog.Logger) *app {
	return &app{settings: settings, policy: policy, dsn: dsn, log: log, registry: telemetry.NewRegistry()}
}

// Each service has this long to stop; together they stay under the 30 s after
// which a container's keeper kills.
const (
	edgeStopsWithin   = 8 * time.Second  // answers that are being written
	actorsStopsWithin = 18 * time.Second // the longest gateway call, and its commit
)

// start brings the engine up and adds it to what is running. What it began is
// stopped again when a later part can't start.
func (a *app) start(ctx context.Context, running *lifecycle.Group) error {
	// 1. The schema, then the only door to it.
	if err := persistence.Migrate(ctx, a.dsn, a.log); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := a.openStore(ctx, running); err != nil {
		return err
	}
	// 2. The gateways: a client that asks, and an ear for what they tell.
	client, webhooks, err := a.paystack()
	if err != nil {
		return err
	}
	// 3. Order and time: the actors, their effects, the due clock.
	a.system, err = actors.New(actors.Config{
		Store: a.store, Due: a.store, Inbox: a.store, Feed: a.feed,
		Gateways: actors.Gateways{engine.Paystack: {
			Collector: client, OTPSubmitter: client, Disburser: client, Inquirer: client, Webhooks: webhooks,
		}},
		Clock: machineClock{}, Go: func(work func()) { go work() }, Policy: &a.policy,
		Shards: a.settings.Shards, LiveMax: a.settings.LiveActors, Log: a.log, Metrics: a.registry,
	})
	if err != nil {
		return err
	}
	actorsService := lifecycle.Service{Name: "actors", Start: a.system.Start, Stop: a.system.Stop, StopWithin: actorsStopsWithin}
	// 4. The edge: last up, first down.
	a.edge, err = a.newEdge(webhooks)
	if err != nil {
		return err
	}
	return running.Start(ctx, actorsService,
		lifecycle.Service{Name: "http", Start: a.edge.Start, Stop: a.edge.Stop, StopWithin: edgeStopsWithin})
}

func (a *app) openStore(ctx context.Context, running *lifecycle.Group) error {
	var err error
	a.store, err = persistence.Open(ctx, persistence.Config{
		DSN: a.dsn, Policy: &a.policy, Fresh: freshID, Registry: a.registry, Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	closing := lifecycle.Service{Name: "database pool", Stop: func(context.Context) error { a.store.Close(); return nil }}
	a.feed = a.store.Feed()
	keeper := a.store.Keeper()
	return running.Start(ctx, closing,
		lifecycle.Service{Name: "feed", Start: a.feed.Start, Stop: a.feed.Stop},
		lifecycle.Service{Name: "keeper", Start: keeper.Start, Stop: keeper.Stop})
}

func (a *app) paystack() (*paystack.Client, *paystack.Webhooks, error) {
	observer := newGatewayMetrics(a.registry, a.log).observer(engine.Paystack)
	client, err := paystack.New(paystack.Config{
		Key: a.settings.PaystackSecretKey, BaseURL: a.settings.PaystackBaseURL,
		PhoneFormat: paystack.PhoneFormat(a.settings.PaystackPhoneFormat), Timeout: a.policy.CallTimeout,
		EmailDomain: a.settings.PayerEmailDomain, Observer: observer,
	})
	if err != nil {
		return nil, nil, err
	}
	secrets := []paystack.Secret{{ID: "current", Value: a.settings.PaystackSecretKey}}
	for i, previous := range a.settings.PaystackPreviousKeys {
		secrets = append(secrets, paystack.Secret{ID: fmt.Sprintf("previous-%d", i+1), Value: previous})
	}
	webhooks, err := paystack.NewWebhooks(paystack.WebhooksConfig{Secrets: secrets, Observer: observer})
	return client, webhooks, err
}

func (a *app) newEdge(webhooks *paystack.Webhooks) (*http.Server, error) {
	key, err := http.NewKey("platform", "platform", a.settings.APIKey.Reveal())
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(a.settings.HTTPAddr)
	if err != nil {
		return nil, fmt.Errorf("CAURI_HTTP_ADDR: %w", err)
	}
	return http.New(http.Config{
		Addr: a.settings.HTTPAddr, AdminAddr: a.settings.AdminAddr, Version: version, Keys: []http.Key{key}, Policy: &a.policy,
		// Whoever reaches a loopback address is a proxy or a tool on this machine.
		Proxied: a.settings.Proxied || isLoopback(host), Log: a.log, Registry: a.registry,
	}, http.Ports{
		Asker: a.system, Inbox: a.store, Reports: a.store, Wallets: a.store, Feed: a.feed, Answers: a.store,
		Webhooks: map[engine.Gateway]http.Receiver{
			engine.Paystack: {Webhooks: webhooks, Header: paystack.SignatureHeader},
		},
		Health: health{a.store, a.system},
	})
}

// url is where the API listens.
func (a *app) url() string { return "http://" + a.edge.Addr() }

// adminURL is where health and metrics listen.
func (a *app) adminURL() string { return "http://" + a.edge.AdminAddr() }

// freshID makes a UUIDv7 at the edge of the program.
func freshID() engine.ID { return engine.ID(uuid.Must(uuid.NewV7())) }

// machineClock is this machine's time.
type machineClock struct{}

// Now is the present, with the monotonic reading that a set-back clock can't fool.
func (machineClock) Now() time.Time { return time.Now() }

// AfterFunc calls f when d has passed.
func (machineClock) AfterFunc(d time.Duration, f func()) actors.Timer { return time.AfterFunc(d, f) }

// health is what readiness asks of the rooms.
type health struct {
	store  *persistence.Store
	system *actors.System
}

// Ready says why not: the database does not answer, a loop is dead.
func (h health) Ready(ctx context.Context) error {
	return errors.Join(h.store.Ping(ctx), h.system.Health())
}

// Backlog tells how long the oldest work has been waiting (DT-407).
func (h health) Backlog(ctx context.Context) (http.Backlog, error) {
	inbox, err := h.store.InboxAge(ctx)
	if err != nil {
		return http.Backlog{}, err
	}
	due, err := h.store.DueAge(ctx)
	return http.Backlog{InboxWaiting: inbox, Due: due}, err
}
