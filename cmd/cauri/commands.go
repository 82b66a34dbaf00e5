package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/telemetry"
	"github.com/bookmi/cauri/persistence"
)

// The exit codes, documented in doc.go.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitBroken   = 3
	exitRefused  = 4
	exitTryAgain = 75 // EX_TEMPFAIL of sysexits.h
)

// exitWords are the codes of errors that have none of their own.
var exitWords = map[int]string{
	exitFailed: "failed", exitUsage: "usage", exitBroken: "broken", exitRefused: "refused", exitTryAgain: "try_again",
	exitMisconfigured: "misconfigured",
}

// program is the whole command line.
type program struct {
	Settings

	Demo     demoCommand     `cmd:"" help:"See it run: a private PostgreSQL, the simulated gateways, the engine and a trickle of payments."`
	Serve    serveCommand    `cmd:"" help:"Run the engine."`
	Sandbox  sandboxCommand  `cmd:"" help:"Run the simulated gateways alone, for any client of theirs."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database's schema up to date, or say where it is."`
	Gateways gatewaysCommand `cmd:"" help:"The gateways: who may be charged through whom, what their breakers do, and forcing one."`
	Refunds  refundsCommand  `cmd:"" help:"What payers are owed and only people can give back."`
	Payment  paymentCommand  `cmd:"" help:"Payments: one, many, and having their gateways asked."`
	Escrow   escrowCommand   `cmd:"" help:"What is held for talents, and releasing it by hand."`
	Payout   payoutCommand   `cmd:"" help:"What goes to talents, and trying again what no gateway speaks of."`
	Proposal proposalCommand `cmd:"" help:"What one person asks another to approve: everything that moves money by hand."`
	Audit    auditCommand    `cmd:"" help:"What people did, and why."`
	Webhook  webhookCommand  `cmd:"" help:"Notifications: see them come, check a signature, send one, have kept ones tried again."`
	Keys     keysCommand     `cmd:"" help:"API keys of the platform's machines and of staff."`
	Staff    staffCommand    `cmd:"" help:"Who works for us, and what they may."`
	Config   configCommand   `cmd:"" help:"What is set, and where it comes from."`
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
	parser := cli.parser(ctx, to)
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
		exit, err := unparsed(err, args)
		return to.failed(err, exit, args)
	}
	cli.Typed = typed(chosen)
	if err := chosen.Run(&cli.Settings); err != nil {
		return to.failed(err, exitCode(err), args)
	}
	return 0
}

// redactedMin is too short for a secret: "0" stands in many words.
const redactedMin = 4

// What kong says of a value: which flag's it is, what it got, and, of a variable, all of
// it once more.
var (
	ofFlag          = regexp.MustCompile(`^--([a-z0-9-]+)`)
	butGot          = regexp.MustCompile(`(?s) but got ".*`)
	fromEnvironment = regexp.MustCompile(`(?s) \(from envar .*`)
)

// unparsed is what is wrong with a command line, or with a setting of the environment:
// that one is a configuration's fault, and its value may be a secret in the wrong place.
func unparsed(err error, args []string) (exit int, told error) {
	flag := ofFlag.FindStringSubmatch(err.Error())
	given := func(arg string) bool { return flag != nil && (arg == flag[0] || strings.HasPrefix(arg, flag[0]+"=")) }
	if flag == nil || slices.ContainsFunc(args, given) {
		return exitUsage, err
	}
	variable := ""
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if field.Tag.Get("name") == flag[1] {
			variable = field.Tag.Get("env")
		}
	}
	value := variables()[variable]
	if variable == "" || value == "" {
		return exitUsage, err
	}
	said := butGot.ReplaceAllString(fromEnvironment.ReplaceAllString(err.Error(), ""), "")
	if len(value) >= redactedMin { // others quote it too
		said = strings.ReplaceAll(said, value, "…")
	}
	return exitMisconfigured, Misconfigured{variable + " can't be read: " + said}
}

// typed are the flags that stand on the command line.
func typed(chosen *kong.Context) []string {
	var names []string
	for _, step := range chosen.Path {
		if step.Flag != nil {
			names = append(names, step.Flag.Name)
		}
	}
	return names
}

// failure is an error for machines: one JSON line on standard error.
type failure struct {
	Code    string        `json:"code"` // the engine's, or what the exit code means
	Message string        `json:"message"`
	Exit    int           `json:"exit"`
	Problem *http.Problem `json:"problem,omitempty"` // as the engine answered
}

// failed says what went wrong, to whoever asked: a person, or with --json a machine.
func (s streams) failed(err error, exit int, args []string) int {
	message := telemetry.Redact(err.Error())
	if !slices.Contains(args, "--json") {
		_, _ = fmt.Fprintf(s.err, "cauri: %v\n", message) // as printf
		return exit
	}
	f := failure{Code: exitWords[exit], Message: message, Exit: exit}
	var no refused
	var known *engine.Error
	switch {
	case errors.As(err, &no):
		f.Code, f.Problem = string(no.problem.Code), &no.problem
	case errors.As(err, &known):
		f.Code = string(known.Code)
	}
	_ = json.NewEncoder(s.err).Encode(map[string]failure{"error": f}) // as printf
	return exit
}

// parser reads a command line into the program.
func (p *program) parser(ctx context.Context, to streams) *kong.Kong {
	parser, err := kong.New(p,
		kong.Name("cauri"),
		kong.Description("A payment engine for marketplaces in Côte d'Ivoire: mobile money in, escrow, payout.\n\n"+
			"Exit codes: 0 done, 1 it did not work, 2 the command line is wrong, 3 a check found something broken, "+
			"4 the engine says no or it is not there, 75 try again, 78 the configuration."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(to.out, to.err), kong.Exit(func(c int) { panic(exited(c)) }),
		kong.TypeMapper(reflect.TypeFor[secret.Secret](), kong.MapperFunc(decodeSecret)),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(to),
	)
	if err != nil {
		panic(err) // our own struct is wrong: every test would see it
	}
	return parser
}

// exited carries kong's wish to exit out of Parse, so that tests survive --help.
type exited int

func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	switch {
	case errors.Is(err, persistence.ErrUnreadableAddress):
		return exitMisconfigured
	case errors.Is(err, persistence.ErrNoAnswer):
		return exitTryAgain
	}
	switch engine.KindOf(err) {
	case engine.Invalid, engine.NotFound, engine.Conflict, engine.Forbidden:
		return exitRefused
	case engine.Overloaded, engine.Unavailable:
		return exitTryAgain
	case engine.Declined, engine.Ambiguous, engine.Unsupported, engine.Internal:
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
