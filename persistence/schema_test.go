package persistence_test

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// violations breaks each constraint, unique index and refusing trigger of the
// schema once, on a payment that was paid out. again inserts a row of the table
// a second time, changed as it says.
var violations = map[string]string{
	"a_version_counts_from_one":          `SELECT again('transactions', '{"version": 0}')`,
	"amounts_are_positive":               `UPDATE transactions SET version = version + 1, amount = 0`,
	"charge_status_is_known":             `SELECT again('transactions', '{"status": "lost", "paid_at": null}')`,
	"paid_charges_have_succeeded":        `UPDATE transactions SET version = version + 1, paid_at = NULL`,
	"versions_follow_one_another":        `UPDATE transactions SET version = version + 2`,
	"transactions_pkey":                  `SELECT again('transactions', '{}')`,
	"open_bookings_pkey":                 `SELECT again('open_bookings', '{"transaction_id": "00000000-0000-0000-0000-000000000001"}')`,
	"an_open_payment_is_for_one_booking": `SELECT again('open_bookings', '{"booking_id": "another"}')`,
	"payers_suit_their_method":           `SELECT again('transactions', '{"method": "card"}')`,
	"a_phone_is_sealed_and_found":        `SELECT again('transactions', '{"method": "card", "operator": "", "phone_index": ""}')`,
	"open_prompts_pkey": prompted + `
		SELECT again('open_prompts', '{"transaction_id": "00000000-0000-0000-0000-000000000001"}')`,
	"quota_uses_pkey":                           `INSERT INTO quota_uses SELECT now(), now(), 'a', 'b' FROM generate_series(1, 2)`,
	"a_prompt_is_on_a_phone":                    prompted + `UPDATE open_prompts SET phone_index = ''`,
	"flow_is_known":                             `UPDATE attempts SET flow = 'by post'`,
	"attempts_pkey":                             `SELECT again('attempts', '{"disposition": "surplus", "reference": "r"}')`,
	"attempts_count_from_one":                   `UPDATE attempts SET no = 0`,
	"attempt_status_is_known":                   `UPDATE attempts SET status = 'lost', disposition = NULL, captured = 0`,
	"disposition_is_known":                      `UPDATE attempts SET disposition = 'mine'`,
	"successes_have_a_disposition":              `UPDATE attempts SET disposition = NULL`,
	"successes_have_captured":                   `UPDATE attempts SET captured = 0`,
	"one_kept_attempt":                          `SELECT again('attempts', '{"no": 2, "reference": "r"}')`,
	"a_reference_is_used_once":                  `SELECT again('attempts', '{"no": 2, "disposition": "surplus"}')`,
	"one_live_attempt":                          twoLive,
	"holds_pkey":                                `SELECT again('holds', '{}')`,
	"hold_status_is_known":                      `UPDATE holds SET status = 'lost', released_at = NULL, released_by = ''`,
	"parts_sum_to_the_whole":                    `UPDATE holds SET commission = commission + 1`,
	"holds_never_give_more_than_they_have":      `UPDATE holds SET refunded = 1`,
	"released_holds_have_a_time":                `UPDATE holds SET released_at = NULL`,
	"released_holds_say_who":                    `UPDATE holds SET released_by = ''`,
	"payouts_pkey":                              `SELECT again('payouts', '{}')`,
	"payouts_are_positive":                      `UPDATE payouts SET amount = 0`,
	"payout_status_is_known":                    `UPDATE payouts SET status = 'lost'`,
	"paid_payouts_have_a_time":                  `UPDATE payouts SET paid_at = NULL`,
	"payout_tries_pkey":                         `SELECT again('payout_tries', '{"reference": "r"}')`,
	"tries_count_from_one":                      `UPDATE payout_tries SET no = 0`,
	"try_status_is_known":                       `UPDATE payout_tries SET status = 'lost'`,
	"a_payout_reference_is_used_once":           `SELECT again('payout_tries', '{"no": 2}')`,
	"one_open_try":                              twoOpen,
	"refunds_pkey":                              owed + `SELECT again('refunds', '{"attempt_no": 2, "reference": "r"}')`,
	"refunds_count_from_one":                    owed + `UPDATE refunds SET no = 0`,
	"a_surplus_is_owed_back_once":               owed + `SELECT again('refunds', '{"no": 2, "status": "owed", "reference": "r"}')`,
	"refunds_are_positive":                      owed + `UPDATE refunds SET amount = 0`,
	"refund_cause_is_known":                     owed + `UPDATE refunds SET cause = 'a whim'`,
	"refund_status_is_known":                    owed + `UPDATE refunds SET status = 'lost'`,
	"what_is_in_flight_has_left":                owed + `UPDATE refunds SET flights = 0`,
	"a_refund_reference_is_used_once":           owed + `SELECT again('refunds', '{"no": 2, "attempt_no": 2}')`,
	"one_refund_in_flight":                      twoRefunds,
	"refunds_are_looked_at_until_they_are_done": owed + `UPDATE refunds SET next_at = NULL`,
	"journals_pkey":                             `SELECT again('journals', '{"kind": "another"}')`,
	"a_fact_is_booked_once":                     `SELECT again('journals', '{"no": 100}')`,
	"postings_pkey":                             `SELECT again('postings', '{}')`,
	"something_moves":                           `SELECT again('postings', '{"line": 100, "amount": 0}')`,
	"journals_balance":                          `SELECT again('postings', '{"line": 100, "amount": 1}')`,
	"accounts_pkey":                             `SELECT again('accounts', '{}')`,
	"accounts_stay_above_their_floor":           `UPDATE accounts SET balance = -1`,
	"legal_moves_pkey":                          `SELECT again('legal_moves', '{}')`,
	"history_pkey":                              `SELECT again('history', '{}')`,
	"places_count_from_one":                     `SELECT again('history', '{"step": 100, "place": 0}')`,
	"moves_are_legal": `
		SELECT again('history', '{"step": 100, "machine": "hold", "from_status": "released", "to_status": "held"}')`,
	"outbox_pkey":                  `SELECT again('outbox', '{}')`,
	"events_count_from_one":        `SELECT again('outbox', '{"seq": 0}')`,
	"inbox_pkey":                   `SELECT again('inbox', '{}')`,
	"inbox_status_is_known":        `SELECT again('inbox', '{"identity": "another", "status": "lost"}')`,
	"what_waits_has_a_time":        `SELECT again('inbox', '{"identity": "another", "status": "waiting"}')`,
	"what_counts_goes_on_counting": `UPDATE inbox SET status = 'waiting', next_at = now()`,
	"identities_are_kept":          `DELETE FROM inbox`,
	"due_pkey": `
		INSERT INTO due (transaction_id, kind, due_at)
		SELECT id, 'charge', now()
		  FROM transactions, generate_series(1, 2)`,
	"due_kind_is_known":      `INSERT INTO due (transaction_id, kind, due_at) SELECT id, 'lunch', now() FROM transactions`,
	"idempotency_pkey":       `SELECT again('idempotency', '{}')`,
	"an_answer_is_whole":     `UPDATE idempotency SET answer_status = 200`,
	"wallets_pkey":           `SELECT again('wallets', '{}')`,
	"wallets_count_from_one": `SELECT again('wallets', '{"no": 0}')`,
	"recipients_pkey":        `SELECT again('recipients', '{}')`,

	"gateway_overrides_pkey":           overridden + `SELECT again('gateway_overrides', '{}')`,
	"overrides_count_from_one":         overridden + `SELECT again('gateway_overrides', '{"no": 0}')`,
	"override_class_is_known":          overridden + `SELECT again('gateway_overrides', '{"no": 2, "class": "lunch"}')`,
	"override_state_is_known":          overridden + `SELECT again('gateway_overrides', '{"no": 2, "state": "ajar"}')`,
	"somebody_answers_for_an_override": overridden + `SELECT again('gateway_overrides', '{"no": 2, "why": ""}')`,
	"an_override_ends":                 overridden + `SELECT again('gateway_overrides', '{"no": 2, "until_at": null}')`,
	"an_override_ends_within_a_day":    overridden + `SELECT again('gateway_overrides', '{"no": 2, "at": "2026-01-01T00:00:00Z"}')`,
}

