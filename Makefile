# Nothing needs make: each target is a line to type. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
TOOL  := go tool -modfile=tools/go.mod

PKG   ?= ./...
ARGS  ?=
COUNT ?= 50

# The packages whose tests can write what they compare with.
GOLDEN = $(shell grep -rl --include='*_test.go' 'Bool."update"' . | xargs -n1 dirname | sort -u)

.PHONY: help run demo test test/race test/flake mutants fuzz bench generate verify golden fmt lint ci hooks

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## run the engine; settings come from the environment or ARGS="--http-addr …"
	go run ./cmd/cauri serve $(ARGS)

demo: ## see it run: a private PostgreSQL, the simulated gateways, a trickle of payments
	go run ./cmd/cauri demo $(ARGS)

test: ## every test, with a PostgreSQL of its own
	go test $(PKG)

test/race: ## the same under the race detector
	go test -race $(PKG)

test/flake: ## one package, many times: make test/flake PKG=./actors
	go test -race -count=$(COUNT) -failfast $(PKG)

mutants: ## plant known mistakes and see each caught by its test
	go run ./internal/mutants $(ARGS)

fuzz: ## each fuzz target for 20 seconds; ARGS="5m http": how long, and below which folder
	bash .ci/fuzz $(or $(ARGS),20s)

bench: ## benchmarks, compared with the first run (delete bench.out to begin again)
	go test -run '^$$' -bench . -benchmem -count 6 $(PKG) | tee bench.new.out
	@if [ -f bench.out ]; then $(TOOL) benchstat bench.out bench.new.out; else mv bench.new.out bench.out; fi

generate: golden ## rewrite what is generated: the diagrams, the golden files, openapi.json

verify: ## fail where what is committed differs from what would be generated
	go test $(GOLDEN)

golden: ## the same as generate, for tests that keep golden files; read the diff
	go test $(GOLDEN) -update

fmt: ## format
	$(TOOL) gofumpt -w .

lint: ## vet, staticcheck, dead code; golangci-lint too when it is installed
	go vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) deadcode -test ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; fi

ci: ## what must hold before a change is merged
	bash .ci/run

hooks: ## check each commit before it is made
	git config core.hooksPath .githooks
