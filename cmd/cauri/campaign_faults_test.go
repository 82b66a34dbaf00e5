package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// What goes wrong in the campaign, and what of it has: the failure table of
// docs/adr/0007 as rows (a call of one gateway) and columns (what goes wrong with
// it). A cell that stays at nought fails the campaign.

// fault is a column of the table.
type fault struct {
	name string
	kind sandbox.FaultKind
	when string
}

// The columns of calls. Malformed is half an answer of a call that had its
// effect; a proxy's page comes before there is one.
var (
	cutBefore    = fault{"cut pre", sandbox.Cut, sandbox.Before}
	cutAfter     = fault{"cut post", sandbox.Cut, sandbox.After}
	errorBefore  = fault{"5xx pre", sandbox.ErrorAnswer, sandbox.Before}
	errorAfter   = fault{"5xx post", sandbox.ErrorAnswer, sandbox.After}
	malformed    = fault{"junk 200", sandbox.Malformed, sandbox.After}
	proxyPage    = fault{"html 502", sandbox.HTML, sandbox.Before}
	unauthorized = fault{"401", sandbox.Unauthorized, sandbox.Before}
	tooSlow      = fault{"slow", sandbox.Latency, sandbox.Before}
	rateLimited  = fault{"429", sandbox.RateLimited, sandbox.Before}

	callColumns = []fault{cutBefore, cutAfter, errorBefore, errorAfter, malformed, proxyPage, unauthorized, tooSlow, rateLimited}
)

// The columns of webhooks.
var (
	hookLost      = fault{"lost", sandbox.WebhookLoss, sandbox.Before}
	hookMany      = fault{"duplicated", sandbox.WebhookDuplicates, sandbox.Before}
	hookLate      = fault{"delayed", sandbox.WebhookDelay, sandbox.Before}
	hookReordered = fault{"reordered", sandbox.WebhookReorder, sandbox.Before}
	hookWrong     = fault{"wrong amount", sandbox.WebhookAmount, sandbox.Before}

	hookColumns = []fault{hookLost, hookMany, hookLate, hookReordered, hookWrong}
)

// slowMillis is an answer after the engine's patience: the call has its effect.
const slowMillis = 1_300

// rule makes the column strike at an operation, so often in a thousand or the
// next time.
func (f fault) rule(operation string, perMille, next int) sandbox.Fault {
	rule := sandbox.Fault{Kind: f.kind, When: f.when, Operation: operation, PerMille: perMille, Next: next}
	switch f.kind {
	case sandbox.Latency:
		rule.LatencyMillis = slowMillis
	case sandbox.WebhookDelay:
		rule.LatencyMillis = 1_500
	case sandbox.WebhookDuplicates:
		rule.Copies = 6
	}
	return rule
}

// row is a call, or a webhook, of one gateway.
type row struct {
	step      string
	gateway   string
	operation string
	perMille  int // of each fault of it
	webhook   bool
	never     map[string]string // columns that can't be hit, and why
}

func (r row) columns() []fault {
	if r.webhook {
		return hookColumns
	}
	return callColumns
}

const (
	paystackName = "paystack"
	fedapayName  = "fedapay"
)

var (
	limitedElsewhere = "a limit holds for the whole integration: it is drawn at calls that are many"
	aRead            = "a read has no effect to lose the answer of: the same as before it"
)

// rows is the table's left side. What is rarely called is struck more often.
func rows() []row {
	reads := map[string]string{errorAfter.name: aRead, cutAfter.name: aRead}
	rarely := map[string]string{rateLimited.name: limitedElsewhere}
	rareReads := map[string]string{errorAfter.name: aRead, cutAfter.name: aRead, rateLimited.name: limitedElsewhere}
	return []row{
		{step: "charge", gateway: paystackName, operation: "charge", perMille: 12},
		{step: "charge (card)", gateway: paystackName, operation: "initialize", perMille: 14, never: rarely},
		{step: "charge: create", gateway: fedapayName, operation: "create", perMille: 14},
		{step: "charge: token", gateway: fedapayName, operation: "token", perMille: 14, never: rarely},
		{step: "charge: start", gateway: fedapayName, operation: "charge", perMille: 14, never: rarely},
		{step: "OTP", gateway: paystackName, operation: "submit_otp", perMille: 14, never: rarely},
		{step: "inquire", gateway: paystackName, operation: "verify", perMille: 10, never: reads},
		{step: "inquire: find", gateway: fedapayName, operation: "find", perMille: 15, never: rareReads},
		{step: "inquire: read", gateway: fedapayName, operation: "fetch", perMille: 15, never: rareReads},
		{step: "inquire: search", gateway: fedapayName, operation: "search_transactions", perMille: 20, never: rareReads},
		{step: "refund", gateway: paystackName, operation: "refund", perMille: 25, never: rarely},
		{step: "refund: list", gateway: paystackName, operation: "list_refunds", perMille: 30, never: rareReads},
		{step: "refund: read", gateway: paystackName, operation: "fetch_refund", perMille: 80, never: rareReads},
		{step: "payout", gateway: paystackName, operation: "transfer", perMille: 20, never: rarely},
		{step: "payout: read", gateway: paystackName, operation: "verify_transfer", perMille: 20, never: rareReads},
		{step: "webhook", gateway: paystackName, operation: "charge.success", perMille: 15, webhook: true},
		{step: "webhook", gateway: fedapayName, operation: "transaction.approved", perMille: 20, webhook: true},
		{step: "webhook", gateway: paystackName, operation: "transfer.success", perMille: 25, webhook: true},
		{
			step: "webhook", gateway: paystackName, operation: "refund.processed", perMille: 30, webhook: true,
		},
	}
}

