package http

import "net/http"

// Timestamp is a checkpoint for which an authority has signed a time (RFC 3161).
type Timestamp struct {
	Authority string `json:"authority"`
	// Size is the tree size of the checkpoint.
	Size uint64 `json:"size"`
	// Token is the path of the token, DER; Checkpoint that of the signed note which it is
	// over.
	Token      string `json:"token"`
	Checkpoint string `json:"checkpoint"`
}

// Timestamps reads and serves the timestamps of a ledger's directory, while others are
// added. It is safe for concurrent use.
type Timestamps struct{ blobs *blobIndex }

// OpenTimestamps opens the timestamps of the ledger in dir. There may be none yet.
func OpenTimestamps(dir string) (*Timestamps, error) {
	s, err := openShelf(dir, "timestamps", ".tst", "application/timestamp-token")
	if err != nil {
		return nil, err
	}
	return &Timestamps{s}, nil
}

// Close closes the directory.
func (t *Timestamps) Close() error { return t.blobs.root.Close() }

func timestampOf(s shelved) Timestamp {
	return Timestamp{Authority: s.name, Size: s.size, Token: s.file, Checkpoint: s.note}
}

// List is [Anchors.List] for timestamps; authority, if not empty, is the only one to
// list.
func (t *Timestamps) List(authority string, before uint64, limit int) ([]Timestamp, error) {
	items, err := t.blobs.list(authority, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Timestamp, len(items))
	for i, item := range items {
		list[i] = timestampOf(item)
	}
	return list, nil
}

// ServeHTTP serves GET /timestamps/, a JSON list of the newest (parameters authority,
// before and limit are those of [Timestamps.List]), and the files that it names.
func (t *Timestamps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !t.blobs.serveFile(w, r) {
		t.blobs.serveList(w, r, "authority", map[string]any{}, func(s shelved) any { return timestampOf(s) })
	}
}
