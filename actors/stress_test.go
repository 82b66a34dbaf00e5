package actors

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// The size of the stress run. With -short a tenth is enough to find what is broken
// outright; the rare interleavings need the whole.
const (
	stressCommands = 240_000
	stressSenders  = 16
	stressWindow   = 32 // commands a sender has in flight
	stressKeys     = 2_000
	stressHotKeys  = 20              // a quarter of the traffic
	stressRefusals = 97              // every so many commands the store says no
	stressWithin   = 2 * time.Minute // it takes 2 s, and 15 s under the race detector
)

// page is what the books know of one transaction. Nothing guards it: if two
// actors of one transaction ever ran at once, or one without having seen what its
// predecessor did, the race detector or the test would say so.
type page struct {
	inside  bool
	applied int
	last    [stressSenders]int
}

// books is a Store that checks what actors promise: one command of a transaction
// at a time, in the order each sender sent them.
type books struct {
	pages  map[engine.ID]*page
	faults atomic.Int64
	first  atomic.Pointer[string]
}

var errRefused = engine.Errorf(engine.Conflict, engine.CodeMoveIllegal, "the books say no")

func (b *books) Apply(_ context.Context, ask engine.Ask) (engine.Applied, error) {
	p := b.pages[ask.Transaction]
	if p.inside {
		b.fault("%s: two commands at once", ask.Transaction)
	}
	p.inside = true
	body := ask.Command.(engine.Notify).Notification.Delivery.Body //nolint:forcetypeassert // the test sends nothing else
	sender, seq := int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
	if seq <= p.last[sender] {
		b.fault("%s: command %d of sender %d after %d", ask.Transaction, seq, sender, p.last[sender])
	}
	p.last[sender] = seq
	if seq%7 == 0 {
		runtime.Gosched() // let somebody in, if anybody can come in
	}
	p.applied++
	p.inside = false
	if seq%stressRefusals == 0 {
		return none, errRefused
	}
	return committed(ask.Transaction), nil
}

func (b *books) fault(format string, args ...any) {
	b.faults.Add(1)
	what := fmt.Sprintf(format, args...)
	b.first.CompareAndSwap(nil, &what)
}

// TestNothingIsLostOverlapsOrOvertakesUnderPassivation is the claim of this room.
func TestNothingIsLostOverlapsOrOvertakesUnderPassivation(t *testing.T) {
	t.Parallel()
	commands := stressCommands
	if testing.Short() {
		commands /= 10
	}
	b := &books{pages: make(map[engine.ID]*page, stressKeys)}
	for n := range stressKeys {
		b.pages[idOf(n)] = &page{}
	}
	s := started(t, b, func(c *Config) {
		c.LiveMax = c.Shards // one actor each: every new key retires another
		c.SweepEvery, c.IdleAfter = time.Millisecond, time.Millisecond
	})
	patience, cancel := context.WithTimeout(t.Context(), stressWithin)
	defer cancel()
	var senders sync.WaitGroup
	var answered, refusals atomic.Int64
	for sender := range stressSenders {
		senders.Go(func() {
			answers := make(chan (<-chan Answer), stressWindow)
			var reader sync.WaitGroup
			reader.Go(func() {
				for a := range answers {
					select {
					case answer := <-a:
						if answer.Err != nil {
							refusals.Add(1)
						}
						answered.Add(1)
					case <-patience.Done():
						b.fault("an answer never came")
					}
				}
			})
			for seq := 1; seq <= commands/stressSenders; seq++ {
				answer, err := s.Submit(context.Background(), stressAsk(sender, seq))
				if err != nil {
					b.fault("refused: %v", err)
					continue
				}
				answers <- answer
			}
			close(answers)
			reader.Wait()
		})
	}
	senders.Wait()

	if first := b.first.Load(); first != nil {
		require.Failf(t, "actors broke their promise", "%d times, first: %s", b.faults.Load(), *first)
	}
	require.EqualValues(t, commands, answered.Load())
	require.EqualValues(t, commands/stressSenders/stressRefusals*stressSenders, refusals.Load())
	applied := 0
	for _, p := range b.pages {
		applied += p.applied
	}
	require.Equal(t, commands, applied)
	retired := value(t, s.metrics.passivated)
	require.Greater(t, retired, commands/4, "passivation was not aggressive")
	t.Logf("%d commands, %d actors retired", commands, retired)
}

// stressAsk is the seq-th command of a sender: a quarter of them to a few keys.
func stressAsk(sender, seq int) engine.Ask {
	body := make([]byte, 8)
	binary.BigEndian.PutUint32(body, uint32(sender))                      //nolint:gosec // small
	binary.BigEndian.PutUint32(body[4:], uint32(seq))                     //nolint:gosec // small
	dice := (uint64(sender)<<32 + uint64(seq)) * 0x9E3779B97F4A7C15 >> 33 //nolint:gosec // small
	key := int(dice>>2) % stressKeys                                      //nolint:gosec // small
	if dice%4 == 0 {
		key = int(dice>>2) % stressHotKeys //nolint:gosec // small
	}
	return engine.Ask{Transaction: idOf(key), Command: engine.Notify{Notification: engine.Notification{
		Delivery: engine.Delivery{Body: body},
	}}}
}
