package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/sandbox"
)

// quiet waits until nothing is under way, doing meanwhile what people do: they
// give back what no API gives back, and time passes.
func (w *world) quiet(ctx context.Context) error {
	for talent, one := range mended() {
		if _, _, err := w.near.store.SetWallet(ctx, talent, one); err != nil {
			return err
		}
	}
	w.near.system.Wake()
	var last string
	still, moves := 0, 0
	err := every(ctx, 400*time.Millisecond, func() bool {
		if err := w.refundByHand(ctx); err != nil {
			last = err.Error()
			return false
		}
		left, due, err := w.underWay(ctx)
		if err != nil {
			last = err.Error()
			return false
		}
		if still++; left != last {
			last, still = left, 0
		}
		switch {
		case left == "" && due == 0 && still >= 2 && moves >= movesLeast:
			return true
		case still >= 4 && moves < movesMost:
			// Nothing changes by itself any more: the next moment of whatever is left, and
			// of the dead attempts that are listened to, is minutes away, or a day for the
			// page that nobody pays on.
			by, err := 11*time.Minute, error(nil)
			switch {
			case moves == aDayAfter:
				by = 25 * time.Hour
			case moves > aDayAfter:
				by, err = w.untilNext(ctx)
			}
			if err == nil {
				err = w.move(ctx, by)
			}
			if err != nil {
				last = err.Error()
				return false
			}
			still, moves = 0, moves+1
			w.near.system.Wake()
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("still under way: %s: %w\n%s", last, err, strings.Join(w.stuck(), "\n"))
	}
	return nil
}

// untilNext is how long it is until something that has not come to its end is looked at
// again. A retry may be a day away: a call that was under way while the clock was moved
// by one is refused a day late.
func (w *world) untilNext(ctx context.Context) (by time.Duration, err error) {
	var seconds float64
	err = w.window.QueryRow(ctx, `
		SELECT extract(epoch FROM coalesce(min(at), now()) - now())
		  FROM (SELECT next_at FROM payouts WHERE status <> 'paid' AND waiting <> $1
		        UNION ALL SELECT next_at FROM refunds WHERE status <> 'done'
		        UNION ALL SELECT next_at FROM inbox
		        UNION ALL SELECT check_at FROM attempts WHERE status IN ('sending', 'customer', 'unknown', 'quarantine')) AS each (at)
		 WHERE at > now()`, engine.WaitingGateway).Scan(&seconds)
	return max(time.Duration(seconds*float64(time.Second)), time.Minute), err
}

// stuck shows the payouts that have not come to their end, for whoever must find out why.
func (w *world) stuck() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rows, err := w.window.Query(ctx, `
		SELECT 'now ' || now() || ' ' || to_jsonb(p) || ' tries ' || (SELECT jsonb_agg(to_jsonb(t) ORDER BY no) FROM payout_tries t
		           WHERE t.transaction_id = p.transaction_id)
		       || ' due ' || coalesce((SELECT jsonb_agg(to_jsonb(d)) FROM due d WHERE d.transaction_id = p.transaction_id), '[]')
		       || ' history ' || (SELECT jsonb_agg(to_jsonb(h) ORDER BY version, place) FROM history h WHERE h.transaction_id = p.transaction_id)
		  FROM payouts p
		 WHERE status <> 'paid' AND waiting <> $1
		 LIMIT 3`, engine.WaitingGateway)
	if err != nil {
		return []string{err.Error()}
	}
	told, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return []string{err.Error()}
	}
	return told
}

// The clock is moved at least three times, the third by a day, so that every dead
// attempt is asked about again and every page's time is over; and at most so often.
const (
	aDayAfter  = 2
	movesLeast = 3
	movesMost  = 12
)

