package persistence

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// Raw deliveries are the evidence: the bytes that were signed, kept as they came,
// in a partition for each day so that retention is a DROP.

// partitionDays is how many days of partitions are made ahead: a week that
// nobody looks at the machine. Beyond it the default partition takes them.
const partitionDays = 7

// makePartitions makes the partitions that are missing from today on. Processes
// that start together make them one after the other.
func makePartitions(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, sql("MakePartitions"), partitionDays); err != nil {
		return fmt.Errorf("make the coming days' partitions: %w", err)
	}
	return nil
}

// evidenceMax is how many deliveries of one notification are tried again: the latest. A
// gateway has no reason for a third version of one fact.
const evidenceMax = 4

// addEvidence reads the bytes each was told in.
func (s *Store) addEvidence(ctx context.Context, parked []engine.Parked) error {
	at := make(map[engine.Identity]int, len(parked))
	identities := make([]string, len(parked))
	for i, p := range parked {
		at[p.Identity], identities[i] = i, string(p.Identity)
	}
	rows, err := s.pool.Query(ctx, sql("Evidence"), identities, evidenceMax)
	if err != nil {
		return translate(err)
	}
	var identity engine.Identity
	var signature, body []byte
	var received time.Time
	_, err = pgx.ForEachRow(rows, []any{&identity, &signature, &body, &received}, func() error {
		p := &parked[at[identity]]
		p.Deliveries = append(p.Deliveries, engine.Delivery{
			Signature: slices.Clone(signature), Body: slices.Clone(body), ReceivedAt: received.UTC(),
		})
		return nil
	})
	return translate(err)
}
