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
	blobPage    = 100
	mostBlobs   = 1000
	maxBlobName = 64
	blobDigits  = 20
	noteSuffix  = ".note"
	maxBlobFile = 1 << 20
)

// blobIndex reads and serves what others signed over checkpoints, while more is added: files
// DIR/<name of who signed>/<size, 20 digits> with a suffix, and beside each the signed
// note. It is safe for concurrent use.
type blobIndex struct {
	root        *os.Root
	dir, suffix string
	contentType string

	mu   sync.Mutex
	seen map[string]blobList // by name
}

// blobList is what lay in a directory when it was last changed.
type blobList struct {
	changed time.Time
	sizes   []uint64 // descending
}

// shelved is one file of a blob index.
type shelved struct {
	name       string
	size       uint64
	file, note string // paths
}

func openShelf(ledger, dir, suffix, contentType string) (*blobIndex, error) {
	root, err := os.OpenRoot(ledger)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return &blobIndex{root: root, dir: dir, suffix: suffix, contentType: contentType, seen: map[string]blobList{}}, nil
}

// list returns what is over checkpoints smaller than before, or all if it is 0, the
// largest first: limit of them, or 100 if that is 0, and those of the same size as the
// last. only, if not empty, is the only name to list.
func (s *blobIndex) list(only string, before uint64, limit int) ([]shelved, error) {
	if limit <= 0 {
		limit = blobPage
	}
	limit = min(limit, mostBlobs)
	names, err := fs.ReadDir(s.root.FS(), s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list %s: %w", s.dir, err)
	}
	list := []shelved{}
	for _, entry := range names {
		name := entry.Name()
		if !entry.IsDir() || !validShelfName(name) || only != "" && only != name {
			continue
		}
		sizes, err := s.sizes(name)
		if err != nil {
			return nil, fmt.Errorf("list %s in %s: %w", s.dir, name, err)
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
			base := fmt.Sprintf("/%s/%s/%0*d", s.dir, name, blobDigits, size)
			list = append(list, shelved{name, size, base + s.suffix, base + noteSuffix})
		}
	}
	slices.SortStableFunc(list, func(x, y shelved) int {
		switch {
		case x.size > y.size:
			return -1
		case x.size < y.size:
			return 1
		}
		return strings.Compare(x.name, y.name)
	})
	end := min(len(list), limit)
	for end > 0 && end < len(list) && list[end].size == list[end-1].size {
		end++
	}
	return list[:end], nil
}

func validShelfName(name string) bool {
	return name != "" && len(name) <= maxBlobName && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// sizes returns the sizes of the checkpoints that a name has signed, the largest first.
func (s *blobIndex) sizes(name string) ([]uint64, error) {
	dir := s.dir + "/" + name
	info, err := s.root.Stat(dir)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A directory that was changed a moment ago may be changed again at the same time
	// by its clock.
	if seen, ok := s.seen[name]; ok && seen.changed.Equal(info.ModTime()) && time.Since(seen.changed) > time.Second {
		return seen.sizes, nil
	}
	files, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		return nil, err
	}
	var sizes []uint64
	for _, file := range files {
		if size, ok := shelfSize(file.Name(), s.suffix); ok {
			sizes = append(sizes, size)
		}
	}
	slices.Reverse(sizes) // the names have as many digits all
	s.seen[name] = blobList{info.ModTime(), sizes}
	return sizes, nil
}

func shelfSize(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	size, err := strconv.ParseUint(digits, 10, 64)
	return size, ok && err == nil && len(digits) == blobDigits
}

// serveFile serves a path that list gives; it reports false where the index itself is
// asked for.
func (s *blobIndex) serveFile(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "want GET")
		return true
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/"+s.dir), "/")
	if path == "" {
		return false
	}
	name, file, _ := strings.Cut(path, "/")
	_, signed := shelfSize(file, s.suffix)
	_, note := shelfSize(file, noteSuffix)
	if !validShelfName(name) || !signed && !note {
		problem(w, http.StatusNotFound, "want /"+s.dir+"/, or a path that it lists")
		return true
	}
	b, err := fs.ReadFile(s.root.FS(), s.dir+"/"+path)
	if err != nil || len(b) > maxBlobFile {
		problem(w, http.StatusNotFound, "there is nothing such in "+s.dir)
		return true
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if signed {
		w.Header().Set("Content-Type", s.contentType)
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Write(b)
	return true
}

// serveList answers with a list, under the index's name, that the query asks for. only
// is the parameter that names who signed; also is what else there is to say.
func (s *blobIndex) serveList(w http.ResponseWriter, r *http.Request, only string, also map[string]any, show func(shelved) any) {
	query := r.URL.Query()
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(query.Get(name), 10, 63)
		if err != nil {
			return 0
		}
		return n
	}
	list, err := s.list(query.Get(only), number("before"), int(min(number("limit"), mostBlobs)))
	if err != nil {
		problem(w, http.StatusInternalServerError, "the "+s.dir+" can't be read")
		return
	}
	shown := make([]any, len(list))
	for i, item := range list {
		shown[i] = show(item)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	also[s.dir] = shown
	json.NewEncoder(w).Encode(also)
}
