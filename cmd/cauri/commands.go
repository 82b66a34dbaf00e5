package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/telemetry"
)

// The exit codes, documented in doc.go.
const (
	exitFailed = 1
	exitUsage  = 2
	exitBroken = 3
)

// program is the whole command line.
type program struct {
	Settings

	Demo     demoCommand     `cmd:"" help:"See it run: a private PostgreSQL, the simulated gateways, the engine and a trickle of payments."`
	Serve    serveCommand    `cmd:"" help:"Run the engine."`
	Sandbox  sandboxCommand  `cmd:"" help:"Run the simulated gateways alone, for any client of theirs."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database's schema up to date, or say where it is."`
	Gateways gatewaysCommand `cmd:"" help:"The gateways: who may be charged through whom, what their breakers do, and forcing one."`
	Refunds  refundsCommand  `cmd:"" help:"What payers are owed and only people can give back."`
	Webhook  webhookCommand  `cmd:"" help:"The notifications that are kept and have not counted: list them, have them tried again."`
	Bench    benchCommand    `cmd:"" help:"Measure how many webhooks a second are committed before they are answered, against other designs."`
	Doctor   doctorCommand   `cmd:"" help:"Say what is missing, and where to get it."`
	Version  versionCommand  `cmd:"" help:"Say which version this is."`

	BenchServer benchServerCommand `cmd:"" hidden:"" help:"One design's server, as the benchmark starts it."`
}

// streams is where a command writes: what was asked for, and what went wrong.
type streams struct{ out, err io.Writer }

// printf writes a line for people. A terminal that is gone is no error of ours.
func (s streams) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// printJSON writes one JSON document, for machines.
func (s streams) printJSON(v any) error {
	encoder := json.NewEncoder(s.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// logger writes to standard error, so that a command's answer stays readable.
func (s *Settings) logger(to streams) *slog.Logger {
	return telemetry.NewLogger(to.err, s.LogFormat, s.LogLevel)
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, to streams) (code int) {
	var cli program
	parser, err := kong.New(&cli,
		kong.Name("cauri"),
		kong.Description("A payment engine for marketplaces in Côte d'Ivoire: mobile money in, escrow, payout."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(to.out, to.err), kong.Exit(func(c int) { panic(exited(c)) }),
		kong.TypeMapper(reflect.TypeFor[secret.Secret](), kong.MapperFunc(decodeSecret)),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(to),
	)
	if err != nil {
		panic(err) // our own struct is wrong: every test would see it
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited: // --help
			code = int(r)
		default:
			panic(r)
		}
	}()
	chosen, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(to.err, "cauri: %v\n", err)
		return exitUsage
	}
	if err := chosen.Run(&cli.Settings); err != nil {
		_, _ = fmt.Fprintf(to.err, "cauri: %v\n", telemetry.Redact(err.Error()))
		return exitCode(err)
	}
	return 0
}

// exited carries kong's wish to exit out of Parse, so that tests survive --help.
type exited int

func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return exitFailed
}

// decodeSecret lets kong fill a secret without ever holding it as a string flag.
func decodeSecret(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("secret", &text); err != nil {
		return err
	}
	target.Set(reflect.ValueOf(secret.New(text)))
	return nil
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
