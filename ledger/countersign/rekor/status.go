package rekor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

const statusFile = "status.json"

// Status is how far anchoring in one Rekor has come. It is kept beside the anchors,
// for those who look from outside.
type Status struct {
	Rekor   string `json:"rekor"` // name of its directory
	Origin  string `json:"origin"`
	URL     string `json:"url,omitempty"`
	Version int    `json:"version"`
	// Size is that of the newest checkpoint that is anchored, 0 if none is, and Time
	// when that was verified.
	Size uint64    `json:"size"`
	Time time.Time `json:"time,omitzero"`
	// Waiting is since when a leaf, none of the ledger's own, has waited for an anchor;
	// zero where all are anchored.
	Waiting time.Time `json:"waiting,omitzero"`
	// Failures counts those in a row, of which Error is the last, at FailedAt.
	Failures int       `json:"failures,omitempty"`
	Error    string    `json:"error,omitempty"`
	FailedAt time.Time `json:"failedAt,omitzero"`
}

// Lag is what waits for an anchor: so many leaves, the first of them for so long.
type Lag struct {
	Leaves uint64
	Since  time.Duration
}

// Lag returns what waits of a ledger of size leaves: none if all that came since the
// last anchor is the ledger's own.
func (s Status) Lag(size uint64) Lag {
	if s.Waiting.IsZero() || size <= s.Size {
		return Lag{}
	}
	return Lag{size - s.Size, max(0, time.Since(s.Waiting))}
}

// ReadStatus returns the status of every Rekor in dir, which is [DirName] in a
// ledger's directory. It is as old as the node's last change of it.
func ReadStatus(dir string) ([]Status, error) {
	names, err := OpenStore(dir).Rekors()
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, name := range names {
		b, err := durable.ReadFile(filepath.Join(dir, name, statusFile), maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var s Status
		if err == nil {
			err = json.Unmarshal(b, &s)
		}
		if err != nil {
			return nil, fmt.Errorf("status of the Rekor %s: %w", name, err)
		}
		s.Rekor = name
		all = append(all, s)
	}
	return all, nil
}
