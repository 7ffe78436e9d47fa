package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// Config of an embedded server.
type Config struct {
	// Dir is the authority's directory; see [Open]. No key in it is read.
	Dir string
	// StoreDir holds what the server stores: "jetstream", and "accounts", the
	// JWTs pushed to it. One server at a time uses it.
	StoreDir string
	// Listen is a host and port, "127.0.0.1:4222" by default. Without a host it
	// is loopback; to be reachable from elsewhere, name an address. Port 0 takes
	// a free one, which URL then tells.
	Listen string
	// TLS, if not nil, is demanded of clients.
	TLS *tls.Config
	// WebSocket is a host and port to take clients on that speak WebSocket, with TLS if
	// there is some; none if empty. A page may connect if its origin is the server's own,
	// or is named in Origins ("https://console.example.my").
	WebSocket string
	Origins   []string
	// SyncInterval is the time between an acknowledgement and the fsync of what
	// was acknowledged; 1 s by default. A kill of the process loses nothing, a
	// power cut up to that much; see receipts for the promise that holds.
	SyncInterval time.Duration
	// MaxPayload is the largest message in bytes, 1 MiB by default. An account
	// may have a lower limit of its own.
	MaxPayload int
	// Streams are those that will be asked for, so that what a power cut has torn of them
	// can be mended.
	Streams Streams
	// Logger gets the server's warnings and errors; slog.Default() if nil.
	Logger *slog.Logger

	durableEvery time.Duration // another one than the constant; for tests
}

const (
	defaultListen       = "127.0.0.1:4222"
	defaultSyncInterval = time.Second
	defaultMaxPayload   = 1 << 20

	storeAccounts = "accounts"
)

// What one connection, or many, may take of the server; each account has limits of
// its own beside these.
const (
	maxConnections = 8192
	// maxPending is what is kept for a client that doesn't read, and writeDeadline
	// how long: then it is cut off, and has to come back for what it missed. The
	// ledger fetches 16 MiB at a time, so it can't be less than that.
	maxPending    = 32 << 20
	writeDeadline = 10 * time.Second
	// authTimeout is how long a stranger may be connected.
	authTimeout = 3 * time.Second
	// maxBuffered and maxBufferedBytes bound what waits to be stored. Beyond that the
	// server drops messages, anybody's, and their publishers are told. A flood is cut
	// off before it has filled so much.
	maxBuffered      = 100_000
	maxBufferedBytes = 128 << 20
)

// Server is an embedded NATS server that is running. Its methods may be called
// concurrently.
type Server struct {
	nats     *server.Server
	accounts *server.DirAccResolver
	url      string
	lock     *durable.Held
	close    sync.Once
	syncing  sync.WaitGroup
	end      context.CancelFunc // of what makes streams durable
}

// Start runs a server with JetStream, and returns when it accepts connections
// and has recovered its streams, which takes time in proportion to what is
// stored and isn't interrupted: if ctx has ended by then, Start shuts the server
// down and returns an error. Afterwards ctx has no effect: end it with Close.
//
// It knows the accounts in Config.Dir; what changes there later has to be pushed.
func Start(ctx context.Context, c Config) (*Server, error) {
	s, err := start(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("broker: start NATS server with store %s: %w", c.StoreDir, err)
	}
	return s, nil
}

func start(ctx context.Context, c Config) (_ *Server, err error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	host, port, err := splitListen(c.Listen)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); c.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		c.Logger.Warn("nats listens beyond this machine without TLS", "component", "nats", "host", host)
	}
	a, err := Open(c.Dir)
	if err != nil {
		return nil, err
	}
	if c.StoreDir == "" {
		return nil, errors.New("no store directory given")
	}
	if err := durable.MkdirAll(c.StoreDir, 0o700); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(filepath.Join(c.StoreDir, fileLock))
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("%w: another server uses this store; stop it, or choose another directory", err)
	} else if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	m := newMender(c.StoreDir, a, c.Streams, c.Logger)
	guard := guard{store: c.StoreDir, log: c.Logger}
	if err := guard.putBack(); err != nil { // what a start left that was killed
		return nil, err
	}
	if err := m.mend(); err != nil {
		return nil, fmt.Errorf("%w: check that the store can be written to, and has space", err)
	}
	l := &launch{config: c, authority: a, host: host, port: port}
	ns, err := l.recover(ctx, m, guard)
	if err != nil {
		return nil, err
	}
	s := &Server{nats: ns, accounts: l.resolver, url: clientURL(ns, l.config.TLS != nil, host), lock: lock}
	var life context.Context
	life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.syncing.Go(func() {
		keepDurable(life, filepath.Join(c.StoreDir, server.JetStreamStoreDir), orDefault(c.durableEvery, durableEvery), c.Logger)
	})
	return s, nil
}

