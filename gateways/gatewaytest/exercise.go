package gatewaytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// price is golden: 1500000 subunits at a gateway that counts a hundred.
const price = money.Amount(15_000)

// suite is a harness with what its claims share.
type suite struct {
	Harness
	charges *references
	payouts *references
}

// Exercise runs every claim that the gateway's world can be held to.
func Exercise(t *testing.T, h Harness) {
	t.Helper()
	base := engine.MustParseID("01jd3m5nq8rstvwxyz01234000")
	s := suite{h, &references{kind: engine.ChargeReference, base: base}, &references{kind: engine.PayoutReference, base: base}}
	claims := map[string]func(*testing.T, *World){
		"a payer who approves has paid once":             s.flow(Approves, engine.ChargeOnPhone),
		"a payer who opens a page has paid once":         s.flow(OpensPage, engine.ChargeRedirects),
		"a success in the answer is told like any other": s.flow(PaysAtOnce, engine.ChargeSucceeded),
		"a payer who types the code has paid once":       s.typesTheCode,
		"a wrong code is asked again":                    s.wrongCodeAsksAgain,
		"no funds is a failure with its reason":          s.noFunds,
		"a payer who never approves pays nothing":        s.neverApproves,
		"amounts arrive exactly":                         s.amountsArrive,
		"a lost answer to a charge is found by asking":   s.chargeAnswerLost,
		"a lost charge is not found by asking":           s.chargeLost,
		"a charge that cannot be sent is unavailable":    s.chargeUnavailable,
		"a charge nobody made is absent":                 s.chargeAbsent,
		"an inquiry without an answer is no absence":     s.inquiryLost,
		"not found at first is found later":              s.hiddenAtFirst,
		"webhooks that come twice are the same":          s.webhooksTwice,
		"a wallet is paid once":                          s.paid,
		"a transfer that fails moves nothing":            s.notPaid,
		"a transfer that comes back says so":             s.reversed,
		"a refused wallet is declined":                   s.refused,
		"too little float is declined":                   s.floatLow,
		"a lost answer to a transfer is found by asking": s.payoutAnswerLost,
		"a lost transfer may be sent again":              s.payoutLost,
		"a transfer nobody made is absent":               s.payoutAbsent,
		"a pending transfer is neither paid nor failed":  s.payoutPending,
		"a refund gives all of it back":                  s.givenBack,
		"a refund sent twice gives it back once":         s.givenBackOnce,
		"a lost answer to a refund is found by asking":   s.refundAnswerLost,
		"a refund that cannot be sent is unavailable":    s.refundUnavailable,
	}
	for name, claim := range claims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim(t, s.Open(t))
		})
	}
}

// charge asks for the price from whoever makes the story happen. It reports
// false when this gateway has no such story.
func (s suite) charge(w *World, story Story, amount money.Amount) (engine.ChargeCall, bool) {
	if w.Collector == nil {
		return engine.ChargeCall{}, false
	}
	payer, exists := w.Payer(story)
	return engine.ChargeCall{
		Reference: s.charges.next(), Gateway: s.Gateway, Flow: w.flow(story), Method: engine.MobileMoney, Amount: amount,
		Currency: money.XOF, Payer: payer, Booking: "booking-1",
	}, exists
}

func (s suite) payout(w *World, story Story, amount money.Amount) (engine.PayoutCall, bool) {
	if w.Disburser == nil {
		return engine.PayoutCall{}, false
	}
	wallet, exists := w.Wallet(story)
	return engine.PayoutCall{
		Reference: s.payouts.next(), Gateway: s.Gateway, Amount: amount, Currency: money.XOF,
		Talent: "talent-1", Wallet: wallet, Booking: "booking-1",
	}, exists
}

func (s suite) inquireCharge(t *testing.T, w *World, r engine.Reference) engine.ChargeReport {
	t.Helper()
	report, err := w.Inquirer.InquireCharge(t.Context(), engine.InquireCall{Reference: r, Gateway: s.Gateway})
	require.NoError(t, err)
	return report
}

func (s suite) inquirePayout(t *testing.T, w *World, r engine.Reference) engine.PayoutReport {
	t.Helper()
	report, err := w.Payouts.InquirePayout(t.Context(), engine.InquireCall{Reference: r, Gateway: s.Gateway})
	require.NoError(t, err)
	return report
}

// After the first the gateway has acted, after the second it has not, and we
// cannot tell them apart; the third are known not to have reached it.
var (
	lostAfter  = []Trouble{CutAfter, ErrorAfter, GarbledAfter, PageAfter}
	lostBefore = []Trouble{CutBefore, ErrorBefore}
	neverSent  = []Trouble{WrongKey, TooManyCalls, Dark}
)

func requireKind(t *testing.T, err error, kind engine.Kind, why any) {
	t.Helper()
	require.ErrorIs(t, err, kind, "%v: %v", why, err)
	require.Equal(t, kind, engine.GatewayError(err).Kind, "an error has one kind")
}
