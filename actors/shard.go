package actors

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/bookmi/cauri/engine"
)

// stuckAfter is how long a retired actor may take to be gone. It had nothing left
// to do, so this takes microseconds, or for ever.
const stuckAfter = 30 * time.Second

// A transaction that panics this often is parked: its commands are refused for a
// while, so that one broken payment costs nobody else their turn.
const (
	panicsMax    = 3
	parkedFor    = time.Minute
	panicsForgot = 10 * time.Minute // a payment that was quiet so long starts anew
	troublesMax  = 1024             // remembered per shard; so many at once is a release to roll back
)

// shard is the manager of the transactions that hash to it: it alone spawns,
// sends to and stops them. It does no I/O and never blocks.
//
// An actor is retired in four steps, none of which can lose a command: it says
// that it rests, having seen n questions; if n were sent and no more, it is
// poisoned; what comes meanwhile is kept here; when it is gone, what was kept goes
// to its next generation in the same order.
type shard struct {
	sys      *System
	number   int
	liveMax  int
	props    *actor.Props
	newborn  *transaction // what the props make next
	born     uint64       // generations so far: no two actors ever share a name
	children map[engine.ID]*child
	idle     line                      // the most recently used first; the resting are not in it
	leaving  line                      // the longest first
	pending  map[engine.ID][]*question // what came for those who are leaving: bounded by the gate
	troubles map[engine.ID]*trouble
	draining bool
	beat     atomic.Int64  // when it last swept, Unix nanoseconds
	gone     chan struct{} // closed when it has stopped
}

// child is what the shard knows of one actor.
type child struct {
	id         engine.ID
	pid        *actor.PID
	generation uint64
	sent       uint64
	used       time.Duration // when something was last sent, since the system began
	retiredAt  time.Duration // 0: it is not

	in            *line // idle or leaving; nil while it is asked to rest
	before, after *child
}

func (k *child) retired() bool { return k.retiredAt > 0 }

// trouble counts the panics of one transaction.
type trouble struct {
	panics int
	last   time.Time
	until  time.Time // parked until then
}

// Receive never panics and never blocks.
func (m *shard) Receive(c actor.Context) {
	defer m.survive(c)
	switch x := c.Message().(type) {
	case *question:
		m.forward(c, x)
	case *resting:
		m.rested(c, x)
	case *panicked:
		m.panicked(x.id)
	case *sweep:
		m.sweep(c, x.now)
	case *drain:
		m.drain(c)
	case *actor.Terminated:
		m.terminated(c, x)
	case *actor.Stopped:
		close(m.gone)
	}
}

// survive keeps the shard alive and answers the command at hand. It may have been
// sent on already: a question is settled once, whoever does it.
func (m *shard) survive(c actor.Context) {
	reason := recover()
	if reason == nil {
		return
	}
	m.sys.broke("shard", reason, "shard", m.number)
	if q, lost := c.Message().(*question); lost {
		q.answer(none, &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: "a bug of ours", Err: errPanicked})
		m.sys.done(q)
	}
}

// forward sends a command to its actor, making one if there is none.
func (m *shard) forward(c actor.Context, q *question) {
	id := q.ask.Transaction
	if m.draining {
		m.sys.refuse(q, refusedClosed)
		return
	}
	if m.parked(id) {
		m.sys.refuse(q, refusedParked)
		return
	}
	k := m.children[id]
	if k == nil {
		k = m.spawn(c, id)
	}
	if k.retired() {
		m.pending[id] = append(m.pending[id], q)
		return
	}
	m.send(c, k, q)
}

// nameOf is an actor's name below its shard. No two ever share one.
func nameOf(id engine.ID, generation uint64) string {
	return id.String() + "." + strconv.FormatUint(generation, 10)
}

// transactionOf reads the transaction's part of it back.
func transactionOf(pid *actor.PID) string {
	_, name, _ := strings.Cut(pid.Id, "/")
	id, _, _ := strings.Cut(name, ".")
	return id
}

func (m *shard) send(c actor.Context, k *child, q *question) {
	k.sent++
	k.used = m.sys.age(m.sys.clock.Now())
	if k.in == &m.idle {
		k.leaveLine()
		m.idle.pushFront(k)
	}
	c.Send(k.pid, q)
}

// spawn makes the next generation of a transaction, and room for it.
func (m *shard) spawn(c actor.Context, id engine.ID) *child {
	m.born++
	m.newborn = &transaction{sys: m.sys, id: id, generation: m.born}
	pid, err := c.SpawnNamed(m.props, nameOf(id, m.born))
	if err != nil {
		panic(err) // the name exists: generations never repeat
	}
	k := &child{id: id, pid: pid, generation: m.born}
	m.children[id] = k
	m.idle.pushFront(k)
	m.sys.metrics.live.Inc()
	for m.idle.length > m.liveMax {
		m.askToRest(c, m.idle.last)
	}
	return k
}

