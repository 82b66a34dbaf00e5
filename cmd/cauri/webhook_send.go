package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/http"
)

type webhookSend struct {
	Event  string `arg:"" help:"Paystack's charge.success, charge.failed, transfer.success, transfer.failed, transfer.reversed; FedaPay's transaction.approved, transaction.declined, transaction.canceled."`
	Of     string `arg:"" help:"The reference it names, or a payment: pay_… sends about its last charge, or its last payout."`
	Amount int64  `placeholder:"FRANCS" help:"What it says was paid; the payment's own when it is named."`
	Copies int    `default:"1" help:"So many, one after the other: an engine takes the first."`
	To     string `placeholder:"URL" help:"The engine. Absent: CAURI_API_URL, or the one at CAURI_HTTP_ADDR."`
	DryRun bool   `name:"dry-run" help:"Show what would be sent."`
	JSON   bool   `help:"For machines."`
}

// copiesMax is a gateway that has lost its mind.
const copiesMax = 10_000

// Validate is kong's.
func (c webhookSend) Validate() error {
	switch {
	case !slices.Contains(sendable, c.Event):
		return misused("which event is to be sent? one of " + strings.Join(sendable, ", "))
	case c.Amount < 0 || c.Amount > amountMost:
		return misused("--amount is in francs, up to " + francs(amountMost))
	case strings.ContainsFunc(c.Of, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return misused("a reference is one word of visible ASCII")
	case c.To != "" && !isAddress(c.To):
		return misused("--to is no address: https://host")
	case c.Copies < 1 || c.Copies > copiesMax:
		return misused(fmt.Sprintf("--copies is from 1 to %d", copiesMax))
	}
	return nil
}

// amountMost is a thousand times what a payment may be: what is made up need not be true.
const amountMost = 2_000_000_000

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

var sendable = []string{
	"charge.success", "charge.failed", "transfer.success", "transfer.failed", "transfer.reversed",
	"transaction.approved", "transaction.declined", "transaction.canceled",
}

// sent is what one copy was answered.
type sent struct {
	Status       int     `json:"status"`
	Answer       string  `json:"answer"`
	Milliseconds float64 `json:"milliseconds"`
}

// wired is a webhook on the wire.
type wired struct {
	Gateway   engine.Gateway `json:"gateway"`
	Header    string         `json:"header"`
	Signature string         `json:"signature"`
	Body      string         `json:"body"`
}

// Run sends it, so many times, and says what each was answered.
func (c webhookSend) Run(ctx context.Context, settings *Settings, to streams) error {
	w, err := c.wire(ctx, settings, to)
	if err != nil {
		return err
	}
	base := c.To
	if base == "" {
		a, err := settings.api()
		if err != nil {
			return err
		}
		base = a.base
	}
	address := strings.TrimSuffix(base, "/") + "/webhooks/" + string(w.Gateway)
	if c.DryRun {
		if c.JSON {
			return to.printJSON(w)
		}
		to.printf("POST %s\n%s: %s\n\n%s\n", address, w.Header, w.Signature, w.Body)
		return nil
	}
	all := make([]sent, 0, c.Copies)
	for range c.Copies {
		one, err := w.post(ctx, address)
		if err != nil {
			return err
		}
		if all = append(all, one); !c.JSON {
			to.printf("%d in %.1f ms %s\n", one.Status, one.Milliseconds, one.Answer)
		}
	}
	if c.JSON {
		if err := to.printJSON(all); err != nil {
			return err
		}
	}
	return allTaken(all)
}

// notTaken is what the receiver did not answer 200.
type notTaken struct{ status, of, all int }

func (n notTaken) Error() string {
	return fmt.Sprintf("%d of %d were not taken: %d", n.of, n.all, n.status)
}

// ExitCode tells what a gateway would send again from what it would give up.
func (n notTaken) ExitCode() int {
	if n.status == statusUnavailable || n.status == statusTooMany {
		return exitTryAgain
	}
	return exitRefused
}

// What a gateway comes again for.
const (
	statusOK          = 200
	statusTooMany     = 429
	statusUnavailable = 503
)

// allTaken returns notTaken when one of them was not.
func allTaken(all []sent) error {
	n := notTaken{all: len(all)}
	for _, one := range all {
		if one.Status != statusOK {
			n.of, n.status = n.of+1, one.Status
		}
	}
	if n.of > 0 {
		return n
	}
	return nil
}

func (w wired) post(ctx context.Context, address string) (sent, error) {
	began := time.Now()
	headers := map[string]string{"Content-Type": "application/json", w.Header: w.Signature}
	status, answer, err := exchange(ctx, "POST", address, headers, []byte(w.Body))
	return sent{status, strings.TrimSpace(string(answer)), float64(time.Since(began).Microseconds()) / 1000}, err
}

// wire makes one up. With live keys it would be a forgery of money, so that is refused:
// what a gateway has once said is tried again by webhook replay.
func (c webhookSend) wire(ctx context.Context, settings *Settings, to streams) (wired, error) {
	if err := settings.complete(); err != nil {
		return wired{}, err
	}
	if isLiveKey(settings.PaystackSecretKey) || isLiveKey(settings.FedaPaySecretKey) || settings.Env == Production {
		return wired{}, misused("with live keys nothing is made up: it would be believed. cauri webhook replay has kept ones tried again")
	}
	reference, amount, err := c.about(ctx, settings, to)
	if err != nil {
		return wired{}, err
	}
	return c.forged(settings, reference, amount)
}

// about finds what a webhook would say of a payment.
func (c webhookSend) about(ctx context.Context, settings *Settings, to streams) (reference string, amount int64, err error) {
	id, err := paymentID(c.Of)
	if err != nil { // a reference: the engine may know nothing of it
		if c.Amount == 0 {
			return "", 0, misused("--amount: how many francs does it say?")
		}
		return c.Of, c.Amount, nil
	}
	err = show(ctx, settings, to, false, get("/v1/payments/"+id, nil), func(p http.Payment) {
		if reference, amount = p.Reference, p.Amount; strings.HasPrefix(c.Event, "transfer.") {
			reference, amount = "", 0
			if p.Payout != nil {
				reference, amount = p.Payout.Reference, p.Payout.Amount
			}
		}
	})
	if err == nil && reference == "" {
		err = notFound("this payment has no try of a payout yet")
	}
	if c.Amount != 0 {
		amount = c.Amount
	}
	return reference, amount, err
}

const subunits = 100 // of a franc, on Paystack's wire

func (c webhookSend) forged(settings *Settings, reference string, francs int64) (wired, error) {
	if strings.HasPrefix(c.Event, "transaction.") {
		if len(settings.FedaPayWebhookSecrets) == 0 {
			return wired{}, misused("there is no fedapay in this configuration")
		}
		from := forge.FedaPay(settings.FedaPayWebhookSecrets[0], time.Now())
		d := map[string]func(string, int64) forge.FedaPayWebhook{
			"transaction.approved": from.Approved, "transaction.declined": from.Declined, "transaction.canceled": from.Canceled,
		}[c.Event](reference, francs).Delivery()
		return wired{engine.FedaPay, d.Header, d.Signatures[0], string(d.Body)}, nil
	}
	from := forge.Paystack(settings.PaystackSecretKey)
	failed := func(reference string, subunits int64) forge.Webhook {
		return from.ChargeFailed(reference, subunits, "The customer declined the request")
	}
	d := map[string]func(string, int64) forge.Webhook{
		"charge.success": from.ChargeSuccess, "charge.failed": failed, "transfer.success": from.TransferSuccess,
		"transfer.failed": from.TransferFailed, "transfer.reversed": from.TransferReversed,
	}[c.Event](reference, francs*subunits).Delivery()
	return wired{engine.Paystack, d.Header, d.Signatures[0], string(d.Body)}, nil
}
