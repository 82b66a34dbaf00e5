package persistence

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// Payment tells a payment with its timeline, as last committed. An unknown one
// is NotFound.
func (s *Store) Payment(ctx context.Context, id engine.ID) (engine.Statement, error) {
	l, err := s.load(ctx, s.pool, want{ids: []engine.ID{id}, timeline: true})
	if err != nil {
		return engine.Statement{}, translate(err)
	}
	t := l.found[id]
	if t == nil {
		return engine.Statement{}, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "there is no such payment")
	}
	return engine.Statement{Transaction: *t, Timeline: l.timeline}, nil
}

// shortSubject is an attempt's, a try's or a refund's name within its payment: c1,
// p1, r1.
func shortSubject(machine, subject string) string {
	if machine != "attempt" && machine != "try" && machine != "refund" {
		return ""
	}
	_, short, _ := strings.Cut(subject, "-")
	return short
}

// BookingPayment finds the payment that owns the booking's slot, else its latest
// one. NotFound says that the booking was never paid for.
func (s *Store) BookingPayment(ctx context.Context, booking string) (engine.ID, error) {
	var id [16]byte
	err := s.pool.QueryRow(ctx, sql("BookingPayment"), booking).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return engine.ID{}, engine.Errorf(engine.NotFound, engine.CodeBookingUnknown, "no payment was ever begun for this booking")
	}
	return id, translate(err)
}

// Counts is the engine at a glance, for a status line.
type Counts struct {
	Payments   map[engine.ChargeStatus]int64
	Held       money.Amount // francs in escrow now
	Released   money.Amount // francs released so far
	PaidOut    money.Amount // francs paid out so far, less what bounced
	InFlight   int64        // payouts under way or owed
	Identities int64        // notifications that count
	Waiting    int64        // notifications to be tried again
	Review     int64        // payments under review
	InDoubt    int64        // attempts whose answer was lost and not found again yet
	Surplus    int64        // captures that were one too many, so far
	Owed       money.Amount // francs of them that are not given back yet
	Refunded   money.Amount // francs of them that are
}

// Counts counts. It reads whole tables: for demos and people, not for every
// second of a busy day.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	c := Counts{Payments: map[engine.ChargeStatus]int64{}}
	var status engine.ChargeStatus
	var n, review int64
	rows, err := s.pool.Query(ctx, sql("CountPayments"))
	if err != nil {
		return c, translate(err)
	}
	if _, err := pgx.ForEachRow(rows, []any{&status, &n, &review}, func() error {
		c.Payments[status] = n
		c.Review += review
		return nil
	}); err != nil {
		return c, translate(err)
	}
	err = s.pool.QueryRow(ctx, sql("CountMoney")).Scan(&c.Held, &c.Released, &c.PaidOut, &c.InFlight, &c.Identities, &c.Waiting,
		&c.InDoubt, &c.Surplus, &c.Owed, &c.Refunded)
	return c, translate(err)
}

// Books is what we say each gateway did, by reference, in francs: what the
// gateways' own books are held against.
type Books struct {
	Captured map[string]money.Amount // by the charge's reference
	Refunded map[string]money.Amount // by the charge's reference
	PaidOut  map[string]money.Amount // by the try's reference
}

// Books reads whole tables, like Counts.
func (s *Store) Books(ctx context.Context) (Books, error) {
	b := Books{map[string]money.Amount{}, map[string]money.Amount{}, map[string]money.Amount{}}
	for query, into := range map[string]map[string]money.Amount{
		"CapturedAttempts": b.Captured, "RefundedAttempts": b.Refunded, "PaidTries": b.PaidOut,
	} {
		rows, err := s.pool.Query(ctx, sql(query))
		if err != nil {
			return Books{}, translate(err)
		}
		var reference string
		var amount money.Amount
		if _, err := pgx.ForEachRow(rows, []any{&reference, &amount}, func() error {
			into[reference] = amount
			return nil
		}); err != nil {
			return Books{}, translate(err)
		}
	}
	return b, nil
}
