package lifecycle

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary notes what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// service is one that notes its start and its stop, and returns the given errors.
func (d *diary) service(name string, start, stop error) Service {
	return Service{
		Name:  name,
		Start: func(context.Context) error { d.note("start " + name); return start },
		Stop:  func(context.Context) error { d.note("stop " + name); return stop },
	}
}

func TestServicesStopInTheReverseOrderOfTheirStart(t *testing.T) {
	t.Parallel()
	var d diary
	var g Group
	require.NoError(t, g.Start(t.Context(), d.service("database", nil, nil), d.service("actors", nil, nil)))
	require.NoError(t, g.Start(t.Context(), d.service("http", nil, nil)))
	require.NoError(t, g.Stop(t.Context()))
	require.Equal(t, []string{
		"start database", "start actors", "start http",
		"stop http", "stop actors", "stop database",
	}, d.lines)
}

func TestFailedStartStopsWhatWasStartedAndNamesItself(t *testing.T) {
	t.Parallel()
	var d diary
	var g Group
	taken := errors.New("port is taken")
	err := g.Start(t.Context(), d.service("database", nil, nil), d.service("http", taken, nil), d.service("clock", nil, nil))
	require.ErrorIs(t, err, taken)
	require.EqualError(t, err, "start http: port is taken")
	require.Equal(t, []string{"start database", "start http", "stop database"}, d.lines)
	require.NoError(t, g.Stop(t.Context()), "nothing is left to stop")
}

func TestCancelledStartStillHasTimeToStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var g Group
	var stoppedUnder error
	err := g.Start(ctx,
		Service{Name: "database", Stop: func(ctx context.Context) error { stoppedUnder = ctx.Err(); return nil }},
		Service{Name: "actors", Start: func(ctx context.Context) error { cancel(); return ctx.Err() }},
	)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, stoppedUnder)
}

func TestStoppingTwiceIsHarmlessAndWaits(t *testing.T) {
	t.Parallel()
	var d diary
	var g Group
	entered, release := make(chan struct{}), make(chan struct{})
	require.NoError(t, g.Start(t.Context(), Service{Name: "slow", Stop: func(context.Context) error {
		close(entered) // a second call would panic
		<-release
		d.note("stopped")
		return nil
	}}))
	var both sync.WaitGroup
	var first, second error
	both.Go(func() { first = g.Stop(t.Context()) })
	<-entered
	both.Go(func() {
		second = g.Stop(t.Context())
		d.note("second returned")
	})
	close(release)
	both.Wait()
	require.NoError(t, errors.Join(first, second))
	require.Equal(t, []string{"stopped", "second returned"}, d.lines)
}

func TestFailedStopIsNamedAndKeepsNobodyElseAlive(t *testing.T) {
	t.Parallel()
	var d diary
	var g Group
	lost := errors.New("connection lost")
	require.NoError(t, g.Start(t.Context(), d.service("database", nil, nil), d.service("actors", nil, lost)))
	err := g.Stop(t.Context())
	require.ErrorIs(t, err, lost)
	require.EqualError(t, err, "stop actors: connection lost")
	require.Equal(t, "stop database", d.lines[len(d.lines)-1])
}

func TestServiceThatIgnoresItsDeadlineIsLeftAndNamed(t *testing.T) {
	t.Parallel()
	var d diary
	var g Group
	release := make(chan struct{})
	defer close(release)
	stuck := Service{Name: "stuck", StopWithin: time.Millisecond, Stop: func(context.Context) error { <-release; return nil }}
	require.NoError(t, g.Start(t.Context(), d.service("database", nil, nil), stuck))
	err := g.Stop(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "stop stuck: still running after its time")
	require.Equal(t, []string{"start database", "stop database"}, d.lines)
}

func TestServiceHearsThatItsTimeIsUp(t *testing.T) {
	t.Parallel()
	var g Group
	heeds := Service{Name: "heeds", StopWithin: time.Millisecond, Stop: func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("3 effects given up")
	}}
	require.NoError(t, g.Start(t.Context(), heeds))
	require.EqualError(t, g.Stop(t.Context()), "stop heeds: 3 effects given up")
}
