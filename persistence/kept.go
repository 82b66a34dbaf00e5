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

// Replay has a buried or waiting notification tried again at once. NotFound says
// that there is none by that name.
func (s *Store) Replay(ctx context.Context, identity engine.Identity, by engine.Act) error {
	absent := engine.Errorf(engine.NotFound, engine.CodeNotificationForeign, "no buried or waiting notification is called %s", identity)
	_, err := s.acted(ctx, act{Act: by, subject: string(identity)}, absent, "Replay", string(identity))
	return err
}

// ReplayBuried has every buried notification of a time tried again at once, and says
// how many there were. A zero time is no bound.
func (s *Store) ReplayBuried(ctx context.Context, from, to time.Time, by engine.Act) (int64, error) {
	return s.acted(ctx, act{Act: by, subject: "buried"}, nil, "ReplayBuried", stamp(from), stamp(to))
}

// Received is a delivery as it came, and what became of the notification it told of.
type Received struct {
	At          time.Time       `json:"received_at"`
	Identity    engine.Identity `json:"identity"`
	Gateway     engine.Gateway  `json:"gateway"`
	Kind        string          `json:"kind"`
	Status      string          `json:"status"`
	Transaction engine.ID       `json:"-"`     // zero when it names nothing of ours
	Bytes       int             `json:"bytes"` // of its body
}

// Received lists deliveries that came after a time and at most so long ago, the
// earliest first. It reads no body: there are people in it.
func (s *Store) Received(ctx context.Context, after time.Time, ago time.Duration, most int) ([]Received, error) {
	rows, err := s.pool.Query(ctx, sql("Received"), after, ago, most)
	if err != nil {
		return nil, translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Received, err error) {
		var transaction *[16]byte
		err = row.Scan(&r.At, &r.Identity, &r.Gateway, &r.Kind, &r.Status, &transaction, &r.Bytes)
		if r.At = r.At.UTC(); transaction != nil {
			r.Transaction = *transaction
		}
		return r, err
	})
	return found, translate(err)
}
