package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/persistence/pgtest"
)

// roles are what this test binary can be instead of testing: an engine of its own
// process, which a test kills as the power would.
var roles = map[string]func(ctx context.Context, args []string) (exit int){
	childWord:    beAnEngine,
	campaignWord: beFar,
	benchWord:    beABenchServer,
}

// childWord is the role of the engine that the harness kills.
const childWord = "be-an-engine"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		exit := roles[os.Args[1]](ctx, os.Args[2:])
		stop()
		os.Exit(exit)
	}
	pgtest.Main(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // fasthttp's clock, one a process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // ends with its sleep, 10 s after the stop
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),                      // the tests' own client
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// write puts a text into a file.
func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}
