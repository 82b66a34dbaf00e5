package actors

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// outside is a gateway that answers at once, unless it is held.
type outside struct {
	hold    chan struct{} // calls wait until it is closed; nil: they don't
	fail    error
	breaks  bool
	calls   atomic.Int64
	budgets chan time.Duration
}

func newOutside() *outside { return &outside{budgets: make(chan time.Duration, 4096)} }

func (o *outside) all() Gateways {
	return Gateways{engine.Paystack: {
		Collector: o, OTPSubmitter: o, Disburser: o, Refunder: o, ChargeInquirer: o, PayoutInquirer: o, RefundInquirer: o,
	}}
}

func (o *outside) called(ctx context.Context) error {
	o.calls.Add(1)
	if deadline, has := ctx.Deadline(); has {
		o.budgets <- time.Until(deadline)
	}
	if o.breaks {
		panic("an adapter's bug")
	}
	if o.hold != nil {
		select {
		case <-o.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return o.fail
}

func (o *outside) Charge(ctx context.Context, _ engine.ChargeCall) (engine.ChargeReport, error) {
	return engine.ChargeReport{Status: engine.ChargeOnPhone}, o.called(ctx)
}

func (o *outside) SubmitOTP(ctx context.Context, _ engine.OTPCall) (engine.ChargeReport, error) {
	return engine.ChargeReport{Status: engine.ChargePending}, o.called(ctx)
}

func (o *outside) Payout(ctx context.Context, _ engine.PayoutCall) (engine.PayoutReport, error) {
	return engine.PayoutReport{Status: engine.PayoutReportPending, Recipient: "RCP_1"}, o.called(ctx)
}

func (o *outside) InquireCharge(ctx context.Context, _ engine.InquireCall) (engine.ChargeReport, error) {
	return engine.ChargeReport{Status: engine.ChargeAbsent}, o.called(ctx)
}

func (o *outside) InquirePayout(ctx context.Context, _ engine.InquireCall) (engine.PayoutReport, error) {
	return engine.PayoutReport{Status: engine.PayoutReportPaid}, o.called(ctx)
}

func (o *outside) Refund(ctx context.Context, _ engine.RefundCall) (engine.RefundReport, error) {
	return engine.RefundReport{Status: engine.RefundReportPending}, o.called(ctx)
}

func (o *outside) InquireRefund(ctx context.Context, _ engine.InquireCall) (engine.RefundReport, error) {
	return engine.RefundReport{Status: engine.RefundReportDone}, o.called(ctx)
}

// ledger is a Store that commits everything, keeps it, and asks for the effects
// that the test wants.
type ledger struct {
	mu      sync.Mutex
	asks    []engine.Ask
	came    chan engine.Ask
	effects func(engine.Ask) []engine.Effect
	err     func(engine.Ask) error
}

func newLedger() *ledger { return &ledger{came: make(chan engine.Ask, 4096)} }

func (l *ledger) Apply(_ context.Context, ask engine.Ask) (engine.Applied, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asks = append(l.asks, ask)
	if l.err != nil {
		if err := l.err(ask); err != nil {
			return none, err
		}
	}
	l.came <- ask
	if l.effects != nil {
		return committed(ask.Transaction, l.effects(ask)...), nil
	}
	return committed(ask.Transaction), nil
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asks)
}

func charge(id engine.ID) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1}
}

func sending(id engine.ID) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.PayoutReference, Number: 2}
}

func givingBack(id engine.ID) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.RefundReference, Number: 3}
}

// following is a ledger whose first command leads to the effects.
func following(effects ...engine.Effect) *ledger {
	l := newLedger()
	l.effects = func(ask engine.Ask) []engine.Effect {
		if ask.Command == agreed {
			return effects
		}
		return nil
	}
	return l
}

// answerTo runs one effect and returns the command its answer came home as.
func answerTo(t *testing.T, o *outside, effect engine.Effect) engine.Command {
	t.Helper()
	store := following(effect)
	s := started(t, store, func(c *Config) { c.Gateways = o.all() })
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: effect.Subject().Transaction, Command: agreed})
	require.NoError(t, err)
	require.Equal(t, agreed, receive(t, store.came).Command)
	answer := receive(t, store.came)
	require.Equal(t, effect.Subject().Transaction, answer.Transaction)
	return answer.Command
}

