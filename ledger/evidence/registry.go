package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// leavesReader is a reader that has leaves without their bodies for less.
type leavesReader interface {
	Leaves(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error)
}

// readRegistry reads all leaves, and the bodies of the registry's. A revocation may
// come long after what it is about.
func (b *builder) readRegistry(ctx context.Context) error {
	reader, bare := b.source.Reader.(leavesReader)
	for from := uint64(0); from < b.newest.Size; {
		entries, err := b.source.Reader.Entries, error(nil)
		if bare {
			entries = reader.Leaves
		}
		page, err := entries(ctx, b.newest, from)
		if err != nil {
			return err
		}
		if bare {
			if err := b.fillBodies(ctx, page); err != nil {
				return err
			}
		}
		for i := range page {
			if page[i].Leaf.Subject == events.LedgerRecorder.Subject() && page[i].Leaf.Verdict == formats.Accepted {
				b.own = append(b.own, page[i].Index)
			}
			if !registers(&page[i]) {
				continue
			}
			// What an authority did may be beyond the asker's mandate. Nothing rests on it:
			// who may speak, and with which keys, everybody reads who reads bodies.
			if page[i].Body == nil && page[i].Index > 0 {
				continue
			}
			l, err := b.keep(&page[i])
			if err != nil {
				return err
			}
			b.registry = append(b.registry, l)
		}
		from += uint64(len(page))
		b.progress("registry", int(from), int(b.newest.Size))
	}
	return b.readSaid()
}

// registers tells whether a leaf is an accepted one of the registry.
func registers(e *ledger.Entry) bool {
	recorder, err := events.ParseSubject(e.Leaf.Subject)
	return err == nil && recorder.IsRegistry() && e.Leaf.Verdict == formats.Accepted
}

// fillBodies reads the bodies of the registry's leaves in a page.
func (b *builder) fillBodies(ctx context.Context, page []ledger.Entry) error {
	for i := 0; i < len(page); i++ {
		if !registers(&page[i]) || page[i].Body != nil {
			continue
		}
		read, err := b.source.Reader.Entries(ctx, b.newest, page[i].Index)
		if err != nil {
			return err
		}
		for j := range min(len(read), len(page)-i) {
			page[i+j].Body = read[j].Body
		}
	}
	return nil
}

// registryEvent is an event of the registry, as much of it as support looks at.
type registryEvent struct {
	ref  events.Ref
	kind string
	// what is the operator, facility or recorder that it is about, or the key that it
	// revokes.
	what string
	keys []events.KeyID // that it registers
}

// readSaid reads what the registry's leaves say.
func (b *builder) readSaid() error {
	for _, l := range b.registry {
		for place, line := range l.envelope.Lines {
			e, err := events.ParseEvent(line)
			if err != nil {
				return fmt.Errorf("event %d/%d: %w", l.Index, place, err)
			}
			var d struct { // of all that matter
				Operator, Facility, Recorder, Replaces, KeyID string
				Key, RecoveryKey                              string
				Keys                                          []string
			}
			if json.Unmarshal(e.Data, &d) != nil {
				continue
			}
			r := registryEvent{ref: events.Ref{Leaf: l.Index, Event: place}, kind: e.Type}
			switch e.Type {
			case events.TypeAuthorityRotated:
				r.what = d.Replaces
			case events.TypeKeyRevoked:
				r.what = d.KeyID
			case events.TypeOperatorAdmitted, events.TypeKeyAdded, events.TypeOperatorSuspended, events.TypeOperatorReadmitted:
				r.what = d.Operator
			case events.TypeFacilityDeclared:
				r.what = d.Facility
			case events.TypeRecorderDeclared:
				r.what = d.Recorder
			case events.TypeAuthorityAdmitted:
			default:
				continue
			}
			for _, text := range append(d.Keys, d.Key, d.RecoveryKey) {
				if key, err := events.ParsePublicKey(text); err == nil {
					r.keys = append(r.keys, key.ID())
				}
			}
			b.said = append(b.said, r)
		}
	}
	return nil
}

// support is what decides which events a leaf rests on: leaves alike need the same.
type support struct {
	recorder events.Recorder
	signers  string
	before   int // how much of the registry comes before
}

