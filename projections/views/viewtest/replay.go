package viewtest

import (
	"log/slog"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/store/memory"
)

// Replay is views that have been shown a whole ledger.
type Replay struct {
	Store *projections.Store
	Size  uint64

	t testing.TB
}

// Replay closes the ledger and shows all of it to views.
func (w *World) Replay(views ...*projections.View) *Replay {
	w.t.Helper()
	reader, size := w.Reader()
	return Show(w.t, reader, views, size)
}

// Show shows views a ledger, stopping at each of the sizes; the last is the whole.
func Show(t testing.TB, reader ledger.Reader, views []*projections.View, sizes ...uint64) *Replay {
	t.Helper()
	backend := memory.New()
	for _, size := range sizes {
		engine, err := projections.OpenEngine(t.Context(), backend, views, projections.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		err = engine.RunTo(t.Context(), reader, size)
		if closed := engine.Close(); err == nil {
			err = closed
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := projections.OpenStore(t.Context(), backend, views)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &Replay{Store: store, Size: sizes[len(sizes)-1], t: t}
}

// Digest returns a view's digest as of a size.
func (r *Replay) Digest(view string, size uint64) events.Digest {
	r.t.Helper()
	d, err := r.Store.Digest(r.t.Context(), view, size)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// Rows returns a view's rows as of a size (0: all), the oldest first.
func Rows[R any](r *Replay, view string, asOf uint64, conditions ...string) []R {
	r.t.Helper()
	q := projections.Query{AsOf: asOf, Limit: 1000, Ascending: true}
	for _, text := range conditions {
		c, err := projections.ParseCondition(text)
		if err != nil {
			r.t.Fatal(err)
		}
		q.Where = append(q.Where, c)
	}
	page, err := r.Store.Rows(r.t.Context(), view, q)
	if err != nil {
		r.t.Fatal(err)
	}
	rows := make([]R, len(page.Rows))
	for i, row := range page.Rows {
		rows[i] = *row.Value.(*R)
	}
	return rows
}
