package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
)

// Config is what a System is made of. The ports and the policy are required; a
// zero number means the default beside it.
type Config struct {
	Store    Store
	Due      Due
	Inbox    Inbox
	Gateways Gateways
	Feed     Feed
	Clock    Clock
	Go       Go
	Policy   *engine.Policy // CallTimeout and Routes are read here; the rest is Decide's

	// Health says which gateways take no payer's call now: a new payment's slot is
	// one of the gateway that Decide will ask. Nil: all are well.
	Health func() engine.Health
	// Committed is told of every change this process commits, for metrics and for
	// the health of operators. It does not block. It may be nil.
	Committed func(engine.Applied)

	Dispatcher Dispatcher            // nil: a goroutine through Go for each mailbox with work
	Log        *slog.Logger          // nil: slog's default
	Metrics    prometheus.Registerer // nil: counted for nobody

	Shards            int           // 32
	LiveMax           int           // 10,000 actors; those in use may exceed it for a moment
	InFlightMax       int           // 1,280 commands
	PerTransactionMax int           // 64 commands
	IdleAfter         time.Duration // 30 s until an actor nobody needs is retired
	SweepEvery        time.Duration // 1 s
	DueEvery          time.Duration // 1 s
	InboxEvery        time.Duration // 2 s
	CollectCalls      int           // 32 at once to a gateway: charges and codes
	VerifyCalls       int           // 16 at once to a gateway: inquiries
	PayoutCalls       int           // 8 at once to a gateway
	RefundCalls       int           // 4 at once to a gateway
}

// The defaults of a Config.
const (
	defaultShards = 32
	// At 1 KB each, 10 MB, of a dozen objects each that every round of the garbage
	// collector visits: 50,000 cost 80 MB more and 6 % of the rate. A copy of a webhook
	// comes within seconds; a later one costs one locked read.
	defaultLiveMax = 10_000
	// What two rounds of 128 and eight in the queue behind them hold: beyond it nobody is
	// served any sooner, and who is turned away is told so at once. At 10 ms a round the
	// last waits 50 ms; on a disk that takes 100 ms, half a second.
	defaultInFlightMax    = 1_280
	defaultPerTransaction = 64
	defaultIdleAfter      = 30 * time.Second
	defaultSweepEvery     = time.Second
	defaultDueEvery       = time.Second
	defaultInboxEvery     = 2 * time.Second
	defaultCollectCalls   = 32
	defaultVerifyCalls    = 16
	defaultPayoutCalls    = 8
	defaultRefundCalls    = 4
)

// The shards a Config may ask for: fewer make managers a bottleneck, more cost
// memory and give nothing.
const (
	shardsMin = 16
	shardsMax = 64
)

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value    *int
		fallback int
	}{
		{&c.Shards, defaultShards},
		{&c.LiveMax, defaultLiveMax},
		{&c.InFlightMax, defaultInFlightMax},
		{&c.PerTransactionMax, defaultPerTransaction},
		{&c.CollectCalls, defaultCollectCalls},
		{&c.VerifyCalls, defaultVerifyCalls},
		{&c.PayoutCalls, defaultPayoutCalls},
		{&c.RefundCalls, defaultRefundCalls},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.IdleAfter, defaultIdleAfter},
		{&c.SweepEvery, defaultSweepEvery},
		{&c.DueEvery, defaultDueEvery},
		{&c.InboxEvery, defaultInboxEvery},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if c.Health == nil {
		c.Health = func() engine.Health { return engine.Health{} }
	}
	if c.Committed == nil {
		c.Committed = func(engine.Applied) {}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Dispatcher == nil && c.Go != nil {
		c.Dispatcher = through{c.Go}
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	complain := func(wrong bool, what string) {
		if wrong {
			errs = append(errs, errors.New(what))
		}
	}
	complain(c.Store == nil, "no Store")
	complain(c.Due == nil, "no Due")
	complain(c.Inbox == nil, "no Inbox")
	complain(c.Feed == nil, "no Feed")
	complain(c.Clock == nil, "no Clock")
	complain(c.Go == nil, "no Go")
	complain(c.Policy == nil || c.Policy.CallTimeout <= 0, "no Policy with a CallTimeout")
	complain(c.Shards < shardsMin || c.Shards > shardsMax, fmt.Sprintf("%d shards: from %d to %d", c.Shards, shardsMin, shardsMax))
	calls := min(c.CollectCalls, c.VerifyCalls, c.PayoutCalls, c.RefundCalls)
	complain(min(c.LiveMax, c.InFlightMax, c.PerTransactionMax, calls) < 1, "a limit below 1")
	complain(min(c.IdleAfter, c.SweepEvery, c.DueEvery, c.InboxEvery) <= 0, "a pace of 0 or less")
	return errors.Join(errs...)
}
