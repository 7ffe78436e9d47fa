# What a contributor runs. CI runs .ci/run.

_default:
    @just --list --unsorted

# fetch the libraries
setup:
    go mod download

# build the programs into bin/
build:
    go build -o bin/ ./cmd/...

# the tests for every day: about three minutes
test *args:
    go test {{args}} ./...

# these and the slow set: what kills in loops, waits by the clock or needs minutes
slow *args:
    SAKSI_SLOW=1 go test -timeout 30m {{args}} ./...

# what takes up to 90 minutes: power cuts, crash rounds, fuzzing, load
long:
    .ci/long

# the tests for every day, with the race detector
race *args:
    go test -race -timeout 15m {{args}} ./...

# format, vet, staticcheck, tidiness
lint:
    test -z "$(gofmt -l cmd events ledger ops projections schemas | tee /dev/stderr)"
    go vet ./...
    go tool staticcheck ./...
    go mod tidy -diff

# fuzz one target for as long as you like: just fuzz ./events/schema FuzzValidate 1m
fuzz package target time="1m":
    go test -run '^$' -fuzz '^{{target}}$' -fuzztime {{time}} -fuzzminimizetime 1x {{package}}

# run the benchmarks
bench *args:
    go test -run '^$' -bench . -benchmem {{args}} ./...

# what CI runs
ci:
    .ci/run

# the commands of README.md and docs/tutorial.md, as the test runs them
demo-transcript:
    go test -v -count 1 -run 'TestScripts/(readme|tutorial)$' ./cmd/saksi
