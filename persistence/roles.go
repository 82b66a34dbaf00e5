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
		return ErrUnreadableAddress
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
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing pending on it
	var f facts
	err = conn.QueryRow(ctx, sql("ExamineServer"), RoleOwner, RoleApp).Scan(&f.version, &f.encoding, &f.fsync, &f.commits, &f.pages,
		&f.triggers, &f.superuser, &f.owns, &f.drops, &f.grows, &f.makes, &f.roles, &f.member)
	if err != nil {
		return nil, translate(err)
	}
	if f.beyond, err = names(ctx, conn, "ExamineRights", RoleApp, unchanging); err != nil {
		return nil, err
	}
	if f.unguarded, err = names(ctx, conn, "ExamineGuards", guards); err != nil {
		return nil, err
	}
	return f.faults(), nil
}

func names(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, sql(query), args...)
	if err != nil {
		return nil, translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return found, translate(err)
}

// unchanging are the tables whose rows no account but their owner's may change or remove,
// whatever was granted by hand.
var unchanging = []string{
	"accounts", "audit", "deliveries", "gateway_overrides", "history", "journals", "outbox", "postings", "recipients", "wallets",
}

// guards are the schema's triggers, by table and name: without one of them the database
// would take what must never be true. A test holds the list against the schema.
var guards = []string{
	"api_keys.keys_stay_what_they_are", "attempts.suspense_by_two_persons", "audit.acts_have_two_persons", "audit.append_only",
	"deliveries.append_only", "deliveries.never_emptied", "gateway_overrides.append_only", "history.append_only", "history.history_after",
	"holds.release_by_two_persons", "inbox.identities_are_kept", "inbox.what_counts_goes_on_counting", "journals.append_only",
	"outbox.append_only", "postings.append_only", "postings.postings_after", "proposals.append_only",
	"proposals.proposals_are_ruled_on_once", "recipients.append_only", "transactions.versions_follow_one_another",
	"wallets.append_only", "wallets.append_only_but_sealed",
}

// facts are what a server says of itself and of an account.
type facts struct {
	version               int
	encoding              string
	fsync, commits, pages string
	triggers              string // which of them fire: all do where it is "origin"
	superuser, owns       bool
	drops                 bool     // the schema or the database is the account's, and with it whatever stands there
	grows                 bool     // it may give itself other roles, or reach the server's files
	makes                 bool     // it may make tables and functions beside ours
	roles, member         bool     // the engine's role is there; the account is a member of it
	beyond                []string // what it may write and the engine's role may not
	unguarded             []string // triggers that are missing, or switched off
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
	less := !f.superuser && !f.owns // of those two all the rest follows
	alone := ": an engine needs a member of " + RoleApp + " alone"
	note(f.drops && less, "the account owns the database or its schema, and may drop any table of it"+alone)
	note(f.grows && !f.superuser, "the account may make roles, replicate, or reach the server's files or programs"+alone)
	note(f.makes && less && !f.drops,
		"the account may make tables and functions in the schema public: REVOKE CREATE ON SCHEMA public FROM it and PUBLIC")
	note(len(f.beyond) > 0 && less, "the account may "+some(f.beyond)+", which "+RoleApp+" may not"+alone)
	note(f.roles && !f.member && less, "the account is no member of "+RoleApp+": GRANT "+RoleApp+" TO it")
	note(f.triggers != "origin", "session_replication_role is "+f.triggers+": no trigger guards the ledger")
	note(len(f.unguarded) > 0, "triggers are missing or switched off: "+some(f.unguarded)+
		": have the owner ENABLE them, and find out what was written without them")
	note(!f.roles, "the database has no role "+RoleApp+": have a superuser run what cauri migrate roles prints, then cauri migrate up")
	return found
}

// someMax keeps a message readable: whoever may write everything may do some hundred things.
const someMax = 6

// some lists the first of many.
func some(list []string) string {
	if len(list) <= someMax {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:someMax], ", "), len(list)-someMax)
}
