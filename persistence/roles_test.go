package persistence_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/persistence"
)

// may is every right there is, by table and role: a letter for SELECT, INSERT, UPDATE,
// DELETE and TRUNCATE; a small one where it is of some columns only. Written beside
// roles.sql and not from it: each is the other's check. A table that is not here fails.
var may = map[string]struct{ app, ops, ro string }{
	"accounts":           {"SI", "SI", "S"},
	"api_keys":           {"Su", "SIU", "s"},
	"attempts":           {"SIU", "SIU", "S"},
	"audit":              {"SI", "SI", "S"},
	"deliveries":         {"SI", "SI", "s"},
	"deliveries_default": {"S", "S", ""},
	"due":                {"SIUD", "SIUD", "S"},
	"gateway_overrides":  {"SI", "SI", "S"},
	"goose_db_version":   {"S", "S", "S"},
	"history":            {"SI", "SI", "S"},
	"holds":              {"SIU", "SIU", "S"},
	"idempotency":        {"SIU", "SIU", "s"},
	"inbox":              {"SIU", "SIU", "S"},
	"journals":           {"SI", "SI", "S"},
	"legal_moves":        {"S", "S", "S"},
	"open_bookings":      {"SID", "SID", "S"},
	"open_prompts":       {"SID", "SID", "s"},
	"outbox":             {"SI", "SI", "S"},
	"payout_tries":       {"SIU", "SIU", "s"},
	"payouts":            {"SIU", "SIU", "S"},
	"postings":           {"SI", "SI", "S"},
	"proposals":          {"SIu", "SIu", "s"},
	"quota_uses":         {"SIUD", "SIUD", "S"},
	"recipients":         {"SI", "SI", "S"},
	"refunds":            {"SIU", "SIU", "S"},
	"staff":              {"S", "SIU", "S"},
	"transactions":       {"SIU", "SIU", "s"},
	"wallets":            {"SI", "SIu", "s"},
}

func TestEveryRightOnEveryTableIsTheOneThatWasMeant(t *testing.T) {
	t.Parallel()
	w := open(t)
	rows, err := w.window.Query(t.Context(), `
		SELECT c.relname, r.rolname,
		       concat(CASE WHEN has_table_privilege(r.oid, c.oid, 'SELECT') THEN 'S'
		                   WHEN has_any_column_privilege(r.oid, c.oid, 'SELECT') THEN 's' END,
		              CASE WHEN has_table_privilege(r.oid, c.oid, 'INSERT') THEN 'I'
		                   WHEN has_any_column_privilege(r.oid, c.oid, 'INSERT') THEN 'i' END,
		              CASE WHEN has_table_privilege(r.oid, c.oid, 'UPDATE') THEN 'U'
		                   WHEN has_any_column_privilege(r.oid, c.oid, 'UPDATE') THEN 'u' END,
		              CASE WHEN has_table_privilege(r.oid, c.oid, 'DELETE') THEN 'D' END,
		              CASE WHEN has_table_privilege(r.oid, c.oid, 'TRUNCATE') THEN 'T' END,
		              CASE WHEN has_table_privilege(r.oid, c.oid, 'TRIGGER, REFERENCES') THEN '!' END),
		       pg_get_userbyid(c.relowner)
		  FROM pg_class c
		 CROSS JOIN pg_roles r
		 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
		   AND r.rolname IN ('cauri_app', 'cauri_ops', 'cauri_ro')`)
	require.NoError(t, err)
	var table, role, rights, owner string
	cells := 0
	_, err = pgx.ForEachRow(rows, []any{&table, &role, &rights, &owner}, func() error {
		require.Equal(t, persistence.RoleOwner, owner, table)
		if strings.HasPrefix(table, "deliveries_2") || table == "goose_db_version_id_seq" {
			require.Empty(t, rights, "%s of %s", table, role) // a partition is reached through its parent
			return nil
		}
		meant, thought := may[table]
		require.True(t, thought, "a table nobody has thought about: %s", table)
		want := map[string]string{persistence.RoleApp: meant.app, persistence.RoleOps: meant.ops, persistence.RoleRead: meant.ro}[role]
		require.Equal(t, want, rights, "%s on %s", role, table)
		cells++
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 3*len(may), cells)
	fmt.Printf("rights: %d tables × 3 roles\n", len(may))
}

func TestWhoOnlyLooksSeesNoPhoneAndNoAddress(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.paid(t, "B1")
	conn, err := pgx.Connect(t.Context(), w.account(t, persistence.RoleRead))
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var payments int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(booking_id) FROM transactions WHERE status = 'succeeded'").Scan(&payments))
	require.Equal(t, 1, payments)
	for _, personal := range []string{
		"SELECT phone_sealed FROM transactions", "SELECT phone_index FROM transactions", "SELECT email FROM transactions",
		"SELECT phone_sealed FROM wallets", "SELECT phone_sealed FROM payout_tries", "SELECT phone_sealed FROM proposals",
		"SELECT phone_index FROM open_prompts", "SELECT body FROM deliveries", "SELECT hash FROM api_keys", "SELECT answer_body FROM idempotency",
	} {
		_, err := conn.Exec(t.Context(), personal)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, personal)
		require.Equal(t, "42501", refused.Code, personal)
	}
}

