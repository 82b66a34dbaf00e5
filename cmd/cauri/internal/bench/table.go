package bench

import (
	"fmt"
	"strings"
)

// Table is the report for a terminal.
func (r *Report) Table() string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) } // a Builder's writes don't fail
	line("")
	line("%d cores, %s, PostgreSQL %s; %s", r.Machine.Cores, r.Machine.Go, r.Machine.PostgreSQL, r.Machine.Durable)
	cell := ""
	for _, row := range r.Rows {
		m := row.Median
		if row.Cell != cell {
			cell = row.Cell
			line("")
			line("%-16s %10s %8s %8s  %6s = %6s + %-6s %7s %6s %5s %6s",
				cell, "a second", "p50 ms", "p99 ms", "CPU us", "engine", "PG", "WAL B", "batch", "HOT", "RSS MB")
		}
		line("  %-14s %10.0f %8.1f %8.1f  %6.0f = %6.0f + %-6.0f %7.0f %6s %5s %6.0f",
			m.Design, m.PerSecond, m.P50, m.P99, m.CPU(), m.EngineCPU, m.PostgresCPU,
			m.WAL, orDash(m.Batch, "%.0f"), orDash(m.HOT, "%.2f"), float64(m.Resident)/(1<<20))
	}
	line("")
	for _, t := range r.Targets {
		mark, sign := "reached", ">="
		if t.AtMost {
			sign = "<="
		}
		if !t.Reached {
			mark = "MISSED"
		}
		line("%-7s  %-20s %6.2f   (%s %.2f)", mark, t.Ratio, t.Got, sign, t.Wanted)
	}
	line("%d invariants checked after %d rounds: %d broken; %.0f s", r.Invariants.Checked, len(r.Measures), r.Invariants.Broken, r.Took)
	for _, found := range r.Invariants.Found {
		line("  BROKEN %s", found)
	}
	return b.String()
}

func orDash(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
