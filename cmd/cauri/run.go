package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/actors"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/persistence"
)

// app is the engine put together: read start from top to bottom and you have
// seen every room and who is given to whom.
type app struct {
	given    Settings // as they were read
	settings Settings // complete
	policy   engine.Policy
	dsn      string
	log      *slog.Logger
	registry *prometheus.Registry

	*outside
	store     *persistence.Store
	committer *persistence.Committer // the store's door for whoever decides
	feed      *persistence.Feed
	keyring   *keyring
	access    access
	system    *actors.System
	edge      *http.Server
}

func newApp(settings Settings, policy engine.Policy, dsn string, log *slog.Logger) *app {
	return &app{given: settings, settings: settings, policy: policy, dsn: dsn, log: log, registry: telemetry.NewRegistry()}
}

// Two services have something to finish: with the second each may overrun before it
// is left behind they take 28 s of the 30 after which a container's keeper kills.
// The others are over at once, because whatever they ask, a gateway's silence
// included, is given up when they are told to stop.
const (
	edgeStopsWithin = 8 * time.Second // answers that are being written
	// A request to a gateway, and its commit. A payout of two slow ones may take longer:
	// it is cut off, and found again by its due row.
	actorsStopsWithin = 18 * time.Second
)

// start brings the engine up and adds it to what is running. What it began is
// stopped again when a later part can't start.
func (a *app) start(ctx context.Context, running *lifecycle.Group) error {
	a.tune()
	// 1. The schema, then the only door to it. What Decide is told of the gateways'
	// health comes with the door, so they are put together first; nobody calls yet.
	err := a.prepareDatabase(ctx)
	if err != nil {
		return err
	}
	if a.outside, err = a.openOutside(); err != nil {
		return err
	}
	if err := a.openStore(ctx, running); err != nil {
		return err
	}
	// 2. Who looks after the breakers: what people decided, and our own probes.
	if err := a.startWatchers(ctx, running); err != nil {
		return err
	}
	// 3. Order and time: the actors, their effects, the due clock.
	a.system, err = actors.New(actors.Config{
		Store: a.committer, Due: a.store, Inbox: a.store, Feed: a.feed, Gateways: a.outside.gateways,
		Health: a.outside.health, Committed: a.outside.heard,
		Clock: machineClock{}, Go: func(work func()) { go work() }, Policy: &a.policy,
		Shards: a.settings.Shards, LiveMax: a.settings.LiveActors, Log: a.log, Metrics: a.registry,
	})
	if err != nil {
		return err
	}
	actorsService := lifecycle.Service{Name: "actors", Start: a.system.Start, Stop: a.system.Stop, StopWithin: actorsStopsWithin}
	// 4. The edge: last up, first down.
	a.edge, err = a.newEdge(a.system, health{a.store, a.system})
	if err != nil {
		return err
	}
	if err := a.startReloader(ctx, running); err != nil {
		return err
	}
	return running.Start(ctx, actorsService,
		lifecycle.Service{Name: "http", Start: a.edge.Start, Stop: a.edge.Stop, StopWithin: edgeStopsWithin})
}

// prepareDatabase brings the schema up to date. A production's engine owns no table: there
// somebody else has done so before, and what the server is like is looked at.
func (a *app) prepareDatabase(ctx context.Context) error {
	if a.settings.Env != Production {
		if err := persistence.Migrate(ctx, a.dsn, a.log); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return nil
	}
	faults, err := persistence.Examine(ctx, a.dsn)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return Misconfigured(faults)
	}
	return persistence.CheckSchema(ctx, a.dsn)
}

// startReloader makes what a secrets file comes to say stand.
func (a *app) startReloader(ctx context.Context, running *lifecycle.Group) error {
	if a.settings.SecretsFile == "" {
		return nil
	}
	r, err := newReloader(a.given, a.settings, slices.Concat(a.outside.rekeys, a.access.rekeys()), a.log, a.registry)
	if err != nil {
		return err
	}
	r.tell("secrets read")
	return running.Start(ctx, r.service())
}

// tune sets what the process has one of. A webhook's garbage is short-lived and the
// live heap small: collecting half as often gave 5 % more webhooks a second for 7 % less
// CPU and 30 MB (docs/adr/0020: 100 against 200; 400 gave 2 % more, for 67 MB).
func (a *app) tune() {
	if a.settings.GCPercent > 0 { // a test's settings leave it as it is
		debug.SetGCPercent(a.settings.GCPercent)
	}
}