// faultsAt is a gateway's rules.
func (w *world) faultsAt(gateway string) *sandbox.Faults {
	if gateway == paystackName {
		return w.paystack.Faults()
	}
	return w.fedapay.Faults()
}

// inject sets the rules that hold all through the campaign. A limit is not one
// of them: it silences a gateway for all that asks it.
func (w *world) inject() error {
	for _, r := range rows() {
		for _, f := range r.columns() {
			if r.never[f.name] != "" || f == rateLimited {
				continue
			}
			if err := w.faultsAt(r.gateway).Add(f.rule(r.operation, r.perMille, 0)); err != nil {
				return err
			}
		}
	}
	return nil
}

// hits is how often a cell was struck, as the gateway counted.
func (w *world) hits(r row, f fault) int {
	for _, c := range w.faultsAt(r.gateway).Counts() {
		if c.Kind == f.kind && c.Operation == r.operation && c.When == f.when {
			return c.Count
		}
	}
	return 0
}

// cell is one of the table that can be hit.
type cell struct {
	row   row
	fault fault
}

func (c cell) String() string {
	return fmt.Sprintf("%s %s %s: %s", c.row.gateway, c.row.step, c.row.operation, c.fault.name)
}

// unhit are the cells that no call has met yet.
func (w *world) unhit() (cells []cell) {
	for _, r := range rows() {
		for _, f := range r.columns() {
			if r.never[f.name] == "" && w.hits(r, f) == 0 {
				cells = append(cells, cell{r, f})
			}
		}
	}
	return cells
}

// aim makes sure that the cells are struck by the next calls that can be: one
// rule at a time for an operation, or one would hide the other.
func (w *world) aim(cells []cell) error {
	aimed := map[string]bool{}
	for _, rule := range w.paystack.Faults().Rules() {
		aimed[paystackName+rule.Operation] = aimed[paystackName+rule.Operation] || rule.Next > 0
	}
	for _, rule := range w.fedapay.Faults().Rules() {
		aimed[fedapayName+rule.Operation] = aimed[fedapayName+rule.Operation] || rule.Next > 0
	}
	for _, c := range cells {
		if at := c.row.gateway + c.row.operation; !aimed[at] {
			aimed[at] = true
			if err := w.faultsAt(c.row.gateway).Add(c.fault.rule(c.row.operation, 0, 1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// table prints the cells, and returns those at nought.
func (w *world) table() (printed string, empty []string) {
	var out strings.Builder
	for _, webhooks := range []bool{false, true} {
		columns := callColumns
		if webhooks {
			columns = hookColumns
		}
		fmt.Fprintf(&out, "\n%-9s %-16s %-20s", "gateway", "step", "call")
		for _, f := range columns {
			fmt.Fprintf(&out, " %12s", f.name)
		}
		for _, r := range rows() {
			if r.webhook != webhooks {
				continue
			}
			fmt.Fprintf(&out, "\n%-9s %-16s %-20s", r.gateway, r.step, r.operation)
			for _, f := range columns {
				shown := fmt.Sprint(w.hits(r, f))
				switch {
				case r.never[f.name] != "":
					shown = "–"
				case shown == "0":
					empty = append(empty, cell{r, f}.String())
				}
				fmt.Fprintf(&out, " %12s", shown)
			}
		}
		out.WriteByte('\n')
	}
	return out.String(), empty
}

// injected sums the faults by kind, for the closing line.
func (w *world) injected() (kinds map[string]int, all int) {
	kinds = map[string]int{}
	for _, r := range rows() {
		for _, f := range r.columns() {
			kinds[f.name] += w.hits(r, f)
			all += w.hits(r, f)
		}
	}
	return kinds, all
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// every calls what until it says it is done.
func every(ctx context.Context, d time.Duration, what func() (done bool)) error {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for !what() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}
