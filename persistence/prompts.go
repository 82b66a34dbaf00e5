package persistence

import (
	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// prompt is what a payer sees on their phone: so much, asked for there. Two of a
// kind could not be told apart (R13).
type prompt struct {
	phone  string
	amount int64 // francs
}

func promptOf(payer engine.Payer, amount money.Amount) prompt {
	return prompt{storePhone(payer.Phone), int64(amount)}
}

func splitPrompts(prompts []prompt) (phones []string, amounts []int64) {
	for _, p := range prompts {
		phones, amounts = append(phones, p.phone), append(amounts, p.amount)
	}
	return phones, amounts
}

func (l *loaded) addPrompt(row pgx.CollectableRow) error {
	var p prompt
	var id [16]byte
	err := row.Scan(&p.phone, &p.amount, &id)
	l.prompts[p] = id
	return err
}

// addPrompt takes the phone for a payment that begins to ask on it and leaves it
// for one that does so no more. Who moves on to another gateway in one commit goes
// on asking: the row stays.
func (w *writer) addPrompt(before, t engine.Transaction) {
	was, is := before.Prompt == t.ID, t.Prompt == t.ID
	switch {
	case is && !was:
		p := promptOf(t.Payer, t.Amount)
		w.prompts.row(p.phone, p.amount, [16]byte(t.ID))
	case was && !is:
		w.silent = append(w.silent, t.ID)
	}
}
