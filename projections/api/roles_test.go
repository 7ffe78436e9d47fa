package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/projections"
)

// Every route, by every role.
func TestRoutesAndRoles(t *testing.T) {
	w := newWorld(t, 30)
	// Leaf 0 is of the registry, 8 of nimbus-my at lab-1, 38 would be nobody's.
	who := []string{"", "supervisor", "analyst", "auditor", "nimbus-my", "lab-1", "two-labs", "nobody", "suspended", "expired", "broken", "bank-1", "banking", "its-desk", "buildings", "customer"}
	tests := []struct {
		path string
		want []int
	}{
		{"/v1/checkpoint", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/entries/8", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/entries/8/proof", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/anchors", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/docs", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/openapi.json", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/openapi.yaml", []int{200, 200, 200, 200, 200, 200, 200, 200, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/entries/8?body=true", []int{401, 200, 403, 200, 200, 200, 403, 403, 403, 401, 500, 403, 403, 403, 403, 403}},
		{"/v1/entries/0?body=true", []int{401, 200, 403, 200, 403, 200, 403, 403, 403, 401, 500, 403, 200, 200, 200, 403}},
		{"/v1/views", []int{401, 200, 200, 200, 200, 200, 200, 403, 403, 401, 500, 200, 200, 200, 200, 200}},
		{"/v1/views/marks", []int{401, 200, 200, 200, 200, 200, 200, 403, 403, 401, 500, 200, 200, 200, 403, 200}},
		{"/v1/views/some-lights", []int{401, 200, 200, 200, 200, 200, 200, 403, 403, 401, 500, 403, 403, 403, 200, 403}},
		{"/v1/feeds/marks/events?after=9007199254740992", []int{422, 422, 422, 422, 422, 422, 422, 422, 403, 401, 500, 422, 422, 422, 422, 422}},
	}
	for _, test := range tests {
		for i, name := range who {
			a := w.get(name, test.path)
			if a.status != test.want[i] {
				t.Errorf("%s as %q: %d, want %d: %s", test.path, name, a.status, test.want[i], a.body)
			}
			w.isProblem(test.path+" as "+name, a)
		}
	}
	for i, name := range who {
		want := []int{401, 200, 200, 200, 200, 200, 200, 403, 403, 401, 500, 200, 200, 200, 403, 200}[i]
		if status := w.openFeed(name, "/v1/feeds/marks/events"); status != want {
			t.Errorf("a feed as %q: %d, want %d", name, status, want)
		}
	}
	if strings.Contains(w.logged.String(), "Bearer") || !strings.Contains(w.logged.String(), "the register is away") {
		t.Errorf("logged: %s", w.logged)
	}
}

// isProblem tells of an error that isn't in the form of RFC 9457, or says too much.
func (w *world) isProblem(what string, a answer) {
	w.t.Helper()
	isOne := a.header.Get("Content-Type") == "application/problem+json"
	if isOne != (a.status >= 400) {
		w.t.Errorf("%s: %d as %s", what, a.status, a.header.Get("Content-Type"))
		return
	}
	if !isOne {
		return
	}
	var p struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal(a.body, &p); err != nil || p.Status != a.status || p.Title != http.StatusText(a.status) || p.Detail == "" {
		w.t.Errorf("%s: %s", what, a.body)
	}
	if strings.Contains(string(a.body), "secret-path") {
		w.t.Errorf("%s tells too much: %s", what, a.body)
	}
	if (a.status == 401) != (a.header.Get("WWW-Authenticate") == "Bearer") {
		w.t.Errorf("%s: %d, WWW-Authenticate %q", what, a.status, a.header.Get("WWW-Authenticate"))
	}
}

// openFeed returns with what status a feed begins.
func (w *world) openFeed(who, path string) int {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.server.URL+path, nil)
	w.must(err)
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	client := http.Client{Timeout: 5 * time.Minute}
	response, err := client.Do(r)
	w.must(err)
	response.Body.Close()
	return response.StatusCode
}

func TestProblems(t *testing.T) {
	w := newWorld(t, 10)
	next := w.page("analyst", "/v1/views/marks?limit=2").Next
	tests := []struct {
		path string
		want int
		says string
	}{
		{"/v1/", 404, "/v1/docs"}, {"/", 404, ""}, {"/v1/views/none", 404, "there are marks"}, {"/v1/feeds/none/events", 404, ""}, {"/v1/views/marks/m1", 404, ""},
		{"/v1/entries/x", 422, ""}, {"/v1/entries/-1", 422, ""}, {"/v1/entries/99999999999999999999", 422, ""}, {"/v1/entries/10", 404, "the ledger has 10"},
		{"/v1/entries/1?bodies=true", 422, "bodies"}, {"/v1/checkpoint?x=1", 422, ""},
		{"/v1/views/marks?facilty=lab-1", 422, "facilty"}, {"/v1/views/marks?where=facilty=lab-1", 422, "facility"},
		{"/v1/views/marks?where=nonsense", 422, "want COLUMN"}, {"/v1/views/marks?where=time>yesterday", 422, "want a time"},
		{"/v1/views/marks?facility=lab-1&facility=lab-2", 422, "more than once"}, {"/v1/views/marks?number.leaf=x", 422, "whole number"},
		{"/v1/views/marks?limit=0", 422, ""}, {"/v1/views/marks?limit=1001", 422, ""}, {"/v1/views/marks?order=up", 422, ""},
		{"/v1/views/marks?as_of=11", 422, "have seen 10"}, {"/v1/views/marks?cursor=x", 422, "cursor"}, {"/v1/views/marks?format=xml", 422, ""},
		{"/v1/views/marks?limit=3&facility=lab-1&cursor=" + next, 422, "another query"},
		{"/v1/views/marks?a=%zz", 422, "URL-encoded"}, {"/v1/views/marks?" + strings.Repeat("where=facility=lab-1&", 33), 422, "33 conditions"},
		{"/v1/views/marks?facility=" + strings.Repeat("x", 17<<10), 414, ""},
		{"/v1/feeds/marks/events?where=nonsense", 422, ""}, {"/v1/feeds/marks/events?nothing=1", 422, ""},
	}
	for _, test := range tests {
		a := w.get("analyst", test.path, "Accept", "text/csv")
		w.isProblem(test.path, a)
		if a.status != test.want || !strings.Contains(string(a.body), test.says) {
			t.Errorf("%.80s: %d, want %d and %q: %s", test.path, a.status, test.want, test.says, a.body)
		}
	}
	for _, id := range []string{"x", "2", "2/", "/3", "2/x", "3/1", "2/-1", "2/999999999999", strings.Repeat("1", 100)} {
		a := w.get("analyst", "/v1/feeds/marks/events", "Last-Event-ID", id)
		w.isProblem("Last-Event-ID "+id, a)
		if a.status != 422 {
			t.Errorf("Last-Event-ID %q: %d", id, a.status)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		for _, path := range []string{"/v1/views/marks", "/v1/entries/1", "/v1/docs", "/v1/feeds/marks/events"} {
			a := w.ask(method, "analyst", path)
			w.isProblem(method+" "+path, a)
			if a.status != 405 || !strings.Contains(a.header.Get("Allow"), "GET") {
				t.Errorf("%s %s: %d %v", method, path, a.status, a.header)
			}
		}
	}
	if a := w.ask("HEAD", "analyst", "/v1/views/marks"); a.status != 200 || len(a.body) != 0 || a.header.Get("ETag") == "" {
		t.Errorf("HEAD: %d %s", a.status, a.body)
	}

	if a := w.ask("HEAD", "analyst", feedPath("marks")); a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD of a feed: %d %v", a.status, a.header)
	}

	// What fails here is the log's to know, not the asker's.
	w.api.Store = failing{w.store}
	a := w.get("analyst", "/v1/views/marks")
	w.isProblem("a store that fails", a)
	if a.status != 500 || strings.Contains(string(a.body), errStore.Error()) || !strings.Contains(w.logged.String(), errStore.Error()) {
		t.Errorf("a store that fails: %d %s", a.status, a.body)
	}
}

// A page that takes too long is given up.
func TestPatience(t *testing.T) {
	w := newWorld(t, 1)
	w.api.patience = 20 * time.Millisecond
	w.api.Store = stuck{w.store}
	a := w.get("analyst", "/v1/views/marks")
	w.isProblem("a store that is stuck", a)
	if a.status != 503 {
		t.Errorf("a store that is stuck: %d %s", a.status, a.body)
	}
}

// A view that scopes can't be applied to is not served.
func TestUnscoped(t *testing.T) {
	w := newWorld(t, 1)
	w.api.Store = columnless{w.store}
	if _, err := w.api.handler(); err == nil || !strings.Contains(err.Error(), "facility") {
		t.Errorf("%v", err)
	}
	w.api.Store = failing{w.store}
	if _, err := w.api.handler(); !errors.Is(err, errStore) {
		t.Errorf("%v", err)
	}
}

// columnless is a store whose views have no columns to be bound to.
type columnless struct{ Store }

func (columnless) Columns(string) ([]projections.Column, error) {
	return []projections.Column{{Name: "operator", Kind: projections.KindText}}, nil
}

var errStore = errors.New("the store is away")

type failing struct{ Store }

func (failing) Columns(string) ([]projections.Column, error) { return nil, errStore }

func (failing) Rows(context.Context, string, projections.Query) (projections.Page, error) {
	return projections.Page{}, errStore
}

// stuck is a store that answers no query.
type stuck struct{ Store }

func (stuck) Rows(ctx context.Context, _ string, _ projections.Query) (projections.Page, error) {
	<-ctx.Done()
	return projections.Page{}, ctx.Err()
}
