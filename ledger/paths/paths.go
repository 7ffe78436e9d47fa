// Package paths uses a path that somebody chose as a path only: never as a pattern, and
// never as a part of a URI.
//
// Symbolic links are followed, or an error says why not. Use this package to list a
// directory, to walk a tree, or to open an SQLite database.
//
// Not here: what is in the files.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SQLite returns the name by which SQLite opens the database at a path, whatever runes the path has, with a query such
// as "_pragma=query_only(1)&mode=ro" (https://sqlite.org/uri.html). The query is the program's own.
func SQLite(path, query string) string {
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(filepath.Clean(path)))
	return "file:" + escaped + "?" + query
}

// List returns the paths of the entries of a directory whose names begin and end so, sorted by name. A directory that
// does not exist has none.
func List(dir, prefix, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		name := entry.Name()
		if len(name) >= len(prefix)+len(suffix) && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			found = append(found, filepath.Join(dir, name))
		}
	}
	return found, nil
}

// Walk calls visit for root and all that is below it, a directory before what is in it, in the order of names. It
// follows symbolic links, root itself among them: visit is given the path by which something was reached and what is
// there, never the link. A directory that is reached in two ways is visited once. Visit may return [fs.SkipDir] of a
// directory. What goes away meanwhile is passed over. A link that leads nowhere is an error, since nobody has looked
// at what it stands for.
func Walk(root string, visit func(path string, info fs.FileInfo) error) error {
	return walk(root, visit, map[string]bool{})
}

func walk(path string, visit func(string, fs.FileInfo) error, seen map[string]bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if info, err = os.Stat(path); err != nil {
			return fmt.Errorf("follow the symbolic link %s: %w", path, errors.Join(errDangling, err))
		}
	}
	if !info.IsDir() {
		return visit(path, info)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	if seen[real] {
		return nil
	}
	seen[real] = true
	if err := visit(path, info); errors.Is(err, fs.SkipDir) {
		return nil
	} else if err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return passOver(err)
	}
	for _, entry := range entries {
		if err := passOver(walk(filepath.Join(path, entry.Name()), visit, seen)); err != nil {
			return err
		}
	}
	return nil
}

var errDangling = errors.New("it leads nowhere")

// passOver leaves out what is gone, unless a link says that it should be there.
func passOver(err error) error {
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDangling) {
		return nil
	}
	return err
}
