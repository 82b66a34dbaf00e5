package bench

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/pgembed"
)

// measured is three rounds in which the machine slowed down to a third for everybody:
// the ratio did not change.
func measured() *Report {
	plan := Quick()
	r := newReport(Config{Plan: plan, Server: &pgembed.Server{Version: "15.9"}})
	for round, mood := range []float64{3, 1, 2} {
		for design, rate := range map[Design]float64{Naive: 1000, Ours: 9000} {
			r.Measures = append(r.Measures, Measure{
				Cell: "unique-256", Design: design, Round: round + 1, Connections: 256, Deliveries: 100, PerSecond: rate * mood,
				EngineCPU: 1e6 / rate, PostgresCPU: 1e6 / rate, Resident: 64 << 20,
			})
		}
	}
	return r
}

func TestRatiosAreBetweenNeighboursAndFiguresAreMedians(t *testing.T) {
	t.Parallel()
	r := measured()
	// A round of one design alone has no neighbour.
	r.Measures = append(r.Measures, Measure{Cell: "unique-256", Design: Ours, Round: 4, PerSecond: 1e9, EngineCPU: 1})
	r.conclude(0)
	require.InDelta(t, 9, r.Ratios["vs_naive_256"], 1e-9)
	require.InDelta(t, 9, r.Ratios["cpu_vs_naive_256"], 1e-9)
	require.NotContains(t, r.Ratios, "vs_naive_64", "what was not measured has no ratio")
	for _, row := range r.Rows {
		if row.Median.Design == Naive {
			require.InDelta(t, 2000, row.Median.PerSecond, 1e-9)
			require.Equal(t, 3, row.Rounds)
			require.Equal(t, 300, row.Median.Deliveries)
		}
	}
	reached := map[string]bool{}
	for _, target := range r.Targets {
		reached[target.Ratio] = target.Reached
	}
	require.Equal(t, map[string]bool{"vs_naive_256": true, "cpu_vs_naive_256": false, "resident_mb_256": true}, reached)
}

func TestARatioThatMayBeAtMostIsReachedBelow(t *testing.T) {
	t.Parallel()
	r := newReport(Config{Plan: Quick(), Server: &pgembed.Server{}})
	for cell, us := range map[string]float64{"rows-100k": 100, "rows-5m": 120} {
		r.Measures = append(r.Measures, Measure{Cell: cell, Design: Ours, Round: 1, EngineCPU: us})
	}
	r.conclude(0)
	require.Equal(t, []Target{{"rows_5m_vs_100k", 1.15, true, 1.2, false}}, r.Targets)
}

// The keys are what other programs read.
func TestTheReportAsJSON(t *testing.T) {
	t.Parallel()
	r := measured()
	r.Invariants.hold(false, "a book")
	r.conclude(0)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var read struct {
		Ratios     map[string]float64
		Invariants struct{ Checked, Broken int }
	}
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, 1, read.Invariants.Broken)
	require.Equal(t, 1, read.Invariants.Checked)
	require.Contains(t, read.Ratios, "vs_naive_256")
	names := map[string]bool{}
	for _, q := range quotients {
		names[q.name] = true
	}
	for _, key := range []string{
		"vs_naive_256", "vs_single_256", "vs_naive_64", "vs_naive_1", "vs_raw_256", "cpu_vs_naive_256", "dup_vs_naive_256",
		"memory_dup_vs_http", "rows_5m_vs_100k",
	} {
		require.True(t, names[key], key)
	}
}

func TestThePageNeedsNothingElseAndSaysAll(t *testing.T) {
	t.Parallel()
	r := measured()
	r.Overload = &Overload{Peak: 1800, Offered: 9000, Goodput: 2200, Refused: 34_788, RefusedP99: 34.5}
	r.Invariants.hold(false, "%s", `<script>alert("x")</script>`)
	r.conclude(0)
	page, err := r.Page()
	require.NoError(t, err)
	text := string(page)
	for _, outside := range []string{"<script", "http://", "https://", "@import", "url("} {
		require.NotContains(t, text, outside)
	}
	for _, said := range []string{"unique-256", "256 connections", "vs_naive_256", "naive", "ours", "18\u202f000", "34788", "1 broken"} {
		require.Contains(t, text, said)
	}
	require.Equal(t, strings.Count(text, `class="dot"`), 6, "a dot for each round")
	for _, drawing := range strings.Split(text, "<svg")[1:] {
		drawing = "<svg" + drawing[:strings.Index(drawing, "</svg>")] + "</svg>"
		require.NoError(t, xml.Unmarshal([]byte(drawing), new(struct{})), drawing)
	}
}

func TestAPlanKeepsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	p, err := Full().Only([]string{"unique-8", "overload"})
	require.NoError(t, err)
	require.Len(t, p.Cells, 1)
	require.True(t, p.Overload)
	p, err = Quick().Only([]string{"unique-64"})
	require.NoError(t, err)
	require.False(t, p.Overload)
	_, err = Quick().Only([]string{"unique-9"})
	require.ErrorContains(t, err, "unique-256", "it names those there are")
}
