package vocabulary_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/schemas"
)

// bastion is the recorder of most examples.
var bastion = func() events.Recorder {
	r, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		panic(err)
	}
	return r
}()

// What the examples show to be right or wrong is so here.
func TestCheckAgreesWithExamples(t *testing.T) {
	for _, ex := range schemas.Examples() {
		err := vocabulary.CheckLine(ex.Event)
		if ex.Valid && err != nil {
			t.Errorf("%s, %s: %v", ex.Type, ex.Name, err)
		}
		if !ex.Valid && err == nil {
			t.Errorf("%s, %s: it is taken", ex.Type, ex.Name)
		}
	}
}

// The newest rule set has all rules.
func TestRulesetNamesAllRules(t *testing.T) {
	var set struct {
		Consistency []string `json:"consistency"`
	}
	if err := json.Unmarshal(schemas.CurrentRuleset(), &set); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(set.Consistency, vocabulary.RuleNames()) {
		t.Errorf("the rule set has %v, the program %v", set.Consistency, vocabulary.RuleNames())
	}
	if _, err := vocabulary.NewConsistency([]string{"window", "tomorrow"}); err == nil || !strings.Contains(err.Error(), `"tomorrow"`) {
		t.Errorf("a rule that is not there: %v", err)
	}
}

// A valid example, changed at a few places so that it still satisfies its schema, contradicts itself.
func TestInconsistent(t *testing.T) {
	const late, early = "2027-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
	type change = map[string]any // by path; nil removes
	tests := []struct {
		eventType string
		change    change
		rule      string
		path      string
	}{
		{events.TypeAccessRequested, change{"window.from": late, "window.to": early}, "window", "data.window.to"},
		{events.TypeAccessApproved, change{"window": map[string]any{"from": late, "to": early}}, "window", "data.window.to"},
		{events.TypeAccessDenied, change{"window": map[string]any{"from": late, "to": early}}, "window", "data.window.to"},
		{events.TypeAccessExtended, change{"window.from": late, "window.to": early}, "window", "data.window.to"},
		{events.TypeAccessExpired, change{"window.from": late, "window.to": early}, "window", "data.window.to"},
		{events.TypeAccessCommitted, change{"window.from": late, "window.to": early}, "window", "data.window.to"},
		{events.TypeAccessCompelled, change{"scope.window": map[string]any{"from": late, "to": early}}, "window", "data.scope.window.to"},
		{events.TypeStaffingReported, change{"period.from": late, "period.to": early}, "window", "data.period.to"},
		{events.TypeWorkloadDeclared, change{"window": map[string]any{"from": late, "to": early}}, "window", "data.window.to"},
		{events.TypeAttestationPeriod, change{"predicate.from": late, "predicate.to": early}, "window", "data.predicate.to"},
		{events.TypeAttestationControl, change{"predicate.period": map[string]any{"from": late, "to": early}}, "window", "data.predicate.period.to"},
		{events.TypeAttestationBlindspot, change{"predicate.from": late, "predicate.until": early}, "window", "data.predicate.until"},
		{events.TypeHoldPlaced, change{"from": late, "to": early}, "window", "data.to"},

		{events.TypeAccessCommitted, change{"count": 9007199254740991}, "totals", "data.totals"},
		{events.TypeAccessCommitted, change{"count": 2, "totals": []any{map[string]any{"class": "read", "count": 1}, map[string]any{"class": "read", "count": 1}}}, "totals", "data.totals"},
		{events.TypeStaffingReported, change{"headCount": []any{headCount(1), headCount(2)}}, "totals", "data.headCount"},
		{events.TypeFacilityDescribed, change{"training": []any{map[string]any{"programme": "Technicians", "trainees": 1, "completed": 1, "hired": 2}}}, "totals", "data.training"},

		{events.TypeAttestationPeriod, change{"predicate.count": 0}, "sequence", "data.predicate.count"},
		{events.TypeAttestationPeriod, change{"predicate.first": nil}, "sequence", "data.predicate.count"},
		{events.TypeAttestationPeriod, change{"predicate.first": 9007199254740991}, "sequence", "data.predicate.last"},
		{events.TypeAttestationPeriod, change{"predicate.count": 9007199254740991}, "sequence", "data.predicate.count"},
		{events.TypeAttestationPeriod, change{"predicate.manifest": nil}, "sequence", "data.predicate"},

		{events.TypeAttestationPeriod, change{"predicate.recorder": "nimbus-my/lab-1/other"}, "statement", "data.subject"},
		{events.TypeAttestationPeriod, change{"predicate.manifest": "sha256:" + strings.Repeat("0", 64)}, "statement", "data.subject"},
		{events.TypeAttestationControl, change{"predicate.recorder": "nimbus-my/lab-1/other"}, "statement", "data.subject"},
		{events.TypeAttestationBlindspot, change{"predicate.recorder": "nimbus-my/lab-1/other"}, "statement", "data.subject"},
		{events.TypeAttestationResponse, change{"predicate.recorder": "nimbus-my/lab-1/other"}, "statement", "data.subject"},
		{events.TypeAttestationCorrection, change{"predicate.event.digest": "sha256:" + strings.Repeat("0", 64)}, "statement", "data.subject"},
		{events.TypeAttestationCorrection, change{"predicate.by": nil}, "statement", "data.predicate.action"},
		{events.TypeAttestationCorrection, change{"predicate.action": "withdrawn"}, "statement", "data.predicate.action"},
		{events.TypeAttestationCorrection, change{"predicate.by": map[string]any{"recorder": "nimbus-my/lab-1/bastion-1", "id": "zT1OtIX9aV9H5WKv", "digest": "sha256:6eeb55f76600d4ad08be72ad3ac13d969330e73d7ad53031557dab443eba22db"}}, "statement", "data.predicate.by"},

		{events.TypeAccessProduced, change{"asked": 2, "records": []any{record(1), record(1)}}, "records", "data.records"},
		{events.TypeAccessProduced, change{"asked": 1, "records": []any{record(1), record(2)}}, "records", "data.records"},

		{events.TypeAssetMoved, change{"from": map[string]any{"country": "MY"}, "to": map[string]any{"country": "MY"}}, "places", "data.to"},
	}
	set, err := schema.Compile(schemas.CurrentRuleset())
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, tt := range tests {
		line := changed(t, tt.eventType, tt.change)
		if err := set.ValidateEvent(tt.eventType, line); err != nil {
			t.Errorf("%s, %v: its schema is violated: %v", tt.eventType, tt.change, err)
			continue
		}
		wrong, ok := errors.AsType[*schema.Error](vocabulary.CheckLine(line))
		if !ok || wrong.Keyword != tt.rule || wrong.Path != tt.path {
			t.Errorf("%s, %v: %+v: want %s at %s", tt.eventType, tt.change, wrong, tt.rule, tt.path)
		}
		tried[tt.rule] = true
	}
	for _, name := range vocabulary.RuleNames() {
		if !tried[name] {
			t.Errorf("the rule %s is not tried", name)
		}
	}
}

