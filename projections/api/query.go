package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/projections"
)

// maxQuery bounds a query, in bytes, as it stands in the URL.
const maxQuery = 16 << 10

// listInput is a question for a view's rows. Its columns are parameters too.
type listInput struct {
	AsOf   uint64 `query:"as_of" minimum:"0" maximum:"9007199254740991" doc:"the tree size to look at; the newest if 0"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"the most rows of a page"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before, of the same query"`
	Order  string `query:"order" enum:"asc,desc" default:"desc" doc:"by the view's order column"`
	Format string `query:"format" enum:"json,csv,jsonl" doc:"instead of the header Accept"`
	ETag   string `header:"If-None-Match" doc:"an ETag that the asker has the rows of"`

	raw, path, accept string
}

// Resolve keeps what huma has no field for.
func (in *listInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.raw, in.path, in.accept = u.RawQuery, u.Path, ctx.Header("Accept")
	return nil
}

// parameters of lists that no column's filter can be named like.
var parameters = []string{"as_of", "limit", "cursor", "order", "format", "where", "after"}

// parseWhere reads the conditions of a URL's query: a column's name is a filter for
// equal, each where is a condition. What is neither is no parameter, and a problem:
// left out, a filter that was mistyped would show everything.
func parseWhere(columns []projections.Column, raw string) ([]projections.Condition, error) {
	if len(raw) > maxQuery {
		return nil, problem(http.StatusRequestURITooLong, "the query is longer than %d bytes", maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "the query is not URL-encoded")
	}
	var where []projections.Condition
	for _, name := range slices.Sorted(mapKeys(values)) {
		switch {
		case name == "where":
			for _, s := range values[name] {
				condition, err := projections.ParseCondition(s)
				if err != nil {
					if p, ok := queryProblem(err); ok {
						return nil, p
					}
					return nil, err
				}
				where = append(where, condition)
			}
			continue
		case len(values[name]) > 1:
			return nil, problem(http.StatusUnprocessableEntity, "the parameter %.80q is there more than once: want where=, which can be", name)
		case slices.Contains(parameters, name):
			continue
		case !filters(columns, name):
			return nil, problem(http.StatusUnprocessableEntity, "there is no parameter or column %.80q: /v1/docs lists them", name)
		}
		where = append(where, projections.Condition{Column: name, Op: projections.Equal, Value: values.Get(name)})
	}
	return where, nil
}

func mapKeys(values url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range values {
			if !yield(name) {
				return
			}
		}
	}
}

func filters(columns []projections.Column, name string) bool {
	return name == "key" || slices.ContainsFunc(columns, func(c projections.Column) bool { return c.Name == name })
}

// query makes the store's query.
func (in *listInput) query(columns []projections.Column) (projections.Query, error) {
	where, err := parseWhere(columns, in.raw)
	return projections.Query{Where: where, AsOf: in.AsOf, Limit: in.Limit, Cursor: in.Cursor, Ascending: in.Order == "asc"}, err
}

// next is the path of the next page.
func (in *listInput) next(cursor string) string {
	values, _ := url.ParseQuery(in.raw)
	values.Set("cursor", cursor)
	return in.path + "?" + values.Encode()
}

// The formats of lists.
const (
	formatJSON  = "json"
	formatCSV   = "csv"
	formatLines = "jsonl"
)

var mediaTypes = map[string]string{
	formatJSON:  "application/json",
	formatCSV:   "text/csv; charset=utf-8",
	formatLines: "application/jsonl; charset=utf-8",
}

// format is what the asker wants, JSON if it says nothing or asks for what isn't
// there.
func (in *listInput) format() string {
	if in.Format != "" {
		return in.Format
	}
	for part := range strings.SplitSeq(in.accept, ",") {
		media, parameters, _ := strings.Cut(part, ";")
		if q := strings.ReplaceAll(parameters, " ", ""); q == "q=0" || q == "q=0.0" {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/csv":
			return formatCSV
		case "application/jsonl", "application/x-ndjson", "application/jsonlines":
			return formatLines
		case "application/json", "application/*", "*/*":
			return formatJSON
		}
	}
	return formatJSON
}
