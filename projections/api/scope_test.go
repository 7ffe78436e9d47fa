package api

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// Of what is beyond a mandate, not even the number shows: neither in pages and their
// cursors, nor in a stream and its ids, nor by asking for one number after the other.
func TestNotEvenTheNumber(t *testing.T) {
	w := newWorld(t, 60)
	who := w.api.Who.(*grantees)
	for name, customers := range map[string][]string{"few": {"strato/bank-1"}, "none": {}} {
		who.mu.Lock()
		who.list[name] = token.Grantee{Name: name, Role: token.Supervisor, Customers: customers}
		who.mu.Unlock()
	}
	for _, name := range []string{"few", "none", "lab-1", "nimbus-my"} {
		path := "/v1/views/marks?limit=1"
		for pages := 0; path != ""; pages++ {
			p := w.page(name, path)
			if p.Next == "" {
				break
			}
			if len(p.Rows) != 1 {
				t.Errorf("%s: a page of %d rows has a next", name, len(p.Rows))
			}
			if strings.Contains(p.Next, "eyJ") { // {" in base64
				t.Errorf("%s: the cursor can be read: %s", name, p.Next)
			}
			path = "/v1/views/marks?limit=1&cursor=" + p.Next
		}
	}

	// Numbers of changes open nothing, whether there are such or not.
	for _, probe := range []string{"?after=1", fmt.Sprint("?after=", numberOf(59)), fmt.Sprint("?after=", numberOf(61))} {
		if a := w.get("few", feedPath("marks")+probe); a.status != 422 || !strings.Contains(string(a.body), "want Last-Event-ID") {
			t.Errorf("%s: %d %s", probe, a.status, a.body)
		}
	}
	plain := map[string]bool{}
	for _, id := range []string{fmt.Sprint("2/", numberOf(1)), fmt.Sprint("2/", numberOf(59)), fmt.Sprint("2/", numberOf(61)), w.api.seal.hide(feedUse+"some-lights", "2/1", false), w.api.seal.hide(cursorUse, "2/1", false)} {
		a := w.get("few", feedPath("marks"), "Last-Event-ID", id)
		if a.status != 422 {
			t.Errorf("Last-Event-ID %s: %d", id, a.status)
		}
		if len(id) < 16 {
			plain[strings.ReplaceAll(string(a.body), id, "")] = true
		}
	}
	if len(plain) != 1 {
		t.Errorf("the answers tell numbers that are there from those that aren't: %v", plain)
	}
	if a := w.get("few", "/v1/views/marks?cursor="+url.QueryEscape("eyJxIjoiIn0")); a.status != 422 {
		t.Errorf("a cursor that isn't sealed: %d", a.status)
	}

	// A stream: events without numbers, no marks for others' changes, and going on after
	// any of them.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var r reader
	var ids []string
	var want []uint64
	for n := uint64(1); n < 60; n += 10 {
		want = append(want, numberOf(n))
	}
	for len(r.events) < len(want) {
		n := len(r.events)
		w.must(r.follow(ctx, w.server.URL, "few", feedPath("marks"), func(r *reader) bool { return len(r.events) > n }))
		ids = append(ids, r.lastID)
	}
	if !slices.Equal(r.leaves(), want) || slices.ContainsFunc(r.numbers(), func(n uint64) bool { return n != 0 }) {
		t.Errorf("%v, numbered %v", r.leaves(), r.numbers())
	}
	for _, id := range ids {
		if len(id) != len(ids[0]) {
			t.Errorf("ids differ in length: %s, %s", ids[0], id)
		}
	}
}

// At each heartbeat a bounded stream says where it is in a way that doesn't tell
// whether anything happened.
func TestHeartbeatsTellNothing(t *testing.T) {
	w := newWorld(t, 30)
	w.api.beat = 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	seen := map[string]bool{}
	r := reader{}
	w.must(r.follow(ctx, w.server.URL, "customer", feedPath("marks"), func(r *reader) bool {
		if r.lastID != "" {
			seen[r.lastID] = true
		}
		return len(seen) == 4 // while nothing happens
	}))
	if len(r.events) > 0 {
		t.Errorf("%v", r.events)
	}
	for id := range seen {
		if mark, ok := w.api.seal.show(feedUse+"marks", id); !ok || mark != fmt.Sprint("2/", numberOf(29)) {
			t.Errorf("%s is %q", id, mark)
		}
	}
	// One who comes back with such a mark goes on there, and nowhere else.
	w.grow(40)
	again := reader{lastID: r.lastID}
	err := again.follow(ctx, w.server.URL, "bank-1", feedPath("marks"), func(r *reader) bool { return len(r.events) == 2 })
	if err != nil || !slices.Equal(again.leaves(), []uint64{numberOf(31), numberOf(36)}) {
		t.Errorf("%v %v", again.leaves(), err)
	}
}

// What was sealed is opened by the server that did, for the same use, and by nobody else.
func TestSeal(t *testing.T) {
	one, two := must(newSeal(nil)), must(newSeal(nil))
	mark := one.hide("a", "2/7", false)
	if mark != one.hide("a", "2/7", false) || mark == one.hide("a", "2/8", false) {
		t.Error("marks are not what they are to be")
	}
	if first, second := one.hide("a", "2/7", true), one.hide("a", "2/7", true); first == second {
		t.Error("two fresh marks are one")
	}
	for _, fresh := range []bool{false, true} {
		if text, ok := one.show("a", one.hide("a", "2/7", fresh)); !ok || text != "2/7" {
			t.Errorf("opened: %q", text)
		}
	}
	for what, opened := range map[string]func() (string, bool){
		"another's":      func() (string, bool) { return two.show("a", mark) },
		"another use's":  func() (string, bool) { return one.show("b", mark) },
		"one changed":    func() (string, bool) { return one.show("a", "A"+mark[1:]+"A") },
		"one cut short":  func() (string, bool) { return one.show("a", mark[:8]) },
		"what is none":   func() (string, bool) { return one.show("a", "2/7") },
		"one of nothing": func() (string, bool) { return one.show("a", "") },
	} {
		if text, ok := opened(); ok {
			t.Errorf("%s opened: %q", what, text)
		}
	}
	if _, err := newSeal(make([]byte, 16)); err == nil {
		t.Error("a short secret was taken")
	}
}
