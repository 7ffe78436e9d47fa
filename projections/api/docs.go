package api

import (
	"bytes"
	"cmp"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// docsPage is the OpenAPI document as a page that needs nothing from elsewhere.
func docsPage(document *huma.OpenAPI) ([]byte, error) {
	page := docs{Info: document.Info, Scheme: document.Components.SecuritySchemes[bearer].Description}
	for _, tag := range document.Tags {
		section := docsSection{Tag: tag}
		for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
			if op := document.Paths[path].Get; op != nil && slices.Contains(op.Tags, tag.Name) {
				section.Operations = append(section.Operations, docsOperation{op, path, !slices.ContainsFunc(op.Security, func(s map[string][]string) bool { return len(s) == 0 })})
			}
		}
		page.Sections = append(page.Sections, section)
	}
	schemas := document.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		page.Schemas = append(page.Schemas, docsSchema{name, schemas[name]})
	}
	var b bytes.Buffer
	err := docsTemplate().Execute(&b, page)
	return b.Bytes(), err
}

type docs struct {
	Info     *huma.Info
	Scheme   string
	Sections []docsSection
	Schemas  []docsSchema
}

type docsSection struct {
	*huma.Tag
	Operations []docsOperation
}

type docsOperation struct {
	*huma.Operation
	Path    string
	Mandate bool
}

type docsSchema struct {
	Name string
	*huma.Schema
}

// kindOf says in a word or two what a schema allows.
func kindOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Type == huma.TypeArray:
		return "list of " + kindOf(s.Items)
	case len(s.AllOf) > 0:
		var parts []string
		for _, part := range s.AllOf {
			parts = append(parts, kindOf(part))
		}
		return strings.Join(parts, " and ")
	}
	kind := cmp.Or(s.Format, s.Type)
	if len(s.Enum) > 0 {
		kind += ":"
		for _, value := range s.Enum {
			if text, ok := value.(string); ok {
				kind += " " + text
			}
		}
	}
	return kind
}

func docsTemplate() *template.Template {
	return template.Must(template.New("docs").Funcs(template.FuncMap{
		"kind": kindOf,
		"of":   func(s *huma.Schema) []*huma.Schema { return append([]*huma.Schema{s}, s.AllOf...) },
	}).Parse(docsHTML))
}

const docsHTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Info.Title}} API, version {{.Info.Version}}</title>
<style>
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
code, th[scope=row] { font: .95em/1.4 ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
thead th { background: var(--soft); }
article { border-top: 1px solid var(--line); padding-top: .5rem; margin-top: 1.5rem; }
.scroll { overflow-x: auto; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; }
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the operations</a>
<header>
<h1>{{.Info.Title}} API</h1>
<p>{{.Info.Description}}</p>
<p>The same as an OpenAPI 3.1 document: <a href="/v1/openapi.json">JSON</a>, <a href="/v1/openapi.yaml">YAML</a>. Errors are problem details (RFC 9457).</p>
<p id="tokens">Where a mandate is needed, send <code>Authorization: Bearer TOKEN</code>. {{.Scheme}}</p>
<nav aria-label="Operations">
<ul>{{range .Sections}}<li>{{.Description}}
<ul>{{range .Operations}}<li><a href="#{{.OperationID}}"><code>{{.Path}}</code></a>: {{.Summary}}</li>
{{end}}</ul></li>
{{end}}</ul>
</nav>
</header>
<main id="main">
{{range .Sections}}<h2>{{.Description}}</h2>
{{range .Operations}}<article id="{{.OperationID}}">
<h3><code>GET {{.Path}}</code></h3>
<p>{{.Summary}}.{{if .Description}} {{.Description}}{{end}}</p>
<p>{{if .Mandate}}Needs a <a href="#tokens">mandate</a>.{{else}}Public.{{end}}</p>
{{if .Parameters}}<div class="scroll"><table>
<thead><tr><th scope="col">parameter</th><th scope="col">in</th><th scope="col">kind</th><th scope="col">what it is</th></tr></thead>
<tbody>{{range .Parameters}}<tr><th scope="row">{{.Name}}</th><td>{{.In}}</td><td>{{kind .Schema}}</td><td>{{.Description}}</td></tr>
{{end}}</tbody></table></div>{{end}}
<div class="scroll"><table>
<thead><tr><th scope="col">answer</th><th scope="col">what it is</th><th scope="col">as</th></tr></thead>
<tbody>{{range $status, $r := .Responses}}<tr><th scope="row">{{$status}}</th><td>{{$r.Description}}</td><td>{{range $type, $c := $r.Content}}{{$type}}{{with kind $c.Schema}} ({{.}}){{end}} {{end}}</td></tr>
{{end}}</tbody></table></div>
</article>
{{end}}{{end}}
<h2>What answers hold</h2>
{{range .Schemas}}<article id="schema-{{.Name}}">
<h3><code>{{.Name}}</code></h3>
{{with .Description}}<p>{{.}}</p>{{end}}
<div class="scroll"><table>
<thead><tr><th scope="col">member</th><th scope="col">kind</th><th scope="col">what it is</th></tr></thead>
<tbody>{{range of .Schema}}{{with .Ref}}<tr><td colspan="3">all of <code>{{.}}</code></td></tr>{{end}}{{range $name, $p := .Properties}}<tr><th scope="row">{{$name}}</th><td>{{kind $p}}</td><td>{{$p.Description}}</td></tr>
{{end}}{{end}}</tbody></table></div>
</article>
{{end}}</main>
</body>
</html>
`