// underWay says what has not come to its end, "" when all has, and how many due
// rows wait for their tick. A payout that was sent again and again without one
// conclusive word is people's: its money is in flight and stays there.
func (w *world) underWay(ctx context.Context) (what string, due int, err error) {
	var payments, attempts, refunds, payouts, inbox int
	err = w.window.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM transactions WHERE status IN ('initiated', 'processing')),
		       (SELECT count(*) FROM attempts WHERE status IN ('sending', 'customer', 'unknown', 'quarantine')),
		       (SELECT count(*) FROM refunds WHERE status <> 'done'),
		       (SELECT count(*) FROM payouts WHERE status <> 'paid' AND waiting <> $1),
		       (SELECT count(*) FROM inbox WHERE next_at IS NOT NULL),
		       (SELECT count(*) FROM due WHERE due_at <= now())`, engine.WaitingGateway).
		Scan(&payments, &attempts, &refunds, &payouts, &inbox, &due)
	if err != nil {
		return "", 0, err
	}
	var left []string
	for _, one := range []struct {
		what string
		n    int
	}{
		{"payments", payments}, {"live attempts", attempts}, {"refunds", refunds}, {"payouts", payouts},
		{"notifications", inbox},
	} {
		if one.n > 0 {
			left = append(left, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	return strings.Join(left, ", "), due, nil
}

// refundByHand is the operator's work: what the list of refunds asks for is given
// back in FedaPay's dashboard, once, and the engine finds it there.
func (w *world) refundByHand(ctx context.Context) error {
	waiting, err := w.near.store.RefundsWaiting(ctx, 1_000)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	for _, r := range w.fedapay.Books().Refunds {
		given[r.Payment] = true
	}
	for _, r := range waiting {
		if r.Gateway != engine.FedaPay || given[r.Charge] {
			continue
		}
		if err := w.fedapay.Refund(r.Charge, 0); err != nil {
			return fmt.Errorf("the operator can't give %s back: %w", r.Charge, err)
		}
	}
	return nil
}

// taken is what the gateways' own books say of one payment.
type taken struct {
	captures int
	gross    money.Amount // francs, without what came on top for the gateway
	refunded money.Amount
}

// books joins both gateways' books by our references.
func (w *world) books() (payments map[engine.ID]taken, strangers []string) {
	payments = map[engine.ID]taken{}
	for _, books := range []sandbox.Books{w.paystack.Books(), w.fedapay.Books()} {
		for _, p := range books.Payments {
			reference, err := engine.ParseReference(p.Reference)
			if err != nil || reference.Kind != engine.ChargeReference {
				strangers = append(strangers, books.Gateway+" "+p.Reference)
				continue
			}
			one := payments[reference.Transaction]
			if p.Captured > 0 {
				gross := p.Captured
				if books.Gateway == fedapayName { // its fees come on top of the price
					gross -= p.Fees
				}
				one.captures++
				one.gross += money.Amount(gross / books.Subunits)
				one.refunded += money.Amount(p.Refunded / books.Subunits)
			}
			payments[reference.Transaction] = one
		}
	}
	return payments, strangers
}

// verdict is what the oracle found.
type verdict struct {
	payments        map[engine.ChargeStatus]int
	chargedTooOften int // payments from which more was captured than their price, before anything was given back
	atBoth          int // of them, captured by both gateways or twice
	overcharged     int // payments whose payers are out of pocket now
	wrong           []string
}

const wrongMax = 20

func (v *verdict) complain(format string, args ...any) {
	if len(v.wrong) < wrongMax {
		v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
	}
}

// judge holds every payment against the gateways' own books: captures less
// refunds are the price if it succeeded, else nothing.
func (w *world) judge(ctx context.Context) (*verdict, error) {
	v := &verdict{payments: map[engine.ChargeStatus]int{}}
	books, strangers := w.books()
	for _, s := range strangers {
		v.complain("the gateway has a charge that nobody asked for: %s", s)
	}
	rows, err := w.window.Query(ctx, "SELECT id, status, amount FROM transactions")
	if err != nil {
		return nil, err
	}
	var id [16]byte
	var status engine.ChargeStatus
	var amount money.Amount
	_, err = pgx.ForEachRow(rows, []any{&id, &status, &amount}, func() error {
		v.payments[status]++
		price := money.Amount(0)
		if status == engine.ChargeIsSucceeded {
			price = amount
		}
		had := books[engine.ID(id)]
		delete(books, engine.ID(id))
		if had.gross > price {
			v.chargedTooOften++
		}
		if had.captures > 1 {
			v.atBoth++
		}
		if had.gross-had.refunded > price {
			v.overcharged++
		}
		if had.gross-had.refunded != price {
			v.complain("%s is %s at %d F; the gateways captured %d F in %d charges and gave %d F back",
				engine.ID(id).Payment(), status, amount, had.gross, had.captures, had.refunded)
		}
		return nil
	})
	for id, had := range books {
		v.complain("%s is unknown to us; the gateways captured %d F", id.Payment(), had.gross)
	}
	return v, err
}

// payoutsAgree is E1 for talents: what arrived, less what bounced, is what the
// ledger says was paid out, reference by reference.
func (w *world) payoutsAgree(ctx context.Context, v *verdict) (settled money.Amount, err error) {
	ours, err := w.near.store.Books(ctx)
	if err != nil {
		return 0, err
	}
	books := w.paystack.Books()
	for _, transfer := range books.Transfers {
		sent := money.Amount((transfer.Sent - transfer.Returned) / books.Subunits)
		settled += sent
		if ours.PaidOut[transfer.Reference] != sent {
			v.complain("%s: %d F arrived, we paid out %d F", transfer.Reference, sent, ours.PaidOut[transfer.Reference])
		}
		delete(ours.PaidOut, transfer.Reference)
	}
	for reference, amount := range ours.PaidOut {
		v.complain("%s: we paid out %d F, the gateway nothing", reference, amount)
	}
	var ledger money.Amount
	err = w.window.QueryRow(ctx, `SELECT coalesce(sum(p.amount), 0)
		FROM journals j JOIN postings p ON p.transaction_id = j.transaction_id AND p.journal_no = j.no
		WHERE j.kind IN ('payout.paid', 'payout.found', 'payout.reversed') AND p.account LIKE 'gateway:%'`).Scan(&ledger)
	if err == nil && ledger != settled {
		v.complain("the talents were sent %d F in all, the ledger says %d F", settled, ledger)
	}
	if !books.Balanced() || !w.fedapay.Books().Balanced() {
		v.complain("a gateway's own books do not balance")
	}
	return settled, err
}

// webhooksKept is E2: whatever was answered 2xx is in the inbox. The gateways
// remember the latest 20,000 each.
func (w *world) webhooksKept(ctx context.Context, v *verdict) (checked int, err error) {
	for gateway, one := range map[engine.Gateway]struct {
		deliveries []sandbox.Delivery
		parse      func(engine.Delivery) (engine.Notification, error)
	}{
		engine.Paystack: {w.paystack.Deliveries(), w.near.gateways[engine.Paystack].Webhooks.Parse},
		engine.FedaPay:  {w.fedapay.Deliveries(), w.near.gateways[engine.FedaPay].Webhooks.Parse},
	} {
		identities := map[string]string{}
		for _, d := range one.deliveries {
			if d.State != sandbox.Done {
				continue
			}
			n, err := one.parse(engine.Delivery{Body: d.Body, ReceivedAt: time.Now()})
			if err != nil && n.Identity == "" {
				v.complain("%s: a webhook that was answered 2xx can't be read: %v", gateway, err)
				continue
			}
			identities[string(n.Identity)] = d.Event + " " + d.Reference
			checked++
		}
		var kept []string
		all := make([]string, 0, len(identities))
		for identity := range identities {
			all = append(all, identity)
		}
		if err := w.window.QueryRow(ctx,
			"SELECT coalesce(array_agg(identity), '{}') FROM inbox WHERE identity = ANY($1)", all).Scan(&kept); err != nil {
			return checked, err
		}
		for _, identity := range kept {
			delete(identities, identity)
		}
		for identity, about := range identities {
			v.complain("%s: answered 2xx and not kept: %s (%s)", gateway, identity, about)
		}
	}
	return checked, nil
}

// refundTimes is how long payers waited for their money, from the surplus to the
// end of its refund, by the database's clock.
func (w *world) refundTimes(ctx context.Context) (median, most time.Duration, n int, err error) {
	rows, err := w.window.Query(ctx, `SELECT extract(epoch FROM max(h.moved_at) - min(r.owed_at))::float8
		FROM refunds r JOIN history h ON h.transaction_id = r.transaction_id AND h.subject = r.reference AND h.to_status = 'done'
		GROUP BY r.transaction_id, r.no`)
	if err != nil {
		return 0, 0, 0, err
	}
	took, err := pgx.CollectRows(rows, pgx.RowTo[float64])
	if err != nil || len(took) == 0 {
		return 0, 0, 0, err
	}
	slices.Sort(took)
	seconds := func(s float64) time.Duration {
		return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond)
	}
	return seconds(took[len(took)/2]), seconds(took[len(took)-1]), len(took), nil
}

// served is what became of the payers who came while Paystack was dark and have
// another door: how many FedaPay took, and how soon the first of them.
type served struct {
	came, taken int
	first       time.Duration
}

func (w *world) servedBetween(ctx context.Context, from, to time.Time) (s served, err error) {
	var first *float64
	err = w.window.QueryRow(ctx, `
		WITH came AS (
			SELECT id FROM transactions
			 WHERE created_at BETWEEN $1 AND $2 AND (operator = 'mtn' OR method = 'card') AND status <> 'cancelled'),
		taken AS (
			SELECT h.transaction_id, min(h.moved_at) AS at
			  FROM history h JOIN attempts a ON a.reference = h.subject
			 WHERE h.transaction_id IN (SELECT id FROM came) AND a.gateway = 'fedapay' AND h.machine = 'attempt'
			   AND h.to_status IN ('customer', 'succeeded')
			 GROUP BY h.transaction_id)
		SELECT (SELECT count(*) FROM came), (SELECT count(*) FROM taken), (SELECT extract(epoch FROM min(at) - $1)::float8 FROM taken)`,
		from, to).Scan(&s.came, &s.taken, &first)
	if first != nil {
		s.first = time.Duration(*first * float64(time.Second)).Round(time.Millisecond)
	}
	return s, err
}
