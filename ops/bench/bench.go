// Package bench measures a real node under load and under attack.
//
// It makes an authority in an empty directory, and runs its node in this process.
// Operators join in the ordinary way and publish over TCP with their own credentials.
// What they publish is signed beforehand and read from files, so that the time and
// memory of signing are not measured.
//
// It makes an authority in an empty directory, and runs its node in this process.
// Operators join in the ordinary way and publish over TCP with their own credentials.
// What they publish is signed beforehand and read from files, so that the time and
// memory of signing are not measured.
//
// It makes an authority in an empty directory, and runs its node in this process.
// Operators join in the ordinary way and publish over TCP with their own credentials.
// What they publish is signed beforehand and read from files, so that the time and
// memory of signing are not measured.
//
// It makes an authority in an empty directory, and runs its node in this process.
// Operators join in the ordinary way and publish over TCP with their own credentials.
// What they publish is signed beforehand and read from files, so that the time and
// memory of signing are not measured.
//
// It makes an authority in an empty directory, and runs its node in this process.
// Operators join in the ordinary way and publish over TCP with their own credentials.
// What they publish is signed beforehand and read from files, so that the time and
// memory of signing are not measured.
//
// It makes an authority in an empty directory, and runs its node in this process.
// Operators join in the ordinary way and publish over TCP with their own credentials.
// What they publish is signed beforehand and read from files, so that the time and
// memory of signing are not measured.
//
// Each measure has a node of its own. Beside them stand yardsticks, taken in the
// same run: what the tree, the signatures and the stream could bear alone.
//
// A measure reports figures and judges none of them. It does fail if the ledger
// that it made does not stand up to an audit: speed is worth nothing then.
//
// Not here: what operators run: cmd/saksi-bench alone imports it. It reports figures and
// judges none.
package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ops/limiter"
)

// Config says what to measure.
type Config struct {
	// Dir is where homes and ledgers are made, each in a directory of its own
	// that is removed after its measure; the system's temporary directory if empty.
	Dir string
	// Duration is how long each measure lasts; DefaultDuration if zero.
	Duration time.Duration
	// Rows is how many rows the views have in the measure of making them anew;
	// DefaultRows if zero. Their number is in the figures' names.
	Rows int
	// Limits are how much of the node one party may take.
	Limits limiter.Limits
	// Only names the one measure to take, or is empty for all of them but hostile,
	// which takes minutes. hostile-X is the one attack X of it.
	Only string
	// Log gets the node's warnings; they are dropped if it is nil.
	Log *slog.Logger
	// Begin, if set, is called when a measure's load begins, and the function
	// that it returns when the load ends: for profiles.
	Begin func(measure string) (end func())
}

// DefaultDuration is how long a measure lasts unless told otherwise.
const DefaultDuration = 10 * time.Second

// DefaultRows is how many rows views are made of unless told otherwise.
const DefaultRows = 1_000_000

// Figure is one result.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// N is how many of what was counted the value rests on.
	N int `json:"n"`
	// Conditions are what else the value depends on.
	Conditions string `json:"conditions"`
}

// ErrUnknown means that there is no measure of the name asked for.
var ErrUnknown = errors.New("no such measure")

type measure struct {
	name string
	take func(*run, context.Context) error
}

func measures() []measure {
	return []measure{
		{"ingest-1", func(r *run, ctx context.Context) error { return r.ingest(ctx, 1) }},
		{"ingest-32", func(r *run, ctx context.Context) error { return r.ingest(ctx, 32) }},
		{"receipt-1", func(r *run, ctx context.Context) error { return r.receipt(ctx, 1) }},
		{"receipt-32", func(r *run, ctx context.Context) error { return r.receipt(ctx, 32) }},
		{"view-1", func(r *run, ctx context.Context) error { return r.view(ctx, 1) }},
		{"view-32", func(r *run, ctx context.Context) error { return r.view(ctx, 32) }},
		{"feed-1", func(r *run, ctx context.Context) error { return r.feed(ctx, 1) }},
		{"rebuild", (*run).rebuild},
		{"hostile", (*run).hostile},
		{"tessera", (*run).tesseraAlone},
		{"ed25519", (*run).signaturesAlone},
		{"jetstream", (*run).streamAlone},
	}
}

// Measures returns the names of all measures, in the order in which they are
// taken.
func Measures() []string {
	var names []string
	for _, m := range measures() {
		names = append(names, m.name)
	}
	return names
}

// Run takes the measures and reports each figure when it is known.
func Run(ctx context.Context, config Config, report func(Figure)) error {
	attacks := Attacks()
	if attack, one := strings.CutPrefix(config.Only, "hostile-"); one && slices.Contains(attacks, attack) {
		config.Only, attacks = "hostile", []string{attack}
	}
	if config.Only != "" && !slices.Contains(Measures(), config.Only) {
		return fmt.Errorf("%s: %w: there are %s", config.Only, ErrUnknown, strings.Join(Measures(), ", "))
	}
	config = config.orDefault()
	dir, err := os.MkdirTemp(config.Dir, "saksi-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &run{config: config, report: report, rates: map[int]float64{}, attacks: attacks}
	for _, m := range measures() {
		if m.name != config.Only && (config.Only != "" || m.name == "hostile") {
			continue
		}
		r.name, r.dir = m.name, filepath.Join(dir, m.name)
		if err := os.Mkdir(r.dir, 0o700); err != nil {
			return err
		}
		if err := m.take(r, ctx); err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
		if err := os.RemoveAll(r.dir); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) orDefault() Config {
	if c.Duration == 0 {
		c.Duration = DefaultDuration
	}
	if c.Rows == 0 {
		c.Rows = DefaultRows
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Begin == nil {
		c.Begin = func(string) func() { return func() {} }
	}
	return c
}

// run is a run of some measures.
type run struct {
	config Config
	report func(Figure)
	name   string // of the measure being taken
	dir    string // its own
	// rates are the envelopes a second that ingest bore, by events an envelope.
	rates map[int]float64
	// attacks are those that the measure hostile takes.
	attacks []string
}

// say reports a figure of the measure being taken.
func (r *run) say(name string, value float64, unit string, n int, conditions ...string) {
	conditions = append([]string{fmt.Sprintf("%d cores", runtime.GOMAXPROCS(0))}, conditions...)
	r.report(Figure{Name: name, Value: value, Unit: unit, N: n, Conditions: strings.Join(conditions, ", ")})
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
