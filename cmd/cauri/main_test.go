package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/bookmi/cauri/persistence/pgtest"
)

// childWord makes this test binary be an engine instead of testing one: the
// harness kills it as the power would.
const childWord = "be-an-engine"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childWord {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(beAnEngine(ctx, os.Args[2:]))
	}
	pgtest.Main(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // fasthttp's clock, one a process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // ends with its sleep, 10 s after the stop
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),                      // the tests' own client
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}
