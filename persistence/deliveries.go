package persistence

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/vault"
)

// Raw deliveries are the evidence: the bytes that were signed, kept as they came,
// in a partition for each day so that retention is a DROP. They name payers and their
// phones, and are sealed: a body of 2 kB in a microsecond.

// sealBody is a body as it is kept.
func sealBody(v *vault.Vault, n engine.Notification) []byte {
	return v.Seal(deliveryPlace(n.Identity, n.Delivery.Signature), n.Delivery.Body)
}

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
		opened, err := s.vault.Open(deliveryPlace(identity, signature), body)
		if err != nil {
			// It is tried without, and buried in the end: its key may be found, and it replayed.
			s.log.Error("a delivery can't be opened", "identity", identity, "err", err)
			return nil
		}
		p := &parked[at[identity]]
		p.Deliveries = append(p.Deliveries, engine.Delivery{
			Signature: slices.Clone(signature), Body: opened, ReceivedAt: received.UTC(),
		})
		return nil
	})
	return translate(err)
}

// Evidence is the bytes a notification was told in, the latest few. Who asks is written
// down first: there are people in them. NotFound when none are kept.
func (s *Store) Evidence(ctx context.Context, identity engine.Identity, by engine.Act) ([]engine.Delivery, error) {
	if err := s.WriteDown(ctx, by, string(identity)); err != nil {
		return nil, err
	}
	one := []engine.Parked{{Identity: identity}}
	err := s.addEvidence(ctx, one)
	if err == nil && len(one[0].Deliveries) == 0 {
		err = engine.Errorf(engine.NotFound, engine.CodeNotificationForeign, "no bytes of %s are kept, or none can be opened", identity)
	}
	return one[0].Deliveries, err
}
