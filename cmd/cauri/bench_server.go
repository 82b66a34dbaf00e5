package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/bookmi/cauri/cmd/cauri/internal/bench"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/telemetry"
)

// benchServerCommand is one design's server, as the benchmark starts it: the same
// edge for all, and behind it the engine, or what takes its place.
type benchServerCommand struct {
	Design   bench.Design  `required:"" help:"What stands behind the edge."`
	Initiate int           `help:"Begin payments with so many at once, instead of serving."`
	From     int           `help:"Number of the first payment that is begun."`
	For      time.Duration `help:"How long."`
	Profile  string        `help:"Where to write a CPU profile."`
}

// Run serves until standard input ends.
func (c benchServerCommand) Run(ctx context.Context, settings *Settings, to streams) (err error) {
	given := *settings
	given.forBench()
	log := telemetry.NewLogger(to.err, settings.LogFormat, max(settings.LogLevel, slog.LevelWarn))
	policy := benchPolicy(given.policy())
	a := newApp(given, policy, given.DatabaseURL, log)
	var running lifecycle.Group
	defer func() { err = errors.Join(err, running.Stop(context.WithoutCancel(ctx))) }()
	rival, err := c.start(ctx, a, &running)
	if err != nil {
		return err
	}
	if c.Profile != "" {
		stop, err := profile(c.Profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	lines := json.NewEncoder(to.out)
	if err := lines.Encode(bench.Listening{API: a.edge.Addr()}); err != nil {
		return err
	}
	if c.Initiate > 0 {
		ended, err := c.initiate(ctx, a)
		if err != nil {
			return err
		}
		if err := lines.Encode(ended); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // it ends when our parent does
		return err
	}
	ended, err := a.sharedCommits()
	if rival != nil {
		rounds, asks := rival.Shared()
		ended = bench.Ended{Rounds: uint64(rounds), Asks: float64(asks)} //nolint:gosec // counts
	}
	return errors.Join(err, lines.Encode(ended))
}

// profile writes what takes CPU, and beside it, in a file that ends in .allocs, what
// was allocated.
func profile(name string) (stop func() error, err error) {
	cpu, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		allocs, err := os.Create(name + ".allocs")
		if err != nil {
			return errors.Join(err, cpu.Close())
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(allocs, 0), allocs.Close(), cpu.Close())
	}, nil
}

// start brings up the engine, or its edge with a rival behind it.
func (c benchServerCommand) start(ctx context.Context, a *app, running *lifecycle.Group) (bench.Rival, error) {
	if c.Design == bench.Ours {
		return nil, a.start(ctx, running)
	}
	a.tune()
	var err error
	if a.outside, err = a.openOutside(); err != nil {
		return nil, err
	}
	if err := a.openStore(ctx, running); err != nil {
		return nil, err
	}
	rival := bench.Rival(alone{a})
	if c.Design != bench.Alone {
		if rival, err = bench.OpenRival(ctx, c.Design, a.dsn, bench.Terms{Policy: &a.policy}); err != nil {
			return nil, err
		}
	}
	if a.edge, err = a.newEdge(&complaining{Asker: rival, log: a.log}, unbothered{}); err != nil {
		return nil, err
	}
	return rival, running.Start(ctx, lifecycle.Service{Name: "rival", Stop: func(context.Context) error { rival.Close(); return nil }},
		lifecycle.Service{Name: "http", Start: a.edge.Start, Stop: a.edge.Stop, StopWithin: edgeStopsWithin})
}

// initiate begins payments, and answers for their gateway at once: two commits each.
// Ours goes to the committer, Alone to the store; neither through HTTP or actors, whose
// part of it the webhooks' cells show.
func (c benchServerCommand) initiate(ctx context.Context, a *app) (bench.Ended, error) {
	apply := a.committer.Apply
	if c.Design == bench.Alone {
		apply = a.store.Apply
	}
	return bench.Begin(ctx, apply, c.From, c.Initiate, c.For)
}

// sharedCommits reads how many rounds the committer has made, and of how much.
func (a *app) sharedCommits() (ended bench.Ended, err error) {
	families, err := a.registry.Gather()
	for _, family := range families {
		if family.GetName() == "cauri_store_round_asks" {
			h := family.GetMetric()[0].GetHistogram()
			ended.Rounds, ended.Asks = h.GetSampleCount(), h.GetSampleSum()
		}
	}
	return ended, err
}

// alone is the store without the committer and the actors: each command by itself.
type alone struct{ *app }

func (a alone) Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	return a.store.Apply(ctx, ask)
}
func (alone) Shared() (rounds, asks int) { return 0, 0 }
func (alone) Close()                     {}

// complaining says once why a rival fails: its callers are only told to come again.
type complaining struct {
	http.Asker
	log  *slog.Logger
	once sync.Once
}

func (c *complaining) Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	applied, err := c.Asker.Ask(ctx, ask)
	if err != nil && !errors.Is(err, engine.Overloaded) { // who is told to come again is counted
		c.once.Do(func() { c.log.Error("a rival failed", "error", err) })
	}
	return applied, err
}

// unbothered is the readiness of a server that nobody asks.
type unbothered struct{}

func (unbothered) Ready(context.Context) error                   { return nil }
func (unbothered) Backlog(context.Context) (http.Backlog, error) { return http.Backlog{}, nil }
