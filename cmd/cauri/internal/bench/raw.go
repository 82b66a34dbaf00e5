package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bookmi/cauri/engine"
)

// raw inserts the rows that a webhook leaves, in batches, and nothing else: it locks
// nothing, checks nothing and updates nothing. What it does in a second is what the
// disk, PostgreSQL's executor and the edge allow for that many rows.
type raw struct {
	pool  *pgxpool.Pool
	terms Terms
	queue chan *inserted
	quit  chan struct{}
	done  sync.WaitGroup

	rounds, asks atomic.Int64
}

// inserted is one delivery on its way.
type inserted struct {
	facts facts
	told  chan error
}

// As the engine's committer has them.
const (
	rawRoundMax = 128
	rawQueueMax = 8 * rawRoundMax
)

func openRaw(pool *pgxpool.Pool, terms Terms) *raw {
	r := &raw{pool: pool, terms: terms, queue: make(chan *inserted, rawQueueMax), quit: make(chan struct{})}
	for range rawConnections {
		r.done.Go(r.work)
	}
	return r
}

func (r *raw) Shared() (rounds, asks int) { return int(r.rounds.Load()), int(r.asks.Load()) }

// Close waits for the rounds under way.
func (r *raw) Close() {
	close(r.quit)
	r.done.Wait()
	r.pool.Close()
}

// Ask waits for the round that holds the delivery to be committed.
func (r *raw) Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	f, err := r.terms.facts(ask)
	if err != nil {
		return engine.Applied{}, err
	}
	one := &inserted{f, make(chan error, 1)}
	select {
	case r.queue <- one:
	case <-ctx.Done():
		return engine.Applied{}, ctx.Err()
	}
	return changed(), <-one.told
}

func (r *raw) work() {
	for {
		var round []*inserted
		select {
		case one := <-r.queue:
			round = append(round, one)
		case <-r.quit:
			return
		}
		for more := true; more && len(round) < rawRoundMax; {
			select {
			case one := <-r.queue:
				round = append(round, one)
			default:
				more = false
			}
		}
		err := r.insert(round)
		r.rounds.Add(1)
		r.asks.Add(int64(len(round)))
		for _, one := range round {
			one.told <- err
		}
	}
}

// insert is one round trip, and one transaction: PostgreSQL commits at its end.
func (r *raw) insert(round []*inserted) error {
	ctx, cancel := context.WithTimeout(context.Background(), answersWithin)
	defer cancel()
	now := time.Now().UTC()
	n := len(round)
	ids, names := make([][16]byte, n), make([][16]byte, n)
	bodies, identities, payloads := make([]string, n), make([]string, n), make([]string, n)
	references, signatures, raws := make([]string, n), make([][]byte, n), make([][]byte, n)
	amounts, fees, commissions := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, one := range round {
		f := one.facts
		text, err := f.payload("B-00000000-0000-00", "awa-kouassi", now)
		if err != nil {
			return err
		}
		ids[i], names[i], bodies[i], identities[i], payloads[i] = f.id, f.event, f.body, f.identity, text
		references[i], signatures[i], raws[i] = f.reference, f.signature, f.raw
		amounts[i], fees[i], commissions[i] = f.amount, f.fee, f.commission
	}
	batch := &pgx.Batch{}
	batch.Queue(rawHolds, ids, amounts, commissions, int(r.terms.Policy.Commission), r.terms.Policy.AutoReleaseHours, now)
	batch.Queue(rawHistory, ids, bodies, references, now)
	batch.Queue(rawOutbox, ids, names, bodies, payloads, now)
	batch.Queue(rawInbox, ids, identities, now)
	batch.Queue(rawDeliveries, identities, signatures, raws)
	batch.Queue(rawDue, ids, now, r.terms.Policy.AutoReleaseHours)
	batch.Queue(rawJournals, ids, now)
	batch.Queue(rawPostings, ids, amounts, fees)
	return r.pool.SendBatch(ctx, batch).Close()
}

// One statement for each table, over arrays.
const (
	rawHolds = `INSERT INTO holds (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission,
		talent_fee, auto_release_hours, held_at, release_at, released_by)
		SELECT n.id, 'XOF', 'held', 1, n.amount, 0, 0, $4::integer, n.commission, n.amount - n.commission, $5::integer, $6::timestamptz,
		       $6::timestamptz + make_interval(hours => $5::integer), ''
		  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (id, amount, commission)`
	rawHistory = `INSERT INTO history (transaction_id, version, place, machine, subject, step, from_status, to_status, note, moved_at)
		SELECT n.id, 3, m.place, m.machine, CASE m.place WHEN 1 THEN n.reference WHEN 2 THEN n.body || '-hold' ELSE n.body END, m.step,
		       m.was, m.became, '', $4::timestamptz
		  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (id, body, reference),
		       (VALUES (1, 'attempt', 3, 'customer', 'succeeded'), (2, 'hold', 1, '', 'held'), (3, 'charge', 3, 'processing', 'succeeded'))
		       AS m (place, machine, step, was, became)`
	rawOutbox = `INSERT INTO outbox (transaction_id, seq, id, kind, subject, step, happened_at, payload)
		SELECT n.id, 1, n.event, 'payment.received', n.body, 3, $5::timestamptz, n.payload
		  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS n (id, event, body, payload)`
	rawInbox = `INSERT INTO inbox (identity, gateway, kind, transaction_id, status, parked_at)
		SELECT n.identity, 'paystack', 'charge.success', n.id, 'counted', $3::timestamptz
		  FROM unnest($1::uuid[], $2::text[]) AS n (id, identity)`
	rawDeliveries = `INSERT INTO deliveries (identity, gateway, signature, body, received_at)
		SELECT n.identity, 'paystack', n.signature, n.body, now()
		  FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS n (identity, signature, body)`
	rawDue = `INSERT INTO due (transaction_id, kind, due_at)
		SELECT n.id, 'release', $2::timestamptz + make_interval(hours => $3::integer) FROM unnest($1::uuid[]) AS n (id)`
	rawJournals = `INSERT INTO journals (transaction_id, no, kind, cause, booked_at)
		SELECT n.id, j.no, j.kind, 'c1', $2::timestamptz
		  FROM unnest($1::uuid[]) AS n (id), (VALUES (1, 'charge.kept'), (2, 'charge.fee')) AS j (no, kind)`
	rawPostings = `INSERT INTO postings (transaction_id, journal_no, line, account, amount, currency)
		SELECT n.id, p.journal, p.line, p.account, p.sign * CASE p.journal WHEN 1 THEN n.amount ELSE n.fee END, 'XOF'
		  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (id, amount, fee),
		       (VALUES (1, 1, 'gateway:paystack:balance', -1), (1, 2, 'escrow:held', 1),
		               (2, 1, 'expense:gateway_fee', -1), (2, 2, 'gateway:paystack:balance', 1)) AS p (journal, line, account, sign)`
)
