package persistence

import (
	"context"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// Balances tells a talent's three numbers (story 4.8). A talent nobody has paid
// or given a wallet is NotFound.
func (s *Store) Balances(ctx context.Context, talent string) (engine.Balances, error) {
	b := engine.Balances{Talent: talent, Currency: money.XOF}
	var known bool
	err := s.pool.QueryRow(ctx, sql("Balances"), talent).Scan(&b.AsOf, &known, &b.Available, &b.PaidThisMonth, &b.PendingRelease)
	switch {
	case err != nil:
		return engine.Balances{}, translate(err)
	case !known:
		return engine.Balances{}, engine.Errorf(engine.NotFound, engine.CodeTalentUnknown, "nothing is known of this talent")
	}
	b.AsOf = b.AsOf.UTC()
	return b, nil
}
