package engine_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/enginetest"
	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

const price money.Amount = 33_333 // does not divide evenly

// A hundred lives, rapid's default, end before they come to the rarer turns.
func init() { _ = flag.Set("rapid.checks", "1000") } // the flag exists: rapid's own

// life is a transaction with the books and the history it has written so far.
type life struct {
	t        *rapid.T
	policy   engine.Policy
	state    engine.Transaction
	now      time.Time
	fresh    byte
	balances map[ledger.Account]money.Amount
	health   engine.Health
	booked   map[string]bool // (kind, cause): a fact is booked once
	history  map[string]engine.Move
	woken    bool // by a wallet that was set: the tick is still to come
}

func newLife(t *rapid.T) *life {
	l := &life{
		t: t, policy: enginetest.Policy(), now: enginetest.Day,
		state:    engine.Transaction{ID: enginetest.TransactionID},
		balances: map[ledger.Account]money.Amount{}, booked: map[string]bool{}, history: map[string]engine.Move{},
	}
	l.policy.PortedNumbers = true
	l.policy.FailoverAfterQuarantine = rapid.Bool().Draw(t, "after quarantine")
	l.decide(engine.InitiateCharge{
		Booking: "B1", Talent: "T1", Amount: price, Currency: money.XOF, Method: engine.MobileMoney,
		Payer: engine.Payer{
			Operator: rapid.SampledFrom([]phone.Operator{phone.Wave, phone.MTN}).Draw(t, "operator"), Phone: phone.MustParse("0700000000"),
		},
	})
	return l
}

// decide runs a command and holds what must be true of any decision against it.
func (l *life) decide(cmd engine.Command) engine.Decision {
	l.fresh++
	before := l.state
	if _, ticked := cmd.(engine.Tick); ticked {
		l.woken = false
	}
	d, err := before.Decide(cmd, engine.Given{Now: l.now, Fresh: engine.ID{0: 1, 15: l.fresh}, Policy: &l.policy, Health: l.health})
	if err != nil {
		require.NotErrorIs(l.t, err, engine.Internal, "a decision that may not be: %v", cmd)
		return engine.Decision{Next: before}
	}
	if !d.Changed() {
		require.Empty(l.t, d.Moves)
		require.Empty(l.t, d.Journals)
		require.Empty(l.t, d.Events)
		require.Empty(l.t, d.Effects)
		return d
	}
	require.Equal(l.t, before.Version+1, d.Next.Version)
	for _, j := range d.Journals {
		key := string(j.Kind) + " " + j.Cause
		require.False(l.t, l.booked[key], "%s is booked twice", key)
		l.booked[key] = true
		for _, p := range j.Postings {
			l.balances[p.Account] += p.Amount
		}
	}
	emitted := 0
	for _, m := range d.Moves {
		last := l.history[m.Subject]
		require.Equal(l.t, last.To, m.From, "%s goes on from where it was", m.Subject)
		require.Equal(l.t, last.Step+1, m.Step)
		l.history[m.Subject] = m
		for _, legal := range engine.LegalMoves() {
			if legal.Machine == m.Machine && legal.From == m.From && legal.To == m.To && legal.Emits != "" {
				emitted++
			}
		}
	}
	for i, e := range d.Events {
		require.Equal(l.t, before.EventSeq+i+1, e.Seq, "events are numbered without a gap")
		if e.Subject != "" {
			emitted--
		}
	}
	require.Zero(l.t, emitted, "a move that emits has its event, and no other has")
	l.state = d.Next
	return d
}

