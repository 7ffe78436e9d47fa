package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// targetRates are the loads aimed at, in envelopes a second, by events an
// envelope. Half of them is the load where ingest was not measured in the same run.
var targetRates = map[int]float64{1: 12_000, 32: 35_000.0 / 32}

// receipt measures, at half the load that ingest bore, the time from when an
// envelope was due to be published to when its leaf was verified to be in the
// tree of a published checkpoint: the checkpoint's announcement over NATS, its
// signature, the new entries over HTTP, their hashes up to the signed root, and
// the envelope's digest in its leaf. An outbox and its fsyncs are not in it, nor
// the question on receipts.get: the verifier finds its leaves in the entries.
//
// An envelope that is published late because the stream or the machine was busy
// counts from when it was due.
func (r *run) receipt(ctx context.Context, eventsEach int) error {
	return r.latency(ctx, eventsEach, func(w *world) (seer, error) {
		v, err := newWatch(w)
		return &proven{v, &prover{
			http: w.addresses.HTTP, tree: (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0),
		}}, err
	})
}

// proven sees a leaf when it is verified to be under a signed root.
type proven struct {
	watch *watch
	tree  *prover
}

func (p *proven) see(ctx context.Context) ([]*formats.Leaf, <-chan struct{}, error) {
	newest, _, moved := p.watch.look()
	if newest.Note == nil || newest.Size <= p.tree.tree.End() {
		return nil, moved, nil
	}
	leaves, err := p.tree.advance(ctx, newest)
	return leaves, moved, err
}

// seer sees leaves at one end of the line.
type seer interface {
	// see returns the leaves seen since it was last called, or none and a channel
	// that is closed when it is worth calling again.
	see(ctx context.Context) ([]*formats.Leaf, <-chan struct{}, error)
}

// latency measures, at half the load that ingest bore, the time from when an
// envelope was due to be published to when its leaf is seen.
func (r *run) latency(ctx context.Context, eventsEach int, look func(*world) (seer, error)) (err error) {
	full := r.rates[eventsEach]
	if full == 0 {
		full = targetRates[eventsEach]
	}
	rate := full / 2
	w, err := newWorld(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	n := max(16, int(rate*r.config.Duration.Seconds()))
	all, err := spools(r.dir, w.operators, n, eventsEach)
	if err != nil {
		return err
	}
	seeing, err := look(w)
	if err != nil {
		return err
	}
	due := newDues(all)
	p := &pump{parties: w.operators, spools: all, until: time.Now().Add(time.Hour)}
	end := r.config.Begin(r.name)
	defer end()
	peak := resetPeak()
	began := time.Now()
	p.wait = func(ctx context.Context, party, k int) error {
		at := began.Add(time.Duration(float64(k*len(all)+party) / rate * float64(time.Second)))
		due.set(party, k, at)
		if early := time.Until(at); early > 0 {
			time.Sleep(early)
		}
		return ctx.Err()
	}
	published := make(chan error, 1)
	go func() { published <- p.run(ctx) }()
	for !due.done() {
		leaves, moved, err := seeing.see(ctx)
		if err != nil {
			return err
		}
		if len(leaves) > 0 {
			due.verified(leaves, time.Now())
			continue
		}
		select {
		case <-moved:
		case err := <-published:
			if err != nil {
				return err
			}
			published = nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(stallTime):
			return fmt.Errorf("of %d envelopes %d were seen, and no more for %s", due.n, len(due.latencies), stallTime)
		}
	}
	took := time.Since(began)
	load := fmt.Sprintf("%.0f events/s published", float64(n*eventsEach)/took.Seconds())
	for _, q := range []struct {
		name string
		part float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		at := due.latencies.quantile(q.part)
		r.say(r.name+"-"+q.name, float64(at.Microseconds())/1000, "ms", n, seconds(took), load)
	}
	if peak {
		r.say(r.name+"-memory", float64(peakMemory())/(1<<20), "MiB", n*eventsEach, "peak RSS, broker and load included", load)
	}
	return nil
}

// dues says when each envelope was due, and how long after that it was verified.
type dues struct {
	numbers   map[events.Digest][2]int // party and number, by the digest in the leaf
	at        [][]time.Time
	latencies durations
	n         int
}

func newDues(all []*spool) *dues {
	d := &dues{numbers: map[events.Digest][2]int{}, at: make([][]time.Time, len(all))}
	for party, s := range all {
		d.at[party] = make([]time.Time, s.n)
		d.n += s.n
		for k, digest := range s.lines1 {
			d.numbers[digest] = [2]int{party, k}
		}
	}
	return d
}

// set is called before the envelope is published, and verified after: the ledger
// between them orders the two.
func (d *dues) set(party, k int, at time.Time) { d.at[party][k] = at }

func (d *dues) verified(leaves []*formats.Leaf, now time.Time) {
	for _, leaf := range leaves {
		number, ours := d.numbers[leaf.Digest]
		if ours && leaf.Verdict == formats.Accepted {
			d.latencies = append(d.latencies, now.Sub(d.at[number[0]][number[1]]))
		}
	}
}

func (d *dues) done() bool { return len(d.latencies) >= d.n }

type durations []time.Duration

func (d durations) quantile(part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// prover follows a tree by its entries: what it returns is proven to be under a
// signed root.
type prover struct {
	http string
	tree *compact.Range
}

// advance takes in the entries up to a checkpoint and returns their leaves, if
// they have the checkpoint's root.
func (p *prover) advance(ctx context.Context, to *formats.Checkpoint) ([]*formats.Leaf, error) {
	var leaves []*formats.Leaf
	for p.tree.End() < to.Size {
		entries, err := p.entries(ctx, p.tree.End(), to.Size)
		if err != nil {
			return nil, err
		}
		for _, raw := range entries {
			leaf, err := formats.ParseLeaf(raw)
			if err != nil {
				return nil, err
			}
			if err := p.tree.Append(rfc6962.DefaultHasher.HashLeaf(raw), nil); err != nil {
				return nil, err
			}
			leaves = append(leaves, leaf)
		}
	}
	root, err := p.tree.GetRootHash(nil)
	if err != nil || tlog.Hash(root) != to.Root {
		return nil, fmt.Errorf("the entries do not have the root of the checkpoint of size %d", to.Size)
	}
	return leaves, nil
}

// entries fetches the entries from from to the end of their bundle or of a tree
// of that size.
func (p *prover) entries(ctx context.Context, from, size uint64) ([][]byte, error) {
	index := from / layout.EntryBundleWidth
	partial := layout.PartialTileSize(0, index, size)
	raw, err := p.get(ctx, layout.EntriesPath(index, partial))
	if err != nil && partial > 0 { // full by now, and the partial one cleared away
		raw, err = p.get(ctx, layout.EntriesPath(index, 0))
	}
	if err != nil {
		return nil, err
	}
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, fmt.Errorf("entries from %d: %w", from, err)
	}
	first := index * layout.EntryBundleWidth
	last := min(size-first, uint64(len(bundle.Entries)))
	if from-first >= last {
		return nil, fmt.Errorf("entries from %d: the bundle has %d only", from, last)
	}
	return bundle.Entries[from-first : last], nil
}

func (p *prover) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.http+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return body, err
}
