package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Memory asks what a million payments leave behind in the server: each had an actor,
// and none is needed any more.
type Memory struct {
	Payments  int     `json:"payments"`
	Warm      int64   `json:"warm_bytes"` // resident after the first tenth, when all was quiet again
	Most      int64   `json:"most_bytes"`
	Settled   int64   `json:"settled_bytes"` // resident after all of them, when all was quiet again
	Growth    float64 `json:"growth"`        // settled over warm
	PerSecond float64 `json:"per_second"`    // median of the batches
}

const (
	memoryBatch   = 50_000
	memoryBatches = 20 // a million
	memoryWarm    = 2  // batches: by then every pool has grown
	// quietWithin is longer than an idle actor lives, and than the two minutes after which Go
	// collects a heap that nobody grows.
	quietWithin = 150 * time.Second
	quietLook   = time.Second
)

// endure runs the question once, in a database of its own.
func (r *run) endure(ctx context.Context) error {
	const cell = memoryCell
	r.Progress("%s: %d payments, one after the other forgotten", cell, memoryBatch*memoryBatches)
	f, err := r.fieldNamed(ctx, cell, 0)
	if err != nil {
		return err
	}
	child, err := start(ctx, r.Launch(ctx, Ours, f.dsn))
	if err != nil {
		return err
	}
	m, err := r.forget(ctx, f, child)
	if err != nil {
		return errors.Join(err, child.kill())
	}
	if _, err := child.stop(); err != nil {
		return err
	}
	r.report.Memory = m
	r.Progress("  resident %.0f MB after a tenth, %.0f MB at most, %.0f MB after all: %.2f times",
		megabytes(m.Warm), megabytes(m.Most), megabytes(m.Settled), m.Growth)
	return nil
}

// forget sends batch after batch, and looks at what is resident when all is quiet.
func (r *run) forget(ctx context.Context, f *field, child *server) (*Memory, error) {
	pid := child.command.Process.Pid
	m := &Memory{}
	var rates []float64
	for batch := range memoryBatches {
		ids, err := f.seed(ctx, memoryBatch)
		if err != nil {
			return nil, err
		}
		t, err := fire(ctx, child.api, 256, r.sign(ids), 1, takesWithin+time.Minute)
		if err != nil {
			return nil, err
		}
		rates = append(rates, float64(t.answered())/t.took.Seconds())
		m.Payments += t.changed
		holds, events, counted, postings, err := f.kept(ctx, ids)
		if err != nil {
			return nil, err
		}
		n := t.changed
		v := verdict{}
		v.hold(n == memoryBatch && holds == n && events == n && counted == n && postings == 4*n,
			"memory: of %d payments %d were answered; there are %d holds, %d events, %d notifications and %d postings",
			memoryBatch, n, holds, events, counted, postings)
		r.report.Invariants.add(v)
		r.Progress("  %7d payments, %6.0f/s", m.Payments, rates[batch])
		if batch+1 == memoryWarm {
			if m.Warm, err = r.quiet(ctx, pid); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if m.Settled, err = r.quiet(ctx, pid); err != nil {
		return nil, err
	}
	if m.Most, err = residentMax(pid); err != nil {
		return nil, err
	}
	m.Growth, m.PerSecond = float64(m.Settled)/float64(m.Warm), median(rates)
	return m, r.hold(ctx, f, &Measure{})
}

// quiet is the least that is resident while nothing is asked of the server.
func (r *run) quiet(ctx context.Context, pid int) (least int64, err error) {
	look := time.NewTicker(quietLook)
	defer look.Stop()
	for until := time.Now().Add(quietWithin); time.Now().Before(until); {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-look.C:
		}
		now, err := residentNow(pid)
		if err != nil {
			return 0, fmt.Errorf("look at the server's memory: %w", err)
		}
		if least == 0 || now < least {
			least = now
		}
	}
	return least, nil
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
