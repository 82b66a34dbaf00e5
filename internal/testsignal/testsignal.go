package testsignal

import "time"

// unreadMax is how many moments may wait for the test; one that makes more reads too few.
const unreadMax = 256

// within is how long a moment is awaited: far beyond any honest delay.
const within = 10 * time.Second

// Signal reports moments of type T. The zero Signal reports to nobody.
type Signal[T any] struct{ moments chan T }

// Init makes the signal report. Call it before the code under test starts.
func (s *Signal[T]) Init() { s.moments = make(chan T, unreadMax) }

// Emit reports a moment. It never blocks; a flood that no test reads is a bug of that test.
func (s *Signal[T]) Emit(moment T) {
	if s == nil || s.moments == nil {
		return
	}
	select {
	case s.moments <- moment:
	default:
		panic("testsignal: nobody reads this signal")
	}
}

// Await returns the next moment, or ends the test that waited in vain.
func (s *Signal[T]) Await(t interface {
	Helper()
	Fatalf(format string, args ...any)
},
) (moment T) {
	t.Helper()
	select {
	case moment = <-s.moments:
	case <-time.After(within):
		t.Fatalf("nothing happened within %s", within)
	}
	return moment
}
