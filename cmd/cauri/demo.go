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
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/fedapay"
	"github.com/bookmi/cauri/sandbox/paystack"
)

// demoApp names the demo's own directory and database, apart from serve's.
const demoApp = "cauri-demo"

type demoCommand struct {
	For   time.Duration `placeholder:"20s" help:"Stop by itself after this long. Absent: when Ctrl-C says so."`
	Check bool          `help:"At the end, let what is under way finish, hold the books against the gateway's, and exit 3 if anything is wrong."`
	Rate  float64       `default:"3" help:"Payments started per second, at most 200."`
	Seed  uint64        `default:"42" help:"The same seed makes the same payers."`
	Chaos bool          `help:"Paystack goes dark for 20 s, 5 s after the start: payments move to FedaPay."`
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
	case c.Chaos && c.For > 0 && c.For < chaosNeeds:
		return fmt.Errorf("--chaos takes %s: leave --for away, or make it longer", chaosNeeds)
	}
	return nil
}

// demo is everything the demo runs, gateways included.
type demo struct {
	running  lifecycle.Group
	database database
	first    *paystack.Server
	second   *fedapay.Server
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
	if c.Chaos {
		dark := make(chan struct{})
		go func() { // ends with talking, the lights on; waited for below
			defer close(dark)
			d.darken(talking, to)
		}()
		defer func() { <-dark }()
	}
	atWork, home := context.WithCancel(context.WithoutCancel(ctx))
	staff := make(chan struct{})
	go func() { // ends with the demo; waited for below
		defer close(staff)
		d.refundByHand(atWork)
	}()
	defer func() { home(); <-staff }()
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
	if c.Fresh {
		firsts, seconds := d.books(settings.DataDir)
		if err := errors.Join(pgembed.Remove(settings.DataDir), removeFile(firsts), removeFile(seconds)); err != nil {
			return fmt.Errorf("--fresh: %w", err)
		}
	}
	to.printf("Starting PostgreSQL, the simulated Paystack and FedaPay, and the engine…\n")
	progress := telemetry.NewLogger(to.err, settings.LogFormat, settings.LogLevel)
	var err error
	if d.database, err = settings.database(ctx, &d.running, demoApp, progress); err != nil {
		return err
	}
	if d.database.private != nil {
		progress = slog.New(slog.DiscardHandler) // its schema is nobody's news
	}
	if err := d.migrate(ctx, settings, to, progress); err != nil {
		return err
	}
	log, err := d.openLog(settings)
	if err != nil {
		return err
	}
	if err := d.startGateways(ctx, c.Seed, c.window(), &settings); err != nil {
		return err
	}
	policy := demoPolicy(settings.policy(), c.window())
	d.engine = newApp(settings, policy, d.database.dsn, log)
	if err := d.engine.start(ctx, &d.running); err != nil {
		return err
	}
	d.first.PointWebhooksAt(d.engine.url() + "/webhooks/paystack")
	d.second.PointWebhooksAt(d.engine.url() + "/webhooks/fedapay")
	d.payers = traffic.New(traffic.Config{
		BaseURL: d.engine.url(), APIKey: settings.APIKey.Reveal(), Rate: c.Rate, Seed: c.Seed, Impatient: c.Chaos, Log: log,
	})
	return d.payers.Seed(ctx)
}

// migrate makes the schema. What another build's demo has left behind is thrown
// away: it was play money, and this build could not read it.
func (d *demo) migrate(ctx context.Context, settings Settings, to streams, log *slog.Logger) error {
	err := persistence.Migrate(ctx, d.database.dsn, log)
	if !errors.Is(err, persistence.ErrOtherSchema) || d.database.private == nil {
		return err
	}
	to.printf("An earlier demo of another version is thrown away; this one starts afresh.\n")
	firsts, seconds := d.books(settings.DataDir)
	if err := errors.Join(removeFile(firsts), removeFile(seconds), d.database.private.Recreate(ctx, demoApp)); err != nil {
		return err
	}
	return persistence.Migrate(ctx, d.database.dsn, log)
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
