package persistence

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// Override is a person's decision that a breaker stand open or closed whatever it
// has seen, and the audit of that decision. It holds nobody's place: it ends by
// itself within a day.
type Override struct {
	Gateway engine.Gateway `json:"gateway"`
	Class   string         `json:"class"` // collect, verify, payout or refund
	State   string         `json:"state"` // open, closed, or empty: the breaker judges by itself again
	Who     string         `json:"who"`
	Why     string         `json:"why"`
	Until   time.Time      `json:"until"` // zero when State is empty
	At      time.Time      `json:"at"`    // the database's to say
}

// overrideSkew is how far a caller's clock may be ahead of the database's when it
// counts a whole day.
const overrideSkew = time.Minute

// overrideClasses are the schema's.
var overrideClasses = []string{"collect", "verify", "payout", "refund"}

// Override writes the decision down. One that nobody answers for, that is of no
// breaker, or that is not over within 24 hours of the database's clock is Invalid.
func (s *Store) Override(ctx context.Context, o Override) error {
	switch {
	case o.Who == "" || o.Why == "":
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "who overrides a breaker, and why?")
	case o.Gateway == "" || !slices.Contains(overrideClasses, o.Class):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is of a gateway and one of %v", overrideClasses)
	case !slices.Contains([]string{"open", "closed", ""}, o.State):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is held open or closed, or let go")
	case (o.State == "") != o.Until.IsZero():
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is held until a time, and let go at once")
	}
	for range decideAgainMax + 1 {
		done, err := s.pool.Exec(ctx, sql("AddOverride"), string(o.Gateway), o.Class, o.State, o.Who, o.Why, nullable(o.Until), overrideSkew)
		if stateOf(err) == stateUniqueViolation {
			continue // somebody else has just decided: this is the next one
		}
		if err == nil && done.RowsAffected() == 0 {
			return engine.Errorf(engine.Invalid, engine.CodeInternal, "an override ends after now and within 24 hours")
		}
		return translate(err)
	}
	return overloaded("too many override the same breaker at once", nil)
}

// Overrides tells the latest decision about each breaker that is in force by the
// database's clock.
func (s *Store) Overrides(ctx context.Context) ([]Override, error) {
	rows, err := s.pool.Query(ctx, sql("Overrides"))
	if err != nil {
		return nil, translate(err)
	}
	overrides, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Override, error) {
		var o Override
		err := row.Scan(&o.Gateway, &o.Class, &o.State, &o.Who, &o.Why, &o.Until, &o.At)
		o.Until, o.At = o.Until.UTC(), o.At.UTC()
		return o, err
	})
	return overrides, translate(err)
}
