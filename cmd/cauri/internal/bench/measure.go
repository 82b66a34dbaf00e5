package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Measure is what one design did in one round.
type Measure struct {
	Cell        string  `json:"cell"`
	Design      Design  `json:"design"`
	Round       int     `json:"round"`
	Connections int     `json:"connections"`
	Deliveries  int     `json:"deliveries"` // answered 200
	Changed     int     `json:"changed"`    // of them, those that made the difference
	Refused     int     `json:"refused"`    // 503: the sender comes again
	Wrong       int     `json:"wrong"`
	PerSecond   float64 `json:"per_second"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	EngineCPU   float64 `json:"engine_cpu_us"`   // for each delivery; 0 where the system does not tell
	PostgresCPU float64 `json:"postgres_cpu_us"` // for each delivery
	WAL         float64 `json:"wal_bytes"`       // for each delivery
	Batch       float64 `json:"batch"`           // commands for each shared commit; 0 where none are shared
	HOT         float64 `json:"hot"`             // share of the payments' updates that stayed on their page
	Resident    int64   `json:"resident_bytes"`  // the most the server has had
	Broken      int     `json:"broken"`          // invariants
}

// CPU is both sides' microseconds for each delivery.
func (m Measure) CPU() float64 { return m.EngineCPU + m.PostgresCPU }

func (m Measure) says() string {
	text := fmt.Sprintf("%8.0f/s  p50 %6.1f ms  p99 %6.1f ms", m.PerSecond, m.P50, m.P99)
	if m.CPU() > 0 {
		text += fmt.Sprintf("  CPU %5.0f us", m.CPU())
	}
	if m.Refused > 0 {
		text += fmt.Sprintf("  refused %d", m.Refused)
	}
	if m.Broken > 0 {
		text += fmt.Sprintf("  BROKEN %d", m.Broken)
	}
	return text
}

// usage is what has been used so far, by a server and by PostgreSQL.
type usage struct {
	engine, postgres time.Duration
	wal              int64
	updates, hot     int64
	resident         int64
}

func (r *run) usage(ctx context.Context, f *field, child *server) (u usage, err error) {
	pid := child.command.Process.Pid
	var errs [3]error
	u.engine, errs[0] = cpuOf(pid)
	u.postgres, errs[1] = postgresCPU(r.Server.DataDir)
	u.resident, errs[2] = residentMax(pid)
	if err := errors.Join(errs[:]...); err != nil && !errors.Is(err, errNoProc) {
		return u, err
	}
	err = f.window.QueryRow(ctx, `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, n_tup_upd, n_tup_hot_upd
		FROM pg_stat_user_tables WHERE relid = 'public.transactions'::regclass`).Scan(&u.wal, &u.updates, &u.hot)
	return u, err
}

// charge divides what was used meanwhile among the deliveries.
func (m *Measure) charge(before, after usage) {
	m.Resident = after.resident
	if m.Deliveries == 0 {
		return
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(m.Deliveries) }
	m.EngineCPU, m.PostgresCPU = each(after.engine-before.engine), each(after.postgres-before.postgres)
	m.WAL = float64(after.wal-before.wal) / float64(m.Deliveries)
	if updates := after.updates - before.updates; updates > 0 {
		m.HOT = float64(after.hot-before.hot) / float64(updates)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
