package persistence_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheKeeperMakesTheDaysThatAreMissing(t *testing.T) {
	t.Parallel()
	w := open(t)
	made := days(t, w.window)
	w.exec(t, "DROP TABLE "+made[len(made)-1])
	keeper := w.Keeper()
	require.NoError(t, keeper.Start(t.Context()))
	defer func() { require.NoError(t, keeper.Stop(context.Background())) }()
	require.Eventually(t, func() bool { return len(days(t, w.window)) == len(made) }, 10*time.Second, 20*time.Millisecond)
}
