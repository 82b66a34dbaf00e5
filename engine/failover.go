package engine

import "slices"

// Which gateway is asked next when an attempt has died: money-safety's gate (R3,
// R4). It opens only after an attempt that provably did not, or finally will not,
// debit; at most once in a payment's life; and only towards a door that serves
// this payer. What opens it is never a silence.

// kill ends a live attempt, and with it the payment, unless another gateway may
// be asked or asking again later may help.
func (d *draft) kill(a *Attempt, to AttemptStatus, why Code, text string) error {
	if err := d.bury(a, to, why, text); err != nil {
		return err
	}
	if !d.Next.Status.Open() || !d.Next.PaidAt.IsZero() {
		return nil
	}
	if door, found := d.nextDoor(a); found {
		d.Next.Code = ""
		d.attempt(door)
		return nil
	}
	if d.mayBeOfferedAgain(a) {
		d.Next.Code = CodeGatewaysResting // nothing has failed: see offerAgain
		a.CheckAt = d.given.Now.Add(d.given.Policy.OfferAgain)
		return nil
	}
	switch {
	case to == AttemptExpired:
		return d.end(ChargeIsExpired, why)
	case d.mayMove(a) && d.operatorDown():
		return d.end(ChargeIsFailed, CodeOperatorDown)
	}
	return d.end(ChargeIsFailed, why)
}

// nextDoor is the door a payment moves to after its first attempt, if it may and
// there is one.
func (d *draft) nextDoor(dead *Attempt) (Door, bool) {
	t, policy := &d.Next, d.given.Policy
	if len(t.Attempts) != 1 || t.Slot != t.ID || t.Review != "" || !d.mayMove(dead) || d.operatorDown() {
		return Door{}, false
	}
	for _, door := range d.given.Health.open(policy.Routes.For(Collect, t.Method, t.Payer.Operator)) {
		if door.Gateway != dead.Gateway && t.promptFree(door) {
			return door, true
		}
	}
	return Door{}, false
}

// mayMove is the gate itself: what an attempt died of, and whether policy uses
// the permission that gives.
func (d *draft) mayMove(dead *Attempt) bool {
	policy := d.given.Policy
	switch dead.Status {
	case AttemptRejected: // provably not sent, or provably not accepted
		return true
	case AttemptFailed:
		// Final; for the payer's own reasons the payer is asked first. A page that was
		// shown may be paid on after all (money-safety, §2.5): nobody documents that it
		// may not.
		return dead.Flow == Direct && policy.FailoverAfter[dead.Code] && d.given.Now.Sub(d.Next.CreatedAt) <= policy.FailoverWithin
	case AttemptAbsent:
		return policy.FailoverAfterQuarantine
	case AttemptExpired, AttemptSending, AttemptCustomer, AttemptUnknown, AttemptQuarantine, AttemptSucceeded:
	}
	return false
}

// operatorDown: the fault is behind the gateways, so another one changes nothing
// and the payer is told.
func (d *draft) operatorDown() bool {
	return slices.Contains(d.given.Health.Down, d.Next.Payer.Operator)
}

// promptFree reports that a door would not put a second request for one amount on
// one phone: the payer could approve the wrong one (R13).
func (t Transaction) promptFree(door Door) bool {
	return door.Flow != Direct || t.Prompt.IsZero() || t.Prompt == t.ID
}

// mayBeOfferedAgain: every gateway turned the payment away unsent, for a reason
// that passes, and the payer still holds the phone.
func (d *draft) mayBeOfferedAgain(dead *Attempt) bool {
	policy := d.given.Policy
	return d.Next.Status == ChargeIsInitiated && d.Next.Review == "" && dead.Status == AttemptRejected && dead.turnedAway() &&
		!d.given.Now.Add(policy.OfferAgain).After(d.Next.CreatedAt.Add(policy.OfferFor))
}

// turnedAway reports that the gateway could not be reached or would take nothing
// just then, which passes.
func (a *Attempt) turnedAway() bool {
	return a.Code == CodeGatewayUnreachable || a.Code == CodeGatewayRateLimited || a.Code == CodeOverloaded
}

// waitsForAGateway: the payment is open and nobody is asked.
func (t *Transaction) waitsForAGateway() bool {
	return t.Status == ChargeIsInitiated && t.liveAttempt() == nil
}

// offerAgain asks anew for a payment that every gateway turned away: another one
// than last time when there is one, one that is not resting if any.
func (d *draft) offerAgain() error {
	t := &d.Next
	doors := d.given.Policy.Routes.For(Collect, t.Method, t.Payer.Operator)
	if awake := d.given.Health.open(doors); len(awake) > 0 {
		doors = awake
	} // else its breaker answers in the gateway's place, and the next moment is counted from then
	last, _ := t.LastAttempt()
	another := slices.IndexFunc(doors, func(door Door) bool { return door.Gateway != last.Gateway })
	// We may have been down meanwhile: a prompt an hour later finds nobody waiting.
	over := d.given.Now.After(t.CreatedAt.Add(d.given.Policy.OfferFor + d.given.Policy.OfferAgain))
	switch {
	case over:
		return d.end(ChargeIsFailed, CodeGatewaysResting)
	case t.Review != "": // something says that it has been paid: first that is explained
		t.Attempts[len(t.Attempts)-1].CheckAt = d.given.Now.Add(d.given.Policy.OfferAgain)
		return nil
	case len(doors) == 0:
		return d.end(ChargeIsFailed, CodeOperatorUnavailable)
	case d.operatorDown():
		return d.end(ChargeIsFailed, CodeOperatorDown)
	case !t.promptFree(doors[max(another, 0)]):
		return d.end(ChargeIsFailed, CodePromptOpen)
	}
	t.Code = ""
	d.attempt(doors[max(another, 0)])
	return nil
}
