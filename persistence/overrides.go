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
	Class   string         `json:"class"`   // collect, verify, payout or refund
	State   string         `json:"state"`   // open, closed, or empty: the breaker judges by itself again
	Who     string         `json:"who"`     // the name given
	Account string         `json:"account"` // under which it was written: user@machine, not to be chosen
	Why     string         `json:"why"`
	Until   time.Time      `json:"until"` // by the database's clock; zero when State is empty
	At      time.Time      `json:"at"`    // by the same
}

// overrideMax is how long a decision may stand without being taken again.
const overrideMax = 24 * time.Hour

// overrideClasses are the schema's.
var overrideClasses = []string{"collect", "verify", "payout", "refund"}

// Override writes the decision down, to last for so long by the database's clock,
// and returns it as written. One that nobody answers for, that is of no breaker, or
// that does not end within 24 hours is Invalid; At and Until are not read.
func (s *Store) Override(ctx context.Context, o Override, lasts time.Duration) (Override, error) {
	if err := o.check(lasts); err != nil {
		return Override{}, err
	}
	for range decideAgainMax + 1 {
		var until *time.Time
		err := s.pool.QueryRow(ctx, sql("AddOverride"), string(o.Gateway), o.Class, o.State, o.Who, o.Account, o.Why, lasts).Scan(&until, &o.At)
		if stateOf(err) == stateUniqueViolation {
			continue // somebody else has just decided: this is the next one
		}
		o.Until, o.At = stored(until), o.At.UTC()
		return o, translate(err)
	}
	return Override{}, overloaded("too many override the same breaker at once", nil)
}

func (o Override) check(lasts time.Duration) error {
	switch {
	case o.Who == "" || o.Account == "" || o.Why == "":
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "who overrides a breaker, and why?")
	case o.Gateway == "" || !slices.Contains(overrideClasses, o.Class):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is of a gateway and one of %v", overrideClasses)
	case !slices.Contains([]string{"open", "closed", ""}, o.State):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is held open or closed, or let go")
	case o.State == "" && lasts != 0:
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is let go at once")
	case o.State != "" && (lasts <= 0 || lasts > overrideMax):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is held for at most %s", overrideMax)
	}
	return nil
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
		err := row.Scan(&o.Gateway, &o.Class, &o.State, &o.Who, &o.Account, &o.Why, &o.Until, &o.At)
		o.Until, o.At = o.Until.UTC(), o.At.UTC()
		return o, err
	})
	return overrides, translate(err)
}
