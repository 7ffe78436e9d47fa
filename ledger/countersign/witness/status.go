package witness

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

const statusFile = "status.json"

// Status is how far cosigning has come. It is kept beside the checkpoints, for those
// who look from outside.
type Status struct {
	// Quorum says in words who must cosign.
	Quorum string `json:"quorum"`
	// Size is that of the largest checkpoint that a quorum has cosigned, and Time when
	// it had; zero if none has.
	Size uint64    `json:"size"`
	Time time.Time `json:"time,omitzero"`
	// Waiting is since when a leaf, none of the ledger's own, has waited for a quorum;
	// zero where all are cosigned.
	Waiting   time.Time       `json:"waiting,omitzero"`
	Witnesses []WitnessStatus `json:"witnesses"`
}

// WitnessStatus is how one witness does.
type WitnessStatus struct {
	Name string `json:"name"` // in the policy
	Key  string `json:"key"`
	URL  string `json:"url,omitempty"` // without one it isn't asked
	// Size is that of the largest checkpoint that it has cosigned, Time when by its
	// own word, and At by ours.
	Size uint64    `json:"size"`
	Time time.Time `json:"time,omitzero"`
	At   time.Time `json:"at,omitzero"`
	// Failures counts those in a row, of which Error is the last, at FailedAt.
	Failures int       `json:"failures,omitempty"`
	Error    string    `json:"error,omitempty"`
	FailedAt time.Time `json:"failedAt,omitzero"`
	// Contradicts says that the last failure was one of the tree: the witness has seen
	// another, or more of it than there is.
	Contradicts bool `json:"contradicts,omitempty"`
}

// ReadStatus returns the status in dir, which is [DirName] in a ledger's directory, or
// nil if nothing was ever cosigned or tried. It is as old as the node's last change.
func ReadStatus(dir string) (*Status, error) {
	b, err := durable.ReadFile(filepath.Join(dir, statusFile), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var s Status
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return nil, err
	}
	return &s, nil
}
