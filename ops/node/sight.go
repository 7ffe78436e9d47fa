package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/ledger"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/api"
	"github.com/saksi-ledger/saksi/projections/feeds"
	"github.com/saksi-ledger/saksi/projections/views"
)

// sight is the half of a node that shows: the ledger read back, views of it, their
// feeds and the API. It never holds up the half that takes.
type sight struct {
	reader  *ledger.Directory
	engine  *projections.Engine
	store   *projections.Store
	anchors *ledgerhttp.Anchors
	keys    *verify.Log
	log     *slog.Logger
}

// openSight opens the ledger for reading, and the views. Views that can't be opened
// are logged of and left out: the ledger goes on without them.
func openSight(ctx context.Context, config Config) (_ *sight, err error) {
	s := &sight{log: config.Log}
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
	if s.reader, err = ledger.OpenDirectory(config.Home.LedgerDir(), s.keys); err != nil {
		return nil, err
	}
	if s.anchors, err = ledgerhttp.OpenAnchors(config.Home.LedgerDir()); err != nil {
		return nil, err
	}
	dir := config.Home.ViewsDir()
	if s.engine, err = projections.OpenEngine(ctx, dir, views.All(), projections.Options{Log: config.Log}); err == nil {
		s.store, err = projections.OpenStore(ctx, dir, views.All())
	}
	if err != nil {
		config.Log.Error("there are no views until this is mended: saksi rebuild makes them again", "error", err)
		s.engine, s.store, err = nil, nil, nil
	}
	return s, nil
}

func (s *sight) close() {
	if s.store != nil {
		s.store.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.anchors != nil {
		s.anchors.Close()
	}
	if s.reader != nil {
		s.reader.Close()
	}
}

// due returns when something falls due in the views, zero if nothing does.
func (s *sight) due() time.Time {
	if s.engine == nil {
		return time.Time{}
	}
	return s.engine.NextDue()
}

// handler serves checkpoint, tiles, anchors and bodies, and the API.
func (s *sight) handler(ctx context.Context, config Config, l *ledger.Ledger) (http.Handler, error) {
	tree, err := ledgerhttp.Handler(l.TreeDir())
	if err != nil {
		return nil, fmt.Errorf("serve the tree: %w", err)
	}
	who := &token.Verifier{Origin: config.Home.Origin, Register: &register{config.Home.Readers(), l}}
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/anchors/", s.anchors)
	mux.Handle("/bodies", ledgerhttp.Bodies(s.reader, who))
	if s.store != nil {
		v1, err := api.New(api.Config{
			Store: s.store, Ledger: s.reader, Anchors: s.anchors, Who: who, Keys: s.keys, Log: config.Log, Done: ctx.Done(),
		})
		if err != nil {
			return nil, err
		}
		mux.Handle("/v1/", v1)
	}
	return mux, nil
}

// run computes views, publishes their feeds and keeps readers' consumers until the
// context ends. What goes wrong is logged, and leaves the ledger alone.
func (s *sight) run(ctx context.Context, config Config, nc *nats.Conn) error {
	if s.engine == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := s.engine.Run(ctx, s.reader); err != nil {
			s.log.Error("the views stand still", "size", s.engine.Position().Size, "error", err)
		}
		return nil
	})
	ensure := func(ctx context.Context, js jetstream.JetStream) error {
		_, err := broker.EnsureFeeds(ctx, js, broker.FeedsOptions{Replicas: config.Replicas})
		return err
	}
	group.Go(func() error {
		err := feeds.Publish(ctx, feeds.Config{
			Conn: nc, Ensure: ensure, Origin: config.Home.Origin, Source: s.store, Views: feeds.ViewsOf(views.All()),
			Wake: s.engine.Wait, Holder: config.Home.Name, Log: s.log,
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
