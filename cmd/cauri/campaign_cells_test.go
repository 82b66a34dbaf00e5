package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bookmi/cauri/engine"
)

// seldom is a cell of the failure table that no gateway's counter knows: it is
// found in what became of the payments.
type seldom struct {
	what  string
	query string // counts
}

// paidLater are the attempts believed dead that took the money after all; their
// disposition follows.
const paidLater = `SELECT count(*) FROM history h JOIN attempts a ON a.reference = h.subject
	WHERE h.machine = 'attempt' AND h.from_status IN ('failed', 'expired', 'absent') AND h.to_status = 'succeeded' AND a.disposition = `

var seldoms = []seldom{
	{"charge, not sent: rejected at Paystack", `SELECT count(*) FROM attempts WHERE gateway = 'paystack' AND code = 'gateway_unreachable'`},
	{"charge, not sent: rejected at FedaPay", `SELECT count(*) FROM attempts WHERE gateway = 'fedapay' AND code = 'gateway_unreachable'`},
	{"charge, not sent: moved to the next gateway", `SELECT count(*) FROM attempts a JOIN attempts b USING (transaction_id)
		WHERE a.no = 1 AND a.status = 'rejected' AND b.no = 2 AND b.gateway <> a.gateway`},
	{"charge, every gateway dark: offered again", `SELECT count(*) FROM attempts WHERE no > 2`},
	{"charge, declined: no funds", `SELECT count(*) FROM attempts WHERE code = 'insufficient_funds'`},
	{"charge, declined: refused by the payer, or a wrong PIN", `SELECT count(*) FROM attempts WHERE code = 'refused_by_payer'`},
	{"charge, the operator failed: moved to the next gateway", `SELECT count(*) FROM attempts a JOIN attempts b USING (transaction_id)
		WHERE a.no = 1 AND a.code = 'operator_failed' AND b.no = 2`},
	{"charge, answer lost: found again by asking", `SELECT count(*) FROM history
		WHERE machine = 'attempt' AND from_status = 'unknown' AND to_status IN ('customer', 'succeeded', 'failed')`},
	{"charge, not found at first: found all the same", `SELECT count(*) FROM history
		WHERE machine = 'attempt' AND from_status = 'quarantine' AND to_status IN ('customer', 'succeeded', 'failed')`},
	{"charge, never arrived: absent after quarantine", `SELECT count(*) FROM history WHERE machine = 'attempt' AND to_status = 'absent'`},
	{"charge, the payer's time passed: expired", `SELECT count(*) FROM history WHERE machine = 'attempt' AND to_status = 'expired'`},
	{"charge, dead and paid later: kept", paidLater + `'kept'`},
	{"charge, dead and paid later: surplus", paidLater + `'surplus'`},
	{"charge, captured at both gateways", `SELECT count(*) FROM (SELECT transaction_id FROM attempts WHERE status = 'succeeded'
		GROUP BY transaction_id HAVING count(DISTINCT gateway) > 1) both_doors`},
	{"charge, cancelled and paid all the same", `SELECT count(*) FROM transactions t JOIN attempts a ON a.transaction_id = t.id
		WHERE t.status = 'cancelled' AND a.status = 'succeeded'`},
	{"OTP, wrong: typed again", `SELECT count(*) FROM attempts WHERE otp_tries > 1`},
	{"OTP, wrong every time", `SELECT count(*) FROM attempts WHERE otp_tries >= 3 AND status <> 'succeeded'`},
	{"webhook, another amount: under review, no money moved", `SELECT count(DISTINCT transaction_id) FROM outbox
		WHERE kind = 'payment.under_review'`},
	{"refund, through the gateway's API", `SELECT count(*) FROM refunds WHERE gateway = 'paystack' AND sends > 0`},
	{"refund, answer lost: asked about", `SELECT count(*) FROM history WHERE machine = 'refund' AND to_status = 'unknown'`},
	{"refund, never arrived: sent again after two absent looks", `SELECT count(*) FROM refunds WHERE sends > 1`},
	{"refund, provably not begun: owed again", `SELECT count(*) FROM history
		WHERE machine = 'refund' AND from_status = 'sending' AND to_status = 'owed'`},
	{"refund, by people: no API", `SELECT count(*) FROM refunds WHERE gateway = 'fedapay'`},
	{"payout, answer lost: asked about", `SELECT count(*) FROM history WHERE machine = 'try' AND to_status = 'unknown'`},
	{"payout, failed: another try under another reference", `SELECT count(*) FROM payout_tries WHERE no > 1`},
	{"payout, paid and reversed", `SELECT count(*) FROM history WHERE machine = 'try' AND from_status = 'paid' AND to_status = 'reversed'`},
	{"webhook, unknown or early: kept and tried again", `SELECT count(*) FROM inbox WHERE tries > 0 OR status IN ('review', 'foreign')`},
}

// otherCells counts those, and what only the nemesis knows.
func (w *world) otherCells(ctx context.Context, n *nemesis) (lines, empty []string, err error) {
	count := func(what string, hits int) {
		lines = append(lines, fmt.Sprintf("%7d  %s", hits, what))
		if hits == 0 {
			empty = append(empty, what)
		}
	}
	for _, one := range seldoms {
		var hits int
		if err := w.window.QueryRow(ctx, one.query).Scan(&hits); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", one.what, err)
		}
		count(one.what, hits)
	}
	for _, call := range []string{"paystack charge", "paystack inquire", "fedapay charge", "fedapay inquire"} {
		if _, seen := n.notSent[call]; !seen {
			n.notSent[call] = 0
		}
	}
	for _, call := range slices.Sorted(maps.Keys(n.notSent)) {
		count("not sent in the dark: "+call, int(n.notSent[call]))
	}
	w.sends.Lock()
	twice := 0
	for _, sends := range w.sends.of {
		if sends > 1 {
			twice++
		}
	}
	w.sends.Unlock()
	count("payout, sent again under the reference it had", twice)
	var unclear int
	if err := w.window.QueryRow(ctx, "SELECT count(*) FROM payouts WHERE waiting = $1", engine.WaitingGateway).Scan(&unclear); err != nil {
		return nil, nil, err
	}
	lines = append(lines, fmt.Sprintf("%7d  payouts that people ask the gateway about", unclear)) // there need be none
	count("crash: an engine killed and started again", w.far.kills)
	count("database: every connection ended at once", n.hangUps)
	return lines, empty, nil
}
