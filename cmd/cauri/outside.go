package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/actors"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/http"
)

// outside is every gateway, each behind its own breakers, and how they and the
// operators behind them look from this process.
type outside struct {
	routes    engine.Routes
	breakers  *failover.Breakers
	operators *failover.Operators
	signs     map[engine.Gateway]bool // who has a configured sign of an operator's own failure
	metrics   *gatewayMetrics
	news      *news

	gateways  actors.Gateways
	receivers map[engine.Gateway]http.Receiver
	probers   map[engine.Gateway]failover.Prober
	looks     map[engine.Gateway][]look
	rekeys    []rekey // of each gateway
}

// openOutside puts the gateways together; it calls none of them.
func (a *app) openOutside() (*outside, error) {
	o := &outside{
		routes: a.policy.Routes, operators: failover.NewOperators(a.settings.operatorsOf(a.policy.Routes)), signs: map[engine.Gateway]bool{},
		metrics: newGatewayMetrics(a.registry, a.log), news: newNews(a.log),
		gateways: actors.Gateways{}, receivers: map[engine.Gateway]http.Receiver{},
		probers: map[engine.Gateway]failover.Prober{}, looks: map[engine.Gateway][]look{},
	}
	judging := a.settings.breaker()
	judging.CallTimeout, judging.Changed = a.policy.CallTimeout, o.changed
	judging.Probed, judging.Refused = o.metrics.probed, o.metrics.turnedAway
	o.breakers = failover.NewBreakers(judging)
	for _, gauges := range []prometheus.Collector{breakerGauges{o.breakers}, operatorGauges{o.operators}} {
		if err := a.registry.Register(gauges); err != nil {
			return nil, fmt.Errorf("register the gauges of the outside: %w", err)
		}
	}
	if err := o.addPaystack(&a.settings, a.policy); err != nil {
		return nil, err
	}
	if a.settings.hasSecondDoor() {
		return o, o.addFedaPay(&a.settings, a.policy)
	}
	return o, nil
}

// serving is who collects from whom, as Operators wants to know it.
func serving(routes engine.Routes) map[phone.Operator][]engine.Gateway {
	out := map[phone.Operator][]engine.Gateway{}
	for _, operator := range routes.Operators(engine.Collect, engine.MobileMoney) {
		for _, door := range routes.For(engine.Collect, engine.MobileMoney, operator) {
			if !slices.Contains(out[operator], door.Gateway) {
				out[operator] = append(out[operator], door.Gateway)
			}
		}
	}
	return out
}

// unseen is the operators whose own outage this process can never notice, each with
// the gateways to blame: a failure there is told in words that may be a payer's, or
// on a page that a payer may still pay. Through every other door it may be seen to
// fail, and is not down for that.
func (o *outside) unseen() []string {
	var out []string
	for _, operator := range o.operators.Served() {
		doors := o.routes.For(engine.Collect, engine.MobileMoney, operator)
		var blind []string
		for _, gateway := range serving(o.routes)[operator] {
			if !o.signs[gateway] || !slices.Contains(doors, engine.Door{Gateway: gateway, Flow: engine.Direct}) {
				blind = append(blind, string(gateway))
			}
		}
		if len(blind) > 0 {
			out = append(out, string(operator)+" through "+strings.Join(blind, " and "))
		}
	}
	return out
}

func (o *outside) addPaystack(s *Settings, policy engine.Policy) error {
	observer := o.metrics.paystack()
	client, err := paystack.New(paystack.Config{
		Key: s.PaystackSecretKey, BaseURL: s.PaystackBaseURL, PhoneFormat: paystack.PhoneFormat(s.PaystackPhoneFormat),
		EmailDomain: s.PayerEmailDomain, ReturnURL: s.ReturnURL, OperatorFailures: s.PaystackOperatorFailureTexts,
		Timeout: policy.CallTimeout, Observer: observer,
	})
	if err != nil {
		return err
	}
	webhooks, err := paystack.NewWebhooks(paystack.WebhooksConfig{Secrets: s.paystackKeys(), Observer: observer})
	if err != nil {
		return err
	}
	o.rekeys = append(o.rekeys, rekey{
		check: func(s *Settings) error {
			return errors.Join(client.CheckKey(s.PaystackSecretKey), webhooks.Check(s.paystackKeys()))
		},
		stand: func(s *Settings) error {
			return errors.Join(client.UseKey(s.PaystackSecretKey), webhooks.Replace(s.paystackKeys()))
		},
	})
	bs, name := o.breakers, engine.Paystack
	o.gateways[name] = actors.Gateway{
		Collector: failover.GuardCollector(bs, name, client), OTPSubmitter: failover.GuardOTPSubmitter(bs, name, client),
		Disburser: failover.GuardDisburser(bs, name, client), Refunder: failover.GuardRefunder(bs, name, client),
		ChargeInquirer: failover.GuardChargeInquirer(bs, name, client), PayoutInquirer: failover.GuardPayoutInquirer(bs, name, client),
		RefundInquirer: failover.GuardRefundInquirer(bs, name, client), Webhooks: webhooks,
	}
	o.receivers[name] = http.Receiver{
		Webhooks: webhooks, Header: paystack.SignatureHeader,
		Sources: networks(s.paystackSources()), SourcesEnforced: s.PaystackSourcesEnforced,
	}
	o.probers[name], o.signs[name] = client, len(s.PaystackOperatorFailureTexts) > 0
	o.looks[name] = []look{o.offers(client)}
	return nil
}