// launch starts a NATS server; it may do so again when that one was stopped.
type launch struct {
	config    Config
	authority *Authority
	host      string
	port      int

	// Of the server that was started last.
	resolver *server.DirAccResolver
	log      *serverLog
}

// recover returns a server that accepts connections and has loaded all streams in the
// mender's store, or what takes their place; or an error, and then none runs, and all that
// the store had is there.
func (l *launch) recover(ctx context.Context, m *mender, guard guard) (*server.Server, error) {
	for again := false; ; again = true {
		if err := guard.take(); err != nil {
			return nil, err
		}
		all, err := m.onDisk()
		if err != nil {
			return nil, err
		}
		ns, err := l.start(ctx)
		if err != nil {
			return nil, errors.Join(err, guard.putBack())
		}
		lost, err := m.notLoaded(ns, all)
		if err == nil && !lost.any() {
			l.log.start()
			if err := guard.release(); err != nil {
				stop(ns)
				return nil, err
			}
			return ns, nil
		}
		// No server may run while what it has not loaded is moved out of its way.
		stop(ns)
		err = errors.Join(err, guard.putBack())
		if err == nil {
			err = m.beginAnew(lost)
		}
		if err == nil && again {
			err = fmt.Errorf("%v are not loaded although they began anew", append(lost.streams, lost.consumers...))
		}
		if err != nil {
			return nil, withDetail(err, l.log.start())
		}
	}
}

// start returns a server that accepts connections, or an error, and then none runs.
func (l *launch) start(ctx context.Context) (*server.Server, error) {
	o, err := l.options()
	if err != nil {
		return nil, err
	}
	ns, err := server.NewServer(o)
	if err != nil {
		l.resolver.Close()
		return nil, err
	}
	l.log = newServerLog(l.config.Logger)
	ns.SetLoggerV2(l.log, false, false, false)
	if err := run(ctx, ns, l.log); err != nil {
		stop(ns)
		return nil, err
	}
	return ns, nil
}

