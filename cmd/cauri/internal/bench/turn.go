package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine"
)

// turn is one design under one load.
type turn struct {
	run      *run
	cell     Cell
	design   Design
	field    *field
	child    *server
	ids      []engine.ID
	requests [][]byte
	used     int // requests that warmed it up
	tally    tally
}

// warming is how many deliveries go before the clock starts: statements are prepared,
// pools and heaps grow, connections are accepted.
const warming = 200

// takesWithin bounds a load beyond its own time: the last answers.
const takesWithin = answersWithin + 10*time.Second

// take warms the server up, loads it, and says what that cost.
func (t *turn) take(ctx context.Context) (*Measure, error) {
	ctx, cancel := context.WithTimeout(ctx, t.cell.For+3*takesWithin)
	defer cancel()
	requests, err := t.warm(ctx)
	if err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	before, err := t.run.usage(ctx, t.field, t.child)
	if err != nil {
		return nil, err
	}
	t.tally, err = fire(ctx, t.child.api, t.cell.Connections, requests, t.cell.Kind.copies(), t.cell.For)
	if err != nil {
		return nil, err
	}
	after, err := t.run.usage(ctx, t.field, t.child)
	if err != nil {
		return nil, err
	}
	m := &Measure{
		Cell: t.cell.Name, Design: t.design, Connections: t.cell.Connections, Deliveries: t.tally.answered(), Changed: t.tally.changed,
		Refused: t.tally.refused, Wrong: t.tally.wrong, PerSecond: float64(t.tally.answered()) / t.tally.took.Seconds(),
		P50: milliseconds(t.tally.quantile(0.50)), P99: milliseconds(t.tally.quantile(0.99)),
	}
	m.charge(before, after)
	return m, nil
}

// warm spends the first requests, and returns those that the clock will see. What is
// asked of memory must have counted before.
func (t *turn) warm(ctx context.Context) ([][]byte, error) {
	if t.cell.Kind == Remembered {
		first, err := fire(ctx, t.child.api, t.cell.Connections, t.requests, 1, takesWithin)
		if err != nil {
			return nil, err
		}
		t.used = len(t.requests)
		if t.design != Door && first.changed != len(t.requests) {
			return nil, fmt.Errorf("%d of %d payments were made", first.changed, len(t.requests))
		}
		return again(t.requests, int(rememberedRate*t.cell.For.Seconds())), nil
	}
	t.used = min(warming, len(t.requests)/2)
	first, err := fire(ctx, t.child.api, min(t.cell.Connections, 32), t.requests[:t.used], 1, takesWithin)
	if err == nil && first.answered() != t.used {
		err = fmt.Errorf("%d of %d deliveries were taken (%d refused; %s)", first.answered(), t.used, first.refused, first.odd)
	}
	return t.requests[t.used:], err
}

// rememberedRate bounds the copies of a round: an edge alone answers some 50,000 a
// second on two cores. They are the same bytes again, so they cost no memory.
const rememberedRate = 500_000

func again(requests [][]byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = requests[i%len(requests)]
	}
	return out
}

// judge holds what the load left behind: each payment that was answered has exactly
// one hold, one event, one counted notification and four postings, and none has more.
func (t *turn) judge(ctx context.Context, m *Measure) error {
	if t.design == Door {
		return nil
	}
	holds, events, counted, postings, err := t.field.kept(ctx, t.ids)
	if err != nil {
		return err
	}
	made := t.used + m.Changed // who warmed it up was answered too
	if t.cell.Kind == Remembered {
		made = t.used
	}
	v := verdict{}
	v.hold(holds == made && events == made && counted == made && postings == 4*made,
		"%s, %s: %d payments were answered; there are %d holds, %d events, %d notifications and %d postings",
		t.cell.Name, t.design, made, holds, events, counted, postings)
	v.hold(m.Wrong == 0, "%s, %s: %d answers nobody should get: %s", t.cell.Name, t.design, m.Wrong, t.tally.odd)
	t.run.report.Invariants.add(v)
	if !t.design.keepsBooks() {
		return nil
	}
	return t.run.hold(ctx, t.field, m)
}
