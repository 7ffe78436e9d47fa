package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/views"
)

const (
	// smallPart is the part of all rows at which a page is measured too.
	smallPart = 10
	// rowsEach is how many events an envelope has in the ledger that is rebuilt from.
	rowsEach = 32
	// pages is how many pages are asked for.
	pages = 400
)

// rebuild makes a ledger of many events, measures how fast views are made of it,
// one alone and all of them, and how long a page takes at two sizes.
func (r *run) rebuild(ctx context.Context) (err error) {
	w, err := newWorld(ctx, r)
	if err != nil {
		return err
	}
	large, small := r.config.Rows, r.config.Rows/smallPart
	all, err := spools(r.dir, w.operators, large/rowsEach, rowsEach)
	if err != nil {
		return errors.Join(err, w.close())
	}
	// The node is not measured here: what it would publish is admitted straight.
	if err := w.close(); err != nil {
		return err
	}
	if err := w.admit(ctx, all); err != nil {
		return err
	}
	reader, err := archive.OpenDirectory(w.home.LedgerDir(), w.log)
	if err != nil {
		return err
	}
	defer reader.Close()
	checkpoint, err := reader.Checkpoint(ctx)
	if err != nil {
		return err
	}
	smallSize := w.size + uint64(small/rowsEach)
	if err := r.replay(ctx, reader, "rebuild-touches-"+short(small), views.All()[:1], smallSize, small); err != nil {
		return err
	}
	if err := r.page(ctx, "page-"+short(small), "rebuild-touches-"+short(small), views.All()[:1]); err != nil {
		return err
	}
	if err := r.replay(ctx, reader, "rebuild-touches-"+short(large), views.All()[:1], checkpoint.Size, large); err != nil {
		return err
	}
	if err := r.page(ctx, "page-"+short(large), "rebuild-touches-"+short(large), views.All()[:1]); err != nil {
		return err
	}
	return r.replay(ctx, reader, "rebuild-all-"+short(large), views.All(), checkpoint.Size, large)
}

// short writes a number as figures' names have it.
func short(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return strconv.Itoa(n/1_000_000) + "m"
	case n >= 1000 && n%1000 == 0:
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}

// admit brings what the spools hold into the ledger, without a broker.
func (w *world) admit(ctx context.Context, all []*spool) error {
	logKey, err := w.home.LogKey()
	if err != nil {
		return err
	}
	eventKey, err := w.home.EventKey()
	if err != nil {
		return err
	}
	l, err := writer.Open(ctx, writer.Config{Dir: w.home.LedgerDir(), LogKey: logKey, EventKey: eventKey})
	if err != nil {
		return err
	}
	seq := l.Size() // more than the stream has had
	for i, s := range all {
		next, done, err := s.open()
		if err != nil {
			return err
		}
		var waiting []writer.Received
		for k := range s.n {
			body, err := next()
			if err != nil {
				return errors.Join(err, done())
			}
			seq++
			p := w.operators[i]
			waiting = append(waiting, writer.Received{Subject: p.recorders[k%len(p.recorders)].Subject(), Body: body, Seq: seq, Time: time.Now()})
			if len(waiting) == writer.MaxChunk/4 || k == s.n-1 {
				refused, err := l.Admit(ctx, l.Prepare(waiting))
				if err == nil && len(refused) > 0 {
					err = fmt.Errorf("leaf %d was rejected: %s", refused[0].Leaf, refused[0].Reason)
				}
				if err != nil {
					return errors.Join(err, done())
				}
				waiting = nil
			}
		}
		if err := done(); err != nil {
			return err
		}
	}
	return l.Close(ctx)
}

// replay measures how fast views are made of the first size leaves.
func (r *run) replay(ctx context.Context, reader *archive.Directory, name string, which []*projections.View, size uint64, rows int) error {
	engine, err := projections.OpenEngine(ctx, viewstore.At(filepath.Join(r.dir, name)), which, projections.Options{Log: r.config.Log})
	if err != nil {
		return err
	}
	defer engine.Close()
	peak := resetPeak()
	began := time.Now()
	if err := engine.RunTo(ctx, reader, size); err != nil {
		return err
	}
	took := time.Since(began)
	r.say(name, float64(rows)/took.Seconds(), "events/s", rows, seconds(took), fmt.Sprintf("%d a leaf", rowsEach), fmt.Sprintf("%d views", len(which)))
	if peak {
		r.say(name+"-memory", float64(peakMemory())/(1<<20), "MiB", rows, "peak RSS")
	}
	disk, err := diskUse(filepath.Join(r.dir, name))
	if err != nil {
		return err
	}
	r.say(name+"-disk", float64(disk)/float64(rows), "B/event", rows)
	return nil
}

// page measures a page of touches of one party from one country since a time.
func (r *run) page(ctx context.Context, name, dir string, which []*projections.View) error {
	store, err := projections.OpenStore(ctx, viewstore.At(filepath.Join(r.dir, dir)), which)
	if err != nil {
		return err
	}
	defer store.Close()
	var taken durations
	rows := 0
	for i := range pages {
		q := projections.Query{Limit: 50, Where: []projections.Condition{
			{Column: "actor.id", Op: projections.Equal, Value: fmt.Sprintf("p-%05d", i*7%800)},
			{Column: "facility", Op: projections.Equal, Value: "lab-1"},
		}}
		began := time.Now()
		page, err := store.Rows(ctx, "touches", q)
		if err != nil {
			return err
		}
		taken = append(taken, time.Since(began))
		rows += len(page.Rows)
	}
	if rows == 0 {
		return fmt.Errorf("all %d pages of touches were empty", pages)
	}
	for _, q := range []struct {
		name string
		part float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		r.say(name+"-"+q.name, float64(taken.quantile(q.part).Microseconds())/1000, "ms", pages, "50 rows, one person at one facility")
	}
	return nil
}
