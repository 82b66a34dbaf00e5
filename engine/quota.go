package engine

import "time"

// Quota is how often something may be done to somebody, or by them, within a time.
// It is kept for all nodes together; what is done again under the same intent is
// done once.
type Quota struct {
	// Subject is what is done and to whom, as a keyed hash: no phone can be read
	// from it.
	Subject [32]byte
	Most    int
	Within  time.Duration
}
