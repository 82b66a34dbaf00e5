package fedapay_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/gatewaytest"
	"github.com/bookmi/cauri/sandbox"
	simulated "github.com/bookmi/cauri/sandbox/fedapay"
)

// FedaPay's documents leave much open. A client that is right under each of
// these readings is right at FedaPay.
func TestFedaPayKeepsTheGatewaysContract(t *testing.T) {
	t.Parallel()
	for name, guesses := range map[string]simulated.Guesses{
		"as it was seen": {AmountMin: 1},
		"as others have seen": {
			AmountMin: 1, CreatedCode: 201, InvalidCode: 400, DuplicateCode: 409, NoTokenOnCreate: true, NewTokens: true,
			FeesOnMerchant: true, PhoneForm: simulated.National, DeclinedExpires: true,
		},
		"as validation was seen": {AmountMin: 1, InvalidCode: 500, DuplicateCode: 422, CommissionPerMille: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gatewaytest.Exercise(t, gatewaytest.Harness{
				Gateway: engine.FedaPay,
				Open:    func(t *testing.T) *gatewaytest.World { return open(t, guesses).World },
			})
		})
	}
}

// The sandbox reads a story off the last four digits of the phone that is asked.
var payers = map[gatewaytest.Story]engine.Payer{
	gatewaytest.Approves:      {Operator: phone.MTN, Phone: phone.MustParse("0505050001")},
	gatewaytest.OpensPage:     {Operator: phone.Moov, Phone: phone.MustParse("0101010001")},
	gatewaytest.PaysAtOnce:    {Operator: phone.MTN, Phone: phone.MustParse("0505050014")},
	gatewaytest.HasNoFunds:    {Operator: phone.MTN, Phone: phone.MustParse("0505050010")},
	gatewaytest.NeverApproves: {Operator: phone.MTN, Phone: phone.MustParse("0505050020")},
	gatewaytest.HiddenAtFirst: {Operator: phone.MTN, Phone: phone.MustParse("0505050044")},
}

// world is the suite's, with what only these tests look at.
type world struct {
	*gatewaytest.World
	server  *simulated.Server
	client  *fedapay.Client
	address string
	pass    func(time.Duration)
}

// open makes a simulated FedaPay on a clock that stands still, and our client.
func open(t *testing.T, guesses simulated.Guesses) world {
	t.Helper()
	const patience = 10 * time.Second
	clock := sandbox.NewManualClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	inbox := gatewaytest.Receive(t, fedapay.SignatureHeader)
	inbox.Now = clock.Now
	server := simulated.New(simulated.Config{
		SecretKeys: []string{testKey}, WebhookSecrets: []string{endpoint.Reveal()}, WebhookURL: inbox.URL, Clock: clock, Guesses: guesses,
		Direct: map[string][]string{"sandbox": {"mtn_ci"}},
	})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	address, err := server.Listen("127.0.0.1:0")
	require.NoError(t, err)
	w := world{server: server, client: client(t, address), address: address}
	w.pass = func(d time.Duration) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		clock.Advance(d)
		require.NoError(t, server.Quiet(ctx))
	}
	w.World = &gatewaytest.World{
		Collector: w.client, Inquirer: w.client, Flow: flowOf, Webhooks: webhooks(t), Inbox: inbox,
		Payer:    func(s gatewaytest.Story) (engine.Payer, bool) { p, known := payers[s]; return p, known },
		Soon:     func() { w.pass(10 * time.Second) },
		Late:     func() { w.pass(25 * time.Hour) },
		Pay:      func(page string) { decide(t, page, "pay") },
		Break:    func(op gatewaytest.Operation, trouble gatewaytest.Trouble) { breakNext(t, server, op, trouble) },
		Mend:     func() { require.NoError(t, server.Shine()) },
		Captured: func(reference string) money.Amount { return captured(t, server, reference) },
	}
	return w
}

