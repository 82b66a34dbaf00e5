package persistence

import "time"

// PostgreSQL keeps microseconds. What is decided is cut to them before it is
// compared or written, so that a state reads back exactly as it was stored.

// moment is a time that may not have come: its zero is written as NULL.
type moment struct{ time.Time }

func nullable(t time.Time) moment { return moment{t} }

// epoch is where PostgreSQL counts from (its docs, Date/Time Types).
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// microseconds is a time as PostgreSQL stores it. Before the epoch it would round the
// other way; nothing of ours is so old.
func microseconds(t time.Time) int64 { return t.Sub(epoch).Microseconds() }

// stored reads a nullable time back, in UTC.
func stored(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
