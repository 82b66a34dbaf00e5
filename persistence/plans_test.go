package persistence

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// A round must not read a whole table, however small it was when its statement was
// planned: the plan is kept while the table grows.
func TestNoStatementOfARoundReadsAWholeTable(t *testing.T) {
	t.Parallel()
	s := openRounds(t)
	conn, err := s.rounds.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	for _, name := range []string{
		"LockTransactions", "ShareWallets", "ReadAttempts", "ReadHolds", "ReadPayouts", "ReadTries", "ReadRefunds", "ReadWallets", "ReadSlots",
		"ReadPrompts", "ReadKeys", "ReadIdentities", "UpdateAttempts", "UpdateHolds", "UpdateTransactions",
		"LeaveSlots", "LeavePrompts", "ClearDue", "WakeWaiting",
		"LockAccounts", "InsertPostings", "CountIdentities", "InsertDeliveries", "InsertOtherDeliveries", "WriteDue", "Stands",
		"UseQuotas", "ClaimDue", "ClaimWaiting", "DueAge", "InboxAge", // not of a round, on its connections
	} {
		_, err := conn.Exec(t.Context(), "PREPARE "+name+" AS "+sql(name))
		require.NoError(t, err, name)
		var parameters []string
		for range parametersOf(sql(name)) {
			parameters = append(parameters, "NULL")
		}
		execute := name
		if len(parameters) > 0 {
			execute += " (" + strings.Join(parameters, ", ") + ")"
		}
		rows, err := conn.Query(t.Context(), "EXPLAIN EXECUTE "+execute)
		require.NoError(t, err, name)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err, name)
		require.NotContains(t, strings.Join(plan, "\n"), "Seq Scan", name)
	}
}

// parametersOf names each parameter of a statement once.
func parametersOf(statement string) []string {
	found := regexp.MustCompile(`\$\d+`).FindAllString(statement, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
