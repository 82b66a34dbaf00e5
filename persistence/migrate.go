package persistence

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Status says where a database's schema is.
type Status struct {
	Version int64 `json:"version"` // of the last migration applied; 0 for none
	Pending int   `json:"pending"` // migrations to go
}

// Migrate brings the schema up to date and makes the coming days' partitions.
// Several processes may do it at once: one works, the others wait.
func Migrate(ctx context.Context, dsn string, log *slog.Logger) error {
	return withProvider(ctx, dsn, func(provider *goose.Provider, conn *pgx.ConnConfig) error {
		results, err := provider.Up(ctx)
		if err != nil {
			return fmt.Errorf("apply migrations: %w", err)
		}
		for _, r := range results {
			log.Info("migration applied", "file", r.Source.Path, "took", r.Duration)
		}
		return makePartitions(ctx, conn)
	})
}

// MigrationStatus says where the schema is, without changing it.
func MigrationStatus(ctx context.Context, dsn string) (Status, error) {
	var status Status
	err := withProvider(ctx, dsn, func(provider *goose.Provider, _ *pgx.ConnConfig) error {
		all, err := provider.Status(ctx)
		if err != nil {
			return fmt.Errorf("read the migrations' state: %w", err)
		}
		for _, m := range all {
			switch m.State {
			case goose.StateApplied:
				status.Version = m.Source.Version
			case goose.StatePending:
				status.Pending++
			}
		}
		return nil
	})
	return status, err
}

// withProvider opens goose on a connection of its own: migrations may take
// longer than any statement of the engine.
func withProvider(ctx context.Context, dsn string, do func(*goose.Provider, *pgx.ConnConfig) error) (err error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return errors.New("DATABASE_URL can't be read as a PostgreSQL address") // the reason would repeat its password
	}
	config.RuntimeParams["timezone"] = "UTC"
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // one look a second, for a minute
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	return do(provider, config)
}
