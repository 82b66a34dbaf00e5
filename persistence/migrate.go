package persistence

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrOtherSchema says that the database was made by migrations other than this
// build's, of the same numbers. Before the first release they still change; nothing
// is done to such a database.
var ErrOtherSchema = errors.New("the schema was made by another build of Cauri")

// Status says where a database's schema is.
type Status struct {
	Version int64 `json:"version"` // of the last migration applied; 0 for none
	Pending int   `json:"pending"` // migrations to go
}

// ErrNoAnswer says that there is no PostgreSQL at the address, or none that lets this
// account in. It may come back.
var ErrNoAnswer = errors.New("the database does not answer")

// ErrUnreadableAddress does not say why: the reason would repeat its password.
var ErrUnreadableAddress = errors.New("DATABASE_URL can't be read as a PostgreSQL address")

// migrateWait is how long a process waits for another that is migrating.
const migrateWait = time.Minute

// Migrate brings the schema up to date and makes the coming days' partitions.
// Several processes may do it at once: one works, the others wait for a minute.
// ErrOtherSchema when the database is another build's.
func Migrate(ctx context.Context, dsn string, log *slog.Logger) error {
	as, err := migrator(ctx, dsn, log)
	if err != nil {
		return err
	}
	return withProvider(ctx, dsn, as, func(provider *goose.Provider, config *pgx.ConnConfig) error {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // and with it the lock
		if err := alone(ctx, conn); err != nil {
			return err
		}
		if err := claim(ctx, provider, conn); err != nil {
			return err
		}
		results, err := provider.Up(ctx)
		if err != nil {
			return fmt.Errorf("apply migrations: %w", err)
		}
		for _, r := range results {
			log.Info("migration applied", "file", r.Source.Path, "took", r.Duration)
		}
		if err := grant(ctx, conn); err != nil {
			return err
		}
		return makePartitions(ctx, config)
	})
}

// migrator is the role that the schema is migrated by.
func migrator(ctx context.Context, dsn string, log *slog.Logger) (string, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", ErrUnreadableAddress
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing pending on it
	return makeRoles(ctx, conn, log)
}

// CheckSchema says whether an engine of this build may use the database as it is: for
// one whose account may not migrate. ErrOtherSchema when it is another build's.
func CheckSchema(ctx context.Context, dsn string) error {
	return withProvider(ctx, dsn, "", func(provider *goose.Provider, config *pgx.ConnConfig) error {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing pending on it
		at, target, err := provider.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("read the schema's version: %w", err)
		}
		if at < target {
			return fmt.Errorf("the schema is at version %d, and this build's at %d: run cauri migrate up first, as a member of %s",
				at, target, RoleOwner)
		}
		making, err := fingerprint(provider, target)
		if err != nil {
			return err
		}
		var theirs string
		if err := conn.QueryRow(ctx, sql("ReadFingerprint")).Scan(&theirs); err != nil {
			return fmt.Errorf("read whose schema it is: %w", err)
		}
		if theirs != making {
			return fmt.Errorf("%w (version %d)", ErrOtherSchema, at)
		}
		return nil
	})
}

// alone waits until nobody else migrates, and keeps them waiting until the
// connection is closed.
func alone(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, fmt.Sprintf("SET lock_timeout = %d", migrateWait.Milliseconds())); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, sql("MigrateAlone")); err != nil {
		return fmt.Errorf("somebody else is migrating: %w", err)
	}
	return nil
}

// claim writes down by which migrations the schema is made, before they are run. It
// refuses a database whose migrations were not this build's: numbers alone don't say
// what they did.
func claim(ctx context.Context, provider *goose.Provider, conn *pgx.Conn) error {
	at, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	made, err := fingerprint(provider, at)
	if err != nil {
		return err
	}
	making, err := fingerprint(provider, target)
	if err != nil {
		return err
	}
	var theirs string
	if err := conn.QueryRow(ctx, sql("ReadFingerprint")).Scan(&theirs); err != nil {
		return fmt.Errorf("read whose schema it is: %w", err)
	}
	if at > 0 && theirs != made && theirs != making { // making: whoever claimed it did not live to run them
		return fmt.Errorf("%w (version %d): make a new database, or run the build that made it", ErrOtherSchema, at)
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("COMMENT ON TABLE goose_db_version IS '%s'", making)) // hexadecimal: nothing to escape
	return err
}

// fingerprint is the digest of the migrations up to a version, in order.
func fingerprint(provider *goose.Provider, version int64) (string, error) {
	digest := sha256.New()
	for _, source := range provider.ListSources() {
		if source.Version > version {
			continue
		}
		text, err := fs.ReadFile(migrationFiles, path.Join("migrations", path.Base(source.Path)))
		if err != nil {
			return "", err
		}
		_, _ = digest.Write(text)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// MigrationStatus says where the schema is, without changing it.
func MigrationStatus(ctx context.Context, dsn string) (Status, error) {
	var status Status
	err := withProvider(ctx, dsn, "", func(provider *goose.Provider, _ *pgx.ConnConfig) error {
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
func withProvider(ctx context.Context, dsn, as string, do func(*goose.Provider, *pgx.ConnConfig) error) (err error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return ErrUnreadableAddress
	}
	config.RuntimeParams["timezone"] = "UTC"
	if as != "" {
		config.RuntimeParams["role"] = as
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return err
	}
	return do(provider, config)
}
