package schemas_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/schemas"
)

// TestAsyncAPIRefersToWhatIsThere follows every reference, and looks for every event type.
func TestAsyncAPIRefersToWhatIsThere(t *testing.T) {
	var document map[string]any
	if err := json.Unmarshal(schemas.AsyncAPI(), &document); err != nil {
		t.Fatal(err)
	}
	if document["asyncapi"] != "3.0.0" {
		t.Errorf("it is of AsyncAPI %v", document["asyncapi"])
	}
	named := map[string]bool{}
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				follow(item)
			}
		case map[string]any:
			ref, ok := v["$ref"].(string)
			if file, isFile := strings.CutPrefix(ref, "events/"); isFile {
				named[strings.TrimSuffix(file, ".json")] = true
				if _, err := os.Stat(filepath.FromSlash(ref)); err != nil {
					t.Errorf("%s: %v", ref, err)
				}
			} else if ok && lookUp(document, ref) == nil {
				t.Errorf("%s is not there", ref)
			}
			for _, item := range v {
				follow(item)
			}
		}
	}
	follow(document)
	for _, typ := range append(schemas.Types(), schemas.EventName) {
		if !named[typ] {
			t.Errorf("it does not name the schema of %s", typ)
		}
	}
}

func lookUp(document any, ref string) any {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	at := document
	for _, step := range strings.Split(path, "/") {
		object, _ := at.(map[string]any)
		if at = object[step]; at == nil {
			return nil
		}
	}
	return at
}
