package verify

import (
	"errors"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
)

// Redact takes events out of a bundle that it is about: their lines are gone, and the
// bundle says that it withholds them. All else is proven as before, and that something
// was signed at their places.
func (b *Bundle) Redact(refs ...events.Ref) error {
	for _, ref := range refs {
		if _, about := slices.BinarySearchFunc(b.About, ref, events.Ref.Compare); !about {
			return fmt.Errorf("event %s is none that the evidence is about: what it rests on can't be taken out", ref)
		}
		at, withheld := slices.BinarySearchFunc(b.Withheld, ref, events.Ref.Compare)
		if withheld {
			continue
		}
		i, ok := slices.BinarySearchFunc(b.Leaves, ref.Leaf, func(l BundledLeaf, index uint64) int { return int(int64(l.Index) - int64(index)) })
		if !ok {
			return fmt.Errorf("event %s, which the evidence is about, is missing", ref)
		}
		l := &b.Leaves[i]
		place := slices.IndexFunc(l.Events, func(e BundledEvent) bool { return e.Place == ref.Event })
		if place < 0 {
			return fmt.Errorf("event %s, which the evidence is about, is missing", ref)
		}
		l.Events = slices.Delete(slices.Clone(l.Events), place, place+1)
		b.Withheld = slices.Insert(b.Withheld, at, ref)
	}
	return nil
}

// OwnTrust returns the trust that a bundle itself asks for: that its genesis is the right
// one. Verified by it, a bundle agrees with itself, and nothing is proven to anybody.
func (b *Bundle) OwnTrust() (*Trust, error) {
	if len(b.Leaves) == 0 || b.Leaves[0].Index != 0 || len(b.Leaves[0].Events) == 0 {
		return nil, errors.New("the genesis, leaf 0, is missing")
	}
	e, err := events.ParseEvent(b.Leaves[0].Events[0].Line)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	var genesis events.Genesis
	if err := jsonv2.Unmarshal(e.Data, &genesis); err != nil || !events.IsGenesis(e.Type) {
		return nil, errors.New("leaf 0 shows no genesis")
	}
	return &Trust{V: 1, Ledgers: []TrustedLedger{{Origin: genesis.Origin, Key: genesis.LogKey, Genesis: tlog.RecordHash(b.Leaves[0].Leaf)}}}, nil
}
