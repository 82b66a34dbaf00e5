package main

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/paystack"
)

// gatewayMetrics counts requests on the wire: one call of the engine's may be
// several, or none when a breaker answers, and what a gateway says in words
// nobody listed is worth an alarm.
type gatewayMetrics struct {
	requests *prometheus.CounterVec
	unknown  *prometheus.CounterVec
	changes  *prometheus.CounterVec
	probes   *prometheus.CounterVec
	refused  *prometheus.CounterVec
	missing  *prometheus.GaugeVec
	deaf     *prometheus.GaugeVec
	log      *slog.Logger
}

func newGatewayMetrics(registry *prometheus.Registry, log *slog.Logger) *gatewayMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	m := &gatewayMetrics{
		requests: counter("cauri_gateway_requests_total", "Requests to gateways, by what they came to.", "gateway", "operation", "outcome"),
		unknown:  counter("cauri_gateway_unknown_words_total", "Words of gateways that no adapter knows. Alarm above 0.", "gateway", "where"),
		changes:  counter("cauri_gateway_breaker_changes_total", "Changes of breakers, by what they became.", "gateway", "class", "to"),
		probes:   counter("cauri_gateway_probes_total", "Trials of open breakers, by what they came to.", "gateway", "outcome"),
		refused: counter("cauri_gateway_calls_refused_total",
			"Calls that were not made because a breaker, a person's override or the gateway's own pause refused them.", "gateway", "class"),
		missing: gauge("cauri_gateway_offers_missing",
			"Things our routes use and the gateway's account does not list. Alarm above 0.", "gateway"),
		deaf: gauge("cauri_gateway_webhook_faults",
			"What keeps, or will keep, a gateway's webhooks from us: our endpoint is disabled, or disables itself. Alarm above 0.", "gateway"),
		log: log,
	}
	registry.MustRegister(m.requests, m.unknown, m.changes, m.probes, m.refused, m.missing, m.deaf)
	return m
}

func (m *gatewayMetrics) paystack() paystack.Observer {
	count, unknown := m.called(engine.Paystack), m.wondered(engine.Paystack)
	return paystack.Observer{Unknown: unknown, Called: func(op paystack.Operation, failure *engine.Error, _ time.Duration) {
		count(string(op), failure)
	}}
}

func (m *gatewayMetrics) fedapay() fedapay.Observer {
	count, unknown := m.called(engine.FedaPay), m.wondered(engine.FedaPay)
	return fedapay.Observer{Unknown: unknown, Called: func(op fedapay.Operation, failure *engine.Error, _ time.Duration) {
		count(string(op), failure)
	}}
}

func (m *gatewayMetrics) called(gateway engine.Gateway) func(string, *engine.Error) {
	return func(operation string, failure *engine.Error) {
		outcome := "accepted"
		if failure != nil {
			outcome = string(failure.Kind)
		}
		m.requests.WithLabelValues(string(gateway), operation, outcome).Inc()
	}
}

func (m *gatewayMetrics) wondered(gateway engine.Gateway) func(where, value string) {
	return func(where, value string) {
		m.unknown.WithLabelValues(string(gateway), where).Inc()
		m.log.Warn("a gateway used a word nobody listed", "gateway", gateway, "where", where, "value", value)
	}
}

func (m *gatewayMetrics) probed(gateway engine.Gateway, err error) {
	outcome := "answered"
	if err != nil {
		outcome = string(engine.GatewayError(err).Kind)
		m.log.Info("a resting gateway was tried", "gateway", gateway, "error", err)
	}
	m.probes.WithLabelValues(string(gateway), outcome).Inc()
}

func (m *gatewayMetrics) turnedAway(gateway engine.Gateway, class failover.Class) {
	m.refused.WithLabelValues(string(gateway), string(class)).Inc()
}

// breakerGauges shows every breaker whenever it is scraped.
type breakerGauges struct{ breakers *failover.Breakers }

var (
	breakerState = prometheus.NewDesc("cauri_gateway_breaker_state",
		"What a breaker does with calls: 0 closed, 1 half open, 2 open. Alarm when collect is above 0 for more than a minute.",
		[]string{"gateway", "class"}, nil)
	breakerRest = prometheus.NewDesc("cauri_gateway_breaker_rest_seconds",
		"In how long a call may go through again.", []string{"gateway", "class"}, nil)

	breakerLevels = map[failover.State]float64{failover.Closed: 0, failover.HalfOpen: 1, failover.Open: 2}
)

// Describe is for prometheus.
func (breakerGauges) Describe(out chan<- *prometheus.Desc) {
	out <- breakerState
	out <- breakerRest
}

// Collect is for prometheus.
func (g breakerGauges) Collect(out chan<- prometheus.Metric) {
	for _, s := range g.breakers.Snapshot() {
		of := []string{string(s.Gateway), string(s.Class)}
		out <- prometheus.MustNewConstMetric(breakerState, prometheus.GaugeValue, breakerLevels[s.State], of...)
		out <- prometheus.MustNewConstMetric(breakerRest, prometheus.GaugeValue, s.RetryAfter.Seconds(), of...)
	}
}

// operatorGauges shows every operator that is served whenever it is scraped.
type operatorGauges struct{ operators *failover.Operators }

var operatorDown = prometheus.NewDesc("cauri_operator_down",
	"1 while an operator fails through every gateway that serves it, and its payers are told. Alarm above 0.", []string{"operator"}, nil)

// Describe is for prometheus.
func (operatorGauges) Describe(out chan<- *prometheus.Desc) { out <- operatorDown }

// Collect is for prometheus.
func (g operatorGauges) Collect(out chan<- prometheus.Metric) {
	for _, operator := range g.operators.Served() {
		level := 0.0
		if g.operators.Down(operator) {
			level = 1
		}
		out <- prometheus.MustNewConstMetric(operatorDown, prometheus.GaugeValue, level, string(operator))
	}
}
