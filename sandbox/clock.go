package sandbox

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Clock is the time a sandbox lives by. Tests inject a [ManualClock], so that
// three days of webhook retries pass in a millisecond.
type Clock interface {
	// Now is the present, in UTC.
	Now() time.Time
	// Alarm returns a channel that receives once it is at, and a function that
	// releases it. It takes a moment and not a delay, so that a clock moved between
	// reading it and setting the alarm does not make it late. The channel has room
	// for one, so nobody waits to fire it.
	Alarm(at time.Time) (<-chan time.Time, func())
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now is time.Now in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }

// Alarm is a time.Timer for what is left until then.
func (SystemClock) Alarm(at time.Time) (<-chan time.Time, func()) {
	t := time.NewTimer(time.Until(at))
	return t.C, func() { t.Stop() }
}

// ManualClock moves only when told to.
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*manualTimer]struct{}
}

type manualTimer struct {
	at time.Time
	c  chan time.Time
}

// NewManualClock starts at now.
func NewManualClock(now time.Time) *ManualClock {
	return &ManualClock{now: now.UTC(), timers: map[*manualTimer]struct{}{}}
}

// Now is where the clock was last moved to.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Alarm fires when Advance reaches at; at once when that is not in the future.
func (c *ManualClock) Alarm(at time.Time) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{at: at, c: make(chan time.Time, 1)}
	if !at.After(c.now) {
		t.c <- c.now
		return t.c, func() {}
	}
	c.timers[t] = struct{}{}
	return t.c, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
	}
}

// Advance moves the clock and fires what became due. What the firing sets in
// motion happens in other goroutines: wait for it (a server's Quiet), then look.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for t := range c.timers {
		if !t.at.After(c.now) {
			t.c <- c.now
			delete(c.timers, t)
		}
	}
}

// Agenda is what will happen by itself: an operator answers, a payer approves,
// a webhook is tried again. One goroutine, Run, does things in the order of
// their time, and in the order they were noted when the time is the same.
//
// It holds one item per planned step of a row and per waiting webhook, so its
// bound is theirs.
type Agenda struct {
	clock Clock
	pulse *Pulse

	mu    sync.Mutex
	items agendaHeap
	seq   uint64
	busy  bool
	wake  chan struct{}
}

// NewAgenda makes an empty one. The pulse beats whenever something was done.
func NewAgenda(clock Clock, pulse *Pulse) *Agenda {
	return &Agenda{clock: clock, pulse: pulse, wake: make(chan struct{}, 1)}
}

// At notes that do is to be called at a time, soon if it has passed.
func (a *Agenda) At(at time.Time, do func()) {
	a.mu.Lock()
	a.seq++
	heap.Push(&a.items, agendaItem{at: at, seq: a.seq, do: do})
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default: // already told
	}
}

// Run does what becomes due until ctx ends. Items still noted are dropped: the
// owner finds them again in its journal.
func (a *Agenda) Run(ctx context.Context) {
	for ctx.Err() == nil {
		do, at, planned := a.next()
		if do != nil {
			do()
			a.mu.Lock()
			a.busy = false
			a.mu.Unlock()
			a.pulse.Beat()
			continue
		}
		var due <-chan time.Time
		release := func() {}
		if planned {
			due, release = a.clock.Alarm(at)
		}
		select {
		case <-ctx.Done():
		case <-a.wake:
		case <-due:
		}
		release()
	}
}

// next takes what is due, or says when the first item will be.
func (a *Agenda) next() (do func(), at time.Time, planned bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.items) == 0 {
		return nil, time.Time{}, false
	}
	if at = a.items[0].at; at.After(a.clock.Now()) {
		return nil, at, true
	}
	item, _ := heap.Pop(&a.items).(agendaItem)
	a.busy = true
	return item.do, at, true
}

// Quiet reports that nothing is due and nothing is being done.
func (a *Agenda) Quiet() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.busy && (len(a.items) == 0 || a.items[0].at.After(a.clock.Now()))
}

type agendaItem struct {
	at  time.Time
	seq uint64
	do  func()
}

type agendaHeap []agendaItem

func (h agendaHeap) Len() int { return len(h) }
func (h agendaHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h agendaHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *agendaHeap) Push(x any)   { *h = append(*h, x.(agendaItem)) }
func (h *agendaHeap) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = agendaItem{} // let the closure go
	*h = (*h)[:last]
	return item
}

// Pulse tells whoever waits that something has changed and it may look again.
// It replaces the sleep in "sleep, then look".
type Pulse struct {
	mu sync.Mutex
	c  chan struct{}
}

// NewPulse makes one that nobody waits for yet.
func NewPulse() *Pulse { return &Pulse{c: make(chan struct{})} }

// Beat wakes all who wait.
func (p *Pulse) Beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.c)
	p.c = make(chan struct{})
}

// Until waits for a claim to hold, looking again at every beat. It returns the
// context's error when that ends first.
func (p *Pulse) Until(ctx context.Context, holds func() bool) error {
	for {
		p.mu.Lock()
		c := p.c
		p.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c:
		}
	}
}
