package audit

import (
	"context"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/quiet"
)

// checkTiles has Tessera's own fsck make every hash tile again from the leaves
// and compare it with what is stored: proofs are read from tiles.
func (a *auditor) checkTiles(ctx context.Context) error {
	verifier, err := note.NewVerifier(a.trusted.Key)
	if err != nil {
		return err
	}
	tree := pinned{a.source, a.checkpoint.Note}
	quiet.Tessera()
	return fsck.New(a.checkpoint.Origin, verifier, tree, bundleHashes, fsck.Opts{N: 2}).Check(ctx)
}

// pinned is a tree as one checkpoint has it, though it may have grown since.
type pinned struct {
	source
	note []byte
}

func (p pinned) ReadCheckpoint(context.Context) ([]byte, error) { return p.note, nil }

func bundleHashes(raw []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(bundle.Entries))
	for i, entry := range bundle.Entries {
		hash := tlog.RecordHash(entry)
		hashes[i] = hash[:]
	}
	return hashes, nil
}
