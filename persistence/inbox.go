package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// Where a notification stands.
const (
	inboxCounted = "counted" // it has had its effect, for ever
	inboxReview  = "review"  // it does not match: money stands still
	inboxWaiting = "waiting" // ours, and not to be applied yet
	inboxForeign = "foreign" // nothing of ours, or of a kind we do not take: kept, never tried
)

// firstTry is how long a parked notification waits before it is tried again: the
// first step of the seed's schedule. The rest of it is the caller's.
const firstTry = 10 * time.Second

// Park keeps a signed notification that can't be applied now, with its bytes, in
// one commit. The same one again changes nothing.
func (s *Store) Park(ctx context.Context, n engine.Notification) error {
	status := inboxWaiting
	var transaction *[16]byte
	if n.Foreign != "" || n.Reference.Transaction.IsZero() {
		status = inboxForeign
	} else {
		id := [16]byte(n.Reference.Transaction)
		transaction = &id
	}
	batch := &pgx.Batch{}
	batch.Queue(sql("Park"), string(n.Identity), string(n.Gateway), n.Kind, transaction, status, n.Foreign, firstTry)
	batch.Queue(sql("InsertOtherDeliveries"), []string{string(n.Identity)}, []string{string(n.Gateway)}, [][]byte{n.Delivery.Signature},
		[][]byte{sealBody(s.vault, n)})
	return translate(s.pool.SendBatch(ctx, batch).Close()) // one implicit transaction
}

// ClaimWaiting takes up to limit of those whose next try has come, and hides
// them from every other claim for lease.
func (s *Store) ClaimWaiting(ctx context.Context, limit int, lease time.Duration) ([]engine.Parked, error) {
	rows, err := s.rounds.Query(ctx, sql("ClaimWaiting"), limit, lease)
	if err != nil {
		return nil, translate(err)
	}
	parked, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.Parked, error) {
		var p engine.Parked
		err := row.Scan(&p.Gateway, &p.Kind, &p.Identity, &p.Tries, &p.ParkedAt)
		p.ParkedAt = p.ParkedAt.UTC()
		return p, err
	})
	if err != nil || len(parked) == 0 {
		return nil, translate(err)
	}
	return parked, s.addEvidence(ctx, parked)
}

// Postpone counts a try that came to nothing and sets the next one, so long from
// now by the database's clock.
func (s *Store) Postpone(ctx context.Context, identity engine.Identity, after time.Duration) error {
	_, err := s.pool.Exec(ctx, sql("Postpone"), string(identity), after)
	return translate(err)
}

// Bury ends the tries. Replay digs up.
func (s *Store) Bury(ctx context.Context, identity engine.Identity, reason string) error {
	_, err := s.pool.Exec(ctx, sql("Bury"), string(identity), reason)
	return translate(err)
}

// InboxAge is how long the oldest notification that is still to be applied has
// been waiting; zero when none is (DT-407).
func (s *Store) InboxAge(ctx context.Context) (time.Duration, error) { return s.age(ctx, "InboxAge") }
