package actors

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bookmi/cauri/engine"
)

// class is a bulkhead: calls of one class never take the slots of another.
type class string

// The classes of calls to a gateway.
const (
	collect class = "collect" // charges and their codes: a person waits
	verify  class = "verify"  // inquiries
	payout  class = "payout"
	refund  class = "refund"
)

// laneQueueMax bounds the calls that wait for a slot. Sixteen inquiries at a time
// of half a second each are 32 a second: 1,024 is half a minute of them.
const laneQueueMax = 1024

// startWithin is how long after its command began a call that moves money may
// still be started. The engine asks about it CallTimeout and 10 s after the
// commit: started within 5 s, it has ended and its answer been committed by then.
// A later start could debit a payer whose payment has been given up.
const startWithin = 5 * time.Second

// answerTries bounds how often the answer of a call is offered to the store:
// after 0.1, 0.2, 0.4 … 5 s, half a minute in all. Then it is dropped: the due row
// that was committed before the call makes us ask the gateway again.
const (
	answerTries    = 12
	answerPause    = 100 * time.Millisecond
	answerPauseMax = 5 * time.Second
)

// lane is the calls under way to one gateway in one class.
type lane struct {
	gateway engine.Gateway
	class   class
	limit   int
	busy    int // slots that make a call, or are reserved for one
	queue   []job
}

// job is an effect to run.
type job struct {
	effect engine.Effect
	lane   *lane
	begun  time.Time // before its commit, by our clock
}

// lanes runs effects: each in its lane, none in an actor, detached from whoever
// asked, and returns what the gateway said as a command.
type lanes struct {
	sys    *System
	limits map[class]int
	mu     sync.Mutex
	lanes  map[laneName]*lane
}

type laneName struct {
	gateway engine.Gateway
	class   class
}

// of returns a lane. Names come from committed rows, so there are few. The caller
// holds mu.
func (l *lanes) of(g engine.Gateway, c class) *lane {
	name := laneName{g, c}
	if l.lanes[name] == nil {
		l.lanes[name] = &lane{gateway: g, class: c, limit: l.limits[c]}
	}
	return l.lanes[name]
}

// reserve takes a slot for the call that a command will lead to, before anything
// is committed: who can't be served at once is told so, not queued.
func (l *lanes) reserve(g engine.Gateway) (*lane, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := l.of(g, collect)
	if slot.busy >= slot.limit {
		return nil, false
	}
	slot.busy++
	return slot, true
}

// take runs what a commit asks for. The slot a command reserved serves its first
// call of that lane; other calls wait their turn.
func (l *lanes) take(effects []engine.Effect, q *question, begun time.Time) {
	for _, e := range effects {
		l.sys.gate.hold()
		switch j, found := l.place(e, q, begun); found {
		case hasSlot:
			l.launch(j)
		case waits:
		case noRoom:
			l.shed(j, l.sys.gate.release)
		}
	}
}

// placed is where a call found itself.
type placed int

const (
	hasSlot placed = iota
	waits
	noRoom
)

// place finds a call its slot, or its place in the queue.
func (l *lanes) place(e engine.Effect, q *question, begun time.Time) (job, placed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane := l.of(e.Through(), classOf(e))
	j := job{e, lane, begun}
	switch {
	case q.slot == lane:
		q.slot = nil // it is the call's now
		return j, hasSlot
	case lane.busy < lane.limit:
		lane.busy++
		return j, hasSlot
	case len(lane.queue) < laneQueueMax:
		lane.queue = append(lane.queue, j)
		return j, waits
	}
	return j, noRoom
}

// free gives a slot back, to the call that has waited longest if one has.
func (l *lanes) free(slot *lane) {
	l.mu.Lock()
	if len(slot.queue) == 0 {
		slot.busy--
		l.mu.Unlock()
		return
	}
	next := slot.queue[0]
	slot.queue = slot.queue[1:]
	l.mu.Unlock()
	l.launch(next)
}

