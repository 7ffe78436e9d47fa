package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/store/memory"
	"github.com/saksi-ledger/saksi/projections/views"
)

// real is an API on the project's own views.
func real(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, World: readertest.New(t), logged: &logged{}}
	backend := memory.New()
	var err error
	w.dir, err = archive.OpenDirectory(w.Dir, w.Log)
	w.must(err)
	t.Cleanup(func() { w.dir.Close() })
	w.engine, err = projections.OpenEngine(t.Context(), backend, views.All(), projections.Options{Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	t.Cleanup(func() { w.engine.Close() })
	w.store, err = projections.OpenStore(t.Context(), backend, views.All())
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	w.grow(60)
	w.handler, err = New(Config{Store: w.store, Ledger: w.dir, Who: newGrantees(), Keys: w.Log, Log: slog.New(slog.NewTextHandler(w.logged, nil))})
	w.must(err)
	w.server = httptest.NewServer(w.handler)
	t.Cleanup(w.server.Close)
	return w
}

func TestDocument(t *testing.T) {
	w := real(t)
	a := w.get("", "/v1/openapi.json")
	var document struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]struct {
			Get struct {
				OperationID string `json:"operationId"`
				Parameters  []struct{ Name, In string }
				Responses   map[string]any
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
			}
		}
	}
	w.must(json.Unmarshal(a.body, &document))
	if !strings.HasPrefix(document.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", document.OpenAPI)
	}
	for _, v := range w.store.Views() {
		columns, err := w.store.Columns(v.Name)
		w.must(err)
		list := document.Paths[viewPath(v.Name)].Get
		if list.OperationID == "" || document.Paths[feedPath(v.Name)].Get.OperationID == "" {
			t.Errorf("view %s is not in the document", v.Name)
		}
		names := map[string]int{}
		for _, p := range list.Parameters {
			names[p.Name]++
		}
		for _, c := range columns {
			if names[c.Name] != 1 || document.Components.Schemas[schemaName(v.Name)+"Columns"].Properties[c.Name] == nil {
				t.Errorf("view %s: column %s is %d times among the parameters, or not in the rows", v.Name, c.Name, names[c.Name])
			}
		}
	}
	for path, item := range document.Paths {
		if item.Get.OperationID == "" || item.Get.Responses["500"] == nil || item.Get.Responses["401"] == nil {
			t.Errorf("%s: %+v", path, item)
		}
	}
	for _, reference := range regexp.MustCompile(`"\$ref": "#/components/schemas/(\w+)"`).FindAllStringSubmatch(string(a.body), -1) {
		if _, ok := document.Components.Schemas[reference[1]]; !ok {
			t.Errorf("there is no schema %s", reference[1])
		}
	}
	if yaml := w.get("", "/v1/openapi.yaml"); yaml.status != 200 || !strings.Contains(string(yaml.body), "openapi: 3.1") {
		t.Errorf("YAML: %d %.100s", yaml.status, yaml.body)
	}
	if again := w.get("", "/v1/openapi.json", "If-None-Match", a.header.Get("ETag")); again.status != 304 {
		t.Errorf("again: %d", again.status)
	}
}

// What is answered is what the document says.
func TestAnswersMatchDocument(t *testing.T) {
	for name, w := range map[string]*world{"made up": newWorld(t, 60), "real": real(t)} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.get("", "/v1/openapi.json").body))
		w.must(err)
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		w.must(compiler.AddResource("openapi.json", document))
		valid := func(schema string, what string, body []byte) {
			t.Helper()
			compiled, err := compiler.Compile("openapi.json#/components/schemas/" + schema)
			w.must(err)
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
			w.must(err)
			if err := compiled.Validate(value); err != nil {
				t.Errorf("%s: %s is no %s: %v", name, what, schema, err)
			}
		}
		rows := 0
		for _, v := range w.store.Views() {
			a := w.get("auditor", viewPath(v.Name)+"?limit=50")
			valid(schemaName(v.Name)+"Page", v.Name, a.body)
			rows += strings.Count(string(a.body), `"from_leaf"`)
			var r reader
			if len(w.changes(v.Name)) == 0 {
				continue
			}
			w.must(r.follow(t.Context(), w.server.URL, "auditor", feedPath(v.Name), func(r *reader) bool { return len(r.events) > 0 }))
			event, err := json.Marshal(r.events[0])
			w.must(err)
			valid(schemaName(v.Name)+"Event", v.Name, event)
		}
		if rows == 0 {
			t.Errorf("%s: no view has rows", name)
		}
		for _, index := range []string{"0", "5", "6", "8", "20"} {
			valid("EntryBody", "leaf "+index, w.get("auditor", "/v1/entries/"+index+"?body=true").body)
		}
		valid("ViewList", "the list of views", w.get("auditor", "/v1/views").body)
		valid("AnchorsBody", "the list of anchors", w.get("", "/v1/anchors").body)
		valid("ErrorModel", "a problem", w.get("", "/v1/views/none").body)
	}
}

// The page loads nothing from anywhere, and its links lead somewhere.
func TestDocsPage(t *testing.T) {
	w := real(t)
	page := string(w.get("", "/v1/docs").body)
	for _, banned := range []string{"<script", "<link", "<img", "<iframe", "http://", "https://cdn", "url(", "@import"} {
		if strings.Contains(page, banned) {
			t.Errorf("the page has %s", banned)
		}
	}
	for _, wanted := range []string{`lang="en"`, "<title>", "<main", "actor.party", "/v1/views/touches", "TouchesRow", `scope="col"`} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page lacks %s", wanted)
		}
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if id, ok := strings.CutPrefix(href[1], "#"); ok {
			if !strings.Contains(page, `id="`+id+`"`) {
				t.Errorf("the link #%s leads nowhere", id)
			}
		} else if a := w.get("", href[1]); a.status != 200 {
			t.Errorf("the link %s: %d", href[1], a.status)
		}
	}
}

// A validator that knows nothing of this project accepts the document, and a client
// made from it works.
func TestClient(t *testing.T) {
	if os.Getenv("SAKSI_OPENAPI_CLIENT") == "" {
		t.Skip("SAKSI_OPENAPI_CLIENT is not set: no client is made from the document (it needs npm and the network; .ci/run sets it)")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Fatal("SAKSI_OPENAPI_CLIENT is set, and there is no npm")
	}
	w := real(t)
	out, err := exec.CommandContext(t.Context(), filepath.Join("testdata", "client", "run.sh"), w.server.URL, "auditor").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzParseWhere(f *testing.F) {
	columns := []projections.Column{{Name: "facility", Kind: projections.KindText}, {Name: "time", Kind: projections.KindTime}, {Name: "number.leaf", Kind: projections.KindInteger}}
	for _, s := range []string{"", "facility=lab-1", "where=time%3E=2023-07-10&where=number.leaf!=3", "a=%zz", "limit=3&cursor=x", "key=x;y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		where, err := parseWhere(columns, raw)
		if err != nil {
			return
		}
		// What was read is read again from its written form.
		for _, c := range where {
			again, err := projections.ParseCondition(c.String())
			if err == nil && again != c && filters(columns, c.Column) && c.Op != projections.Equal {
				t.Errorf("%q: %+v is read as %+v", raw, c, again)
			}
			if c.Op == projections.Equal && filters(columns, c.Column) && err == nil && (again.Column != c.Column || again.Op+projections.Op(again.Value) != c.Op+projections.Op(c.Value)) {
				t.Errorf("%q: %+v is read as %+v", raw, c, again)
			}
		}
	})
}
