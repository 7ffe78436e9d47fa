package feeds_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

// What names an erased event goes, the last message of a view too, and publishing goes on
// after what was published: nothing that was erased comes again, and nothing else twice.
func TestErase(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(100)
	w.publishTo(h, nil)
	erased := func(r events.Ref) bool { return r.Event == 0 && (r.Leaf == 7 || r.Leaf == 50 || r.Leaf == 99) }
	gone := []string{"facilities/1/1", "touches/1/7", "touches/1/50", "sessions/1/33", "touches/1/99"}
	left := func(size uint64) []string {
		return slices.DeleteFunc(wanted(size), func(id string) bool { return slices.Contains(gone, id) })
	}
	js, err := jetstream.New(w.projections())
	must(t, err)
	n, err := feeds.Erase(testContext(t), js, views, erased)
	if err != nil || n != len(gone) {
		t.Fatalf("%d erased, %v: want %d", n, err, len(gone))
	}
	same(t, w.stored(), left(100))
	if n, err := feeds.Erase(testContext(t), js, views, erased); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	w.publishTo(h, nil)
	same(t, w.stored(), left(100))
	w.restart(func() {})
	w.publishTo(h, nil)
	same(t, w.stored(), left(100))
	h.grow(120)
	w.publishTo(h, nil)
	same(t, w.stored(), left(120))
	got := w.follow("touches", feeds.Mark{}, 119-3, nil)
	if len(got) != 116 {
		t.Errorf("a reader gets %d", len(got))
	}
}

// A stream of before anything could be deleted is left as it is.
func TestEraseFromAStreamThatKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	js, err := jetstream.New(w.projections())
	must(t, err)
	_, err = js.CreateStream(testContext(t), jetstream.StreamConfig{Name: "FEEDS", Subjects: []string{"feeds.>"}, DenyDelete: true, DenyPurge: true})
	must(t, err)
	if _, err := feeds.Erase(testContext(t), js, views, func(events.Ref) bool { return true }); !errors.Is(err, feeds.ErrKept) {
		t.Errorf("%v", err)
	}
}
