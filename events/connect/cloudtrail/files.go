package cloudtrail

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// logNames are what names of logs end in.
var logNames = []string{".json", ".jsonl", ".ndjson", ".gz"}

// digestDir is where CloudTrail puts the digests of its logs, beside the logs.
const digestDir = "CloudTrail-Digest"

// Files returns the logs among paths and, for each directory, in it and below
// it: in the order given, and within a directory in lexical order, so that the
// same paths give the same order. A file that is given twice is returned once.
//
// In directories a log is known by its name (.json, .jsonl, .ndjson, .gz);
// files that are not, hidden files, symbolic links and CloudTrail's own digest
// files are returned as skipped, for somebody to be told. A file that is named
// itself is always taken. Finding nothing is no error.
func Files(paths ...string) (files, skipped []string, err error) {
	seen := make(map[string]bool)
	for _, path := range paths {
		path = filepath.Clean(path)
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, fmt.Errorf("look for CloudTrail logs: %w", err)
		}
		if !info.IsDir() {
			if !seen[path] {
				seen[path] = true
				files = append(files, path)
			}
			continue
		}
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() || seen[name]:
				return nil
			}
			seen[name] = true
			if isLog(name, entry) {
				files = append(files, name)
			} else {
				skipped = append(skipped, name)
			}
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("look for CloudTrail logs in %s: %w", path, err)
		}
	}
	return files, skipped, nil
}

func isLog(name string, entry fs.DirEntry) bool {
	base := entry.Name()
	return entry.Type().IsRegular() && !strings.HasPrefix(base, ".") &&
		!slices.Contains(strings.Split(filepath.ToSlash(name), "/"), digestDir) &&
		slices.ContainsFunc(logNames, func(end string) bool { return strings.HasSuffix(strings.ToLower(base), end) })
}
