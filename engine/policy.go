package engine

import (
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// Policy is what may be chosen: delays, shares, limits, routes. Decide reads it,
// and whatever it decides by it is frozen on the row: a later change of policy
// moves no old hold and no promise already made.
type Policy struct {
	Routes Routes
	Live   map[Gateway]bool // which gateways we hold a live key for; others are in test mode

	AmountMin money.Amount // francs
	AmountMax money.Amount // francs

	Commission       money.BasisPoints // our share of the amount
	AutoReleaseHours int               // from delivery (or collection) to release, when the payer says nothing

	// PortedNumbers accepts a number whose prefix belongs to another operator.
	PortedNumbers bool

	CallTimeout   time.Duration                    // one call to a gateway
	AnswerGrace   time.Duration                    // what its answer may take to be committed before we ask
	InquireAfter  time.Duration                    // least time between a lost answer and the question
	PromptWindow  time.Duration                    // how long a payer has to approve
	PendingMax    time.Duration                    // how long after that a gateway may go on saying "in progress"
	PromptWindows map[phone.Operator]time.Duration // where an operator gives another
	HostedWindow  time.Duration                    // how long a payer has on a page, when the gateway does not say
	OTPTries      int                              // codes a payer may type for one attempt

	LiveAttempt  Schedule          // inquiries about an attempt that may still debit
	LiveAttempts map[Door]Schedule // where a door wants another
	DeadAttempt  Schedule          // inquiries about one we believe will not
	OpenTry      Schedule          // inquiries about a try that is not concluded
	PayoutRetry  Schedule          // a new try after a conclusive failure that may pass
	WalletCheck  Schedule          // looks for a wallet that was missing
	OpenRefund   Schedule          // inquiries about a refund that is not done
	RefundRetry  Schedule          // a refund that was not begun, sent again

	Refunds map[Gateway]bool // which gateways have a refund API; through the others people refund

	// FailoverAfter are the reasons of a final failure after which the next gateway
	// is asked without asking the payer: the operator's or the gateway's, never the
	// payer's. What was never accepted always moves on.
	FailoverAfter           map[Code]bool
	FailoverWithin          time.Duration // of the payment's beginning: later the payer has put the phone away
	OfferAgain              time.Duration // when a payment that no gateway would take is offered again
	OfferFor                time.Duration // for how long: 0 gives up at once
	FailoverAfterQuarantine bool          // also when "not found" was believed (money-safety, R4: assumption A2)

	DeliveryPast   time.Duration // how long ago a performance may have been when its payment begins
	DeliveryFuture time.Duration // how far ahead it may be

	QuarantineFor   time.Duration // T_q: how long not-found must last before it is believed
	QuarantineReads int           // k: how many not-found answers it takes
	WalletCooling   time.Duration // how long a wallet that takes another's place is not paid to; 0: paid at once
	ReviewPause     time.Duration // least time between two inquiries that signed mismatches cause
}

// Schedule is a list of moments counted from a beginning: some exact, then a
// pace until an end. No timer follows it: it becomes due rows.
type Schedule struct {
	At    []time.Duration
	Then  []Pace
	Never time.Duration // nothing is scheduled beyond; 0 = the last pace goes on
}

// Pace is "every so often, until so long after the beginning".
type Pace struct{ Every, Until time.Duration }

// Next returns the first moment of the schedule that lies after now, and false
// when it is over.
func (s Schedule) Next(begin, now time.Time) (time.Time, bool) {
	elapsed := now.Sub(begin)
	for _, at := range s.At {
		if at > elapsed {
			return begin.Add(at), s.Never == 0 || at <= s.Never
		}
	}
	for i, p := range s.Then {
		last := i == len(s.Then)-1
		next := (elapsed/p.Every + 1) * p.Every
		if next <= p.Until || (last && s.Never == 0) {
			return begin.Add(next), true
		}
	}
	return time.Time{}, false
}

// nextOr is Next, going on at a last pace when the schedule is over: what is
// still open is never forgotten.
func (s Schedule) nextOr(begin, now time.Time, pace time.Duration) time.Time {
	if next, more := s.Next(begin, now); more {
		return next
	}
	return now.Add(pace)
}

// The paces at which what outlives its schedule is still looked at.
const (
	lastPace = time.Hour
	slowPace = 24 * time.Hour
)

// DefaultPolicy is a marketplace in Côte d'Ivoire: what docs/adr/0007 and the
// gateways' documents give. The caller adds Live.
func DefaultPolicy() Policy {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	return Policy{
		Routes: DefaultRoutes(),
		Live:   map[Gateway]bool{},
		// Paystack's documented minimum is 1 F; operators refuse below 100 F in
		// practice, which is unconfirmed and therefore configuration.
		AmountMin: 100, AmountMax: 2_000_000,
		Commission: 1500, AutoReleaseHours: 48,
		CallTimeout: 15 * time.Second, AnswerGrace: 10 * time.Second,
		// A request may still be on its way (Paystack docs, Check pending charge).
		InquireAfter: 10 * time.Second,
		// "Mobile money must be completed within 180 s" (Paystack docs, Payment channels).
		PromptWindow: 180 * time.Second,
		PendingMax:   15 * minute,
		HostedWindow: 30 * minute,
		OTPTries:     3,
		LiveAttempt: Schedule{
			// At least 10 s before asking (Paystack docs, Check pending charge); 185 s is
			// the first read after the payer's 180 s.
			At: []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 60 * time.Second,
				90 * time.Second, 130 * time.Second, 185 * time.Second},
			Then: []Pace{{5 * minute, hour}, {hour, day}}, Never: day,
		},
		LiveAttempts: fedapaySchedules(),
		DeadAttempt:  Schedule{Then: []Pace{{hour, day}, {day, 7 * day}}, Never: 7 * day},
		OpenTry: Schedule{
			At:   []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 320 * time.Second},
			Then: []Pace{{10 * minute, 7 * day}, {day, day}},
		},
		PayoutRetry: Schedule{
			At:   []time.Duration{5 * minute, 15 * minute, hour, 4 * hour, 12 * hour},
			Then: []Pace{{day, 14 * day}}, Never: 14 * day,
		},
		WalletCheck: Schedule{At: []time.Duration{minute, 5 * minute, 15 * minute}, Then: []Pace{{hour, hour}}},
		OpenRefund: Schedule{
			At:   []time.Duration{minute, 5 * minute, 10 * minute, 20 * minute},
			Then: []Pace{{hour, 30 * day}, {day, day}},
		},
		RefundRetry:   Schedule{At: []time.Duration{minute, 5 * minute, 20 * minute}, Then: []Pace{{hour, hour}}},
		Refunds:       map[Gateway]bool{Paystack: true}, // FedaPay has no refund API
		FailoverAfter: map[Code]bool{CodeOperatorFailed: true, CodeGatewayMisconfigured: true, CodeGatewayServerError: true},
		// Longer than a breaker takes to close (20 s); while the payer holds the phone.
		OfferAgain: 45 * time.Second, OfferFor: 3 * minute,
		FailoverWithin: 2 * minute,
		DeliveryPast:   31 * day, DeliveryFuture: 731 * day,
		QuarantineFor: 240 * time.Second, QuarantineReads: 4,
		ReviewPause: minute, WalletCooling: day,
	}
}

