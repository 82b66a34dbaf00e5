package persistence

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestEachFaultOfAServerIsNamed(t *testing.T) {
	t.Parallel()
	well := facts{version: 150_008, encoding: "UTF8", fsync: "on", commits: "on", pages: "on", triggers: "origin", roles: true, member: true}
	require.Empty(t, well.faults())
	for name, spoil := range map[string]func(*facts){
		"15 or newer":        func(f *facts) { f.version = 140_012 },
		"SQL_ASCII":          func(f *facts) { f.encoding = "SQL_ASCII" },
		"fsync":              func(f *facts) { f.fsync = "off" },
		"synchronous_commit": func(f *facts) { f.commits = "off" },
		"full_page_writes":   func(f *facts) { f.pages = "off" },
		"superuser": func(f *facts) {
			f.superuser, f.owns, f.drops, f.grows, f.makes, f.beyond = true, true, true, true, true, []string{"UPDATE postings"}
		},
		"owns the ledger":   func(f *facts) { f.owns = true },
		"drop any table":    func(f *facts) { f.drops, f.makes = true, true },
		"make roles":        func(f *facts) { f.grows = true },
		"schema public":     func(f *facts) { f.makes = true },
		"UPDATE accounts":   func(f *facts) { f.beyond = []string{"UPDATE accounts"} },
		"f and 2 more,":     func(f *facts) { f.beyond = strings.Split("abcdefgh", "") },
		"no member of":      func(f *facts) { f.member = false },
		"replication_role":  func(f *facts) { f.triggers = "replica" },
		"audit.append_only": func(f *facts) { f.unguarded = []string{"audit.append_only"} },
		"no role cauri_app": func(f *facts) { f.roles, f.member = false, false },
	} {
		f := well
		spoil(&f)
		require.Len(t, f.faults(), 1, name)
		require.Contains(t, f.faults()[0], name)
	}
	well.commits = "remote_apply"
	require.Empty(t, well.faults())
}

func TestEveryTriggerOfTheSchemaIsAGuardThatIsLookedFor(t *testing.T) {
	t.Parallel()
	s := openRounds(t)
	rows, err := s.pool.Query(t.Context(), `
		SELECT c.relname || '.' || t.tgname
		  FROM pg_trigger t
		  JOIN pg_class c ON c.oid = t.tgrelid
		 WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal AND NOT c.relispartition`)
	require.NoError(t, err)
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.ElementsMatch(t, there, guards)
}

func TestAnAddressThatLeavesTheMachineIsVerified(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string]bool{
		"postgres://cauri@/cauri?host=/var/run/postgresql":               true,
		"postgres://cauri:secret@db.example/cauri?sslmode=verify-full":   true,
		"postgres://cauri:secret@db.example/cauri?sslmode=verify-ca":     false,
		"postgres://cauri:secret@db.example/cauri?sslmode=require":       false,
		"postgres://cauri:secret@db.example/cauri?sslmode=prefer":        false,
		"postgres://cauri:secret@db.example/cauri":                       false,
		"postgres://cauri:secret@127.0.0.1/cauri?sslmode=disable":        false,
		"host=db.example user=cauri password=secret sslmode=verify-full": true,
		"host=/run/a,db.example user=cauri sslmode=disable":              false,
		"nonsense": false,
	} {
		err := CheckAddress(address)
		require.Equal(t, fine, err == nil, address)
		if err != nil {
			require.NotContains(t, err.Error(), "secret")
		}
	}
}
