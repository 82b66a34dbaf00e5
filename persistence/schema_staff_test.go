package persistence_test

import "maps"

// The guards of who works for us and what they do.
func init() { maps.Copy(violations, staffViolations) }

// staffed is two of finance, a key, and what one of them proposed.
const staffed = `
	INSERT INTO staff (name, role, daily_limit, added_at)
	VALUES ('awa', 'finance', 50000, now()), ('koffi', 'finance', 50000, now());
	INSERT INTO api_keys (id, staff, pepper, label, scopes, hash, created_at)
	VALUES ('k1', NULL, 'p1', 'shop', '{payments:read}', decode(repeat('00', 32), 'hex'), now());
	INSERT INTO proposals (id, transaction_id, made_at, ends_at, amount, number, kind, talent_id, review, through, operator,
	       phone_sealed, name, maker, reason)
	SELECT '00000000-0000-7000-8000-000000000001', id, now(), now() + interval '1 h', 50000, 0, 'release', 'T1', '', '', '', '', '',
	       'awa', 'a drill'
	  FROM transactions;
	INSERT INTO audit (id, at, kind, who, role, address, subject, reason)
	VALUES ('00000000-0000-7000-8000-000000000002', now(), 'key', 'awa', 'finance', '', 'k1', 'a drill'); `

const approved = `UPDATE proposals SET verdict = 'approved', checker = 'koffi', checked_at = now(); `

var staffViolations = map[string]string{
	"staff_pkey":                    staffed + `SELECT again('staff', '{}')`,
	"staff_role_is_known":           staffed + `SELECT again('staff', '{"name": "x", "role": "owner"}')`,
	"staff_limits_are_not_negative": staffed + `SELECT again('staff', '{"name": "x", "daily_limit": -1}')`,
	"api_keys_pkey":                 staffed + `SELECT again('api_keys', '{}')`,
	"a_hash_is_of_32_bytes":         staffed + `SELECT again('api_keys', '{"id": "k2", "hash": "\\x00"}')`,
	"staff_keys_have_no_scopes":     staffed + `SELECT again('api_keys', '{"id": "k2", "staff": "awa"}')`,
	"api_keys_staff_fkey":           staffed + `SELECT again('api_keys', '{"id": "k2", "staff": "x", "scopes": []}')`,
	"keys_stay_what_they_are":       staffed + `UPDATE api_keys SET label = 'another'`,

	"proposals_pkey":          staffed + `SELECT again('proposals', '{}')`,
	"proposal_kind_is_known":  staffed + another(`"kind": "lunch"`),
	"wallets_are_a_talents":   staffed + another(`"transaction_id": null`),
	"proposals_have_a_reason": staffed + another(`"reason": ""`),
	"proposals_end_within_a_day": staffed +
		another(`"ends_at": "2126-01-01T00:00:00Z"`),
	"verdict_is_known":       staffed + `UPDATE proposals SET verdict = 'perhaps', checker = 'koffi', checked_at = now()`,
	"a_verdict_is_somebodys": staffed + `UPDATE proposals SET verdict = 'refused'`,
	"maker_is_not_checker":   staffed + `UPDATE proposals SET verdict = 'approved', checker = 'awa', checked_at = now()`,
	"a_proposal_is_ruled_on_once": staffed + approved +
		`UPDATE proposals SET verdict = 'refused'`,
	"proposals_are_ruled_on_once": staffed + `UPDATE proposals SET amount = 1`,
	"finance_moves_money": staffed +
		`UPDATE staff SET role = 'support' WHERE name = 'koffi'; ` + approved,
	"approvals_stay_within_a_day": staffed +
		`UPDATE staff SET daily_limit = 49999 WHERE name = 'koffi'; ` + approved,
	"proposals_maker_fkey": staffed +
		`ALTER TABLE proposals DISABLE TRIGGER proposals_are_ruled_on_once; ` + another(`"maker": "x"`),
	"proposals_checker_fkey": staffed +
		`ALTER TABLE proposals DISABLE TRIGGER proposals_are_ruled_on_once; ` +
		`UPDATE proposals SET verdict = 'approved', checker = 'x', checked_at = now()`,

	"audit_pkey":                  staffed + `SELECT again('audit', '{}')`,
	"somebody_answers_for_an_act": staffed + `SELECT again('audit', '{"id": "00000000-0000-7000-8000-000000000009", "reason": ""}')`,
	"acts_have_two_persons":       staffed + `SELECT again('audit', '{"id": "00000000-0000-7000-8000-000000000009", "kind": "wallet"}')`,
	"suspense_by_two_persons": `
		ALTER TABLE attempts DISABLE TRIGGER suspense_by_two_persons; UPDATE attempts SET disposition = 'suspense';
		ALTER TABLE attempts ENABLE TRIGGER suspense_by_two_persons; UPDATE attempts SET disposition = 'surplus'`,
	"release_by_two_persons": `UPDATE holds SET released_by = 'staff'`,
	"conclusions_have_two_persons": `
		SELECT again('history', '{"step": 100, "machine": "try", "from_status": "failed", "to_status": "paid", "note": "concluded_by_staff"}')`,
}

// another proposes what was proposed once more, changed as it says.
func another(changed string) string {
	return `SELECT again('proposals', '{"id": "00000000-0000-7000-8000-000000000003", ` + changed + `}')`
}
