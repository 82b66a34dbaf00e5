package engine

import "github.com/bookmi/cauri/engine/ledger"

// Money in suspense was captured for certain and is not the price. Nobody but people
// can say what it is: they return it to the payer or keep it as the price (S-18).

// placeSuspense answers ReturnSuspense and KeepSuspense. People have looked at what did
// not match: the doubt ends with the money's place.
func (d *draft) placeSuspense(attempt int, to Disposition) error {
	a, err := d.attemptNo(attempt)
	if err != nil {
		return nothing(err)
	}
	if a.Disposition != Suspense {
		return Errorf(Conflict, CodeNothingToDo, "the money of attempt %d is not in suspense", a.No)
	}
	if to == Kept {
		if err := d.Next.keepable(a); err != nil {
			return err
		}
	}
	a.Disposition, a.Doubt = to, ""
	from := ledger.Suspense(string(a.Gateway))
	if to == Surplus {
		d.book(JournalSuspenseSettled, d.Next.attemptReference(a.No).Short(), ledger.Move(from, ledger.PayerSurplus, a.Captured)...)
		d.oweBack(a)
		d.review()
		return nil
	}
	d.book(JournalSuspenseSettled, d.Next.attemptReference(a.No).Short(), ledger.Move(from, ledger.EscrowHeld, a.Captured)...)
	d.Next.PaidAt = d.given.Now
	d.review()
	d.hold(a)
	err = d.moveCharge(ChargeIsSucceeded, CodeConcludedByStaff)
	d.Next.Code = "" // of the move; nothing is wrong with the payment
	return err
}

// keepable says why the money of an attempt can't be the price, or nil. Of more than
// the price the rest would be the payer's.
func (t Transaction) keepable(a *Attempt) error {
	switch {
	case !t.PaidAt.IsZero():
		return Errorf(Conflict, CodeSuspenseNotKept, "the payment has been paid by another attempt: return it")
	case !t.wantsMoney():
		return Errorf(Conflict, CodeSuspenseNotKept, "the payment was given up, or its booking is paid for otherwise: return it")
	case a.Captured > t.Amount:
		return Errorf(Conflict, CodeSuspenseNotKept, "%d F are more than the price of %d F: return them", a.Captured, t.Amount)
	case a.Doubt == ReviewReversed || a.Doubt == ReviewRefunding:
		return Errorf(Conflict, CodeSuspenseNotKept, "a part of it has gone back to the payer: return the rest")
	}
	return nil
}
