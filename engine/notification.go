package engine

import "time"

// Identity is what makes two notifications the same one: gateway, event kind,
// the thing it speaks of, the status it tells. Kept for ever; the bytes of the
// body are evidence, not identity.
type Identity string

// NewIdentity composes an identity. about is our reference when there is one,
// else the gateway's name for the thing.
func NewIdentity(g Gateway, kind, about, status string) Identity {
	return Identity(string(g) + "/" + kind + "/" + about + "/" + status)
}

// Notification is a webhook translated: what a gateway tells us by itself.
// Exactly one of Charge, Payout and Refund is set, unless it is Foreign. One about
// a refund has the reference of the charge: gateways name no other.
type Notification struct {
	Gateway   Gateway
	Kind      string // the gateway's word: charge.success
	Identity  Identity
	Reference Reference // ours, parsed; zero when Foreign
	Foreign   string    // why it is not ours to apply: an unknown kind or reference; else ""
	Charge    *ChargeReport
	Payout    *PayoutReport
	Refund    *RefundReport
	Stale     bool // signed, but too old to be a fact: a hint to inquire
	Delivery  Delivery
}

// Delivery is the raw evidence of one HTTP delivery. Equal signatures mean equal
// bytes, because the signature is a keyed hash of them.
type Delivery struct {
	Signature  []byte // decoded
	Body       []byte // exactly as received
	ReceivedAt time.Time
}

// Parked is a notification kept for later: signed, stored, not applied yet.
type Parked struct {
	Gateway    Gateway
	Kind       string
	Identity   Identity
	Deliveries []Delivery // in other bytes each, the oldest first: a later one may be the true one
	Tries      int        // times it was tried again
	ParkedAt   time.Time
}

// notified applies a gateway's notification: authority when it matches its
// attempt or try exactly, a reason to ask when it does not.
func (d *draft) notified(n Notification) error {
	if n.Reference.Transaction != d.Next.ID {
		return Errorf(NotFound, CodeNotificationForeign, "a notification about %s came to %s", n.Reference, d.Next.ID)
	}
	switch {
	case (n.Charge != nil || n.Refund != nil) && n.Reference.Kind == ChargeReference:
		return d.chargeNotified(n)
	case n.Payout != nil && n.Reference.Kind == PayoutReference:
		return d.payoutNotified(n)
	}
	return Errorf(NotFound, CodeNotificationForeign, "%s tells nothing this payment could use", n.Kind)
}

func (d *draft) chargeNotified(n Notification) error {
	a, err := d.attemptNo(n.Reference.Number)
	if err != nil {
		return err
	}
	if a.Gateway != n.Gateway {
		return Errorf(NotFound, CodeNotificationForeign, "%s was never asked of %s", n.Reference, n.Gateway)
	}
	if n.Stale {
		d.hinted(a)
		return nil
	}
	var believed bool
	if n.Charge != nil {
		believed, err = d.chargeReported(a, *n.Charge, fromNotification)
	} else {
		believed, err = d.refundNotified(n, a)
	}
	if err != nil {
		return err
	}
	if believed {
		d.Counted = append(d.Counted, n.Identity)
	}
	return nil
}

func (d *draft) payoutNotified(n Notification) error {
	try, err := d.tryNo(n.Reference.Number)
	if err != nil {
		return err
	}
	if try.Gateway != n.Gateway {
		return Errorf(NotFound, CodeNotificationForeign, "%s was never asked of %s", n.Reference, n.Gateway)
	}
	if n.Stale {
		d.hintedTry(try)
		return nil
	}
	believed, err := d.payoutReported(try, *n.Payout, fromNotification)
	if err != nil {
		return err
	}
	if believed {
		d.Counted = append(d.Counted, n.Identity)
	}
	return nil
}

// inquired applies the answer to a question of ours.
func (d *draft) inquired(c RecordInquiry) error {
	if c.Err != nil {
		return nil // no answer: the next look is scheduled already
	}
	d.asked = c.AskedAt
	switch {
	case c.Charge != nil && c.Reference.Kind == ChargeReference:
		a, err := d.attemptNo(c.Reference.Number)
		if err != nil {
			return err
		}
		_, err = d.chargeReported(a, *c.Charge, fromInquiry)
		return err
	case c.Payout != nil && c.Reference.Kind == PayoutReference:
		try, err := d.tryNo(c.Reference.Number)
		if err != nil {
			return err
		}
		_, err = d.payoutReported(try, *c.Payout, fromInquiry)
		return err
	case c.Refund != nil && c.Reference.Kind == RefundReference:
		r, err := d.refundNo(c.Reference.Number)
		if err != nil {
			return err
		}
		_, err = d.refundReported(r, *c.Refund, fromInquiry)
		return err
	}
	return Errorf(Invalid, CodeInternal, "an inquiry about %s with no report", c.Reference)
}
