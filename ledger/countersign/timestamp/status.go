package timestamp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// Status is how far the timestamps of one authority have come. It is kept beside them,
// for those who look from outside.
type Status struct {
	Authority string `json:"authority"`
	URL       string `json:"url"`
	// Size is that of the newest checkpoint that has a timestamp, 0 if none has; Time is
	// the token's, and At when it came by our clock.
	Size uint64    `json:"size"`
	Time time.Time `json:"time,omitzero"`
	At   time.Time `json:"at,omitzero"`
	// Waiting is since when a leaf, none of the ledger's own, has waited for a timestamp;
	// zero where all have one.
	Waiting time.Time `json:"waiting,omitzero"`
	// Every is the time between two, at the least.
	Every time.Duration `json:"every"`
	// Failures counts those in a row, of which Error is the last, at FailedAt.
	Failures int       `json:"failures,omitempty"`
	Error    string    `json:"error,omitempty"`
	FailedAt time.Time `json:"failedAt,omitzero"`
}

// ReadStatus returns the status of every authority in dir, which is [DirName] in a
// ledger's directory. It is as old as the node's last change of it.
func ReadStatus(dir string) ([]Status, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list timestamp authorities: %w", err)
	}
	var all []Status
	for _, e := range entries {
		if !e.IsDir() || !validName(e.Name()) {
			continue
		}
		b, err := durable.ReadFile(filepath.Join(dir, e.Name(), statusFile), maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var s Status
		if err == nil {
			err = json.Unmarshal(b, &s)
		}
		if err != nil {
			return nil, fmt.Errorf("status of the timestamp authority %s: %w", e.Name(), err)
		}
		s.Authority = e.Name()
		all = append(all, s)
	}
	return all, nil
}
