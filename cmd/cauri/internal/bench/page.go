package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"whole": whole,
	"two":   func(v float64) string { return fmt.Sprintf("%.2f", v) },
	"dash":  orDash,
	"mega":  func(n int64) string { return whole(megabytes(n)) },
	"times": func(a, b int) int { return a * b },
}).Parse(pageSource))

// The plots' widths, in the units of their viewBox.
const (
	barsWide  = 560.0 // the longest bar
	goalMark  = 373.0 // where a target stands: two thirds of the way
	goalShare = goalMark / barsWide
)

// plotted is the report in the shape the page draws.
type plotted struct {
	*Report
	Goals []goal
	Plots []plot
}

// goal is a target as a bar: the mark is what is wanted, and more than half as much
// again is drawn no longer.
type goal struct {
	Target
	Sign string
	Wide float64
}

// plot is one cell.
type plot struct {
	Name, Says string
	Bars       []bar
}

// bar is one design: how many a second, with a dot for each round, and what of the
// processors each delivery took.
type bar struct {
	Row
	Wide             float64
	Dots             []float64
	EngineWide       float64
	PostgresFrom     float64
	PostgresWide     float64
	ResidentMegabyte float64
}

// Page is the report as one HTML page with plots. It needs nothing else: no script, no
// font, no network.
func (r *Report) Page() ([]byte, error) {
	p := plotted{Report: r}
	for _, t := range r.Targets {
		p.Goals = append(p.Goals, goalOf(t))
	}
	for _, row := range r.Rows {
		if n := len(p.Plots); n == 0 || p.Plots[n-1].Name != row.Cell {
			p.Plots = append(p.Plots, plot{Name: row.Cell, Says: row.Asks})
		}
		last := &p.Plots[len(p.Plots)-1]
		last.Bars = append(last.Bars, bar{Row: row, ResidentMegabyte: float64(row.Median.Resident) / (1 << 20)})
	}
	for i := range p.Plots {
		r.scale(p.Plots[i].Bars)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("draw the page: %w", err)
	}
	return out.Bytes(), nil
}

func goalOf(t Target) goal {
	g := goal{Target: t, Sign: "≥"}
	if t.AtMost {
		g.Sign = "≤"
	}
	if t.Wanted > 0 {
		g.Wide = min(t.Got/t.Wanted*goalShare, 1) * barsWide
	}
	return g
}

// scale makes a cell's bars comparable: the fastest round and the dearest delivery
// take the whole width.
func (r *Report) scale(bars []bar) {
	fastest, dearest := 1.0, 1.0
	for _, b := range bars {
		dearest = max(dearest, b.Median.CPU())
		for _, m := range r.of(b.Cell, b.Median.Design) {
			fastest = max(fastest, m.PerSecond)
		}
	}
	for i := range bars {
		b := &bars[i]
		b.Wide = b.Median.PerSecond / fastest * barsWide
		for _, m := range r.of(b.Cell, b.Median.Design) {
			b.Dots = append(b.Dots, m.PerSecond/fastest*barsWide)
		}
		b.EngineWide = b.Median.EngineCPU / dearest * barsWide
		b.PostgresFrom, b.PostgresWide = b.EngineWide, b.Median.PostgresCPU/dearest*barsWide
	}
}

// whole writes a figure with its thousands apart.
func whole(v float64) string {
	digits := strconv.FormatInt(int64(v+0.5), 10)
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), "\u202f")
}
