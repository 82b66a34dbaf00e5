package actors

import (
	"fmt"
	"sync"

	"github.com/bookmi/cauri/engine"
)

// How full the house may be, in percent, before a kind of command is turned away:
// what is dropped first costs least. A new payment can be asked for again by the
// person who wants it; a code and a confirmation belong to money under way; a
// webhook is the word that money moved, and one gateway in two gives up soon.
const (
	shareOfNewPayments   = 70
	shareOfTicks         = 70 // a lost one is claimed again when its lease is over
	shareOfCodes         = 80
	shareOfConfirmations = 90
	shareOfWebhooks      = 100
	admittedAlways       = 0 // the answer of a call that was made: refusing it would only lose it
)

// shareFor says up to which load a command is admitted.
func shareFor(c engine.Command) int {
	switch c.(type) {
	case engine.InitiateCharge:
		return shareOfNewPayments
	case engine.Tick:
		return shareOfTicks
	case engine.SubmitOTP, engine.CancelCharge:
		return shareOfCodes
	case engine.ConfirmDelivery, engine.ReleaseByStaff, engine.EndReview, engine.ConcludePayout, engine.SettleRefund,
		engine.ReturnSuspense, engine.KeepSuspense, engine.LookAgain:
		return shareOfConfirmations // staff's, too: a person waits
	case engine.Notify:
		return shareOfWebhooks
	case engine.RecordChargeAnswer, engine.RecordOTPAnswer, engine.RecordInquiry, engine.RecordPayoutAnswer,
		engine.RecordRefundAnswer:
		return admittedAlways
	}
	panic(fmt.Sprintf("actors: command %T has no class at the gate", c))
}

// refusal is why a command was turned away. Nothing was done: it can be sent again.
type refusal string

// The refusals.
const (
	refusedClosed  refusal = "closed"  // we are not open, or not any more
	refusedFull    refusal = "full"    // too many commands in the house for one of its kind
	refusedCrowded refusal = "crowded" // too many for this transaction
	refusedCalls   refusal = "calls"   // the gateway it would call has no slot free
	refusedParked  refusal = "parked"  // this transaction breaks its actor
)

// err is what the caller is told: Overloaded, come back in a moment.
func (r refusal) err() *engine.Error {
	switch r {
	case refusedClosed:
		return engine.Errorf(engine.Overloaded, engine.CodeShuttingDown, "the engine takes no commands")
	case refusedCrowded:
		return engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "too many commands wait for this payment")
	case refusedCalls:
		return engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "too many calls to the gateway are under way")
	case refusedParked:
		return engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "this payment is set aside for a minute")
	case refusedFull:
	}
	return engine.Errorf(engine.Overloaded, engine.CodeOverloaded, "too many commands are under way")
}

// gate admits or refuses before anything is sent: protoactor's mailboxes are
// unbounded, so this is the bound. It also knows when nobody is left inside.
type gate struct {
	max            int // commands inside
	perTransaction int // of them, for one transaction

	mu       sync.Mutex
	open     bool
	commands int // admitted, and their actor has not finished
	chores   int // calls and the like that commands left behind
	of       map[engine.ID]int
	empty    chan struct{} // non-nil while somebody waits for the last to leave
}

func newGate(limit, perTransaction int) *gate {
	return &gate{max: limit, perTransaction: perTransaction, of: make(map[engine.ID]int)}
}

// admit lets a command in, or says at once why not. Who was admitted must leave.
func (g *gate) admit(ask engine.Ask) refusal {
	share := shareFor(ask.Command)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch always := share == admittedAlways; {
	case always && g.commands+g.chores > 0: // who made the call is inside, closing or not
	case !g.open:
		return refusedClosed
	case always:
	case g.commands*100 >= g.max*share:
		return refusedFull
	case g.of[ask.Transaction] >= g.roomFor(ask.Command):
		return refusedCrowded
	}
	g.commands++
	g.of[ask.Transaction]++
	return ""
}

// copiesFor is how many times more webhooks than other commands one transaction
// may have inside: 8 × 64 = 512 copies of one notification at once, two fifths of the
// house. All but the first are answered from memory, once it is committed.
const copiesFor = 8

// roomFor is how many commands like this one a transaction may have inside.
func (g *gate) roomFor(c engine.Command) int {
	if _, webhook := c.(engine.Notify); webhook {
		return g.perTransaction * copiesFor
	}
	return g.perTransaction
}

// leave is the end of an admitted command: its actor has finished with it,
// whether or not the caller is still there.
func (g *gate) leave(id engine.ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.commands--
	if g.of[id]--; g.of[id] == 0 {
		delete(g.of, id)
	}
	g.tellWhenEmpty()
}

// hold keeps the house from being empty until release: for what a command leaves
// behind when it leaves, a call to make or a row to postpone.
func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.chores++
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.chores--
	g.tellWhenEmpty()
}

// set opens the gate, or closes it to all but the answers of calls already made.
func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = open
}

// emptied returns a channel that is closed when everything inside has ended. It
// is asked for once, when the gate is closed and the loops have stopped: from then
// on only what is inside can bring in more, so empty stays empty.
func (g *gate) emptied() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	empty := make(chan struct{})
	g.empty = empty
	g.tellWhenEmpty()
	return empty
}

// tellWhenEmpty closes the channel. The caller holds mu.
func (g *gate) tellWhenEmpty() {
	if g.empty != nil && g.commands+g.chores == 0 {
		close(g.empty)
		g.empty = nil
	}
}

// load is how many commands and chores are inside.
func (g *gate) load() (commands, chores int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.commands, g.chores
}
