package ops

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/saksi-ledger/saksi"

// layers are the project's rooms, from the ground up: a package imports those of
// its own layer and below.
var layers = []string{"schemas", "events", "ledger", "projections", "ops", "cmd"}

// everywhere may be imported by every package of a layer that is not below its own: what prints foreign text,
// uses paths that people choose, and waits before another try.
var everywhere = []string{"events/safetext", "ledger/paths", "ledger/retry"}

// only lists what of the project a package may import: each name stands for the
// package and, with /…, for those below it.
var only = map[string][]string{
	"events/slowtest":     {},
	"ledger/quiet":        {},
	"ledger/retry":        {},
	"schemas":             {},
	"events":              {"events/canonical"},
	"events/canonical":    {},
	"events/disclosed":    {"events", "events/canonical"},
	"events/committed":    {"events", "events/disclosed"},
	"events/ed25519batch": {},
	"events/safetext":     {},
	"events/schema":       {"schemas"},
	"ledger/client":       {"events", "events/canonical", "events/disclosed", "ledger/durable", "ledger/formats", "ledger/verify"},
	"events/vocabulary":   {"events", "events/schema", "schemas"},
	"events/connect/…":    {"events", "events/canonical", "events/connect/…", "events/vocabulary", "events/zone"},
	"ledger/formats":      {"events", "events/canonical"},
	"ledger/verify":       {"events", "events/canonical", "ledger/formats"},
	"cmd/saksi-verify":    {"ledger/durable", "ledger/formats", "ledger/verify"},
	"ledger/durable":      {},
	// Projections know of the ledger that it can be read, and no more.
	"projections":               {"events", "events/…", "ledger", "ledger/tiles", "ledger/formats", "ledger/verify", "projections/store"},
	"projections/store":         {},
	"projections/store/…":       {"ledger/durable", "projections/store", "projections/store/…"},
	"projections/views":         {"events", "ledger/formats", "ledger/verify", "projections", "projections/findings/…"},
	"projections/findings/…":    {"events", "events/committed", "ledger/formats", "ledger/verify", "projections", "projections/findings/…"},
	"projections/feeds":         {"events", "projections"},
	"projections/api":           {"events", "events/disclosed", "ledger", "ledger/http/…", "ledger/formats", "ledger/verify", "projections", "projections/feeds"},
	"projections/api/apiclient": {},
	"ops/broker":                {"events", "ledger/durable"},
	"ops/home":                  {"events", "ledger/durable", "ledger/formats", "ledger/verify"},
	"ops/operator":              {"schemas", "events/…", "projections/api/apiclient", "ledger/client", "ledger/durable", "ledger/formats", "ledger/verify", "ops/home"},
	"ops/reader":                {"events", "ledger/durable", "ledger/formats", "ledger/verify", "ops/home", "projections", "projections/api/apiclient", "projections/feeds"},
}

// never lists what a package may not reach, however far down. Where net is not in
// the list, crypto/x509 brings it along for its type of an IP address.
var never = map[string][]string{
	"schemas":             {"net", "net/http", "os/exec", "database/sql"},
	"events":              {"net/http", "os/exec", "database/sql"},
	"events/canonical":    {"net", "net/http", "os/exec", "database/sql"},
	"events/ed25519batch": {"net", "net/http", "os/exec", "database/sql"},
	"events/safetext":     {"net", "net/http", "os/exec", "database/sql"},
	"ledger/formats":      {"net/http", "os/exec", "database/sql", "github.com/nats-io/…", "github.com/transparency-dev/…", "modernc.org/…"},
	"ledger/verify": {
		"net/http", "os/exec", "database/sql", "github.com/nats-io/…", "github.com/transparency-dev/tessera/…", "modernc.org/…",
	},
	"ledger/admission": {"net/http", "os/exec", "database/sql", "github.com/nats-io/…"},
	"ledger":           {"net/http", "os/exec", "database/sql", "github.com/nats-io/…"},
	"ledger/archive":   {"database/sql", "github.com/nats-io/…"},
	"ledger/client":    {"github.com/nats-io/nats-server/…", "github.com/transparency-dev/tessera/…"},
	"projections":      {"database/sql", "github.com/transparency-dev/tessera/…"},
	"projections/…":    {"github.com/nats-io/nats-server/…"},
	"ops/home":         {"github.com/nats-io/nats-server/…", "github.com/transparency-dev/tessera/…", "modernc.org/…"},
	"ops/limiter":      {"github.com/nats-io/…", "github.com/transparency-dev/tessera/…", "database/sql"},
	"ops/operator":     {"github.com/nats-io/nats-server/…", "github.com/transparency-dev/tessera/…"},
	"ops/reader":       {"github.com/nats-io/nats-server/…", "github.com/transparency-dev/tessera/…", "modernc.org/…"},
	// Where views' rows are kept is chosen in one place.
	"projections/store":        {"net/http", "os/exec", "database/sql", "modernc.org/…"},
	"projections/store/memory": {"net/http", "os/exec", "database/sql", "modernc.org/…"},
	"projections/findings/…":   {"database/sql", "modernc.org/…"},
	"projections/views":        {"database/sql", "modernc.org/…"},
	"projections/feeds":        {"database/sql", "modernc.org/…"},
	"projections/api":          {"database/sql", "modernc.org/…"},
	"cmd/saksi-verify":         {"net/http", "os/exec", "database/sql", "github.com/nats-io/…", "github.com/transparency-dev/…", "modernc.org/…"},
}

