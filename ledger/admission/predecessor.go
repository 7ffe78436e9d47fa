package admission

import (
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// adoptPredecessor holds what is said of the tree before this one to the genesis, which has
// its last checkpoint. What is taken over from there are acts of their own.
func (r *Registry) adoptPredecessor(d events.PredecessorAdopted) (func(), *refusal) {
	last, refused := r.predecessor()
	if refused != nil {
		return nil, refused
	}
	if d.Origin != last.Origin || uint64(d.Size) != last.Size || d.Root != last.Root.String() {
		return nil, refuse("inconsistent", "the genesis names the predecessor %s with %d leaves and the root %s", last.Origin, last.Size, last.Root)
	}
	return func() {}, nil
}

// predecessor is the last checkpoint of the tree before this one.
func (r *Registry) predecessor() (*formats.Checkpoint, *refusal) {
	if r.Genesis.Predecessor == "" {
		return nil, refuse("inconsistent", "the genesis names no tree before this one")
	}
	last, err := formats.ParseCheckpoint([]byte(r.Genesis.Predecessor))
	if err != nil {
		return nil, refuse("inconsistent", "read the predecessor in the genesis: %w", err)
	}
	return last, nil
}

// continueRecorder says where a recorder stood in the tree before this one. It is of no
// effect on one that is further here.
func (r *Registry) continueRecorder(d events.RecorderContinued, leaf uint64) (func(), *refusal) {
	last, refused := r.predecessor()
	if refused != nil {
		return nil, refused
	}
	name, err := events.ParseRecorder(d.Recorder)
	manifest, wrong := events.ParseDigest(d.Manifest)
	switch {
	case err != nil || r.recorders[name] == nil:
		return nil, refuse("unknown_recorder", "recorder %s is not declared", d.Recorder)
	case wrong != nil:
		return nil, refuse("schema", "%w", wrong)
	case uint64(d.Leaf) >= last.Size:
		return nil, refuse("inconsistent", "leaf %d is not one of the %d leaves of the predecessor", d.Leaf, last.Size)
	}
	r.continued[name] = Head{Incarnation: uint64(d.Incarnation), Last: uint64(d.Last), Manifest: manifest, Leaf: leaf}
	return func() { delete(r.continued, name) }, nil
}
