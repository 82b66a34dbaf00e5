package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what a cell's deliveries are.
type Kind string

// The kinds.
const (
	Unique     Kind = "unique"     // each delivery is another payment's
	Duplicated Kind = "duplicated" // each five times, all of them in flight together
	Remembered Kind = "remembered" // copies of what has counted, answered from the actors' memory
	Initiated  Kind = "initiated"  // new payments, each with its gateway's answer: two commits, no HTTP
)

// copies is how often each delivery of the kind is sent.
func (k Kind) copies() int {
	if k == Duplicated {
		return 5
	}
	return 1
}

// Cell is one question, asked of several designs in turn.
type Cell struct {
	Name        string
	Kind        Kind
	Connections int
	Standing    int // rows there already, in a database of its own; 0: the common one
	Designs     []Design
	Rounds      int
	For         time.Duration // of load, each design of each round
}

// The numbers of rows whose costs are compared.
const (
	fewRows  = 100_000
	someRows = 1_000_000
	manyRows = 5_000_000
)

// The questions that are no cells: each has a way of its own to be asked.
const (
	overloadCell = "overload"
	memoryCell   = "memory"
)

// Plan is the whole of a run.
type Plan struct {
	Quick    bool
	Cells    []Cell
	Overload bool
	Memory   bool
}

// Quick is every ratio in under four minutes; Full adds rounds, the cells between,
// and the table of a million rows.
func Quick() Plan {
	const load = 1500 * time.Millisecond
	pair := []Design{Naive, Ours}
	return Plan{Quick: true, Overload: true, Cells: []Cell{
		{"unique-256", Unique, 256, 0, []Design{Naive, Single, Ours, Raw}, 3, load},
		{"unique-64", Unique, 64, 0, pair, 2, load},
		{"unique-1", Unique, 1, 0, pair, 2, load},
		{"duplicated-256", Duplicated, 256, 0, pair, 2, load},
		{"remembered-256", Remembered, 256, 0, []Design{Door, Ours}, 2, load},
		{"initiated-64", Initiated, 64, 0, []Design{Alone, Ours}, 1, load},
		{"rows-100k", Unique, 256, fewRows, []Design{Ours}, 2, load},
		{"rows-5m", Unique, 256, manyRows, []Design{Ours}, 2, load},
	}}
}

// Full is the run to quote from.
func Full() Plan {
	const s = time.Second
	all := []Design{Naive, Single, Alone, Ours, Raw}
	return Plan{Overload: true, Memory: true, Cells: []Cell{
		{"unique-256", Unique, 256, 0, all, 5, 4 * s},
		{"unique-64", Unique, 64, 0, all, 5, 4 * s},
		{"unique-8", Unique, 8, 0, all, 3, 4 * s},
		{"unique-1", Unique, 1, 0, all, 5, 4 * s},
		{"duplicated-256", Duplicated, 256, 0, []Design{Naive, Single, Ours}, 3, 4 * s},
		{"duplicated-64", Duplicated, 64, 0, []Design{Naive, Single, Ours}, 3, 4 * s},
		{"remembered-256", Remembered, 256, 0, []Design{Door, Ours}, 5, 4 * s},
		{"remembered-64", Remembered, 64, 0, []Design{Door, Ours}, 3, 4 * s},
		{"initiated-64", Initiated, 64, 0, []Design{Alone, Ours}, 3, 4 * s},
		{"initiated-256", Initiated, 256, 0, []Design{Alone, Ours}, 3, 4 * s},
		{"rows-100k", Unique, 256, fewRows, []Design{Ours}, 5, 4 * s},
		{"rows-1m", Unique, 256, someRows, []Design{Ours}, 5, 4 * s},
		{"rows-5m", Unique, 256, manyRows, []Design{Ours}, 5, 4 * s},
	}}
}

// Only keeps the cells of these names: all, when none is named.
func (p Plan) Only(names []string) (Plan, error) {
	if len(names) == 0 {
		return p, nil
	}
	var kept []Cell
	p.Overload, p.Memory = slices.Contains(names, overloadCell), slices.Contains(names, memoryCell)
	for _, name := range names {
		if name == overloadCell || name == memoryCell {
			continue
		}
		i := slices.IndexFunc(p.Cells, func(c Cell) bool { return c.Name == name })
		if i < 0 {
			return p, fmt.Errorf("no cell %q: there are %s", name, p.names())
		}
		kept = append(kept, p.Cells[i])
	}
	p.Cells = kept
	return p, nil
}

// Lasting gives each design so long in each round; 0 changes nothing.
func (p Plan) Lasting(within time.Duration) Plan {
	p.Cells = slices.Clone(p.Cells)
	for i := range p.Cells {
		p.Cells[i].For = cmp.Or(within, p.Cells[i].For)
	}
	return p
}

func (p Plan) names() string {
	var names []string
	for _, c := range p.Cells {
		names = append(names, c.Name)
	}
	return strings.Join(append(names, overloadCell, memoryCell), ", ")
}
