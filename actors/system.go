package actors

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/bookmi/cauri/engine"
)

// beatWithin is how overdue a loop's beat may be before it counts as dead.
const beatWithin = 30 * time.Second

// hurryWithin is what is left to the calls under way when the time to stop is over
// and their contexts have been ended.
const hurryWithin = 500 * time.Millisecond

// System is every actor of this process, what calls the gateways for them, and
// what wakes them.
type System struct {
	store     Store
	due       Due
	inbox     Inbox
	gateways  Gateways
	feed      Feed
	clock     Clock
	start     Go
	policy    *engine.Policy
	log       *slog.Logger
	metrics   *metrics
	idleAfter time.Duration
	began     time.Time        // by the clock: ages are counted from here
	codes     []engine.Gateway // those that take codes, sorted: no order here depends on a map

	config    Config
	gate      *gate
	lanes     *lanes
	dues      *dueClock
	inboxes   *inboxClock
	sweeper   *loop
	actors    *actor.ActorSystem
	shards    []*shard
	addresses []*actor.PID

	base   context.Context //nolint:containedctx // what calls run under: nobody's request, ended at the very end
	cancel context.CancelFunc

	mu    sync.Mutex // of Start and Stop
	phase phase
}

type phase int

const (
	made phase = iota
	running
	stopped
)

// New makes a System that does nothing yet. It says everything that is wrong with
// the configuration at once.
func New(config Config) (*System, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("actors: %w", err)
	}
	s := &System{
		store: config.Store, due: config.Due, inbox: config.Inbox, gateways: config.Gateways, feed: config.Feed,
		clock: config.Clock, start: config.Go, policy: config.Policy, log: config.Log, metrics: newMetrics(),
		idleAfter: config.IdleAfter, began: config.Clock.Now().Add(-time.Nanosecond),
		config: config, gate: newGate(config.InFlightMax, config.PerTransactionMax),
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.lanes = &lanes{sys: s, lanes: make(map[laneName]*lane), limits: map[class]int{
		collect: config.CollectCalls, verify: config.VerifyCalls, payout: config.PayoutCalls, refund: config.RefundCalls,
	}}
	s.dues = newDueClock(s, config.DueEvery)
	s.inboxes = newInboxClock(s, config.InboxEvery)
	s.sweeper = &loop{name: "sweep", every: config.SweepEvery, sys: s, round: s.sweep}
	for name, g := range config.Gateways {
		if g.OTPSubmitter != nil {
			s.codes = append(s.codes, name)
		}
	}
	slices.Sort(s.codes)
	for n := range config.Shards {
		s.shards = append(s.shards, &shard{
			sys: s, number: n, liveMax: (config.LiveMax + config.Shards - 1) / config.Shards,
			children: make(map[engine.ID]*child), pending: make(map[engine.ID][]*question),
			troubles: make(map[engine.ID]*trouble), gone: make(chan struct{}),
		})
	}
	if config.Metrics != nil {
		if err := s.metrics.register(s, config.Metrics); err != nil {
			return nil, fmt.Errorf("actors: register metrics: %w", err)
		}
	}
	return s, nil
}

// Start spawns the shards, starts the loops and opens the gate. ctx bounds the
// start, not the life; starting does not wait for anything.
func (s *System) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != made {
		return errors.New("actors: started before")
	}
	s.phase = running
	s.actors = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return s.log.With("part", "protoactor")
	}))
	s.actors.EventStream.Subscribe(s.deadLetter)
	// Panics are survived in the handlers; one that got past them ends the actor
	// and raises the alarm, because a restart would go on with what broke it.
	strategy := actor.NewOneForOneStrategy(0, 0, func(reason any) actor.Directive {
		s.broke("supervisor", reason)
		return actor.StopDirective
	})
	dispatcher, small := actor.WithDispatcher(s.config.Dispatcher), actor.UnboundedLockfree()
	for _, m := range s.shards {
		m.beat.Store(s.clock.Now().UnixNano())
		m.props = actor.PropsFromProducer(func() actor.Actor { return m.newborn }, dispatcher, actor.WithMailbox(small))
		props := actor.PropsFromProducer(func() actor.Actor { return m }, dispatcher,
			actor.WithGuardian(strategy), actor.WithSupervisor(strategy))
		pid, err := s.actors.Root.SpawnNamed(props, fmt.Sprintf("shard-%d", m.number))
		if err != nil {
			return fmt.Errorf("actors: spawn shard %d: %w", m.number, err) // never: the names are our own
		}
		s.addresses = append(s.addresses, pid)
	}
	for _, l := range s.loops() {
		l.start()
	}
	s.gate.set(true)
	return nil
}

