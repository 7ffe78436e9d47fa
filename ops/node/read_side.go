package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/disclosures"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/api"
	"github.com/saksi-ledger/saksi/projections/feeds"
	"github.com/saksi-ledger/saksi/projections/views"
)

// readSide is the half of a node that shows: the ledger read back, views of it, their
// feeds and the API. It never holds up the half that takes.
type readSide struct {
	reader  *archive.Directory
	store   *projections.Store
	engine  atomic.Pointer[projections.Engine] // nil until it could be opened
	anchors *ledgerhttp.Anchors
	stamps  *ledgerhttp.Timestamps
	keys    *formats.Log
	log     *slog.Logger
}

// openReadSide opens the ledger for reading, and the views. Views that can't be opened
// are logged of, and run tries again: the ledger waits for nothing of theirs.
func openReadSide(ctx context.Context, config Config) (_ *readSide, err error) {
	s := &readSide{log: config.Log}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	trust, err := config.Home.Trust()
	if err != nil {
		return nil, err
	}
	if s.keys, err = trust.Ledgers[0].Log(); err != nil {
		return nil, err
	}
	if s.reader, err = archive.OpenDirectory(config.Home.LedgerDir(), s.keys); err != nil {
		return nil, err
	}
	if s.anchors, err = ledgerhttp.OpenAnchors(config.Home.LedgerDir()); err != nil {
		return nil, err
	}
	if s.stamps, err = ledgerhttp.OpenTimestamps(config.Home.LedgerDir()); err != nil {
		return nil, err
	}
	if s.store, err = viewstore.Open(ctx, config.Home); err != nil {
		return nil, err
	}
	if err := s.openEngine(ctx, config); err != nil {
		s.log.Error("there are no views until this is mended", "error", err, "retry", viewsRetry)
	}
	return s, nil
}

func (s *readSide) close() {
	if s.store != nil {
		s.store.Close()
	}
	if engine := s.engine.Load(); engine != nil {
		engine.Close()
	}
	if s.stamps != nil {
		s.stamps.Close()
	}
	if s.anchors != nil {
		s.anchors.Close()
	}
	if s.reader != nil {
		s.reader.Close()
	}
}

// due returns when something falls due in the views, zero if nothing does.
func (s *readSide) due() time.Time {
	engine := s.engine.Load()
	if engine == nil {
		return time.Time{}
	}
	return engine.NextDue()
}

// handler serves checkpoint, tiles, anchors and bodies, and the API.
func (s *readSide) handler(ctx context.Context, config Config, l *writer.Ledger, custody *disclosures.Store, in *intake) (http.Handler, error) {
	tree, err := ledgerhttp.Handler(l.TreeDir())
	if err != nil {
		return nil, fmt.Errorf("serve the tree: %w", err)
	}
	who := &token.Verifier{Origin: config.Home.Origin, Register: &register{config.Home.Name, config.Home.Readers(), l}}
	secret, err := config.Home.MarkSecret()
	if err != nil {
		return nil, err
	}
	v1, err := api.New(api.Config{
		Store: s.store, Ledger: s.reader, Anchors: s.anchors, Who: who, Keys: s.keys, Secret: secret, Log: config.Log, Done: ctx.Done(), Disclosed: kept{custody}, Intake: in, Authorities: authoritiesOf(l),
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("GET /{$}", http.RedirectHandler("/v1/docs", http.StatusFound))
	mux.Handle("/anchors/", s.anchors)
	mux.Handle("/timestamps/", s.stamps)
	mux.Handle("/cosigned", ledgerhttp.Cosigned(witness.OpenStore(filepath.Join(config.Home.LedgerDir(), witness.DirName))))
	mux.Handle("/bodies", ledgerhttp.Bodies(s.reader, who))
	mux.Handle("/v1/", v1)
	mux.Handle(home.PredecessorPath+"/", http.StripPrefix(home.PredecessorPath, &predecessor{dir: config.Home.PredecessorDir()}))
	return mux, nil
}

// viewsRetry is how long it takes until views are opened again that couldn't be.
const viewsRetry = 5 * time.Second

func (s *readSide) openEngine(ctx context.Context, config Config) error {
	engine, err := viewstore.OpenEngine(ctx, config.Home, config.Log)
	if err == nil {
		s.engine.Store(engine)
	}
	return err
}

// opened returns the views' engine when it could be opened, or nil when the context
// ends.
func (s *readSide) opened(ctx context.Context, config Config) *projections.Engine {
	for told := ""; s.engine.Load() == nil; {
		if retry.Sleep(ctx, viewsRetry) != nil {
			return nil
		}
		if err := s.openEngine(ctx, config); err != nil && err.Error() != told {
			told = err.Error()
			s.log.Error("there are still no views", "error", err, "retry", viewsRetry)
		}
	}
	return s.engine.Load()
}

// follow shows the views the ledger. Where they can't go on they wait for a rebuilt
// copy.
func (s *readSide) follow(ctx context.Context, engine *projections.Engine) {
	for {
		err := engine.Run(ctx, s.reader)
		if err == nil {
			return
		}
		s.log.Error("the views stand still until saksi rebuild has made them again", "size", engine.Position().Size, "error", err)
		if engine.AwaitRebuilt(ctx) != nil {
			return
		}
	}
}

// run computes views, publishes their feeds and keeps readers' consumers until the
// context ends. What goes wrong is logged, and leaves the ledger alone.
func (s *readSide) run(ctx context.Context, config Config, nc *nats.Conn) error {
	engine := s.opened(ctx, config)
	if engine == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		s.follow(ctx, engine)
		return nil
	})
	ensure := func(ctx context.Context, js jetstream.JetStream) error {
		_, err := broker.EnsureFeeds(ctx, js, feedsOptions(config))
		return err
	}
	group.Go(func() error {
		err := feeds.Publish(ctx, feeds.Config{
			Conn: nc, Ensure: ensure, Origin: config.Home.Origin, Source: s.store, Views: feeds.ViewsOf(views.All()),
			Wake: engine.Wait, Holder: config.Home.Name, Log: s.log,
		})
		if err != nil {
			s.log.Error("feeds are not published", "error", err)
		}
		return nil
	})
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if err := ensure(ctx, js); err != nil {
		s.log.Warn("the feeds' streams are not there yet", "error", err)
	}
	readers := config.Home.Readers()
	group.Go(func() error {
		return broker.KeepReaders(ctx, js, authority.FeedViews(), func() ([]broker.Reader, error) { return authority.FeedReaders(readers) }, s.log)
	})
	return group.Wait()
}
