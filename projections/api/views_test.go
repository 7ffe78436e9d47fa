package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const leaves = 90

func TestPages(t *testing.T) {
	w := newWorld(t, leaves)
	all := func(uint64) bool { return true }
	tests := []struct {
		who, query string
		want       func(leaf uint64) bool
		asOf       uint64
	}{
		{"supervisor", "", all, leaves},
		{"analyst", "limit=7", all, leaves},
		{"auditor", "limit=7&order=asc", all, leaves},
		{"auditor", "as_of=40&limit=11", all, 40},
		{"supervisor", "as_of=1", all, 1},
		{"supervisor", "facility=lab-2", func(n uint64) bool { return n%3 == 2 }, leaves},
		{"supervisor", "facility=lab-2&operator=strato&limit=4", func(n uint64) bool { return n%6 == 5 }, leaves},
		{"supervisor", "number.leaf=17", func(n uint64) bool { return n == 17 }, leaves},
		{"supervisor", "odd=true&where=number.leaf>80", func(n uint64) bool { return n > 80 && n%2 == 1 }, leaves},
		{"supervisor", "where=" + url.QueryEscape("time>=2026-01-01T00:01Z") + "&where=" + url.QueryEscape("time<2026-01-01T00:01:20Z"), func(n uint64) bool { return n >= 60 && n < 80 }, leaves},
		{"supervisor", "tags=3", func(n uint64) bool { return n%4 == 3 }, leaves},
		{"supervisor", "key=m33", func(n uint64) bool { return n == 33 }, leaves},
		{"supervisor", "where=" + url.QueryEscape("note~NOTE <8"), func(n uint64) bool { return n == 8 || n >= 80 }, leaves},
		{"supervisor", "facility=nowhere", func(uint64) bool { return false }, leaves},
		// Scopes.
		{"nimbus-my", "limit=9", func(n uint64) bool { return n%2 == 0 }, leaves},
		{"nimbus-my", "operator=strato", func(uint64) bool { return false }, leaves},
		{"nimbus-my", "where=" + url.QueryEscape("operator!=nimbus-my"), func(uint64) bool { return false }, leaves},
		{"lab-1", "limit=5", func(n uint64) bool { return n%3 == 1 }, leaves},
		{"lab-1", "key=m2", func(uint64) bool { return false }, leaves},
		{"two-labs", "limit=4", func(n uint64) bool { return n%2 == 1 && n%3 != 1 }, leaves},
		{"two-labs", "limit=1000&order=asc&as_of=50", func(n uint64) bool { return n%2 == 1 && n%3 != 1 }, 50},
		{"strato-lab", "", func(n uint64) bool { return n%6 == 5 }, leaves},
		{"bank-1", "limit=3", func(n uint64) bool { return n%5 == 1 }, leaves},
		{"banking", "limit=2", func(n uint64) bool { return n%5 == 1 || n%10 == 8 }, leaves},
		{"banking", "tenant=hospital-1", func(uint64) bool { return false }, leaves},
		{"banking", "where=" + url.QueryEscape("tenant!=bank-1"), func(n uint64) bool { return n%10 == 8 }, leaves},
		{"its-desk", "limit=2", func(n uint64) bool { return n%3 != 2 && n%10 == 1 }, leaves},
		{"customer", "", func(uint64) bool { return false }, leaves},
	}
	for _, test := range tests {
		name := test.who + " " + test.query
		var got []uint64
		path := "/v1/views/marks?" + test.query
		for pages := 0; path != ""; pages++ {
			a := w.get(test.who, path)
			if a.status != 200 || pages > leaves {
				t.Fatalf("%s: %d %s", name, a.status, a.body)
			}
			var p page
			w.must(json.Unmarshal(a.body, &p))
			root, err := w.dir.Root(t.Context(), test.asOf)
			w.must(err)
			if p.View != "marks" || p.Size != test.asOf || p.Root != root.String() || a.header.Get("Saksi-Root") != p.Root || p.Now.IsZero() {
				t.Fatalf("%s: of size %d, root %s, now %v", name, p.Size, p.Root, p.Now)
			}
			for _, row := range p.Rows {
				n := row.Number
				entry := fmt.Sprint("/v1/entries/", n)
				if row.Key != fmt.Sprint("m", n) || row.From != n || row.Links.Entry != entry || row.Links.Proof != entry+"/proof" ||
					row.Note != fmt.Sprintf("=note <%d>", n) || row.Facility != facilityOf(n) || !slices.Equal(row.Evidence, []string{fmt.Sprint(n, "/0")}) {
					t.Fatalf("%s: row %+v", name, row)
				}
				got = append(got, n)
			}
			path = ""
			if link := a.header.Get("Link"); (link != "") != (p.Next != "") {
				t.Fatalf("%s: next %q, Link %q", name, p.Next, link)
			} else if link != "" {
				path = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			}
		}
		var want []uint64
		for n := range test.asOf {
			if test.want(n) {
				want = append(want, n)
			}
		}
		if !strings.Contains(test.query, "order=asc") {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v\nwant %v", name, got, want)
		}
	}
}

