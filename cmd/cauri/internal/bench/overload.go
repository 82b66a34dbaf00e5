package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Overload asks what becomes of five times more deliveries than can be taken. The
// load and the server share the machine, so the disk is made slow instead: PostgreSQL
// waits 100 ms before each flush (commit_delay), and what is offered five times over
// is what such a disk can take. Arrivals come at their own pace, whatever is answered.
type Overload struct {
	Peak        float64 `json:"peak_per_second"` // what a closed loop reaches
	Offered     float64 `json:"offered_per_second"`
	Goodput     float64 `json:"goodput_per_second"`
	Refused     int     `json:"refused"`
	RefusedP99  float64 `json:"refused_p99_ms"`
	AcceptedP99 float64 `json:"accepted_p99_ms"`
	CalmP99     float64 `json:"calm_p99_ms"` // at 0.8 of the peak, before
	Recovered   float64 `json:"recovered_s"` // until nobody is refused and p99 is at most twice the calm one
	Wrong       int     `json:"wrong"`
}

const (
	overloadTimes  = 5
	calmShare      = 0.8
	overloadClosed = 1024 // connections that find the peak: as many as may wait
	overloadOpen   = 2048 // connections that the arrivals take turns on
	recoveryWindow = 250 * time.Millisecond
)

// slowDisk makes every flush take 100 ms, for new sessions on the database.
const slowDisk = "ALTER DATABASE %[1]s SET commit_delay = 100000; ALTER DATABASE %[1]s SET commit_siblings = 0"

// overload runs the question once.
func (r *run) overload(ctx context.Context) (err error) {
	const cell = overloadCell
	r.Progress("%s: a disk that takes 100 ms, and %d times more deliveries than it can take", cell, overloadTimes)
	f, err := r.fieldNamed(ctx, cell, 0)
	if err != nil {
		return err
	}
	if _, err := f.window.Exec(ctx, fmt.Sprintf(slowDisk, cell)); err != nil {
		return err
	}
	ids, err := f.seed(ctx, overloadPayments)
	if err != nil {
		return err
	}
	child, err := start(ctx, r.Launch(ctx, Ours, f.dsn))
	if err != nil {
		return err
	}
	requests := r.sign(ids)
	took, o, err := r.storm(ctx, child, requests)
	if err != nil {
		return errors.Join(err, child.kill())
	}
	if _, err := child.stop(); err != nil {
		return err
	}
	r.report.Overload = o
	holds, events, counted, postings, err := f.kept(ctx, ids)
	if err != nil {
		return err
	}
	v := verdict{}
	v.hold(holds == took && events == took && counted == took && postings == 4*took,
		"overload: %d payments were answered; there are %d holds, %d events, %d notifications and %d postings",
		took, holds, events, counted, postings)
	v.hold(o.Wrong == 0, "overload: %d answers nobody should get", o.Wrong)
	r.report.Invariants.add(v)
	r.Progress("  peak %.0f/s; offered %.0f/s: %.0f/s taken, %d refused, p99 of a refusal %.1f ms; calm again after %.2f s",
		o.Peak, o.Offered, o.Goodput, o.Refused, o.RefusedP99, o.Recovered)
	return r.hold(ctx, f, &Measure{})
}

// overloadPayments are enough for every phase at two and a half thousand a second, five
// times of which are offered.
const overloadPayments = 80_000

// Lengths of the phases.
const (
	peakFor  = 3 * time.Second
	calmFor  = 3 * time.Second
	stormFor = 4 * time.Second
	afterFor = 5 * time.Second
)

