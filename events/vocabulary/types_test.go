package vocabulary_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/schemas"
)

// TestTableAndSchemas holds the table and the schemas to the same event types.
func TestTableAndSchemas(t *testing.T) {
	names := schemas.Types()
	for _, line := range vocabulary.Types() {
		if !slices.Contains(names, line.Name) {
			t.Errorf("%s is in the table of events/vocabulary and has no schema: write schemas/events/%s.json, and name it in the newest rule set", line.Name, line.Name)
		}
		if line != vocabulary.TypeOf(line.Name) {
			t.Errorf("%s is in the table of events/vocabulary twice: remove a line", line.Name)
		}
	}
	for _, name := range names {
		if vocabulary.TypeOf(name) == nil {
			t.Errorf("%s has a schema and is not in the table of events/vocabulary: add a line with the Go type of its data to table.go", name)
		}
		if !slices.ContainsFunc(schemas.Examples(), func(ex schemas.Example) bool { return ex.Type == name && ex.Valid }) {
			t.Errorf("%s has no valid example: write schemas/examples/%s/valid-NAME.json", name, name)
		}
	}
}

// TestSaidBy checks every type that has a schema: nobody says what is another's.
func TestSaidBy(t *testing.T) {
	operator, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	registry := events.RegistryRecorder("mcmc")
	own := map[string]bool{events.TypeEpochOpened: true, events.TypeClock: true, events.TypeAnchorRecorded: true, events.TypeCheckpointCosigned: true, events.TypeTimestampRecorded: true}
	for _, typ := range schemas.Types() {
		byRegistry := strings.HasPrefix(typ, "saksi.registry.") && !own[typ] && !events.IsGenesis(typ)
		byOperator := !strings.HasPrefix(typ, "saksi.registry.")
		for r, want := range map[events.Recorder]bool{operator: byOperator, registry: byRegistry, events.LedgerRecorder: own[typ]} {
			if got := vocabulary.SaidBy(typ, r); got != want {
				t.Errorf("%s is said by %s: %t", typ, r, got)
			}
		}
	}
}

// TestDecodeIsStrict tries what another JSON reader would pass over.
func TestDecodeIsStrict(t *testing.T) {
	clock := func(data string) *events.Event { return &events.Event{Type: events.TypeClock, Data: []byte(data)} }
	data, err := vocabulary.Decode(clock(`{"at":"2026-11-23T08:15:30Z"}`))
	if d, ok := data.(*events.Clock); err != nil || !ok || d.At.IsZero() {
		t.Errorf("%#v, %v", data, err)
	}
	for _, wrong := range []string{
		`{"at":"2026-11-23T08:15:30Z","more":1}`, `{"At":"2026-11-23T08:15:30Z"}`, `{"at":"2026-11-23T08:15:30Z","at":"2026-11-24T08:15:30Z"}`, `{"at":"yesterday"}`, `[]`, ``,
	} {
		if data, err := vocabulary.Decode(clock(wrong)); err == nil {
			t.Errorf("%s is read as %#v", wrong, data)
		}
	}
	if _, err := vocabulary.Decode(&events.Event{Type: "saksi.access.forgotten.v1", Data: []byte(`{}`)}); err == nil || !strings.Contains(err.Error(), "no such event type") {
		t.Errorf("a type that is in no table: %v", err)
	}
	if _, err := vocabulary.Genesis.Decode(clock(`{}`)); err == nil {
		t.Error("a clock is read as a genesis")
	}
}
