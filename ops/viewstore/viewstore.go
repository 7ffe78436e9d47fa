// Package viewstore is the one place that says which database holds the views of a node,
// and how to open it.
//
// The node and the commands beside it use it. To add a database, change this package.
//
// The node and the commands beside it use it. To add a database, change this package.
//
// Not here: queries, and the databases themselves, which are in projections/store.
package viewstore

import (
	"context"
	"log/slog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/store"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
	"github.com/saksi-ledger/saksi/projections/views"
)

func backend(h *home.Authority) store.Backend { return At(h.ViewsDir()) }

// At returns the backend of a directory.
func At(dir string) store.Backend { return sqlite.New(dir) }

// Open opens all views of a home for reading, also while its node runs. That there are
// none yet is an error of queries, which says what to do.
func Open(ctx context.Context, h *home.Authority) (*projections.Store, error) {
	return projections.OpenStore(ctx, backend(h), views.All())
}

// OpenEngine opens all views of a home for writing, which one process does at a time.
func OpenEngine(ctx context.Context, h *home.Authority, log *slog.Logger) (*projections.Engine, error) {
	return projections.OpenEngine(ctx, backend(h), views.All(), projections.Options{Log: log})
}

// Rebuild makes all views of a home again, as [projections.Rebuild] does. An error that
// wraps [ErrLocked] says that somebody else is at it.
func Rebuild(ctx context.Context, reader ledger.Reader, h *home.Authority, options projections.RebuildOptions) (*projections.Rebuilt, error) {
	return projections.Rebuild(ctx, reader, backend(h), views.All(), options)
}

// ErrLocked is wrapped by the error of doing what somebody else does at the moment.
var ErrLocked = store.ErrLocked
