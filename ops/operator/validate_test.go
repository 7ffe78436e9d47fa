package operator_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ops/operator"
	"github.com/saksi-ledger/saksi/schemas"
)

// TestValidate holds the contract's own examples to it, one in a line.
func TestValidate(t *testing.T) {
	var file bytes.Buffer
	var examples []schemas.Example
	for _, e := range schemas.Examples() {
		var line bytes.Buffer
		if err := json.Compact(&line, e.Event); err != nil {
			t.Fatal(err)
		}
		file.Write(append(line.Bytes(), '\n'))
		examples = append(examples, e)
	}
	v, err := operator.Validate(&file, "examples")
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[int]operator.Problem{}
	for _, p := range v.Problems {
		wrong[p.Line] = p
	}
	for i, e := range examples {
		p, invalid := wrong[i+1]
		if invalid == e.Valid {
			t.Errorf("%s/%s: invalid %v, want %v: %+v", e.Type, e.Name, invalid, !e.Valid, p)
		}
	}
	if v.Events != len(examples) || v.Invalid != len(v.Problems) || v.Invalid < 100 {
		t.Errorf("%d events, %d invalid, %d problems of %d examples", v.Events, v.Invalid, len(v.Problems), len(examples))
	}
}

func TestValidateSaysWhere(t *testing.T) {
	const good = `{"type":"saksi.attestation.blindspot.v1","data":{}}`
	v, err := operator.Validate(strings.NewReader("\n"+good+"\n{\"type\":\"saksi.nothing.v1\",\"data\":{}}\nnonsense\n"), "f")
	if err != nil || v.Events != 3 || v.Invalid != 3 {
		t.Fatalf("%+v, %v", v, err)
	}
	for i, want := range []struct {
		line int
		says string
	}{{2, "data"}, {3, "has no schema"}, {4, ""}} {
		if p := v.Problems[i]; p.Line != want.line || !strings.Contains(p.Path+": "+p.Problem, want.says) {
			t.Errorf("problem %d is %+v: want line %d, %q", i, p, want.line, want.says)
		}
	}
	if _, err := operator.Validate(strings.NewReader("\n"), "f"); err == nil {
		t.Error("an empty file is valid")
	}
}