// check holds the books against the state, and the state against being forgotten.
func (l *life) check() {
	l.checkNothingIsForgotten()
	l.checkOneAtATime()
	var total, held, payable, inFlight, surplus, goingBack, suspense money.Amount
	for account, sum := range l.balances {
		total += sum
		if floor, floored := account.Floor(); floored {
			require.GreaterOrEqual(l.t, sum, floor, account)
		}
	}
	require.Zero(l.t, total, "the whole ledger balances")
	if h := l.state.Hold; h != nil {
		held = h.Amount - h.Released - h.Refunded
		payable = 0
		if h.Status == engine.HoldReleased {
			payable = h.TalentFee
			require.Equal(l.t, h.Commission, l.balances[ledger.Commission])
		}
	}
	if p := l.state.Payout; p != nil {
		switch p.Status {
		case engine.PayoutIsSent:
			inFlight, payable = p.Amount, payable-p.Amount
		case engine.PayoutIsPaid:
			payable -= p.Amount
		case engine.PayoutIsDue, engine.PayoutIsFailed, engine.PayoutIsReversed:
		}
	}
	for _, a := range l.state.Attempts {
		if a.Disposition == engine.Suspense {
			suspense += a.Captured
		}
		require.Equal(l.t, a.Disposition == engine.Surplus, l.refundOf(a.No) != nil, "a surplus is owed back, and nothing else is")
	}
	for _, r := range l.state.Refunds {
		switch {
		case r.Status.InFlight():
			goingBack += r.Amount
		case r.Status != engine.RefundIsDone:
			surplus += r.Amount
		}
	}
	require.Equal(l.t, goingBack, l.balances[ledger.RefundInFlight])
	require.Equal(l.t, held, l.balances[ledger.EscrowHeld])
	require.Equal(l.t, payable, l.balances[ledger.TalentPayable("T1")])
	require.Equal(l.t, inFlight, l.balances[ledger.PayoutInFlight])
	require.Equal(l.t, surplus, l.balances[ledger.PayerSurplus])
	require.Equal(l.t, suspense, l.balances[ledger.Suspense("paystack")]+l.balances[ledger.Suspense("fedapay")])
}

func (l *life) refundOf(attempt int) *engine.Refund {
	for i, r := range l.state.Refunds {
		if r.Attempt == attempt {
			return &l.state.Refunds[i]
		}
	}
	return nil
}

// checkOneAtATime: a second attempt exists only because every earlier one was
// dead when it was recorded, and the phone shows one request (R2, R3, R13).
func (l *life) checkOneAtATime() {
	direct := false
	for _, a := range l.state.Attempts {
		direct = direct || (a.Status.Live() && a.Flow == engine.Direct)
	}
	require.Equal(l.t, direct, l.state.Prompt == l.state.ID, "the phone's place is taken as long as it may be asking")
}

// checkNothingIsForgotten: whatever is not finished will be looked at again, or
// waits for somebody by a name that says for whom.
func (l *life) checkNothingIsForgotten() {
	due := map[engine.DueKind]bool{}
	for _, d := range l.state.Due() {
		due[d.Kind] = true
	}
	for _, a := range l.state.Attempts {
		require.True(l.t, !a.Status.Live() || due[engine.DueCharge], "a live attempt nobody will ask about")
	}
	review := l.state.Review
	if h := l.state.Hold; h != nil && h.Status == engine.HoldHeld && review == "" {
		require.True(l.t, due[engine.DueRelease], "a hold nobody will release")
	}
	for _, a := range l.state.Attempts {
		peoples := a.Doubt == engine.ReviewReversed || a.Disposition == engine.Suspense
		require.True(l.t, a.Doubt == "" || peoples || !a.CheckAt.IsZero(), "a doubt about a charge nobody will clear up")
	}
	if p := l.state.Payout; p != nil {
		for _, try := range p.Tries {
			require.True(l.t, try.Doubt == "" || due[engine.DuePayout], "a doubt about a payout nobody will clear up")
		}
	}
	for _, r := range l.state.Refunds {
		require.True(l.t, r.Status == engine.RefundIsDone || due[engine.DueRefund], "a refund nobody will look at: %s", r.Status)
	}
	if c := l.state.Status; c == engine.ChargeIsInitiated || c == engine.ChargeIsProcessing {
		require.True(l.t, due[engine.DueCharge], "a payment that waits for nothing")
	}
	p := l.state.Payout
	if p == nil || p.Status == engine.PayoutIsPaid {
		return
	}
	waitsForWallet := p.Waiting == engine.WaitingWalletRefused && p.Status != engine.PayoutIsSent
	if review == "" || p.Status == engine.PayoutIsSent {
		require.True(l.t, due[engine.DuePayout] || waitsForWallet, "a payout nobody will look at: %s %s", p.Status, p.Waiting)
	}
	if waitsForWallet && l.state.Wallet != nil {
		require.Equal(l.t, engine.CodeWalletRejected, p.Code, "only a refused wallet waits for another")
		other := l.state.Wallet.No != p.Tries[len(p.Tries)-1].Wallet.No
		require.True(l.t, !other || review != "" || l.woken || due[engine.DuePayout], "another wallet is there, and nobody will look")
	}
}