// calls is one effect of each kind.
func calls(id engine.ID) map[string]engine.Effect {
	return map[string]engine.Effect{
		"charge":         engine.ChargeCall{Reference: charge(id), Gateway: engine.Paystack},
		"otp":            engine.OTPCall{Reference: charge(id), Gateway: engine.Paystack, OTP: "1234"},
		"payout":         engine.PayoutCall{Reference: sending(id), Gateway: engine.Paystack},
		"inquire charge": engine.InquireCall{Reference: charge(id), Gateway: engine.Paystack},
		"inquire payout": engine.InquireCall{Reference: sending(id), Gateway: engine.Paystack},
		"refund":         engine.RefundCall{Reference: givingBack(id), Flight: 2, Send: 1, Gateway: engine.Paystack},
		"inquire refund": engine.InquireCall{Reference: givingBack(id), Gateway: engine.Paystack},
	}
}

func TestAGatewaysAnswerComesHomeAsACommand(t *testing.T) {
	t.Parallel()
	id := idOf(1)
	wants := map[string]engine.Command{
		"charge": engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}},
		"otp":    engine.RecordOTPAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargePending}},
		"payout": engine.RecordPayoutAnswer{Try: 2, Report: engine.PayoutReport{Status: engine.PayoutReportPending, Recipient: "RCP_1"}},
		"inquire charge": engine.RecordInquiry{
			Reference: charge(id), Charge: &engine.ChargeReport{Status: engine.ChargeAbsent},
		},
		"inquire payout": engine.RecordInquiry{
			Reference: sending(id), Payout: &engine.PayoutReport{Status: engine.PayoutReportPaid},
		},
		"refund": engine.RecordRefundAnswer{Refund: 3, Flight: 2, Send: 1, Report: engine.RefundReport{Status: engine.RefundReportPending}},
		"inquire refund": engine.RecordInquiry{
			Reference: givingBack(id), Refund: &engine.RefundReport{Status: engine.RefundReportDone},
		},
	}
	for name, effect := range calls(id) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutside()
			require.Equal(t, wants[name], answerTo(t, o, effect))
			budget, timeout := receive(t, o.budgets), engine.DefaultPolicy().CallTimeout
			if name == "payout" {
				timeout *= 2 // its recipient has to be made first
			}
			require.LessOrEqual(t, budget, timeout)
			require.Greater(t, budget, timeout/2)
		})
	}
}

// errOf is the error that an answer carries.
func errOf(t *testing.T, c engine.Command) *engine.Error {
	t.Helper()
	switch answer := c.(type) {
	case engine.RecordChargeAnswer:
		return answer.Err
	case engine.RecordOTPAnswer:
		return answer.Err
	case engine.RecordPayoutAnswer:
		return answer.Err
	case engine.RecordRefundAnswer:
		return answer.Err
	case engine.RecordInquiry:
		require.Nil(t, answer.Refund)
		require.Nil(t, answer.Charge)
		require.Nil(t, answer.Payout)
		return answer.Err
	}
	require.Failf(t, "not an answer", "%T", c)
	return nil
}

func TestWhatNobodyListedIsAmbiguous(t *testing.T) {
	t.Parallel()
	for name, effect := range calls(idOf(1)) {
		t.Run(name+" fails", func(t *testing.T) {
			t.Parallel()
			o := newOutside()
			o.fail = errors.New("connection reset by peer")
			require.ErrorIs(t, errOf(t, answerTo(t, o, effect)), engine.Ambiguous)
		})
		t.Run(name+" breaks", func(t *testing.T) {
			t.Parallel()
			o := newOutside()
			o.breaks = true
			require.ErrorIs(t, errOf(t, answerTo(t, o, effect)), engine.Ambiguous)
		})
		t.Run(name+" is declined", func(t *testing.T) {
			t.Parallel()
			o := newOutside()
			o.fail = engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "no funds")
			require.ErrorIs(t, errOf(t, answerTo(t, o, effect)), engine.Declined)
		})
	}
}

func TestAGatewayIsNotAskedForWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for name, effect := range calls(idOf(1)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := following(effect)
			s := started(t, store, nil)
			_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
			require.NoError(t, err)
			receive(t, store.came)
			require.ErrorIs(t, errOf(t, receive(t, store.came).Command), engine.Unsupported)
		})
	}
}

