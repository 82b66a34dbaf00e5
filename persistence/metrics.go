package persistence

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
)

// metrics counts what the store does.
type metrics struct {
	applies *prometheus.CounterVec
	races   *prometheus.CounterVec
	doubts  prometheus.Counter
	rounds  prometheus.Histogram
	halved  prometheus.Counter
}

func newMetrics(registry prometheus.Registerer, pool, rounds *pgxpool.Pool) (*metrics, error) {
	m := &metrics{
		applies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_store_applies_total", Help: "Commands applied, by what they came to.",
		}, []string{"command", "outcome"}),
		races: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_store_races_total", Help: "Rounds decided again, by why.",
		}, []string{"why"}),
		doubts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cauri_store_doubts_total", Help: "COMMITs that were not answered, and asked about.",
		}),
		rounds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cauri_store_round_asks", Help: "Commands decided together and made durable by one COMMIT.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128},
		}),
		halved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cauri_store_rounds_halved_total", Help: "Rounds that failed and were tried in halves. Alarm when it goes on: one is poisoned.",
		}),
	}
	if registry == nil {
		return m, nil
	}
	gauge := func(name, help string, read func(*pgxpool.Stat) int32) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cauri_pool_" + name, Help: help},
			func() float64 { return float64(read(pool.Stat()) + read(rounds.Stat())) })
	}
	for _, c := range []prometheus.Collector{
		m.applies, m.races, m.doubts, m.rounds, m.halved, newAttention(pool),
		gauge("connections", "Connections open.", (*pgxpool.Stat).TotalConns),
		gauge("connections_in_use", "Connections at work.", (*pgxpool.Stat).AcquiredConns),
		gauge("connections_max", "Connections allowed.", (*pgxpool.Stat).MaxConns),
	} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register the store's metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) applied(ask engine.Ask, applied engine.Applied, err error) {
	outcome := string(applied.Outcome)
	if err != nil {
		outcome = "failed"
		var refused *engine.Error
		if errors.As(err, &refused) {
			outcome = string(refused.Kind)
		}
	}
	m.applies.WithLabelValues(engine.NameOf(ask.Command), outcome).Inc()
}

func (m *metrics) again(err error) {
	why := stateOf(err)
	if why == "" {
		why = "connection"
	}
	m.races.WithLabelValues(why).Inc()
}
