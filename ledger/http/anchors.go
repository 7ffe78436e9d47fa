package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	anchorsDir    = "anchors"
	anchorsPage   = 100
	maxAnchors    = 1000
	maxRekorName  = 64
	anchorDigits  = 20
	anchorSuffix  = ".json"
	anchoredNote  = ".note"
	maxAnchorFile = 1 << 20
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

// Anchors reads and serves the anchors of a ledger's directory, while others are
// added. It is safe for concurrent use.
type Anchors struct {
	root *os.Root

	mu   sync.Mutex
	seen map[string]anchorList // by Rekor
}

// anchorList is what lay in a Rekor's directory when it was last changed.
type anchorList struct {
	changed time.Time
	sizes   []uint64 // descending
}

// OpenAnchors opens the anchors of the ledger in dir. There may be none yet.
func OpenAnchors(dir string) (*Anchors, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open anchors: %w", err)
	}
	return &Anchors{root: root, seen: map[string]anchorList{}}, nil
}

// Close closes the directory.
func (a *Anchors) Close() error { return a.root.Close() }

// List returns anchors of checkpoints smaller than before, or of all if it is 0, the
// largest first: limit of them, or 100 if that is 0, and those of the same size as the
// last. rekor, if not empty, names the only Rekor to list.
func (a *Anchors) List(rekor string, before uint64, limit int) ([]Anchor, error) {
	if limit <= 0 {
		limit = anchorsPage
	}
	limit = min(limit, maxAnchors)
	rekors, err := fs.ReadDir(a.root.FS(), anchorsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list anchors: %w", err)
	}
	list := []Anchor{}
	for _, entry := range rekors {
		name := entry.Name()
		if !entry.IsDir() || !validRekor(name) || rekor != "" && rekor != name {
			continue
		}
		sizes, err := a.sizes(name)
		if err != nil {
			return nil, fmt.Errorf("list anchors in %s: %w", name, err)
		}
		start := 0
		if before > 0 {
			start, _ = slices.BinarySearchFunc(sizes, before, func(size, before uint64) int {
				if size >= before {
					return -1
				}
				return 1
			})
		}
		for _, size := range sizes[start:min(len(sizes), start+limit)] {
			base := fmt.Sprintf("/%s/%s/%0*d", anchorsDir, name, anchorDigits, size)
			list = append(list, Anchor{Rekor: name, Size: size, Entry: base + anchorSuffix, Checkpoint: base + anchoredNote})
		}
	}
	slices.SortStableFunc(list, func(x, y Anchor) int {
		switch {
		case x.Size > y.Size:
			return -1
		case x.Size < y.Size:
			return 1
		}
		return strings.Compare(x.Rekor, y.Rekor)
	})
	end := min(len(list), limit)
	for end > 0 && end < len(list) && list[end].Size == list[end-1].Size {
		end++
	}
	return list[:end], nil
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
	return fs.ReadFile(a.root.FS(), strings.TrimPrefix(list[0].Checkpoint, "/"))
}

func validRekor(name string) bool {
	return name != "" && len(name) <= maxRekorName && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// sizes returns the sizes of the checkpoints in a Rekor, the largest first.
func (a *Anchors) sizes(rekor string) ([]uint64, error) {
	dir := anchorsDir + "/" + rekor
	info, err := a.root.Stat(dir)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	// A directory that was changed a moment ago may be changed again at the same time
	// by its clock.
	if seen, ok := a.seen[rekor]; ok && seen.changed.Equal(info.ModTime()) && time.Since(seen.changed) > time.Second {
		return seen.sizes, nil
	}
	files, err := fs.ReadDir(a.root.FS(), dir)
	if err != nil {
		return nil, err
	}
	var sizes []uint64
	for _, file := range files {
		if size, ok := anchorSize(file.Name(), anchorSuffix); ok {
			sizes = append(sizes, size)
		}
	}
	slices.Reverse(sizes) // the names have as many digits all
	a.seen[rekor] = anchorList{info.ModTime(), sizes}
	return sizes, nil
}

func anchorSize(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	size, err := strconv.ParseUint(digits, 10, 64)
	return size, ok && err == nil && len(digits) == anchorDigits
}

// ServeHTTP serves GET /anchors/, a JSON list of the newest (parameters rekor,
// before and limit are those of [Anchors.List]), and the files that it names.
func (a *Anchors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "want GET")
		return
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/"+anchorsDir), "/")
	if path == "" {
		a.serveList(w, r)
		return
	}
	rekor, name, _ := strings.Cut(path, "/")
	_, entry := anchorSize(name, anchorSuffix)
	_, checkpoint := anchorSize(name, anchoredNote)
	if !validRekor(rekor) || !entry && !checkpoint {
		problem(w, http.StatusNotFound, "want /anchors/, or a path that it lists")
		return
	}
	b, err := fs.ReadFile(a.root.FS(), anchorsDir+"/"+path)
	if err != nil || len(b) > maxAnchorFile {
		problem(w, http.StatusNotFound, "there is no such anchor")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if entry {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Write(b)
}

func (a *Anchors) serveList(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(query.Get(name), 10, 63)
		if err != nil {
			return 0
		}
		return n
	}
	list, err := a.List(query.Get("rekor"), number("before"), int(min(number("limit"), maxAnchors)))
	if err != nil {
		problem(w, http.StatusInternalServerError, "the anchors can't be read")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	json.NewEncoder(w).Encode(struct {
		Anchors []Anchor `json:"anchors"`
	}{list})
}
