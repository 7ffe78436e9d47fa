// Package node puts the parts of a ledger node together in one process: broker, ledger,
// countersigning, views, feeds and the HTTP server.
//
// Not here: what each part does, which is in the package of that part.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/disclosures"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/limiter"
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
	// TLSCert and TLSKey are PEM files with which NATS, WebSocket and HTTP demand TLS; they
	// are read again when they are replaced. BehindProxy lets listeners that other machines
	// reach be without: a proxy before them demands it.
	TLSCert, TLSKey string
	BehindProxy     bool
	// WebSocketListen is a host and port for clients of the embedded broker that speak
	// WebSocket; none if empty. WebSocketOrigins are the pages that may, beside its own.
	WebSocketListen  string
	WebSocketOrigins []string
	// Replicas of the streams; 1 by default.
	Replicas int
	// NoRekor leaves the anchoring out. Rekors are those to anchor in; without any,
	// the node runs one of its own: a child process of Executable, this program if
	// empty, whose command is "rekor".
	NoRekor    bool
	Rekors     []rekor.Rekor
	Executable string
	// AnchorEvery is how often a checkpoint is anchored, a minute by default.
	AnchorEvery time.Duration
	// AnchorPolicy says in how many of several Rekors a checkpoint must stand.
	AnchorPolicy verify.AnchorPolicy
	// Timestamps are the authorities that are asked to sign times for checkpoints;
	// TimestampEvery is how often, ten minutes by default.
	Timestamps     []timestamp.Authority
	TimestampEvery time.Duration
	// CosignEvery is how often witnesses are asked to cosign, half a minute by default.
	CosignEvery time.Duration
	// Despite names witnesses whose word that they have seen more of the tree, or another
	// one, is passed over when the node starts.
	Despite []string
	// ClockEvery is how often the ledger says what time it is, an hour by default.
	ClockEvery time.Duration
	// Limits are how much of the node one party may take.
	Limits limiter.Limits
	// Free measures how much of a disk is free; the system is asked if it is nil.
	Free func(dir string) (int64, error)
	Log  *slog.Logger
	// Ready is called once, when the node takes messages.
	Ready func(home.Addresses, *writer.Ledger)
}

