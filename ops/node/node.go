// Package node puts the parts of a ledger node together in one process: the
// broker, or a connection to somebody else's, the ledger, and the HTTP server for
// its public half. What each part does is its own package's affair.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/ledger"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
)

// Config says how a node runs. What is empty is as it was at the node's last
// start, or else the default.
type Config struct {
	Home *home.Authority
	// NATS is the URL of an external broker; empty for the embedded one.
	NATS string
	// NATSListen and HTTPListen are host and port; loopback by default, port 0
	// for a free one.
	NATSListen, HTTPListen string
	// AdvertiseNATS and AdvertiseHTTP are the URLs that grants name, where they
	// are others than the listeners'.
	AdvertiseNATS, AdvertiseHTTP string
	// Replicas of the stream; 1 by default.
	Replicas int
	Log      *slog.Logger
	// Ready is called once, when the node takes messages.
	Ready func(home.Addresses, *ledger.Ledger)
}

const (
	defaultNATSListen = "127.0.0.1:4222"
	defaultHTTPListen = "127.0.0.1:7258"
	stopTime          = 20 * time.Second
	connectTime       = 30 * time.Second
)

// Run runs a node until the context ends, then stops it in order: nothing that
// was taken is left half-done. It returns an error if the node can't start or
// can't go on; starting it again is then the right thing to do.
func Run(ctx context.Context, config Config) error {
	if config.Log == nil {
		config.Log = slog.Default()
	}
	last, err := config.Home.Addresses()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the addresses of the last start: %w", err)
	}
	l, err := openLedger(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		if err := l.Close(stopping); err != nil {
			config.Log.Error("the ledger did not close in order", "error", err)
		}
	}()

	addresses := home.Addresses{}
	authority, err := broker.Open(config.Home.BrokerDir())
	if err != nil {
		return err
	}
	var connect []nats.Option
	if config.NATS == "" {
		addresses.NATSListen = first(config.NATSListen, last.NATSListen, defaultNATSListen)
		server, err := broker.Start(ctx, broker.Config{
			Dir: config.Home.BrokerDir(), StoreDir: config.Home.StreamDir(), Listen: addresses.NATSListen, Logger: config.Log,
		})
		if err != nil {
			return err
		}
		defer server.Close()
		addresses.LocalNATS = server.URL()
		addresses.NATSListen, err = bound(server.URL())
		if err != nil {
			return err
		}
		connect = append(connect, server.InProcess())
	} else {
		addresses.LocalNATS = config.NATS
		if err := authority.PushAll(ctx, config.NATS); err != nil {
			return err
		}
	}
	listener, err := listenHTTP(first(config.HTTPListen, last.HTTPListen, defaultHTTPListen))
	if err != nil {
		return err
	}
	defer listener.Close()
	addresses.HTTPListen = listener.Addr().String()
	addresses.NATS = first(config.AdvertiseNATS, addresses.LocalNATS)
	addresses.HTTP = first(config.AdvertiseHTTP, "http://"+addresses.HTTPListen)

	connect = append(connect, nats.ReconnectHandler(func(*nats.Conn) { l.Recheck() }))
	nc, js, err := connectLedger(ctx, authority, addresses.LocalNATS, config, connect)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := config.Home.SetAddresses(addresses); err != nil {
		return err
	}
	return run(ctx, config, addresses, l, nc, js, listener)
}

// run has the parts work until the context ends or one of them can't go on.
func run(ctx context.Context, config Config, addresses home.Addresses, l *ledger.Ledger, nc *nats.Conn, js jetstream.JetStream, listener net.Listener) error {
	handler, err := ledgerhttp.Handler(l.TreeDir())
	if err != nil {
		return fmt.Errorf("serve the tree: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(stopping) != nil {
			server.Close()
		}
		return nil
	})
	group.Go(func() error { return l.Serve(ctx, nc) })
	group.Go(func() error { return l.Follow(ctx, js, eventsStream, l.TellRejections(nc)) })
	if config.Ready != nil {
		config.Ready(addresses, l)
	}
	return group.Wait()
}

// eventsStream is the stream that [broker.EnsureEvents] makes.
const eventsStream = "EVENTS"

func openLedger(ctx context.Context, config Config) (*ledger.Ledger, error) {
	logKey, err := config.Home.LogKey()
	if err != nil {
		return nil, err
	}
	eventKey, err := config.Home.EventKey()
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, ledger.Config{Dir: config.Home.LedgerDir(), LogKey: logKey, EventKey: eventKey, Log: config.Log})
}

func connectLedger(ctx context.Context, authority *broker.Authority, url string, config Config, more []nats.Option) (*nats.Conn, jetstream.JetStream, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	options := append(broker.ConnectOptions(broker.RoleLedger, authority.CredsFile(broker.RoleLedger)),
		nats.Name("saksi ledger"), nats.MaxReconnects(-1), nats.ReconnectWait(500*time.Millisecond), nats.IgnoreAuthErrorAbort())
	nc, err := nats.Connect(url, append(options, more...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the broker at %s: %w", url, err)
	}
	js, err := jetstream.New(nc)
	if err == nil {
		_, err = broker.EnsureEvents(ctx, js, broker.EventsOptions{Replicas: config.Replicas})
	}
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

func listenHTTP(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, hinted{fmt.Errorf("listen for HTTP on %s: %w", address, err), "choose another address with --http-listen, such as 127.0.0.1:0 for a free port"}
	}
	return listener, nil
}

// bound returns the host and port of a URL.
func bound(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", fmt.Errorf("the broker's address %q: %w", rawURL, err)
	}
	return u.Host, nil
}

func first(choices ...string) string {
	for _, c := range choices {
		if c != "" {
			return c
		}
	}
	return ""
}

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }
