package tidy

// goroutineOwners are the files that may start a goroutine, each because
// something in it can stop what it started and waits for it.
var goroutineOwners = map[string]string{
	"cmd/cauri/demo.go":               "runs the payers beside the status line, and waits for them",
	"cmd/cauri/run.go":                "is the actors' port Go; System.Stop waits for all it was given",
	"internal/lifecycle/lifecycle.go": "runs one Stop beside its deadline and reads its answer",
	"internal/pgembed/start.go":       "waits for the server's process; Stop waits for it",
	"internal/pgembed/adopt.go":       "watches an adopted server; Stop ends it",
}

// environmentReaders are the files that may read the environment.
var environmentReaders = map[string]string{
	"persistence/pgtest/server.go": "TEST_DATABASE_URL: a test has no configuration to be handed",
}

// rivalStatements are the benchmark's other ways to store a webhook, on databases of
// its own.
var rivalStatements = map[string]string{
	"cmd/cauri/internal/bench/naive.go":  "writes as it is first written, statement by statement",
	"cmd/cauri/internal/bench/single.go": "writes as one statement",
}

// rivalStores are where they answer as the store would.
var rivalStores = map[string]string{"cmd/cauri/internal/bench/rival.go": "stands where the store stands"}
