package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/persistence"
)

// introduce says where everything is and what to try, in lines to copy.
func (d *demo) introduce(to streams) {
	api, key := d.engine.url(), d.engine.settings.APIKey.Reveal()
	where, tools := "DATABASE_URL", ""
	if d.database.private != nil {
		where = d.database.private.DataDir + "  (" + d.database.private.URL + ")"
		tools = "\n  tools      export CAURI_API_URL=" + api + " DATABASE_URL='" + d.database.dsn + "'"
	}
	to.printf(`
Cauri is running, %s after you asked.
  API        %s   (%s/docs)
  health     %s/readyz   %s/metrics
  gateways   %s   simulated Paystack: /sandbox/books, /sandbox/numbers
             %s   simulated FedaPay: the same
  data       %s%s
  log        %s

Pay for a booking (Orange asks for a code; it is %s):
  curl -s %s/v1/payments/initiate -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $RANDOM$RANDOM" -d '{"booking_id":"my-booking","talent_id":"awa-kouassi","amount":25000,"currency":"XOF",
    "method":"mobile_money","operator":"orange","phone":"0700000000","email":"you@example.ci"}'
Type the code within %s (put the id of the answer in place of pay_…):
  curl -s %s/v1/payments/submit_otp -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $RANDOM$RANDOM" -d '{"payment_id":"pay_…","otp":"%s"}'
Say that the performance happened; the talent is paid a moment later:
  curl -s -X POST %s/v1/booking_requests/my-booking/confirm_delivery -H 'Authorization: Bearer %s' -H "Idempotency-Key: $RANDOM$RANDOM"
And look: curl -s %s/v1/payments/pay_… -H 'Authorization: Bearer %s'     Ctrl-C stops everything.

`, time.Since(d.began).Round(10*time.Millisecond), api, api, d.engine.adminURL(), d.engine.adminURL(),
		d.engine.settings.PaystackBaseURL, d.engine.settings.FedaPayBaseURL, where, tools, d.logFile,
		sandboxOTP, api, key, d.engine.policy.PromptWindow, api, key, sandboxOTP, api, key, api, key)
}

// lookEvery is how often the status line is refreshed on a terminal; elsewhere a
// line is written more rarely, so that a log stays readable.
const (
	lookEvery     = time.Second
	lookEveryFile = 5 * time.Second
)

// narrate keeps one line up to date until ctx ends.
func (d *demo) narrate(ctx context.Context, to streams) {
	terminal := isTerminal(to)
	every := lookEveryFile
	if terminal {
		every = lookEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	first := d.payers.First()
	for {
		select {
		case <-ctx.Done():
			if terminal {
				to.printf("\n")
			}
			return
		case <-first:
			to.printf("first payment held %s after the start\n", time.Since(d.began).Round(10*time.Millisecond))
			first = nil
			continue
		case <-d.database.died():
			to.printf("the private PostgreSQL has stopped by itself\n")
			return
		case <-ticker.C:
		}
		line, err := d.line(ctx)
		if err != nil {
			continue // the next look may do better; the log says why
		}
		if terminal {
			to.printf("\r\x1b[K%s", line)
		} else {
			to.printf("%s\n", line)
		}
	}
}

// line is the engine at a glance.
func (d *demo) line(ctx context.Context) (string, error) {
	c, err := d.engine.store.Counts(ctx)
	if err != nil {
		return "", err
	}
	w := d.webhooks()
	p := c.Payments
	const at = "payments %d (%d held or released, %d under way, %d failed)  escrow %s  released %s  paid out %s  " +
		"webhooks %d new / %d duplicate  %s  in doubt %d  surplus %d  refunded %s"
	return fmt.Sprintf(at,
		total(p), p[engine.ChargeIsSucceeded], p[engine.ChargeIsInitiated]+p[engine.ChargeIsProcessing],
		p[engine.ChargeIsFailed]+p[engine.ChargeIsExpired]+p[engine.ChargeIsCancelled], francs(c.Held), francs(c.Released),
		francs(c.PaidOut), w.new, w.duplicate, d.doors(), c.InDoubt, c.Surplus, francs(c.Refunded)), nil
}

// doors is whether each gateway takes payers now: its collect breaker's state.
func (d *demo) doors() string {
	var parts []string
	for _, b := range d.engine.shown() {
		if b.Class == string(failover.Collect) {
			parts = append(parts, string(b.Gateway)+" "+b.State)
		}
	}
	return strings.Join(parts, " ")
}

func total(counts map[engine.ChargeStatus]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// webhookCounts is what the edge has counted since the start.
type webhookCounts struct{ new, duplicate, fromMemory, parked, refused int64 }

// webhooks reads the counters that /metrics shows.
func (d *demo) webhooks() webhookCounts {
	var w webhookCounts
	families, err := d.engine.registry.Gather()
	if err != nil {
		return w
	}
	for _, family := range families {
		switch family.GetName() {
		case "cauri_webhooks_total":
			for _, m := range family.GetMetric() {
				n := int64(math.Round(m.GetCounter().GetValue()))
				for _, label := range m.GetLabel() {
					if label.GetName() == "result" {
						w.count(label.GetValue(), n)
					}
				}
			}
		case "cauri_webhooks_duplicate_memory_total":
			for _, m := range family.GetMetric() {
				w.fromMemory += int64(math.Round(m.GetCounter().GetValue()))
			}
		}
	}
	return w
}

// count adds what became of n webhooks, in the edge's words.
func (w *webhookCounts) count(result string, n int64) {
	switch result {
	case "changed":
		w.new += n
	case "duplicate":
		w.duplicate += n
	case "parked":
		w.parked += n
	default:
		w.refused += n
	}
}

// francs writes an amount as people here read it: 1 250 000 F.
func francs(a money.Amount) string {
	digits := a.String()
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteRune(' ')
		}
		b.WriteRune(r)
	}
	return b.String() + " F"
}

