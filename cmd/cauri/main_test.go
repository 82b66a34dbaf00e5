package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

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
	pgtest.Main(m)
}
