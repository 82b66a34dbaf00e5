package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/enginetest"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// The exhaustive model of collection: one payment, its attempts at two gateways,
// and every interleaving of network, gateway, timeout, crash, inquiry, webhook,
// cancel, another payment for the booking, and refund. The engine's part of every
// step is Decide itself; only the world around it is modelled here.

// gateways' view of one request.
type seen byte

const (
	nowhere  seen = iota // it has not left, or never will
	wire                 // on its way: it may arrive at any moment
	prompted             // accepted: the payer is asked
	captured
	refusedThere // answered no: nothing will be taken
	failedThere  // accepted once, and failed for good
)

// progress of a call of ours.
type progress byte

const (
	notAsked progress = iota
	asked             // committed: the call is about to be made
	waiting           // the request has left and its answer is awaited
	over              // answered, given up, or forgotten in a crash
)

// request is an attempt as the world has it.
type request struct {
	call    progress
	at      seen
	back    bool // the gateway has given the money back
	wrong   bool // a signed webhook with other figures was told
	reading reading
}

// reading is an inquiry under way: what it has read may be told late.
type reading struct {
	asked time.Time // zero: there is none
	read  seen
	back  bool
}

// refundCall is a call of ours to give money back.
type refundCall struct {
	call         progress
	flight, send int  // the call's
	wire         bool // nobody hears its answer, and it may still arrive
	reading      reading
}

// modelled is one moment: the engine's state, the world's, and the time.
type modelled struct {
	state   engine.Transaction
	health  engine.Health
	now     time.Time
	reqs    [attemptsMax]request
	refunds [attemptsMax]refundCall
}

// attemptsMax bounds the attempts of the model: two, and a third when payments
// that were turned away are offered again.
const attemptsMax = 3

// variant says what may go wrong, and what policy permits.
type variant struct {
	name        string
	quarantine  bool // fail over after believed absence
	lies        bool // A1 broken: a refused or failed request succeeds after all
	slowWire    bool // A2 broken: a request executed later than T_q after we hung up
	offered     bool // payments turned away are offered again: a third attempt
	byOperator  bool // final failures are the operator's: they move on
	prompt      bool // inquiries are answered at once, to keep the model small
	lateRefunds bool // inquiries about refunds are answered late
	wrong       bool // each gateway tells once of another amount
	besideUs    bool // somebody gives kept money back at the gateway; payers confirm
	leaves      bool // what the payer does not finish is called abandoned
	breakers    bool // gateways rest and wake, the operator is down and up
	page        bool // the second door is a page
	doubleMayBe bool
}

// model explores.
type model struct {
	variant variant
	policy  engine.Policy
	seen    map[string]bool
	queue   []modelled
	states  int
	double  int
	healed  int
	fresh   uint64
}

func newModel(v variant) *model {
	p := enginetest.Policy()
	p.FailoverAfterQuarantine = v.quarantine
	p.QuarantineReads = 2 // each more read only makes the same state longer
	p.OfferFor = 0
	if v.offered {
		p.OfferFor = 200 * time.Second // once more, and no more
	}
	p.FailoverWithin = 1000 * time.Hour
	for i := range p.Routes {
		if r := &p.Routes[i]; v.page && r.Gateway == engine.FedaPay {
			r.Flow = engine.Hosted
		}
	}
	return &model{variant: v, policy: p, seen: map[string]bool{}}
}

// errImpossible is Decide refusing what the world has a right to tell it.
var errImpossible = errors.New("refused")

// decide runs a command and starts the calls it asks for.
func (m *model) decide(s *modelled, cmd engine.Command) error {
	m.fresh++
	given := engine.Given{Now: s.now, Fresh: engine.ID{0: 1, 14: byte(m.fresh >> 8), 15: byte(m.fresh)}, Policy: &m.policy, Health: s.health}
	d, err := s.state.Decide(cmd, given)
	if errors.Is(err, engine.Internal) {
		return err
	}
	if err != nil {
		return errImpossible
	}
	for _, move := range d.Moves {
		if s.state.Review == engine.ReviewReversed && (move.Machine == "hold" || move.Machine == "try") {
			return fmt.Errorf("%s goes to %s with money that was given back", move.Subject, move.To)
		}
	}
	s.state = d.Next
	for _, e := range d.Effects {
		switch c := e.(type) {
		case engine.ChargeCall:
			s.reqs[c.Reference.Number-1].call = asked
		case engine.RefundCall:
			s.refunds[c.Charge.Number-1] = refundCall{call: asked, flight: c.Flight, send: c.Send}
		case engine.InquireCall, engine.OTPCall, engine.PayoutCall: // inquiries may happen at any moment here
		}
	}
	return nil
}