// What a payment that was paid out no longer has, or never had.
const (
	prompted = `INSERT INTO open_prompts (phone_index, amount, transaction_id) SELECT phone_index, amount, id FROM transactions; `
	owed     = `
		INSERT INTO refunds (transaction_id, no, attempt_no, gateway, reference, cause, amount, owed_at, status, step, sends, flights,
		       gateway_reference, code, said, since_at, next_at, absences)
		SELECT id, 1, 1, 'paystack', id || '-r1', 'surplus', 10, now(), 'sending', 2, 1, 1, '', '', '', now(), now(), 0 FROM transactions; `
	overridden = `INSERT INTO gateway_overrides
		VALUES (1, now(), now() + interval '1 h', 'paystack', 'collect', 'open', 'awa', 'nonroot@node-1', 'a drill'); `
)

// Two that may still debit the payer; two that may still pay the talent; two that
// may still give one capture back, which the rule above it would not let stand.
const (
	twoLive = `
		SELECT again('attempts', '{"status": "sending", "disposition": null, "captured": 0, "no": 2, "reference": "r2"}'),
		       again('attempts', '{"status": "unknown", "disposition": null, "captured": 0, "no": 3, "reference": "r3"}')`
	twoOpen = `
		SELECT again('payout_tries', '{"no": 2, "status": "sending", "reference": "r2"}'),
		       again('payout_tries', '{"no": 3, "status": "pending", "reference": "r3"}')`
	twoRefunds = owed + `
		ALTER TABLE refunds DROP CONSTRAINT a_surplus_is_owed_back_once;
		SELECT again('refunds', '{"no": 2, "status": "pending", "reference": "r"}')`
)

