package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/transparency-dev/tessera/client"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

// Archive is a ledger's directory opened for reading, up to one checkpoint. The
// ledger may be written to at the same time. It is safe for concurrent use.
type Archive struct {
	fetcher client.FileFetcher
	bodies  *Bodies
	size    uint64
}

// OpenArchive opens the first size leaves of a ledger's directory. The caller has
// size from a checkpoint that it has verified; see [ReadCheckpoint].
func OpenArchive(dir string, size uint64) (*Archive, error) {
	bodies, err := openBodies(filepath.Join(dir, bodiesDir), size, true)
	if err != nil {
		return nil, err
	}
	return &Archive{fetcher: client.FileFetcher{Root: filepath.Join(dir, treeDir)}, bodies: bodies, size: size}, nil
}

// ReadCheckpoint reads the published checkpoint of a ledger's directory, which is
// not verified.
func ReadCheckpoint(dir string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, treeDir, "checkpoint"))
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint of the ledger in %s: %w", dir, err)
	}
	return b, nil
}

// Entries returns the leaves from from up to the end of their bundle: at most 256.
func (a *Archive) Entries(ctx context.Context, from uint64) ([][]byte, error) {
	return readEntries(ctx, a.fetcher, from, a.size)
}

// ReadTile returns a hash tile, p wide or 256 if p is 0.
func (a *Archive) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return a.fetcher.ReadTile(ctx, level, index, p)
}

// ReadEntryBundle returns an entry bundle, p wide or 256 if p is 0.
func (a *Archive) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	return a.fetcher.ReadEntryBundle(ctx, index, p)
}

// Body returns the body of a leaf.
func (a *Archive) Body(leaf uint64) ([]byte, error) { return a.bodies.Read(leaf) }

// Close closes the files.
func (a *Archive) Close() error { return a.bodies.Close() }

// ReadRegistry returns the registry of the ledger in dir, as far as its database
// knows it. The ledger may be written to at the same time.
func ReadRegistry(dir string) (*admission.Registry, error) {
	path := filepath.Join(dir, stateFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("read the registry: %w (the node makes it when it first runs)", err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	defer db.Close()
	s := &state{path: path, writer: db}
	leaves, err := s.registryLeaves()
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	if len(leaves) == 0 {
		return nil, fmt.Errorf("read the registry: the ledger in %s has none yet", dir)
	}
	bodies, err := openBodies(filepath.Join(dir, bodiesDir), leaves[len(leaves)-1]+1, true)
	if err != nil {
		return nil, err
	}
	defer bodies.Close()
	genesis, err := bodies.Read(0)
	if err != nil {
		return nil, err
	}
	admit, _, err := admission.Start(genesis, admission.Memory{})
	if err != nil {
		return nil, err
	}
	for _, leaf := range leaves {
		body, err := bodies.Read(leaf)
		if err != nil {
			return nil, err
		}
		envelope, err := events.ParseEnvelope(body)
		if err != nil {
			return nil, fmt.Errorf("body of leaf %d: %w", leaf, err)
		}
		if err := admit.RecallRegistry(envelope, leaf); err != nil {
			return nil, err
		}
	}
	return admit.Registry, nil
}
