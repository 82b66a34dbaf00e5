package main

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

type webhookCommand struct {
	List   webhookList   `cmd:"" help:"Those that wait, are under review, are nothing of ours, or are buried."`
	Replay webhookReplay `cmd:"" help:"Have buried ones tried again at once by the running engine."`
	Show   webhookShow   `cmd:"" help:"The bytes one was told in. There are people in them: who reads them is written down."`
	Tail   webhookTail   `cmd:"" help:"See them as they come, and what becomes of them."`
	Verify webhookVerify `cmd:"" help:"Hold a body and its signature against our secrets, and say what it tells."`
	Send   webhookSend   `cmd:"" help:"Send an engine one as its gateway would, made up and signed with a test key."`
}

// webhooksListed bounds a list: what a person can read.
const webhooksListed = 200

type webhookList struct {
	JSON bool `help:"For machines."`
}

// Run lists what is kept and has not counted, the latest first.
func (c webhookList) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		kept, err := store.Kept(ctx, webhooksListed)
		if err != nil {
			return err
		}
		if c.JSON {
			return to.printJSON(kept)
		}
		for _, k := range kept {
			to.printf("%s  %-8s %-20s %d tries  %s  %s\n", k.ParkedAt.UTC().Format(time.RFC3339), k.Status, k.Kind, k.Tries, k.Identity, k.Reason)
		}
		to.printf("%d kept\n", len(kept))
		return nil
	})
}

type webhookReplay struct {
	Identity string    `arg:"" optional:"" help:"Which one, as list shows it."`
	Buried   bool      `help:"All that are buried."`
	Since    time.Time `placeholder:"TIME" help:"With --buried: kept at or after, RFC 3339."`
	Until    time.Time `placeholder:"TIME" help:"With --buried: kept before."`
	onMachine
}

// Validate is kong's.
func (c webhookReplay) Validate() error {
	switch {
	case (c.Identity == "") == !c.Buried:
		return misused("name one, or say --buried for all of them")
	case !c.Buried && !(c.Since.IsZero() && c.Until.IsZero()):
		return misused("--since and --until go with --buried")
	}
	return c.byStaff.Validate()
}

// Run has one notification, or all that were buried in a time, tried again.
func (c webhookReplay) Run(ctx context.Context, settings *Settings, to streams) error {
	if c.DryRun {
		return c.rehearse(ctx, settings, to)
	}
	act, err := c.act(settings, engine.ActReplay)
	if err != nil {
		return err
	}
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		n := int64(1)
		if c.Identity != "" {
			err = store.Replay(ctx, engine.Identity(c.Identity), act)
		} else {
			n, err = store.ReplayBuried(ctx, c.Since, c.Until, act)
		}
		switch {
		case err != nil:
			return err
		case c.JSON:
			return to.printJSON(map[string]int64{"replayed": n})
		}
		to.printf("%d tried again at once; written down as decided by %s\n", n, act.Who)
		return nil
	})
}

func (c webhookReplay) rehearse(ctx context.Context, settings *Settings, to streams) error {
	within := func(at time.Time) bool {
		return (c.Since.IsZero() || !at.Before(c.Since)) && (c.Until.IsZero() || at.Before(c.Until))
	}
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		kept, err := store.Kept(ctx, webhooksListed)
		if err != nil {
			return err
		}
		meant := []persistence.Kept{}
		for _, k := range kept {
			if string(k.Identity) == c.Identity || (c.Buried && k.Status == "buried" && within(k.ParkedAt)) {
				meant = append(meant, k)
			}
		}
		if len(meant) == 0 && c.Identity != "" {
			return notFound("no waiting or buried notification of the latest is called so")
		}
		if c.JSON {
			return to.printJSON(meant)
		}
		for _, k := range meant {
			to.printf("would try %s again\n", k.Identity)
		}
		to.printf("%d of the latest %d kept\n", len(meant), len(kept))
		return nil
	})
}

// onStore does something with the store of the settings, as an engine might.
func (s *Settings) onStore(ctx context.Context, to streams, do func(*persistence.Store) error) error {
	return s.onStoreAs(ctx, to, persistence.RoleApp, false, do)
}

// onStoreAs does so in one of the database's roles, or tries it and takes it back.
func (s *Settings) onStoreAs(ctx context.Context, to streams, role string, rehearse bool, do func(*persistence.Store) error) error {
	return s.onDatabase(ctx, to, func(dsn string) error {
		policy := s.policy()
		sealing, err := s.vault()
		if err != nil {
			return err
		}
		store, err := persistence.Open(ctx, persistence.Config{
			DSN: dsn, Role: role, Policy: &policy, Vault: sealing, Log: s.logger(to), Rehearse: rehearse,
		})
		if err != nil {
			return err
		}
		defer store.Close()
		if err := do(store); err != nil {
			return s.explained(err)
		}
		return nil
	})
}

// explained says of a database without our tables which one it is: most often not the
// one that was meant.
func (s *Settings) explained(err error) error {
	switch {
	case !persistence.IsEmpty(err):
		return err
	case s.DatabaseURL == "":
		return misused("no engine has run on this machine's private database. Set DATABASE_URL to the engine's; a demo prints its own")
	}
	return misused("the database has no schema of ours: is DATABASE_URL the engine's? cauri migrate up makes one")
}
