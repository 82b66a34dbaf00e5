package persistence

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The database's roles. None may log in: an account is made a member of one of them.
const (
	RoleOwner = "cauri_owner" // has the tables: migrations alone
	RoleApp   = "cauri_app"   // the engine
	RoleOps   = "cauri_ops"   // people's commands on the machine: the engine's rights, staff and keys
	RoleRead  = "cauri_ro"    // looks
)

var roleNames = []string{RoleOwner, RoleApp, RoleOps, RoleRead}

//go:embed roles.sql
var grants string

// RolesSQL is what makes the roles, for whoever may: an account that migrates need not.
// It is run once for each database.
func RolesSQL() string {
	var b strings.Builder
	for _, role := range roleNames {
		fmt.Fprintf(&b, "DO $$ BEGIN IF to_regrole('%s') IS NULL THEN CREATE ROLE %s NOLOGIN; END IF; END $$;\n", role, role)
	}
	fmt.Fprintf(&b, "DO $$ BEGIN IF NOT pg_has_role('%s', '%s', 'MEMBER') THEN GRANT %s TO %s; END IF; END $$;\n",
		RoleOps, RoleApp, RoleApp, RoleOps)
	fmt.Fprintf(&b, "GRANT USAGE, CREATE ON SCHEMA public TO %s;\nGRANT USAGE ON SCHEMA public TO %s, %s, %s;\n",
		RoleOwner, RoleApp, RoleOps, RoleRead)
	return b.String()
}

// rolesAgain bounds how often making the roles is tried: other databases of the same
// server may be making them at the same moment, and the catalogue has no lock for that.
const rolesAgain = 5

// makeRoles makes the roles that are missing, and says as whom the schema is to be
// migrated: the owner, or whoever this account is when it may make none and nobody has.
func makeRoles(ctx context.Context, conn *pgx.Conn, log *slog.Logger) (as string, err error) {
	for range rolesAgain {
		if _, err = conn.Exec(ctx, RolesSQL()); err == nil || stateOf(err) == stateInsufficientPrivilege {
			break
		}
	}
	if err != nil && stateOf(err) != stateInsufficientPrivilege {
		return "", fmt.Errorf("make the database's roles: %w", err)
	}
	var there, may bool
	if err := conn.QueryRow(ctx, sql("OwnerMayMigrate"), roleNames, RoleOwner).Scan(&there, &may); err != nil {
		return "", fmt.Errorf("read the database's roles: %w", err)
	}
	if !there {
		log.Warn("this account may not make the database's roles: every account that reaches the tables may do everything to them",
			"roles", strings.Join(roleNames, ", "), "do", "have a superuser run what cauri migrate roles prints")
		return "", nil
	}
	if !may {
		return "", nil
	}
	return RoleOwner, nil
}

// grant gives the roles their rights, when they are there.
func grant(ctx context.Context, conn *pgx.Conn) error {
	var there int
	if err := conn.QueryRow(ctx, sql("CountRoles"), roleNames).Scan(&there); err != nil || there < len(roleNames) {
		return err
	}
	if _, err := conn.Exec(ctx, grants); err != nil {
		return fmt.Errorf("give the database's roles their rights: %w", err)
	}
	return nil
}

// actsAs is the role an account works in: the one it is asked for when it is a member,
// itself in a database without roles. A member of neither is refused.
func actsAs(ctx context.Context, conn *pgx.Conn, role string) (string, error) {
	var there, member bool
	if err := conn.QueryRow(ctx, sql("IsMember"), role).Scan(&there, &member); err != nil {
		return "", translate(err)
	}
	switch {
	case !there:
		return "", nil
	case !member:
		return "", fmt.Errorf("this account of the database is no member of %s: GRANT %s TO it", role, role)
	}
	return role, nil
}

// CheckAddress refuses an address by which passwords and payments could be read on their
// way: whatever leaves this machine is sslmode=verify-full. Its errors hold no part of it.
func CheckAddress(dsn string) error {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return errUnreadableAddress
	}
	ways := append([]*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	for _, way := range ways {
		onThisMachine := strings.HasPrefix(way.Host, "/")
		// verify-full alone says whose certificate it must be; what prefer and allow fall back
		// to has none.
		if !onThisMachine && (way.TLSConfig == nil || way.TLSConfig.ServerName == "" || way.TLSConfig.InsecureSkipVerify) {
			return errors.New("DATABASE_URL goes over the network without sslmode=verify-full: anybody on the way could be the database")
		}
	}
	return nil
}

// Examine says what a production must not run on: an account that may do too much, a
// server that may lose what it has committed. Nothing when all is well.
func Examine(ctx context.Context, dsn string) ([]string, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("the database does not answer: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing pending on it
	var f facts
	err = conn.QueryRow(ctx, sql("ExamineServer"), RoleOwner, RoleApp).
		Scan(&f.version, &f.encoding, &f.fsync, &f.commits, &f.pages, &f.superuser, &f.owns, &f.roles)
	if err != nil {
		return nil, translate(err)
	}
	return f.faults(), nil
}

// facts are what a server says of itself and of an account.
type facts struct {
	version                int
	encoding               string
	fsync, commits, pages  string
	superuser, owns, roles bool
}

// versionMin is PostgreSQL 15.
const versionMin = 150_000

func (f facts) faults() (found []string) {
	note := func(wrong bool, says string) {
		if wrong {
			found = append(found, "DATABASE_URL: "+says)
		}
	}
	note(f.version < versionMin, fmt.Sprintf("the server is PostgreSQL %d: 15 or newer", f.version/10_000))
	note(f.encoding != "UTF8", "the database's encoding is "+f.encoding+": it is UTF8, or names are lost")
	note(f.fsync != "on", "fsync is "+f.fsync+": what was committed would not outlive a power cut")
	durable := []string{"on", "local", "remote_write", "remote_apply"} // all but off are on this server's disk
	note(!slices.Contains(durable, f.commits), "synchronous_commit is "+f.commits+": 200 to a webhook would not mean committed")
	note(f.pages != "on", "full_page_writes is "+f.pages+": a power cut could tear a page of the ledger")
	note(f.superuser, "the account is a superuser: an engine needs one that is a member of "+RoleApp+" alone")
	note(f.owns && !f.superuser,
		"the account owns the ledger's tables, or may become their owner: an engine needs a member of "+RoleApp+" alone")
	note(!f.roles, "the database has no role "+RoleApp+": have a superuser run what cauri migrate roles prints, then cauri migrate up")
	return found
}
