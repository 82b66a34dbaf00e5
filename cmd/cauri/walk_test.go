package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
	"github.com/bookmi/cauri/sandbox"
	"github.com/bookmi/cauri/sandbox/paystack"
)

// platform is the whole program with a simulated gateway, seen from outside: by
// its API and by what the gateway's books say.
type platform struct {
	*app
	gateway *paystack.Server
	dsn     string
	base    string
}

func startPlatform(t *testing.T, faults ...sandbox.Fault) *platform {
	t.Helper()
	p := &platform{dsn: pgtest.DSN(t, pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
		return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
	}})}
	p.gateway = paystack.New(paystack.Config{
		SecretKeys: []string{developmentPaystackKey}, Float: 100_000_000, Faults: faults,
		Timings: paystack.Timings{
			Approve: 50 * time.Millisecond, Window: 3 * time.Second, TransferSent: 50 * time.Millisecond, Hidden: 2 * time.Second,
			TransferTurns: 200 * time.Millisecond,
		},
	})
	require.NoError(t, p.gateway.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, p.gateway.Stop(context.Background())) })
	var err error
	p.base, err = p.gateway.Listen("127.0.0.1:0")
	require.NoError(t, err)
	p.app = p.node(t)
	p.gateway.PointWebhooksAt(p.url() + "/webhooks/paystack")
	return p
}

// node starts another engine on the same database.
func (p *platform) node(t *testing.T, change ...func(*Settings)) *app {
	t.Helper()
	settings := testSettings(p.dsn, p.base, "127.0.0.1:0", "127.0.0.1:0")
	for _, c := range change {
		c(&settings)
	}
	node := newApp(settings, impatient(settings.policy()), p.dsn, slog.New(slog.DiscardHandler))
	var running lifecycle.Group
	require.NoError(t, node.start(t.Context(), &running))
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })
	return node
}

// told is an answer of the API.
type told struct {
	status int
	body   map[string]any
	raw    string
}

// at reads a field by its path: payout.status.
func (r told) at(path string) any {
	var v any = r.body
	for part := range strings.SplitSeq(path, ".") {
		m, is := v.(map[string]any)
		if !is {
			return nil
		}
		v = m[part]
	}
	return v
}

var keys struct {
	sync.Mutex
	n int
}

func nextKey() string {
	keys.Lock()
	defer keys.Unlock()
	keys.n++
	return fmt.Sprintf("key-%d", keys.n)
}

func (p *platform) call(t *testing.T, method, path, body string, headers ...string) told {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.url()+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+developmentAPIKey)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", nextKey())
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }() // read to the end
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	out := told{status: response.StatusCode, raw: string(raw)}
	_ = json.Unmarshal(raw, &out.body) // what is no JSON has no fields: the assertions show it
	return out
}

func (p *platform) initiate(t *testing.T, booking, operator, number string, more ...string) told {
	t.Helper()
	const body = `{"booking_id":%q,"talent_id":"T1","amount":50000,"currency":"XOF","method":"mobile_money",` +
		`"operator":%q,"phone":%q,%s"email":"a@example.ci"}`
	return p.call(t, http.MethodPost, "/v1/payments/initiate", fmt.Sprintf(body, booking, operator, number, strings.Join(more, "")))
}

func (p *platform) wallet(t *testing.T, operator, number string) {
	t.Helper()
	set := p.call(t, http.MethodPut, "/v1/talents/T1/wallet", fmt.Sprintf(`{"operator":%q,"phone":%q,"name":"Awa"}`, operator, number))
	require.Equal(t, 200, set.status, set.raw)
}

// becomes waits until a field of the payment has the value.
func (p *platform) becomes(t *testing.T, id any, path string, want any) told {
	t.Helper()
	var last told
	require.Eventually(t, func() bool {
		last = p.call(t, http.MethodGet, fmt.Sprintf("/v1/payments/%s", id), "")
		return last.at(path) == want
	}, 20*time.Second, 30*time.Millisecond, "%s becomes %v", path, want)
	return last
}

// sound holds the books against the invariants and the gateway's own, once the
// gateway's payers have done what they are still about to do.
func (p *platform) sound(t *testing.T) {
	t.Helper()
	d := demo{first: p.gateway, engine: p.app}
	var found *checked
	require.Eventually(t, func() bool {
		var err error
		found, err = d.check(t.Context())
		return err == nil && len(found.broken) == 0
	}, 10*time.Second, 100*time.Millisecond, "the books agree")
	require.Positive(t, found.references)
}

