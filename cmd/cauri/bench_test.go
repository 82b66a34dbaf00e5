package main

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/cmd/cauri/internal/bench"
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/internal/secret"
)

// benchWord is the role of a design's server: what launchBenchServer starts.
const benchWord = "bench-server"

func beABenchServer(ctx context.Context, args []string) (exit int) {
	return execute(ctx, append([]string{benchWord}, args...), streams{os.Stdout, os.Stderr})
}

// Each design, a moment under each kind of load: it answers, what it answered is there,
// and its books are held to the invariants. How fast it was is nobody's business here.
func TestEveryDesignOfTheBenchmarkKeepsItsBooks(t *testing.T) {
	dir, err := os.MkdirTemp("", "cauri-bench-test-") // not t.TempDir: PostgreSQL's account must get in when we are root
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // see above
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	small := maps.Clone(bench.Settings())
	maps.Copy(small, map[string]string{"shared_buffers": "64MB", "max_wal_size": "256MB"})
	server, err := pgembed.Start(t.Context(), pgembed.Config{BaseDir: dir, App: "cauri-bench-test", Auto: true, Fast: true, Settings: small})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })

	policy := benchPolicy(engine.DefaultPolicy())
	const load = 200 * time.Millisecond
	rivals := []bench.Design{bench.Naive, bench.Single, bench.Alone, bench.Ours}
	report, err := bench.Run(t.Context(), bench.Config{
		Plan: bench.Plan{Cells: []bench.Cell{
			{Name: "unique", Kind: bench.Unique, Connections: 8, Designs: append(rivals, bench.Raw), Rounds: 1, For: load},
			{Name: "duplicated", Kind: bench.Duplicated, Connections: 16, Designs: rivals, Rounds: 1, For: load},
			{Name: "remembered", Kind: bench.Remembered, Connections: 8, Designs: []bench.Design{bench.Door, bench.Ours}, Rounds: 1, For: load},
			{Name: "initiated", Kind: bench.Initiated, Connections: 8, Designs: []bench.Design{bench.Alone, bench.Ours}, Rounds: 1, For: load},
			{Name: "standing", Kind: bench.Unique, Connections: 8, Standing: 2_000, Designs: []bench.Design{bench.Ours}, Rounds: 1, For: load},
		}},
		Server: server, Policy: &policy, Key: secret.New(developmentPaystackKey), Launch: launchBenchServer,
		Log: slog.New(slog.DiscardHandler), Progress: t.Logf,
	})
	require.NoError(t, err)
	require.Empty(t, report.Invariants.Found)
	require.Greater(t, report.Invariants.Checked, 100)
	require.Len(t, report.Measures, 14)
	for _, m := range report.Measures {
		require.Positive(t, m.Deliveries, "%s of %s", m.Design, m.Cell)
		require.Zero(t, m.Wrong, "%s of %s", m.Design, m.Cell)
	}
}
