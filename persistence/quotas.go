package persistence

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// Use uses every one of the quotas once, or none of them, for all nodes together.
// It returns which of them are used up, by their place in the list, and how long
// until the last of those is free: nil when all were used. The same intent again is
// no further use.
//
// It is a round trip of its own before the command, on a table without a write-ahead
// log: 0.2 ms and no flush. Counting in the command's own commit would be free of the
// trip and would need an index over phones on the hottest table; what is counted here
// need not survive a crash, only the minutes after it.
func (s *Store) Use(ctx context.Context, intent [32]byte, quotas []engine.Quota) (full []int, wait time.Duration, err error) {
	var locks []int64
	var subjects [][]byte
	var most []int
	var seconds []float64
	places := map[[32]byte]int{}
	for i, q := range quotas {
		places[q.Subject] = i
		locks = append(locks, int64(binary.BigEndian.Uint64(q.Subject[:]))) //nolint:gosec // bits, not a number
		subjects, most, seconds = append(subjects, q.Subject[:]), append(most, q.Most), append(seconds, q.Within.Seconds())
	}
	conn, err := s.acquire(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Release()
	batch := &pgx.Batch{} // one implicit transaction
	batch.Queue(sql("LockQuotas"), locks)
	batch.Queue(sql("UseQuotas"), subjects, most, seconds, intent[:]).Query(func(rows pgx.Rows) error {
		var subject []byte
		var rest float64
		_, err := pgx.ForEachRow(rows, []any{&subject, &rest}, func() error {
			full = append(full, places[[32]byte(subject)])
			wait = max(wait, time.Duration(rest*float64(time.Second)))
			return nil
		})
		return err
	})
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, 0, translate(err)
	}
	return full, wait, nil
}

// forgetQuotas deletes what no window reaches back to. At a hundred starts a second
// an hour leaves 720,000 rows of 120 bytes: 90 MB, and half a second of deleting.
func (s *Store) forgetQuotas(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, sql("ForgetQuotas")); err != nil {
		return fmt.Errorf("forget quotas: %w", err)
	}
	return nil
}
