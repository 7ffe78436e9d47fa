package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/projections"
)

const bearer = "bearer"

// mandate and public are what an operation asks of who asks.
func mandate() []map[string][]string { return []map[string][]string{{bearer: {}}} }

func public() []map[string][]string { return []map[string][]string{{}, {bearer: {}}} }

// document is the beginning of the OpenAPI document; operations add themselves.
func document(origin string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Saksi", Version: "1",
			Description: "What the ledger " + origin + " says about who touched what. Every row names the leaf that it is from, and every leaf has a proof.",
		},
		Servers: []*huma.Server{{URL: "/"}},
		Tags: []*huma.Tag{
			{Name: "views", Description: "What authorities see, as of any tree size"},
			{Name: "feeds", Description: "Changes of views, as they happen"},
			{Name: "ledger", Description: "Checkpoints, leaves, proofs and anchors"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{bearer: {
				Type: "http", Scheme: "bearer", BearerFormat: "JWT",
				Description: "A JWT that the reader signs with its own enrolled key: alg EdDSA (Ed25519) or ES256 (P-256), kid the key's id, iss the reader's name, aud " + origin + ", iat, and exp within 24 hours.",
			}},
		},
	}
}

// serveDocument serves the document as it is by now, and a page for people.
func (a *api) serveDocument(mux *http.ServeMux) error {
	asJSON, err := json.MarshalIndent(a.huma.OpenAPI(), "", " ")
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	asYAML, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	page, err := docsPage(a.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("write the page of the OpenAPI document: %w", err)
	}
	for path, static := range map[string]struct {
		mediaType string
		content   []byte
	}{
		"/v1/openapi.json": {"application/json", asJSON},
		"/v1/openapi.yaml": {"application/yaml", asYAML},
		"/v1/docs":         {"text/html; charset=utf-8", page},
	} {
		tag := etag(static.content)
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", static.mediaType)
			h.Set("Cache-Control", "public, max-age=300")
			h.Set("ETag", tag)
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
			if matches(r.Header.Get("If-None-Match"), tag) {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Write(static.content)
		})
	}
	return nil
}

// schemaName makes a component's name out of a view's.
func schemaName(view string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(view, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

func ref(name string) *huma.Schema { return &huma.Schema{Ref: "#/components/schemas/" + name} }

// columnSchema is what a column holds, as JSON.
func columnSchema(c projections.Column) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Description: c.Doc}
	switch c.Kind {
	case projections.KindInteger:
		s.Type, s.Format = huma.TypeInteger, "int64"
	case projections.KindNumber:
		s.Type, s.Format = huma.TypeNumber, "double"
	case projections.KindBool:
		s.Type = huma.TypeBoolean
	case projections.KindTime:
		s.Format = "date-time"
	case projections.KindRef:
		s.Pattern = refPattern
	case projections.KindRefs:
		s.Type, s.Items = huma.TypeArray, &huma.Schema{Type: huma.TypeString, Pattern: refPattern}
	case projections.KindTexts:
		s.Type, s.Items, s.Nullable = huma.TypeArray, &huma.Schema{Type: huma.TypeString}, true
	}
	return s
}

const refPattern = "^[0-9]+/[0-9]+$"

// columnParameters are a view's filters.
func columnParameters(columns []projections.Column) []*huma.Param {
	explode := true
	params := []*huma.Param{{
		Name: "where", In: "query", Style: "form", Explode: &explode,
		Description: "A condition: COLUMN, one of = != < <= > >= ~ (contains), and a value, as in time>=2023-07-10T12:00Z. Rows satisfy all of them.",
		Schema:      &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
	}, {
		Name: "key", In: "query", Description: "the row's key", Schema: &huma.Schema{Type: huma.TypeString},
	}}
	taken := map[string]bool{"key": true}
	for _, name := range parameters {
		taken[name] = true
	}
	for _, c := range columns {
		if taken[c.Name] {
			continue
		}
		schema := &huma.Schema{Type: huma.TypeString}
		switch c.Kind {
		case projections.KindInteger, projections.KindNumber, projections.KindBool:
			schema = columnSchema(c)
			schema.Description = ""
		case projections.KindRef:
			schema.Pattern = refPattern
		}
		description := c.Doc
		if c.Kind == projections.KindRefs || c.Kind == projections.KindTexts {
			description += " (one of them)"
		}
		params = append(params, &huma.Param{Name: c.Name, In: "query", Description: description, Schema: schema})
	}
	return params
}

