package persistence

import (
	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/internal/vault"
)

// prompt is what a payer sees on their phone: so much, asked for there. Two of a
// kind could not be told apart (R13).
type prompt struct {
	index  string // the phone's, under one of the keys
	amount int64  // francs
}

// promptsOf is one prompt under each index key: while two keys are in use one node may
// write under the one and another under the other, and both must find the same phone
// taken.
func promptsOf(v *vault.Vault, payer engine.Payer, amount money.Amount) []prompt {
	indexes := indexesOf(v, payer.Phone)
	prompts := make([]prompt, len(indexes))
	for i, index := range indexes {
		prompts[i] = prompt{string(index), int64(amount)}
	}
	return prompts
}

func splitPrompts(prompts []prompt) (indexes [][]byte, amounts []int64) {
	for _, p := range prompts {
		indexes, amounts = append(indexes, []byte(p.index)), append(amounts, p.amount)
	}
	return indexes, amounts
}

func (l *loaded) addPrompt(row pgx.CollectableRow) error {
	var index []byte
	var amount int64
	var id [16]byte
	err := row.Scan(&index, &amount, &id)
	l.prompts[prompt{string(index), amount}] = id
	return err
}

// asks is who is asking a payer's phone for an amount; zero when nobody is.
func (l *loaded) asks(payer engine.Payer, amount money.Amount) engine.ID {
	if len(l.prompts) == 0 {
		return engine.ID{}
	}
	for _, p := range promptsOf(l.vault, payer, amount) {
		if id, found := l.prompts[p]; found {
			return id
		}
	}
	return engine.ID{}
}

// addPrompt takes the phone for a payment that begins to ask on it and leaves it
// for one that does so no more. Who moves on to another gateway in one commit goes
// on asking: the row stays.
func (w *writer) addPrompt(before, t engine.Transaction) {
	was, is := before.Prompt == t.ID, t.Prompt == t.ID
	switch {
	case is && !was:
		for _, p := range promptsOf(w.vault, t.Payer, t.Amount) {
			w.prompts.row([]byte(p.index), p.amount, [16]byte(t.ID))
		}
	case was && !is:
		w.silent = append(w.silent, t.ID)
	}
}