func (m *model) initial(t *testing.T) modelled {
	t.Helper()
	s := modelled{state: engine.Transaction{ID: enginetest.TransactionID}, now: enginetest.Day}
	require.NoError(t, m.decide(&s, engine.InitiateCharge{
		Booking: "B1", Talent: "T1", Amount: price, Currency: money.XOF, Method: engine.MobileMoney,
		Payer: engine.Payer{Operator: phone.MTN, Phone: phone.MustParse("0500000000")},
	}))
	return s
}

func (m *model) report(status engine.ChargeReportStatus) engine.ChargeReport {
	return engine.ChargeReport{Status: status, Amount: price, Currency: money.XOF, Live: true, Code: m.failure()}
}

func (m *model) failure() engine.Code {
	if m.variant.byOperator {
		return engine.CodeOperatorFailed
	}
	return engine.CodeInsufficientFunds
}

// told is what a gateway says of a request it sees so.
func (m *model) told(at seen, back bool) engine.ChargeReport {
	switch {
	case back:
		return m.report(engine.ChargeReversed)
	case at == prompted && m.variant.leaves:
		return m.report(engine.ChargeAbandoned)
	case at == prompted:
		return m.report(engine.ChargePending)
	case at == captured:
		return m.report(engine.ChargeSucceeded)
	case at == failedThere:
		return m.report(engine.ChargeFailed)
	}
	return m.report(engine.ChargeAbsent)
}

// step is one thing that may happen next.
type step struct {
	name string
	do   func(s *modelled) error
}

// steps lists all that may happen in a moment.
func (m *model) steps(s modelled) []step {
	var out []step
	add := func(name string, do func(*modelled) error) { out = append(out, step{name, do}) }
	if s.state.Status.Open() && s.state.PaidAt.IsZero() {
		add("cancel", func(s *modelled) error { return m.decide(s, engine.CancelCharge{}) })
	}
	if !s.state.Status.Open() && s.state.Slot.IsZero() {
		add("another payment has the booking", func(s *modelled) error { s.state.Slot = engine.ID{15: 99}; return nil })
	}
	if m.mayPass(s) {
		add("time passes", func(s *modelled) error { s.now = s.now.Add(m.policy.QuarantineFor); return nil })
	}
	add("tick", func(s *modelled) error { return m.decide(s, engine.Tick{}) })
	if m.variant.besideUs {
		add("confirm", func(s *modelled) error { return m.decide(s, engine.ConfirmDelivery{}) })
	}
	if m.variant.breakers {
		out = append(out, healthSteps(s)...)
	}
	for i := range s.state.Attempts {
		out = append(out, m.callSteps(s, i)...)
		out = append(out, m.worldSteps(s, i)...)
		out = append(out, m.wordSteps(s, i)...)
		out = append(out, m.refundSteps(s, i)...)
	}
	return out
}

// key is what of a moment can matter to what happens next: states are the same
// when Decide and the world can't tell them apart.
func (m *model) key(s modelled) string {
	var b strings.Builder
	t := s.state
	passed := func(at time.Time) bool { return !at.IsZero() && !s.now.Before(at) }
	fmt.Fprintf(&b, "%s paid=%v slot=%v review=%s %v ", t.Status, !t.PaidAt.IsZero(), t.Slot == t.ID || t.Slot.IsZero(), t.Review, s.health)
	if m.variant.offered {
		until := t.CreatedAt.Add(m.policy.OfferFor)
		fmt.Fprintf(&b, "offered=%v,%v ", passed(until.Add(-m.policy.OfferAgain)), passed(until.Add(m.policy.OfferAgain)))
	}
	for i, a := range t.Attempts {
		r := s.reqs[i]
		fmt.Fprintf(&b, "| %s %s %s %s tq=%v abs=%d due=%v again=%v w=%v,%v %d %d %v %v", a.Gateway, a.Status, a.Disposition, a.Doubt,
			passed(a.SinceAt.Add(m.policy.QuarantineFor)), min(a.Absences, m.policy.QuarantineReads), passed(a.CheckAt),
			a.Code == engine.CodeGatewayUnreachable, passed(a.WindowAt), !a.WindowAt.IsZero() && passed(a.WindowAt.Add(m.policy.PendingMax)),
			r.call, r.at, r.back, r.wrong)
		m.keyReading(&b, s, r.reading, a.SinceAt.Add(m.policy.QuarantineFor), a.WindowAt, a.AskedAt.Add(m.policy.PromptWindow))
	}
	for _, r := range t.Refunds {
		c := s.refunds[r.Attempt-1]
		fmt.Fprintf(&b, "| r%d %s abs=%d long=%v due=%v sends=%d flights=%d %d %d %d %v", r.Attempt, r.Status, min(r.Absences, 2),
			passed(r.AbsentAt.Add(10*time.Minute)), passed(r.NextAt), min(r.Sends, 3), min(r.Flights, 2), c.call, c.flight, c.send, c.wire)
		m.keyReading(&b, s, c.reading, r.SentAt, r.AbsentAt.Add(10*time.Minute))
	}
	if h := t.Hold; h != nil {
		fmt.Fprintf(&b, "| %s", h.Status)
	}
	return b.String()
}

