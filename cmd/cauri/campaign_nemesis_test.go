package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/sandbox"
)

// nemesis does, at set moments of the campaign, what no rule of a gateway can:
// it turns lights off, kills an engine, hangs up on the database.
type nemesis struct {
	world *world
	crowd *crowd

	outage  struct{ from, to time.Time } // of Paystack, by the database's clock
	notSent map[string]float64           // calls provably not sent in the dark, by gateway and call
	hangUps int

	err error // why it gave up, once run has returned
}

// blow is something that happens once so many of a thousand payers have begun.
type blow struct {
	after  int
	strike func(context.Context) error
}

func (n *nemesis) blows() []blow {
	kill := func(context.Context) error { return n.kill() }
	hangUp := func(ctx context.Context) error { n.hangUps++; return n.world.hangUp(ctx) }
	return []blow{
		{60, kill},
		{110, hangUp},
		{150, func(ctx context.Context) error { return n.limit(ctx, paystackName, "charge", "verify") }},
		{230, kill},
		{300, n.darkPaystack},
		{480, hangUp},
		{520, kill},
		{560, func(ctx context.Context) error { return n.limit(ctx, fedapayName, "create") }},
		{700, n.darkBoth},
		{700, n.cutBoth}, // before a breaker has recovered: one silence instead of two
		{800, kill},
		{860, hangUp},
		{920, kill},
	}
}

// run strikes until all is done or ctx ends.
func (n *nemesis) run(ctx context.Context, payers int) {
	for _, b := range n.blows() {
		err := every(ctx, 50*time.Millisecond, func() bool { return n.crowd.begun.Load() >= int64(b.after*payers/1_000) })
		if err == nil {
			err = b.strike(ctx)
		}
		if err != nil {
			n.err = fmt.Errorf("after %d of a thousand payers: %w", b.after, err)
			return
		}
	}
}

// kill ends the far engine in the middle of whatever it does, and starts it
// again on the same address.
func (n *nemesis) kill() error {
	n.world.far.kill()
	n.world.far.kills++
	return n.world.far.start()
}

// limit has a gateway say once "not so fast" to each of the calls.
func (n *nemesis) limit(ctx context.Context, gateway string, operations ...string) error {
	for _, operation := range operations {
		if err := n.world.faultsAt(gateway).Add(rateLimited.rule(operation, 0, 1)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// outageLeast is how long Paystack stays dark at least, and outageOf how many of
// a thousand payers begin meanwhile.
const (
	outageLeast = 6 * time.Second
	outageOf    = 60
)

// darkPaystack is the full outage: every connection refused, for everything.
func (n *nemesis) darkPaystack(ctx context.Context) (err error) {
	before := n.calls()
	if n.outage.from, err = n.world.now(ctx); err != nil {
		return err
	}
	n.world.paystack.Refuse()
	begun, dark := n.crowd.begun.Load(), time.Now()
	if err := every(ctx, 100*time.Millisecond, func() bool {
		return time.Since(dark) > outageLeast && n.crowd.begun.Load()-begun >= campaignPayers*outageOf/1_000 && n.felt(before, paystackName)
	}); err != nil {
		return err
	}
	if n.outage.to, err = n.world.now(ctx); err != nil {
		return err
	}
	n.note(before, paystackName)
	return n.world.paystack.Shine()
}

// darkBoth leaves nobody to ask.
func (n *nemesis) darkBoth(ctx context.Context) error {
	before := n.calls()
	n.world.paystack.Refuse()
	n.world.fedapay.Refuse()
	dark := time.Now()
	if err := every(ctx, 100*time.Millisecond, func() bool {
		return time.Since(dark) > 2*time.Second && n.felt(before, fedapayName)
	}); err != nil {
		return err
	}
	n.note(before, fedapayName)
	if err := n.world.paystack.Shine(); err != nil {
		return err
	}
	return n.world.fedapay.Shine()
}

// cutBoth has every call end without an answer, as far as anybody can tell sent.
func (n *nemesis) cutBoth(ctx context.Context) error {
	n.world.paystack.Cut()
	n.world.fedapay.Cut()
	if err := pause(ctx, 1500*time.Millisecond); err != nil {
		return err
	}
	if err := n.world.paystack.Shine(); err != nil {
		return err
	}
	return n.world.fedapay.Shine()
}

// calls is how often the near engine's calls came to "provably not sent".
func (n *nemesis) calls() map[string]float64 {
	found := map[string]float64{}
	families, err := n.world.near.registry.Gather()
	if err != nil {
		return found
	}
	for _, family := range families {
		if family.GetName() != prometheus.BuildFQName("cauri", "", "gateway_calls_total") {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["outcome"] == "unavailable" {
				found[labels["gateway"]+" "+labels["call"]] = metric.GetCounter().GetValue()
			}
		}
	}
	return found
}

// felt reports that the near engine has found the gateway dark, charging and
// asking.
func (n *nemesis) felt(before map[string]float64, gateway string) bool {
	now := n.calls()
	charge, inquire := gateway+" charge", gateway+" inquire"
	return now[charge] > before[charge] && now[inquire] > before[inquire]
}

// note adds what was not sent to the gateway since before.
func (n *nemesis) note(before map[string]float64, gateway string) {
	for call, total := range n.calls() {
		if len(call) > len(gateway) && call[:len(gateway)] == gateway {
			n.notSent[call] += total - before[call]
		}
	}
}

// clear ends everything that goes wrong: from here on the world is well.
func (n *nemesis) clear() error {
	for _, faults := range []*sandbox.Faults{n.world.paystack.Faults(), n.world.fedapay.Faults()} {
		faults.Clear()
	}
	if err := n.world.paystack.Shine(); err != nil {
		return err
	}
	return n.world.fedapay.Shine()
}
