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

// A list walks an index in its own order: one that sorts, or reads past what is
// somebody else's, costs more with every payment there ever was.
func TestEachListIsWalkedByItsIndex(t *testing.T) {
	t.Parallel()
	s := openRounds(t)
	conn, err := s.rounds.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	for _, statement := range fillForPlans {
		_, err := tx.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	for query, index := range map[string]string{
		"AnyPayments": "transactions_pkey", "PaymentsOfAPlatform": "transactions_of_a_platform",
		"PaymentsOfAPayer": "transactions_of_a_payer", "PaymentsOfATalent": "transactions_of_a_talent",
		"PaymentsOfABooking": "transactions_of_a_booking", "PaymentsUnderReview": "transactions_under_review",
		"PaymentsInSuspense": "attempts_in_suspense",
		"FilterPayments":     "transactions_pkey",
		"AnyPayouts":         "payouts_pkey", "PayoutsNotPaid": "payouts_not_paid", "PayoutsOfATalent": "payouts_of_a_talent",
		"FilterPayouts": "payouts_pkey", "EventsAfter": "outbox_pkey",
	} {
		plan := genericPlan(t, tx, query)
		require.Contains(t, plan, index, "%s\n%s", query, plan)
		require.NotContains(t, plan, "Seq Scan", query)
		if !strings.HasPrefix(query, "Filter") { // which are told the ids
			require.NotContains(t, plan, "Sort", "%s\n%s", query, plan)
			require.NotContains(t, plan, "Filter:", "%s\n%s", query, plan)
		}
	}
	byName := genericPlan(t, tx, "PaymentsByName")
	require.NotContains(t, byName, "Seq Scan")
	for _, index := range []string{
		"transactions_pkey", "transactions_of_a_booking", "transactions_of_a_phone", "attempts_by_gateway_reference",
		"tries_by_gateway_reference", "refunds_by_gateway_reference",
	} {
		require.Contains(t, byName, index)
	}
}

// fillForPlans makes tables that are large enough for the planner to care. Triggers
// are off: nothing here is a payment.
var fillForPlans = []string{
	"SET LOCAL ROLE NONE", // the engine's role may do none of this
	"SET LOCAL session_replication_role = replica",
	`INSERT INTO transactions (id, decision, created_at, amount, version, step, event_seq, journal_seq, currency, status, code, review, method,
		operator, phone_sealed, phone_index, email, payer_id, principal, booking_id, talent_id)
	 SELECT gen_random_uuid(), gen_random_uuid(), now(), 100, 1, 1, 0, 0, 'XOF', 'failed', '', CASE WHEN n % 100 = 0 THEN 'x' ELSE '' END,
		'mobile_money', 'mtn', 'sealed', sha256(n::text::bytea),
		'a@example.ci', CASE WHEN n % 2 = 0 THEN 'p' || n % 500 ELSE '' END, 'platform' || n % 20,
		'b' || n, 't' || n % 300
	   FROM generate_series(1, 20000) n`,
	`INSERT INTO attempts (transaction_id, no, step, otp_tries, absences, captured, fee, fee_subunits, asked_at, since_at, live_money,
		otp_in_flight, reference, gateway, flow, gateway_reference, status, doubt, next_action, redirect_url, display_text, code)
	 SELECT id, 1, 1, 0, 0, 0, 0, 0, now(), now(), true, false, id::text, 'paystack', 'direct', 'g' || id, 'failed', '', '', '', '', ''
	   FROM transactions`,
	`INSERT INTO payouts (transaction_id, amount, due_at, paid_at, step, talent_id, status, gateway, waiting, code)
	 SELECT id, 90, now(), now(), 1, talent_id, CASE WHEN review = '' THEN 'paid' ELSE 'failed' END, 'paystack', '', '' FROM transactions`,
	`INSERT INTO payout_tries (transaction_id, no, step, sends, wallet_no, amount, fee, fee_subunits, asked_at, sent_at, live_money, reference,
		gateway, gateway_reference, status, operator, phone_sealed, name, recipient, doubt, code, said)
	 SELECT id, 1, 1, 1, 1, 90, 0, 0, now(), now(), true, id::text, 'paystack', 'g' || id, 'paid', 'mtn', '', '', '', '', '', ''
	   FROM transactions`,
	`INSERT INTO refunds (transaction_id, no, attempt_no, step, flights, sends, absences, amount, owed_at, since_at, reference, gateway,
		gateway_reference, cause, status, code, said)
	 SELECT id, 1, 1, 1, 1, 1, 0, 90, now(), now(), id::text, 'paystack', 'g' || id, 'surplus', 'done', '', '' FROM transactions`,
	`INSERT INTO outbox (transaction_id, seq, id, happened_at, kind, payload)
	 SELECT id, 1, gen_random_uuid(), now(), 'payment.failed', '{}' FROM transactions`,
	"SET LOCAL session_replication_role = origin",
	"ANALYZE",
	"SET LOCAL plan_cache_mode = force_generic_plan",
	"SET LOCAL enable_seqscan = off",
}

// genericPlan is how a statement is run whatever its parameters.
func genericPlan(t *testing.T, tx pgx.Tx, query string) string {
	t.Helper()
	_, err := tx.Exec(t.Context(), "PREPARE plan_"+query+" AS "+sql(query))
	require.NoError(t, err, query)
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(parametersOf(sql(query)))), ", ")
	rows, err := tx.Query(t.Context(), "EXPLAIN EXECUTE plan_"+query+" ("+nulls+")")
	require.NoError(t, err, query)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, query)
	return strings.Join(plan, "\n")
}

// parametersOf names each parameter of a statement once.
func parametersOf(statement string) []string {
	found := regexp.MustCompile(`\$\d+`).FindAllString(statement, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