// Check refuses a policy that would decide nonsense.
func (p Policy) Check() error {
	switch {
	case p.AmountMin < 1 || p.AmountMax < p.AmountMin || p.AmountMax > money.Max:
		return fmt.Errorf("amounts from %d to %d F: the least is at least 1, the most at most %d", p.AmountMin, p.AmountMax, money.Max)
	case p.Commission > money.Whole:
		return fmt.Errorf("commission of %d basis points: at most %d", p.Commission, money.Whole)
	case p.AutoReleaseHours < 0 || p.AutoReleaseHours > autoReleaseHoursMax:
		return fmt.Errorf("release after %d hours: from 0 to %d", p.AutoReleaseHours, autoReleaseHoursMax)
	case min(p.CallTimeout, p.AnswerGrace, p.InquireAfter, p.PromptWindow, p.PendingMax, p.QuarantineFor, p.ReviewPause) <= 0,
		min(p.OTPTries, p.QuarantineReads) < 1:
		return fmt.Errorf("every delay and count of a policy is above zero")
	case min(p.HostedWindow, p.FailoverWithin, p.OfferAgain) <= 0 || p.OfferFor < 0:
		return fmt.Errorf("every delay of a policy is above zero")
	case p.WalletCooling < 0 || p.WalletCooling > walletCoolingMax:
		return fmt.Errorf("a changed wallet cools for %s: from 0 to %s", p.WalletCooling, walletCoolingMax)
	case len(p.Routes) == 0:
		return fmt.Errorf("no route: nobody could pay")
	}
	for name, s := range map[string]Schedule{
		"LiveAttempt": p.LiveAttempt, "DeadAttempt": p.DeadAttempt, "OpenTry": p.OpenTry,
		"PayoutRetry": p.PayoutRetry, "WalletCheck": p.WalletCheck, "OpenRefund": p.OpenRefund, "RefundRetry": p.RefundRetry,
		"LiveAttempts of FedaPay": p.liveAttempt(Door{FedaPay, Direct}), "LiveAttempts of a page": p.liveAttempt(Door{FedaPay, Hosted}),
	} {
		if err := s.check(); err != nil {
			return fmt.Errorf("schedule %s: %w", name, err)
		}
	}
	return nil
}

