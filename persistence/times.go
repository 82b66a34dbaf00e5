package persistence

import "time"

// PostgreSQL keeps microseconds. What is decided is cut to them before it is
// compared or written, so that a state reads back exactly as it was stored.

// nullable makes of the zero time the NULL it is.
func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Truncate(time.Microsecond)
	return &t
}

// stored reads a nullable time back, in UTC.
func stored(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
