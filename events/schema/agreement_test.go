package schema_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/schemas"
)

func TestExamples(t *testing.T) {
	set, ref := current(t), newReference(t)
	for _, ex := range schemas.Examples() {
		t.Run(ex.Type+"/"+ex.Name, func(t *testing.T) {
			eventType := typeOf(ex.Event)
			err := set.ValidateEvent(eventType, ex.Event)
			if (err == nil) != ex.Valid {
				t.Errorf("error: %v", err)
			}
			var e *schema.Error
			if err != nil && (!errors.As(err, &e) || e.Keyword == "" || e.Path == "") {
				t.Errorf("error %q says too little: %#v", err, err)
			}
			if refErr := ref.validateEvent(t, eventType, ex.Event); (refErr == nil) != (err == nil) {
				t.Errorf("error: %v, of the reference: %v", err, refErr)
			}
		})
	}
}

// TestAgreement compares verdicts with an independent validator, and holds the vocabulary to the schemas: what they
// accept, Go's types can read.
func TestAgreement(t *testing.T) {
	rounds := agreementRounds(t)
	set, ref, m := current(t), newReference(t), newMutator(t)
	checks, valid := 0, 0
	defer func() {
		t.Logf("%d checks, %d of them valid", checks, valid)
		least := rounds * len(m.lines) / 3
		if testing.Short() { // rapid does a fifth then
			least /= 5
		}
		if !t.Failed() && (checks < least || valid < checks/20 || valid > checks*19/20) {
			t.Error("too few checks, or too much of one verdict")
		}
	}()
	checksFlag := flag.Lookup("rapid.checks").Value
	before := checksFlag.String()
	if err := checksFlag.Set(strconv.Itoa(rounds)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = checksFlag.Set(before) }()
	rapid.Check(t, func(rt *rapid.T) {
		for range m.lines {
			line := m.mutate(rt, rapid.SampledFrom(m.lines).Draw(rt, "line"))
			eventType := typeOf(line)
			if !set.Known(eventType) || !strict(line) {
				continue
			}
			checks++
			if agree(rt, t, set, ref, eventType, line) {
				valid++
				readable(rt, eventType, dataOf(line))
			}
		}
	})
}

// agreementRounds returns how many times each valid example is changed: SAKSI_SCHEMA_VALUES is about how many values
// are compared in all. Without it the test takes seconds.
func agreementRounds(t *testing.T) int {
	text := os.Getenv("SAKSI_SCHEMA_VALUES")
	if text == "" {
		return slowtest.Pick(60, 400, 100)
	}
	values, err := strconv.Atoi(text)
	if err != nil || values < 1 {
		t.Fatalf("SAKSI_SCHEMA_VALUES=%s: want a number", text)
	}
	const known = 0.65 // of what is made, what is of a known type and strict JSON
	return 1 + int(float64(values)/known)/len(newMutator(t).lines)
}

type fatal interface {
	Fatalf(format string, args ...any)
}

func agree(t fatal, tb testing.TB, set *schema.Set, ref reference, eventType string, line []byte) (valid bool) {
	got, want := set.ValidateEvent(eventType, line), ref.validateEvent(tb, eventType, line)
	if (got == nil) != (want == nil) {
		t.Fatalf("%s\nerror: %v\nof the reference: %v", line, got, want)
	}
	if data := dataOf(line); data != nil {
		got, want := set.Validate(eventType, data), ref.validate(tb, eventType, data)
		if (got == nil) != (want == nil) {
			t.Fatalf("%s\nerror: %v\nof the reference: %v", data, got, want)
		}
	}
	return got == nil
}

func readable(t fatal, eventType string, data []byte) {
	if _, err := vocabulary.Decode(&events.Event{Type: eventType, Data: data}); err != nil && events.CheckNumbers(data) == nil {
		t.Fatalf("valid, but not readable: %v\n%s", err, data)
	}
}

func typeOf(line []byte) string {
	var event struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(line, &event) != nil {
		return ""
	}
	return event.Type
}

func FuzzValidate(f *testing.F) {
	set, ref := current(f), newReference(f)
	for _, ex := range schemas.Examples() {
		f.Add(compact(f, ex.Event))
	}
	f.Add([]byte(typical))
	f.Fuzz(func(t *testing.T, line []byte) {
		eventType := typeOf(line)
		if !set.Known(eventType) || !strict(line) {
			// No verdict is promised, only that there is one.
			for _, typ := range schemas.Types() {
				_ = set.ValidateEvent(typ, line)
				_ = set.Validate(typ, line)
			}
			return
		}
		if hugeExponent(line) {
			return // the reference would write the number out
		}
		if agree(t, t, set, ref, eventType, line) {
			readable(t, eventType, dataOf(line))
		}
	})
}

// hugeExponent reports whether something in the text may be a number with an exponent of more than three digits.
func hugeExponent(line []byte) bool {
	for i, c := range line {
		if (c == 'e' || c == 'E') && i > 0 && line[i-1]-'0' <= 9 || c == '+' || c == '-' {
			digits := 0
			for _, d := range line[i+1:] {
				if d-'0' <= 9 {
					digits++
				} else if d != '+' && d != '-' {
					break
				}
			}
			if digits > 3 {
				return true
			}
		}
	}
	return false
}
