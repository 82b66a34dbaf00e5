package bench

// Design is a way to make a delivery durable.
type Design string

// The designs.
const (
	// Naive is how it is first written: one database transaction for each webhook,
	// one statement after the other.
	Naive Design = "naive"
	// Single is one statement for each webhook, which locks, checks and writes
	// everything.
	Single Design = "single"
	// Alone is the engine's Decide with a database transaction of its own for each
	// command: ours without the group commit.
	Alone Design = "alone"
	// Ours is the engine as it is served: edge, actors, committer.
	Ours Design = "ours"
	// Raw is the limit: the same rows inserted in batches, with no lock, no check and
	// no update. It is not correct.
	Raw Design = "raw"
	// Door is the edge alone: HTTP, signature, parse; nothing is stored.
	Door Design = "http"
)

// Says tells people what the design is.
func (d Design) Says() string {
	switch d {
	case Naive:
		return "a transaction for each webhook, statement by statement"
	case Single:
		return "one statement for each webhook"
	case Alone:
		return "the engine, each command alone"
	case Ours:
		return "the engine as served"
	case Raw:
		return "the limit: batched INSERTs, nothing guarded"
	case Door:
		return "HTTP and signature, no database"
	}
	return "unknown"
}

// keepsBooks reports that what the design leaves behind is held to the invariants.
func (d Design) keepsBooks() bool { return d != Raw && d != Door }