func TestAnOrangePaymentIsTypedHeldConfirmedAndPaidOut(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.wallet(t, "orange", "0700000101")
	begun := p.initiate(t, "B1", "orange", "0700000000")
	require.Equal(t, 202, begun.status, begun.raw)
	require.Equal(t, "processing", begun.at("status"))
	require.Equal(t, "submit_otp", begun.at("next_action.type"))
	require.NotEmpty(t, begun.at("display_text"))
	require.Positive(t, begun.at("poll_after_ms"))
	id := begun.at("id")

	wrong := p.call(t, http.MethodPost, "/v1/payments/submit_otp", fmt.Sprintf(`{"payment_id":%q,"otp":"9999"}`, id))
	require.Equal(t, 202, wrong.status, wrong.raw)
	require.Equal(t, "submit_otp", wrong.at("next_action.type"), "a wrong code asks again")
	require.Equal(t, "processing", wrong.at("status"))
	right := p.call(t, http.MethodPost, "/v1/payments/submit_otp", fmt.Sprintf(`{"payment_id":%q,"otp":%q}`, id, sandboxOTP))
	require.Equal(t, 202, right.status, right.raw)

	held := p.becomes(t, id, "status", "succeeded")
	require.Equal(t, "held", held.at("hold.status"))
	require.InDelta(t, 7_500, held.at("hold.commission"), 0)
	balance := p.call(t, http.MethodGet, "/v1/talents/T1/balance", "")
	require.InDelta(t, 42_500, balance.at("pending_release"), 0)

	confirmed := p.call(t, http.MethodPost, "/v1/booking_requests/B1/confirm_delivery", "")
	require.Equal(t, 200, confirmed.status, confirmed.raw)
	require.Equal(t, "released", confirmed.at("hold.status"))
	paid := p.becomes(t, id, "payout.status", "paid")
	require.NotEmpty(t, paid.at("timeline"))
	balance = p.call(t, http.MethodGet, "/v1/talents/T1/balance", "")
	require.InDelta(t, 0, balance.at("available"), 0)
	require.InDelta(t, 42_500, balance.at("paid_this_month"), 0)
	require.InDelta(t, 0, balance.at("pending_release"), 0)
	p.sound(t)
}

func TestEachFlowFollowsTheGatewaysAnswer(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	for name, c := range map[string]struct{ operator, number, next string }{
		"MTN approves on the phone":          {"mtn", "0500001000", "approve_on_phone"},
		"Wave opens a link":                  {"wave", "0100001000", "redirect"},
		"Orange, though it usually asks":     {"orange", "0700000028", "approve_on_phone"},
		"MTN, though it usually does not":    {"mtn", "0500000027", "submit_otp"},
		"pending, and nothing to do but so":  {"mtn", "0500000023", "none"},
		"a link, whatever the operator does": {"orange", "0700000024", "redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			begun := p.initiate(t, "flow-"+c.number, c.operator, c.number)
			require.Equal(t, 202, begun.status, begun.raw)
			require.Equal(t, c.next, begun.at("next_action.type"), begun.raw)
			if c.next == "redirect" {
				require.NotEmpty(t, begun.at("next_action.redirect_url"))
			}
			if c.next != "submit_otp" {
				p.becomes(t, begun.at("id"), "status", "succeeded")
			}
		})
	}
}

func TestMoovIsTurnedAwayInFrenchNamingWhoWorks(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	no := p.initiate(t, "B1", "moov", "0100000000")
	require.Equal(t, 422, no.status)
	require.Equal(t, "operator_unavailable", no.at("code"))
	for _, name := range []string{"Orange Money", "MTN MoMo", "Wave"} {
		require.Contains(t, no.at("display_text"), name)
	}
	require.Equal(t, 404, p.call(t, http.MethodPost, "/v1/booking_requests/B1/confirm_delivery", "").status, "nothing was stored")
}

func TestFailuresAreLearntByAskingBecauseNoWebhookComes(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	poor := p.initiate(t, "B1", "mtn", "0500000010")
	silent := p.initiate(t, "B2", "mtn", "0500000020")
	mute := p.initiate(t, "B3", "mtn", "0500000030")
	require.Equal(t, "insufficient_funds", p.becomes(t, poor.at("id"), "status", "failed").at("code"))
	p.becomes(t, mute.at("id"), "status", "succeeded")
	p.becomes(t, silent.at("id"), "status", "expired")
	again := p.initiate(t, "B2", "mtn", "0500001000")
	require.Equal(t, 202, again.status, "the booking may be paid again: %s", again.raw)
	p.becomes(t, again.at("id"), "status", "succeeded")
	p.sound(t)
}

func TestTimeReleasesAndAPayoutWaitsForItsWallet(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	late := time.Now().Add(-48*time.Hour + 2*time.Second).UTC().Format(time.RFC3339)
	begun := p.initiate(t, "B1", "mtn", "0500001000", `"delivery_due_at":"`+late+`",`)
	require.Equal(t, 202, begun.status, begun.raw)
	waiting := p.becomes(t, begun.at("id"), "payout.waiting", "wallet_missing")
	require.Equal(t, "due", waiting.at("payout.status"))
	require.Equal(t, "time", waiting.at("hold.released_by"))
	balance := p.call(t, http.MethodGet, "/v1/talents/T1/balance", "")
	require.InDelta(t, 42_500, balance.at("available"), 0)
	p.wallet(t, "wave", "0700000101")
	p.becomes(t, begun.at("id"), "payout.status", "paid")
	p.sound(t)
}

func TestAPayoutWhoseAnswerIsLostIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	p := startPlatform(t,
		sandbox.Fault{Kind: sandbox.Cut, Operation: "transfer", When: sandbox.After, Next: 1},
		sandbox.Fault{Kind: sandbox.WebhookLoss, Operation: "transfer.success", Next: 1})
	p.wallet(t, "orange", "0700000101")
	begun := p.initiate(t, "B1", "mtn", "0500001000")
	p.becomes(t, begun.at("id"), "status", "succeeded")
	p.call(t, http.MethodPost, "/v1/booking_requests/B1/confirm_delivery", "")
	p.becomes(t, begun.at("id"), "payout.status", "paid")
	require.Len(t, p.gateway.Books().Transfers, 1)
	p.sound(t)
}

func TestARefusedWalletWaitsForAnotherOne(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.wallet(t, "orange", "0700000049") // refused in the answer: nothing is created
	begun := p.initiate(t, "B1", "mtn", "0500001000")
	p.becomes(t, begun.at("id"), "status", "succeeded")
	p.call(t, http.MethodPost, "/v1/booking_requests/B1/confirm_delivery", "")
	p.becomes(t, begun.at("id"), "payout.status", "failed")
	p.wallet(t, "mtn", "0500000102")
	paid := p.becomes(t, begun.at("id"), "payout.status", "paid")
	require.Contains(t, paid.at("payout.reference"), "-p2", "a new try has a new reference")
	p.sound(t)
}

func TestWhatNobodyKnowsIsKeptListedAndTriedAgain(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	unknown := engine.Reference{Transaction: freshID(), Kind: engine.ChargeReference, Number: 1}
	event := forge.Paystack(secret.New(developmentPaystackKey)).ChargeSuccess(unknown.String(), 50_000*100).Delivery()
	kept := p.call(t, http.MethodPost, "/webhooks/paystack", string(event.Body), event.Header, event.Signatures[0])
	require.Equal(t, 200, kept.status, kept.raw)

	code, out, errs := run(t, "webhook", "list", "--json", "--database-url", p.dsn)
	require.Zero(t, code, errs)
	var listed []persistence.Kept
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Len(t, listed, 1)
	require.Equal(t, "waiting", listed[0].Status)
	code, out, errs = run(t, "webhook", "replay", string(listed[0].Identity), "--reason=a test's", "--database-url", p.dsn)
	require.Zero(t, code, errs)
	require.Contains(t, out, "tried again")
	code, _, _ = run(t, "webhook", "replay", "paystack/nobody", "--reason=a test's", "--database-url", p.dsn)
	require.NotZero(t, code)
}

// DT-401: real concurrency, from many connections, on two nodes at once.
func TestAStormOfOneWebhookOnTwoNodesHasOneEffect(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, sandbox.Fault{Kind: sandbox.WebhookLoss, Operation: "charge.success", PerMille: 1000})
	nodes := []string{p.url(), p.node(t).url()}
	const payments, copies = 20, 64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: copies, MaxConnsPerHost: copies}}
	defer client.CloseIdleConnections()
	for n := range payments {
		begun := p.initiate(t, fmt.Sprintf("storm-%d", n), "mtn", fmt.Sprintf("05%08d", 11_000+n))
		require.Equal(t, 202, begun.status, begun.raw)
		reference, err := engine.ParseReference(begun.at("reference").(string))
		require.NoError(t, err)
		event := forge.Paystack(secret.New(developmentPaystackKey)).ChargeSuccess(reference.String(), 50_000*100).Delivery()
		statuses := make(chan int, copies)
		var gate, done sync.WaitGroup
		gate.Add(1)
		for c := range copies {
			done.Go(func() {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, nodes[c%2]+"/webhooks/paystack", bytes.NewReader(event.Body))
				if err != nil {
					return
				}
				request.Header.Set(event.Header, event.Signatures[0])
				gate.Wait()
				response, err := client.Do(request)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				statuses <- response.StatusCode
			})
		}
		gate.Done()
		done.Wait()
		close(statuses)
		answered := 0
		for status := range statuses {
			require.Equal(t, 200, status)
			answered++
		}
		require.Equal(t, copies, answered)
	}
	window, err := pgxpool.New(t.Context(), p.dsn)
	require.NoError(t, err)
	defer window.Close()
	for what, query := range map[string]string{
		"holds": "SELECT count(*) FROM holds", "payment.received": "SELECT count(*) FROM outbox WHERE kind = 'payment.received'",
		"journals": "SELECT count(*) FROM journals WHERE kind = 'charge.kept'",
	} {
		var n int
		require.NoError(t, window.QueryRow(t.Context(), query).Scan(&n))
		require.Equal(t, payments, n, what)
	}
	p.sound(t)
}