// An operator swears for its own recorders alone.
func TestSwornForAnother(t *testing.T) {
	p := events.PeriodAttested{Recorder: "stratus-my/lab-1/bastion-1", Incarnation: 1, From: events.At(time.Unix(0, 0)), To: events.At(time.Unix(60, 0))}
	_, err := vocabulary.AttestationPeriod.Of(p.Statement()).Event(bastion, vocabulary.Attributes{})
	if err == nil || !strings.Contains(err.Error(), "not a recorder of nimbus-my") {
		t.Error(err)
	}
	p.Recorder = bastion.String()
	if _, err := vocabulary.AttestationPeriod.Of(p.Statement()).Event(bastion, vocabulary.Attributes{}); err != nil {
		t.Error(err)
	}
}

// What a kind makes is taken, or not made.
func TestEvent(t *testing.T) {
	hold := vocabulary.HoldReleased.Of(events.HoldReleased{Hold: "H-1", Ground: "case_closed"})
	e, err := hold.Event(events.RegistryRecorder("mcmc"), vocabulary.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	if err := vocabulary.Check(e); err != nil || e.Type != events.TypeHoldReleased || len(e.ID) != 32 || len(e.Nonce) != 22 {
		t.Errorf("%+v: %v", e, err)
	}
	if _, err := hold.Event(bastion, vocabulary.Attributes{}); err == nil || !strings.Contains(err.Error(), "not for nimbus-my/lab-1/bastion-1 to say") {
		t.Errorf("an operator releases a hold: %v", err)
	}
	if _, err := vocabulary.HoldReleased.Of(events.HoldReleased{}).Event(events.RegistryRecorder("mcmc"), vocabulary.Attributes{}); err == nil {
		t.Error("a hold without a name is released")
	}
	if _, err := (vocabulary.Said{}).Event(bastion, vocabulary.Attributes{}); err == nil {
		t.Error("nothing is said")
	}
	short := strings.NewReader("not enough")
	if _, err := hold.Event(events.RegistryRecorder("mcmc"), vocabulary.Attributes{Random: short}); err == nil {
		t.Error("there was too little randomness")
	}
}

func headCount(count int) map[string]any {
	return map[string]any{"function": "operations", "citizenship": "citizen", "engagement": "local", "count": count}
}

func record(index int) map[string]any {
	return map[string]any{"index": index, "digest": "sha256:" + strings.Repeat("ab", 32), "proof": []any{}}
}

// changed returns the first valid example of a type that has what is changed around.
func changed(t *testing.T, eventType string, change map[string]any) []byte {
	t.Helper()
	for _, ex := range schemas.Examples() {
		if ex.Type != eventType || !ex.Valid {
			continue
		}
		var e map[string]any
		if err := json.Unmarshal(ex.Event, &e); err != nil {
			t.Fatal(err)
		}
		for path, value := range change {
			at, names := e["data"].(map[string]any), strings.Split(path, ".")
			for _, name := range names[:len(names)-1] {
				at = at[name].(map[string]any)
			}
			if value == nil {
				delete(at, names[len(names)-1])
			} else {
				at[names[len(names)-1]] = value
			}
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	t.Fatalf("%s has no valid example", eventType)
	return nil
}
