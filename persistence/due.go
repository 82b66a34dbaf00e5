package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// ClaimDue takes up to limit due rows, the longest overdue first, hides them
// from every other claim for lease, and returns their transactions. Applying a
// Tick sets what is due next; a Tick that never came is claimed again.
func (s *Store) ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]engine.ID, error) {
	rows, err := s.rounds.Query(ctx, sql("ClaimDue"), limit, lease)
	if err != nil {
		return nil, translate(err)
	}
	claimed, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil {
		return nil, translate(err)
	}
	ids := make([]engine.ID, len(claimed))
	for i, id := range claimed {
		ids[i] = id
	}
	return ids, nil
}

// DueAge is how long ago the oldest due row became due; zero when none is.
func (s *Store) DueAge(ctx context.Context) (time.Duration, error) { return s.age(ctx, "DueAge") }

// age reads a number of seconds.
func (s *Store) age(ctx context.Context, query string) (time.Duration, error) {
	var seconds float64
	err := s.rounds.QueryRow(ctx, sql(query)).Scan(&seconds)
	return time.Duration(seconds * float64(time.Second)), translate(err)
}