// forbidden are statements that whoever took the engine over would try.
var forbidden = []string{
	"UPDATE postings SET amount = amount + 1", "DELETE FROM postings", "TRUNCATE postings",
	"UPDATE journals SET kind = 'x'", "DELETE FROM journals", "TRUNCATE journals",
	"UPDATE accounts SET balance = 0", "DELETE FROM accounts",
	"UPDATE history SET to_status = 'x'", "DELETE FROM history", "TRUNCATE history",
	"UPDATE outbox SET payload = '{}'", "DELETE FROM outbox", "TRUNCATE outbox",
	"UPDATE deliveries SET body = ''", "DELETE FROM deliveries", "TRUNCATE deliveries",
	"DELETE FROM inbox", "TRUNCATE inbox",
	"UPDATE audit SET who = 'x'", "DELETE FROM audit", "TRUNCATE audit",
	"UPDATE wallets SET name = 'x'", "DELETE FROM wallets", "TRUNCATE wallets",
	"UPDATE gateway_overrides SET who = 'x'", "DELETE FROM gateway_overrides", "TRUNCATE gateway_overrides",
	"UPDATE proposals SET amount = 1", "UPDATE proposals SET maker = 'x'", "DELETE FROM proposals", "TRUNCATE proposals",
	"DELETE FROM transactions", "TRUNCATE transactions", "DELETE FROM holds", "DELETE FROM payouts",
	"INSERT INTO staff (name, role, daily_limit, added_at) VALUES ('x', 'finance', 1, now())", "UPDATE staff SET role = 'finance'",
	"UPDATE api_keys SET hash = ''", "UPDATE api_keys SET revoked_at = NULL", "DELETE FROM api_keys",
	"INSERT INTO legal_moves SELECT 'hold', 'released', 'held'", "DELETE FROM legal_moves",
	"ALTER TABLE postings DISABLE TRIGGER USER", "DROP TABLE postings", "DROP TRIGGER append_only ON postings",
	"CREATE TABLE mine (x integer)", "CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
	"SET session_replication_role = replica", "SET ROLE cauri_owner",
}

func TestWhoTookTheEngineOverCanWriteNoHistory(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	w.apply(t, id, engine.ConfirmDelivery{})
	conn, err := pgx.Connect(t.Context(), w.account(t, persistence.RoleApp))
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range forbidden {
		_, err := conn.Exec(t.Context(), statement)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, statement)
		require.Equal(t, "42501", refused.Code, "%s: %s", statement, refused.Message)
	}
	w.sound(t)
}

