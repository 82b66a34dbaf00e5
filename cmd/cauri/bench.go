package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/bookmi/cauri/cmd/cauri/internal/bench"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/telemetry"
)

// benchApp names the benchmark's own directory and databases.
const benchApp = "cauri-bench"

type benchCommand struct {
	Quick    bool          `help:"Every ratio, in under four minutes. Without it: more rounds and more questions, in about half an hour."`
	JSON     bool          `help:"The report as JSON on standard output. Progress goes to standard error."`
	Only     []string      `placeholder:"CELL" help:"Only these questions, such as unique-256."`
	For      time.Duration `placeholder:"4s" help:"Load for each design in each round."`
	HTML     string        `name:"html" placeholder:"FILE" help:"Write the report as one page with plots that needs nothing else."`
	Profiles string        `placeholder:"DIR" help:"Write a CPU profile of each server there: go tool pprof reads it."`
	Keep     bool          `help:"Leave the benchmark's databases where they are, to look at."`
}

// Run measures how many webhooks a second are committed before they are answered,
// against other ways to do it. It exits 3 when a book does not balance.
func (c benchCommand) Run(ctx context.Context, settings *Settings, to streams) (err error) {
	if settings.DatabaseURL != "" {
		return Misconfigured{"DATABASE_URL is set: the benchmark fills databases of its own, on a PostgreSQL of its own; unset it"}
	}
	given := *settings
	given.forBench()
	var running lifecycle.Group
	defer func() { err = errors.Join(err, running.Stop(context.WithoutCancel(ctx))) }()
	if given.DataDir == "" {
		if given.DataDir, err = pgembed.DefaultBaseDir(benchApp); err != nil {
			return err
		}
	}
	if err := pgembed.Remove(given.DataDir); err != nil { // what a killed run has left
		return err
	}
	progress := streams{out: to.err, err: to.err}
	log := telemetry.NewLogger(to.err, settings.LogFormat, max(settings.LogLevel, slog.LevelWarn))
	server, err := given.benchDatabase(ctx, &running, c.Keep, progress)
	if err != nil {
		return err
	}
	plan := bench.Full()
	if c.Quick {
		plan = bench.Quick()
	}
	if plan, err = plan.Only(c.Only); err != nil {
		return err
	}
	plan = plan.Lasting(c.For)
	policy := benchPolicy(given.policy())
	report, err := bench.Run(ctx, bench.Config{
		Plan: plan, Server: server, Policy: &policy, Key: given.PaystackSecretKey, Launch: launchBenchServer, Profiles: c.Profiles, Log: log,
		Progress: func(format string, args ...any) { progress.printf(format+"\n", args...) },
	})
	if err != nil {
		return err
	}
	return c.show(report, to)
}

func (c benchCommand) show(report *bench.Report, to streams) error {
	if c.HTML != "" {
		page, err := report.Page()
		if err == nil {
			err = os.WriteFile(c.HTML, page, 0o644) //nolint:gosec // a report is for everybody
		}
		if err != nil {
			return err
		}
	}
	if c.JSON {
		if err := to.printJSON(report); err != nil {
			return err
		}
	} else {
		to.printf("%s", report.Table())
	}
	if report.Invariants.Broken > 0 {
		return broken(fmt.Sprintf("%d invariants are broken", report.Invariants.Broken))
	}
	return nil
}

// forBench gives the benchmark keys and addresses of its own, whatever the
// environment says: nothing of it is real.
func (s *Settings) forBench() {
	s.Env = Development
	s.PaystackSecretKey, s.PaystackPreviousKeys = secret.New(developmentPaystackKey), nil
	s.FedaPaySecretKey, s.FedaPayWebhookSecrets = secret.Secret{}, nil
	s.PaystackBaseURL = "http://127.0.0.1:1" // nobody: no payment of the benchmark's is asked about
	s.APIKey = secret.New(developmentAPIKey)
	s.HTTPAddr, s.AdminAddr = "127.0.0.1:0", "127.0.0.1:0"
	s.unlimited()
}

// benchDatabase starts the benchmark's PostgreSQL and, at the end, removes it.
func (s *Settings) benchDatabase(ctx context.Context, running *lifecycle.Group, keep bool, to streams) (*pgembed.Server, error) {
	var server *pgembed.Server
	config := pgembed.Config{
		BaseDir: s.DataDir, App: benchApp, BinDir: s.PGBin, Auto: s.PGAuto, DownloadURL: s.PGDownload, Settings: bench.Settings(),
		Logf: func(format string, args ...any) { to.printf(format+"\n", args...) },
	}
	return server, running.Start(ctx, lifecycle.Service{
		Name: "private PostgreSQL",
		Start: func(ctx context.Context) (err error) {
			server, err = pgembed.Start(ctx, config)
			return err
		},
		Stop: func(ctx context.Context) error {
			err := server.Stop(ctx)
			if !keep {
				err = errors.Join(err, pgembed.Remove(s.DataDir))
			}
			return err
		},
	})
}

// benchPolicy asks about no payment while the benchmark runs.
func benchPolicy(p engine.Policy) engine.Policy {
	p.LiveAttempt = engine.Schedule{Then: []engine.Pace{{Every: 12 * time.Hour, Until: 24 * time.Hour}}, Never: 24 * time.Hour}
	p.PromptWindow = 12 * time.Hour
	return p
}

// launchBenchServer starts this very program again, as the server of one design.
func launchBenchServer(ctx context.Context, design bench.Design, dsn string) *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = filepath.Clean(os.Args[0])
	}
	command := exec.CommandContext(ctx, program, "bench-server", "--design", string(design), "--database-url", dsn)
	command.Stderr = os.Stderr
	return command
}