// room is how many more calls may safely be asked for: half of what the fullest
// lane can still keep waiting, since one command may ask for two.
func (l *lanes) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := laneQueueMax
	for _, lane := range l.lanes {
		room = min(room, laneQueueMax-len(lane.queue))
	}
	return room / 2
}

// waiting is how many calls wait for a slot.
func (l *lanes) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, lane := range l.lanes {
		n += len(lane.queue)
	}
	return n
}

func (l *lanes) launch(j job) {
	l.sys.start(func() { l.run(j) })
}

// run makes one call and sees its answer home.
func (l *lanes) run(j job) {
	finished := func() {
		l.free(j.lane)
		l.sys.gate.release()
	}
	now := l.sys.clock.Now()
	if movesMoney(j.effect) && now.Sub(j.begun) > startWithin {
		l.shed(j, finished)
		return
	}
	answer, err := l.call(j.effect)
	l.sys.metrics.called(j.effect, err, l.sys.clock.Now().Sub(now))
	l.report(answer, 1, finished)
}

// shed gives a call up that was not made and will not be: provably not sent, so
// the attempt is told Unavailable. An inquiry has its next moment scheduled.
func (l *lanes) shed(j job, finished func()) {
	why := engine.Errorf(engine.Unavailable, engine.CodeOverloaded, "not sent: too many calls to %s are under way", j.effect.Through())
	l.sys.metrics.called(j.effect, why, 0)
	l.sys.metrics.shed.WithLabelValues(string(j.effect.Through()), callOf(j.effect)).Inc()
	l.sys.log.Warn("a call was shed", "reference", j.effect.Subject().String(), "gateway", j.effect.Through(), "call", callOf(j.effect))
	if !movesMoney(j.effect) {
		finished()
		return
	}
	l.report(answerOf(j.effect, nothingSaid, why), 1, finished)
}

// report offers an answer to its transaction until it is committed, refused for
// good, or offered often enough.
func (l *lanes) report(ask engine.Ask, try int, finished func()) {
	settle := func(_ engine.Applied, err error) { l.reported(ask, try, err, finished) }
	if refused := l.sys.send(&question{ask: ask, reply: settle}); refused != "" {
		l.reported(ask, try, refused.err(), finished)
	}
}

func (l *lanes) reported(ask engine.Ask, try int, err error, finished func()) {
	s := l.sys
	if err == nil {
		finished()
		return
	}
	if transient(err) && try < answerTries && s.base.Err() == nil {
		pause := min(answerPause<<(try-1), answerPauseMax)
		s.clock.AfterFunc(pause, func() { l.report(ask, try+1, finished) })
		return
	}
	name := engine.NameOf(ask.Command)
	s.metrics.lost.WithLabelValues(name).Inc()
	s.log.Error("a gateway's answer was not recorded: the due row will ask again",
		"transaction", ask.Transaction.String(), "command", name, "tries", try, "error", err)
	finished()
}

// call asks the gateway. Whatever goes wrong in a way nobody listed is Ambiguous.
func (l *lanes) call(e engine.Effect) (answer engine.Ask, err error) {
	s := l.sys
	ctx, cancel := context.WithTimeout(s.base, s.within(e))
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			s.broke("effect", reason, "reference", e.Subject().String(), "gateway", e.Through(), "call", callOf(e))
			err = fmt.Errorf("the client of %s broke", e.Through())
			answer = answerOf(e, nothingSaid, engine.GatewayError(err))
		}
	}()
	report, err := s.gateways[e.Through()].perform(ctx, e)
	return answerOf(e, report, engine.GatewayError(err)), err
}

// within is how long a call may take. A payout whose recipient is not known yet is
// two calls, and the engine waits for two.
func (s *System) within(e engine.Effect) time.Duration {
	if p, pays := e.(engine.PayoutCall); pays && p.Recipient == "" {
		return 2 * s.policy.CallTimeout
	}
	return s.policy.CallTimeout
}

// said is what a gateway said: of a charge, a payout or a refund.
type said struct {
	charge engine.ChargeReport
	payout engine.PayoutReport
	refund engine.RefundReport
}

var nothingSaid said

