package main

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/paystack"
)

// gatewayMetrics counts requests on the wire: one call of the engine's may be
// several, and what a gateway says in words nobody listed is worth an alarm.
type gatewayMetrics struct {
	requests *prometheus.CounterVec
	unknown  *prometheus.CounterVec
	log      *slog.Logger
}

func newGatewayMetrics(registry *prometheus.Registry, log *slog.Logger) *gatewayMetrics {
	m := &gatewayMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_gateway_requests_total", Help: "Requests to gateways, by what they came to.",
		}, []string{"gateway", "operation", "outcome"}),
		unknown: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_gateway_unknown_words_total", Help: "Words of gateways that no adapter knows. Alarm above 0.",
		}, []string{"gateway", "where"}),
		log: log,
	}
	registry.MustRegister(m.requests, m.unknown)
	return m
}

func (m *gatewayMetrics) observer(gateway engine.Gateway) paystack.Observer {
	return paystack.Observer{
		Called: func(operation paystack.Operation, failure *engine.Error, _ time.Duration) {
			outcome := "accepted"
			if failure != nil {
				outcome = string(failure.Kind)
			}
			m.requests.WithLabelValues(string(gateway), string(operation), outcome).Inc()
		},
		Unknown: func(where, value string) {
			m.unknown.WithLabelValues(string(gateway), where).Inc()
			m.log.Warn("a gateway used a word nobody listed", "gateway", gateway, "where", where, "value", value)
		},
	}
}