var (
	chargeWords = []engine.ChargeReportStatus{
		engine.ChargeSucceeded, engine.ChargeFailed, engine.ChargeAbandoned, engine.ChargePending, engine.ChargeWantsOTP,
		engine.ChargeOnPhone, engine.ChargeRedirects, engine.ChargeAbsent, engine.ChargeReversed, engine.ChargeUnknowable, engine.ChargeHeard,
		"a new word",
	}
	payoutWords = []engine.PayoutReportStatus{
		engine.PayoutReportPending, engine.PayoutReportPaid, engine.PayoutReportFailed, engine.PayoutReportReversed,
		engine.PayoutReportAbsent, "a new word",
	}
	refundWords = []engine.RefundReportStatus{
		engine.RefundReportPending, engine.RefundReportDone, engine.RefundReportFailed, engine.RefundReportAttention,
		engine.RefundReportAbsent, "a new word",
	}
	refusals = []engine.Kind{engine.Declined, engine.Unavailable, engine.Ambiguous, engine.Unsupported}
)

func (l *life) anyChargeReport() engine.ChargeReport {
	return engine.ChargeReport{
		Status:   rapid.SampledFrom(chargeWords).Draw(l.t, "charge"),
		Amount:   rapid.SampledFrom([]money.Amount{price, price, price, price * 100, 1}).Draw(l.t, "amount"),
		Currency: money.XOF, Live: rapid.IntRange(0, 9).Draw(l.t, "live") > 0,
		Fee: money.Amount(rapid.IntRange(0, 2).Draw(l.t, "fee")),
	}
}

func (l *life) anyPayoutReport() engine.PayoutReport {
	r := engine.PayoutReport{
		Status: rapid.SampledFrom(payoutWords).Draw(l.t, "payout"), Currency: money.XOF, Live: true,
		Recipient: rapid.SampledFrom([]string{"", "RCP_1"}).Draw(l.t, "recipient"),
	}
	if p := l.state.Payout; p != nil {
		r.Amount = p.Amount + money.Amount(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(l.t, "off"))
	}
	return r
}

func (l *life) anyRefundReport() engine.RefundReport {
	return engine.RefundReport{
		Status: rapid.SampledFrom(refundWords).Draw(l.t, "refund"), Currency: money.XOF, Live: true,
		Amount: rapid.SampledFrom([]money.Amount{price, price, price, 1}).Draw(l.t, "given back"), Number: rapid.IntRange(0, 2).Draw(l.t, "ours"),
	}
}

func (l *life) anyRefusal() *engine.Error {
	if rapid.Bool().Draw(l.t, "accepted") {
		return nil
	}
	code := rapid.SampledFrom([]engine.Code{
		engine.CodeWalletRejected, engine.CodeFloatLow, engine.CodeOTPInvalid, engine.CodeGatewayTimeout,
		engine.CodeGatewayUnreachable, engine.CodeOperatorFailed,
	}).Draw(l.t, "code")
	return engine.Errorf(rapid.SampledFrom(refusals).Draw(l.t, "refusal"), code, "")
}

// anyOfPeople is something staff say, rightly or not.
func (l *life) anyOfPeople(no int) engine.Command {
	return rapid.SampledFrom([]engine.Command{
		engine.ReleaseByStaff{}, engine.EndReview{Review: l.state.Review}, engine.LookAgain{},
		engine.ConcludePayout{Try: no}, engine.ConcludePayout{Try: no, Paid: true}, engine.SettleRefund{Refund: no},
		engine.ReturnSuspense{Attempt: no}, engine.KeepSuspense{Attempt: no},
	}).Draw(l.t, "people")
}

