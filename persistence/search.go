package persistence

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/vault"
)

const (
	// scanMax bounds how many payments a page may look at for those that are meant: 5,000
	// found by their keys took 10 ms of 200,000. A filter that matches less than one in
	// fifty gives short pages of a hundred, each with a Next.
	scanMax = 5_000
	// scanGrows is how much longer each stretch is than the one before it: what matches
	// often is found in the first, and 5,000 are looked at in at most six.
	scanGrows = 4
	// idSlack is how far an id's time may be from created_at, which is the database's:
	// the id is made by the node, before the commit. A clock further off than this hides
	// a payment from a search by date.
	idSlack = 5 * time.Minute
)

// stretches is where a search looks: an index in the order of the page.
type stretches struct {
	query string
	own   []any // what the query takes beside the stretch
	floor engine.ID
}

// Payments returns a page of what a search finds, the latest begun first. A page may be
// shorter than its limit, even empty, while there is more: Next says so.
func (s *Store) Payments(ctx context.Context, q engine.Search) (engine.Page, error) {
	if q.Owner.Talent != "" && q.Talent != "" && q.Owner.Talent != q.Talent {
		return engine.Page{}, nil
	}
	if q.Talent == "" {
		q.Talent = q.Owner.Talent
	}
	before := q.Before
	if ends := idAt(q.To.Add(idSlack)); !q.To.IsZero() && (before.IsZero() || bytes.Compare(ends[:], before[:]) < 0) {
		before = ends
	}
	return s.page(ctx, s.wherePayments(q), before, q.Limit, "FilterPayments",
		q.Owner.Principal, q.Owner.Payer, q.Talent, q.Booking, words(q.Statuses), string(q.Operator), string(q.Gateway),
		stamp(q.From), stamp(q.To), q.UnderReview, string(q.Hold), q.InSuspense)
}

// Payouts returns a page of payouts, those of the payments begun last first.
func (s *Store) Payouts(ctx context.Context, q engine.PayoutSearch) (engine.Page, error) {
	if q.Owner.Talent != "" && q.Talent != "" && q.Owner.Talent != q.Talent {
		return engine.Page{}, nil
	}
	if q.Talent == "" {
		q.Talent = q.Owner.Talent
	}
	return s.page(ctx, wherePayouts(q), q.Before, q.Limit, "FilterPayouts",
		q.Owner.Principal, q.Owner.Payer, q.Talent, words(q.Statuses), string(q.Waiting), q.Booking, string(q.Gateway),
		stamp(q.From), stamp(q.To))
}

// Events returns what happened to a transaction after one of its events, oldest first.
func (s *Store) Events(ctx context.Context, id engine.ID, after, limit int) ([]engine.Published, error) {
	rows, err := s.pool.Query(ctx, sql("EventsAfter"), id, after, limit)
	if err != nil {
		return nil, translate(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e engine.Published, err error) {
		err = row.Scan(&e.Seq, &e.Kind, &e.Payload)
		return e, err
	})
	return out, translate(err)
}

// wherePayments chooses the index that leaves least to look at.
func (s *Store) wherePayments(q engine.Search) stretches {
	w := stretches{query: "AnyPayments"}
	switch {
	case q.Name != "":
		w.query, w.own = "PaymentsByName", namedBy(s.vault, q.Name)
	case q.Booking != "":
		w.query, w.own = "PaymentsOfABooking", []any{q.Booking}
	case q.Owner.Payer != "":
		w.query, w.own = "PaymentsOfAPayer", []any{q.Owner.Principal, q.Owner.Payer}
	case q.InSuspense:
		w.query = "PaymentsInSuspense"
	case q.UnderReview:
		w.query = "PaymentsUnderReview"
	case q.Talent != "":
		w.query, w.own = "PaymentsOfATalent", []any{q.Talent}
	case q.Owner.Principal != "":
		w.query, w.own = "PaymentsOfAPlatform", []any{q.Owner.Principal}
	}
	if !q.From.IsZero() {
		w.floor = idAt(q.From.Add(-idSlack))
	}
	return w
}