// storm finds the peak, looks at a calm sea, lets the storm loose and watches the sea
// calm down again. It returns how many payments were answered.
func (r *run) storm(ctx context.Context, child *server, requests [][]byte) (took int, o *Overload, err error) {
	var next atomic.Int64
	take := func() []byte {
		if n := int(next.Add(1) - 1); n < len(requests) {
			return requests[n]
		}
		return nil
	}
	peak, err := fireNext(ctx, child.api, overloadClosed, take, peakFor)
	if err != nil {
		return 0, nil, err
	}
	o = &Overload{Peak: float64(peak.answered()) / peak.took.Seconds()}
	calm, err := arrive(ctx, child.api, calmShare*o.Peak, take, calmFor)
	if err != nil {
		return 0, nil, err
	}
	o.Offered = overloadTimes * o.Peak
	storm, err := arrive(ctx, child.api, o.Offered, take, stormFor)
	if err != nil {
		return 0, nil, err
	}
	after, err := arrive(ctx, child.api, calmShare*o.Peak, take, afterFor)
	if err != nil {
		return 0, nil, err
	}
	taken, refused := split(storm)
	calmly, _ := split(calm)
	o.CalmP99, o.AcceptedP99, o.RefusedP99 = quantile(calmly, 0.99), quantile(taken, 0.99), quantile(refused, 0.99)
	o.Goodput, o.Refused = float64(len(taken))/stormFor.Seconds(), len(refused)
	o.Recovered = recovered(after, 2*o.CalmP99)
	for _, one := range slices.Concat(calm, storm, after) {
		switch {
		case one.answer == wrong:
			o.Wrong++
		case one.answer == changedIt:
			took++
		}
	}
	return took + peak.changed, o, nil
}

// answer is what became of one arrival.
type answer uint8

const (
	wrong answer = iota
	changedIt
	refusedIt
)

// arrival is one delivery of an open loop.
type arrival struct {
	at      time.Duration // when it was due, from the phase's beginning
	latency time.Duration // from when it was sent
	late    time.Duration // from when it was due to its answer
	answer  answer
}

// arrive offers so many deliveries a second, whatever is answered. One whose turn comes
// while every connection waits is sent as soon as one is free, and is late.
func arrive(ctx context.Context, address string, perSecond float64, take func() []byte, within time.Duration) ([]arrival, error) {
	interval := time.Duration(float64(time.Second) / perSecond)
	began := time.Now()
	var turn atomic.Int64
	arrivals, errs := make([][]arrival, overloadOpen), make([]error, overloadOpen)
	var done sync.WaitGroup
	for i := range overloadOpen {
		done.Go(func() {
			var g gun
			defer func() { g.close() }()
			timer := time.NewTimer(0)
			defer timer.Stop()
			for errs[i] == nil && ctx.Err() == nil {
				at := time.Duration(turn.Add(1)-1) * interval
				request := []byte(nil)
				if at < within {
					request = take()
				}
				if request == nil {
					return
				}
				timer.Reset(time.Until(began.Add(at)))
				<-timer.C
				var one arrival
				one, errs[i] = g.deliver(ctx, address, request)
				one.at, one.late = at, time.Since(began)-at
				arrivals[i] = append(arrivals[i], one)
			}
		})
	}
	done.Wait()
	all := slices.Concat(arrivals...)
	slices.SortFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
	return all, cmp.Or(errs...)
}

func (g *gun) deliver(ctx context.Context, address string, request []byte) (one arrival, err error) {
	if g.conn == nil {
		if err := g.dial(ctx, address); err != nil {
			return one, err
		}
	}
	began := time.Now()
	status, body, err := g.ask(request)
	if err != nil {
		return one, err
	}
	var t tally
	t.count(status, body)
	one.latency = time.Since(began)
	switch {
	case t.changed == 1:
		one.answer = changedIt
	case t.refused == 1:
		one.answer = refusedIt
	}
	return one, nil
}

// split sorts the latencies of those that were taken and of those that were refused.
func split(arrivals []arrival) (taken, refused []time.Duration) {
	for _, one := range arrivals {
		switch one.answer {
		case changedIt:
			taken = append(taken, one.latency)
		case refusedIt:
			refused = append(refused, one.latency)
		}
	}
	slices.Sort(taken)
	slices.Sort(refused)
	return taken, refused
}

func quantile(sorted []time.Duration, q float64) float64 {
	t := tally{latencies: sorted}
	return milliseconds(t.quantile(q))
}

// recovered is when the last window ended in which anybody was refused, or waited
// longer than they should.
func recovered(after []arrival, p99Max float64) float64 {
	windows := map[int][]arrival{}
	for _, one := range after {
		n := int(one.at / recoveryWindow)
		windows[n] = append(windows[n], one)
	}
	last := 0.0
	for n, window := range windows {
		taken, refused := split(window)
		if len(refused) > 0 || quantile(taken, 0.99) > p99Max {
			last = max(last, float64(n+1)*recoveryWindow.Seconds())
		}
	}
	return last
}