func (l *launch) options() (*server.Options, error) {
	c := l.config
	operator, err := jwt.DecodeOperatorClaims(l.authority.operator)
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName:             "saksi-" + l.authority.name,
		Host:                   l.host,
		Port:                   l.port,
		TLSConfig:              c.TLS,
		TLS:                    c.TLS != nil,
		NoSigs:                 true,
		NoLog:                  true,
		DisableJetStreamBanner: true,
		TrustedOperators:       []*jwt.OperatorClaims{operator},
		SystemAccount:          l.authority.hubID[hubSystem],
		JetStream:              true,
		StoreDir:               c.StoreDir,
		SyncInterval:           orDefault(c.SyncInterval, defaultSyncInterval),
		MaxPayload:             int32(orDefault(c.MaxPayload, defaultMaxPayload)),
		MaxConn:                maxConnections,
		MaxPending:             maxPending,
		WriteDeadline:          writeDeadline,
		AuthTimeout:            authTimeout.Seconds(),
		StreamMaxBufferedMsgs:  maxBuffered,
		StreamMaxBufferedSize:  maxBufferedBytes,
	}
	if c.WebSocket != "" {
		host, port, err := splitListen(c.WebSocket)
		if err != nil {
			return nil, fmt.Errorf("WebSocket: %w", err)
		}
		o.Websocket = server.WebsocketOpts{
			Host: host, Port: port, NoTLS: c.TLS == nil, TLSConfig: c.TLS, HandshakeTimeout: authTimeout,
			SameOrigin: len(c.Origins) == 0, AllowedOrigins: c.Origins,
		}
	}
	l.resolver, err = l.authority.resolver(filepath.Join(c.StoreDir, storeAccounts))
	o.AccountResolver = l.resolver
	return o, err
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// splitListen returns a host that is never empty, and -1 for a free port, as the
// server wants it.
func splitListen(listen string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(orDefault(listen, defaultListen))
	if err != nil {
		return "", 0, fmt.Errorf("listen on %q: %w: want host:port", listen, err)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen on %q: %q isn't a port", listen, p)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return orDefault(host, "127.0.0.1"), port, nil
}

// resolver makes the server's account directory, with the accounts this
// authority has. A JWT there that is newer stays.
func (a *Authority) resolver(dir string) (*server.DirAccResolver, error) {
	// An account that isn't here is asked of the other servers; there are none.
	r, err := server.NewDirAccResolver(dir, 0, 0, server.NoDelete, server.FetchTimeout(50*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("open account directory %s: %w", dir, err)
	}
	tokens, err := a.allTokens()
	if err != nil {
		r.Close()
		return nil, err
	}
	for id, token := range tokens {
		if err := r.Store(id, token); err != nil {
			r.Close()
			return nil, fmt.Errorf("store account %s in %s: %w", id, dir, err)
		}
	}
	return r, nil
}

// allTokens are the JWTs of all accounts by public key.
func (a *Authority) allTokens() (map[string]string, error) {
	tokens := map[string]string{}
	for name, id := range a.hubID {
		tokens[id] = a.hub[name]
	}
	for _, of := range memberKinds() {
		members, err := a.members(of)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			c, err := a.account(m)
			if err != nil {
				return nil, err
			}
			if tokens[c.Subject], err = a.accountToken(m); err != nil {
				return nil, err
			}
		}
	}
	return tokens, nil
}

// run starts ns and returns when it is ready or gave up. Its start isn't cut short
// when ctx ends: one that is shut down half-way may leave files open.
func run(ctx context.Context, ns *server.Server, log *serverLog) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ns.Start()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("it started too late: %w", err)
	}
	select {
	case why := <-log.fatal:
		return startError(why)
	default:
	}
	const settle = 10 * time.Second // it already listens
	if !ns.ReadyForConnections(settle) {
		return withDetail(errors.New("it doesn't become ready for connections"), log.start())
	}
	if !ns.JetStreamEnabled() {
		return withDetail(errors.New("JetStream doesn't start"), log.start())
	}
	return nil
}

func startError(why string) error {
	switch {
	case strings.Contains(why, syscall.EADDRINUSE.Error()):
		return fmt.Errorf("%s: another program listens on that port; stop it, or choose another (0 takes a free one)", why)
	case strings.Contains(why, "JetStream"):
		return fmt.Errorf("%s: check that the store directory is one, can be written to, and has space", why)
	}
	return errors.New(why)
}

func withDetail(err error, detail string) error {
	if detail == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, detail)
}

func clientURL(ns *server.Server, tls bool, host string) string {
	scheme := "nats://"
	if tls {
		scheme = "tls://"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	_, port, _ := net.SplitHostPort(ns.Addr().String())
	return scheme + net.JoinHostPort(host, port)
}

// WebSocketURL is where clients that speak WebSocket connect; empty if none can.
func (s *Server) WebSocketURL() string {
	u, err := url.Parse(s.nats.WebsocketURL())
	if err != nil || u.Port() == "0" { // what the server says where there is none
		return ""
	}
	return u.String()
}

// URL is where clients on this machine connect.
func (s *Server) URL() string { return s.url }

// InProcess is the option with which [nats.Connect] connects without a socket;
// the URL is then not used. Credentials are still needed; without the right ones
// Connect returns after 10 s, and says that the pipe was closed.
func (s *Server) InProcess() nats.Option { return nats.InProcessServer(s.nats) }

// Close stops the server and returns when its files are closed. Repeating it
// does nothing.
func (s *Server) Close() {
	s.close.Do(func() {
		stop(s.nats)
		s.end()
		s.syncing.Wait()
		s.lock.Close()
	})
}

func stop(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}
