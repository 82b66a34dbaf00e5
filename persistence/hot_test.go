package persistence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// Half of each page is kept free and no index mentions what changes: an update
// stays on its page and touches no index (heap-only, 4.7 µs instead of 12.7).
func TestUpdatesOfAPaymentStayOnTheirPage(t *testing.T) {
	t.Parallel()
	w := open(t)
	store := w.another(t)
	const payments = 40
	for range payments {
		id := freshID()
		for _, cmd := range []engine.Command{
			initiation(id.String()),
			engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}},
			succeeded(id, 50_000),
			engine.ConfirmDelivery{},
		} {
			_, err := store.Apply(t.Context(), engine.Ask{Transaction: id, Command: cmd})
			require.NoError(t, err)
		}
	}
	store.Close() // sessions that end tell their numbers
	var updated, onThePage int
	require.Eventually(t, func() bool {
		require.NoError(t, w.window.QueryRow(t.Context(),
			"SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'transactions'").Scan(&updated, &onThePage))
		return updated >= 3*payments
	}, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, updated, onThePage)
}
