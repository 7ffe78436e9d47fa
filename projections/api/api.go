// Package api serves views, feeds, entries and proofs over HTTP, as its OpenAPI 3.1
// document describes.
//
// Who asks is told by a bearer token. What is public needs none: the document, the
// checkpoint, entries without bodies, proofs and anchors. A grantee's scope is a
// condition on all that it is shown, in rows, changes and bodies; an operator sees its
// own rows, and of what is beyond somebody's mandate not even the number shows.
//
// Errors are problem details (RFC 9457), everywhere.
//
// Not here: how rows are computed, and the public tree, which ledger/http serves.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections"
)

// Store is what views are read from: a [projections.Store].
type Store interface {
	Views() []*projections.View
	Columns(view string) ([]projections.Column, error)
	Position(ctx context.Context) (projections.Position, error)
	Check(view string, q projections.Query) error
	Rows(ctx context.Context, view string, q projections.Query) (projections.Page, error)
	Changes(ctx context.Context, view string, after uint64, limit int) ([]projections.Change, error)
}

// Ledger is what entries and proofs are read from: a [archive.Directory].
type Ledger interface {
	Checkpoint(ctx context.Context) (*formats.Checkpoint, error)
	Leaves(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error)
	Body(ctx context.Context, leaf uint64) ([]byte, error)
	Prove(ctx context.Context, checkpoint *formats.Checkpoint, index uint64) (tlog.RecordProof, error)
	Root(ctx context.Context, size uint64) (tlog.Hash, error)
}

// Anchors is what stands in Rekors: a [ledgerhttp.Anchors].
type Anchors interface {
	List(rekor string, before uint64, limit int) ([]ledgerhttp.Anchor, error)
	Checkpoint(size uint64) ([]byte, error)
}

// Authenticator tells who sent a request: a [token.Verifier].
type Authenticator interface {
	Authenticate(r *http.Request) (token.Grantee, error)
}

// Config says what an API serves. All but Anchors, Log and Done must be there.
type Config struct {
	Store   Store
	Ledger  Ledger
	Anchors Anchors // nil: there are none
	// Authorities returns the authorities of the registry; nil: it isn't known here.
	Authorities func() []Authority
	// Intake takes envelopes; nil: none are taken here.
	Intake Intake
	// Disclosed is what operators have disclosed; nil: it isn't kept here.
	Disclosed Disclosures
	Who       Authenticator
	// Keys checks the checkpoints that were anchored, and names the origin.
	Keys *formats.Log
	// Secret, of 32 bytes, seals what would tell those whose mandate is bounded how
	// much there is beyond it. Where it changes, streams that were broken off begin
	// anew; nil: at every start.
	Secret []byte
	// Log is where errors are told that those who ask can do nothing about;
	// slog.Default if nil.
	Log *slog.Logger
	// Done, when closed, ends the streams, which a server's Shutdown would wait for.
	Done <-chan struct{}
}

// api is the handlers and what they share.
type api struct {
	Config
	huma    huma.API
	views   []viewInfo
	streams *streams
	seal    *seal
	// beat is how often streams show that they live, slowest how long what is sent
	// to their readers may lie untaken, and patience how long a page may take.
	beat, slowest, patience time.Duration
}

// viewInfo is a view as the API knows it.
type viewInfo struct {
	*projections.View
	columns []projections.Column
	// shown are the columns of a page: those, and what is looked up for each row.
	shown []projections.Column
}

// New returns the handler of all paths under /v1/. It reads the views' columns, and
// nothing else yet.
func New(config Config) (http.Handler, error) {
	if config.Log == nil {
		config.Log = slog.Default()
	}
	seal, err := newSeal(config.Secret)
	if err != nil {
		return nil, err
	}
	a := &api{Config: config, streams: newStreams(config.Store), seal: seal, beat: heartbeat, slowest: slowest, patience: queryTime}
	return a.handler()
}

