package evidence

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// anchored is a checkpoint of the ledger, and the Rekor's entry that is said to be
// for it. Whether it is, a trust file will tell.
type anchored struct {
	checkpoint *formats.Checkpoint
	entry      []byte // in its one written form
}

// listRekors bounds how far back a Rekor's name is looked for.
const listRekors = 1000

// rekors returns the names of the Rekors that were anchored in lately.
func (b *builder) rekors(ctx context.Context) ([]string, error) {
	list, err := b.source.Anchors.List(ctx, "", 0, listRekors)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range list {
		if !slices.Contains(names, a.Rekor) {
			names = append(names, a.Rekor)
		}
	}
	b.rekorsKnown = len(names)
	return names, nil
}

// covering returns, for who signed, the smallest checkpoint with more than leaf leaves
// that is listed, or nil. Lists run downwards only, so that it is searched by halves.
func covering[T any](newest, leaf uint64, list func(before uint64) ([]T, error), sizeOf func(T) uint64) (*T, error) {
	below := func(before uint64) (*T, error) {
		list, err := list(before)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		if size := sizeOf(list[0]); size <= leaf || before > 0 && size >= before {
			return nil, nil
		}
		return &list[0], nil
	}
	found, err := below(newest + 1)
	if err != nil || found == nil {
		return nil, err
	}
	for low := leaf; low+1 < sizeOf(*found); { // none in (leaf, low]
		middle := low + (sizeOf(*found)-low)/2
		switch smaller, err := below(middle + 1); {
		case err != nil:
			return nil, err
		case smaller != nil:
			found = smaller
		default:
			low = middle
		}
	}
	return found, nil
}

// coveringAnchor is [covering] for a Rekor.
func (b *builder) coveringAnchor(ctx context.Context, rekor string, leaf uint64) (*ledgerhttp.Anchor, error) {
	return covering(b.newest.Size, leaf, func(before uint64) ([]ledgerhttp.Anchor, error) {
		list, err := b.source.Anchors.List(ctx, rekor, before, 1)
		if err == nil && len(list) > 0 && list[0].Rekor != rekor {
			list = nil
		}
		return list, err
	}, func(a ledgerhttp.Anchor) uint64 { return a.Size })
}

// open reads an anchor. One that can't be one is nil: it is somebody's mistake, and
// no reason to give no evidence.
func (b *builder) open(ctx context.Context, a *ledgerhttp.Anchor) (*anchored, error) {
	note, err := b.source.Anchors.Read(ctx, a.Checkpoint)
	if err != nil {
		return nil, err
	}
	text, err := b.source.Anchors.Read(ctx, a.Entry)
	if err != nil {
		return nil, err
	}
	checkpoint, err := b.source.Log.OpenCheckpoint(note)
	if err != nil || checkpoint.Size > b.newest.Size || checkpoint.Size == 0 {
		return nil, nil
	}
	entry, err := verify.ParseLogEntry(text)
	if err != nil {
		return nil, nil
	}
	return &anchored{checkpoint, entry.Marshal()}, nil
}

// take adds an anchor to the bundle, once, and reports whether it has its place there.
func (b *builder) take(a *anchored) bool {
	for _, known := range b.anchors {
		if string(known.entry) == string(a.entry) && known.checkpoint.Size == a.checkpoint.Size {
			return true
		}
	}
	if len(b.anchors) == verify.MaxAnchors {
		return false
	}
	b.anchors = append(b.anchors, a)
	return true
}

// cover takes, for each leaf, the anchors in each Rekor that bound it most closely
// from above, and returns those that cover all leaves, by the name of their Rekor.
func (b *builder) cover(ctx context.Context, leaves []uint64) (map[string]*anchored, error) {
	rekors, err := b.rekors(ctx)
	if err != nil {
		return nil, err
	}
	closest := remember(func(leaf uint64) ([]ledgerhttp.Anchor, error) {
		var found []ledgerhttp.Anchor
		for _, rekor := range rekors {
			a, err := b.coveringAnchor(ctx, rekor, leaf)
			if err != nil {
				return nil, err
			}
			if a != nil {
				found = append(found, *a)
			}
		}
		return found, nil
	})
	some, err := apart(leaves, mostBounds/max(1, len(rekors)), func(leaf uint64) (uint64, error) {
		list, err := closest(leaf)
		return smallest(list, func(a ledgerhttp.Anchor) uint64 { return a.Size }), err
	})
	if err != nil {
		return nil, err
	}
	last := leaves[len(leaves)-1] // what covers it covers all
	all := map[string]*anchored{}
	for _, leaf := range slices.Backward(some) {
		list, err := closest(leaf)
		if err != nil {
			return nil, err
		}
		for i := range list {
			a, err := b.open(ctx, &list[i])
			if err != nil {
				return nil, err
			}
			if a != nil && a.checkpoint.Size > leaf && b.take(a) && leaf == last {
				all[list[i].Rekor] = a
			}
		}
	}
	return all, nil
}

// waitPoll is how often it is looked whether an anchor came.
const waitPoll = 500 * time.Millisecond

// wait waits for what the options say, but for anchors.
func (b *builder) wait(ctx context.Context, options Options, subjects []uint64) error {
	last := subjects[len(subjects)-1] // what covers it covers all
	for _, w := range []struct {
		name   string
		wanted bool
		there  bool
		covers func(context.Context, uint64) (bool, error)
		by     string // who has them made
	}{
		{"cosigned checkpoints", options.WaitCosigned, b.source.Cosigned != nil, b.cosignedCovers, "witnesses of its registry: saksi authority witnesses"},
		{"timestamps", options.WaitTimestamp, b.source.Timestamps != nil, b.stampedCovers, "its node: saksi up --timestamp-authority"},
	} {
		if !w.wanted {
			continue
		}
		if !w.there {
			return fmt.Errorf("there are no %s to wait for", w.name)
		}
		for {
			covered, err := w.covers(ctx, last)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if covered {
				break
			}
			if err := pause(ctx); err != nil {
				return fmt.Errorf("%s: none covers leaf %d until now, if the ledger has any made (%s): %w", w.name, last, w.by, err)
			}
		}
		var err error
		if b.newest, err = b.source.Reader.Checkpoint(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pause waits until it is time to look again.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(waitPoll):
		return nil
	}
}

// recorded takes the anchor that the ledger recorded in an event, if it is kept in
// the form that the event holds the digest of, and reports whether it is.
func (b *builder) recorded(ctx context.Context, r *events.AnchorRecorded) (bool, error) {
	list, err := b.source.Anchors.List(ctx, "", uint64(r.Size)+1, 1)
	if err != nil {
		return false, err
	}
	for i := range list {
		if list[i].Size != uint64(r.Size) {
			continue
		}
		a, err := b.open(ctx, &list[i])
		if err != nil {
			return false, err
		}
		if a != nil && events.DigestOf(a.entry).String() == r.Entry && events.DigestOf(a.checkpoint.Note).String() == r.Checkpoint {
			return b.take(a), nil
		}
	}
	return false, nil
}
