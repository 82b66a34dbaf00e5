package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bookmi/cauri/cmd/cauri/internal/traffic"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/secret"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/paystack"
)

// demoApp names the demo's own directory and database, apart from serve's.
const demoApp = "cauri-demo"

type demoCommand struct {
	For   time.Duration `placeholder:"20s" help:"Stop by itself after this long. Absent: when Ctrl-C says so."`
	Check bool          `help:"At the end, let what is under way finish, hold the books against the gateway's, and exit 3 if anything is wrong."`
	Rate  float64       `default:"3" help:"Payments started per second, at most 200."`
	Seed  uint64        `default:"42" help:"The same seed makes the same payers."`
	Fresh bool          `help:"Forget what earlier demos left."`
	JSON  bool          `help:"At the end, the figures as JSON on standard output."`
}

// demoRateMax keeps the demo a demo: beyond it, two cores are busy with payers.
const demoRateMax = 200

// Validate is kong's: what the command line can get wrong.
func (c demoCommand) Validate() error {
	switch {
	case c.Rate <= 0 || c.Rate > demoRateMax:
		return fmt.Errorf("--rate is above 0 and at most %d", demoRateMax)
	case c.For < 0:
		return errors.New("--for is a length of time")
	}
	return nil
}

// demo is everything the demo runs, gateway included.
type demo struct {
	running  lifecycle.Group
	database database
	gateway  *paystack.Server
	engine   *app
	payers   *traffic.Payers
	began    time.Time
	logFile  string
}

