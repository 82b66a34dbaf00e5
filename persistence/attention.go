package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// attention shows what people have to look at: money that stands still does not
// complain by itself. It asks when it is scraped.
type attention struct {
	pool  *pgxpool.Pool
	shown []*prometheus.Desc // in the query's order
}

// attentionWithin bounds what a scrape may cost.
const attentionWithin = time.Second

func newAttention(pool *pgxpool.Pool) *attention {
	of := func(name, help string) *prometheus.Desc { return prometheus.NewDesc("cauri_"+name, help, nil, nil) }
	return &attention{pool: pool, shown: []*prometheus.Desc{
		of("payments_under_review", "Payments whose money stands still until someone has looked. Alarm above 0."),
		of("refunds_due", "Surpluses owed back to payers. Alarm above 0."),
		of("webhooks_buried", "Notifications nobody could apply, until they are replayed. Alarm above 0."),
		of("payout_open_age_seconds_max", "How long the oldest payout has been owed. Alarm above an hour."),
		of("deliveries_unpartitioned", "Raw deliveries outside any day's partition. Alarm above 0: nobody makes partitions."),
	}}
}

// Describe names the gauges.
func (a *attention) Describe(to chan<- *prometheus.Desc) {
	for _, d := range a.shown {
		to <- d
	}
}

// Collect asks once for all of them. A database that does not answer shows none,
// which is what an absent() alarm is for.
func (a *attention) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), attentionWithin)
	defer cancel()
	values := make([]float64, len(a.shown))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	if a.pool.QueryRow(ctx, sql("Attention")).Scan(into...) != nil {
		return
	}
	for i, d := range a.shown {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, values[i])
	}
}