// addFedaPay adds the second door: it collects, and that is all it does. Payouts
// go through Paystack alone, and it has no refund API.
func (o *outside) addFedaPay(s *Settings, policy engine.Policy) error {
	observer := o.metrics.fedapay()
	client, err := fedapay.New(fedapay.Config{
		Key: s.FedaPaySecretKey, BaseURL: s.FedaPayBaseURL, PhoneFormat: fedapay.PhoneFormat(s.FedaPayPhoneFormat),
		Country: s.FedaPayPhoneCountry, Modes: s.FedaPayDirectModes, ReturnURL: s.ReturnURL, Timeout: policy.CallTimeout, Observer: observer,
		OperatorFailures: s.FedaPayOperatorFailureCodes,
	})
	if err != nil {
		return err
	}
	webhooks, err := fedapay.NewWebhooks(fedapay.WebhooksConfig{
		Secrets: s.fedapaySecrets(), Observer: observer, OperatorFailures: s.FedaPayOperatorFailureCodes,
	})
	if err != nil {
		return err
	}
	o.rekeys = append(o.rekeys, rekey{
		check: func(s *Settings) error {
			return errors.Join(client.CheckKey(s.FedaPaySecretKey), webhooks.Check(s.fedapaySecrets()))
		},
		stand: func(s *Settings) error {
			return errors.Join(client.UseKey(s.FedaPaySecretKey), webhooks.Replace(s.fedapaySecrets()))
		},
	})
	bs, name := o.breakers, engine.FedaPay
	o.gateways[name] = actors.Gateway{
		Collector:      failover.GuardCollector(bs, name, client),
		ChargeInquirer: failover.GuardChargeInquirer(bs, name, client), Webhooks: webhooks,
	}
	o.receivers[name] = http.Receiver{
		Webhooks: webhooks, Header: fedapay.SignatureHeader,
		Sources: networks(s.FedaPaySources), SourcesEnforced: s.FedaPaySourcesEnforced,
	}
	o.probers[name], o.signs[name] = client, len(s.FedaPayOperatorFailureCodes) > 0
	o.looks[name] = []look{o.offers(client), {
		warning: "webhooks do not reach us, or will stop to",
		gauge:   o.metrics.deaf,
		faults:  func(ctx context.Context) ([]string, error) { return client.Endpoints(ctx, "/webhooks/"+string(name)) },
	}}
	return nil
}

// health is what Decide is given, the actors reserve by, and payers are told.
func (o *outside) health() engine.Health {
	return engine.Health{Resting: o.breakers.Resting(), Down: o.operators.AllDown()}
}

// shown is every breaker, for /readyz and for Retry-After.
func (o *outside) shown() []http.Breaker {
	var out []http.Breaker
	for _, s := range o.breakers.Snapshot() {
		b := http.Breaker{Gateway: s.Gateway, Class: string(s.Class), State: string(s.State), RetryAfterMS: s.RetryAfter.Milliseconds()}
		if f := s.Forced; f != nil {
			b.Forced = &http.Forced{By: f.Who, Why: f.Why, Until: f.Until.UTC()}
		}
		if !s.Since.IsZero() {
			b.Since = &s.Since
		}
		if !s.PausedUntil.IsZero() {
			b.PausedUntil = &s.PausedUntil
		}
		out = append(out, b)
	}
	return out
}

// changed runs under a breaker's lock: it counts and hands over.
func (o *outside) changed(gateway engine.Gateway, class failover.Class, from, to failover.State) {
	o.metrics.changes.WithLabelValues(string(gateway), string(class), string(to)).Inc()
	level := slog.LevelInfo
	if to == failover.Open {
		level = slog.LevelWarn
	}
	o.news.tell(level, "a breaker changed", "gateway", gateway, "class", class, "from", from, "to", to)
}

// heard tells Operators how charges ended. It says nothing of what says nothing
// about the operator: a silence, or a refusal of the gateway's own.
func (o *outside) heard(applied engine.Applied) {
	t := applied.State
	for _, m := range applied.Moves {
		if m.Machine != "attempt" || t.Method != engine.MobileMoney {
			continue
		}
		switch gateway := t.GatewayOf(m.Subject); engine.AttemptStatus(m.To) {
		case engine.AttemptSucceeded:
			o.operators.Heard(gateway, t.Payer.Operator, false)
		case engine.AttemptFailed:
			switch engine.Code(m.Note) {
			case engine.CodeOperatorFailed:
				o.operators.Heard(gateway, t.Payer.Operator, true)
			case engine.CodeInsufficientFunds, engine.CodeRefusedByPayer, engine.CodeOTPInvalid, engine.CodeOTPExpired:
				// It works: it knew the payer. Not so at FedaPay, whose word for no funds is its
				// word for "a problem with the payment" too (help centre, canceled).
				if gateway != engine.FedaPay {
					o.operators.Heard(gateway, t.Payer.Operator, false)
				}
			}
		case engine.AttemptSending, engine.AttemptCustomer, engine.AttemptUnknown, engine.AttemptQuarantine,
			engine.AttemptRejected, engine.AttemptExpired, engine.AttemptAbsent:
		}
	}
}