func (l *life) anyCommand() engine.Command {
	no := rapid.IntRange(1, 3).Draw(l.t, "number")
	charge := engine.Reference{Transaction: l.state.ID, Kind: engine.ChargeReference, Number: no}
	payout := engine.Reference{Transaction: l.state.ID, Kind: engine.PayoutReference, Number: no}
	gateway := engine.Paystack
	if no <= len(l.state.Attempts) {
		gateway = l.state.Attempts[no-1].Gateway
	}
	switch rapid.IntRange(0, 14).Draw(l.t, "command") {
	case 14:
		return l.anyOfPeople(no)
	case 10:
		return engine.CancelCharge{}
	case 11:
		return engine.RecordRefundAnswer{
			Refund: no, Flight: rapid.IntRange(1, 2).Draw(l.t, "flight"), Send: rapid.IntRange(1, 2).Draw(l.t, "send"),
			Report: l.anyRefundReport(), Err: l.anyRefusal(),
		}
	case 12:
		r := l.anyRefundReport()
		return engine.RecordInquiry{Reference: engine.Reference{Transaction: l.state.ID, Kind: engine.RefundReference, Number: no}, Refund: &r}
	case 13:
		r := l.anyRefundReport()
		return engine.Notify{Notification: engine.Notification{Gateway: gateway, Kind: "refund", Reference: charge, Refund: &r,
			Identity: engine.NewIdentity(gateway, "refund", charge.String(), string(r.Status))}}
	case 0:
		return engine.RecordChargeAnswer{Attempt: no, Report: l.anyChargeReport(), Err: l.anyRefusal()}
	case 1:
		return engine.SubmitOTP{OTP: "1234"}
	case 2:
		return engine.RecordOTPAnswer{Attempt: no, Report: l.anyChargeReport(), Err: l.anyRefusal()}
	case 3:
		r := l.anyChargeReport()
		return engine.Notify{Notification: engine.Notification{Gateway: gateway, Kind: "charge", Reference: charge, Charge: &r,
			Identity: engine.NewIdentity(gateway, "charge", charge.String(), string(r.Status))}}
	case 4:
		r := l.anyPayoutReport()
		return engine.Notify{Notification: engine.Notification{
			Gateway: engine.Paystack, Kind: "transfer", Reference: payout, Payout: &r,
			Identity: engine.NewIdentity(engine.Paystack, "transfer", payout.String(), string(r.Status)),
		}}
	case 5:
		r := l.anyChargeReport()
		return engine.RecordInquiry{Reference: charge, Charge: &r}
	case 6:
		r := l.anyPayoutReport()
		return engine.RecordInquiry{Reference: payout, Payout: &r}
	case 7:
		return engine.ConfirmDelivery{}
	case 8:
		send := rapid.IntRange(1, 3).Draw(l.t, "send")
		return engine.RecordPayoutAnswer{Try: no, Send: send, Report: l.anyPayoutReport(), Err: l.anyRefusal()}
	default:
		return engine.Tick{}
	}
}

func (l *life) anySurroundings() {
	switch rapid.IntRange(0, 12).Draw(l.t, "beside") {
	case 10:
		l.health.Resting = rapid.SliceOfDistinct(rapid.SampledFrom([]engine.Gateway{engine.Paystack, engine.FedaPay}),
			rapid.ID[engine.Gateway]).Draw(l.t, "resting")
	case 11:
		l.health.Down = rapid.SliceOfDistinct(rapid.SampledFrom([]phone.Operator{phone.MTN, phone.Wave}),
			rapid.ID[phone.Operator]).Draw(l.t, "down")
	case 12:
		if l.state.Prompt != l.state.ID {
			l.state.Prompt = engine.ID{15: byte(rapid.IntRange(0, 1).Draw(l.t, "prompt"))}
		}
	case 0:
		no := rapid.IntRange(1, 3).Draw(l.t, "wallet")
		l.setWallet(engine.Wallet{No: no, Operator: phone.Orange, Phone: phone.MustParse("0700000000"), Name: "A"})
	case 1:
		l.setWallet(engine.Wallet{No: 4, Operator: phone.Moov, Phone: phone.MustParse("0100000000"), Name: "A"})
	case 2:
		if !l.state.Status.Open() { // an open payment owns its slot
			l.state.Slot = engine.ID{15: byte(rapid.IntRange(0, 1).Draw(l.t, "slot"))}
		}
	}
	l.now = l.now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 30, 300, 7200, 200_000}).Draw(l.t, "seconds")) * time.Second)
}

// setWallet is what the platform does beside the engine: payouts that wait are woken.
func (l *life) setWallet(w engine.Wallet) {
	l.state.Wallet = &w
	if p := l.state.Payout; p != nil && p.Status != engine.PayoutIsSent && p.Status != engine.PayoutIsPaid {
		l.woken = true
	}
}

