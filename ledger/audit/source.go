package audit

import (
	"context"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// source is what is audited: what a ledger wrote, or a copy. It is safe for concurrent
// use.
type source interface {
	// Entries returns the leaves from from up to the end of their bundle.
	Entries(ctx context.Context, from uint64) ([][]byte, error)
	// Bodies returns the bodies of n leaves, all of one bundle. One that was withheld is
	// nil. With an error come those before the one that can't be read.
	Bodies(ctx context.Context, from uint64, n int) ([][]byte, error)
	ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error)
	ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error)
	Close() error
}

// openSource opens what lies in dir up to a checkpoint, which lies there too.
func openSource(dir string, trusted *verify.TrustedLedger, checkpoint *formats.Checkpoint) (source, error) {
	if mirror.Is(dir) {
		log, err := trusted.Log()
		if err != nil {
			return nil, err
		}
		return mirror.Open(dir, log)
	}
	archive, err := archive.OpenArchive(dir, checkpoint.Size)
	if err != nil {
		return nil, err
	}
	return written{archive}, nil
}

// written is what a ledger wrote: it withholds nothing.
type written struct{ *archive.Archive }

func (w written) Bodies(_ context.Context, from uint64, n int) ([][]byte, error) {
	bodies := make([][]byte, 0, n)
	for i := range n {
		body, err := w.Body(from + uint64(i))
		if err != nil {
			return bodies, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}
