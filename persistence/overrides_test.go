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

// decision is a person's about the breaker of Paystack's charges, for so long.
func decision(state string, lasts time.Duration) persistence.Override {
	o := persistence.Override{Gateway: engine.Paystack, Class: "collect", State: state, Who: "awa", Why: "their status page says so"}
	if lasts != 0 {
		o.Until = time.Now().Add(lasts)
	}
	return o
}

func (w *world) override(t *testing.T, state string, lasts time.Duration) {
	t.Helper()
	require.NoError(t, w.Override(t.Context(), decision(state, lasts)))
}

func (w *world) inForce(t *testing.T) map[string]string {
	t.Helper()
	overrides, err := w.Overrides(t.Context())
	require.NoError(t, err)
	states := map[string]string{}
	for _, o := range overrides {
		require.NotEmpty(t, o.Who)
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
	other := decision("open", time.Hour)
	other.Gateway, other.Class = engine.FedaPay, "verify"
	require.NoError(t, w.Override(t.Context(), other))
	require.Equal(t, map[string]string{"paystack collect": "closed", "fedapay verify": "open"}, w.inForce(t))
	w.override(t, "", 0)
	require.Equal(t, map[string]string{"fedapay verify": "open"}, w.inForce(t), "let go: the earlier ones do not come back")
	require.Equal(t, 4, w.count(t, "SELECT count(*) FROM gateway_overrides"))
}

func TestAnOverrideIsOverByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, `INSERT INTO gateway_overrides
		VALUES (1, now() - interval '2 h', now() - interval '1 s', 'paystack', 'collect', 'open', 'awa', 'a drill')`)
	require.Empty(t, w.inForce(t))
	w.override(t, "closed", 24*time.Hour+30*time.Second) // a day, by a clock that is ahead
	require.Equal(t, map[string]string{"paystack collect": "closed"}, w.inForce(t))
	require.Zero(t, w.count(t, "SELECT count(*) FROM gateway_overrides WHERE until_at > at + interval '24 h'"))
}

func TestAnOverrideNobodyCouldAnswerForIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	for name, spoil := range map[string]func(*persistence.Override){
		"by nobody":                 func(o *persistence.Override) { o.Who = "" },
		"for no reason":             func(o *persistence.Override) { o.Why = "" },
		"of no gateway":             func(o *persistence.Override) { o.Gateway = "" },
		"of an unknown class":       func(o *persistence.Override) { o.Class = "lunch" },
		"in an unknown state":       func(o *persistence.Override) { o.State = "half_open" },
		"without an end":            func(o *persistence.Override) { o.Until = time.Time{} },
		"for more than a day":       func(o *persistence.Override) { o.Until = time.Now().Add(25 * time.Hour) },
		"over already":              func(o *persistence.Override) { o.Until = time.Now().Add(-time.Minute) },
		"let go, and until a time?": func(o *persistence.Override) { o.State = "" },
	} {
		o := decision("open", time.Hour)
		spoil(&o)
		require.ErrorIs(t, w.Override(t.Context(), o), engine.Invalid, name)
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
		done.Go(func() { errs <- w.Override(t.Context(), decision("open", time.Hour)) })
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
