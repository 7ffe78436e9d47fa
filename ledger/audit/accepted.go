package audit

import (
	"context"
	"fmt"
	"sort"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

// accepted is an [admission.Store] that keeps of each manifest only where it stands, 16
// bytes, and reads it again where it is asked for, which is seldom: an envelope that
// carries its recorder on repeats none.
type accepted struct {
	ctx    context.Context
	source source
	chains map[incarnation]*places
	// odd are those whose numbers were used or passed over before.
	odd map[events.Digest]uint64
}

type incarnation struct {
	recorder events.Recorder
	number   uint64
}

// places are ascending in first. They lie in blocks, so that nothing is copied as they
// become more.
type places struct {
	blocks [][]place
	count  int
	last   uint64 // the first of the last
}

type place struct{ first, leaf uint64 }

const placesBlock = 4096

func newAccepted(ctx context.Context, s source) *accepted {
	return &accepted{ctx: ctx, source: s, chains: map[incarnation]*places{}, odd: map[events.Digest]uint64{}}
}

// Accept implements [admission.Store].
func (a *accepted) Accept(p admission.Place, leaf uint64) error {
	key := incarnation{p.Recorder, p.Incarnation}
	list := a.chains[key]
	if list == nil {
		list = &places{}
		a.chains[key] = list
	}
	if list.count > 0 && p.First <= list.last {
		a.odd[p.Manifest] = leaf
		return nil
	}
	if list.count%placesBlock == 0 {
		size := placesBlock
		if list.count == 0 {
			size = 16 // most recorders say little
		}
		list.blocks = append(list.blocks, make([]place, 0, size))
	}
	block := &list.blocks[len(list.blocks)-1]
	*block = append(*block, place{p.First, leaf})
	list.count++
	list.last = p.First
	return nil
}

// Accepted implements [admission.Store].
func (a *accepted) Accepted(p admission.Place) (uint64, bool, error) {
	if leaf, ok := a.odd[p.Manifest]; ok {
		return leaf, true, nil
	}
	list := a.chains[incarnation{p.Recorder, p.Incarnation}]
	if list == nil {
		return 0, false, nil
	}
	i := sort.Search(list.count, func(i int) bool { return list.blocks[i/placesBlock][i%placesBlock].first >= p.First })
	if i == list.count {
		return 0, false, nil
	}
	at := list.blocks[i/placesBlock][i%placesBlock]
	if at.first != p.First {
		return 0, false, nil
	}
	manifest, err := a.manifest(at.leaf)
	return at.leaf, manifest == p.Manifest, err
}

// manifest reads which one a leaf was accepted with.
func (a *accepted) manifest(leaf uint64) (events.Digest, error) {
	bodies, err := a.source.Bodies(a.ctx, leaf, 1)
	if err != nil {
		return events.Digest{}, err
	}
	envelope, err := events.ParseEnvelope(bodies[0])
	if err != nil {
		return events.Digest{}, fmt.Errorf("body of leaf %d: %w", leaf, err)
	}
	return envelope.ManifestDigest(), nil
}