// goFar brings some lives to a payout that is under way, or was refused its wallet: what
// chance alone seldom reaches would seldom be looked at.
func (l *life) goFar() {
	paid := engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: price, Currency: money.XOF, Live: true}
	news := []engine.Command{
		engine.RecordChargeAnswer{Attempt: 1, Report: paid},
		engine.ConfirmDelivery{},
		engine.RecordPayoutAnswer{Try: 1, Send: 1, Err: engine.Errorf(engine.Declined, engine.CodeWalletRejected, "")},
	}
	l.setWallet(engine.Wallet{No: 1, Operator: phone.Orange, Phone: phone.MustParse("0700000000"), Name: "A"})
	for _, cmd := range news[:rapid.IntRange(0, len(news)).Draw(l.t, "far")] {
		l.decide(cmd)
		l.check()
	}
}

func booksBalance(t *rapid.T) {
	l := newLife(t)
	l.goFar()
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		l.anySurroundings()
		l.decide(l.anyCommand())
		l.check()
	}
}

func TestBooksBalanceAfterAnyCommandsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, booksBalance)
}

func FuzzDecide(f *testing.F) { f.Fuzz(rapid.MakeFuzz(booksBalance)) }

func TestANotificationToldTwiceChangesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			l.anySurroundings()
			cmd := l.anyCommand()
			first := l.decide(cmd)
			if _, isNotice := cmd.(engine.Notify); isNotice && len(first.Counted) > 0 {
				again := l.decide(cmd)
				require.False(t, again.Changed(), "%+v", cmd)
				require.Equal(t, first.Counted, again.Counted, "what counts once counts for ever")
			}
		}
	})
}

func TestTheOrderOfTruthfulNewsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		charge := engine.Reference{Transaction: enginetest.TransactionID, Kind: engine.ChargeReference, Number: 1}
		paid := engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: price, Currency: money.XOF, Live: true}
		news := rapid.Permutation([]engine.Command{
			engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}},
			engine.RecordInquiry{Reference: charge, Charge: &engine.ChargeReport{Status: engine.ChargePending}},
			engine.RecordInquiry{Reference: charge, Charge: &paid},
			engine.Notify{Notification: engine.Notification{Gateway: engine.Paystack, Kind: "charge.success", Reference: charge, Charge: &paid}},
			engine.Notify{Notification: engine.Notification{Gateway: engine.Paystack, Kind: "charge.success", Reference: charge, Charge: &paid}},
			engine.RecordChargeAnswer{Attempt: 1, Err: engine.Errorf(engine.Ambiguous, engine.CodeGatewayTimeout, "")},
			engine.Tick{},
		}).Draw(t, "news")
		l := newLife(t)
		for _, cmd := range news {
			l.now = l.now.Add(10 * time.Second)
			l.decide(cmd)
			l.check()
		}
		require.Equal(t, engine.ChargeIsSucceeded, l.state.Status)
		require.Equal(t, price, l.state.Hold.Amount)
		require.Len(t, l.booked, 1)
	})
}

func TestALaterPolicyMovesNoOldHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.policy.AutoReleaseHours = rapid.IntRange(0, 500).Draw(t, "hours")
		paid := engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: price, Currency: money.XOF, Live: true}
		l.decide(engine.RecordChargeAnswer{Attempt: 1, Report: paid})
		hold := *l.state.Hold
		l.policy.AutoReleaseHours = rapid.IntRange(0, 500).Draw(t, "later hours")
		l.policy.Commission = money.BasisPoints(rapid.IntRange(0, 10_000).Draw(t, "later share"))
		l.now = hold.ReleaseAt.Add(-time.Second)
		l.decide(engine.Tick{})
		require.Equal(t, hold, *l.state.Hold)
		l.now = hold.ReleaseAt
		l.decide(engine.Tick{})
		require.Equal(t, engine.HoldReleased, l.state.Hold.Status)
		require.Equal(t, hold.Commission, l.balances[ledger.Commission])
	})
}

func TestScheduleGoesForwardAndEnds(t *testing.T) {
	t.Parallel()
	begin := enginetest.Day
	policy := engine.DefaultPolicy()
	require.NoError(t, policy.Check())
	var moments []time.Duration
	for now := begin; ; {
		next, more := policy.LiveAttempt.Next(begin, now)
		if !more {
			break
		}
		require.True(t, next.After(now))
		moments = append(moments, next.Sub(begin))
		now = next
	}
	require.Equal(t, 10*time.Second, moments[0])
	require.Contains(t, moments, 185*time.Second)
	require.Equal(t, 24*time.Hour, moments[len(moments)-1])
	require.Len(t, moments, 7+12+23, "seven exact, every 5 min to 1 h, hourly from 2 h to 24 h")
}