// importers lists who may import what only a few may link: everybody else reaches it by
// way of them, or not at all.
var importers = map[string][]string{
	"modernc.org/…":  {"ledger/client", "ledger/writer", "projections/store/sqlite"},
	"database/sql/…": {"ledger/client", "ledger/writer", "projections/store/sqlite"},
	// The tree's storage, and those who check it with the code of its authors.
	"github.com/transparency-dev/tessera/…": {
		"ledger/writer", "ledger/audit", "ledger/countersign/rekor", "ledger/countersign/rekor/server", "ops/bench",
	},
	"github.com/nats-io/nats-server/…": {"ops/broker"},
}

// directly lists what a package's own files may not import. Libraries below may,
// as encoding/json does with os by way of fmt.
var directly = map[string][]string{
	"events":              {"os", "net", "net/http", "database/sql", "path/filepath"},
	"events/canonical":    {"os", "net", "net/http", "database/sql", "path/filepath"},
	"events/ed25519batch": {"os", "net", "net/http", "database/sql", "path/filepath"},
	"events/safetext":     {"os", "net", "net/http", "database/sql", "path/filepath"},
	"ledger/formats":      {"os", "net", "net/http", "database/sql", "path/filepath"},
	"ledger/verify":       {"os", "net", "net/http", "database/sql", "path/filepath"},
	"ledger/admission":    {"os", "net", "net/http", "database/sql", "path/filepath"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// TestPackageGraph holds the imports to one way: schemas, events, ledger,
// projections, ops, cmd.
func TestPackageGraph(t *testing.T) {
	packages := list(t)
	seen := map[string]bool{}
	for _, p := range packages {
		name, ok := ours(p.ImportPath)
		if !ok {
			t.Fatalf("go list gave %s", p.ImportPath)
		}
		seen[name] = true
		own := layerOf(name)
		if own < 0 {
			t.Errorf("%s is in none of the rooms %v", name, layers)
			continue
		}
		for _, i := range p.Imports {
			imported, ok := ours(i)
			if !ok {
				continue
			}
			if layerOf(imported) > own {
				t.Errorf("%s imports %s: imports go from %s down", name, imported, layers[own])
			}
			if slices.Contains(everywhere, imported) {
				continue
			}
			if imported == "events/slowtest" {
				t.Errorf("%s imports %s: only tests may", name, imported)
			}
			if within(imported, "cmd/…") && !within(imported, "cmd/internal/…") {
				t.Errorf("%s imports %s: nobody imports a command", name, imported)
			}
			for pattern, allowed := range only {
				if within(name, pattern) && !anyWithin(imported, allowed) {
					t.Errorf("%s imports %s: of the project it may import %v only", name, imported, allowed)
				}
			}
		}
		for pattern, allowed := range importers {
			for _, i := range p.Imports {
				if within(i, pattern) && !anyWithin(name, allowed) {
					t.Errorf("%s imports %s: only %v may", name, i, allowed)
				}
			}
		}
		for pattern, banned := range directly {
			for _, i := range p.Imports {
				if within(name, pattern) && anyWithin(i, banned) {
					t.Errorf("%s imports %s", name, i)
				}
			}
		}
		for pattern, banned := range never {
			for _, dependency := range p.Deps {
				if within(name, pattern) && anyWithin(dependency, banned) {
					t.Errorf("%s depends on %s", name, dependency)
				}
			}
		}
	}
	for _, rules := range []map[string][]string{only, never, directly} {
		for pattern := range rules {
			if !strings.HasSuffix(pattern, "/…") && !seen[pattern] {
				t.Errorf("there is a rule for %s, and no such package", pattern)
			}
		}
	}
}

func list(t *testing.T) []listed {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to list packages with")
	}
	cmd := exec.CommandContext(t.Context(), goTool, "list", "-buildvcs=false", "-json=ImportPath,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath != module+"/ops" { // this file's
			packages = append(packages, p)
		}
	}
	if len(packages) < 10 {
		t.Fatalf("go list gave %d packages", len(packages))
	}
	return packages
}

// ours returns a package's path below the module.
func ours(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

func layerOf(name string) int {
	room, _, _ := strings.Cut(name, "/")
	for i, layer := range layers {
		if layer == room {
			return i
		}
	}
	return -1
}

// within tells whether path is what pattern names.
func within(path, pattern string) bool {
	if below, ok := strings.CutSuffix(pattern, "/…"); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	return path == pattern
}

func anyWithin(path string, patterns []string) bool {
	for _, pattern := range patterns {
		if within(path, pattern) {
			return true
		}
	}
	return false
}