func (s *System) loops() []*loop { return []*loop{s.sweeper, s.dues.loop, s.inboxes.loop} }

// Answer is what an Ask came to.
type Answer struct {
	Applied engine.Applied
	Err     error
}

// Ask sends a command to its transaction and waits until it is committed or
// refused. Every error is an *engine.Error:
//
//   - Overloaded with CodeOverloaded or CodeShuttingDown, at once: nothing was
//     done, and the same command may be sent again;
//   - Conflict with CodeStillRunning when ctx ended first: the command goes on, and
//     may be committed;
//   - whatever Decide or the store answered.
//
// A webhook known from memory is answered Duplicate with no state but the id.
func (s *System) Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	answers, err := s.Submit(ctx, ask)
	if err != nil {
		return none, err
	}
	select {
	case a := <-answers:
		return a.Applied, a.Err
	case <-ctx.Done():
	}
	select {
	case a := <-answers: // both were ready
		return a.Applied, a.Err
	default:
		return none, &engine.Error{
			Kind: engine.Conflict, Code: engine.CodeStillRunning,
			Detail: "the command goes on: ask again what became of it", Err: ctx.Err(),
		}
	}
}

// Submit is Ask without the waiting: it returns at once, with an error if the
// command was refused, else with the channel that its answer will be put in. Of
// ctx only the deadline counts: a command not begun by then is refused.
func (s *System) Submit(ctx context.Context, ask engine.Ask) (<-chan Answer, error) {
	answers := make(chan Answer, 1) // room for the answer of one that nobody waits for any more
	q := &question{ask: ask, reply: func(applied engine.Applied, err error) { answers <- Answer{applied, err} }}
	q.deadline, _ = ctx.Deadline()
	if refused := s.send(q); refused != "" {
		return nil, refused.err()
	}
	return answers, nil
}

// send admits a question and hands it to its shard, or refuses it at once.
func (s *System) send(q *question) refusal {
	refused := s.gate.admit(q.ask)
	if refused == "" {
		if refused = s.reserve(q); refused == "" {
			s.actors.Root.Send(s.shardOf(q.ask.Transaction), q)
			return ""
		}
		s.gate.leave(q.ask.Transaction)
	}
	s.metrics.refused.WithLabelValues(engine.NameOf(q.ask.Command), string(refused)).Inc()
	return refused
}

// reserve takes the slot of the call that a command will lead to. Which gateway
// takes a code is known only under the lock, so its slot is one of a gateway that
// takes codes at all; should the attempt be elsewhere, its call waits its turn.
func (s *System) reserve(q *question) refusal {
	var candidates []engine.Gateway
	switch c := q.ask.Command.(type) {
	case engine.InitiateCharge:
		if door, open, _ := s.policy.Routes.First(engine.Collect, c.Method, c.Payer.Operator, s.config.Health()); open {
			candidates = []engine.Gateway{door.Gateway} // Decide asks the first
		}
	case engine.SubmitOTP:
		candidates = s.codes
	default:
		return ""
	}
	for _, g := range candidates {
		if slot, free := s.lanes.reserve(g); free {
			q.slot = slot
			return ""
		}
	}
	if len(candidates) == 0 {
		return "" // no call can follow: Decide says why
	}
	return refusedCalls
}

// refuse settles a question that was admitted and then can't be served.
func (s *System) refuse(q *question, why refusal) {
	s.metrics.refused.WithLabelValues(engine.NameOf(q.ask.Command), string(why)).Inc()
	q.answer(none, why.err())
	s.done(q)
}

// done lets a question leave, once: its actor has finished, whether or not the
// caller is still there.
func (s *System) done(q *question) {
	if !q.left.CompareAndSwap(false, true) {
		return
	}
	if q.slot != nil {
		s.lanes.free(q.slot)
	}
	s.gate.leave(q.ask.Transaction)
}