// As of any size, rows that changed and went are those of that size.
func TestAsOf(t *testing.T) {
	w := newWorld(t, 60)
	for size := uint64(1); size <= 60; size++ {
		want := map[string]string{}
		for n := range size {
			key := fmt.Sprint("l", n%5)
			if n/5%3 == 2 {
				delete(want, key)
			} else {
				want[key] = []string{"dim", "bright"}[n/5%3]
			}
		}
		p := w.page("analyst", fmt.Sprint("/v1/views/some-lights?as_of=", size))
		got := map[string]string{}
		for _, row := range p.Rows {
			got[row.Key] = row.State
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("as of %d: %v, want %v", size, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	w := newWorld(t, 20)
	for _, ask := range [][]string{{"?format=csv"}, {"", "Accept", "text/csv"}, {"", "Accept", "text/html;q=0.9, text/csv;q=0.8"}} {
		a := w.get("analyst", "/v1/views/marks"+ask[0], ask[1:]...)
		records, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
		if a.status != 200 || err != nil || a.header.Get("Content-Type") != "text/csv; charset=utf-8" || a.header.Get("Saksi-Size") != "20" {
			t.Fatalf("%v: %d %v %v", ask, a.status, a.header, err)
		}
		if len(records) != 21 || strings.Join(records[0], " ") != "key from_leaf time facility operator number.leaf odd note tenant tags evidence" ||
			strings.Join(records[1], "|") != "m19|19|2026-01-01T00:00:19Z|lab-1|strato|19|true|'=note <19>||a 3|19/0" {
			t.Errorf("%v: %v", ask, records)
		}
	}
	for _, ask := range [][]string{{"?format=jsonl"}, {"", "Accept", "application/x-ndjson"}, {"", "Accept", "text/csv;q=0, application/jsonl"}} {
		a := w.get("analyst", "/v1/views/marks"+ask[0], ask[1:]...)
		lines := strings.Split(strings.TrimSuffix(string(a.body), "\n"), "\n")
		var first struct {
			Key   string
			Note  string
			Links links
		}
		if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != 20 || first.Key != "m19" || first.Links.Entry != "/v1/entries/19" || first.Note != "=note <19>" {
			t.Errorf("%v: %v %s", ask, err, a.body)
		}
	}
	if a := w.get("analyst", "/v1/views/marks?format=jsonl&facility=none"); a.status != 200 || len(a.body) != 0 {
		t.Errorf("no lines: %q", a.body)
	}
	for _, accept := range []string{"*/*", "application/json", "image/png", "", "text/html, */*"} {
		if a := w.get("analyst", "/v1/views/marks", "Accept", accept); a.status != 200 || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("Accept %q: %d %v", accept, a.status, a.header)
		}
	}
}

func TestETag(t *testing.T) {
	w := newWorld(t, 20)
	seen := map[string]string{}
	for _, ask := range []string{"", "?limit=3", "?format=csv", "?as_of=19", "?as_of=20&facility=lab-1"} {
		a := w.get("analyst", "/v1/views/marks"+ask)
		tag := a.header.Get("ETag")
		if other, ok := seen[tag]; ok || tag == "" {
			t.Errorf("%q has the ETag of %q", ask, other)
		}
		seen[tag] = ask
		for _, header := range []string{tag, `"x", W/` + tag, "*"} {
			if a := w.get("analyst", "/v1/views/marks"+ask, "If-None-Match", header); a.status != 304 || len(a.body) != 0 || a.header.Get("ETag") != tag {
				t.Errorf("%q, If-None-Match %s: %d %s", ask, header, a.status, a.body)
			}
		}
	}
	newest, old := w.get("analyst", "/v1/views/marks").header.Get("ETag"), w.get("analyst", "/v1/views/marks?as_of=19").header.Get("ETag")
	w.grow(21)
	if a := w.get("analyst", "/v1/views/marks", "If-None-Match", newest); a.status != 200 {
		t.Errorf("after a leaf: %d", a.status)
	}
	if a := w.get("analyst", "/v1/views/marks?as_of=19", "If-None-Match", old); a.status != 304 {
		t.Errorf("as of a size, after a leaf: %d", a.status)
	}
}

func TestListViews(t *testing.T) {
	w := newWorld(t, 10)
	a := w.get("nimbus-my", "/v1/views")
	var list viewList
	w.must(json.Unmarshal(a.body, &list))
	if len(list.Views) != 2 || list.Size != 10 || list.Views[0].Name != "marks" || list.Views[0].Version != 2 || len(list.Views[0].Columns) != 9 {
		t.Errorf("%s", a.body)
	}
	for _, v := range list.Views {
		if a := w.get("nimbus-my", v.Rows); a.status != 200 {
			t.Errorf("%s: %d", v.Rows, a.status)
		}
	}
}
