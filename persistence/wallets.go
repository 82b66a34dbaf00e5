package persistence

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// SetWallet makes w the talent's current wallet and returns it with its number.
// The one they have already changes nothing, and false says so. Payouts that
// waited for a wallet become due in the same commit.
func (s *Store) SetWallet(ctx context.Context, talent string, w engine.Wallet) (engine.Wallet, bool, error) {
	return s.setWallet(ctx, talent, w, nil)
}

// SetWalletByStaff does so for staff, under an approved proposal: what they did is
// written down with it, or nothing is. The wallet they have already is Conflict.
func (s *Store) SetWalletByStaff(ctx context.Context, talent string, w engine.Wallet, by engine.Act) (engine.Wallet, error) {
	set, _, err := s.setWallet(ctx, talent, w, &by)
	return set, err
}

func (s *Store) setWallet(ctx context.Context, talent string, w engine.Wallet, by *engine.Act) (engine.Wallet, bool, error) {
	for range decideAgainMax {
		current, found, err := s.Wallet(ctx, talent)
		if err != nil {
			return engine.Wallet{}, false, err
		}
		if w.No = current.No; found && current == w {
			if by != nil {
				return w, false, engine.Errorf(engine.Conflict, engine.CodeNothingToDo, "it is the talent's wallet already")
			}
			return w, false, nil
		}
		w.No++
		batch := &pgx.Batch{} // one implicit transaction
		if by != nil {
			a := act{Act: *by, subject: talent, after: brief(map[string]any{"no": w.No + 1, "operator": w.Operator, "phone": w.Phone.String()})}
			if found {
				a.before = brief(map[string]any{"no": current.No, "operator": current.Operator, "phone": current.Phone.String()})
			}
			a.approve(batch)
			a.write(batch)
		}
		batch.Queue(sql("LockWallets"), talent)
		batch.Queue(sql("AddWallet"), talent, w.No, string(w.Operator), sealPhone(s.vault, walletPlace(talent, w.No), w.Phone), w.Name)
		batch.Queue(sql("WakePayouts"), talent)
		err = s.pool.SendBatch(ctx, batch).Close()
		if stateOf(err) == stateUniqueViolation {
			continue // somebody else has just set one: theirs is now the current one
		}
		return w, err == nil, translate(err)
	}
	return engine.Wallet{}, false, overloaded("too many wallets are being set at once", nil)
}

// Wallet returns the talent's current wallet, and false when there is none.
func (s *Store) Wallet(ctx context.Context, talent string) (engine.Wallet, bool, error) {
	var w engine.Wallet
	var sealed []byte
	err := s.pool.QueryRow(ctx, sql("CurrentWallet"), talent).Scan(&w.No, &w.Operator, &sealed, &w.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return engine.Wallet{}, false, nil
	}
	if err != nil {
		return engine.Wallet{}, false, translate(err)
	}
	w.Phone, err = openPhone(s.vault, walletPlace(talent, w.No), sealed)
	return w, true, err
}