func (a *api) handler() (http.Handler, error) {
	config := &a.Config
	a.views = nil
	for _, v := range config.Store.Views() {
		columns, err := config.Store.Columns(v.Name)
		if err != nil {
			return nil, fmt.Errorf("serve view %s: %w", v.Name, err)
		}
		for _, name := range []string{"facility", "operator", v.Tenant} {
			if name != "" && !hasText(columns, name) {
				return nil, fmt.Errorf("serve view %s: it has no column %s, which scopes are conditions on", v.Name, name)
			}
		}
		a.views = append(a.views, viewInfo{v, columns, projections.ShownColumns(config.Store.Views(), columns)})
	}
	mux := http.NewServeMux()
	a.huma = humago.New(mux, huma.Config{
		OpenAPI:       document(config.Keys.Origin()),
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	})
	a.registerViews()
	a.registerFeeds()
	a.registerEntries()
	a.registerDisclosures()
	a.registerEnvelopes()
	a.registerAuthorities()
	a.registerOrders()
	if err := a.serveDocument(mux); err != nil {
		return nil, err
	}
	return a.guard(mux), nil
}

func hasText(columns []projections.Column, name string) bool {
	for _, c := range columns {
		if c.Name == name {
			return c.Kind == projections.KindText
		}
	}
	return false
}

type granteeKey struct{}

// granteeOf returns who asks.
func granteeOf(ctx context.Context) token.Grantee {
	g, _ := ctx.Value(granteeKey{}).(token.Grantee)
	return g
}

// requestKey is of the request itself, for streams, which ask again who it is from.
type requestKey struct{}

// guard finds out who asks, and says as a problem what the mux says as text.
func (a *api) guard(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		handler, pattern := mux.Handler(r)
		if pattern == "" {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			if allow := recorder.Header().Get("Allow"); allow != "" {
				w.Header().Set("Allow", allow)
				writeProblem(w, http.StatusMethodNotAllowed, "this path has "+allow)
				return
			}
			if name, ok := strings.CutPrefix(r.URL.Path, viewPath("")); ok {
				_, err := a.Store.Columns(name)
				if q, ok := errors.AsType[*projections.QueryError](err); ok {
					writeProblem(w, http.StatusNotFound, q.Problem+": "+q.Hint())
					return
				}
			}
			writeProblem(w, http.StatusNotFound, "there is nothing here; /v1/docs says what there is")
			return
		}
		grantee, err := a.Who.Authenticate(r)
		if err != nil {
			status, detail := a.whoProblem(err)
			writeProblem(w, status, detail)
			return
		}
		ctx := context.WithValue(r.Context(), granteeKey{}, grantee)
		ctx = context.WithValue(ctx, requestKey{}, r)
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *api) whoProblem(err error) (int, string) {
	switch {
	case errors.Is(err, token.ErrInvalid):
		return http.StatusUnauthorized, err.Error()
	case errors.Is(err, token.ErrSuspended):
		return http.StatusForbidden, err.Error()
	}
	a.Log.Error("it could not be looked up who asks", "error", err)
	return http.StatusInternalServerError, "it can't be looked up who asks"
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}

// problem is an error as those who ask are told it.
func problem(status int, format string, args ...any) error {
	err := huma.NewError(status, fmt.Sprintf(format, args...))
	headers := http.Header{"Cache-Control": {"no-store"}}
	if status == http.StatusUnauthorized {
		headers.Set("WWW-Authenticate", "Bearer")
	}
	return huma.ErrorWithHeaders(err, headers)
}

// failed tells of an error that isn't the asker's: in full to the log, that it
// happened to the asker.
func (a *api) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return problem(http.StatusServiceUnavailable, "the answer was not there in time: ask for less")
	}
	a.Log.Error("a request could not be answered", "doing", doing, "error", err)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, projections.ErrDamaged) {
		err := problem(http.StatusServiceUnavailable, "the views are being made again from the ledger: ask again in a while")
		return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {"10"}})
	}
	return problem(http.StatusInternalServerError, "the server could not %s", doing)
}

// queryProblem tells what is wrong with a query.
func queryProblem(err error) (error, bool) {
	var q *projections.QueryError
	if !errors.As(err, &q) {
		return nil, false
	}
	if hint := q.Hint(); hint != "" {
		return problem(http.StatusUnprocessableEntity, "%s: %s", q.Problem, hint), true
	}
	return problem(http.StatusUnprocessableEntity, "%s", q.Problem), true
}

// mayView is a problem for those whose role reads no views.
func mayView(g token.Grantee) error {
	switch {
	case g.Views():
		return nil
	case g.Role == token.Public:
		return problem(http.StatusUnauthorized, "views are for readers: want Authorization: Bearer TOKEN")
	}
	return problem(http.StatusForbidden, "the role %s reads no views", g.Role)
}
