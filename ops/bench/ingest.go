package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/audit"
)

const (
	// backlogBytes bounds what is published and under no checkpoint yet, so that
	// the publishers take no more of the machine than the ledger asks for.
	backlogBytes = 24 << 20
	// A spool holds what is beyond any ledger of today on this many cores.
	spoolEvents    = 90_000 // a second
	spoolEnvelopes = 30_000
)

// envelopesFor returns how many envelopes are more than enough for d.
func envelopesFor(d time.Duration, eventsEach int) int {
	return max(64, int(d.Seconds()*float64(min(spoolEnvelopes, spoolEvents/eventsEach))))
}

// ingest measures how many events a second become leaves under a published
// checkpoint, from the first publish to the checkpoint that covers the last one.
// Then it audits the ledger.
func (r *run) ingest(ctx context.Context, eventsEach int) (err error) {
	w, err := newWorld(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	all, err := spools(r.dir, w.operators, envelopesFor(r.config.Duration, eventsEach), eventsEach)
	if err != nil {
		return err
	}
	v, err := newWatch(w)
	if err != nil {
		return err
	}
	info, err := os.Stat(all[0].path)
	if err != nil {
		return err
	}
	backlog := max(256, int(backlogBytes/(info.Size()/int64(max(1, all[0].n)))))
	p := &pump{parties: w.operators, spools: all, until: time.Now().Add(r.config.Duration)}
	p.wait = func(ctx context.Context, _, _ int) error {
		_, err := v.reach(ctx, max(w.size, w.size+uint64(p.published.Load())-min(uint64(p.published.Load()), uint64(backlog))))
		return err
	}
	peak := resetPeak()
	end := r.config.Begin(r.name)
	began, processor := time.Now(), processorTime()
	err = p.run(ctx)
	n := int(p.published.Load())
	var reached time.Time
	if err == nil {
		reached, err = v.reach(ctx, w.size+uint64(n))
	}
	processor = processorTime() - processor
	end()
	if err != nil {
		return err
	}
	took := reached.Sub(began)
	rate := float64(n) / took.Seconds()
	r.rates[eventsEach] = rate
	load := fmt.Sprintf("%d a %d B envelope", eventsEach, p.bytes.Load()/int64(max(1, n)))
	r.say(r.name, rate*float64(eventsEach), "events/s", n*eventsEach, seconds(took), load)
	if processor > 0 {
		r.say(r.name+"-cpu", float64(processor.Microseconds())/float64(n*eventsEach), "µs/event", n*eventsEach,
			fmt.Sprintf("%.1f cores busy", processor.Seconds()/took.Seconds()), "broker and load included")
	}
	if peak {
		r.say(r.name+"-memory", float64(peakMemory())/(1<<20), "MiB", n*eventsEach, "peak RSS, broker and load included")
	}
	if err := w.close(); err != nil {
		return err
	}
	size, err := diskUse(filepath.Join(w.home.LedgerDir()))
	if err != nil {
		return err
	}
	r.say(r.name+"-disk", float64(size)/float64(n*eventsEach), "B/event", n*eventsEach, "tree, bodies and state; stream aside")
	return r.audit(ctx, w, eventsEach, n)
}

// audit measures an audit of the ledger that a measure made, of n envelopes
// published, each of which must be there.
func (r *run) audit(ctx context.Context, w *world, eventsEach, n int) error {
	trust, err := w.home.Trust()
	if err != nil {
		return err
	}
	report, err := audit.Directory(ctx, w.home.LedgerDir(), trust, nil)
	switch {
	case err != nil:
		return err
	case len(report.Failures) > 0:
		return fmt.Errorf("the ledger does not hold: %s", report.Failures[0])
	case report.Rejected > 0 || report.Duplicates > 0 || report.Leaves < w.size+uint64(n):
		return fmt.Errorf("of %d envelopes %d were rejected, %d taken for duplicates, and %d leaves followed %d",
			n, report.Rejected, report.Duplicates, report.Leaves-w.size, w.size)
	}
	name, took := fmt.Sprintf("audit-%d", eventsEach), time.Duration(report.Seconds*float64(time.Second))
	r.say(name, float64(report.Leaves)/report.Seconds, "leaves/s", int(report.Leaves), seconds(took), fmt.Sprintf("%d a leaf", eventsEach))
	r.say(name+"-events", float64(report.Events)/report.Seconds, "events/s", int(report.Events), seconds(took))
	return nil
}

// diskUse returns how many bytes the files in dir hold.
func diskUse(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
