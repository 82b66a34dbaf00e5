package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// FaultKind says what goes wrong.
type FaultKind string

// What can happen to a call. Error, Cut, Malformed and HTML happen before or
// after the effect, as [Fault.When] says; the client cannot tell which, and
// that is the point of them.
const (
	Latency      FaultKind = "latency"      // the answer takes longer by LatencyMillis
	ErrorAnswer  FaultKind = "error"        // a 5xx in the gateway's own shape
	Cut          FaultKind = "cut"          // the connection ends without an answer
	RateLimited  FaultKind = "rate_limited" // 429, always before the effect
	Unauthorized FaultKind = "unauthorized" // 401, always before the effect
	Malformed    FaultKind = "malformed"    // half of a JSON body, with 200
	HTML         FaultKind = "html"         // a proxy's page, with 502
	WrongAmount  FaultKind = "wrong_amount" // the answer states another amount than the books
)

// What can happen to a webhook; the operation is then its event.
const (
	WebhookLoss       FaultKind = "webhook_lost"
	WebhookDuplicates FaultKind = "webhook_duplicated"   // Copies, sent at once
	WebhookDelay      FaultKind = "webhook_delayed"      // by LatencyMillis
	WebhookReorder    FaultKind = "webhook_reordered"    // after the next one has been sent
	WebhookAmount     FaultKind = "webhook_wrong_amount" // states another amount than the books
)

// Moments of a fault.
const (
	Before = "before" // nothing has happened at the gateway
	After  = "after"  // it has, and the client is not told
)

// Any is the operation that means all of them.
const Any = "*"

// Bounds of a rule. A call that hangs for ten minutes has outlived every
// client; 64 copies are more than any burst we have to survive; 256 rules are
// more than a person can hold in their head.
const (
	latencyMillisMax = 10 * 60 * 1000
	copiesMax        = 64
	rulesMax         = 256
	perMilleWhole    = 1000
	nextCallsMax     = 1_000_000
)

// Fault is a rule: what goes wrong, at which operation, and how often. Exactly
// one of Next and PerMille is set.
type Fault struct {
	Kind          FaultKind `json:"kind"`
	Operation     string    `json:"operation"`                // a name of the gateway's, an event, or * (also when empty)
	When          string    `json:"when,omitempty"`           // before (also when empty) or after
	Next          int       `json:"next,omitempty"`           // the next n calls, then never again
	PerMille      int       `json:"per_mille,omitempty"`      // so many in a thousand, by the seeded dice
	LatencyMillis int       `json:"latency_millis,omitempty"` // of Latency and WebhookDelay; not divided by the speed
	Copies        int       `json:"copies,omitempty"`         // of WebhookDuplicates, the first included
	Amount        int64     `json:"amount,omitempty"`         // of wrong amounts: the figure stated, else one unit too much
}

// validate completes a rule and says what is wrong with it.
func (f *Fault) validate(operations []string) error {
	if f.Operation == "" {
		f.Operation = Any
	}
	if f.When == "" {
		f.When = Before
	}
	switch {
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("kind %q is none of %v", f.Kind, faultKinds)
	case f.Operation != Any && !slices.Contains(operations, f.Operation):
		return fmt.Errorf("operation %q is none of %v", f.Operation, operations)
	case f.When != Before && f.When != After:
		return fmt.Errorf("when %q is neither before nor after", f.When)
	case (f.Next > 0) == (f.PerMille > 0):
		return fmt.Errorf("exactly one of next and per_mille is to be positive")
	case f.Next < 0 || f.Next > nextCallsMax:
		return fmt.Errorf("next is at most %d", nextCallsMax)
	case f.PerMille < 0 || f.PerMille > perMilleWhole:
		return fmt.Errorf("per_mille is at most %d", perMilleWhole)
	case f.LatencyMillis < 0 || f.LatencyMillis > latencyMillisMax:
		return fmt.Errorf("latency_millis is at most %d", latencyMillisMax)
	case f.Copies < 0 || f.Copies > copiesMax:
		return fmt.Errorf("copies is at most %d", copiesMax)
	}
	return nil
}

var (
	callFaults    = []FaultKind{Latency, ErrorAnswer, Cut, RateLimited, Unauthorized, Malformed, HTML, WrongAmount}
	webhookFaults = []FaultKind{WebhookLoss, WebhookDuplicates, WebhookDelay, WebhookReorder, WebhookAmount}
	faultKinds    = slices.Concat(callFaults, webhookFaults)
)

// FaultCount says how often a rule has struck.
type FaultCount struct {
	Kind      FaultKind `json:"kind"`
	Operation string    `json:"operation"`
	When      string    `json:"when"`
	Count     int       `json:"count"`
}

// Faults holds the rules of one gateway and the dice. It is safe for
// concurrent use; with one caller the same seed strikes the same calls.
type Faults struct {
	operations []string

	mu     sync.Mutex
	dice   *rand.Rand
	rules  []Fault
	counts []FaultCount
}

// NewFaults makes a set without rules. Operations are the names a rule may use.
func NewFaults(seed uint64, operations []string) *Faults {
	// The second word only separates these dice from others of the same seed.
	return &Faults{operations: operations, dice: rand.New(rand.NewPCG(seed, 0xfa17))} //nolint:gosec // faults want repeatable dice
}

// Add checks rules and sets them, all or none.
func (f *Faults) Add(rules ...Fault) error {
	for i := range rules {
		if err := rules[i].validate(f.operations); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rules)+len(rules) > rulesMax {
		return fmt.Errorf("more than %d faults; clear some", rulesMax)
	}
	f.rules = append(f.rules, rules...)
	return nil
}

// Clear removes every rule; the counts stay.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Rules are those still in force, Next counted down.
func (f *Faults) Rules() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.rules...)
}

// Counts says what has struck so far, in the order it first did.
func (f *Faults) Counts() []FaultCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]FaultCount{}, f.counts...)
}

// Call draws what goes wrong with a call.
func (f *Faults) Call(operation string) []Fault { return f.draw(operation, callFaults) }

// Webhook draws what goes wrong with a webhook.
func (f *Faults) Webhook(event string) []Fault { return f.draw(event, webhookFaults) }

func (f *Faults) draw(operation string, kinds []FaultKind) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hits []Fault
	kept := f.rules[:0]
	for _, rule := range f.rules {
		if (rule.Operation == Any || rule.Operation == operation) && slices.Contains(kinds, rule.Kind) {
			if f.strikes(&rule) {
				hits = append(hits, rule)
				f.count(rule, operation)
			}
		}
		if rule.Next > 0 || rule.PerMille > 0 {
			kept = append(kept, rule)
		}
	}
	f.rules = kept
	return hits
}

func (f *Faults) strikes(rule *Fault) bool {
	if rule.PerMille > 0 {
		return f.dice.IntN(perMilleWhole) < rule.PerMille
	}
	rule.Next--
	return true
}

func (f *Faults) count(rule Fault, operation string) {
	for i := range f.counts {
		c := &f.counts[i]
		if c.Kind == rule.Kind && c.Operation == operation && c.When == rule.When {
			c.Count++
			return
		}
	}
	f.counts = append(f.counts, FaultCount{Kind: rule.Kind, Operation: operation, When: rule.When, Count: 1})
}
