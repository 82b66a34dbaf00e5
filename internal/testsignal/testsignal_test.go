package testsignal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSignalReportsMomentsInOrder(t *testing.T) {
	t.Parallel()
	var committed Signal[int]
	committed.Init()
	go committed.Emit(1)
	require.Equal(t, 1, committed.Await(t))
	committed.Emit(2)
	committed.Emit(3)
	require.Equal(t, 2, committed.Await(t))
	require.Equal(t, 3, committed.Await(t))
}

func TestSignalOfProductionCostsNothing(t *testing.T) {
	var off Signal[int]
	var absent *Signal[int]
	require.Zero(t, testing.AllocsPerRun(100, func() {
		off.Emit(1)
		absent.Emit(1)
	}))
}

func TestUnreadFloodIsNamedAsTheTestsBug(t *testing.T) {
	t.Parallel()
	var flooded Signal[int]
	flooded.Init()
	for i := range unreadMax {
		flooded.Emit(i)
	}
	require.Panics(t, func() { flooded.Emit(unreadMax) })
}
