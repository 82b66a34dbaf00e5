package main

import (
	"context"
	"errors"

	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/persistence"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Bring the schema up to date. Safe to run twice, or from two machines at once."`
	Status migrateStatus `cmd:"" help:"Say where the schema is."`
	Roles  migrateRoles  `cmd:"" help:"Print the SQL that makes the database's roles, for a superuser to run once."`
}

type migrateUp struct{}

// Run brings the schema up to date.
func (migrateUp) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onDatabase(ctx, to, func(dsn string) error {
		if err := persistence.Migrate(ctx, dsn, settings.logger(to)); err != nil {
			return err
		}
		return printStatus(ctx, dsn, false, to)
	})
}

type migrateRoles struct{}

// Run prints it. The rights of the roles come with every migration.
func (migrateRoles) Run(to streams) error {
	to.printf("%s", persistence.RolesSQL())
	return nil
}

type migrateStatus struct {
	JSON bool `help:"For machines."`
}

// Run says where the schema is.
func (c migrateStatus) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onDatabase(ctx, to, func(dsn string) error { return printStatus(ctx, dsn, c.JSON, to) })
}

func printStatus(ctx context.Context, dsn string, asJSON bool, to streams) error {
	status, err := persistence.MigrationStatus(ctx, dsn)
	if err != nil {
		return err
	}
	if asJSON {
		return to.printJSON(status)
	}
	to.printf("schema version %d, %d migrations to go\n", status.Version, status.Pending)
	return nil
}

// onDatabase does something to the database of the settings, starting the private one
// for as long as it takes, or beside the engine that keeps it.
func (s *Settings) onDatabase(ctx context.Context, to streams, do func(dsn string) error) error {
	var running lifecycle.Group
	db, err := s.database(ctx, &running, serveApp, s.logger(to))
	var kept *pgembed.InUse
	if errors.As(err, &kept) {
		if dsn, serves := kept.DSN(serveApp); serves {
			return do(dsn)
		}
	}
	if err == nil {
		err = do(db.dsn)
	}
	if stopped := running.Stop(context.WithoutCancel(ctx)); err == nil {
		err = stopped
	}
	return err
}
