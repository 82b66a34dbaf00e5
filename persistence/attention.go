package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/engine"
)

// attention shows what people have to look at: money that stands still does not
// complain by itself. It asks when it is scraped.
type attention struct {
	pool  *pgxpool.Pool
	shown []*prometheus.Desc // in the query's order
	open  *prometheus.Desc   // refunds by status
	age   *prometheus.Desc   // of the oldest of each
}

// attentionWithin bounds what a scrape may cost.
const attentionWithin = time.Second

func newAttention(pool *pgxpool.Pool) *attention {
	of := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("cauri_"+name, help, labels, nil)
	}
	return &attention{
		pool: pool, shown: []*prometheus.Desc{
			of("payments_under_review", "Payments whose money stands still until someone has looked. Alarm above 0."),
			of("webhooks_buried", "Notifications nobody could apply, until they are replayed. Alarm above 0."),
			of("payout_open_age_seconds_max", "How long the oldest payout has been owed. Alarm above an hour."),
			of("deliveries_unpartitioned", "Raw deliveries outside any day's partition. Alarm above 0: nobody makes partitions."),
			of("surplus_owed_francs", "Captured once too often and not back with the payer yet, in whole francs."),
			of("suspense_francs", "Captured and not to be placed by the engine, in whole francs. Alarm above 0."),
			of("gateway_overrides", "Breakers that a person holds open or closed."),
		},
		open: of("refunds_open", "Refunds that are not done. Alarm above 0 for manual: they are people's to make.", "status"),
		age:  of("refund_open_age_seconds_max", "How long the oldest refund of that status has been owed. Alarm above a day.", "status"),
	}
}

// Describe names the gauges.
func (a *attention) Describe(to chan<- *prometheus.Desc) {
	for _, d := range append([]*prometheus.Desc{a.open, a.age}, a.shown...) {
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
	refunds := openRefunds()
	batch := &pgx.Batch{}
	batch.Queue(sql("Attention")).QueryRow(func(row pgx.Row) error { return row.Scan(into...) })
	each(batch, sql("OpenRefunds"), func(row pgx.CollectableRow) error {
		var status string
		var count, age float64
		err := row.Scan(&status, &count, &age)
		refunds[status] = [2]float64{count, age}
		return err
	})
	if a.pool.SendBatch(ctx, batch).Close() != nil {
		return
	}
	for i, d := range a.shown {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, values[i])
	}
	for status, shown := range refunds {
		to <- prometheus.MustNewConstMetric(a.open, prometheus.GaugeValue, shown[0], status)
		to <- prometheus.MustNewConstMetric(a.age, prometheus.GaugeValue, shown[1], status)
	}
}

// openRefunds has every status of a refund that is not done, with none in it: a
// gauge that is absent raises no alarm.
func openRefunds() map[string][2]float64 {
	out := map[string][2]float64{}
	for _, status := range engine.Statuses()["refund"] {
		if status != string(engine.RefundIsDone) {
			out[status] = [2]float64{}
		}
	}
	return out
}
