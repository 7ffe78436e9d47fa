package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// leavesReader is a reader that has leaves without their bodies for less.
type leavesReader interface {
	Leaves(ctx context.Context, checkpoint *verify.Checkpoint, from uint64) ([]ledger.Entry, error)
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
			if page[i].Leaf.Subject == events.LedgerRecorder.Subject() && page[i].Leaf.Verdict == verify.Accepted {
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
	}
	return nil
}

// registers tells whether a leaf is an accepted one of the registry.
func registers(e *ledger.Entry) bool {
	recorder, err := events.ParseSubject(e.Leaf.Subject)
	return err == nil && recorder.IsRegistry() && e.Leaf.Verdict == verify.Accepted
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

// support chooses the events that a leaf rests on, by what the registry said before
// it: the last that admitted its operator and declared its facility and recorder, the
// first that registered each key that signed it. It chooses too what bears on them,
// so that nobody is left to believe too much: suspensions before the leaf, and
// revocations whenever they came.
func (b *builder) support(ctx context.Context, l *leaf) error {
	recorder := l.envelope.Manifest.Recorder
	unregistered := map[events.KeyID]bool{}
	signed := map[events.KeyID]bool{}
	for _, s := range l.envelope.Signatures {
		unregistered[s.KeyID], signed[s.KeyID] = true, true
	}
	last := map[string]verify.Ref{} // by what it says
	for _, r := range b.registry {
		for place, line := range r.envelope.Lines {
			e, err := events.ParseEvent(line)
			if err != nil {
				return fmt.Errorf("event %d/%d: %w", r.Index, place, err)
			}
			before := r.Index < l.Index && recorder.IsOperator()
			switch {
			case e.Type == events.TypeAuthorityRotated:
				var d events.AuthorityRotated
				if json.Unmarshal(e.Data, &d) == nil && signed[events.KeyID(d.Replaces)] {
					b.show(r, place)
				}
			case e.Type == events.TypeKeyRevoked:
				var d events.KeyRevoked
				if json.Unmarshal(e.Data, &d) == nil && signed[events.KeyID(d.KeyID)] {
					b.show(r, place)
				}
			case !before:
			case e.Type == events.TypeOperatorAdmitted:
				var d events.OperatorAdmitted
				if json.Unmarshal(e.Data, &d) == nil && d.Operator == recorder.Owner {
					last["operator"] = verify.Ref{Leaf: r.Index, Event: place}
					b.showKeys(r, place, unregistered, d.Keys...)
				}
			case e.Type == events.TypeKeyAdded:
				var d events.KeyAdded
				if json.Unmarshal(e.Data, &d) == nil && d.Operator == recorder.Owner {
					b.showKeys(r, place, unregistered, d.Key)
				}
			case e.Type == events.TypeOperatorSuspended || e.Type == events.TypeOperatorReadmitted:
				var d events.OperatorSuspended // or a readmission, which has the same members
				if json.Unmarshal(e.Data, &d) == nil && d.Operator == recorder.Owner {
					b.show(r, place)
				}
			case e.Type == events.TypeFacilityDeclared:
				var d events.FacilityDeclared
				if json.Unmarshal(e.Data, &d) == nil && d.Facility == recorder.Facility {
					last["facility"] = verify.Ref{Leaf: r.Index, Event: place}
				}
			case e.Type == events.TypeRecorderDeclared:
				var d events.RecorderDeclared
				if json.Unmarshal(e.Data, &d) == nil && d.Recorder == recorder.String() {
					last["recorder"] = verify.Ref{Leaf: r.Index, Event: place}
				}
			}
		}
	}
	for _, ref := range last {
		b.shown[ref] = true
	}
	return b.supportTime(ctx, l)
}

// supportAuthorities chooses the events that gave authorities the keys which signed
// what is shown of the registry, and what those events rest on in turn. Keys of the
// genesis need none.
func (b *builder) supportAuthorities() error {
	registered := map[events.KeyID]verify.Ref{}
	for _, l := range b.registry {
		for place, line := range l.envelope.Lines {
			e, err := events.ParseEvent(line)
			if err != nil {
				return fmt.Errorf("event %d/%d: %w", l.Index, place, err)
			}
			var d struct{ Key, RecoveryKey string } // of either event
			if e.Type != events.TypeAuthorityAdmitted && e.Type != events.TypeAuthorityRotated || json.Unmarshal(e.Data, &d) != nil {
				continue
			}
			for _, text := range []string{d.Key, d.RecoveryKey} {
				key, err := events.ParsePublicKey(text)
				if err != nil {
					continue
				}
				if _, known := registered[key.ID()]; !known {
					registered[key.ID()] = verify.Ref{Leaf: l.Index, Event: place}
				}
			}
		}
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
	return nil
}

// showKeys shows an event if it registers a key that is not registered yet.
func (b *builder) showKeys(l *leaf, place int, unregistered map[events.KeyID]bool, keys ...string) {
	for _, text := range keys {
		if key, err := events.ParsePublicKey(text); err == nil && unregistered[key.ID()] {
			delete(unregistered, key.ID())
			b.show(l, place)
		}
	}
}

// lookBack bounds how many of the ledger's own leaves before another are read in
// search of anchors. With one anchor a minute they are those of an hour and more.
const lookBack = 100

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
	entries, err := b.source.Reader.Entries(ctx, b.newest, index)
	if err != nil {
		return nil, err
	}
	return b.keep(&entries[0])
}
