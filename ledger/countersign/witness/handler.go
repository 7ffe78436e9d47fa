package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// ServeHTTP serves POST /add-checkpoint; GET /checkpoint?origin=ORIGIN, the last
// checkpoint that was cosigned of a log; and GET /, who this is and what it cosigns.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/add-checkpoint" && r.Method == http.MethodPost:
		w.serveAdd(rw, r)
	case r.URL.Path == "/checkpoint" && r.Method == http.MethodGet:
		w.serveLatest(rw, r.URL.Query().Get("origin"))
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		w.serveList(rw)
	case r.URL.Path == "/add-checkpoint", r.URL.Path == "/checkpoint", r.URL.Path == "/":
		answer(rw, http.StatusMethodNotAllowed, "want POST /add-checkpoint, GET /checkpoint?origin=ORIGIN or GET /")
	default:
		answer(rw, http.StatusNotFound, "there is nothing here: POST /add-checkpoint (https://c2sp.org/tlog-witness)")
	}
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		answer(rw, http.StatusBadRequest, fmt.Sprintf("the request can't be read, or has more than %d bytes", maxRequest))
		return
	}
	line, err := w.AddCheckpoint(body)
	var conflict errConflict
	switch {
	case err == nil:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write(line)
	case errors.As(err, &conflict):
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", conflict.size)
	case errors.Is(err, errForked):
		answer(rw, http.StatusConflict, err.Error())
	case errors.Is(err, errUnknown):
		answer(rw, http.StatusNotFound, err.Error())
	case errors.Is(err, errSignature):
		answer(rw, http.StatusForbidden, err.Error())
	case errors.Is(err, errProof):
		answer(rw, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, errMalformed):
		answer(rw, http.StatusBadRequest, err.Error())
	default:
		w.log.Error("a checkpoint could not be cosigned", "error", err)
		answer(rw, http.StatusInternalServerError, "it can't be cosigned now")
	}
}

func (w *Witness) serveLatest(rw http.ResponseWriter, origin string) {
	l, err := w.find(origin)
	if err != nil {
		w.log.Error("what was cosigned could not be read", "error", err)
		answer(rw, http.StatusInternalServerError, "it can't be read now")
		return
	}
	var text []byte
	if l != nil {
		l.mu.Lock()
		if l.latest != nil && !l.doubt {
			text = l.latest.Note
		}
		l.mu.Unlock()
	}
	if text == nil {
		answer(rw, http.StatusNotFound, "nothing of that log was cosigned")
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-cache")
	rw.Write(text)
}

func (w *Witness) serveList(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-cache")
	fmt.Fprintf(rw, "witness %s\n", w.Key())
	for _, l := range w.all() {
		l.mu.Lock()
		size := l.size()
		l.mu.Unlock()
		fmt.Fprintf(rw, "log %s %d\n", l.Origin.Origin, size)
	}
}

func answer(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(status)
	fmt.Fprintln(rw, text)
}
