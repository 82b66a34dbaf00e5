package failover

import (
	"errors"
	"slices"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// OperatorsConfig is what Operators listens to, and how it judges. Serves is
// needed; the other zeros mean what is said beside them.
type OperatorsConfig struct {
	// Serves is the gateways through which an operator's payers can be charged:
	// the table of routes. What is not in it is not remembered, so nothing grows.
	Serves map[phone.Operator][]engine.Gateway
	InARow uint32        // the operator's own failures, one after another, that make it bad; 5
	Within time.Duration // how long they may be apart in all; 5 min
	BadFor time.Duration // after which the next outcome decides; 60 s
}

func (c OperatorsConfig) withDefaults() OperatorsConfig {
	if c.InARow == 0 {
		c.InARow = 5
	}
	if c.Within == 0 {
		c.Within = 5 * time.Minute
	}
	if c.BadFor == 0 {
		c.BadFor = 60 * time.Second
	}
	return c
}

// Operators remembers how charges ended at each operator behind each gateway. It
// judges by what it is told and calls nobody. Whoever begins a charge asks it
// first: an operator that fails through every door is not helped by another one,
// so the payer is told instead.
type Operators struct {
	badFor time.Duration
	behind map[phone.Operator]map[engine.Gateway]*gobreaker.CircuitBreaker[struct{}] // never changed once made
}

// errOperator is the operator's own failure, as gobreaker is told of it.
var errOperator = errors.New("the operator failed")

// NewOperators has heard nothing yet.
func NewOperators(config OperatorsConfig) *Operators {
	config = config.withDefaults()
	o := &Operators{badFor: config.BadFor, behind: map[phone.Operator]map[engine.Gateway]*gobreaker.CircuitBreaker[struct{}]{}}
	for operator, gateways := range config.Serves {
		o.behind[operator] = map[engine.Gateway]*gobreaker.CircuitBreaker[struct{}]{}
		for _, gateway := range gateways {
			o.behind[operator][gateway] = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
				Name: string(gateway) + "." + string(operator), MaxRequests: 1,
				Interval: config.Within, BucketPeriod: config.Within / buckets, Timeout: config.BadFor,
				ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= config.InARow },
			})
		}
	}
	return o
}

// Heard notes how a charge ended. failed is the operator's own failure, nothing
// else; not failed is a success or whatever shows that the operator works: a payer
// without funds, a refused prompt. What ends while the pair is bad began before,
// and changes nothing.
func (o *Operators) Heard(gateway engine.Gateway, operator phone.Operator, failed bool) {
	pair, served := o.behind[operator][gateway]
	if !served {
		return
	}
	_, _ = pair.Execute(func() (struct{}, error) { // its errors are ours, and the refusal of a bad pair
		if failed {
			return struct{}{}, errOperator
		}
		return struct{}{}, nil
	})
}

// BadFor is how long an operator that is down is left alone before the next outcome
// decides: when it is worth coming back.
func (o *Operators) BadFor() time.Duration { return o.badFor }

// Served is the operators it listens to, in the order people are shown them.
func (o *Operators) Served() []phone.Operator {
	var out []phone.Operator
	for _, operator := range phone.Operators {
		if len(o.behind[operator]) > 0 {
			out = append(out, operator)
		}
	}
	return out
}

// Down reports that an operator is bad behind every gateway that serves it. A
// door nobody has lately been seen to fail at may work: the operator is not down
// before it was tried.
func (o *Operators) Down(operator phone.Operator) bool {
	for _, pair := range o.behind[operator] {
		if pair.State() != gobreaker.StateOpen {
			return false
		}
	}
	return len(o.behind[operator]) > 0
}

// AllDown is the operators that are down, in the order people are shown them.
func (o *Operators) AllDown() []phone.Operator {
	return slices.DeleteFunc(o.Served(), func(operator phone.Operator) bool { return !o.Down(operator) })
}
