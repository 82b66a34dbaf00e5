package paystack_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// A figure that two readers would read differently is no fact, whoever signed it.
var figuresInDoubt = map[string][2]string{ // what stands there, and what is put there
	"two amounts":              {`"amount":1500000`, `"amount":100,"amount":1500000`},
	"two amounts, one a list":  {`"amount":1500000`, `"amount":[100],"amount":1500000`},
	"two equal amounts":        {`"amount":1500000`, `"amount":1500000,"amount":1500000`},
	"an amount in capitals":    {`"amount":`, `"AMOUNT":`},
	"and another in capitals":  {`"amount":1500000`, `"AMOUNT":100,"amount":1500000`},
	"an amount in an escape":   {`"amount":1500000`, `"\u0061mount":100,"amount":1500000`},
	"an amount with a sign":    {`"amount":1500000`, `"amount":"+1500000"`},
	"an amount below nothing":  {`"amount":1500000`, `"amount":-1500000`},
	"zeros in front":           {`"amount":1500000`, `"amount":"0001500000"`},
	"digits spelled otherwise": {`"amount":1500000`, `"amount":"\u0031500000"`},
	"spaces around":            {`"amount":1500000`, `"amount":" 1500000"`},
	"an exponent":              {`"amount":1500000`, `"amount":15e5`},
	"two currencies":           {`"currency":"XOF"`, `"currency":"NGN","currency":"XOF"`},
	"a currency in capitals":   {`"currency":"XOF"`, `"Currency":"XOF"`},
	"two domains":              {`"domain":"test"`, `"domain":"live","domain":"test"`},
	"two statuses":             {`"status":"success"`, `"status":"failed","status":"success"`},
	"a status that looks so":   {`"status":"success"`, `"status":"failed","ſtatus":"success"`},
	"two references":           {`"reference":"`, `"reference":"somebody-else","reference":"`},
	"another's data before":    {`"data":{`, `"data":{"amount":100},"data":{`},
}

func TestAFigureInDoubtIsAReasonToAsk(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	for name, change := range figuresInDoubt {
		for _, body := range []string{
			string(forged.ChargeSuccess(chargeRef.String(), 1_500_000).Delivery().Body),
			string(forged.TransferSuccess(payoutRef.String(), 1_500_000).Delivery().Body),
			string(forged.Refund("failed", chargeRef.String(), 1_500_000).With("status", "failed").Delivery().Body),
		} {
			changed := strings.Replace(body, change[0], change[1], 1)
			if changed == body {
				continue // a refund has no such status or reference
			}
			n, err := w.Parse(delivered([]byte(changed)))
			require.NoError(t, err, "%s: %s", name, changed)
			require.True(t, n.Stale, "%s: %s", name, changed)
			again, err := w.Parse(n.Delivery)
			require.NoError(t, err, name)
			require.Equal(t, n, again, "what is kept of it is no plainer: %s", name)
		}
	}
	twice := strings.Replace(string(forged.ChargeFailed(chargeRef.String(), 1_500_000, "no").Delivery().Body),
		`"event":`, `"event":"charge.failed","event":"charge.success","x":`, 1)
	n, err := w.Parse(delivered([]byte(strings.Replace(twice, `"status":"failed"`, `"status":"success"`, 1))))
	require.NoError(t, err)
	require.True(t, n.Stale, "two kinds are none")
}

func TestWhatNobodyReadsMayComeAsItLikes(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string]string{
		"a name twice": `"unheard_of":1,"unheard_of":2,`, "in two cases": `"paidAt":1,"paidat":2,"PAIDAT":3,`,
		"in something else": `"metadata":{"amount":1,"AMOUNT":2,"status":{},"status":{}},`,
		"cut in the middle": `"customer":{"first_name":"Awa \ud83d"},`,
		"camels":            `"dueAt":null,"resolvedAt":null,`,
	} {
		body := strings.Replace(string(forged.ChargeSuccess(chargeRef.String(), 1_500_000).Delivery().Body), `"data":{`, `"data":{`+extra, 1)
		n, err := webhooks(t).Parse(delivered([]byte(body)))
		require.NoError(t, err, name)
		require.False(t, n.Stale, name)
		require.Equal(t, engine.ChargeSucceeded, n.Charge.Status, name)
		require.NotContains(t, string(n.Delivery.Body), "Awa", name)
	}
}

func TestAnAnswerInDoubtIsUnreadable(t *testing.T) {
	t.Parallel()
	verified := about(t, "constructed.transaction.verify.response.xof_success", chargeRef,
		map[string]any{"amount": 1_500_000, "domain": "test"})
	r := answering(t, map[string]reply{verifyPath: {200, verified}})
	got, err := client(t, r.URL).InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef})
	require.NoError(t, err)
	require.Equal(t, engine.ChargeSucceeded, got.Status)

	changes := map[string][2]string{
		"the frame's status twice": {`"status":true`, `"status":false,"status":true`},
		"the frame in capitals":    {`"data":{`, `"DATA":{},"data":{`},
	}
	for name, change := range figuresInDoubt {
		changes[name] = change
	}
	for name, change := range changes {
		changed := strings.Replace(verified, change[0], change[1], 1)
		require.NotEqual(t, verified, changed, name)
		r := answering(t, map[string]reply{verifyPath: {200, changed}})
		got, err := client(t, r.URL).InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef})
		require.ErrorIs(t, err, engine.Ambiguous, name)
		require.Equal(t, engine.CodeGatewayUnreadable, engine.CodeOf(err), name)
		require.Empty(t, got, name)
	}
}

// A refusal opens the way to another gateway, so it is read no less strictly.
func TestARefusalInDoubtProvesNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"status":true,"status":false,"message":"Email is required"}`, `{"Status":false,"message":"Email is required"}`,
		`{"status":false,"message":"Duplicate Transaction Reference","message":"Email is required"}`,
		`{"status":false,"code":"unknown","Code":"x","message":"Email is required"}`,
	} {
		r := answering(t, map[string]reply{"/charge": {400, body}})
		_, err := client(t, r.URL).Charge(t.Context(), chargeCall())
		require.ErrorIs(t, err, engine.Ambiguous, body)
	}
}

// A list is searched by what its rows say, so each of them is read strictly.
func TestARowInDoubtMakesAListUnreadable(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`{"code":"MTN_CI","code":"WAVE_CI"}`, `{"Code":"MTN_CI"}`, `{"active":true},{"active":false,"Active":true}`} {
		r := answering(t, map[string]reply{"/bank": {200, `{"status":true,"message":"Banks retrieved","data":[` + row + `]}`}})
		err := client(t, r.URL).Probe(t.Context())
		require.ErrorIs(t, err, engine.Ambiguous, row)
		require.Equal(t, engine.CodeGatewayUnreadable, engine.CodeOf(err), row)
	}
}