// The owner has every right, and the triggers refuse it all the same.
func TestTheOwnerCannotChangeWhatIsAppendOnly(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	w.apply(t, id, engine.ConfirmDelivery{})
	_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.Wave, Phone: phone.MustParse("0700000056"), Name: "Awa"})
	require.NoError(t, err)
	w.team(t)
	w.proposes(t, "awa", engine.Proposal{Kind: engine.ActEndReview, Payment: id, Talent: "T1", Amount: 50_000})
	conn, err := w.window.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "SET ROLE cauri_owner")
	require.NoError(t, err)
	for table, column := range map[string]string{
		"postings": "account", "journals": "kind", "history": "note", "outbox": "kind", "deliveries": "identity", "wallets": "name",
		"recipients": "code", "gateway_overrides": "why", "audit": "who",
	} {
		for _, statement := range []string{
			"TRUNCATE " + table + " CASCADE", "DELETE FROM " + table, fmt.Sprintf("UPDATE %s SET %s = %s || 'x'", table, column, column),
		} {
			_, err := conn.Exec(t.Context(), statement)
			var refused *pgconn.PgError
			require.ErrorAs(t, err, &refused, statement)
			require.Equal(t, "append_only", refused.ConstraintName, statement)
		}
	}
	for statement, guard := range map[string]string{ // rows that change once, or until they count
		"TRUNCATE inbox": "identities_are_kept", "DELETE FROM inbox": "identities_are_kept",
		"UPDATE inbox SET identity = identity || 'x'": "what_counts_goes_on_counting",
		"UPDATE inbox SET status = 'waiting'":         "what_counts_goes_on_counting",
		"TRUNCATE proposals":                          "append_only", "DELETE FROM proposals": "append_only",
		"UPDATE proposals SET reason = 'another'":                                        "proposals_are_ruled_on_once",
		"UPDATE proposals SET verdict = 'approved', checker = maker, checked_at = now()": "maker_is_not_checker",
	} {
		_, err := conn.Exec(t.Context(), statement)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, statement)
		require.Equal(t, guard, refused.ConstraintName, statement)
	}
	w.sound(t)
}

// engines counts the accounts of these tests: they are the server's, not a database's.
var engines atomic.Int32

// account makes an account that is a member of one role, and connects as it.
func (w *world) account(t *testing.T, role string) (dsn string) {
	t.Helper()
	name := fmt.Sprintf("%s_%d_%d", role, os.Getpid(), engines.Add(1))
	w.exec(t, "CREATE ROLE "+name+" LOGIN IN ROLE "+role)
	u, err := url.Parse(w.dsn)
	require.NoError(t, err)
	u.User = url.User(name)
	return u.String()
}