// pageResponses describes a view's rows and pages.
func (a *api) pageResponses(v viewInfo) map[string]*huma.Response {
	registry := a.huma.OpenAPI().Components.Schemas
	schemas, name := registry.Map(), schemaName(v.Name)
	columns := map[string]*huma.Schema{}
	for _, c := range v.columns {
		columns[c.Name] = columnSchema(c)
	}
	leaf := &huma.Schema{Type: huma.TypeInteger, Format: "int64", Description: "the leaf that this version of the row is from"}
	row := map[string]*huma.Schema{"key": {Type: huma.TypeString}, "from_leaf": leaf, "links": registry.Schema(reflect.TypeFor[links](), true, "Links")}
	for _, c := range v.shown[len(v.columns):] {
		row[c.Name] = &huma.Schema{Type: huma.TypeString, Description: c.Doc + "; not there where it has no name"}
	}
	schemas[name+"Columns"] = &huma.Schema{
		Type: huma.TypeObject, Description: v.Title, Properties: columns, Required: []string{"facility", "operator"},
	}
	schemas[name+"Row"] = &huma.Schema{AllOf: []*huma.Schema{ref(name + "Columns"), {
		Type: huma.TypeObject, Required: []string{"key", "from_leaf", "links"},
		Properties: row,
	}}}
	schemas[name+"Page"] = &huma.Schema{
		Type: huma.TypeObject, Required: []string{"view", "size", "root", "now", "rows"},
		Properties: map[string]*huma.Schema{
			"view": {Type: huma.TypeString, Enum: []any{v.Name}},
			"size": {Type: huma.TypeInteger, Format: "int64", Description: "the tree size that the rows are of"},
			"root": {Type: huma.TypeString, Description: "the root of that tree, base64"},
			"now":  {Type: huma.TypeString, Format: "date-time", Description: "the views' time at that size"},
			"rows": {Type: huma.TypeArray, Items: ref(name + "Row")},
			"next": {Type: huma.TypeString, Description: "the cursor of the next page; not there on the last"},
		},
	}
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	return map[string]*huma.Response{
		"200": {Description: "A page of rows", Content: map[string]*huma.MediaType{
			"application/json": {Schema: ref(name + "Page")}, "text/csv": text, "application/jsonl": text,
		}},
		"304": {Description: "The rows are those of the ETag"},
	}
}

// feedResponses describes a view's feed.
func (a *api) feedResponses(v viewInfo) map[string]*huma.Response {
	name := schemaName(v.Name)
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	number := func(doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Description: doc}
	}
	a.huma.OpenAPI().Components.Schemas.Map()[name+"Event"] = &huma.Schema{
		Type: huma.TypeObject, Description: "A CloudEvent 1.0: a change of the view",
		Required: []string{"specversion", "id", "source", "type", "subject", "time", "data"},
		Properties: map[string]*huma.Schema{
			"specversion": text(""), "id": text("view, its version and the number of the change"), "source": text(""), "type": text(""),
			"subject": text("the row's key"), "datacontenttype": text(""),
			"time": {Type: huma.TypeString, Format: "date-time", Description: "the views' time at the leaf"},
			"data": {
				Type: huma.TypeObject, Required: []string{"change", "leaf", "size", "kind", "key", "row"},
				Properties: map[string]*huma.Schema{
					"change": number("counts the view's changes from 1"), "leaf": number("the leaf that made it"),
					"size": number("the smallest tree size that shows it"), "key": text("the row's key"),
					"kind": {Type: huma.TypeString, Enum: []any{string(projections.Added), string(projections.Changed), string(projections.Ended)}},
					"row":  {AllOf: []*huma.Schema{ref(name + "Columns")}, Description: "what the row is now, or what it was last"},
				},
			},
		},
	}
	return map[string]*huma.Response{"200": {
		Description: "Server-sent events, each with a " + name + "Event as its data, without end",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeString, Extensions: map[string]any{"x-data": map[string]string{"$ref": "#/components/schemas/" + name + "Event"}},
		}}},
	}}
}
