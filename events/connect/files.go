package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// compressed are what names of compressed logs end in, after what they would end
// in otherwise, or instead.
var compressed = []string{".gz", ".zst", ".zstd"}

// Named reports whether a path ends in one of some endings, such as ".json", in
// any case, or in one of them and that of a compressed file. A file that has only
// the ending of a compressed file is taken as well.
func Named(path string, endings ...string) bool {
	name := strings.ToLower(filepath.Base(path))
	for _, end := range compressed {
		if rest, ok := strings.CutSuffix(name, end); ok {
			name = rest
			if !strings.Contains(name, ".") {
				return name != ""
			}
			// What stands before .gz may be a part of the name, as in host.2026.gz.
			return !slices.ContainsFunc([]string{".tar", ".zip", ".sql", ".txt", ".md"}, func(other string) bool {
				return strings.HasSuffix(name, other) && !slices.Contains(endings, other)
			})
		}
	}
	return slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(name, end) })
}

// Files returns the logs among paths and, for each directory, in it and below
// it: in the order given, and within a directory in lexical order, so that the
// same paths give the same order. Symbolic links are followed. A file that is
// reached twice, by whatever names, is returned once.
//
// In directories a log is known by own, which gets its path; files that are not,
// and hidden files and directories, are returned as skipped, for somebody to be
// told. A file that is named itself is always taken. A link that leads nowhere is
// an error where a log is looked for, as are paths below which no log is.
func Files(paths []string, own func(path string) bool) (files, skipped []string, err error) {
	w := &walk{own: own, seen: map[string]bool{}}
	for _, path := range paths {
		if err := w.path(path); err != nil {
			return nil, nil, fmt.Errorf("look for logs: %w", err)
		}
	}
	if len(w.files) == 0 {
		err := fmt.Errorf("look for logs: there is none in %s", strings.Join(paths, ", "))
		if len(w.skipped) > 0 {
			err = fmt.Errorf("%w; %d other files are there, the first of them %s", err, len(w.skipped), w.skipped[0])
		}
		return nil, w.skipped, err
	}
	return w.files, w.skipped, nil
}

// walk is one pass over paths.
type walk struct {
	own            func(string) bool
	seen           map[string]bool // by path without links
	files, skipped []string
}

// path takes a path that was named.
func (w *walk) path(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return w.dir(filepath.Clean(path))
	}
	return w.add(path)
}

// first reports whether a path, which exists, was not reached before.
func (w *walk) first(path string) (bool, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil || w.seen[real] {
		return false, err
	}
	w.seen[real] = true
	return true, nil
}

func (w *walk) add(path string) error {
	first, err := w.first(path)
	if first {
		w.files = append(w.files, path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		// What can be opened and has no place in a directory, such as a pipe.
		w.files = append(w.files, path)
		return nil
	}
	return err
}

// dir takes what is in a directory. A link to a directory above it ends there, as
// that was reached before.
func (w *walk) dir(dir string) error {
	if first, err := w.first(dir); err != nil || !first {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		hidden := strings.HasPrefix(entry.Name(), ".")
		own := !hidden && w.own(path)
		info, err := os.Stat(path)
		switch {
		case err != nil && (own || !errors.Is(err, fs.ErrNotExist)):
			return err
		case err == nil && info.IsDir() && !hidden:
			if err := w.dir(path); err != nil {
				return err
			}
		case err == nil && info.Mode().IsRegular() && own:
			if err := w.add(path); err != nil {
				return err
			}
		default:
			w.skipped = append(w.skipped, path)
		}
	}
	return nil
}
