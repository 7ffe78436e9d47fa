// Package http serves what of a ledger is public: its checkpoint, tiles and
// entries, in the layout of https://c2sp.org/tlog-tiles, and whether it is well.
// Bodies need a mandate and are not served here.
package http

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
)

// Handler serves the tree that lies in dir. It reads files only, follows no link
// out of dir, and is safe for concurrent use.
func Handler(dir string) (http.Handler, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	files := root.FS()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkpoint", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		serve(w, files, "checkpoint")
	})
	mux.HandleFunc("GET /tile/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		serve(w, files, strings.TrimPrefix(r.URL.Path, "/"))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if _, err := fs.Stat(files, "checkpoint"); err != nil {
			http.Error(w, "no checkpoint is published", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ok\n"))
	})
	return mux, nil
}

// serve writes a whole file: they are small, and complete from the moment that
// they have their name.
func serve(w http.ResponseWriter, files fs.FS, name string) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		w.Header().Set("Cache-Control", "no-cache")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
			http.Error(w, "there is no such tile", http.StatusNotFound)
			return
		}
		http.Error(w, "the tile can't be read", http.StatusInternalServerError)
		return
	}
	w.Write(b)
}