// support chooses the events that a leaf rests on, by what the registry said before
// it: the last that admitted its operator and declared its facility and recorder, the
// first that registered each key that signed it. It chooses too what bears on them,
// so that nobody is left to believe too much: suspensions before the leaf, and
// revocations whenever they came.
func (b *builder) support(l *leaf) {
	recorder := l.envelope.Manifest.Recorder
	before, _ := slices.BinarySearchFunc(b.said, l.Index, func(r registryEvent, leaf uint64) int { return cmp.Compare(r.ref.Leaf, leaf) })
	unregistered, signed := map[events.KeyID]bool{}, map[events.KeyID]bool{}
	alike := support{recorder: recorder, before: before}
	for _, s := range l.envelope.Signatures {
		unregistered[s.KeyID], signed[s.KeyID] = true, true
		alike.signers += string(s.KeyID)
	}
	if b.supported[alike] {
		return
	}
	b.supported[alike] = true
	last := map[string]events.Ref{} // by what it says
	for i := range b.said {
		r := &b.said[i]
		switch r.kind {
		case events.TypeAuthorityRotated, events.TypeKeyRevoked:
			if signed[events.KeyID(r.what)] {
				b.shown[r.ref] = true
			}
			continue
		}
		if i >= before || !recorder.IsOperator() {
			continue
		}
		switch r.kind {
		case events.TypeOperatorAdmitted, events.TypeKeyAdded:
			if r.what != recorder.Owner {
				continue
			}
			if r.kind == events.TypeOperatorAdmitted {
				last["operator"] = r.ref
			}
			for _, key := range r.keys {
				if unregistered[key] {
					delete(unregistered, key)
					b.shown[r.ref] = true
				}
			}
		case events.TypeOperatorSuspended, events.TypeOperatorReadmitted:
			if r.what == recorder.Owner {
				b.shown[r.ref] = true
			}
		case events.TypeFacilityDeclared:
			if r.what == recorder.Facility {
				last["facility"] = r.ref
			}
		case events.TypeRecorderDeclared:
			if r.what == recorder.String() {
				last["recorder"] = r.ref
			}
		}
	}
	for _, ref := range last {
		b.shown[ref] = true
	}
}

// supportAuthorities chooses the events that gave authorities the keys which signed
// what is shown of the registry, and what those events rest on in turn. Keys of the
// genesis need none.
func (b *builder) supportAuthorities() {
	registered := map[events.KeyID]events.Ref{}
	for _, r := range b.said {
		if r.kind != events.TypeAuthorityAdmitted && r.kind != events.TypeAuthorityRotated {
			continue
		}
		for _, key := range r.keys {
			if _, known := registered[key]; !known {
				registered[key] = r.ref
			}
		}
	}
	if len(registered) == 0 {
		return
	}
	seen := map[uint64]bool{}
	for grown := true; grown; {
		grown = false
		for ref := range b.shown {
			if seen[ref.Leaf] {
				continue
			}
			seen[ref.Leaf], grown = true, true
			for _, s := range b.leaves[ref.Leaf].envelope.Signatures {
				if at, ok := registered[s.KeyID]; ok {
					b.shown[at] = true
				}
			}
		}
	}
}

// lookBack bounds how many of the ledger's own leaves before another are read in
// search of anchors. With one anchor a minute they are those of an hour and more.
const lookBack = 100

// supportTimes chooses, for the leaves, what bounds them most closely from below: between
// two of the ledger's own, all are bounded by the same.
func (b *builder) supportTimes(ctx context.Context, subjects []uint64) error {
	some, err := apart(subjects, mostBounds, func(leaf uint64) (uint64, error) {
		next, found := slices.BinarySearch(b.own, leaf)
		if found {
			next++
		}
		if next == len(b.own) {
			return 0, nil
		}
		return b.own[next] + 1, nil
	})
	if err != nil {
		return err
	}
	for _, index := range slices.Backward(some) {
		if err := b.supportTime(ctx, b.leaves[index]); err != nil {
			return err
		}
	}
	return nil
}

// supportTime chooses what the ledger recorded last before a leaf, of each who gives a
// time or holds the tree fast: the last anchor of each Rekor, the last timestamp of each
// authority, and the last checkpoint that a quorum of witnesses had cosigned. The leaf is
// later.
func (b *builder) supportTime(ctx context.Context, l *leaf) error {
	end, _ := slices.BinarySearch(b.own, l.Index)
	rekors, authorities := map[string]bool{}, map[string]bool{}
	cosigned := len(b.cosigned) == 0
	for _, index := range slices.Backward(b.own[max(0, end-lookBack):end]) {
		if cosigned && len(rekors) >= b.rekorsKnown && len(authorities) >= len(b.authorities) {
			return nil
		}
		r, err := b.read(ctx, index)
		if err != nil {
			return err
		}
		for place, line := range r.envelope.Lines {
			e, err := events.ParseEvent(line)
			if err != nil {
				return fmt.Errorf("event %d/%d: %w", r.Index, place, err)
			}
			switch e.Type {
			case events.TypeCheckpointCosigned:
				if !cosigned {
					cosigned = true
					b.show(r, place)
				}
			case events.TypeAnchorRecorded:
				var d events.AnchorRecorded
				if b.source.Anchors == nil || json.Unmarshal(e.Data, &d) != nil || rekors[d.Rekor] {
					continue
				}
				found, err := b.recorded(ctx, &d)
				if err != nil {
					return fmt.Errorf("anchors: %w", err)
				}
				if found {
					rekors[d.Rekor] = true
					b.show(r, place)
				}
			case events.TypeTimestampRecorded:
				var d events.TimestampRecorded
				if b.source.Timestamps == nil || json.Unmarshal(e.Data, &d) != nil {
					continue
				}
				found, err := b.recordedTimestamp(ctx, &d, authorities)
				if err != nil {
					return fmt.Errorf("timestamps: %w", err)
				}
				if found {
					b.show(r, place)
				}
			}
		}
	}
	return nil
}

// read reads a leaf that may be in the bundle, once.
func (b *builder) read(ctx context.Context, index uint64) (*leaf, error) {
	if known := b.leaves[index]; known != nil {
		return known, nil
	}
	e, err := b.entry(ctx, index)
	if err != nil {
		return nil, err
	}
	return b.keep(e)
}