// decide is a payer on the hosted page.
func decide(t *testing.T, page, what string) {
	t.Helper()
	browser := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	form := url.Values{"do": {what}, "mode": {"mtn_ci"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	shown, err := browser.Do(request)
	require.NoError(t, err)
	require.NoError(t, shown.Body.Close())
	require.Less(t, shown.StatusCode, 400)
}

// breakNext arranges the next call's trouble in the sandbox's words.
func breakNext(t *testing.T, server *simulated.Server, op gatewaytest.Operation, trouble gatewaytest.Trouble) {
	t.Helper()
	if trouble == gatewaytest.Dark {
		server.Refuse()
		return
	}
	fault, known := map[gatewaytest.Trouble]sandbox.Fault{
		gatewaytest.CutBefore:     {Kind: sandbox.Cut, When: sandbox.Before},
		gatewaytest.CutAfter:      {Kind: sandbox.Cut, When: sandbox.After},
		gatewaytest.ErrorBefore:   {Kind: sandbox.ErrorAnswer, When: sandbox.Before},
		gatewaytest.ErrorAfter:    {Kind: sandbox.ErrorAnswer, When: sandbox.After},
		gatewaytest.GarbledAfter:  {Kind: sandbox.Malformed, When: sandbox.After},
		gatewaytest.PageAfter:     {Kind: sandbox.HTML, When: sandbox.After},
		gatewaytest.WrongKey:      {Kind: sandbox.Unauthorized},
		gatewaytest.TooManyCalls:  {Kind: sandbox.RateLimited},
		gatewaytest.WebhooksTwice: {Kind: sandbox.WebhookDuplicates, Copies: 2},
	}[trouble]
	require.True(t, known, trouble)
	fault.Next = 1
	// A charge's trouble is its start's: the create alone takes nobody's money.
	fault.Operation = map[gatewaytest.Operation]string{gatewaytest.Charging: "charge", gatewaytest.Inquiring: "find"}[op]
	if trouble == gatewaytest.WebhooksTwice {
		fault.Operation = "transaction.approved"
	}
	require.NoError(t, server.Faults().Add(fault))
}

// captured reads the sandbox's own books: what the payer was debited, less the
// fees on top, which are between the payer and FedaPay.
func captured(t *testing.T, server *simulated.Server, reference string) money.Amount {
	t.Helper()
	books := server.Books()
	require.EqualValues(t, 1, books.Subunits)
	for _, row := range books.Payments {
		if row.Reference == reference && row.Captured > 0 {
			require.GreaterOrEqual(t, row.Captured, row.Asked)
			return money.Amount(row.Asked)
		}
	}
	return 0
}

// flowOf is where the payer of a story agrees.
func flowOf(story gatewaytest.Story) engine.Flow {
	if story == gatewaytest.OpensPage {
		return engine.Hosted
	}
	return engine.Direct
}

// chargeOf is a call for the story, under a reference of its own.
func chargeOf(story gatewaytest.Story, number int) engine.ChargeCall {
	call := chargeCall()
	call.Reference.Number, call.Payer, call.Flow = number, payers[story], flowOf(story)
	return call
}

func (w world) inquire(t *testing.T, call engine.ChargeCall, gatewayReference string) engine.ChargeReport {
	t.Helper()
	report, err := w.client.InquireCharge(t.Context(), engine.InquireCall{
		Reference: call.Reference, Gateway: engine.FedaPay, GatewayReference: gatewayReference,
	})
	require.NoError(t, err)
	return report
}

// Creating and starting are two requests, or three. Whatever is lost between them
// is found by asking, and nobody has paid without being asked.
func TestWhatIsLostBetweenTheRequestsIsFoundByAsking(t *testing.T) {
	t.Parallel()
	const (
		absent    = engine.ChargeAbsent
		onPhone   = engine.ChargeOnPhone
		redirects = engine.ChargeRedirects
	)
	for name, c := range map[string]struct {
		operation string
		when      string
		direct    engine.ChargeReportStatus
		page      engine.ChargeReportStatus
	}{
		"the create, before it was made":   {"create", sandbox.Before, absent, absent},
		"the create's answer":              {"create", sandbox.After, absent, redirects},
		"the token, before it was made":    {"token", sandbox.Before, absent, redirects},
		"the token's answer":               {"token", sandbox.After, absent, redirects},
		"the start, before it was made":    {"charge", sandbox.Before, absent, ""},
		"the start's answer":               {"charge", sandbox.After, onPhone, ""},
		"the look that confirms a refusal": {"find", sandbox.Before, absent, ""},
	} {
		for _, kind := range []sandbox.FaultKind{sandbox.Cut, sandbox.ErrorAnswer, sandbox.HTML} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				w := open(t, simulated.Guesses{NoTokenOnCreate: true})
				for story, want := range map[gatewaytest.Story]engine.ChargeReportStatus{
					gatewaytest.Approves: c.direct, gatewaytest.OpensPage: c.page,
				} {
					if want == "" {
						continue
					}
					call := chargeOf(story, 1+len(story))
					require.NoError(t, w.server.Faults().Add(sandbox.Fault{Kind: kind, When: c.when, Operation: c.operation, Next: 1}))
					if c.operation == "find" {
						require.NoError(t, w.server.Faults().Add(sandbox.Fault{Kind: sandbox.RateLimited, Operation: "charge", Next: 1}))
					}
					_, err := w.client.Charge(t.Context(), call)
					require.ErrorIs(t, err, engine.Ambiguous)
					report := w.inquire(t, call, "")
					require.Equal(t, want, report.Status)
					require.Zero(t, w.Captured(call.Reference.String()))
					if want == redirects {
						decide(t, report.URL, "pay")
					}
					w.pass(10 * time.Second)
					require.Equal(t, want != absent, w.Captured(call.Reference.String()) == call.Amount)
				}
			})
		}
	}
}

