package actors

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
)

// metrics is what this room counts. protoactor's own are off: they leak a
// registration for every actor.
type metrics struct {
	asks       *prometheus.CounterVec // command, outcome
	refused    *prometheus.CounterVec // command, reason
	remembered prometheus.Counter
	live       prometheus.Gauge
	passivated prometheus.Counter
	stuck      prometheus.Counter
	panics     *prometheus.CounterVec // where
	parked     prometheus.Counter
	dead       prometheus.Counter
	moves      *prometheus.CounterVec   // machine, to, gateway
	calls      *prometheus.CounterVec   // gateway, call, outcome
	duration   *prometheus.HistogramVec // gateway, call
	shed       *prometheus.CounterVec   // gateway, call
	lost       *prometheus.CounterVec   // command
	claimed    *prometheus.CounterVec   // loop
	buried     *prometheus.CounterVec   // gateway
	beat       *prometheus.GaugeVec     // loop
}

const namespace = "cauri"

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	return &metrics{
		asks:       counters("asks_total", "Commands an actor finished, by what they came to.", "command", "outcome"),
		refused:    counters("asks_refused_total", "Commands turned away before their actor, with nothing done.", "command", "reason"),
		remembered: counter("webhooks_duplicate_memory_total", "Webhooks answered as duplicates without the database."),
		live: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "actors_live", Help: "Transactions that have an actor now.",
		}),
		passivated: counter("actors_passivated_total", "Actors that were retired because nobody needed them."),
		stuck:      counter("actors_stuck_total", "Actors that ended unasked, or were asked and never heard to end. Alarm above 0."),
		panics:     counters("panics_total", "Bugs that were survived, by where. Alarm above 0.", "where"),
		parked:     counter("transactions_parked_total", "Transactions refused for a minute because they break their actor. Alarm above 0."),
		dead:       counter("actors_dead_letters_total", "Messages that found no actor. Alarm above 0."),
		moves:      counters("moves_total", "Steps that payments, attempts, holds, payouts and refunds made.", "machine", "to", "gateway"),
		calls:      counters("gateway_calls_total", "Calls to gateways, by what they came to.", "gateway", "call", "outcome"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "gateway_call_seconds", Help: "How long calls to gateways take.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2, 5, 10, 15, 30}, // a charge takes about a second; 15 is a call's deadline, 30 two calls'
		}, []string{"gateway", "call"}),
		shed:    counters("gateway_calls_shed_total", "Calls that were not made because there were too many.", "gateway", "call"),
		lost:    counters("gateway_answers_lost_total", "Answers that could not be recorded; the due row asks again.", "command"),
		claimed: counters("claimed_total", "What the loops claimed.", "loop"),
		buried:  counters("webhooks_buried_total", "Notifications given up on. Alarm above 0.", "gateway"),
		beat: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "loop_beat_timestamp_seconds", Help: "When a loop last ended a round, Unix seconds.",
		}, []string{"loop"}),
	}
}

// register hands the metrics over, with those that are read from the System.
func (m *metrics) register(s *System, r prometheus.Registerer) error {
	gauge := func(name, help string, read func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return float64(read()) })
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.asks, m.refused, m.remembered, m.live, m.passivated, m.stuck, m.panics, m.parked, m.dead,
		m.moves, m.calls, m.duration, m.shed, m.lost, m.claimed, m.buried, m.beat,
		gauge("asks_in_flight", "Commands admitted whose actor has not finished.", func() int { n, _ := s.gate.load(); return n }),
		gauge("gateway_calls_waiting", "Calls that wait for a slot.", s.lanes.waiting),
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

// moved counts the steps of one commit. Attempts, tries and refunds are counted
// by the gateway they are at.
func (m *metrics) moved(applied engine.Applied) {
	for _, move := range applied.Moves {
		m.moves.WithLabelValues(move.Machine, move.To, string(applied.State.GatewayOf(move.Subject))).Inc()
	}
}

// called counts a call by what it came to: accepted, or the kind of its error.
func (m *metrics) called(e engine.Effect, err error, took time.Duration) {
	outcome := "accepted"
	if err != nil {
		outcome = string(engine.GatewayError(err).Kind)
	}
	m.calls.WithLabelValues(string(e.Through()), callOf(e), outcome).Inc()
	if took > 0 {
		m.duration.WithLabelValues(string(e.Through()), callOf(e)).Observe(took.Seconds())
	}
}

// outcomeOf is what a command came to: the outcome, or its error's kind.
func outcomeOf(applied engine.Applied, err error) string {
	if err == nil {
		return string(applied.Outcome)
	}
	var known *engine.Error
	if errors.As(err, &known) {
		return string(known.Kind)
	}
	return string(engine.Internal)
}
