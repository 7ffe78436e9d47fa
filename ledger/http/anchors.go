package http

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// Anchor is a checkpoint that stands in a Rekor.
type Anchor struct {
	Rekor string `json:"rekor"`
	// Size is the tree size of the checkpoint.
	Size uint64 `json:"size"`
	// Entry is the path of the Sigstore TransparencyLogEntry, JSON; Checkpoint that
	// of the signed note which was anchored.
	Entry      string `json:"entry"`
	Checkpoint string `json:"checkpoint"`
}

// AnchorPolicy says in how many of which Rekors a ledger's node wants checkpoints to stand.
type AnchorPolicy struct {
	// Policy is all, any, or a number.
	Policy string `json:"policy"`
	// Rekors are named as in [Anchor].
	Rekors []string `json:"rekors"`
}

// policyFile lies beside the anchors where a node has written them.
const policyFile = "anchors/policy.json"

// Anchors reads and serves the anchors of a ledger's directory, while others are
// added. It is safe for concurrent use.
type Anchors struct{ blobs *blobIndex }

// OpenAnchors opens the anchors of the ledger in dir. There may be none yet.
func OpenAnchors(dir string) (*Anchors, error) {
	s, err := openShelf(dir, "anchors", ".json", "application/json")
	if err != nil {
		return nil, err
	}
	return &Anchors{s}, nil
}

// Close closes the directory.
func (a *Anchors) Close() error { return a.blobs.root.Close() }

func anchorOf(s shelved) Anchor {
	return Anchor{Rekor: s.name, Size: s.size, Entry: s.file, Checkpoint: s.note}
}

// List returns anchors of checkpoints smaller than before, or of all if it is 0, the
// largest first: limit of them, or 100 if that is 0, and those of the same size as the
// last. rekor, if not empty, names the only Rekor to list.
func (a *Anchors) List(rekor string, before uint64, limit int) ([]Anchor, error) {
	items, err := a.blobs.list(rekor, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Anchor, len(items))
	for i, item := range items {
		list[i] = anchorOf(item)
	}
	return list, nil
}

// Checkpoint returns a checkpoint of a size that was anchored, as it was signed; the
// error wraps [fs.ErrNotExist] if none was.
func (a *Anchors) Checkpoint(size uint64) ([]byte, error) {
	list, err := a.List("", size+1, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Size != size {
		return nil, fmt.Errorf("checkpoint of %d leaves: %w among those that were anchored", size, fs.ErrNotExist)
	}
	return fs.ReadFile(a.blobs.root.FS(), strings.TrimPrefix(list[0].Checkpoint, "/"))
}

// Policy returns the policy by which the node anchors; the error wraps [fs.ErrNotExist] if
// none is kept, as in a copy.
func (a *Anchors) Policy() (*AnchorPolicy, error) {
	b, err := fs.ReadFile(a.blobs.root.FS(), policyFile)
	if err != nil {
		return nil, fmt.Errorf("read the anchor policy: %w", err)
	}
	p := &AnchorPolicy{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("read the anchor policy: %w", err)
	}
	return p, nil
}

// ServeHTTP serves GET /anchors/, a JSON list of the newest (parameters rekor,
// before and limit are those of [Anchors.List]) with the policy, if there is one, and the
// files that it names.
func (a *Anchors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.blobs.serveFile(w, r) {
		return
	}
	also := map[string]any{}
	if p, err := a.Policy(); err == nil {
		also["policy"] = p
	}
	a.blobs.serveList(w, r, "rekor", also, func(s shelved) any { return anchorOf(s) })
}
