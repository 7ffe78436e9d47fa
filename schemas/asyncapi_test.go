package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
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

// TestAsyncAPIParser has AsyncAPI's own parser read the document, and a damaged twin to know that it looks.
func TestAsyncAPIParser(t *testing.T) {
	if os.Getenv("SAKSI_ASYNCAPI_PARSER") == "" {
		t.Skip("SAKSI_ASYNCAPI_PARSER is not set: AsyncAPI's parser is not asked (it needs npm and the network; .ci/run sets it)")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Fatal("SAKSI_ASYNCAPI_PARSER is set, and there is no npm")
	}
	twins := t.TempDir()
	if err := os.CopyFS(filepath.Join(twins, "events"), os.DirFS("events")); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(twins, "asyncapi.json")
	if err := os.WriteFile(damaged, bytes.Replace(schemas.AsyncAPI(), []byte(`"action": "send"`), []byte(`"action": "sing"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join("testdata", "asyncapi", "run.sh"), "asyncapi.json", damaged).CombinedOutput()
	t.Logf("%s", out)
	if !strings.Contains(string(out), "valid: AsyncAPI 3.0.0") {
		t.Errorf("the document is not taken: %v", err)
	}
	if err == nil || !strings.Contains(string(out), "action") {
		t.Errorf("an operation that sings is taken, or refused for another reason: %v", err)
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
