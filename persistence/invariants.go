package persistence

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Violation is a row that an invariant's query returned. There should be none,
// ever.
type Violation struct {
	Invariant string // I04 escrow is what the holds still owe
	What      string // the row
}

// violationsMax bounds what one broken invariant reports: it is broken after one.
const violationsMax = 20

// invariantTimeout bounds one query: they read whole tables.
const invariantTimeout = "60s"

// Invariants lists the names of the queries that must return no row, in order.
func Invariants() []string {
	var names []string
	for name := range queries {
		if len(name) > 1 && name[0] == 'I' && name[1] >= '0' && name[1] <= '9' {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// CheckInvariants runs them all on one snapshot and returns what they found.
// Money moves meanwhile; without the snapshot a sum and its parts would be of
// different moments.
func (s *Store) CheckInvariants(ctx context.Context) (found []Violation, err error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // read only: nothing to lose
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = '"+invariantTimeout+"'"); err != nil {
		return nil, translate(err)
	}
	for _, name := range Invariants() {
		broken, err := violations(ctx, tx, name)
		if err != nil {
			return nil, fmt.Errorf("invariant %s: %w", name, err)
		}
		found = append(found, broken...)
	}
	return found, nil
}

// violations runs one query, and reads no further than what is reported.
func violations(ctx context.Context, tx pgx.Tx, name string) (broken []Violation, err error) {
	rows, err := tx.Query(ctx, sql(name))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for len(broken) < violationsMax && rows.Next() {
		var what, how *string
		if err := rows.Scan(&what, &how); err != nil {
			return nil, err
		}
		broken = append(broken, Violation{name, strings.Join([]string{text(what), text(how)}, " ")})
	}
	rows.Close()
	return broken, rows.Err()
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
