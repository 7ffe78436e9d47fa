package schemas_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/saksi-ledger/saksi/schemas"
)

// TestDefinitionsAgree holds files that each carry their own $defs to one meaning for a name.
func TestDefinitionsAgree(t *testing.T) {
	type definition struct {
		in string
		is any
	}
	defs := map[string]definition{}
	for name, s := range all(t) {
		var file struct {
			ID   string         `json:"$id"`
			Defs map[string]any `json:"$defs"`
		}
		if err := json.Unmarshal(s, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := "https://saksi.dev/schemas/events/" + name + ".json"; file.ID != want {
			t.Errorf("%s: $id is %q, not %q", name, file.ID, want)
		}
		for def, is := range file.Defs {
			if other, ok := defs[def]; ok && !reflect.DeepEqual(other.is, is) {
				t.Errorf("%s and %s define %q differently", other.in, name, def)
			}
			defs[def] = definition{name, is}
		}
	}
}

// TestStrict checks what every schema promises: objects are closed but for ext, strings and lists have a maximum.
func TestStrict(t *testing.T) {
	for name, s := range all(t) {
		var file any
		if err := json.Unmarshal(s, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		strict(t, name, file)
	}
}

func strict(t *testing.T, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		has := func(k string) bool { _, ok := v[k]; return ok }
		switch v["type"] {
		case "object":
			closed := v["additionalProperties"] == false
			bounded := v["additionalProperties"] == true && has("maxProperties")
			if !closed && !bounded && path != schemas.EventName+".properties.data" {
				t.Errorf("%s: open object", path)
			}
		case "string":
			if !has("maxLength") && !has("enum") && !has("const") {
				t.Errorf("%s: string without maxLength", path)
			}
		case "array":
			if !has("maxItems") || !has("items") {
				t.Errorf("%s: array without maxItems or items", path)
			}
		case "integer", "number":
			if !has("minimum") || !has("maximum") {
				t.Errorf("%s: number without bounds", path)
			}
		}
		for k, x := range v {
			strict(t, path+"."+k, x)
		}
	case []any:
		for _, x := range v {
			strict(t, path, x)
		}
	}
}

// TestExamples judges every example with an independent validator.
func TestExamples(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	compiled := map[string]*jsonschema.Schema{}
	for name, s := range all(t) {
		if err := c.AddResource(name, decode(t, s)); err != nil {
			t.Fatal(err)
		}
		compiled[name] = c.MustCompile(name)
	}
	count := map[string]map[bool]int{}
	for _, ex := range schemas.Examples() {
		event := decode(t, ex.Event).(map[string]any)
		typ := event["type"].(string)
		if ex.Type != schemas.EventName && typ != ex.Type {
			t.Errorf("%s/%s is of type %s", ex.Type, ex.Name, typ)
		}
		line, data := compiled[schemas.EventName].Validate(event), compiled[typ].Validate(event["data"])
		if valid := line == nil && data == nil; valid != ex.Valid {
			t.Errorf("%s/%s: valid: %t (line: %v, data: %v)", ex.Type, ex.Name, valid, line, data)
		}
		if !ex.Valid && ex.Type != schemas.EventName && line != nil {
			t.Errorf("%s/%s: wrong in its attributes too: %v", ex.Type, ex.Name, line)
		}
		if count[ex.Type] == nil {
			count[ex.Type] = map[bool]int{}
		}
		count[ex.Type][ex.Valid]++
	}
	for _, name := range slices.Sorted(maps.Keys(compiled)) {
		if n := count[name]; n[true] < 1 || n[false] < 4 {
			t.Errorf("%s: %d valid and %d invalid examples", name, n[true], n[false])
		}
	}
}

func all(t *testing.T) map[string][]byte {
	t.Helper()
	m := map[string][]byte{schemas.EventName: schemas.EventLine()}
	for _, typ := range schemas.Types() {
		s, ok := schemas.Event(typ)
		if !ok {
			t.Fatalf("%s has no schema", typ)
		}
		m[typ] = s
	}
	return m
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