// A week: longer, and it is wages withheld.
const walletCoolingMax = 7 * 24 * time.Hour

// A year: longer is a mistake of units.
const autoReleaseHoursMax = 366 * 24

func (s Schedule) check() error {
	if len(s.At)+len(s.Then) == 0 {
		return fmt.Errorf("it is empty")
	}
	var last time.Duration
	for _, at := range s.At {
		if at <= last {
			return fmt.Errorf("%s is not after %s", at, last)
		}
		last = at
	}
	for _, p := range s.Then {
		if p.Every <= 0 {
			return fmt.Errorf("a pace of %s", p.Every)
		}
	}
	return nil
}

// fedapaySchedules: a direct charge there is over in seconds or waits for the
// payer; a link lives 24 hours and is asked about for one more (money-safety, §2.4).
func fedapaySchedules() map[Door]Schedule {
	direct := []time.Duration{3 * time.Second, 5 * time.Second, 10 * time.Second}
	for at := 25 * time.Second; at < 3*time.Minute; at += 15 * time.Second {
		direct = append(direct, at)
	}
	direct = append(direct, 185*time.Second)
	const life = 25 * time.Hour
	return map[Door]Schedule{
		{FedaPay, Direct}: {At: direct, Then: []Pace{{time.Minute, 15 * time.Minute}, {10 * time.Minute, life}}, Never: life},
		{FedaPay, Hosted}: {
			At:   []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute},
			Then: []Pace{{10 * time.Minute, life}}, Never: life,
		},
	}
}

// liveAttempt is when an attempt through that door is asked about.
func (p *Policy) liveAttempt(door Door) Schedule {
	if s, other := p.LiveAttempts[door]; other {
		return s
	}
	return p.LiveAttempt
}

// window is how long a payer of the operator has.
func (p *Policy) window(o phone.Operator, f Flow) time.Duration {
	if f == Hosted {
		return p.HostedWindow
	}
	if w := p.PromptWindows[o]; w > 0 {
		return w
	}
	return p.PromptWindow
}
