package http

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"
)

// CosignedSource finds checkpoints that witnesses have cosigned, as
// [witness.Store] does.
type CosignedSource interface {
	Newest() (note []byte, quorum bool, err error)
	Covering(leaf uint64) (note []byte, quorum bool, err error)
}

// Cosigned serves GET /cosigned: the newest checkpoint that a quorum of witnesses has
// cosigned, or with covers=LEAF the smallest one that covers that leaf. Where there is
// none, it is one that some witness has, and the header Saksi-Quorum says so: a hint,
// for the signatures tell. The checkpoint at /checkpoint is newer by as much as
// witnesses need.
func Cosigned(source CosignedSource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "want GET")
			return
		}
		find := source.Newest
		if text := r.URL.Query().Get("covers"); text != "" {
			leaf, err := strconv.ParseUint(text, 10, 52)
			if err != nil {
				problem(w, http.StatusBadRequest, "covers: want a leaf, in decimal")
				return
			}
			find = func() ([]byte, bool, error) { return source.Covering(leaf) }
		}
		note, quorum, err := find()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			problem(w, http.StatusNotFound, "no witness has cosigned such a checkpoint")
			return
		case err != nil:
			problem(w, http.StatusInternalServerError, "cosigned checkpoints can't be read")
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Saksi-Quorum", strconv.FormatBool(quorum))
		w.Write(note)
	})
}