// Declined on the page is a payer's first try, on the phone it is the end.
func TestALinkCanBePaidAfterItWasDeclined(t *testing.T) {
	t.Parallel()
	w := open(t, simulated.Guesses{})
	call := chargeOf(gatewaytest.OpensPage, 1)
	report, err := w.client.Charge(t.Context(), call)
	require.NoError(t, err)
	for _, word := range []string{"decline", "cancel", "decline"} {
		decide(t, report.URL, word)
		w.pass(time.Hour)
		require.Equal(t, engine.ChargePending, w.inquire(t, call, report.GatewayReference).Status, word)
	}
	decide(t, report.URL, "pay")
	w.pass(time.Second)
	paid := w.inquire(t, call, report.GatewayReference)
	require.Equal(t, engine.ChargeSucceeded, paid.Status)
	require.Equal(t, call.Amount, paid.Amount)

	refused := chargeOf(gatewaytest.HasNoFunds, 2)
	_, err = w.client.Charge(t.Context(), refused)
	require.NoError(t, err)
	w.pass(10 * time.Second)
	require.Equal(t, engine.ChargeFailed, w.inquire(t, refused, "").Status)
}

func TestALinkIsOverAfterADayAndStillListenedTo(t *testing.T) {
	t.Parallel()
	w := open(t, simulated.Guesses{})
	call := chargeOf(gatewaytest.OpensPage, 1)
	report, err := w.client.Charge(t.Context(), call)
	require.NoError(t, err)
	w.pass(report.Window - time.Second)
	require.Equal(t, engine.ChargePending, w.inquire(t, call, report.GatewayReference).Status)
	w.pass(2 * time.Second)
	require.Equal(t, engine.ChargeAbandoned, w.inquire(t, call, report.GatewayReference).Status)
}

// FedaPay has no refund API: a person gives the money back, and it is seen.
func TestWhatAPersonGivesBackIsSeen(t *testing.T) {
	t.Parallel()
	w := open(t, simulated.Guesses{})
	call := chargeOf(gatewaytest.PaysAtOnce, 1)
	paid, err := w.client.Charge(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeSucceeded, paid.Status)
	require.NoError(t, w.server.Refund(call.Reference.String(), 5_000))
	part := w.inquire(t, call, paid.GatewayReference)
	require.Equal(t, engine.ChargeReversed, part.Status)
	require.Zero(t, part.Amount)
	require.NoError(t, w.server.Refund(call.Reference.String(), 10_000))
	whole := w.inquire(t, call, paid.GatewayReference)
	require.Equal(t, engine.ChargeReversed, whole.Status)
	require.Equal(t, call.Amount, whole.Amount)
}

// An account without a direct mode refuses it: nothing was started, and the look
// says so.
func TestAModeThatIsNotAllowedIsUnavailable(t *testing.T) {
	t.Parallel()
	w := open(t, simulated.Guesses{})
	c := client(t, strings.TrimSuffix(w.address, "/"), func(c *fedapay.Config) {
		c.Modes = map[phone.Operator]string{phone.MTN: "mtn_open_ci"}
	})
	call := chargeOf(gatewaytest.Approves, 1)
	_, err := c.Charge(t.Context(), call)
	require.ErrorIs(t, err, engine.Unavailable)
	require.Equal(t, engine.CodeGatewayDeclined, engine.CodeOf(err))
	w.pass(time.Hour)
	require.Zero(t, w.Captured(call.Reference.String()))
}