func TestARecipientLearntByAFailedPayoutIsKept(t *testing.T) {
	t.Parallel()
	o := newOutside()
	o.fail = engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "no answer")
	answer, is := answerTo(t, o, calls(idOf(1))["payout"]).(engine.RecordPayoutAnswer)
	require.True(t, is)
	require.Equal(t, "RCP_1", answer.Report.Recipient)
}

func TestAWebhookIsTakenWhileTheGatewayThinks(t *testing.T) {
	t.Parallel()
	o := newOutside()
	o.hold = make(chan struct{})
	store := following(calls(idOf(1))["charge"])
	s := started(t, store, func(c *Config) { c.Gateways = o.all() })
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
	require.NoError(t, err)
	receive(t, o.budgets) // the call is under way
	_, err = s.Ask(t.Context(), told(idOf(1), "charge.success", "bytes"))
	require.NoError(t, err)
	close(o.hold)
}

func TestACallIsNotMadeForWhatWasNotCommitted(t *testing.T) {
	t.Parallel()
	o := newOutside()
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		return committed(ask.Transaction, calls(ask.Transaction)["charge"]), errRefused
	}), func(c *Config) { c.Gateways = o.all() })
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
	require.ErrorIs(t, err, errRefused)
	eventually(t, func() bool { commands, chores := s.gate.load(); return commands+chores == 0 })
	require.Zero(t, o.calls.Load())
}

func TestAnAnswerWaitsForTheDatabaseToComeBack(t *testing.T) {
	t.Parallel()
	o := newOutside()
	store := following(calls(idOf(1))["charge"])
	var down atomic.Int64
	store.err = func(ask engine.Ask) error {
		if _, is := ask.Command.(engine.RecordChargeAnswer); is && down.Add(1) <= 5 {
			return errors.New("connection refused")
		}
		return nil
	}
	s := started(t, store, func(c *Config) { c.Gateways, c.Clock = o.all(), wall{pace: 1000} })
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
	require.NoError(t, err)
	receive(t, store.came)
	require.IsType(t, engine.RecordChargeAnswer{}, receive(t, store.came).Command)
	require.EqualValues(t, 6, down.Load())
	require.EqualValues(t, 1, o.calls.Load(), "the call itself is never repeated")
	require.Zero(t, value(t, s.metrics.lost))
}

func TestAnAnswerNobodyCanRecordIsGivenUpAndCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		tries int
	}{
		"the database stays down": {errors.New("connection refused"), answerTries},
		"refused for good":        {errRefused, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := following(calls(idOf(1))["charge"])
			store.err = func(ask engine.Ask) error {
				if ask.Command == agreed {
					return nil
				}
				return c.err
			}
			s := started(t, store, func(config *Config) {
				config.Gateways, config.Clock = newOutside().all(), wall{pace: 1000}
			})
			_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
			require.NoError(t, err)
			eventually(t, func() bool { return value(t, s.metrics.lost) == 1 })
			require.Equal(t, 1+c.tries, store.len())
		})
	}
}

func TestALaneKeepsItsLimitAndItsOrder(t *testing.T) {
	t.Parallel()
	o := newOutside()
	o.hold = make(chan struct{})
	store := newLedger()
	store.effects = func(ask engine.Ask) []engine.Effect {
		if ask.Command == agreed {
			return []engine.Effect{calls(ask.Transaction)["payout"]}
		}
		return nil
	}
	s := started(t, store, func(c *Config) { c.Gateways, c.PayoutCalls = o.all(), 3 })
	for n := range 10 {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(n), Command: agreed})
		require.NoError(t, err)
	}
	eventually(t, func() bool { return s.lanes.waiting() == 7 })
	require.EqualValues(t, 3, o.calls.Load())
	require.Equal(t, (laneQueueMax-7)/2, s.lanes.room())
	close(o.hold)
	eventually(t, func() bool { _, chores := s.gate.load(); return chores == 0 })
	require.EqualValues(t, 10, o.calls.Load())
}

