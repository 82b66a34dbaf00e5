package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/persistence"
)

type gatewaysCommand struct {
	List  gatewaysList  `cmd:"" default:"withargs" help:"Who may be charged or paid, and through whom: the route table, and the breakers of the running engine."`
	Force gatewaysForce `cmd:"" help:"Hold a breaker open or closed for a while, on every node, or let it judge by itself again."`
}

type gatewaysList struct {
	Admin string `placeholder:"URL" help:"The engine to ask. Absent: the one at CAURI_ADMIN_ADDR, if it runs."`
	JSON  bool   `help:"For machines."`
}

// gatewaysShown is what the command answers for machines.
type gatewaysShown struct {
	From          string           `json:"from"` // the engine's address, or "configuration"
	Breakers      []http.Breaker   `json:"breakers"`
	Resting       []engine.Gateway `json:"resting_gateways"` // those that take no new charge now
	OperatorsDown []string         `json:"operators_down"`
	Routes        []routeLine      `json:"routes"`
}

// routeLine is a route with the name it is switched by.
type routeLine struct {
	Name string `json:"name"`
	http.Route
}

// Run shows what the running engine uses; without one, what it would.
func (c gatewaysList) Run(ctx context.Context, settings *Settings, to streams) error {
	if err := settings.complete(); err != nil {
		return err
	}
	address := c.Admin
	if address == "" {
		address = "http://" + settings.AdminAddr
	}
	shown := gatewaysShown{From: "configuration", Breakers: []http.Breaker{}, Resting: []engine.Gateway{}, OperatorsDown: []string{}}
	told, err := readiness(ctx, address)
	switch {
	case err == nil:
		shown.From, shown.Breakers = address, told.Breakers
		shown.Resting = append(shown.Resting, told.Resting...)
		for _, o := range told.OperatorsDown {
			shown.OperatorsDown = append(shown.OperatorsDown, string(o))
		}
	case c.Admin != "":
		return err
	default:
		for _, r := range settings.policy().Routes {
			told.Routes = append(told.Routes, http.Route(r))
		}
	}
	for _, r := range told.Routes {
		shown.Routes = append(shown.Routes, routeLine{routeName(engine.Route(r)), r})
	}
	if c.JSON {
		return to.printJSON(shown)
	}
	shown.print(to)
	return nil
}

// readiness asks an engine how it sees the outside. One that is not ready says so
// and tells all the same.
func readiness(ctx context.Context, address string) (told http.Readiness, err error) {
	_, body, err := askReadyz(ctx, address)
	if err != nil {
		return told, fmt.Errorf("ask the engine: %w", err)
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return told, fmt.Errorf("%s/readyz is not an engine's: %w", address, err)
	}
	return told, nil
}

func (g gatewaysShown) print(to streams) {
	table := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(table, format, args...) } // a terminal that is gone is no error of ours
	for _, d := range []engine.Direction{engine.Collect, engine.Disburse} {
		line("%s\n", map[engine.Direction]string{engine.Collect: "Money comes in from:", engine.Disburse: "Money goes out to:"}[d])
		for _, r := range g.Routes {
			if r.Direction != d {
				continue
			}
			who, state := r.Operator.Name(), "on"
			if r.Method == engine.Card {
				who = "cards"
			}
			if r.Off != "" {
				state = "off: " + r.Off
			}
			line("  %s\t%s\t%s\t%s\t%s\t%s\n", who, r.Gateway, r.Flow, r.Name, r.Evidence, state)
		}
	}
	if g.From == "configuration" {
		line("No engine answers at CAURI_ADMIN_ADDR: this is what one would use.\n")
		_ = table.Flush()
		return
	}
	line("Breakers of %s:\n", g.From)
	for _, b := range g.Breakers {
		line("  %s\t%s\t%s\t%s\n", b.Gateway, b.Class, b.State, because(b))
	}
	for _, gateway := range g.Resting {
		line("No new charge goes through %s now.\n", gateway)
	}
	if len(g.OperatorsDown) > 0 {
		line("Operators that fail through every gateway: %s\n", strings.Join(g.OperatorsDown, ", "))
	}
	_ = table.Flush()
}

