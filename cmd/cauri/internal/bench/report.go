package bench

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Report is a run's outcome, as --json prints it.
type Report struct {
	Machine    Machine            `json:"machine"`
	Took       float64            `json:"took_seconds"`
	Quick      bool               `json:"quick"`
	Ratios     map[string]float64 `json:"ratios"` // medians of the rounds' own ratios
	Targets    []Target           `json:"targets"`
	Invariants verdict            `json:"invariants"`
	Overload   *Overload          `json:"overload,omitempty"`
	Memory     *Memory            `json:"memory,omitempty"`
	Rows       []Row              `json:"rows"`
	Measures   []Measure          `json:"measures"`

	asks map[string]string // of each cell
}

// Machine is where it ran.
type Machine struct {
	Cores      int    `json:"cores"`
	System     string `json:"system"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
	Durable    string `json:"durable"`
}

// Row is the median of a design's rounds in a cell, figure by figure.
type Row struct {
	Cell   string  `json:"cell"`
	Asks   string  `json:"asks"` // the cell in words
	Says   string  `json:"says"` // the design
	Rounds int     `json:"rounds"`
	Median Measure `json:"median"`
}

// Target is what a ratio is to reach.
type Target struct {
	Ratio   string  `json:"ratio"`
	Wanted  float64 `json:"wanted"`
	AtMost  bool    `json:"at_most"` // else at least
	Got     float64 `json:"got"`
	Reached bool    `json:"reached"`
}

// quotient is a ratio: one measure over another's, of the same round.
type quotient struct {
	name        string
	cell, other string // the other's cell, when it is not the same
	over, under Design
	of          func(Measure) float64
	wanted      float64
	atMost      bool
}

func perSecond(m Measure) float64 { return m.PerSecond }
func cpu(m Measure) float64       { return m.CPU() }

var quotients = []quotient{
	{name: "vs_naive_256", cell: "unique-256", over: Ours, under: Naive, of: perSecond, wanted: 8},
	{name: "vs_single_256", cell: "unique-256", over: Ours, under: Single, of: perSecond, wanted: 3.5},
	{name: "vs_naive_64", cell: "unique-64", over: Ours, under: Naive, of: perSecond, wanted: 5},
	{name: "vs_naive_1", cell: "unique-1", over: Ours, under: Naive, of: perSecond, wanted: 0.95},
	{name: "vs_raw_256", cell: "unique-256", over: Ours, under: Raw, of: perSecond, wanted: 0.75},
	{name: "cpu_vs_naive_256", cell: "unique-256", over: Naive, under: Ours, of: cpu, wanted: 10},
	{name: "dup_vs_naive_256", cell: "duplicated-256", over: Ours, under: Naive, of: perSecond},
	{name: "memory_dup_vs_http", cell: "remembered-256", over: Ours, under: Door, of: perSecond, wanted: 0.6},
	{name: "rows_5m_vs_100k", cell: "rows-5m", other: "rows-100k", over: Ours, under: Ours, of: cpu, wanted: 1.15, atMost: true},
	{name: "initiate_vs_alone_64", cell: "initiated-64", over: Ours, under: Alone, of: perSecond},
}

func newReport(c Config) *Report {
	asks := map[string]string{}
	for _, cell := range c.Plan.Cells {
		asks[cell.Name] = cell.says()
	}
	return &Report{
		Quick: c.Plan.Quick, Ratios: map[string]float64{}, asks: asks,
		Machine: Machine{
			Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), PostgreSQL: c.Server.Version,
			Durable: "fsync on, synchronous_commit on, full_page_writes on; load, server and PostgreSQL share the cores",
		},
	}
}

// conclude turns measures into medians and ratios.
func (r *Report) conclude(took time.Duration) {
	r.Took = took.Seconds()
	for _, m := range r.Measures {
		if !slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Cell == m.Cell && row.Median.Design == m.Design }) {
			r.Rows = append(r.Rows, r.row(m))
		}
	}
	for _, q := range quotients {
		value, known := r.ratio(q)
		if !known {
			continue
		}
		r.Ratios[q.name] = value
		if q.wanted > 0 {
			reached := value >= q.wanted
			if q.atMost {
				reached = value <= q.wanted
			}
			r.Targets = append(r.Targets, Target{q.name, q.wanted, q.atMost, value, reached})
		}
	}
	if o := r.Overload; o != nil {
		share := o.Goodput / o.Peak
		r.Targets = append(r.Targets, Target{"overload_goodput_5x", 0.8, false, share, share >= 0.8},
			Target{"overload_refused_ms", 50, true, o.RefusedP99, o.RefusedP99 <= 50},
			Target{"overload_recovery_s", 5, true, o.Recovered, o.Recovered <= 5})
	}
	if m := r.Memory; m != nil {
		r.Targets = append(r.Targets, Target{"memory_growth", 1.3, true, m.Growth, m.Growth <= 1.3})
	}
	for _, m := range r.Rows {
		if most := megabytes(m.Median.Resident); m.Cell == "unique-256" && m.Median.Design == Ours && most > 0 {
			r.Targets = append(r.Targets, Target{"resident_mb_256", 64, true, most, most <= 64})
		}
	}
}

// ratio is the median of the rounds' own: neighbours in time share the machine's mood.
func (r *Report) ratio(q quotient) (value float64, known bool) {
	other := q.cell
	if q.other != "" {
		other = q.other
	}
	var each []float64
	for _, over := range r.of(q.cell, q.over) {
		for _, under := range r.of(other, q.under) {
			if over.Round == under.Round && q.of(under) > 0 && q.of(over) > 0 {
				each = append(each, q.of(over)/q.of(under))
			}
		}
	}
	return median(each), len(each) > 0
}

func (r *Report) of(cell string, design Design) (found []Measure) {
	for _, m := range r.Measures {
		if m.Cell == cell && m.Design == design {
			found = append(found, m)
		}
	}
	return found
}

func (r *Report) row(of Measure) Row {
	rounds := r.of(of.Cell, of.Design)
	m := Measure{Cell: of.Cell, Design: of.Design, Connections: of.Connections}
	middle := func(pick func(Measure) float64) float64 {
		values := make([]float64, len(rounds))
		for i, one := range rounds {
			values[i] = pick(one)
		}
		return median(values)
	}
	m.PerSecond = middle(perSecond)
	m.P50, m.P99 = middle(func(m Measure) float64 { return m.P50 }), middle(func(m Measure) float64 { return m.P99 })
	m.EngineCPU = middle(func(m Measure) float64 { return m.EngineCPU })
	m.PostgresCPU = middle(func(m Measure) float64 { return m.PostgresCPU })
	m.WAL, m.Batch = middle(func(m Measure) float64 { return m.WAL }), middle(func(m Measure) float64 { return m.Batch })
	m.HOT = middle(func(m Measure) float64 { return m.HOT })
	m.Resident = int64(middle(func(m Measure) float64 { return float64(m.Resident) }))
	for _, one := range rounds {
		m.Deliveries += one.Deliveries
		m.Changed += one.Changed
		m.Refused += one.Refused
		m.Wrong += one.Wrong
		m.Broken += one.Broken
	}
	return Row{Cell: of.Cell, Asks: r.asks[of.Cell], Says: of.Design.Says(), Rounds: len(rounds), Median: m}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// says is the cell in words.
func (c Cell) says() string {
	text := fmt.Sprintf("%d connections", c.Connections)
	if c.Connections == 1 {
		text = "1 connection"
	}
	switch c.Kind {
	case Unique:
		text += ", each delivery another payment's"
	case Duplicated:
		text += ", each delivery five times, all in flight together"
	case Remembered:
		text += ", copies of what has counted"
	case Initiated:
		text = fmt.Sprintf("%d at once, new payments with their gateway's answer, no HTTP", c.Connections)
	}
	if c.Standing > 0 {
		text += fmt.Sprintf(", with %d payments there already", c.Standing)
	}
	return text
}