const again = `
CREATE FUNCTION again(target text, changed jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE columns text;
BEGIN
	SELECT string_agg(quote_ident(column_name), ', ') INTO columns FROM information_schema.columns
	 WHERE table_schema = 'public' AND table_name = target AND is_generated = 'NEVER';
	EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM (SELECT (jsonb_populate_record(x, $1)).* FROM %1$I x LIMIT 1) y',
		target, columns) USING changed;
END $$`

// paidOut brings a payment to its end, with everything a payment may have.
func (w *world) paidOut(t testing.TB, booking string) engine.ID {
	t.Helper()
	_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse("0500000002"), Name: "Awa"})
	require.NoError(t, err)
	id := freshID()
	_, err = w.Apply(t.Context(), engine.Ask{Transaction: id, Command: initiation(booking), Key: key(booking, 1)})
	require.NoError(t, err)
	w.apply(t, id, succeeded(id, 50_000))
	w.apply(t, id, engine.ConfirmDelivery{})
	pending := engine.PayoutReport{Status: engine.PayoutReportPending, Recipient: "RCP_1"}
	w.apply(t, id, engine.RecordPayoutAnswer{Try: 1, Send: 1, Report: pending})
	w.apply(t, id, transferred(id, 1, 42_500, engine.PayoutReportPaid))
	return id
}

// refusal runs a statement, takes it back, and returns the constraint that
// refused it.
func (w *world) refusal(t *testing.T, statement string) string {
	t.Helper()
	tx, err := w.window.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), statement)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		require.NoError(t, err)
		return ""
	}
	if refused.ConstraintName == "" {
		return refused.Message
	}
	return refused.ConstraintName
}

func (w *world) strings(t testing.TB, query string, args ...any) []string {
	t.Helper()
	rows, err := w.window.Query(t.Context(), query, args...)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return values
}

func TestTheSchemaRefusesWhatMayNotBe(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.paidOut(t, "B1")
	w.exec(t, again)
	guards := w.strings(t, `
		SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype = 'c'
		   AND conrelid <> 'goose_db_version'::regclass
		 UNION
		SELECT indexrelid::regclass::text FROM pg_index
		 WHERE indisunique AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
		   AND indrelid <> 'goose_db_version'::regclass`)
	guards = append(guards, "journals_balance", "moves_are_legal", "versions_follow_one_another", "identities_are_kept",
		"what_counts_goes_on_counting", "keys_stay_what_they_are", "a_proposal_is_ruled_on_once", "proposals_are_ruled_on_once",
		"finance_moves_money", "approvals_stay_within_a_day", "acts_have_two_persons", "release_by_two_persons",
		"suspense_by_two_persons", "conclusions_have_two_persons",
		"api_keys_staff_fkey", "proposals_maker_fkey", "proposals_checker_fkey")
	slices.Sort(guards)
	require.Equal(t, guards, slices.Sorted(maps.Keys(violations)), "each guard is tried, and each try is at a guard")
	wrong := map[string]string{}
	for guard, statement := range violations {
		if refused := w.refusal(t, statement); refused != guard {
			wrong[guard] = refused
		}
	}
	require.Empty(t, wrong, "who should have refused, and who did")
	w.sound(t)
}