// because is why a breaker is as it is, when there is more to say.
func because(b http.Breaker) string {
	var why []string
	if b.Since != nil {
		why = append(why, "since "+b.Since.UTC().Format(time.RFC3339))
	}
	if b.RetryAfterMS > 0 {
		why = append(why, "again in "+(time.Duration(b.RetryAfterMS)*time.Millisecond).Round(100*time.Millisecond).String())
	}
	if b.PausedUntil != nil {
		why = append(why, "the gateway asked for a pause until "+b.PausedUntil.Format(time.TimeOnly)+" UTC")
	}
	if f := b.Forced; f != nil {
		why = append(why, "forced by "+f.By+" until "+f.Until.UTC().Format(time.RFC3339)+": "+f.Why)
	}
	return strings.Join(why, "; ")
}

type gatewaysForce struct {
	Gateway engine.Gateway `arg:"" enum:"paystack,fedapay" help:"${enum}."`
	Class   failover.Class `arg:"" enum:"collect,verify,payout,refund" help:"${enum}."`
	State   string         `arg:"" enum:"open,closed,lift" help:"open: no call is made. closed: every call is. lift: the breaker judges by itself again."`
	For     time.Duration  `default:"30m" help:"For how long, at most 24h. It ends by itself."`
	Reason  string         `required:"" help:"Why: the next person reads it."`
	As      string         `placeholder:"NAME" help:"Who decides: needed in production. The system's user and machine are written down beside it."`
}

// forceMax is how long a decision may stand without being taken again.
const forceMax = 24 * time.Hour

// classes are those a gateway has calls of.
var classes = map[engine.Gateway][]failover.Class{
	engine.Paystack: {failover.Collect, failover.Verify, failover.Payout, failover.Refund},
	engine.FedaPay:  {failover.Collect, failover.Verify},
}

// Validate is kong's: what the command line can get wrong.
func (c gatewaysForce) Validate() error {
	switch {
	case !slices.Contains(classes[c.Gateway], c.Class):
		return fmt.Errorf("no %s goes through %s: it has %v", c.Class, c.Gateway, classes[c.Gateway])
	case c.For <= 0 || c.For > forceMax:
		return fmt.Errorf("--for is above 0 and at most %s", forceMax)
	case strings.TrimSpace(c.Reason) == "":
		return errors.New("--reason says why")
	}
	return nil
}

// Run writes the decision down; every node reads it within two seconds.
func (c gatewaysForce) Run(ctx context.Context, settings *Settings, to streams) error {
	account, err := systemAccount()
	if err != nil {
		return err
	}
	o := persistence.Override{Gateway: c.Gateway, Class: string(c.Class), Who: c.As, Account: account, Why: c.Reason}
	if o.Who == "" {
		if settings.Env == Production { // there everybody is the same user of the same container
			return misused("--as says who decides: in production the system's user does not")
		}
		o.Who = account
	}
	var lasts time.Duration
	if c.State != lift {
		o.State, lasts = c.State, c.For
	}
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		written, err := store.Override(ctx, o, lasts)
		if err != nil {
			return err
		}
		to.printf("%s of %s, within %s on every node: %s\n", c.Class, c.Gateway, overridesEvery, c.consequence(written.Until))
		to.printf("Written down as decided by %s (%s): %s\n", o.Who, account, c.Reason)
		return nil
	})
}

// misused is a command line that is wrong for a reason the parser can't see.
type misused string

// Error says what to write instead.
func (m misused) Error() string { return string(m) }

// ExitCode is that of every wrong command line.
func (misused) ExitCode() int { return exitUsage }

// systemAccount is under whom and where a command runs: user@machine.
func systemAccount() (string, error) {
	who, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("this system's user can't be told: %w", err)
	}
	machine, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("this machine's name can't be told: %w", err)
	}
	return who.Username + "@" + machine, nil
}

const lift = "lift"

// consequence is what will happen, in words.
func (c gatewaysForce) consequence(until time.Time) string {
	switch c.State {
	case lift:
		return "the breaker judges by itself again."
	case string(failover.Closed):
		return "every call is made, whatever it comes to, until " + until.Format(time.RFC3339) + "; only a pause the gateway asked for is kept."
	}
	said := map[failover.Class]string{
		failover.Collect: "no payer is charged through it: new payments take the next gateway, or are told to come back",
		failover.Verify:  "nothing is asked of it: payments in doubt stay in doubt, and webhooks still count",
		failover.Payout:  "no talent is paid: what is due waits, and leaves afterwards by itself",
		failover.Refund:  "no refund is sent: what is owed waits, and leaves afterwards by itself",
	}[c.Class]
	return said + ", until " + until.Format(time.RFC3339) + "."
}
