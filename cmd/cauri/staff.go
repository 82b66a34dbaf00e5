package main

import (
	"context"
	"regexp"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/persistence"
)

type staffCommand struct {
	List   staffList   `cmd:"" help:"Everybody who works or worked for us."`
	Add    staffAdd    `cmd:"" help:"Take somebody on. A name is used once, for ever: the audit has it."`
	Change staffChange `cmd:"" help:"Give somebody another role or another limit."`
	End    staffEnd    `cmd:"" help:"Somebody works for us no longer: their keys work no longer either."`
}

// onMachine is what takes the database's own password, and who answers for it.
type onMachine struct {
	As string `placeholder:"NAME" help:"Who decides: needed in production. The system's user and machine are written down beside it."`
	byStaff
}

// act is what is written down of it. Whoever may write to the database may do it: they
// are named, and not believed to be one of staff.
func (m onMachine) act(settings *Settings, kind engine.ActKind) (engine.Act, error) {
	account, err := systemAccount()
	if err != nil {
		return engine.Act{}, err
	}
	who := "system:" + account
	switch {
	case m.As != "":
		who = m.As + " (" + who + ")"
	case settings.Env == Production: // there everybody is the same user of the same container
		return engine.Act{}, misused("--as says who decides: in production the system's user does not")
	}
	reason := m.Reason
	if m.DryRun && reason == "" {
		reason = "a rehearsal" // the audit wants one; nothing of a rehearsal stays
	}
	return engine.Act{ID: freshID(), Kind: kind, Who: who, Role: engine.RoleAdmin, Address: account, Reason: reason}, nil
}

// write does it, or says what it would do.
func (m onMachine) write(ctx context.Context, settings *Settings, to streams, kind engine.ActKind, did any, said string,
	do func(*persistence.Store, engine.Act) error) error {
	act, err := m.act(settings, kind)
	if err != nil {
		return err
	}
	try := func(store *persistence.Store) error { return do(store, act) }
	if err := settings.onStoreAs(ctx, to, persistence.RoleOps, m.DryRun, try); err != nil {
		return err
	}
	if m.DryRun {
		return to.rehearsed(m.JSON, said)
	}
	if m.JSON {
		return to.printJSON(did)
	}
	to.printf("%s; written down as decided by %s\n", said, act.Who)
	return nil
}

// rehearsed says what would have been done.
func (s streams) rehearsed(asJSON bool, would string) error {
	if asJSON {
		return s.printJSON(map[string]string{"would": would})
	}
	s.printf("would: %s\n", would)
	return nil
}

// staffName is how people are named in what they did.
var staffName = regexp.MustCompile(`^[a-z][a-z0-9._-]{1,31}$`)

// Person is somebody who works for us, as these commands show them.
type Person struct {
	Name       string      `json:"name"`
	Role       engine.Role `json:"role"`
	DailyLimit int64       `json:"daily_limit"`
	AddedAt    *time.Time  `json:"added_at,omitempty"`
	EndedAt    *time.Time  `json:"ended_at,omitempty"`
}

type staffAdd struct {
	Name       string      `arg:"" help:"Small letters, digits, dots and dashes."`
	Role       engine.Role `required:"" enum:"support,finance,admin" help:"${enum}. support looks; finance moves money, two by two; admin reads the audit."`
	DailyLimit int64       `placeholder:"FRANCS" default:"0" help:"What they may approve in a day. None: nothing."`
	onMachine
}

// Validate is kong's.
func (c staffAdd) Validate() error {
	switch {
	case !staffName.MatchString(c.Name):
		return misused("a name is 2 to 32 small letters, digits, dots and dashes")
	case c.DailyLimit < 0:
		return misused("--daily-limit is in francs, and none below 0")
	}
	return c.byStaff.Validate()
}

// Run takes them on.
func (c staffAdd) Run(ctx context.Context, settings *Settings, to streams) error {
	p := engine.Staff{Name: c.Name, Role: c.Role, DailyLimit: c.DailyLimit}
	said := c.Name + " works for us as " + string(c.Role) + c.limit()
	return c.write(ctx, settings, to, engine.ActStaff, Person{Name: c.Name, Role: c.Role, DailyLimit: c.DailyLimit}, said,
		func(store *persistence.Store, by engine.Act) error { return store.AddStaff(ctx, p, by) })
}

// limit is what somebody may approve, for people.
func (c staffAdd) limit() string {
	switch {
	case c.Role != engine.RoleFinance:
		return ""
	case c.DailyLimit == 0:
		return ", and may approve nothing: --daily-limit says how much"
	}
	return ", and may approve " + francs(money.Amount(c.DailyLimit)) + " a day"
}

type staffChange struct{ staffAdd }

// Run changes them. Every node knows within seconds.
func (c staffChange) Run(ctx context.Context, settings *Settings, to streams) error {
	p := engine.Staff{Name: c.Name, Role: c.Role, DailyLimit: c.DailyLimit}
	said := c.Name + " is " + string(c.Role) + " from now on" + c.limit()
	return c.write(ctx, settings, to, engine.ActStaff, Person{Name: c.Name, Role: c.Role, DailyLimit: c.DailyLimit}, said,
		func(store *persistence.Store, by engine.Act) error { return store.ChangeStaff(ctx, p, by) })
}

type staffEnd struct {
	Name string `arg:"" help:"Who."`
	onMachine
}

// Run ends their work and their keys.
func (c staffEnd) Run(ctx context.Context, settings *Settings, to streams) error {
	said := c.Name + " works for us no longer, nor do their keys work"
	return c.write(ctx, settings, to, engine.ActStaff, map[string]string{"ended": c.Name}, said,
		func(store *persistence.Store, by engine.Act) error { return store.EndStaff(ctx, c.Name, by) })
}

type staffList struct {
	JSON bool `help:"For machines."`
}

// Run lists everybody.
func (c staffList) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		people, err := store.Staff(ctx)
		if err != nil {
			return err
		}
		shown := make([]Person, 0, len(people))
		for _, p := range people {
			shown = append(shown, Person{p.Name, p.Role, p.DailyLimit, set(p.AddedAt), set(p.EndedAt)})
		}
		if c.JSON {
			return to.printJSON(shown)
		}
		table := to.columns("NAME", "ROLE", "MAY APPROVE A DAY", "SINCE", "ENDED")
		for _, p := range shown {
			table.line(p.Name, string(p.Role), francs(money.Amount(p.DailyLimit)), moment(p.AddedAt), moment(p.EndedAt))
		}
		table.end()
		return nil
	})
}

// set is a time that may be none.
func set(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