// askToRest begins a retirement. Whoever is asked is not asked twice.
func (m *shard) askToRest(c actor.Context, k *child) {
	k.leaveLine()
	c.Send(k.pid, &rest{})
}

// rested retires an actor that has nothing left, or lets it live if something was
// sent to it meanwhile.
func (m *shard) rested(c actor.Context, r *resting) {
	k := m.children[r.id]
	if k == nil || k.generation != r.generation || k.retired() {
		return
	}
	if k.sent != r.seen {
		if k.in == nil {
			m.idle.pushFront(k)
		}
		return
	}
	m.retire(c, k)
}

// retire ends an actor after what is in its mailbox.
func (m *shard) retire(c actor.Context, k *child) {
	k.leaveLine()
	k.retiredAt = m.sys.age(m.sys.clock.Now())
	m.leaving.pushBack(k)
	c.Poison(k.pid)
}

// terminated hears that an actor is gone.
func (m *shard) terminated(c actor.Context, t *actor.Terminated) {
	id, err := engine.ParseID(transactionOf(t.Who))
	k := m.children[id]
	if err != nil || k == nil || k.pid.Id != t.Who.Id {
		return // given up on before
	}
	if !k.retired() {
		m.sys.metrics.stuck.Inc()
		m.sys.log.Error("an actor ended by itself: what was in its mailbox is lost", "transaction", k.id.String(), "shard", m.number)
	}
	m.sys.metrics.passivated.Inc()
	m.forget(k)
	m.replay(c, k)
	m.stopWhenDrained(c)
}

// forget removes what is known of an actor.
func (m *shard) forget(k *child) {
	delete(m.children, k.id)
	k.leaveLine()
	m.sys.metrics.live.Dec()
}

// replay sends what came while an actor was leaving to its next generation.
func (m *shard) replay(c actor.Context, gone *child) {
	pending := m.pending[gone.id]
	if len(pending) == 0 {
		return
	}
	delete(m.pending, gone.id)
	next := m.spawn(c, gone.id)
	for _, q := range pending {
		m.send(c, next, q)
	}
	if m.draining {
		m.retire(c, next)
	}
}

// sweep retires who has been idle and looks after who should be gone.
func (m *shard) sweep(c actor.Context, now time.Time) {
	m.beat.Store(now.UnixNano())
	for k := m.idle.last; k != nil; k = m.idle.last {
		if m.sys.age(now)-k.used < m.sys.idleAfter {
			break
		}
		m.askToRest(c, k)
	}
	for k := m.leaving.first; k != nil; k = m.leaving.first {
		if m.sys.age(now)-k.retiredAt < stuckAfter {
			break
		}
		m.giveUpOn(c, k)
	}
	for id, t := range m.troubles {
		if now.Sub(t.last) > panicsForgot {
			delete(m.troubles, id)
		}
	}
}

// giveUpOn lets the next generation begin though the last one was never heard to
// end. It had nothing left to do when it was poisoned; were it to wake, the row's
// lock would still decide.
func (m *shard) giveUpOn(c actor.Context, k *child) {
	m.sys.metrics.stuck.Inc()
	m.sys.log.Error("a retired actor was never heard to end", "transaction", k.id.String(), "shard", m.number, "waiting", len(m.pending[k.id]))
	m.forget(k)
	m.replay(c, k)
	m.stopWhenDrained(c)
}

// panicked counts a panic, and parks the transaction at the third.
func (m *shard) panicked(id engine.ID) {
	t := m.troubles[id]
	if t == nil {
		if len(m.troubles) >= troublesMax {
			return
		}
		t = &trouble{}
		m.troubles[id] = t
	}
	now := m.sys.clock.Now()
	t.panics++
	t.last = now
	if t.panics < panicsMax {
		return
	}
	t.panics, t.until = 0, now.Add(parkedFor)
	m.sys.metrics.parked.Inc()
	m.sys.log.Error("a transaction is parked: it keeps breaking its actor", "transaction", id.String(), "for", parkedFor)
}

func (m *shard) parked(id engine.ID) bool {
	t := m.troubles[id]
	return t != nil && m.sys.clock.Now().Before(t.until)
}

// drain retires everybody. The gate is closed and empty, so nobody has work, unless
// the time to stop was too short; then what is in a mailbox still comes first.
func (m *shard) drain(c actor.Context) {
	m.draining = true
	for _, k := range m.children {
		if !k.retired() {
			m.retire(c, k)
		}
	}
	m.stopWhenDrained(c)
}

func (m *shard) stopWhenDrained(c actor.Context) {
	if m.draining && len(m.children) == 0 {
		c.Stop(c.Self()) // nobody below and nobody beside: nothing can be lost
	}
}