// An engine whose account is a member of cauri_app and of nothing else does all there is.
func TestAnAccountThatIsOnlyTheEnginesRunsAnEngine(t *testing.T) {
	t.Parallel()
	w := open(t)
	dsn := w.account(t, persistence.RoleApp)
	store := w.through(t, dsn)
	id := freshID()
	for _, cmd := range []engine.Command{initiation("B1"), succeeded(id, 50_000), engine.ConfirmDelivery{}} {
		_, err := store.Apply(t.Context(), engine.Ask{Transaction: id, Command: cmd})
		require.NoError(t, err)
	}
	require.NoError(t, persistence.CheckSchema(t.Context(), dsn))
	found, err := store.CheckInvariants(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	keeper := store.Keeper()
	require.NoError(t, keeper.Start(t.Context()))
	require.NoError(t, keeper.Stop(t.Context()))

	_, err = persistence.Open(t.Context(), persistence.Config{DSN: dsn, Role: persistence.RoleOps, Vault: w.vault, Policy: w.policy})
	require.ErrorContains(t, err, "GRANT cauri_ops")
	_, err = persistence.Open(t.Context(), persistence.Config{DSN: w.account(t, persistence.RoleRead), Vault: w.vault, Policy: w.policy})
	require.ErrorContains(t, err, "GRANT cauri_app")
	require.Error(t, persistence.Migrate(t.Context(), dsn, slog.New(slog.DiscardHandler)), "it owns nothing")
}

func TestAnEngineMakesPartitionsAndNoOtherTable(t *testing.T) {
	t.Parallel()
	w := open(t)
	before := w.count(t, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'deliveries'::regclass")
	conn, err := pgx.Connect(t.Context(), w.account(t, persistence.RoleApp))
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), "SELECT make_partitions(10)")
	require.NoError(t, err)
	require.Equal(t, before+3, w.count(t, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'deliveries'::regclass"))
	_, err = conn.Exec(t.Context(), "SELECT make_partitions(100000)")
	require.Error(t, err)
}

// What a production examines, of the server these tests have: fast and not durable, and
// of two accounts.
func TestAProductionExaminesItsServerAndItsAccount(t *testing.T) {
	t.Parallel()
	w := open(t)
	faults, err := persistence.Examine(t.Context(), w.dsn)
	require.NoError(t, err)
	require.Contains(t, strings.Join(faults, "\n"), "superuser")
	require.Contains(t, strings.Join(faults, "\n"), "fsync is off")
	w.exec(t, "ALTER DATABASE "+pgx.Identifier{w.name(t)}.Sanitize()+" SET synchronous_commit = off")
	faults, err = persistence.Examine(t.Context(), w.account(t, persistence.RoleOwner))
	require.NoError(t, err)
	require.Contains(t, strings.Join(faults, "\n"), "owns the ledger")
	require.Contains(t, strings.Join(faults, "\n"), "synchronous_commit is off")
	faults, err = persistence.Examine(t.Context(), w.account(t, persistence.RoleApp))
	require.NoError(t, err)
	for _, well := range []string{"account", "trigger", "replication"} {
		require.NotContains(t, strings.Join(faults, "\n"), well)
	}
}

// Each is a way by which an account of a production comes to do more than an engine may,
// and a statement that it could then run.
func TestAProductionSeesWhateverElseAnAccountMay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, does, says string }{
		"owns the database":     {"ALTER DATABASE $D OWNER TO $U", "DROP TABLE audit CASCADE", "may drop any table"},
		"owns the schema":       {"ALTER SCHEMA public OWNER TO $U", "DROP TABLE postings CASCADE", "may drop any table"},
		"writes everything":     {"GRANT pg_write_all_data TO $U", "UPDATE accounts SET balance = balance + 1", "UPDATE accounts"},
		"was given a column":    {"GRANT UPDATE (balance) ON accounts TO $U", "UPDATE accounts SET balance = balance + 1", "UPDATE accounts"},
		"its role was given it": {"GRANT UPDATE ON accounts TO cauri_app", "UPDATE accounts SET balance = balance + 1", "UPDATE accounts"},
		"is people's": {"GRANT cauri_ops TO $U",
			"INSERT INTO staff (name, role, daily_limit, added_at) VALUES ('x', 'finance', 1, now())", "INSERT staff"},
		"makes roles":  {"ALTER ROLE $U CREATEROLE", "CREATE ROLE $U_2", "may make roles"},
		"makes tables": {"GRANT CREATE ON SCHEMA public TO $U", "CREATE TABLE mine (x integer)", "in the schema public"},
		"its triggers sleep": {"ALTER ROLE $U SET session_replication_role = replica",
			"INSERT INTO journals SELECT gen_random_uuid(), 1, now(), 'x', 'x'", "session_replication_role is replica"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			w.paid(t, "B1")
			dsn := w.account(t, persistence.RoleApp)
			u, err := url.Parse(dsn)
			require.NoError(t, err)
			names := strings.NewReplacer("$U", u.User.Username(), "$D", pgx.Identifier{w.name(t)}.Sanitize())
			before, err := persistence.Examine(t.Context(), dsn)
			require.NoError(t, err)
			require.NotContains(t, strings.Join(before, "\n"), c.says)

			w.exec(t, names.Replace(c.given))
			conn, err := pgx.Connect(t.Context(), dsn)
			require.NoError(t, err)
			defer func() { _ = conn.Close(t.Context()) }()
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), names.Replace(c.does))
			require.NoError(t, err, "it may")
			require.NoError(t, tx.Rollback(t.Context()))
			after, err := persistence.Examine(t.Context(), dsn)
			require.NoError(t, err)
			require.Len(t, after, len(before)+1, "one fault: %s", after)
			require.Contains(t, strings.Join(after, "\n"), c.says)
		})
	}
}

func TestAProductionSeesThatATriggerIsGone(t *testing.T) {
	t.Parallel()
	w := open(t)
	dsn := w.account(t, persistence.RoleApp)
	for _, c := range []struct{ done, says string }{
		{"ALTER TABLE postings DISABLE TRIGGER append_only", "postings.append_only"},
		{"DROP TRIGGER append_only ON audit", "audit.append_only"},
		{"ALTER TABLE holds ENABLE REPLICA TRIGGER release_by_two_persons", "holds.release_by_two_persons"},
		{"ALTER TABLE " + days(t, w.window)[0] + " DISABLE TRIGGER append_only", days(t, w.window)[0] + ".append_only"},
	} {
		faults, err := persistence.Examine(t.Context(), dsn)
		require.NoError(t, err)
		require.NotContains(t, strings.Join(faults, "\n"), c.says)
		w.exec(t, c.done)
		faults, err = persistence.Examine(t.Context(), dsn)
		require.NoError(t, err)
		require.Contains(t, strings.Join(faults, "\n"), c.says)
	}
}

func (w *world) name(t *testing.T) (name string) {
	t.Helper()
	require.NoError(t, w.window.QueryRow(t.Context(), "SELECT current_database()").Scan(&name))
	return name
}