func isTerminal(to streams) bool {
	file, is := to.out.(*os.File)
	if !is {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// summary is how the demo ends, for people and machines.
type summary struct {
	Payments          int64          `json:"payments"`
	Succeeded         int64          `json:"succeeded"`
	Failed            int64          `json:"failed_or_expired"`
	UnderWay          int64          `json:"under_way"`
	Held              int64          `json:"held_francs"`
	Released          int64          `json:"released_francs"`
	PaidOut           int64          `json:"paid_out_francs"`
	Surplus           int64          `json:"surplus_captures"`
	Owed              int64          `json:"owed_back_francs"`
	Refunded          int64          `json:"refunded_francs"`
	Captured          map[string]int `json:"captures_by_gateway"`
	WebhooksNew       int64          `json:"webhooks_new"`
	WebhooksDuplicate int64          `json:"webhooks_duplicate"`
	FromMemory        int64          `json:"webhooks_duplicate_from_memory"`
	PayersTurnedAway  int64          `json:"payers_turned_away"`
	Invariants        int            `json:"invariants_checked"`
	References        int            `json:"references_compared"`
	Broken            []string       `json:"broken"`
}

// captures counts the charges each gateway's own books have taken money for.
func (d *demo) captures() map[string]int {
	out := map[string]int{}
	for _, books := range d.gatewayBooks() {
		out[books.Gateway] = books.Totals.CapturesCount
	}
	return out
}

// finish says how it went. What a check found is an error that exits 3.
func (d *demo) finish(c demoCommand, to streams, found *checked) error {
	counts, err := d.engine.store.Counts(context.Background())
	if err != nil {
		return err
	}
	w, payers := d.webhooks(), d.payers.Counts()
	s := summary{
		Payments: total(counts.Payments), Succeeded: counts.Payments[engine.ChargeIsSucceeded],
		Failed: counts.Payments[engine.ChargeIsFailed] + counts.Payments[engine.ChargeIsExpired] +
			counts.Payments[engine.ChargeIsCancelled],
		Surplus: counts.Surplus, Owed: int64(counts.Owed), Refunded: int64(counts.Refunded), Captured: d.captures(),
		UnderWay: counts.Payments[engine.ChargeIsInitiated] + counts.Payments[engine.ChargeIsProcessing],
		Held:     int64(counts.Held), Released: int64(counts.Released), PaidOut: int64(counts.PaidOut),
		WebhooksNew: w.new, WebhooksDuplicate: w.duplicate, FromMemory: w.fromMemory,
		PayersTurnedAway: payers.Refused + payers.Errors, Broken: []string{},
	}
	if found != nil {
		s.Invariants, s.References, s.Broken = len(persistence.Invariants()), found.references, found.broken
	}
	if c.JSON {
		if err := to.printJSON(s); err != nil {
			return err
		}
	} else {
		to.printf("%d payments: %d succeeded, %d failed, expired or cancelled, %d under way; escrow %s, released %s, paid out %s\n",
			s.Payments, s.Succeeded, s.Failed, s.UnderWay, francs(counts.Held), francs(counts.Released), francs(counts.PaidOut))
		to.printf("%d webhooks: %d new, %d duplicates (%d answered from memory); %d payers turned away\n",
			w.new+w.duplicate+w.parked, w.new, w.duplicate, w.fromMemory, s.PayersTurnedAway)
		to.printf("captured through Paystack %d, through FedaPay %d; %d surplus, %s of them given back, %s owed\n",
			s.Captured["paystack"], s.Captured["fedapay"], s.Surplus, francs(counts.Refunded), francs(counts.Owed))
	}
	if found == nil {
		return nil
	}
	if !c.JSON {
		to.printf("checked %d invariants and %d references against the gateways' own books: %d broken\n",
			s.Invariants, s.References, len(s.Broken))
		for _, what := range s.Broken {
			to.printf("  BROKEN  %s\n", what)
		}
	}
	if len(s.Broken) > 0 {
		return broken(fmt.Sprintf("%d invariants are broken", len(s.Broken)))
	}
	return nil
}
