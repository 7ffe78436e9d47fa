package ledger

import (
	"context"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Reader is all that projections and evidence know of a ledger: its published
// checkpoint, and entries below one. A [archive.Directory] reads a ledger on the same
// machine, and ledger/http has one that reads another's; ledger/readertest holds
// both to the same behaviour. Implementations are safe for concurrent use.
type Reader interface {
	// Checkpoint returns the newest published checkpoint, its signature verified.
	Checkpoint(ctx context.Context) (*formats.Checkpoint, error)
	// Wait returns the newest checkpoint as soon as it covers more than size
	// leaves, or the context's error.
	Wait(ctx context.Context, size uint64) (*formats.Checkpoint, error)
	// Entries returns the entries from index from on, at least one and at most
	// 256, none at or above the size of checkpoint, which covers from. What it
	// returns stands under that checkpoint, and bodies are what their leaves say.
	Entries(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]Entry, error)
	// ReadTile returns a hash tile, p wide or 256 if p is 0
	// (https://c2sp.org/tlog-tiles). It isn't verified.
	ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error)
}

// Entry is a leaf with its body.
type Entry struct {
	Index uint64
	// Raw is the leaf's bytes, over which its hash is taken.
	Raw  []byte
	Leaf *formats.Leaf
	// Body is the message; nil where the reader has no mandate for bodies.
	Body []byte
}
