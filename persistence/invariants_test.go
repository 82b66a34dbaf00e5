package persistence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// lawless takes every guard away: what an invariant looks for can't be planted
// while the schema stands.
const lawless = `
DO $$
DECLARE guard record;
BEGIN
	FOR guard IN SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0 LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', guard.tgname, guard.relation);
	END LOOP;
	FOR guard IN SELECT conname, conrelid::regclass AS relation FROM pg_constraint
	              WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u', 'p') AND conrelid <> 'goose_db_version'::regclass LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', guard.relation, guard.conname);
	END LOOP;
	FOR guard IN SELECT indexrelid::regclass AS index FROM pg_index
	              WHERE indisunique AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
	                AND indrelid <> 'goose_db_version'::regclass LOOP
		EXECUTE format('DROP INDEX %s', guard.index);
	END LOOP;
END $$`

// controls plants one bad row for each invariant.
var controls = map[string][]string{
	"I01":  {`UPDATE postings SET amount = amount + 1 WHERE journal_no = 1 AND line = 1`, `SELECT again('journals', '{"no": 100}')`},
	"I02":  {`SELECT again('postings', '{"line": 100, "account": "suspense:paystack"}')`},
	"I03":  {`UPDATE accounts SET balance = balance + 1`},
	"I04":  {`UPDATE holds SET released = released - 1 WHERE status = 'released'`, `DELETE FROM holds WHERE status = 'held'`},
	"I05":  {`DELETE FROM holds WHERE status = 'held'`, `SELECT again('holds', '{"transaction_id": "00000000-0000-0000-0000-000000000001"}')`},
	"I06":  {`UPDATE accounts SET balance = -1`},
	"I07":  {`UPDATE payouts SET amount = amount + 1`, `DELETE FROM holds`},
	"I08a": {twoLive},
	"I08b": {`UPDATE attempts SET disposition = 'kept'; SELECT again('attempts', '{"no": 2}')`},
	"I09": {
		`UPDATE attempts SET disposition = NULL`, `DELETE FROM refunds`, `UPDATE refunds SET amount = amount - 1`,
		`UPDATE attempts SET disposition = 'suspense' WHERE disposition = 'surplus'`,
	},
	"I10": {`UPDATE attempts SET captured = captured + 1 WHERE captured > 0`, `DELETE FROM attempts`},
	"I11": {`UPDATE refunds SET amount = amount + 1`, `UPDATE refunds SET attempt_no = 7`},
	"I12": {`SELECT again('refunds', '{"no": 7, "status": "sending"}'), again('refunds', '{"no": 8, "status": "pending"}')`},
	"I13": {`UPDATE history SET to_status = 'lost'`},
	"I14": {
		`UPDATE history SET step = step + 1 WHERE machine = 'hold'`,
		`UPDATE history SET from_status = 'held' WHERE machine = 'hold' AND step = 1`,
	},
	"I14b": {
		`UPDATE refunds SET status = 'pending' WHERE status = 'sending'`,
		`UPDATE holds SET status = 'held'`, `UPDATE payout_tries SET status = 'failed'`,
		`DELETE FROM history WHERE machine = 'payout' AND step = 3`,
	},
	"I15":  {`DELETE FROM outbox WHERE kind = 'escrow.released'`},
	"I16":  {`UPDATE outbox SET seq = seq + 1`, `SELECT again('outbox', '{}')`},
	"I19":  {`UPDATE due SET due_at = now() - interval '6 min'`},
	"I19b": {`UPDATE inbox SET status = 'waiting', next_at = now() - interval '6 min'`},
	"I21": {
		`DELETE FROM open_bookings`, `INSERT INTO open_bookings SELECT booking_id, id FROM transactions WHERE status = 'failed'`,
		`INSERT INTO open_bookings SELECT booking_id, id FROM transactions WHERE status = 'cancelled'`,
	},
	"I22a": {`SELECT again('payout_tries', '{"no": 2, "gateway": "fedapay", "reference": "r2", "status": "failed"}')`},
	"I22b": {`SELECT again('payout_tries', '{"no": 2, "status": "failed"}')`},
	"I22c": {`SELECT again('payout_tries', '{"no": 2, "reference": "r2", "status": "pending"}')`},
	"I24a": {`UPDATE attempts SET status = 'unknown', disposition = NULL, captured = 0`},
	"I24b": {`DELETE FROM due WHERE kind = 'release'`},
	"I24c": {`UPDATE payouts SET status = 'sent'`},
	"I24d": {`DELETE FROM due WHERE kind = 'refund'`},
	"I24e": {`DELETE FROM due WHERE kind = 'charge'`, `UPDATE transactions SET status = 'initiated' WHERE status = 'succeeded'`},
	"I25": {
		`DELETE FROM open_prompts`, `UPDATE open_prompts SET amount = amount + 1`, `UPDATE attempts SET flow = 'hosted'`,
		`INSERT INTO open_prompts SELECT amount, id, phone_index FROM transactions WHERE status = 'failed'`,
	},
	"I26a": {
		`UPDATE refunds SET status = 'owed' WHERE status = 'sending'`,
		`UPDATE postings SET account = 'payer:surplus' WHERE account = 'refund:in_flight'`,
	},
	"I26b": {
		`UPDATE refunds SET status = 'done' WHERE status = 'manual'`,
		`UPDATE postings SET amount = amount + 1 WHERE account = 'payer:surplus'`,
	},
	"I27": {
		`UPDATE refunds SET status = 'done' WHERE status = 'manual'`, `UPDATE refunds SET status = 'manual' WHERE status = 'done'`,
		`UPDATE postings p SET amount = p.amount + 1 FROM journals j
		  WHERE j.transaction_id = p.transaction_id AND j.no = p.journal_no AND j.kind = 'refund.done' AND p.account LIKE 'gateway:%'`,
		`UPDATE postings SET account = 'gateway:fedapay:balance' WHERE account = 'gateway:paystack:balance'`,
	},
	"I28": {`UPDATE refunds SET gateway = 'fedapay' WHERE gateway = 'paystack'`},
	"I29": {
		`UPDATE transactions SET review = 'charge_reversed' WHERE review = ''`, `UPDATE attempts SET doubt = 'amount_mismatch'`,
		`UPDATE payout_tries SET doubt = 'payout_mismatch'`,
	},
}

