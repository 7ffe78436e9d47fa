package schema_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/schemas"
)

// reference is an independent validator of the same schema files.
type reference map[string]*jsonschema.Schema

func newReference(tb testing.TB) reference {
	tb.Helper()
	files := map[string][]byte{schemas.EventName: schemas.EventLine()}
	for _, typ := range schemas.Types() {
		file, ok := schemas.Event(typ)
		if !ok {
			tb.Fatalf("%s has no schema", typ)
		}
		files[typ] = file
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	r := reference{}
	for name, file := range files {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			tb.Fatal(err)
		}
		if err := c.AddResource(name, doc); err != nil {
			tb.Fatal(err)
		}
		if r[name], err = c.Compile(name); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

func (r reference) validate(tb testing.TB, name string, doc []byte) error {
	tb.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		tb.Fatalf("%v in %s", err, doc)
	}
	return r[name].Validate(v)
}

func (r reference) validateEvent(tb testing.TB, eventType string, line []byte) error {
	tb.Helper()
	if err := r.validate(tb, schemas.EventName, line); err != nil {
		return err
	}
	return r.validate(tb, eventType, dataOf(line))
}

func dataOf(line []byte) []byte {
	var event struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(line, &event) != nil {
		return nil
	}
	return event.Data
}

// strict reports whether a text is what validation asks of its callers.
func strict(doc []byte) bool {
	if !jsontext.Value(doc).IsValid() {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.ReadToken(); err != nil {
			return true
		}
		if d.StackDepth() > 32 {
			return false
		}
	}
}

func current(tb testing.TB) *schema.Set {
	tb.Helper()
	set, err := schema.Compile(schemas.CurrentRuleset())
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func compact(tb testing.TB, doc []byte) []byte {
	tb.Helper()
	v := jsontext.Value(bytes.Clone(doc))
	if err := v.Compact(); err != nil {
		tb.Fatal(err)
	}
	return v
}
