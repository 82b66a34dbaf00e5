package engine

import "github.com/bookmi/cauri/engine/money"

// Refund is an obligation to give back what one attempt captured, unique for
// the attempt and cause. It is born in the same commit as its reason.
type Refund struct {
	No      int // counts the transaction's refunds from 1
	Attempt int
	Cause   RefundCause
	Amount  money.Amount // francs
}

// Owed is what the payer was charged once too often and has not had back.
func (t Transaction) Owed() money.Amount {
	var owed money.Amount
	for _, a := range t.Attempts {
		if a.Disposition == Surplus {
			owed += a.Captured
		}
	}
	return owed
}

// RefundCause says why money is owed back.
type RefundCause string

// Why money may be owed back.
const (
	RefundSurplus RefundCause = "surplus" // captured once too often (R7)
)
