package persistence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func TestAnUnreachableDatabaseIsOverloaded(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.Close()
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1")})
	require.ErrorIs(t, err, engine.Overloaded)
}

func BenchmarkApply(b *testing.B) {
	w := open(b)
	ids := make([]engine.ID, b.N)
	for i := range ids {
		ids[i] = freshID()
		w.apply(b, ids[i], initiation(ids[i].String()))
	}
	b.ResetTimer()
	for _, id := range ids {
		w.apply(b, id, succeeded(id, 50_000))
	}
}
