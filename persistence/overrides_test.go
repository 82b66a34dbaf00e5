package persistence_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

// decision is a person's about the breaker of Paystack's charges.
func decision(state string) persistence.Override {
	return persistence.Override{
		Gateway: engine.Paystack, Class: "collect", State: state, Who: "awa", Account: "nonroot@node-1", Why: "their status page says so",
	}
}

func (w *world) override(t *testing.T, state string, lasts time.Duration) {
	t.Helper()
	written, err := w.Override(t.Context(), decision(state), lasts)
	require.NoError(t, err)
	if state != "" {
		require.Equal(t, lasts, written.Until.Sub(written.At), "by the database's clock, whatever ours says")
	}
}

func (w *world) inForce(t *testing.T) map[string]string {
	t.Helper()
	overrides, err := w.Overrides(t.Context())
	require.NoError(t, err)
	states := map[string]string{}
	for _, o := range overrides {
		require.NotEmpty(t, o.Who)
		require.NotEmpty(t, o.Account)
		require.NotEmpty(t, o.Why)
		require.True(t, o.Until.After(o.At))
		require.Equal(t, time.UTC, o.At.Location())
		states[string(o.Gateway)+" "+o.Class] = o.State
	}
	return states
}

func TestTheLatestOverrideOfABreakerStandsAndAllAreKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.Empty(t, w.inForce(t))
	w.override(t, "open", time.Hour)
	w.override(t, "closed", 2*time.Hour)
	other := decision("open")
	other.Gateway, other.Class = engine.FedaPay, "verify"
	_, err := w.Override(t.Context(), other, time.Hour)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"paystack collect": "closed", "fedapay verify": "open"}, w.inForce(t))
	w.override(t, "", 0)
	require.Equal(t, map[string]string{"fedapay verify": "open"}, w.inForce(t), "let go: the earlier ones do not come back")
	require.Equal(t, 4, w.count(t, "SELECT count(*) FROM gateway_overrides"))
}

func TestAnOverrideIsOverByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, `INSERT INTO gateway_overrides
		VALUES (1, now() - interval '2 h', now() - interval '1 s', 'paystack', 'collect', 'open', 'awa', 'nonroot@node-1', 'a drill')`)
	require.Empty(t, w.inForce(t))
	w.override(t, "closed", 24*time.Hour)
	require.Equal(t, map[string]string{"paystack collect": "closed"}, w.inForce(t))
}

func TestAnOverrideNobodyCouldAnswerForIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	for name, spoil := range map[string]func(*persistence.Override, *time.Duration){
		"by nobody":                func(o *persistence.Override, _ *time.Duration) { o.Who = "" },
		"by no account":            func(o *persistence.Override, _ *time.Duration) { o.Account = "" },
		"for no reason":            func(o *persistence.Override, _ *time.Duration) { o.Why = "" },
		"of no gateway":            func(o *persistence.Override, _ *time.Duration) { o.Gateway = "" },
		"of an unknown class":      func(o *persistence.Override, _ *time.Duration) { o.Class = "lunch" },
		"in an unknown state":      func(o *persistence.Override, _ *time.Duration) { o.State = "half_open" },
		"without an end":           func(_ *persistence.Override, lasts *time.Duration) { *lasts = 0 },
		"for more than a day":      func(_ *persistence.Override, lasts *time.Duration) { *lasts = 24*time.Hour + time.Second },
		"over already":             func(_ *persistence.Override, lasts *time.Duration) { *lasts = -time.Minute },
		"let go, and for an hour?": func(o *persistence.Override, _ *time.Duration) { o.State = "" },
	} {
		o, lasts := decision("open"), time.Hour
		spoil(&o, &lasts)
		_, err := w.Override(t.Context(), o, lasts)
		require.ErrorIs(t, err, engine.Invalid, name)
	}
	require.Zero(t, w.count(t, "SELECT count(*) FROM gateway_overrides"))
}

func TestTwoWhoOverrideAtOnceAreBothKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	const people = 4
	errs := make(chan error, people)
	var done sync.WaitGroup
	for range people {
		done.Go(func() {
			_, err := w.Override(t.Context(), decision("open"), time.Hour)
			errs <- err
		})
	}
	done.Wait()
	close(errs)
	kept := 0
	for err := range errs {
		if !errors.Is(err, engine.Overloaded) { // told to come again
			require.NoError(t, err)
			kept++
		}
	}
	require.Equal(t, kept, w.count(t, "SELECT max(no) FROM gateway_overrides"))
	require.Equal(t, map[string]string{"paystack collect": "open"}, w.inForce(t))
}
