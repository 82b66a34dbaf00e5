package failover

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Prober asks a gateway something cheap that needs our key and moves no money: a
// list of banks or currencies. Its errors are those of the ports.
type Prober interface {
	Probe(ctx context.Context) error
}

// Probing tries the collect breakers that have a prober, as soon as their wait is
// over, so that no payer's charge has to find out whether a gateway is back. While
// it runs, payers are refused until enough good ones have closed the breaker;
// before Start and after Stop such a breaker is tried by payers, as every other.
type Probing struct {
	breakers *Breakers
	probers  map[engine.Gateway]Prober
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// probeEvery is the pace of good probes, and how late the first may be: Config's
// three close a breaker within 3 s of its wait, and a dead gateway is asked once a
// wait.
const probeEvery = time.Second

// NewProbing tries the collect breakers of those gateways. Start and Stop it.
func NewProbing(breakers *Breakers, probers map[engine.Gateway]Prober) *Probing {
	return &Probing{breakers: breakers, probers: maps.Clone(probers)}
}

// Start takes the trying over from the payers.
func (p *Probing) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background()) // Stop's to end, not the starter's
	p.stop = cancel
	p.hold(true)
	p.done.Go(func() {
		pace := time.NewTicker(probeEvery)
		defer pace.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
				p.step(ctx)
			}
		}
	})
	return nil
}

// Stop ends it and leaves the trying to payers. A probe on its way is cancelled
// and judged nothing.
func (p *Probing) Stop(context.Context) error {
	if p.stop != nil {
		p.stop()
		p.done.Wait()
		p.hold(false)
	}
	return nil
}

func (p *Probing) hold(probed bool) {
	for gateway := range p.probers {
		p.breakers.Of(gateway, Collect).probed.Store(probed)
	}
}

// step probes each gateway that is due, once. One after another: a probe is over
// within SlowAfter, so a silent gateway delays the other by seconds at most.
func (p *Probing) step(ctx context.Context) {
	for _, gateway := range slices.Sorted(maps.Keys(p.probers)) {
		if b := p.breakers.Of(gateway, Collect); ctx.Err() == nil && b.due() {
			p.breakers.config.Probed(gateway, b.probe(ctx, p.probers[gateway]))
		}
	}
}

// due reports that its wait is over, and neither a person nor the gateway has
// said otherwise.
func (b *Breaker) due() bool {
	return b.override() == nil && b.pause.left(time.Now()) == 0 && b.judged() == HalfOpen
}

// probe asks once, until a good answer would be too slow to count. It asks about
// the gateway and not about the list, so a readable "that is not for you"
// (CodeGatewayMisconfigured) is as good a sign of life as the list itself: an
// account without it would otherwise never be tried again. A refused key decides
// nothing, and the next second's will be refused too: it is asked once a wait,
// each twice as long as the last.
func (b *Breaker) probe(ctx context.Context, p Prober) error {
	ctx, cancel := context.WithTimeout(ctx, b.config.SlowAfter)
	defer cancel()
	var said error
	_, err := pass(ctx, b, 1, func(ctx context.Context) (struct{}, error) {
		if said = p.Probe(ctx); engine.CodeOf(said) == engine.CodeGatewayMisconfigured {
			return struct{}{}, nil
		}
		return struct{}{}, said
	})
	if engine.CodeOf(err) == engine.CodeGatewayUnauthorized {
		b.wait.again(time.Now(), b.config)
	}
	if err != nil {
		return err
	}
	return said
}