const (
	defaultNATSListen = "127.0.0.1:4222"
	defaultHTTPListen = "127.0.0.1:7258"
	stopTime          = 20 * time.Second
	pingEvery         = 10 * time.Second
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
	g, takes := limiter.New(config.Limits), newBackpressure()
	l, err := openLedger(ctx, config, g.Took, takes.pass)
	if err != nil {
		return contradicted(config, err)
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
	secured, err := serverTLS(config.TLSCert, config.TLSKey)
	if err != nil {
		return err
	}
	var connect []nats.Option
	var embedded *broker.Server
	if config.NATS == "" {
		addresses.NATSListen = first(config.NATSListen, last.NATSListen, defaultNATSListen)
		if err := errors.Join(mayListen("NATS", addresses.NATSListen, config), mayListen("WebSocket", first(config.WebSocketListen, defaultNATSListen), config)); err != nil {
			return err
		}
		streams, err := streamsOf(config, l)
		if err != nil {
			return err
		}
		server, err := broker.Start(ctx, broker.Config{
			Dir: config.Home.BrokerDir(), StoreDir: config.Home.StreamDir(), Streams: streams, Listen: addresses.NATSListen, Logger: config.Log,
			TLS: secured, WebSocket: config.WebSocketListen, Origins: config.WebSocketOrigins,
		})
		if err != nil {
			return err
		}
		defer server.Close()
		embedded = server
		addresses.LocalNATS = server.URL()
		addresses.NATSListen, err = bound(server.URL())
		if err != nil {
			return err
		}
		connect = append(connect, server.InProcess())
		addresses.NATS = server.URL()
		addresses.WebSocket = server.WebSocketURL()
		if secured != nil {
			local, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return fmt.Errorf("listen for the authority's own commands: %w", err)
			}
			defer local.Close()
			go server.ServeLocal(local)
			addresses.LocalNATS = "nats://" + local.Addr().String()
		}
	} else {
		addresses.LocalNATS = config.NATS
		if err := authority.PushAll(ctx, config.NATS); err != nil {
			return err
		}
	}
	httpListen := ListenAddress(first(config.HTTPListen, last.HTTPListen, defaultHTTPListen))
	if err := mayListen("HTTP", httpListen, config); err != nil {
		return err
	}
	listener, err := listenHTTP(httpListen)
	if err != nil {
		return err
	}
	defer listener.Close()
	addresses.HTTPListen = listener.Addr().String()
	addresses.NATS = first(config.AdvertiseNATS, addresses.NATS, addresses.LocalNATS)
	addresses.HTTP = first(config.AdvertiseHTTP, "http://"+addresses.HTTPListen)
	listeners := []net.Listener{newConnectionLimiter(listener)}
	if secured != nil {
		local, err := listenHTTP("127.0.0.1:0")
		if err != nil {
			return err
		}
		defer local.Close()
		addresses.HTTP = first(config.AdvertiseHTTP, "https://"+addresses.HTTPListen)
		addresses.LocalHTTP = "http://" + local.Addr().String()
		listeners = []net.Listener{tls.NewListener(newConnectionLimiter(listener), secured), newConnectionLimiter(local)}
	}

	if err := errors.Join(reachable("HTTP", addresses.HTTP, "--advertise-http"), reachable("NATS", addresses.NATS, "--advertise-nats")); err != nil {
		return err
	}
	nc, js, err := connectLedger(ctx, authority, addresses.LocalNATS, config,
		append(slices.Clone(connect), awayAndBack(config.Log, l.Recheck)...))
	if err != nil {
		return err
	}
	defer nc.Close()
	projections, err := nats.Connect(addresses.LocalNATS, connectOptions(authority, broker.RoleProjections, connect)...)
	if err != nil {
		return fmt.Errorf("connect to the broker at %s: %w", addresses.LocalNATS, err)
	}
	defer projections.Close()
	shown, err := openReadSide(ctx, config)
	if err != nil {
		return err
	}
	defer shown.close()
	if err := config.Home.SetAddresses(addresses); err != nil {
		return err
	}
	n := &running{config: config, addresses: addresses, ledger: l, nc: nc, js: js, projections: projections, readSide: shown, listeners: listeners,
		authority: authority, connect: connect}
	throttle, done, err := newThrottle(ctx, n, g, authority, embedded, takes)
	if err != nil {
		return err
	}
	defer done()
	n.throttle = throttle
	return contradicted(config, n.run(ctx))
}

// contradicted says what to do where others know more of the tree than there is.
func contradicted(config Config, err error) error {
	if !errors.Is(err, ledger.ErrContradicted) {
		return err
	}
	return hinted{fmt.Errorf("the ledger in %s: %w", config.Home.LedgerDir(), err),
		"put a newer copy in its place, or begin a successor: docs/faults.md has both; if it is a witness that is mistaken, --despite NAME passes it over"}
}

// running is a node whose parts are open.
type running struct {
	config      Config
	addresses   home.Addresses
	ledger      *writer.Ledger
	nc          *nats.Conn // as the ledger
	js          jetstream.JetStream
	projections *nats.Conn // as projections
	readSide    *readSide
	listeners   []net.Listener
	throttle    *throttle
	authority   *broker.Authority
	connect     []nats.Option // to the embedded broker, in this process
	custody     *disclosures.Store
	feedsDue    bool   // the feeds are to be looked at for what was erased; of keepErased
	filedHolds  string // the holds then
	filed       uint64 // how far what was disclosed has been looked at; of keepErased
}