// populated is a world with payments at every kind of end: paid out, held, failed,
// cancelled, asking on a phone, and owed back: on its way, done, and people's.
func populated(t testing.TB) *world {
	t.Helper()
	w := open(t)
	w.paidOut(t, "B1")
	failed := []engine.ID{freshID(), freshID()}
	for i, booking := range []string{"B2", "B3"} {
		w.apply(t, failed[i], initiation(booking))
		w.apply(t, failed[i], engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeFailed}})
	}
	w.paid(t, "B2")
	w.apply(t, failed[0], succeeded(failed[0], 50_000)) // too late: another has paid
	for _, booking := range []string{"B4", "B5", "B6"} {
		id := freshID()
		w.apply(t, id, initiation(booking))
		switch booking {
		case "B5":
			w.apply(t, id, engine.CancelCharge{})
			w.apply(t, id, succeeded(id, 50_000))
			w.apply(t, id, refunded(id, engine.RefundReportDone))
		case "B6":
			w.apply(t, id, unsent(1))
			w.apply(t, id, succeeded(id, 50_000)) // after all, and it is kept
			w.apply(t, id, captured(id, 2))       // FedaPay has no refunds: people's
		}
	}
	return w
}

func TestEachInvariantFindsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, name := range persistence.Invariants() {
		code, _, _ := strings.Cut(name, " ")
		tried[code] = true
		for i, plant := range controls[code] {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := populated(t)
				w.exec(t, lawless)
				w.exec(t, again)
				w.sound(t)
				w.exec(t, plant)
				found, err := w.CheckInvariants(t.Context())
				require.NoError(t, err)
				var fired []string
				for _, violation := range found {
					require.NotEmpty(t, violation.What)
					fired = append(fired, violation.Invariant)
				}
				require.Contains(t, fired, name, "control %d", i+1)
			})
		}
	}
	for code := range controls {
		require.True(t, tried[code], "%s is an invariant", code)
	}
	require.Len(t, tried, len(controls), "each invariant has a control")
}

func TestABrokenInvariantIsReportedWithinBounds(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, "INSERT INTO due SELECT gen_random_uuid(), now() - interval '1 h', NULL, 'charge' FROM generate_series(1, 5000)")
	found, err := w.CheckInvariants(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 20)
	w.exec(t, "DELETE FROM due")
	w.sound(t)
}
