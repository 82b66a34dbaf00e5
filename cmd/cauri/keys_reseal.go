package main

import (
	"context"
	"fmt"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

type keysReseal struct{ onMachine }

// resealed is what the command answers.
type resealed struct {
	DryRun bool                      `json:"dry_run"`
	Tables []persistence.Resealed    `json:"tables"`
	Kept   []persistence.SealedUnder `json:"kept_under"` // what is never sealed anew, by table and key
}

// Run seals anew, under the newest keys, the phones that are under older ones, beside a
// running engine. Stopped, it is begun again: what is done is only read then. It exits 3
// when something can't be opened.
func (c keysReseal) Run(ctx context.Context, settings *Settings, to streams) error {
	act, err := c.act(settings, engine.ActKey)
	if err != nil {
		return err
	}
	return settings.onStoreAs(ctx, to, persistence.RoleOps, false, func(store *persistence.Store) error {
		if !c.DryRun {
			if err := store.WriteDown(ctx, act, "phones sealed anew"); err != nil {
				return err
			}
		}
		out := resealed{DryRun: c.DryRun}
		var err error
		out.Tables, err = store.Reseal(ctx, c.DryRun, func(r persistence.Resealed) {
			_, _ = fmt.Fprintf(to.err, "\r%-14s %d looked at, %d sealed anew", r.Table, r.Looked, r.Sealed)
		})
		_, _ = fmt.Fprintln(to.err)
		if err == nil {
			out.Kept, err = store.KeptUnder(ctx)
		}
		if err != nil {
			return err
		}
		return out.tell(c.JSON, to)
	})
}

func (r resealed) tell(asJSON bool, to streams) error {
	unreadable := int64(0)
	for _, one := range r.Tables {
		unreadable += one.Unreadable
	}
	for _, one := range r.Kept {
		if !one.Known {
			unreadable += one.Rows
		}
	}
	if asJSON {
		if err := to.printJSON(r); err != nil {
			return err
		}
	} else {
		for _, one := range r.Tables {
			to.printf("%-14s %8d looked at  %8d under older keys  %8d sealed anew  %8d left for the next run  %8d unreadable\n",
				one.Table, one.Looked, one.Old, one.Sealed, one.Left, one.Unreadable)
		}
		for _, one := range r.Kept {
			missing := ""
			if !one.Known {
				missing = "  MISSING from CAURI_DATA_KEYS"
			}
			to.printf("%-14s %8d keep the data key %s%s\n", one.Table, one.Rows, one.Key, missing)
		}
	}
	if unreadable > 0 {
		return broken(sprintf("%d can't be opened: a data key is missing, or they were altered", unreadable))
	}
	return nil
}

// examineKeys names the data keys that the database is sealed under and we don't have.
func (s *Settings) examineKeys(ctx context.Context, to streams) []finding {
	if s.DatabaseURL == "" {
		return nil // a private one that is not running: examined when it is
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	var seen []persistence.SealedUnder
	err := s.onStore(ctx, to, func(store *persistence.Store) (err error) {
		seen, err = store.SealedUnder(ctx)
		return err
	})
	if err != nil {
		return []finding{{What: "CAURI_DATA_KEYS", Says: err.Error(), Do: "reach the database first, and migrate it"}}
	}
	missing := map[string]bool{}
	var out []finding
	for _, one := range seen {
		if !one.Known && !missing[one.Key] {
			missing[one.Key] = true
			out = append(out, finding{
				What: "CAURI_DATA_KEYS", Says: sprintf("the key %q is missing: %s has rows sealed under it", one.Key, one.Table),
				Do: "put it back from your safe: docs/runbooks/data_keys.md",
			})
		}
	}
	if len(out) == 0 {
		out = []finding{{What: "CAURI_DATA_KEYS", OK: true, Says: "the database's phones open with them"}}
	}
	return out
}
