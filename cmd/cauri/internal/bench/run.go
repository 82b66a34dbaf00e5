package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/internal/secret"
)

// Config is what a run needs of its program.
type Config struct {
	Plan     Plan
	Server   *pgembed.Server // ours alone, with fsync on
	Policy   *engine.Policy
	Key      secret.Secret // signs the deliveries
	Launch   Launch
	Profiles string // a directory for CPU profiles of the servers; empty: none
	Log      *slog.Logger
	Progress func(format string, args ...any)
}

// Settings are PostgreSQL's for a run: checkpoints stay out of it, so that no round
// pays for another's, and everything stays in memory.
func Settings() map[string]string {
	return map[string]string{
		"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "1h", "wal_level": "minimal", "max_wal_senders": "0",
		"max_connections": "200", "autovacuum": "off", "max_parallel_maintenance_workers": "2",
	}
}

// run is one run of the benchmark.
type run struct {
	Config
	fields map[string]*field
	guess  map[string]float64 // deliveries a second, by cell and design: how many payments the next round may need
	report *Report
}

// Run measures the plan, cell by cell and round by round, and holds what each round
// left behind to the invariants.
func Run(ctx context.Context, config Config) (_ *Report, err error) {
	r := &run{Config: config, fields: map[string]*field{}, guess: map[string]float64{}, report: newReport(config)}
	began := time.Now()
	defer func() {
		for _, f := range r.fields {
			f.close()
		}
	}()
	for _, cell := range r.Plan.Cells {
		r.Progress("%s: %s", cell.Name, cell.says())
		for round := range cell.Rounds {
			for i := range cell.Designs {
				design := cell.Designs[(i+round)%len(cell.Designs)] // nobody is always first
				m, err := r.measure(ctx, cell, design)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", cell.Name, design, err)
				}
				m.Round = round + 1
				r.report.Measures = append(r.report.Measures, *m)
				r.Progress("  %d/%d %-7s %s", round+1, cell.Rounds, design, m.says())
			}
		}
	}
	if r.Plan.Overload {
		if err := r.overload(ctx); err != nil {
			return nil, fmt.Errorf("overload: %w", err)
		}
	}
	if r.Plan.Memory {
		if err := r.endure(ctx); err != nil {
			return nil, fmt.Errorf("memory: %w", err)
		}
	}
	r.report.conclude(time.Since(began))
	return r.report, nil
}

// fieldOf is the cell's database, made when it is first needed. What the raw limit
// leaves behind is no book: it has one of its own.
func (r *run) fieldOf(ctx context.Context, cell Cell, design Design) (*field, error) {
	name := "common"
	switch {
	case design == Raw:
		name = "raw"
	case cell.Standing > 0:
		name = "rows" + strconv.Itoa(cell.Standing)
	}
	return r.fieldNamed(ctx, name, cell.Standing)
}

func (r *run) fieldNamed(ctx context.Context, name string, rows int) (*field, error) {
	if f := r.fields[name]; f != nil {
		return f, nil
	}
	conn, err := pgx.Connect(ctx, r.Server.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }() // it has answered
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	f, err := openField(ctx, name, r.Server.DSN(name), r.Policy, r.Log)
	if err != nil {
		return nil, err
	}
	r.fields[name] = f
	if rows > 0 {
		began := time.Now()
		if err := f.stand(ctx, rows); err != nil {
			return nil, err
		}
		r.Progress("  %d payments are there already (made in %.0f s)", rows, time.Since(began).Seconds())
	}
	return f, nil
}

// first is what a design is taken to reach before it has been seen, a second.
var first = map[Design]float64{Naive: 2_500, Single: 5_000, Alone: 4_000, Ours: 16_000, Raw: 24_000}

// seedsMax bounds a round: 100,000 payments of a 2 KiB request each are 200 MB.
const seedsMax = 100_000

// spare is how much faster than last time a round may be before its payments run out.
const spare = 1.6

// needs is how many payments a round of the design may use up.
func (r *run) needs(cell Cell, design Design) int {
	rate := r.guess[cell.Name+string(design)]
	if rate == 0 {
		rate = first[design] * min(1, float64(cell.Connections)/64)
	}
	return min(max(int(spare*rate*cell.For.Seconds())/cell.Kind.copies(), 256)+cell.Connections, seedsMax)
}