// keyReading is what matters of an inquiry under way: what it has read, on which
// side of each of the engine's moments it was asked. A moment to come lies after it.
func (m *model) keyReading(b *strings.Builder, s modelled, r reading, moments ...time.Time) {
	if r.asked.IsZero() {
		return
	}
	fmt.Fprintf(b, " reads %d %v %v", r.read, r.back, r.asked.Equal(s.now))
	for _, at := range moments {
		fmt.Fprintf(b, " %v", r.asked.Before(at))
	}
}

// visit takes a moment in, once, if it is within the model's bounds.
func (m *model) visit(t *testing.T, s modelled) {
	t.Helper()
	if len(s.state.Attempts) > attemptsMax || s.now.Sub(enginetest.Day) > 2*time.Hour {
		return
	}
	for _, r := range s.state.Refunds {
		if r.Sends > 2 || r.Flights > 2 {
			return
		}
	}
	k := m.key(s)
	if m.seen[k] {
		return
	}
	m.seen[k] = true
	m.queue = append(m.queue, s)
}

// run explores every moment there is, and holds what must be true of each.
func (m *model) run(t *testing.T) {
	t.Helper()
	m.visit(t, m.initial(t))
	for len(m.queue) > 0 {
		s := m.queue[0]
		m.queue = m.queue[1:]
		m.states++
		m.check(t, s)
		for _, next := range m.steps(s) {
			after := s
			switch err := next.do(&after); {
			case errors.Is(err, errImpossible):
			case err != nil:
				require.NoError(t, err, "%s after %s", next.name, m.key(s))
			default:
				m.visit(t, after)
			}
		}
	}
}

// check: no success without an owner, and, once everybody has spoken the truth,
// the payer has paid the price or nothing.
func (m *model) check(t *testing.T, s modelled) {
	t.Helper()
	captures, kept, owned := 0, 0, 0
	for i, a := range s.state.Attempts {
		if s.reqs[i].at == captured {
			captures++
		}
		switch {
		case a.Disposition == engine.Kept:
			kept++
		case a.Disposition == engine.Surplus:
			require.NotNil(t, refundOf(&s.state, a.No), "a surplus nobody owes: %s", m.key(s))
			owned++
		}
		require.False(t, a.Status == engine.AttemptSucceeded && s.reqs[i].at != captured, "a success nobody captured: %s", m.key(s))
	}
	require.LessOrEqual(t, kept, 1)
	last, _ := s.state.LastAttempt()
	require.Equal(t, last.Status.Live() && last.Flow == engine.Direct, s.state.Prompt == s.state.ID, "the phone's place: %s", m.key(s))
	if captures > 1 {
		m.double++
		require.True(t, m.variant.doubleMayBe, "two captures: %s", m.key(s))
	}
	m.heals(t, s)
}

