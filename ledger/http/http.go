// Package http serves a ledger over HTTP, and reads one that is served.
//
// What is public is its checkpoint, tiles and entries, in the layout of
// https://c2sp.org/tlog-tiles ([Handler]), its anchors ([Anchors]), and what witnesses
// have cosigned of it ([Cosigned]). Bodies need a mandate ([Bodies]). A [Reader] reads
// all of it from elsewhere and believes none of it before it is proven.
//
// Not here: views and feeds, which projections/api serves. The reader believes nothing
// that is not proven.
package http

import (
	"encoding/json"
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

// problem answers with problem details (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}
