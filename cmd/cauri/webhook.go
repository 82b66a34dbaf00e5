package main

import (
	"context"
	"errors"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

type webhookCommand struct {
	List   webhookList   `cmd:"" help:"Those that wait, are under review, are nothing of ours, or are buried."`
	Replay webhookReplay `cmd:"" help:"Have buried ones tried again at once by the running engine."`
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
	Identity string `arg:"" optional:"" help:"Which one, as list shows it."`
	Buried   bool   `help:"All that are buried."`
	DryRun   bool   `name:"dry-run" help:"Say what would be tried again."`
}

// Run has one notification, or all that are buried, tried again.
func (c webhookReplay) Run(ctx context.Context, settings *Settings, to streams) error {
	if (c.Identity == "") == !c.Buried {
		return errors.New("name one, or say --buried for all of them")
	}
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		if c.DryRun {
			return c.rehearse(ctx, store, to)
		}
		if c.Identity != "" {
			if err := store.Replay(ctx, engine.Identity(c.Identity)); err != nil {
				return err
			}
			to.printf("it is tried again at once\n")
			return nil
		}
		n, err := store.ReplayBuried(ctx)
		if err == nil {
			to.printf("%d are tried again at once\n", n)
		}
		return err
	})
}

func (c webhookReplay) rehearse(ctx context.Context, store *persistence.Store, to streams) error {
	kept, err := store.Kept(ctx, webhooksListed)
	if err != nil {
		return err
	}
	for _, k := range kept {
		if string(k.Identity) == c.Identity || (c.Buried && k.Status == "buried") {
			to.printf("would try %s again\n", k.Identity)
		}
	}
	return nil
}

// onStore does something with the store of the settings.
func (s *Settings) onStore(ctx context.Context, to streams, do func(*persistence.Store) error) error {
	return s.onDatabase(ctx, to, func(dsn string) error {
		policy := s.policy()
		store, err := persistence.Open(ctx, persistence.Config{DSN: dsn, Policy: &policy, Log: s.logger(to)})
		if err != nil {
			return err
		}
		defer store.Close()
		return do(store)
	})
}