// heals lets the world end its business and every word arrive, and then counts the
// payer's money.
func (m *model) heals(t *testing.T, s modelled) {
	t.Helper()
	for range 12 {
		if m.quiet(s) {
			break
		}
		for i := range s.reqs {
			r := &s.reqs[i]
			r.reading, s.refunds[i].reading, s.refunds[i].wire = reading{}, reading{}, false
			if r.call == asked || r.call == waiting {
				r.call = over // a crash: nobody hears the answer
			}
			switch r.at {
			case wire:
				r.at = nowhere
			case prompted:
				r.at = failedThere
			case nowhere, captured, refusedThere, failedThere:
			}
		}
		s.now = s.now.Add(15 * time.Minute)
		m.must(t, &s, engine.Tick{})
		for i := range s.state.Attempts {
			report := m.told(s.reqs[i].at, s.reqs[i].back)
			m.must(t, &s, engine.RecordInquiry{Reference: s.state.Reference(s.state.Attempts[i]), AskedAt: s.now, Charge: &report})
			m.giveBack(t, &s, i)
		}
	}
	net, kept := 0, 0
	for i, a := range s.state.Attempts {
		require.False(t, a.Status.Live(), "never concluded: %s", m.key(s))
		if s.reqs[i].at == captured && !s.reqs[i].back {
			net++
		}
		switch {
		case a.Disposition != engine.Kept:
		case s.reqs[i].back && s.state.Hold.Status == engine.HoldHeld: // given back beside us
			require.Equal(t, engine.ReviewReversed, s.state.Review, "nobody is shown it: %s", m.key(s))
		case s.reqs[i].back: // and the talent has it too: the marketplace's loss, which people are shown
			require.True(t, m.variant.besideUs)
		default:
			kept++
		}
	}
	require.Zero(t, s.state.Owed(), "never given back: %s", m.key(s))
	require.Equal(t, kept, net, "the payer's net: %s", m.key(s))
	require.False(t, s.state.Status == engine.ChargeIsInitiated || s.state.Status == engine.ChargeIsProcessing, "never ended: %s", m.key(s))
	m.healed++
}

// quiet: nobody has anything more to say, and we know it.
func (m *model) quiet(s modelled) bool {
	for i, a := range s.state.Attempts {
		r := s.reqs[i]
		under := a.Status.Live() || r.call == asked || r.call == waiting || r.at == wire || r.at == prompted
		unheard := a.Disposition == engine.Kept && r.back && s.state.Review == "" && s.state.Hold.Status == engine.HoldHeld
		if under || unheard || (r.at == captured) != (a.Status == engine.AttemptSucceeded) {
			return false
		}
	}
	return s.state.Owed() == 0 && s.state.Status != engine.ChargeIsInitiated
}

// giveBack ends what is owed: by the gateway when it was asked, else by people.
func (m *model) giveBack(t *testing.T, s *modelled, i int) {
	t.Helper()
	refund := refundOf(&s.state, i+1)
	if refund == nil {
		return
	}
	if s.refunds[i].call == asked || refund.Status == engine.RefundIsManual {
		s.reqs[i].back = true
	}
	s.refunds[i].call = over
	report := m.refundReport(s.reqs[i].back)
	m.must(t, s, engine.RecordInquiry{Reference: s.state.RefundReference(*refund), AskedAt: s.now, Refund: &report})
}

func (m *model) must(t *testing.T, s *modelled, cmd engine.Command) {
	t.Helper()
	require.NoError(t, m.decide(s, cmd), "%T", cmd)
}

func TestEveryInterleavingOfTwoGatewaysLeavesThePayerWithThePriceOrNothing(t *testing.T) {
	t.Parallel()
	for _, v := range []variant{
		{name: "strict, truthful"},
		{name: "strict, truthful, failures are the operator's", byOperator: true},
		{name: "quarantine, truthful", quarantine: true},
		{name: "quarantine, truthful, failures are the operator's", quarantine: true, byOperator: true},
		{name: "strict, gateways change their mind", lies: true, byOperator: true, prompt: true, doubleMayBe: true},
		{name: "quarantine, requests arrive after T_q", quarantine: true, slowWire: true, byOperator: true, prompt: true, doubleMayBe: true},
		{name: "strict, offered again", offered: true, prompt: true},
		{name: "strict, payers leave", leaves: true},
		{name: "strict, the second door is a page", page: true, byOperator: true},
		{name: "strict, gateways rest and wake", breakers: true, prompt: true, byOperator: true},
		{name: "strict, each tells of other figures once", wrong: true, prompt: true, byOperator: true},
		{name: "strict, money given back beside us", besideUs: true, prompt: true},
		{name: "strict, refunds heard of late", prompt: true, lateRefunds: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			m := newModel(v)
			m.run(t)
			t.Logf("%-55s %7d states, %6d with two captures, %7d healed", v.name, m.states, m.double, m.healed)
			require.Equal(t, v.doubleMayBe, m.double > 0, "the model can see a double capture where there may be one")
		})
	}
}
