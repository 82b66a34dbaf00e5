package fedapay_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// A figure that two readers would read differently is no fact, whoever signed it.
var figuresInDoubt = map[string][2]string{ // what stands there, and what is put there
	"two amounts":              {`"amount":15000`, `"amount":100,"amount":15000`},
	"two amounts, one a list":  {`"amount":15000`, `"amount":[100],"amount":15000`},
	"two equal amounts":        {`"amount":15000`, `"amount":15000,"amount":15000`},
	"an amount in capitals":    {`"amount":15000`, `"AMOUNT":15000`},
	"and another in capitals":  {`"amount":15000`, `"AMOUNT":100,"amount":15000`},
	"an amount in an escape":   {`"amount":15000`, `"\u0061mount":100,"amount":15000`},
	"an amount with a sign":    {`"amount":15000`, `"amount":"+15000"`},
	"an amount below nothing":  {`"amount":15000`, `"amount":-15000`},
	"zeros in front":           {`"amount":15000`, `"amount":"00015000"`},
	"zeros in front, decimals": {`"amount":15000`, `"amount":"00015000.0"`},
	"digits spelled otherwise": {`"amount":15000`, `"amount":"\u0031500"`},
	"an exponent":              {`"amount":15000`, `"amount":15e3`},
	"two currencies":           {`"iso":"XOF"`, `"iso":"NGN","iso":"XOF"`},
	"a currency in capitals":   {`"iso":"XOF"`, `"Iso":"XOF"`},
	"two statuses":             {`"status":"approved"`, `"status":"declined","status":"approved"`},
	"a status that looks so":   {`"status":"approved"`, `"status":"declined","ſtatus":"approved"`},
	"two references":           {`"merchant_reference":"`, `"merchant_reference":"somebody-else","merchant_reference":"`},
	"two flows":                {`"flow":"`, `"flow":"page","flow":"`},
}

func TestAFigureInDoubtIsAReasonToAsk(t *testing.T) {
	t.Parallel()
	w := webhooks(t)
	body := string(forged.Approved(chargeRef.String(), 15_000).With("custom_metadata", direct).Delivery().Body)
	changes := map[string][2]string{
		"two kinds":    {`"name":"transaction.`, `"name":"transaction.declined","name":"transaction.`},
		"two entities": {`"entity":{`, `"entity":{"amount":100},"entity":{`},
	}
	for name, change := range figuresInDoubt {
		changes[name] = change
	}
	for name, change := range changes {
		changed := strings.Replace(body, change[0], change[1], 1)
		require.NotEqual(t, body, changed, name)
		d := forged.Approved(chargeRef.String(), 15_000).Delivery()
		d.Body = []byte(changed)
		n, err := w.Parse(arrived(d))
		require.NoError(t, err, "%s: %s", name, changed)
		require.True(t, n.Stale, "%s: %s", name, changed)
		again, err := w.Parse(n.Delivery)
		require.NoError(t, err, name)
		require.Equal(t, n, again, "what is kept of it is no plainer: %s", name)
	}
}

func TestWhatNobodyReadsMayComeAsItLikes(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string]string{
		"a name twice": `"unheard_of":1,"unheard_of":2,`, "in something else": `"metadata":{"amount":1,"AMOUNT":2},`,
		"cut in the middle": `"customer":{"firstname":"Awa \ud83d"},`,
	} {
		d := forged.Approved(chargeRef.String(), 15_000).Delivery()
		d.Body = []byte(strings.Replace(string(d.Body), `"entity":{`, `"entity":{`+extra, 1))
		n, err := webhooks(t).Parse(arrived(d))
		require.NoError(t, err, name)
		require.False(t, n.Stale, name)
		require.Equal(t, engine.ChargeSucceeded, n.Charge.Status, name)
		require.NotContains(t, string(n.Delivery.Body), "Awa", name)
	}
}

func TestAnAnswerInDoubtIsUnreadable(t *testing.T) {
	t.Parallel()
	body := about(t, "transaction_get_approved.response", map[string]any{"currency": map[string]any{"iso": "XOF"}})
	read := func(body string) (engine.ChargeReport, error) {
		r := answering(t, map[string]reply{findPath: {200, body}})
		return client(t, r.URL).InquireCharge(t.Context(), unanswered)
	}
	got, err := read(body)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeSucceeded, got.Status)

	changes := map[string][2]string{"two transactions": {`"v1/transaction":`, `"v1/transaction":{},"v1/transaction":`}}
	for name, change := range figuresInDoubt {
		changes[name] = change
	}
	for name, change := range changes {
		changed := strings.Replace(body, change[0], change[1], 1)
		require.NotEqual(t, body, changed, name)
		got, err := read(changed)
		require.ErrorIs(t, err, engine.Ambiguous, name)
		require.Equal(t, engine.CodeGatewayUnreadable, engine.CodeOf(err), name)
		require.Empty(t, got, name)
	}
}
