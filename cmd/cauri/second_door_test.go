package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/sandbox/fedapay"
)

// openSecondDoor starts a simulated FedaPay and, on the platform's database, an
// engine that knows it, which the platform is from here on.
func (p *platform) openSecondDoor(t *testing.T) *fedapay.Server {
	t.Helper()
	second := fedapay.New(fedapay.Config{
		SecretKeys: []string{developmentFedaPayKey}, WebhookSecrets: []string{developmentFedaPayWebhook}, KeepEnabled: true,
		Direct: map[string][]string{"sandbox": {"mtn_ci"}}, Hosted: []string{"moov_ci", "stripe_gw"},
		Timings: fedapay.Timings{Approve: 50 * time.Millisecond, Window: 3 * time.Second},
	})
	require.NoError(t, second.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, second.Stop(context.Background())) })
	base, err := second.Listen("127.0.0.1:0")
	require.NoError(t, err)
	settings := testSettings(p.dsn, p.base, "127.0.0.1:0", "127.0.0.1:0")
	settings.FedaPayBaseURL, settings.FedaPaySecretKey = base, secret.New(developmentFedaPayKey)
	settings.FedaPayWebhookSecrets = []secret.Secret{secret.New(developmentFedaPayWebhook)}
	settings.ReturnURL = "http://127.0.0.1:8080/return/{payment}"
	p.app = newApp(settings, impatient(settings.policy()), p.dsn, slog.New(slog.DiscardHandler))
	var running lifecycle.Group
	require.NoError(t, p.app.start(t.Context(), &running))
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })
	p.gateway.PointWebhooksAt(p.url() + "/webhooks/paystack")
	second.PointWebhooksAt(p.url() + "/webhooks/fedapay")
	return second
}

// payOn is what a payer does on a gateway's page; where it sends them is the answer.
func payOn(t *testing.T, page any, how url.Values) string {
	t.Helper()
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer stay.CloseIdleConnections()
	response, err := stay.PostForm(page.(string), how)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.Header.Get("Location")
}

func TestMoovPaysOnFedaPaysPage(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	second := p.openSecondDoor(t)
	begun := p.initiate(t, "B1", "moov", "0100001000")
	require.Equal(t, 202, begun.status, begun.raw)
	require.Equal(t, "redirect", begun.at("next_action.type"), begun.raw)
	back := payOn(t, begun.at("next_action.redirect_url"), url.Values{"do": {"pay"}, "mode": {"moov_ci"}})
	require.Contains(t, back, "/return/"+begun.at("id").(string))
	paid := p.becomes(t, begun.at("id"), "status", "succeeded")
	require.Equal(t, "held", paid.at("hold.status"))
	require.Len(t, second.Books().Payments, 1)
	require.Empty(t, p.gateway.Books().Payments, "Paystack does not serve Moov, and is not asked")
}

func TestACardIsPaidOnPaystacksPage(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.openSecondDoor(t)
	begun := p.call(t, http.MethodPost, "/v1/payments/initiate",
		`{"booking_id":"B1","talent_id":"T1","amount":50000,"currency":"XOF","method":"card","email":"a@example.ci"}`)
	require.Equal(t, 202, begun.status, begun.raw)
	require.Equal(t, "redirect", begun.at("next_action.type"), begun.raw)
	payOn(t, begun.at("next_action.redirect_url"), url.Values{"do": {"pay"}})
	p.becomes(t, begun.at("id"), "status", "succeeded")
	p.sound(t)
}

func TestWhileThePaystackBreakerIsOpenMTNPaysThroughFedaPayAndPaystackHearsNothing(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	second := p.openSecondDoor(t)
	code, _, errs := run(t, "gateways", "force", "paystack", "collect", "open", "--reason", "maintenance", "--as", "awa",
		"--database-url", p.dsn)
	require.Zero(t, code, errs)
	require.Eventually(t, func() bool { return len(p.outside.breakers.Resting()) == 1 }, 10*time.Second, 20*time.Millisecond)
	begun := p.initiate(t, "B1", "mtn", "0500001000")
	require.Equal(t, 202, begun.status, begun.raw)
	paid := p.becomes(t, begun.at("id"), "status", "succeeded")
	require.Len(t, paid.at("attempts"), 1)
	require.Len(t, second.Books().Payments, 1)
	require.Empty(t, p.gateway.Books().Payments)
}

func TestWhatACancelledPaymentTakesAtFedaPayIsForPeopleToGiveBack(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.openSecondDoor(t)
	begun := p.initiate(t, "B1", "moov", "0100001000")
	require.Equal(t, 202, begun.status, begun.raw)
	cancelled := p.call(t, http.MethodPost, "/v1/payments/"+begun.at("id").(string)+"/cancel", "")
	require.Equal(t, 200, cancelled.status, cancelled.raw)
	payOn(t, begun.at("next_action.redirect_url"), url.Values{"do": {"pay"}, "mode": {"moov_ci"}})
	var owed told
	require.Eventually(t, func() bool {
		owed = p.call(t, http.MethodGet, "/v1/payments/"+begun.at("id").(string), "")
		return owed.at("refund_due") != nil
	}, 20*time.Second, 30*time.Millisecond)
	require.Equal(t, "cancelled", owed.at("status"))
	code, out, errs := run(t, "refunds", "--database-url", p.dsn)
	require.Zero(t, code, errs)
	for _, part := range []string{begun.at("id").(string), "50 000 F", string(engine.FedaPay)} {
		require.Contains(t, out, part)
	}
}
