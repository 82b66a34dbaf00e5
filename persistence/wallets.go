package persistence

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// SetWallet makes w the talent's current wallet and returns it with its number.
// The one they have already changes nothing, and false says so. Payouts that
// waited for a wallet look again at once.
func (s *Store) SetWallet(ctx context.Context, talent string, w engine.Wallet) (engine.Wallet, bool, error) {
	for range decideAgainMax {
		current, found, err := s.Wallet(ctx, talent)
		if err != nil {
			return engine.Wallet{}, false, err
		}
		w.No = 0
		if found {
			if w.No = current.No; current == w {
				// Set again: perhaps the first time did not get to wake anybody.
				return w, false, s.wakePayouts(ctx, talent)
			}
		}
		w.No++
		_, err = s.pool.Exec(ctx, sql("AddWallet"), talent, w.No, string(w.Operator), storePhone(w.Phone), w.Name)
		if stateOf(err) == stateUniqueViolation {
			continue // somebody else has just set one: theirs is now the current one
		}
		if err != nil {
			return engine.Wallet{}, false, translate(err)
		}
		// After the commit of the wallet, in one of its own: a waiting payout that is
		// committed between the two finds the wallet, or looks again by itself.
		return w, true, s.wakePayouts(ctx, talent)
	}
	return engine.Wallet{}, false, engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "too many wallets are being set at once")
}

// Wallet returns the talent's current wallet, and false when there is none.
func (s *Store) Wallet(ctx context.Context, talent string) (engine.Wallet, bool, error) {
	var w engine.Wallet
	var number string
	err := s.pool.QueryRow(ctx, sql("CurrentWallet"), talent).Scan(&w.No, &w.Operator, &number, &w.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return engine.Wallet{}, false, nil
	}
	if err != nil {
		return engine.Wallet{}, false, translate(err)
	}
	w.Phone, err = loadPhone(number)
	return w, true, err
}

func (s *Store) wakePayouts(ctx context.Context, talent string) error {
	_, err := s.pool.Exec(ctx, sql("WakePayouts"), talent)
	return translate(err)
}
