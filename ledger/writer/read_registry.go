package writer

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/paths"
)

// ReadRegistry returns the registry of the ledger in dir, as far as its database
// knows it. The ledger may be written to at the same time.
func ReadRegistry(dir string) (*admission.Registry, error) {
	path := filepath.Join(dir, stateFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("read the registry: %w (the node makes it when it first runs)", err)
	}
	db, err := sql.Open("sqlite", paths.SQLite(path, "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"))
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
	bodies, err := archive.OpenBodies(filepath.Join(dir, archive.BodiesDir), leaves[len(leaves)-1]+1, true)
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
