package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/persistence"
)

// rounds is work that comes again and again until it is stopped.
type rounds struct {
	every time.Duration
	work  func(context.Context)
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// Start does the work now, beside whoever starts it, and then again.
func (r *rounds) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background()) // Stop's to end, not the starter's
	r.stop = cancel
	r.done.Go(func() {
		pace := time.NewTicker(r.every)
		defer pace.Stop()
		for {
			r.work(ctx)
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
			}
		}
	})
	return nil
}

// Stop ends it and waits for the round under way.
func (r *rounds) Stop(context.Context) error {
	r.stop()
	r.done.Wait()
	return nil
}

// overridesEvery is how soon a person's decision stands on every node. A read is
// one index scan of a handful of rows.
const overridesEvery = 2 * time.Second

// follower makes what people decided about breakers stand in this process.
type follower struct {
	store    *persistence.Store
	breakers *failover.Breakers
	log      *slog.Logger
	failing  bool // so that an outage of the database is one line, not one every two seconds
}

// service looks again and again; the first look is startWatchers' own.
func (f *follower) service() lifecycle.Service {
	rounds := &rounds{every: overridesEvery, work: f.look}
	return lifecycle.Service{Name: "overrides", Start: rounds.Start, Stop: rounds.Stop}
}

// look reads them once more. When they can't be read what stood goes on standing,
// until its own time is over.
func (f *follower) look(ctx context.Context) {
	err := f.read(ctx)
	if err != nil && !f.failing && ctx.Err() == nil {
		f.log.Warn("what people decided about breakers can't be read: what stood goes on standing", "error", err)
	}
	f.failing = err != nil
}

// read makes what people have decided stand, and nothing else.
func (f *follower) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, overridesEvery)
	defer cancel()
	rows, err := f.store.Overrides(ctx)
	if err != nil {
		return err
	}
	standing := make([]failover.NamedOverride, 0, len(rows))
	for _, o := range rows {
		standing = append(standing, failover.NamedOverride{
			Gateway: o.Gateway, Class: failover.Class(o.Class),
			Override: failover.Override{State: failover.State(o.State), Who: o.Who, Why: o.Why, At: o.At, Until: o.Until},
		})
	}
	if err := f.breakers.Apply(standing); err != nil {
		f.log.Error("a decision about a breaker makes no sense and is skipped", "error", err)
	}
	return nil
}

// look is something to ask a gateway now and then that no payment waits for.
type look struct {
	warning string // what each fault is a case of
	gauge   *prometheus.GaugeVec
	faults  func(ctx context.Context) ([]string, error)
}

// offerer compares what a gateway's account offers with the routes that are on.
type offerer interface {
	Offers(ctx context.Context, routes engine.Routes) (missing []string, err error)
}

func (o *outside) offers(of offerer) look {
	return look{
		warning: "a route is on that the gateway does not offer",
		gauge:   o.metrics.missing,
		faults:  func(ctx context.Context) ([]string, error) { return of.Offers(ctx, o.routes) },
	}
}

const (
	looksEvery = time.Hour // accounts change by a person's hand
	lookWithin = 20 * time.Second
)

// lookAround is a service that asks each gateway once an hour.
func (o *outside) lookAround(log *slog.Logger) lifecycle.Service {
	rounds := &rounds{every: looksEvery, work: func(ctx context.Context) {
		for _, gateway := range slices.Sorted(maps.Keys(o.looks)) {
			for _, l := range o.looks[gateway] {
				o.take(ctx, log, gateway, l)
			}
		}
	}}
	return lifecycle.Service{Name: "looks", Start: rounds.Start, Stop: rounds.Stop}
}

// take takes one look. A gateway that asked for a pause is left alone until the
// next hour, and so is one that can't be asked: what was last known stays shown.
func (o *outside) take(ctx context.Context, log *slog.Logger, gateway engine.Gateway, l look) {
	within, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var faults []string
	err := o.breakers.Beside(within, gateway, func(ctx context.Context) (err error) {
		faults, err = l.faults(ctx)
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil: // stopping
	case err != nil:
		log.Info("a gateway can't be asked how our account is set up", "gateway", gateway, "error", err)
	default:
		l.gauge.WithLabelValues(string(gateway)).Set(float64(len(faults)))
		for _, fault := range faults {
			log.Warn(l.warning, "gateway", gateway, "fault", fault)
		}
	}
}

// newsMax is how much may be waiting to be written: every breaker of two gateways
// changing eight times while the log does not take a line.
const newsMax = 64

// news writes to the log what is told where nobody may wait. What finds it full is
// dropped: metrics count all the same.
type news struct {
	lines chan func()
	log   *slog.Logger
	quit  chan struct{}
	done  sync.WaitGroup
}

func newNews(log *slog.Logger) *news {
	return &news{lines: make(chan func(), newsMax), log: log, quit: make(chan struct{})}
}

// tell hands a line over and never waits.
func (n *news) tell(level slog.Level, message string, facts ...any) {
	select {
	case n.lines <- func() { n.log.Log(context.Background(), level, message, facts...) }:
	default:
	}
}

func (n *news) service() lifecycle.Service {
	return lifecycle.Service{
		Name: "news",
		Start: func(context.Context) error {
			n.done.Go(func() {
				for {
					select {
					case write := <-n.lines:
						write()
					case <-n.quit:
						return
					}
				}
			})
			return nil
		},
		Stop: func(context.Context) error { close(n.quit); n.done.Wait(); return nil },
	}
}