// measure is one design's turn.
func (r *run) measure(ctx context.Context, cell Cell, design Design) (*Measure, error) {
	f, err := r.fieldOf(ctx, cell, design)
	if err != nil {
		return nil, err
	}
	if cell.Kind == Initiated {
		return r.initiate(ctx, cell, design, f)
	}
	n := r.needs(cell, design)
	if cell.Kind == Remembered || design == Door {
		n = rememberedPayments
	}
	ids, err := f.seed(ctx, n)
	if err != nil {
		return nil, err
	}
	requests := r.sign(ids)
	child, err := start(ctx, r.launch(ctx, cell, design, f))
	if err != nil {
		return nil, err
	}
	t := &turn{run: r, cell: cell, design: design, field: f, child: child, ids: ids, requests: requests}
	m, err := t.take(ctx)
	if err != nil {
		return nil, errors.Join(err, child.kill())
	}
	ended, err := child.stop()
	if err != nil {
		return nil, fmt.Errorf("the server did not end well: %w", err)
	}
	if ended.Rounds > 0 {
		m.Batch = ended.Asks / float64(ended.Rounds)
	}
	r.guess[cell.Name+string(design)] = m.PerSecond
	return m, t.judge(ctx, m)
}

func (r *run) launch(ctx context.Context, cell Cell, design Design, f *field) *exec.Cmd {
	command := r.Launch(ctx, design, f.dsn)
	if r.Profiles != "" {
		command.Args = append(command.Args, "--profile", filepath.Join(r.Profiles, cell.Name+"-"+string(design)+".pprof"))
	}
	return command
}

// rememberedPayments fit in the actors' memory many times over.
const rememberedPayments = 2_000

// sign makes the requests: whole, so that under load a delivery is one write.
func (r *run) sign(ids []engine.ID) [][]byte {
	const francs = 100 // subunits
	paystack := forge.Paystack(r.Key)
	requests := make([][]byte, len(ids))
	for i, id := range ids {
		d := paystack.ChargeSuccess(reference(id).String(), int64(amount)*francs).Delivery()
		head := "POST /webhooks/paystack HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n" +
			http.CanonicalHeaderKey(d.Header) + ": " + d.Signatures[0] + "\r\nContent-Length: " + strconv.Itoa(len(d.Body)) + "\r\n\r\n"
		requests[i] = append([]byte(head), d.Body...)
	}
	return requests
}

// initiate lets a server begin payments by itself: there is no HTTP to it.
func (r *run) initiate(ctx context.Context, cell Cell, design Design, f *field) (*Measure, error) {
	before := f.seeded
	f.seeded += seedsMax
	command := r.launch(ctx, cell, design, f)
	command.Args = append(command.Args,
		"--initiate", strconv.Itoa(cell.Connections), "--from", strconv.Itoa(before+1), "--for", cell.For.String())
	f.since = freshID()
	child, err := start(ctx, command)
	if err != nil {
		return nil, err
	}
	used, err := r.usage(ctx, f, child)
	if err != nil {
		return nil, errors.Join(err, child.kill())
	}
	var ended Ended
	err = child.line(&ended)
	if err != nil {
		return nil, errors.Join(err, child.kill())
	}
	m := &Measure{
		Cell: cell.Name, Design: design, Connections: cell.Connections, Deliveries: ended.Did,
		PerSecond: float64(ended.Did) / cell.For.Seconds(), P50: ended.P50, P99: ended.P99,
	}
	now, err := r.usage(ctx, f, child)
	if err != nil {
		return nil, errors.Join(err, child.kill())
	}
	m.charge(used, now)
	if _, err := child.stop(); err != nil {
		return nil, err
	}
	return m, r.hold(ctx, f, m)
}

// hold checks what the round has left behind.
func (r *run) hold(ctx context.Context, f *field, m *Measure) error {
	found, err := f.invariants(ctx)
	if err != nil {
		return fmt.Errorf("check the invariants: %w", err)
	}
	m.Broken = found.Broken
	r.report.Invariants.add(found)
	return nil
}