// run has the parts work until the context ends or one of them can't go on.
func (n *running) run(ctx context.Context) error {
	custody, err := n.openCustody(ctx)
	if err != nil {
		return err
	}
	defer custody.Close()
	intakeConn, intake, err := n.openIntake()
	if err != nil {
		return err
	}
	defer intakeConn.Close()
	group, ctx := errgroup.WithContext(ctx)
	handler, err := n.readSide.handler(ctx, n.config, n.ledger, n.custody, intake)
	if err != nil {
		return err
	}
	// No WriteTimeout: streams of events last. Each answer has a time of its own.
	server := &http.Server{
		Handler: takenInTime(handler), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(n.config.Log.Handler(), slog.LevelDebug),
	}
	for _, listener := range n.listeners {
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve HTTP: %w", err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(stopping) != nil {
			server.Close()
		}
		return nil
	})
	group.Go(func() error { return n.ledger.Serve(ctx, n.nc) })
	group.Go(func() error { return n.ledger.Follow(ctx, n.js, eventsStream, n.ledger.TellRejections(n.nc)) })
	group.Go(func() error { return n.throttle.run(ctx) })
	group.Go(func() error { return n.readSide.run(ctx, n.config, n.projections) })
	group.Go(func() error { return n.keepErased(ctx) })
	group.Go(func() error { return n.readSide.noteNewest(ctx, n.config) })
	if !n.config.NoRekor {
		group.Go(func() error { return n.anchor(ctx) })
	}
	group.Go(func() error { return n.stamp(ctx) })
	group.Go(func() error { return n.cosign(ctx) })
	every := n.config.ClockEvery
	if every == 0 {
		every = defaultClockEvery
	}
	group.Go(func() error { return keepClock(ctx, n.ledger, every, n.readSide.due) })
	if n.config.Ready != nil {
		n.config.Ready(n.addresses, n.ledger)
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func openLedger(ctx context.Context, config Config, took func(map[string]ledger.Tally), admits func(context.Context) error) (*writer.Ledger, error) {
	logKey, err := config.Home.LogKey()
	if err != nil {
		return nil, err
	}
	eventKey, err := config.Home.EventKey()
	if err != nil {
		return nil, err
	}
	return writer.Open(ctx, writer.Config{
		Dir: config.Home.LedgerDir(), LogKey: logKey, EventKey: eventKey, Log: config.Log, Took: took, Admits: admits,
		Known: func(ctx context.Context) ([]ledger.Known, error) { return known(ctx, config) },
		Contradicted: func(c *formats.Checkpoint) {
			if err := config.Home.SetNewest(c.Note); err != nil {
				config.Log.Error("the checkpoint that contradicts the ledger is not noted in the home", "error", err)
			}
		},
	})
}

func connectLedger(ctx context.Context, authority *broker.Authority, url string, config Config, more []nats.Option) (*nats.Conn, jetstream.JetStream, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	nc, err := nats.Connect(url, connectOptions(authority, broker.RoleLedger, more)...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the broker at %s: %w", url, err)
	}
	js, err := jetstream.New(nc)
	if err == nil {
		_, err = broker.EnsureEvents(ctx, js, eventsOptions(config))
	}
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// awayAndBack says when the broker is away and when it is back, and then calls back.
func awayAndBack(log *slog.Logger, back func()) []nats.Option {
	var since atomic.Int64
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err == nil { // the node ends
				return
			}
			since.Store(time.Now().UnixNano())
			log.Warn("the broker is away: what operators sign waits in their outboxes, and the node goes on by itself when it is back", "error", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			log.Info("the broker is back", "away", time.Since(time.Unix(0, since.Load())).Round(time.Second))
			back()
		}),
	}
}

// connectOptions are those of a connection that lasts as long as the node. A broker that is
// silent is noticed within half a minute: where a network fails, nobody says that a
// connection has ended.
func connectOptions(authority *broker.Authority, role broker.Role, more []nats.Option) []nats.Option {
	options := append(broker.ConnectOptions(role, authority.CredsFile(role)),
		nats.Name("saksi "+string(role)), nats.MaxReconnects(-1), nats.ReconnectWait(500*time.Millisecond), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2))
	return append(options, more...)
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