func TestACallTooManyIsToldUnavailable(t *testing.T) {
	t.Parallel()
	const extra = 5
	o := newOutside()
	o.hold = make(chan struct{})
	store := newLedger()
	var shed atomic.Int64
	store.effects = func(ask engine.Ask) []engine.Effect {
		switch c := ask.Command.(type) {
		case engine.ConfirmDelivery:
			return []engine.Effect{calls(ask.Transaction)["payout"]}
		case engine.RecordPayoutAnswer:
			if errors.Is(c.Err, engine.Unavailable) {
				shed.Add(1)
			}
		}
		return nil
	}
	s := started(t, store, func(c *Config) { c.Gateways, c.PayoutCalls = o.all(), 1 })
	for n := range 1 + laneQueueMax + extra {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(n), Command: agreed})
		require.NoError(t, err)
	}
	eventually(t, func() bool { return shed.Load() == extra })
	require.Equal(t, extra, value(t, s.metrics.shed))
	require.Zero(t, s.lanes.room(), "the due clock claims nothing more")
	close(o.hold)
}

func TestACallThatMovesMoneyIsNotStartedLate(t *testing.T) {
	t.Parallel()
	for name, effect := range calls(idOf(1)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutside()
			clock, run := newManual(), &steps{}
			store := following(effect)
			s, err := New(configured(store, func(c *Config) {
				c.Gateways, c.Clock, c.Dispatcher, c.Go = o.all(), clock, run, run.Schedule
			}))
			require.NoError(t, err)
			require.NoError(t, s.Start(t.Context()))
			_, err = s.Submit(t.Context(), engine.Ask{Transaction: idOf(1), Command: agreed})
			require.NoError(t, err)
			for store.len() == 0 {
				run.one()
			}
			clock.move(startWithin + time.Second) // this process was frozen after the commit
			run.all()
			receive(t, store.came)
			answer := receive(t, store.came).Command
			if movesMoney(effect) {
				require.Zero(t, o.calls.Load())
				require.ErrorIs(t, errOf(t, answer), engine.Unavailable)
				return
			}
			require.EqualValues(t, 1, o.calls.Load(), "a question is never too late")
		})
	}
}

func TestANewPaymentTakesASlotOfTheGatewayThatIsAwake(t *testing.T) {
	t.Parallel()
	o := newOutside()
	o.hold = make(chan struct{})
	asleep := engine.Health{Resting: []engine.Gateway{engine.Paystack}}
	paysByMTN := paying
	paysByMTN.Payer.Operator = phone.MTN
	store := newLedger()
	store.effects = func(ask engine.Ask) []engine.Effect {
		if _, begins := ask.Command.(engine.InitiateCharge); begins {
			return []engine.Effect{engine.ChargeCall{Reference: charge(ask.Transaction), Gateway: engine.FedaPay}}
		}
		return nil
	}
	s := started(t, store, func(c *Config) {
		c.Gateways = Gateways{engine.FedaPay: {Collector: o}}
		c.Health, c.CollectCalls = func() engine.Health { return asleep }, 1
	})
	_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: paysByMTN})
	require.NoError(t, err)
	receive(t, o.budgets) // the only slot of FedaPay is taken
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(2), Command: paysByMTN})
	require.ErrorIs(t, err, engine.Overloaded, "its slot would be FedaPay's, and there is none")
	_, err = s.Ask(t.Context(), engine.Ask{Transaction: idOf(3), Command: paying})
	require.NoError(t, err, "no call can follow for Orange: Decide says why")
	close(o.hold)
}

func TestWhatIsCommittedIsToldOnce(t *testing.T) {
	t.Parallel()
	told := make(chan engine.Applied, 4)
	moved := engine.Move{Machine: "attempt", Subject: charge(idOf(1)).String(), Step: 2, From: "sending", To: "failed"}
	s := started(t, apply(func(_ context.Context, ask engine.Ask) (engine.Applied, error) {
		applied := committed(ask.Transaction)
		applied.State.Attempts = []engine.Attempt{{No: 1, Gateway: engine.FedaPay}}
		applied.Moves = []engine.Move{moved}
		if ask.Command == tick {
			applied.Outcome = engine.Duplicate
		}
		return applied, nil
	}), func(c *Config) { c.Committed = func(a engine.Applied) { told <- a } })
	for _, command := range []engine.Command{tick, agreed} {
		_, err := s.Ask(t.Context(), engine.Ask{Transaction: idOf(1), Command: command})
		require.NoError(t, err)
	}
	require.Equal(t, []engine.Move{moved}, receive(t, told).Moves)
	require.Empty(t, told, "a duplicate moves nothing")
	require.Equal(t, 1, value(t, s.metrics.moves.WithLabelValues("attempt", "failed", "fedapay")))
}
