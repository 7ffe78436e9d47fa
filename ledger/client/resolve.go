package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// batch is how many receipts are proven and stored at a time.
const batch = 2048

// resolve looks at the newest checkpoint, asks where what was sent has got to,
// and stores the receipts of whatever the checkpoint covers. An outage is not an
// error.
func (f *flush) resolve(ctx context.Context, s *session) error {
	note := f.client.mail.takeNote()
	rejections := f.client.mail.takeRejected()
	f.takeRejections(rejections)
	polled := !time.Now().Before(f.nextPoll)
	before, seen := f.result.Envelopes+f.result.Rejected, f.outbox.Checkpoint()

	cp, err := f.client.newest(ctx, f.outbox, note)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isFork(err):
		return err
	case err != nil:
		f.unreachable(err)
	}
	if polled || cp != seen || len(rejections) > 0 {
		var queues []*recorderQueue
		for _, l := range f.queues {
			if slices.ContainsFunc(l.items, func(it *item) bool { return it.sent && !it.placed }) {
				queues = append(queues, l)
			}
		}
		if err := f.askAll(ctx, s, queues); err != nil {
			return err
		}
	}
	if cp != nil {
		if err := f.settle(ctx, cp); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var broken fetchError
			if !errors.As(err, &broken) {
				return err
			}
			f.unreachable(err)
		}
	}
	if f.result.Envelopes+f.result.Rejected > before {
		f.poll = f.client.config.Poll
	} else if polled {
		f.poll = min(f.poll*3/2, f.client.config.Poll*pollRise)
	}
	f.nextPoll = time.Now().Add(f.poll)
	return nil
}

// settle proves and stores whatever cp covers.
func (f *flush) settle(ctx context.Context, cp *formats.Checkpoint) error {
	var ready []*item
	for _, l := range f.queues {
		for _, it := range l.items {
			if it.placed && it.leaf < cp.Size {
				ready = append(ready, it)
			}
		}
	}
	if len(ready) == 0 {
		if cp != f.outbox.Checkpoint() {
			return f.outbox.settle(ctx, cp, nil)
		}
		return nil
	}
	slices.SortFunc(ready, func(a, b *item) int { return cmp.Compare(a.leaf, b.leaf) })
	for some := range slices.Chunk(ready, batch) {
		list, err := f.prove(ctx, cp, some)
		if err != nil {
			return err
		}
		if err := f.outbox.settle(ctx, cp, list); err != nil {
			return err
		}
		f.offline = nil
		for i := range list {
			f.count(&list[i])
		}
		for _, l := range f.queues {
			l.sweep()
		}
		f.report()
	}
	return nil
}

func (f *flush) count(s *settled) {
	s.done = true
	delete(f.tracked, s.id)
	r := &f.result
	if s.code != "" {
		r.Rejected++
		return
	}
	if r.Envelopes == 0 || s.leaf < r.FirstLeaf {
		r.FirstLeaf = s.leaf
	}
	r.LastLeaf = max(r.LastLeaf, s.leaf)
	r.Envelopes++
	r.Events += int(s.count)
}

// fetchError is a tree that can't be read now, or not as it was signed.
type fetchError struct{ error }

func (e fetchError) Unwrap() error { return e.error }

// prove reads the leaves of items, which are in order of leaf, proves that they
// are in cp's tree, and returns those that are what the item says. It does what
// [formats.Log.VerifyReceipt] does for each, but for the signature of the
// checkpoint, which was checked once.
func (f *flush) prove(ctx context.Context, cp *formats.Checkpoint, items []*item) ([]settled, error) {
	t := f.client.tiles.tree(ctx, cp.Tree())
	list := make([]settled, 0, len(items))
	for len(items) > 0 {
		// A few bundles at a time, for each can have 16 MiB.
		var bundles []int64
		var indexes []int64
		n := 0
		for ; n < len(items); n++ {
			bundle := int64(items[n].leaf / torchwood.TileWidth)
			if len(bundles) == 0 || bundles[len(bundles)-1] != bundle {
				if len(bundles) == fetchers {
					break
				}
				bundles = append(bundles, bundle)
			}
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(items[n].leaf)))
		}
		entries, err := t.entries(bundles)
		if err != nil {
			return nil, fetchError{err}
		}
		hashes, err := t.ReadHashes(indexes)
		if err != nil {
			return nil, fetchError{fmt.Errorf("read hashes of the tree of %d leaves: %w", cp.Size, err)}
		}
		for i, it := range items[:n] {
			entry := entries[int64(it.leaf/torchwood.TileWidth)][it.leaf%torchwood.TileWidth]
			s, err := f.proveOne(t, it, entry, hashes[i])
			if err != nil {
				return nil, err
			}
			if s != nil {
				list = append(list, *s)
			}
		}
		items = items[n:]
	}
	return list, nil
}

// proveOne returns nil if the leaf is in the tree, and is not what the ledger
// said it was.
func (f *flush) proveOne(t *tree, it *item, entry []byte, hash tlog.Hash) (*settled, error) {
	proof, err := tlog.ProveRecord(t.N, int64(it.leaf), t)
	if err != nil {
		return nil, fetchError{fmt.Errorf("prove leaf %d in the tree of %d leaves: %w", it.leaf, t.N, err)}
	}
	if h := tlog.RecordHash(entry); h != hash || tlog.CheckRecord(proof, t.N, t.Hash, int64(it.leaf), h) != nil {
		return nil, fetchError{fmt.Errorf("what is served as leaf %d is not that leaf of the tree of %d leaves that was signed", it.leaf, t.N)}
	}
	if err := it.matches(entry); err != nil {
		it.doubted = append(it.doubted, it.leaf)
		it.placed = false
		if f.problem == nil {
			f.problem = hint("the ledger's index contradicts its tree, or the same manifest came first under another signature, from somebody who can publish as you; the envelope is kept, and is asked for again by the next flush",
				"leaf %d, which the ledger gives for the envelope of %s from sequence number %d, is not its: %w", it.leaf, it.lane.recorder, it.first, err)
		}
		return nil, nil
	}
	return &settled{item: it, leaf: it.leaf, entry: slices.Clone(entry), proof: proof, code: it.code, reason: it.reason}, nil
}

// matches returns an error unless entry is the leaf that it was said to be.
func (it *item) matches(entry []byte) error {
	leaf, err := formats.ParseLeaf(entry)
	if err != nil {
		return err
	}
	verdict, digest := formats.Accepted, it.line1
	if it.code != "" {
		verdict, digest = formats.Rejected, it.whole
	}
	switch {
	case leaf.Verdict != verdict:
		return fmt.Errorf("its verdict is %s, not %s", leaf.Verdict, verdict)
	case leaf.Digest != digest:
		return fmt.Errorf("its digest is %s, not %s", leaf.Digest, digest)
	case leaf.Subject != it.lane.recorder.Subject():
		return fmt.Errorf("its subject is %s", clip(leaf.Subject))
	case leaf.Code != it.code:
		return fmt.Errorf("its code is %s, not %s", leaf.Code, clip(it.code))
	case verdict == formats.Accepted && (leaf.First != it.first || leaf.Count != it.count):
		return fmt.Errorf("it has %d sequence numbers from %d, not %d from %d", leaf.Count, leaf.First, it.count, it.first)
	}
	return nil
}
