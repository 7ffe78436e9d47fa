package writer

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/paths"
)

// ReadWhere says where envelopes of one of a party's recorders stand, as far as the
// database of the ledger in dir knows it. The ledger may be written to at the same time.
func ReadWhere(ctx context.Context, dir, party string, q events.GetRequest) (*events.GetResponse, error) {
	path := filepath.Join(dir, stateFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("look for envelopes: %w (the node makes it when it first runs)", err)
	}
	db, err := sql.Open("sqlite", paths.SQLite(path, "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"))
	if err != nil {
		return nil, fmt.Errorf("look for envelopes: %w", err)
	}
	defer db.Close()
	answer, err := (&state{path: path, readers: db}).where(ctx, party, q)
	if err != nil {
		return nil, fmt.Errorf("look for envelopes: %w", err)
	}
	return answer, nil
}