// wherePayouts does so for payouts. Nearly all are paid, so whoever wants others
// looks among those.
func wherePayouts(q engine.PayoutSearch) stretches {
	paid := len(q.Statuses) == 0 || slices.Contains(q.Statuses, engine.PayoutIsPaid)
	switch {
	case q.Booking != "":
		return stretches{query: "PaymentsOfABooking", own: []any{q.Booking}}
	case q.Waiting != "" || !paid:
		return stretches{query: "PayoutsNotPaid"}
	case q.Talent != "":
		return stretches{query: "PayoutsOfATalent", own: []any{q.Talent}}
	}
	return stretches{query: "AnyPayouts"}
}

// namedBy reads a name as everything it could be.
func namedBy(v *vault.Vault, name string) []any {
	ids := [][16]byte{}
	add := func(id engine.ID, err error) {
		if err == nil {
			ids = append(ids, id)
		}
	}
	for _, prefix := range []string{engine.PaymentPrefix, engine.PayoutPrefix, engine.RefundPrefix, ""} {
		add(engine.ParsePublicID(prefix, name))
	}
	reference, err := engine.ParseReference(name)
	add(reference.Transaction, err)
	phones := [][]byte{}
	if number, err := phone.Parse(name); err == nil {
		phones = indexesOf(v, number)
	}
	return []any{name, phones, ids}
}

// page walks the stretches until it has found enough, or looked at enough. It finds one
// more than asked for, to know whether there is more.
func (s *Store) page(ctx context.Context, w stretches, before engine.ID, limit int, filter string, meant ...any) (engine.Page, error) {
	if before.IsZero() {
		before = lastID
	}
	var ids [][16]byte
	next, stretch := engine.ID{}, limit+1
	for looked := 0; len(ids) <= limit && looked < scanMax; stretch *= scanGrows {
		stretch = min(stretch, scanMax-looked)
		could, err := s.ids(ctx, w.query, append([]any{before, w.floor, stretch}, w.own...))
		if err != nil {
			return engine.Page{}, err
		}
		if len(could) > 0 {
			before = could[len(could)-1]
			are, err := s.ids(ctx, filter, append([]any{could}, meant...))
			if err != nil {
				return engine.Page{}, err
			}
			ids = append(ids, are...)
		}
		if next = before; len(could) < stretch {
			next = engine.ID{}
			break
		}
		looked += len(could)
	}
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	return s.loadPage(ctx, ids, next)
}

// ids runs a statement that returns ids. With no whole table to read: a plan made while
// the tables were small is kept while they grow.
func (s *Store) ids(ctx context.Context, query string, args []any) ([][16]byte, error) {
	var out [][16]byte
	batch := &pgx.Batch{}
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
	batch.Queue("SET LOCAL enable_seqscan = off")
	each(batch, sql(query), func(row pgx.CollectableRow) error {
		var id [16]byte
		err := row.Scan(&id)
		out = append(out, id)
		return err
	}, args...)
	batch.Queue("COMMIT")
	return out, translate(s.pool.SendBatch(ctx, batch).Close())
}

// loadPage reads the payments whole, in the order of their ids.
func (s *Store) loadPage(ctx context.Context, ids [][16]byte, next engine.ID) (engine.Page, error) {
	page := engine.Page{Next: next}
	if len(ids) == 0 {
		return page, nil
	}
	wanted := make([]engine.ID, len(ids))
	for i, id := range ids {
		wanted[i] = id
	}
	l, err := s.load(ctx, s.pool, want{ids: wanted})
	if err != nil {
		return engine.Page{}, translate(err)
	}
	for _, id := range wanted {
		if t := l.found[id]; t != nil {
			page.Transactions = append(page.Transactions, *t)
		}
	}
	return page, nil
}

// lastID is after every id there is.
var lastID = func() (id engine.ID) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}()

// idAt is before every id made at that time or later, and after all before it: a
// UUIDv7 begins with its millisecond (RFC 9562, 5.7).
func idAt(t time.Time) (id engine.ID) {
	binary.BigEndian.PutUint64(id[:8], uint64(max(t.UnixMilli(), 0))<<16) //nolint:gosec // not negative
	return id
}

func words[W ~string](list []W) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// stamp is a time that may not be asked about.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
