package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// Somebody asks an engine without a secrets file to read it again: it serves on.
func TestAHangUpEndsNoEngine(t *testing.T) {
	dsn := pgtest.DSN(t, pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
		return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
	}})
	var log lines
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{
			"serve", "--database-url=" + dsn, "--http-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0", "--paystack-secret-key=sk_test_hangup",
		}, streams{&log, &log})
	}()
	defer func() { t.Log(log.String()) }() // shown when it fails
	says := func(what string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(log.String(), what) }, 20*time.Second, 20*time.Millisecond, what)
	}
	says("serving")
	hangUp(t)
	says("CAURI_SECRETS_FILE")
	stop()
	require.Zero(t, <-ended, log.String())
}