// shardOf finds a transaction's shard by the random half of its id.
func (s *System) shardOf(id engine.ID) *actor.PID {
	return s.addresses[binary.BigEndian.Uint64(id[8:])%uint64(len(s.addresses))]
}

// age is how long the system had been there: never 0, a third of a time.Time, and as
// safe from a clock that is set back.
func (s *System) age(now time.Time) time.Duration { return now.Sub(s.began) }

// Wake makes the due clock look at once: something may have become due that no
// command of ours made so, as a wallet that was waited for.
func (s *System) Wake() { s.dues.nudge() }

// Health returns nil while every loop and every shard beats, and else an error
// that names those whose beat is 30 s overdue. Nothing beats before Start.
func (s *System) Health() error {
	now := s.clock.Now()
	var errs []error
	for _, l := range s.loops() {
		if now.Sub(l.lastBeat()) > l.every+beatWithin {
			errs = append(errs, fmt.Errorf("loop %s is dead", l.name))
		}
	}
	for _, m := range s.shards {
		if now.Sub(time.Unix(0, m.beat.Load())) > s.sweeper.every+beatWithin {
			errs = append(errs, fmt.Errorf("shard %d is dead", m.number))
		}
	}
	return errors.Join(errs...)
}

// sweep sends the shards round: one timer for the process, none for an actor.
func (s *System) sweep(context.Context) {
	now := s.clock.Now()
	for _, address := range s.addresses {
		s.actors.Root.Send(address, &sweep{now: now})
	}
}

// Stop ends everything in the order that loses nothing: no more commands; no more
// rounds; wait for what is inside, the calls to gateways and their answers
// included; retire the actors; stop the shards. When ctx ends first, what is under
// way is cut off, its due rows will find it again, and the error says how much.
func (s *System) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != running {
		return nil
	}
	s.phase = stopped
	defer s.cancel()
	s.gate.set(false)
	over := ctx.Done()
	var inside []<-chan struct{}
	for _, l := range s.loops() {
		inside = append(inside, l.stop())
	}
	unhurried := await(over, inside...)
	inside = append(inside, s.gate.emptied())
	cut := ""
	if !unhurried || !await(over, inside...) {
		commands, chores := s.gate.load()
		cut = fmt.Sprintf("%d commands and %d calls were cut off", commands, chores)
		s.cancel() // whoever waits for a gateway or for the store is told
		hurry, late := context.WithCancel(context.Background())
		defer late()
		defer s.clock.AfterFunc(hurryWithin, late).Stop()
		over = hurry.Done()
		await(over, inside...)
	}
	for n, address := range s.addresses {
		s.actors.Root.Send(address, &drain{})
		inside = append(inside, s.shards[n].gone)
	}
	ended := await(over, inside...)
	s.actors.Shutdown()
	switch {
	case !ended && cut == "":
		return fmt.Errorf("actors: not every actor was heard to end: %w", ctx.Err())
	case cut != "":
		return fmt.Errorf("actors: %s: %w", cut, ctx.Err())
	}
	return nil
}

// await waits for all of the channels, and reports that none was missing when the
// time was over.
func await(over <-chan struct{}, all ...<-chan struct{}) bool {
	for _, one := range all {
		select {
		case <-one:
			continue
		default:
		}
		select {
		case <-one:
		case <-over:
			return false
		}
	}
	return true
}

// deadLetter hears of messages that found no actor. There should be none; a
// question among them is answered, so that nobody waits for it.
func (s *System) deadLetter(event any) {
	letter, dead := event.(*actor.DeadLetterEvent)
	if !dead {
		return
	}
	s.metrics.dead.Inc()
	if q, lost := letter.Message.(*question); lost {
		s.refuse(q, refusedClosed)
	}
}

// broke reports a bug that was survived.
func (s *System) broke(where string, reason any, about ...any) {
	s.metrics.panics.WithLabelValues(where).Inc()
	s.log.Error("a bug was survived", append([]any{"where", where, "reason", fmt.Sprint(reason), "stack", string(debug.Stack())}, about...)...)
}
