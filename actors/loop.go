package actors

import (
	"context"
	"sync"
	"time"
)

// roundWithin bounds one round: a claim is one indexed statement, limited to 2 s by
// itself, and a wait for its connection.
const roundWithin = 5 * time.Second

// nudgePause lets several hints become one round.
const nudgePause = 20 * time.Millisecond

// loop makes rounds, one at a time, every so often and sooner when nudged. It
// survives a round that panics, and its last beat tells whether it lives.
type loop struct {
	name  string
	every time.Duration
	round func(ctx context.Context)
	sys   *System

	mu      sync.Mutex
	timer   Timer
	turn    uint64 // which timer is the present one: an older one that fires late is ignored
	soon    bool   // the present timer is a nudge's
	again   bool   // nudged during the round
	running bool
	ended   chan struct{} // non-nil once stopping; closed when no round is under way
	beat    time.Time     // the end of the last round, or the start
}

func (l *loop) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beat = l.sys.clock.Now()
	l.schedule(nudgePause)
}

// nudge asks for a round soon: something may be ready.
func (l *loop) nudge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.timer == nil || l.ended != nil || l.soon:
	case l.running:
		l.again = true
	default:
		l.timer.Stop()
		l.schedule(nudgePause)
		l.soon = true
	}
}

// schedule sets the next round. The caller holds mu.
func (l *loop) schedule(after time.Duration) {
	l.turn++
	turn := l.turn
	l.soon = false
	l.timer = l.sys.clock.AfterFunc(after, func() { l.fire(turn) })
}

func (l *loop) fire(turn uint64) {
	l.mu.Lock()
	stale := turn != l.turn || l.running || l.ended != nil
	if !stale {
		l.running, l.soon = true, false
	}
	l.mu.Unlock()
	if !stale {
		l.sys.start(l.run)
	}
}

func (l *loop) run() {
	l.oneRound()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = false
	l.beat = l.sys.clock.Now()
	l.sys.metrics.beat.WithLabelValues(l.name).Set(float64(l.beat.Unix()))
	if l.ended != nil {
		close(l.ended)
		return
	}
	after := l.every
	if l.again {
		after = nudgePause
	}
	l.again = false
	l.schedule(after)
}

func (l *loop) oneRound() {
	defer func() {
		if reason := recover(); reason != nil {
			l.sys.broke("loop", reason, "loop", l.name)
		}
	}()
	ctx, cancel := context.WithTimeout(l.sys.base, roundWithin)
	defer cancel()
	l.round(ctx)
}

// stop ends the loop and returns a channel that is closed when no round of it is
// under way.
func (l *loop) stop() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return l.ended
	}
	l.ended = make(chan struct{})
	if l.timer != nil {
		l.timer.Stop()
	}
	if !l.running {
		close(l.ended)
	}
	return l.ended
}

// lastBeat is when the loop was last known to live; zero before its start.
func (l *loop) lastBeat() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.beat
}

// slots bounds what a loop has in flight. Its methods do not wait.
type slots struct {
	max  int
	mu   sync.Mutex
	used int
}

func (s *slots) free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.max - s.used
}

func (s *slots) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used++
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
}
