package paystack_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/paystack"
	simulated "github.com/bookmi/cauri/sandbox/paystack"
)

func TestAProbeIsNilOnlyWhenPaystackTakesUs(t *testing.T) {
	t.Parallel()
	one := `{"status":true,"message":"Banks retrieved","data":[{"name":"Orange Côte d'Ivoire","code":"ORANGE_CI","active":true}]}`
	const notAllowed = `{"status":false,"message":"Not allowed"}`
	for name, c := range map[string]struct {
		act  func() *rogue
		kind engine.Kind
	}{
		"there":     {func() *rogue { return answering(t, map[string]reply{"/bank": {200, one}}) }, ""},
		"wrong key": {func() *rogue { return answering(t, map[string]reply{"/bank": {401, ""}}) }, engine.Unavailable},
		"broken":    {func() *rogue { return answering(t, nil) }, engine.Ambiguous},
		"silent":    {func() *rogue { return misbehave(t, hangs) }, engine.Ambiguous},
		"forbidden": {func() *rogue {
			return answering(t, map[string]reply{"/bank": {403, notAllowed}})
		}, engine.Unavailable},
		"a wall": {func() *rogue { return answering(t, map[string]reply{"/bank": {403, `<html>`}}) }, engine.Ambiguous},
	} {
		err := client(t, c.act().URL, func(c *paystack.Config) { c.Timeout = 300 * time.Millisecond }).Probe(t.Context())
		if c.kind == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, c.kind, name)
	}
	r := answering(t, map[string]reply{"/bank": {200, one}})
	missing, err := client(t, r.URL).Offers(t.Context(), engine.DefaultRoutes())
	require.NoError(t, err)
	require.Equal(t, []string{
		`Paystack does not list "MTN_CI": payouts to MTN MoMo will be refused`,
		`Paystack does not list "WAVE_CI": payouts to Wave will be refused`,
	}, missing)

	routes := engine.DefaultRoutes()
	for i := range routes {
		if routes[i].Direction == engine.Disburse && routes[i].Operator == phone.MTN {
			routes[i].Off = "switched off"
		}
	}
	missing, err = client(t, r.URL).Offers(t.Context(), routes)
	require.NoError(t, err)
	require.Equal(t, []string{`Paystack does not list "WAVE_CI": payouts to Wave will be refused`}, missing, "nobody is paid on MTN")
	asked := len(r.Requests())
	missing, err = client(t, r.URL).Offers(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Len(t, r.Requests(), asked, "nobody is paid at all: nothing to compare")
}

// The sandbox's list is the one that others have seen.
func TestASimulatedPaystackIsThereAndOffersWhatWeUse(t *testing.T) {
	t.Parallel()
	c := world(t, simulated.Guesses{}).client
	require.NoError(t, c.Probe(t.Context()))
	missing, err := c.Offers(t.Context(), engine.DefaultRoutes())
	require.NoError(t, err)
	require.Empty(t, missing)
}

func TestWhatIsAskedOfTheBanksListIsWhatTheDocumentsSay(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{"/bank": {200, `{"status":true,"message":"Banks retrieved","data":[
		{"code":"ORANGE_CI","active":true},{"code":"MTN_CI","active":false},{"code":"WAVE_CI","active":true,"is_deleted":true}]}`}})
	c := client(t, r.URL)
	require.NoError(t, c.Probe(t.Context()))
	missing, err := c.Offers(t.Context(), engine.DefaultRoutes())
	require.NoError(t, err)
	require.Len(t, missing, 2, "one that is not active, or deleted, is not offered")
	require.Equal(t, "currency=XOF&type=mobile_money&perPage=1", r.Requests()[0].Query)
	require.Equal(t, "currency=XOF&type=mobile_money&perPage=100", r.Requests()[1].Query)
}

func TestACallIsCountedByItsRequests(t *testing.T) {
	t.Parallel()
	c := client(t, "http://127.0.0.1:1")
	for call, want := range map[engine.Effect]int{
		engine.ChargeCall{}: 1, engine.OTPCall{}: 1, engine.RefundCall{}: 1,
		engine.PayoutCall{}: 2, engine.PayoutCall{Recipient: "RCP_1"}: 1,
		engine.InquireCall{Reference: engine.Reference{Kind: engine.ChargeReference}}: 2,
		engine.InquireCall{Reference: engine.Reference{Kind: engine.PayoutReference}}: 1,
		engine.InquireCall{Reference: engine.Reference{Kind: engine.RefundReference}}: 3,
	} {
		require.Equal(t, want, c.Requests(call), "%T %v", call, call)
	}
}