// Run shows the engine at work.
func (c demoCommand) Run(ctx context.Context, settings *Settings, to streams) (err error) {
	if settings.Env != Development {
		return Misconfigured{"CAURI_ENV is " + string(settings.Env) + ": the demo pretends to be everybody; it runs in development only"}
	}
	d := demo{began: time.Now()}
	defer func() { err = errors.Join(err, d.running.Stop(context.WithoutCancel(ctx))) }()
	if err := d.start(ctx, c, *settings, to); err != nil {
		return err
	}
	d.introduce(to)

	talking, quiet := context.WithCancel(ctx)
	defer quiet()
	if c.For > 0 {
		talking, quiet = context.WithTimeout(ctx, c.For)
		defer quiet()
	}
	paying := make(chan struct{})
	go func() { // ends with talking; waited for below
		defer close(paying)
		d.payers.Run(talking)
	}()
	d.narrate(talking, to)
	<-paying
	if !c.Check {
		return d.finish(c, to, nil)
	}
	to.printf("\nPayers have gone home; letting what is under way finish…\n")
	found, err := d.check(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	return d.finish(c, to, found)
}

// setUp makes sure that nothing real is touched: the demo has a key of its own.
func (c demoCommand) setUp(settings *Settings) {
	settings.PaystackSecretKey = secret.New(developmentPaystackKey)
	settings.PaystackPreviousKeys = nil
	if settings.APIKey.IsZero() {
		settings.APIKey = secret.New(developmentAPIKey)
	}
	settings.HTTPAddr = freeAddr(settings.HTTPAddr, "")
	settings.AdminAddr = freeAddr(settings.AdminAddr, settings.HTTPAddr)
}

// start brings everything up, in the order in which each needs the other.
func (d *demo) start(ctx context.Context, c demoCommand, settings Settings, to streams) error {
	c.setUp(&settings)
	if settings.DataDir == "" {
		dir, err := pgembed.DefaultBaseDir(demoApp)
		if err != nil {
			return err
		}
		settings.DataDir = dir
	}
	books := filepath.Join(settings.DataDir, "paystack.books.jsonl")
	if c.Fresh {
		if err := errors.Join(pgembed.Remove(settings.DataDir), removeFile(books)); err != nil {
			return fmt.Errorf("--fresh: %w", err)
		}
	}
	to.printf("Starting PostgreSQL, the simulated Paystack and the engine…\n")
	progress := telemetry.NewLogger(to.err, settings.LogFormat, settings.LogLevel)
	var err error
	if d.database, err = settings.database(ctx, &d.running, demoApp, progress); err != nil {
		return err
	}
	log, err := d.openLog(settings)
	if err != nil {
		return err
	}
	if err := d.startGateway(ctx, books, c.Seed, &settings); err != nil {
		return err
	}
	policy := demoPolicy(settings.policy())
	d.engine = newApp(settings, policy, d.database.dsn, log)
	if err := d.engine.start(ctx, &d.running); err != nil {
		return err
	}
	d.gateway.PointWebhooksAt(d.engine.url() + "/webhooks/paystack")
	d.payers = traffic.New(traffic.Config{
		BaseURL: d.engine.url(), APIKey: settings.APIKey.Reveal(), Rate: c.Rate, Seed: c.Seed, Log: log,
	})
	return d.payers.Seed(ctx)
}

// startGateway opens the simulated Paystack on a port of its own. Its books
// survive the demo, because the engine's do.
func (d *demo) startGateway(ctx context.Context, books string, seed uint64, settings *Settings) error {
	if d.database.private == nil {
		books = "" // somebody else's database: leave nothing beside it
	}
	const francs = 100 // subunits
	d.gateway = paystack.New(paystack.Config{
		SecretKeys: []string{settings.PaystackSecretKey.Reveal()}, Seed: seed, BooksPath: books, Float: 10_000_000 * francs,
		Timings: paystack.Timings{
			Approve: 1200 * time.Millisecond, TransferSent: 800 * time.Millisecond, Window: demoWindow,
		},
	})
	if err := d.running.Start(ctx, lifecycle.Service{Name: "simulated Paystack", Start: d.gateway.Start, Stop: d.gateway.Stop}); err != nil {
		return err
	}
	base, err := d.gateway.Listen("127.0.0.1:0")
	settings.PaystackBaseURL = base
	return err
}

// demoWindow is how long a payer of the demo has: nobody watches for 180 s.
const demoWindow = 8 * time.Second

// demoPolicy makes the demo's payers and gateway as impatient as its audience.
func demoPolicy(p engine.Policy) engine.Policy {
	p.PromptWindow = demoWindow
	const s = time.Second
	p.LiveAttempt.At = []time.Duration{3 * s, 6 * s, 9 * s, 12 * s, 15 * s, 20 * s, 30 * s}
	p.OpenTry.At = []time.Duration{5 * s, 10 * s, 20 * s, 40 * s}
	return p
}

// openLog sends the engine's log lines to a file, so that the terminal stays
// readable.
func (d *demo) openLog(settings Settings) (*slog.Logger, error) {
	d.logFile = filepath.Join(os.TempDir(), demoApp+"-"+strconv.Itoa(os.Getpid())+".log")
	if d.database.private != nil {
		d.logFile = filepath.Join(settings.DataDir, "cauri.log")
	}
	file, err := os.OpenFile(d.logFile, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	closing := lifecycle.Service{Name: "log", Stop: func(context.Context) error { return file.Close() }}
	return telemetry.NewLogger(file, telemetry.JSON, settings.LogLevel), d.running.Start(context.Background(), closing)
}

// freeAddr returns the address, or the next free port above it that is not the
// one taken meanwhile.
func freeAddr(addr, taken string) string {
	host, port, err := net.SplitHostPort(addr)
	number, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil {
		return addr
	}
	const portsToTry = 50
	for n := number; n < number+portsToTry; n++ {
		candidate := net.JoinHostPort(host, strconv.Itoa(n))
		if candidate == taken {
			continue
		}
		listener, err := net.Listen("tcp", candidate)
		if err == nil {
			_ = listener.Close() // it was only a question
			return candidate
		}
	}
	return addr
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// sandboxOTP is the right code, for the text people copy.
const sandboxOTP = sandbox.OTP
