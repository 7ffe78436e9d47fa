# What a contributor runs. CI runs .ci/run.

_default:
    @just --list --unsorted

# fetch the libraries
setup:
    go mod download

# build the programs into bin/
build:
    go build -o bin/ ./cmd/...

# all tests
test *args:
    go test {{args}} ./...

# all tests, with the race detector
race:
    go test -race -timeout 15m ./...

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
