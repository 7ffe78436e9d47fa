package http

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

const (
	// maxCount and maxBytes bound one answer to /bodies. It has one body at least,
	// however long.
	maxCount = 256
	maxBytes = 8 << 20
	// withheld stands in the place of a body's length where the asker's mandate
	// doesn't cover that body.
	withheld = 1<<32 - 1
	// answering is how many answers are written at a time, and answerTime how long
	// one may take to be taken.
	answering  = 16
	answerTime = 30 * time.Second
)

// Authenticator tells who sent a request. A [token.Verifier] does.
type Authenticator interface {
	// Authenticate returns an error that wraps [token.ErrInvalid] or
	// [token.ErrSuspended], or says why it can't tell.
	Authenticate(r *http.Request) (token.Grantee, error)
}

// Source is what bodies are served from. A [archive.Directory] is one.
type Source interface {
	Checkpoint(ctx context.Context) (*formats.Checkpoint, error)
	Leaves(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error)
	Body(ctx context.Context, leaf uint64) ([]byte, error)
}

// Bodies serves GET /bodies?from=N&count=K: the bodies of leaves from N on, K of
// them or, where that is too much at once, fewer; one at least. Each is written as
// its length, 4 bytes, big endian, and its bytes; the length 0xffffffff and no bytes
// stand for one that the asker's mandate doesn't cover.
func Bodies(source Source, who Authenticator) http.Handler {
	places := make(chan struct{}, answering)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, "want GET")
			return
		}
		grantee, ok := mandated(w, r, who)
		if !ok {
			return
		}
		query := r.URL.Query()
		from, err := strconv.ParseUint(query.Get("from"), 10, 63)
		count, err2 := strconv.ParseUint(query.Get("count"), 10, 63)
		if err != nil || err2 != nil || count == 0 {
			problem(w, http.StatusBadRequest, "want from=N&count=K: the first leaf, and how many at most")
			return
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			w.Header().Set("Retry-After", "1")
			problem(w, http.StatusTooManyRequests, "too many bodies are being sent at this moment")
			return
		}
		control := http.NewResponseController(w) // not all writers have deadlines
		control.SetWriteDeadline(time.Now().Add(answerTime))
		writeBodies(w, r, source, grantee, from, min(count, maxCount))
		control.Flush()
		control.SetWriteDeadline(time.Time{}) // the connection may have further requests
	})
}

// mandated answers those who may not read bodies.
func mandated(w http.ResponseWriter, r *http.Request, who Authenticator) (token.Grantee, bool) {
	grantee, err := who.Authenticate(r)
	switch {
	case errors.Is(err, token.ErrInvalid):
		problem(w, http.StatusUnauthorized, err.Error())
	case errors.Is(err, token.ErrSuspended):
		problem(w, http.StatusForbidden, err.Error())
	case err != nil:
		problem(w, http.StatusInternalServerError, "it can't be looked up who asks")
	case grantee.Role == token.Public:
		problem(w, http.StatusUnauthorized, "bodies need a mandate: want Authorization: Bearer TOKEN")
	case !grantee.Bodies():
		problem(w, http.StatusForbidden, fmt.Sprintf("the role %s has no mandate for bodies", grantee.Role))
	default:
		return grantee, true
	}
	return grantee, false
}

func writeBodies(w http.ResponseWriter, r *http.Request, source Source, grantee token.Grantee, from, count uint64) {
	ctx := r.Context()
	checkpoint, err := source.Checkpoint(ctx)
	if err != nil {
		problem(w, http.StatusInternalServerError, "the ledger can't be read")
		return
	}
	if from >= checkpoint.Size {
		problem(w, http.StatusNotFound, fmt.Sprintf("leaf %d: the ledger has %d", from, checkpoint.Size))
		return
	}
	count = min(count, checkpoint.Size-from)
	var leaves []ledger.Entry
	if grantee.Bounded() {
		if leaves, err = source.Leaves(ctx, checkpoint, from); err != nil {
			problem(w, http.StatusInternalServerError, "the ledger can't be read")
			return
		}
		count = min(count, uint64(len(leaves)))
	}
	var frame []byte
	for i, total := uint64(0), 0; i < count; i++ {
		if leaves != nil && !grantee.CoversSubject(leaves[i].Leaf.Subject) {
			frame = binary.BigEndian.AppendUint32(frame[:0], withheld)
		} else {
			body, err := source.Body(ctx, from+i)
			if err != nil && i == 0 {
				problem(w, http.StatusInternalServerError, fmt.Sprintf("the body of leaf %d can't be read", from))
				return
			}
			if total += len(body); err != nil || i > 0 && total > maxBytes {
				return // what was sent is whole; asked for the rest, an error is said
			}
			if leaves == nil || grantee.CoversBody(leaves[i].Leaf, body) {
				frame = append(binary.BigEndian.AppendUint32(frame[:0], uint32(len(body))), body...)
			} else {
				frame = binary.BigEndian.AppendUint32(frame[:0], withheld)
			}
		}
		if i == 0 {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Cache-Control", "private, no-store")
		}
		if _, err := w.Write(frame); err != nil {
			return
		}
	}
}
