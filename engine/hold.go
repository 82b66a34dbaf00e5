package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine/money"
)

// HoldStatus is where an escrow hold stands.
type HoldStatus string

// The statuses of a hold. Refunds and disputes bring theirs with them.
const (
	HoldHeld     HoldStatus = "held"
	HoldReleased HoldStatus = "released"
)

var holdMachine = machine[HoldStatus]{
	name:  "hold",
	first: HoldHeld,
	moves: map[HoldStatus]map[HoldStatus]EventKind{
		HoldHeld:     {HoldReleased: EscrowReleased},
		HoldReleased: {},
	},
}

// ReleasedBy says what released a hold.
type ReleasedBy string

// What may release a hold.
const (
	ReleasedByPayer ReleasedBy = "payer" // who confirmed the delivery
	ReleasedByTime  ReleasedBy = "time"  // release_at has passed
	ReleasedByStaff ReleasedBy = "staff" // two of us
)

// Hold is money collected and kept back until delivery. Its shares and its
// release date are fixed when it is made: no later policy moves them.
type Hold struct {
	Status           HoldStatus
	Step             int
	Amount           money.Amount // francs, what was collected
	Released         money.Amount // francs, of Amount
	Refunded         money.Amount // francs, of Amount
	CommissionShare  money.BasisPoints
	Commission       money.Amount // francs; Commission + TalentFee = Amount
	TalentFee        money.Amount // francs
	AutoReleaseHours int
	HeldAt           time.Time
	ReleaseAt        time.Time // when time releases it
	ReleasedAt       time.Time // zero while held
	ReleasedBy       ReleasedBy
}

func (h Hold) check() error {
	var errs []error
	if h.Amount <= 0 || h.Commission < 0 || h.TalentFee < 0 || h.Commission+h.TalentFee != h.Amount {
		errs = append(errs, fmt.Errorf("hold of %d = %d + %d", h.Amount, h.Commission, h.TalentFee))
	}
	if h.Released < 0 || h.Refunded < 0 || h.Released+h.Refunded > h.Amount {
		errs = append(errs, fmt.Errorf("hold of %d with %d released and %d refunded", h.Amount, h.Released, h.Refunded))
	}
	if (h.Status == HoldReleased) == h.ReleasedAt.IsZero() {
		errs = append(errs, fmt.Errorf("hold %s with released_at %v", h.Status, h.ReleasedAt))
	}
	return errors.Join(errs...)
}

// hold makes the escrow hold of what an attempt captured and is kept. What policy says
// today is fixed on it for good (DT-406).
func (d *draft) hold(a *Attempt) {
	t, policy, now := &d.Next, d.given.Policy, d.given.Now
	commission, fee, err := money.Split(a.Captured, policy.Commission)
	must(err) // a checked policy and a positive amount always split
	from := now
	if !t.DeliveryDueAt.IsZero() {
		from = t.DeliveryDueAt
	}
	t.Hold = &Hold{
		Amount: a.Captured, CommissionShare: policy.Commission, Commission: commission, TalentFee: fee,
		AutoReleaseHours: policy.AutoReleaseHours, HeldAt: now,
		ReleaseAt: from.Add(time.Duration(policy.AutoReleaseHours) * time.Hour),
	}
	must(d.moveHold(HoldHeld))
}

// confirmDelivery answers ConfirmDelivery: the payer has had the performance.
func (d *draft) confirmDelivery(ConfirmDelivery) error {
	switch {
	case d.Next.Hold == nil:
		return Errorf(Conflict, CodeNotPaid, "this booking's payment is %s: there is nothing to release", d.Next.Status)
	case d.Next.Hold.Status == HoldReleased:
		return nil
	case d.Next.Review != "":
		return Errorf(Conflict, CodeUnderReview, "the payment is under review: %s", d.Next.Review)
	}
	return d.release(ReleasedByPayer)
}

// tickHold releases a hold whose time has come, by the database's clock.
func (d *draft) tickHold() error {
	h := d.Next.Hold
	if h == nil || h.Status != HoldHeld || d.Next.Review != "" || d.given.Now.Before(h.ReleaseAt) {
		return nil
	}
	return d.release(ReleasedByTime)
}

// release ends the hold in the talent's favour: commission, talent fee and the
// payout that is now owed, in one commit.
func (d *draft) release(by ReleasedBy) error {
	h := d.Next.Hold
	h.Released, h.ReleasedAt, h.ReleasedBy = h.Amount, d.given.Now, by
	if err := d.moveHold(HoldReleased); err != nil {
		return err
	}
	d.bookRelease(h)
	if h.TalentFee > 0 {
		d.Next.Payout = &Payout{Amount: h.TalentFee, DueAt: d.given.Now, NextAt: d.given.Now}
		must(d.movePayout(PayoutIsDue, ""))
		return d.tickPayout() // its first try, or what it waits for, in the same commit
	}
	return nil
}
