package schemas_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/schemas"
)

var update = flag.Bool("update", false, "rewrite the current rule set from the schema files")

// current is the file of the rule set that new ledgers adopt.
const current = "rulesets/2.json"

// adopted are the rule sets before it, which ledgers have adopted: their verdicts must come out the same for good.
var adopted = map[string]string{
	"rulesets/1.json": "sha256:86122bad75e1d3b4d950992ec9b085ae95680328ef8eb85f0ac1d2786f60c47f",
}

// TestAdoptedRulesetsStay holds old rule sets, and the schemas that they name, to their bytes.
func TestAdoptedRulesetsStay(t *testing.T) {
	for file, digest := range adopted {
		text, ok := schemas.Ruleset(digest)
		if onDisk, err := os.ReadFile(file); !ok || err != nil || !bytes.Equal(onDisk, text) {
			t.Errorf("%s is not what ledgers have adopted as %s: %v", file, digest, err)
			continue
		}
		var set ruleset
		if err := json.Unmarshal(text, &set); err != nil {
			t.Fatal(err)
		}
		for name, digest := range set.Schemas {
			if _, ok := schemas.ByDigest(digest); !ok {
				t.Errorf("%s: the schema of %s is gone, or was changed", file, name)
			}
		}
	}
}

type limits struct {
	Envelope int `json:"envelope"`
	Events   int `json:"events"`
	Depth    int `json:"depth"`
}

type ruleset struct {
	V      int      `json:"v"`
	Checks []string `json:"checks"`
	Limits limits   `json:"limits"`
	Keys   []string `json:"keys"`
	// Consistency names the rules of events/vocabulary, whose test holds them to this.
	Consistency []string          `json:"consistency"`
	Schemas     map[string]string `json:"schemas"`
}

// TestRulesetPinsSchemas holds the current rule set to the schema files. Once a rule set has been adopted by a
// ledger that matters, a changed schema needs a new one instead of -update.
func TestRulesetPinsSchemas(t *testing.T) {
	want := ruleset{
		V: 1,
		Checks: strings.Fields(`malformed too_large unknown_operator suspended_operator unknown_facility unknown_recorder
			wrong_subject unknown_key key_not_valid bad_signature missing_signature digest_mismatch unknown_type schema inconsistent outside_mandate`),
		Consistency: []string{"window", "totals", "sequence", "statement", "records", "places"},
		Limits:      limits{Envelope: 256 << 10, Events: 1000, Depth: 32},
		Keys:        []string{"ed25519", "ecdsa-p256"},
		Schemas:     map[string]string{schemas.EventName: schemas.Digest(schemas.EventLine())},
	}
	for _, typ := range schemas.Types() {
		s, ok := schemas.Event(typ)
		if !ok {
			t.Fatalf("%s has no schema", typ)
		}
		want.Schemas[typ] = schemas.Digest(s)
	}
	file, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file = append(file, '\n')
	if *update {
		if err := os.WriteFile(current, file, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(file, schemas.CurrentRuleset()) {
		t.Error("the current rule set does not describe the schema files; see go test ./schemas -update")
	}
	if got, ok := schemas.Ruleset(schemas.Digest(file)); !ok || !bytes.Equal(got, file) {
		t.Error("the current rule set is not found by its digest")
	}
	for name, digest := range want.Schemas {
		if _, ok := schemas.ByDigest(digest); !ok {
			t.Errorf("%s: schema not found by its digest", name)
		}
	}
}