func TestWhatIsBookedIsNeverChanged(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.paidOut(t, "B1")
	for table, column := range map[string]string{
		"postings": "amount", "journals": "kind", "history": "note", "outbox": "payload",
		"deliveries": "body", "wallets": "name", "recipients": "code", "gateway_overrides": "why",
	} {
		for _, statement := range []string{"UPDATE " + table + " SET " + column + " = " + column, "DELETE FROM " + table, "TRUNCATE " + table} {
			require.Equal(t, "append_only", w.refusal(t, statement), statement)
		}
	}
	require.Equal(t, "identities_are_kept", w.refusal(t, "TRUNCATE inbox"))
	w.exec(t, "ALTER TABLE deliveries DETACH PARTITION deliveries_default")
	w.exec(t, "DROP TABLE deliveries_default") // retention drops a day whole
}

func TestTheSchemaKnowsTheEnginesStatusesAndNoOthers(t *testing.T) {
	t.Parallel()
	w := open(t)
	word := regexp.MustCompile(`'([a-z_]+)'`)
	words := func(constraint string) []string {
		var out []string
		for _, definition := range w.strings(t, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", constraint) {
			for _, m := range word.FindAllStringSubmatch(definition, -1) {
				out = append(out, m[1])
			}
		}
		slices.Sort(out)
		return out
	}
	for machine, statuses := range engine.Statuses() {
		require.Equal(t, slices.Sorted(slices.Values(statuses)), words(machine+"_status_is_known"), machine)
	}
	require.Equal(t, []string{string(engine.Kept), string(engine.Surplus), string(engine.Suspense)}, words("disposition_is_known"))
	kinds := []string{string(engine.DueCharge), string(engine.DuePayout), string(engine.DueRefund), string(engine.DueRelease)}
	require.Equal(t, kinds, words("due_kind_is_known"))
	require.Equal(t, []string{string(engine.Direct), string(engine.Hosted)}, words("flow_is_known"))
	require.Equal(t, []string{string(engine.RefundSurplus)}, words("refund_cause_is_known"))
	var live, open, inFlight []string
	for _, s := range engine.Statuses()["attempt"] {
		if engine.AttemptStatus(s).Live() {
			live = append(live, s)
		}
	}
	for _, s := range engine.Statuses()["try"] {
		if engine.TryStatus(s).Open() {
			open = append(open, s)
		}
	}
	for _, s := range engine.Statuses()["refund"] {
		if engine.RefundStatus(s).InFlight() {
			inFlight = append(inFlight, s)
		}
	}
	indexed := func(index string) []string {
		var out []string
		predicate := w.strings(t, "SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = $1::regclass", index)[0]
		for _, m := range word.FindAllStringSubmatch(predicate, -1) {
			out = append(out, m[1])
		}
		slices.Sort(out)
		return out
	}
	require.Equal(t, slices.Sorted(slices.Values(live)), indexed("one_live_attempt"))
	require.Equal(t, slices.Sorted(slices.Values(open)), indexed("one_open_try"))
	require.Equal(t, slices.Sorted(slices.Values(inFlight)), indexed("one_refund_in_flight"))
	require.Equal(t, slices.Sorted(slices.Values(inFlight)), words("what_is_in_flight_has_left"))
}

func TestTheSchemaKnowsTheEnginesMovesAndNoOthers(t *testing.T) {
	t.Parallel()
	w := open(t)
	rows, err := w.window.Query(t.Context(), "SELECT machine, from_status, to_status, emits FROM legal_moves")
	require.NoError(t, err)
	type move struct {
		Machine, From, To string
		Emits             bool
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[move])
	require.NoError(t, err)
	var legal []move
	for _, m := range engine.LegalMoves() {
		legal = append(legal, move{m.Machine, m.From, m.To, m.Emits != ""})
	}
	require.ElementsMatch(t, legal, stored)
}

// An index that mentions what changes would cost every update its place on the
// page: three times the work of a webhook.
func TestAnUpdateOfATransactionStaysOnItsPage(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.Equal(t, []string{"booking_id", "id", "payer_id", "phone_index", "principal", "talent_id"}, w.strings(t, `
		SELECT DISTINCT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
		 WHERE i.indrelid = 'transactions'::regclass ORDER BY 1`))
	require.Contains(t, w.strings(t, "SELECT unnest(reloptions) FROM pg_class WHERE oid = 'transactions'::regclass"), "fillfactor=50")
}
