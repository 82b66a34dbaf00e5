package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/google/uuid"
)

func main() {
	uuid.EnableRandPool() // a request takes three ids: one read of the system's randomness makes sixteen
	// The first signal asks everything to stop in order; a second one, with the
	// handler gone, kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}