// perform makes the call through the port it belongs to.
func (g Gateway) perform(ctx context.Context, effect engine.Effect) (s said, err error) {
	unsupported := engine.Errorf(engine.Unsupported, engine.CodeUnsupported, "%s has no %s", effect.Through(), callOf(effect))
	switch e := effect.(type) {
	case engine.ChargeCall:
		if g.Collector == nil {
			return s, unsupported
		}
		s.charge, err = g.Collector.Charge(ctx, e)
	case engine.OTPCall:
		if g.OTPSubmitter == nil {
			return s, unsupported
		}
		s.charge, err = g.OTPSubmitter.SubmitOTP(ctx, e)
	case engine.PayoutCall:
		if g.Disburser == nil {
			return s, unsupported
		}
		s.payout, err = g.Disburser.Payout(ctx, e)
	case engine.RefundCall:
		if g.Refunder == nil {
			return s, unsupported
		}
		s.refund, err = g.Refunder.Refund(ctx, e)
	case engine.InquireCall:
		return g.inquire(ctx, e, unsupported)
	}
	return s, err
}

// inquire asks through the port of what the reference names.
func (g Gateway) inquire(ctx context.Context, e engine.InquireCall, unsupported error) (s said, err error) {
	switch kind := e.Reference.Kind; {
	case kind == engine.ChargeReference && g.ChargeInquirer != nil:
		s.charge, err = g.ChargeInquirer.InquireCharge(ctx, e)
	case kind == engine.PayoutReference && g.PayoutInquirer != nil:
		s.payout, err = g.PayoutInquirer.InquirePayout(ctx, e)
	case kind == engine.RefundReference && g.RefundInquirer != nil:
		s.refund, err = g.RefundInquirer.InquireRefund(ctx, e)
	default:
		return s, unsupported
	}
	return s, err
}

// answerOf makes the command that brings an answer home. A report is kept beside
// an error too: a payout that failed may have learnt its recipient.
func answerOf(effect engine.Effect, s said, failed *engine.Error) engine.Ask {
	ref := effect.Subject()
	ask := engine.Ask{Transaction: ref.Transaction}
	switch call := effect.(type) {
	case engine.ChargeCall:
		ask.Command = engine.RecordChargeAnswer{Attempt: ref.Number, Report: s.charge, Err: failed}
	case engine.OTPCall:
		ask.Command = engine.RecordOTPAnswer{Attempt: ref.Number, Report: s.charge, Err: failed}
	case engine.PayoutCall:
		ask.Command = engine.RecordPayoutAnswer{Try: ref.Number, Send: call.Send, Report: s.payout, Err: failed}
	case engine.RefundCall:
		ask.Command = engine.RecordRefundAnswer{Refund: ref.Number, Flight: call.Flight, Send: call.Send, Report: s.refund, Err: failed}
	case engine.InquireCall:
		inquiry := engine.RecordInquiry{Reference: ref, AskedAt: call.AskedAt, Err: failed}
		switch {
		case failed != nil:
		case ref.Kind == engine.PayoutReference:
			inquiry.Payout = &s.payout
		case ref.Kind == engine.RefundReference:
			inquiry.Refund = &s.refund
		default:
			inquiry.Charge = &s.charge
		}
		ask.Command = inquiry
	}
	return ask
}

// classOf says which slots a call takes.
func classOf(effect engine.Effect) class {
	switch effect.(type) {
	case engine.ChargeCall, engine.OTPCall:
		return collect
	case engine.PayoutCall:
		return payout
	case engine.RefundCall:
		return refund
	case engine.InquireCall:
	}
	return verify
}

// movesMoney reports that a call does something at the gateway: late, it must not.
func movesMoney(effect engine.Effect) bool { return classOf(effect) != verify }

// callOf is the call's word in logs and metrics.
func callOf(effect engine.Effect) string {
	switch effect.(type) {
	case engine.ChargeCall:
		return "charge"
	case engine.OTPCall:
		return "otp"
	case engine.PayoutCall:
		return "payout"
	case engine.RefundCall:
		return "refund"
	case engine.InquireCall:
		return "inquire"
	}
	return "unknown"
}
