package main

import (
	"context"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/persistence"
)

type keysCommand struct {
	List   keysList   `cmd:"" help:"Every key, and when it was last used."`
	New    keysNew    `cmd:"" help:"Make a key. It is shown once."`
	Rotate keysRotate `cmd:"" help:"Make another key like one there is, which goes on working for a while."`
	Revoke keysRevoke `cmd:"" help:"End a key: it works on no node after five seconds."`
	Reseal keysReseal `cmd:"" help:"Seal phones anew under the newest data and index keys, so that older ones can be taken away."`
}

// keysListed bounds a list: what a person can read.
const keysListed = 500

// ShownKey is a key as these commands show it. Key is there when it was just made, and
// never again.
type ShownKey struct {
	ID         string         `json:"id"`
	Key        string         `json:"key,omitempty"`
	Staff      string         `json:"staff,omitempty"`
	Scopes     []engine.Scope `json:"scopes,omitempty"`
	Label      string         `json:"label"`
	Pepper     string         `json:"pepper"`
	CreatedAt  *time.Time     `json:"created_at,omitempty"`
	ExpiresAt  *time.Time     `json:"expires_at,omitempty"`
	RevokedAt  *time.Time     `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time     `json:"last_used_at,omitempty"`
}

func shownKey(k engine.APIKey) ShownKey {
	return ShownKey{
		ID: k.ID, Staff: k.Principal.Subject, Scopes: k.Principal.Scopes, Label: k.Label, Pepper: k.Pepper,
		CreatedAt: set(k.CreatedAt), ExpiresAt: set(k.ExpiresAt), RevokedAt: set(k.RevokedAt), LastUsedAt: set(k.LastUsedAt),
	}
}

type keysList struct {
	JSON bool `help:"For machines."`
}

// Run lists keys, the latest made first.
func (c keysList) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		keys, err := store.Keys(ctx, keysListed)
		if err != nil {
			return err
		}
		shown := make([]ShownKey, 0, len(keys))
		for _, k := range keys {
			shown = append(shown, shownKey(k))
		}
		if c.JSON {
			return to.printJSON(shown)
		}
		table := to.columns("KEY", "WHOSE", "MAY", "LABEL", "MADE", "ENDS", "LAST USED", "PEPPER")
		for _, k := range shown {
			whose, may, ends := "the platform's", words(k.Scopes), moment(k.ExpiresAt)
			if k.Staff != "" {
				whose, may = k.Staff, "what they may"
			}
			if k.RevokedAt != nil {
				ends = "revoked " + moment(k.RevokedAt)
			}
			table.line(k.ID, whose, may, k.Label, moment(k.CreatedAt), ends, moment(k.LastUsedAt), k.Pepper)
		}
		table.end()
		return nil
	})
}

func words(scopes []engine.Scope) string {
	out := make([]string, 0, len(scopes))
	for _, s := range scopes {
		out = append(out, string(s))
	}
	return strings.Join(out, ",")
}

type keysNew struct {
	Staff  string         `placeholder:"NAME" help:"For a person of staff. Absent: for a machine of the platform's."`
	Scopes []engine.Scope `placeholder:"SCOPE,…" help:"What the platform's machine may; everything when not given: payments:read, payments:write, escrow:write, talents:read, talents:write."`
	Label  string         `required:"" help:"Where it is used: which machine, which computer."`
	Lasts  time.Duration  `placeholder:"TIME" help:"How long it works, such as 8760h; for ever when not given."`
	onMachine
}

// Validate is kong's.
func (c keysNew) Validate() error {
	known := " " + words(engine.Scopes) + ","
	for _, scope := range c.Scopes {
		if !strings.Contains(strings.ReplaceAll(known, " ", ","), ","+string(scope)+",") {
			return misused("there is no scope " + string(scope) + ": " + words(engine.Scopes))
		}
	}
	switch {
	case c.Staff != "" && len(c.Scopes) > 0:
		return misused("a person's role says what they may: --scopes are a machine's")
	case strings.TrimSpace(c.Label) == "" || !isLine(c.Label):
		return misused("--label is one line: which machine, which computer")
	case c.Lasts < 0:
		return misused("--lasts is above 0")
	}
	return c.byStaff.Validate()
}

// Run makes a key and prints it: the only time it can be read.
func (c keysNew) Run(ctx context.Context, settings *Settings, to streams) error {
	whose := engine.Principal{Role: engine.RolePlatform, Platform: thePlatform, Scopes: c.Scopes}
	if len(c.Scopes) == 0 {
		whose.Scopes = engine.Scopes
	}
	if c.Staff != "" {
		whose = engine.Principal{Role: engine.RoleSupport, Subject: c.Staff} // which role they have, the table of staff says
	}
	return c.mint(ctx, settings, to, whose, nil)
}

// mint makes a key, and then does one more thing, if there is one.
func (c keysNew) mint(ctx context.Context, settings *Settings, to streams, whose engine.Principal,
	and func(*persistence.Store, engine.Act) error) error {
	if faults := settings.readSecrets(); len(faults) > 0 {
		return faults
	}
	if settings.Env == Development {
		settings.assumeAccess()
	}
	peppers, err := settings.peppers()
	if err != nil {
		return Misconfigured{"CAURI_KEY_PEPPERS: " + err.Error()}
	}
	pepper, _ := peppers.Newest(time.Now())
	text, kept, err := http.MintKey(settings.keyMode(), whose, c.Label, pepper)
	if err != nil {
		return err
	}
	if c.Lasts > 0 {
		kept.ExpiresAt = time.Now().Add(c.Lasts).UTC()
	}
	shown := shownKey(kept)
	shown.Key = text.Reveal()
	may := "may " + words(whose.Scopes)
	if whose.Role.IsStaff() {
		may = "is " + whose.Subject + "'s"
	}
	said := "key " + kept.ID + " (" + c.Label + ") " + may
	if c.DryRun {
		said = "make a key (" + c.Label + ") that " + may
	}
	err = c.write(ctx, settings, to, engine.ActKey, shown, said, func(store *persistence.Store, by engine.Act) error {
		if err := store.AddKey(ctx, kept, by); err != nil || and == nil {
			return err
		}
		by.ID = freshID()
		return and(store, by)
	})
	if err == nil && !c.DryRun && !c.JSON {
		to.printf("\n  %s\n\nIt is shown now and never again. It works within %s.\n", text.Reveal(), keysEvery)
	}
	return err
}

type keysRotate struct {
	ID      string        `arg:"" help:"Of the key that is to be replaced, as list shows it."`
	Overlap time.Duration `default:"24h" help:"How long the old one goes on working."`
	onMachine
}

// Run makes a key like the old one, which ends after the overlap.
func (c keysRotate) Run(ctx context.Context, settings *Settings, to streams) error {
	if c.Overlap < 0 {
		return misused("--overlap is not below 0")
	}
	var old engine.APIKey
	err := settings.onStore(ctx, to, func(store *persistence.Store) error {
		keys, err := store.KeysInUse(ctx)
		for _, k := range keys {
			if k.ID == c.ID {
				old = k
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if old.ID == "" {
		return notFound("no key of that id works")
	}
	next := keysNew{Label: old.Label, onMachine: c.onMachine}
	if !old.ExpiresAt.IsZero() { // as long as the old one was made for
		next.Lasts = old.ExpiresAt.Sub(old.CreatedAt)
	}
	return next.mint(ctx, settings, to, old.Principal, func(store *persistence.Store, by engine.Act) error {
		return store.EndKey(ctx, c.ID, c.Overlap, by)
	})
}

type keysRevoke struct {
	ID string `arg:"" help:"As list shows it, the third part of the key."`
	onMachine
}

// Run ends a key at once.
func (c keysRevoke) Run(ctx context.Context, settings *Settings, to streams) error {
	said := "key " + c.ID + " works no longer, on any node after five seconds"
	return c.write(ctx, settings, to, engine.ActKey, map[string]string{"revoked": c.ID}, said,
		func(store *persistence.Store, by engine.Act) error { return store.RevokeKey(ctx, c.ID, by) })
}