func (a *app) openStore(ctx context.Context, running *lifecycle.Group) error {
	sealing, err := a.settings.vault()
	if err != nil {
		return err
	}
	a.store, err = persistence.Open(ctx, persistence.Config{
		DSN: a.dsn, Policy: &a.policy, Vault: sealing, Fresh: freshID, Health: a.outside.health, Registry: a.registry, Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	closing := lifecycle.Service{Name: "database pool", Stop: func(context.Context) error { a.store.Close(); return nil }}
	a.feed = a.store.Feed()
	keeper := a.store.Keeper()
	a.keyring = newKeyring(a.store, a.log)
	if err := a.keyring.read(ctx); err != nil {
		return errors.Join(fmt.Errorf("read which API keys work: %w", err), closing.Stop(ctx))
	}
	if a.settings.Env == Production && a.settings.APIKey.IsZero() && !a.keyring.hasPlatform() {
		return errors.Join(Misconfigured{"no API key works: nobody could call. Make one with: cauri keys new"}, closing.Stop(ctx))
	}
	a.committer = persistence.NewCommitter(a.store, persistence.CommitterConfig{Workers: a.settings.CommitWorkers})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cauri_store_waiting", Help: "Commands that no round has taken yet. At its bound they are refused: 503.",
	}, func() float64 { return float64(a.committer.Waiting()) })
	if err := a.registry.Register(waiting); err != nil {
		return fmt.Errorf("register the committer's gauge: %w", err)
	}
	return running.Start(ctx, closing,
		lifecycle.Service{Name: "committer", Start: a.committer.Start, Stop: a.committer.Stop},
		lifecycle.Service{Name: "feed", Start: a.feed.Start, Stop: a.feed.Stop}, a.keyring.service(),
		lifecycle.Service{Name: "keeper", Start: keeper.Start, Stop: keeper.Stop})
}

func (a *app) startWatchers(ctx context.Context, running *lifecycle.Group) error {
	follower := &follower{store: a.store, breakers: a.outside.breakers, log: a.log}
	if err := follower.read(ctx); err != nil { // before the first call: what is forced open stays so over a restart
		return fmt.Errorf("read what people decided about breakers (table gateway_overrides; without it one they hold open would let "+
			"calls through, so nothing is started): %w", err)
	}
	if unseen := a.outside.unseen(); len(unseen) > 0 {
		a.log.Info("these operators' own outages can't be told from their payers' refusals: a gateway that serves them has no sign of one",
			"operators", strings.Join(unseen, ", "), "settings", "PAYSTACK_OPERATOR_FAILURE_TEXTS, FEDAPAY_OPERATOR_FAILURE_CODES")
	}
	probing := failover.NewProbing(a.outside.breakers, a.outside.probers)
	return running.Start(ctx, a.outside.news.service(), follower.service(),
		lifecycle.Service{Name: "probing", Start: probing.Start, Stop: probing.Stop}, a.outside.lookAround(a.log))
}

// newEdge is the HTTP server in front of whoever answers commands.
func (a *app) newEdge(asker http.Asker, ready http.Health) (*http.Server, error) {
	var err error
	if a.access, err = a.settings.access(); err != nil {
		return nil, err
	}
	a.warnOfProxies()
	return http.New(http.Config{
		Addr: a.settings.HTTPAddr, AdminAddr: a.settings.AdminAddr, Version: version, Policy: &a.policy,
		Keys: a.access.keys, Peppers: a.access.peppers, KeyMode: a.settings.keyMode(),
		TokenKeys: a.access.tokenKeys, TokenIssuer: a.settings.TokenIssuer, Platform: thePlatform,
		TrustedProxies: networks(a.settings.TrustedProxies), Rates: a.settings.rates(), QuotaKey: a.settings.quotaKey(),
		Log: a.log, Registry: a.registry,
	}, http.Ports{
		Asker: asker, Inbox: a.store, Reports: a.store, Wallets: a.store, Staff: a.store, Keys: a.keyring,
		Feed: a.feed, Answers: a.store, Quotas: a.store,
		Webhooks: a.outside.receivers, Health: ready,
		Outside: http.Outside{
			Health: a.outside.health, Breakers: a.outside.shown, OperatorDownFor: a.outside.operators.BadFor(),
		},
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
