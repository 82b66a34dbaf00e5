package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// Kept is a notification that is stored and has not counted: it waits, is under
// review, is nothing of ours, or is buried.
type Kept struct {
	Identity engine.Identity `json:"identity"`
	Gateway  engine.Gateway  `json:"gateway"`
	Kind     string          `json:"kind"`
	Status   string          `json:"status"`
	Reason   string          `json:"reason,omitempty"`
	Tries    int             `json:"tries"`
	ParkedAt time.Time       `json:"parked_at"`
	NextAt   *time.Time      `json:"next_at,omitempty"`
}

// Kept lists up to limit notifications that have not counted, the latest first.
func (s *Store) Kept(ctx context.Context, limit int) ([]Kept, error) {
	rows, err := s.pool.Query(ctx, sql("ListKept"), limit)
	if err != nil {
		return nil, translate(err)
	}
	kept, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Kept, error) {
		var k Kept
		err := row.Scan(&k.Identity, &k.Gateway, &k.Kind, &k.Status, &k.Reason, &k.Tries, &k.ParkedAt, &k.NextAt)
		return k, err
	})
	return kept, translate(err)
}

// ReplayBuried has every buried notification tried again at once and says how
// many there were.
func (s *Store) ReplayBuried(ctx context.Context) (int64, error) {
	done, err := s.pool.Exec(ctx, sql("ReplayBuried"))
	return done.RowsAffected(), translate(err)
}
