package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// What lies in the server's directory.
const (
	keyFile = "signer.pem"
	treeDir = "tree"
	logFile = "server.log"
)

// Config says how to run a server.
type Config struct {
	// Dir holds its key, tree and log. It is made if need be.
	Dir string
	// Origin is that of its checkpoints. It can't be changed once there is a tree.
	Origin string
	// Owner is for trust files and reports.
	Owner string
	// Executable is a program that calls [posix.Main] when it gets Args before the
	// server's own arguments, and Env beside the environment.
	Executable string
	Args       []string
	Env        []string
	// CheckpointInterval is how often it publishes, and so how long an entry waits;
	// a second if 0, and not less than 100 ms.
	CheckpointInterval time.Duration
	Log                *slog.Logger
}

// Server is a Rekor v2 that runs in a child process, which is started again if it
// dies. Methods are safe for concurrent use.
type Server struct {
	config   Config
	verifier string // verifier key
	stop     context.CancelFunc
	done     chan struct{}

	mu      sync.Mutex
	url     string
	client  rekor.Client // of url
	process int
}

const healthyWithin = 30 * time.Second

// StartServer starts a server and returns when it is healthy, or after half a minute
// with an error. It runs until ctx ends or Stop is called.
func StartServer(ctx context.Context, config Config) (*Server, error) {
	if config.CheckpointInterval == 0 {
		config.CheckpointInterval = time.Second
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if err := durable.MkdirAll(filepath.Join(config.Dir, treeDir), 0o700); err != nil {
		return nil, fmt.Errorf("start Rekor: %w", err)
	}
	key, err := openKey(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("start Rekor: %w", err)
	}
	verifier, err := note.NewEd25519VerifierKey(config.Origin, key)
	if err != nil {
		return nil, fmt.Errorf("start Rekor: origin %q: %w", config.Origin, err)
	}
	running, stop := context.WithCancel(ctx)
	s := &Server{config: config, verifier: verifier, stop: stop, done: make(chan struct{})}
	trusted := s.Trusted()
	if err := trusted.Check(); err != nil {
		stop()
		return nil, fmt.Errorf("start Rekor: %w", err)
	}
	healthy := make(chan error, 1)
	go s.supervise(running, func(err error) {
		select {
		case healthy <- err:
		default:
		}
	})
	timeout := time.NewTimer(healthyWithin)
	defer timeout.Stop()
	select {
	case err = <-healthy:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout.C:
		err = fmt.Errorf("it was not healthy within %v", healthyWithin)
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start Rekor: %w; see %s", err, filepath.Join(config.Dir, logFile))
	}
	return s, nil
}

// Stop ends the child and waits for it.
func (s *Server) Stop() {
	s.stop()
	<-s.done
}

// Done is closed when the child is gone for good.
func (s *Server) Done() <-chan struct{} { return s.done }

// URL is where it takes entries, on loopback. It is another if the server had to be
// started again and its port was taken.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Process returns the id of the child, 0 while there is none.
func (s *Server) Process() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Trusted is what to verify its entries with. It is not independent.
func (s *Server) Trusted() verify.TrustedRekor {
	return verify.TrustedRekor{Origin: s.config.Origin, Key: s.verifier, Version: 2, Owner: s.config.Owner}
}

// Rekor returns it as one to anchor in.
func (s *Server) Rekor(name string) rekor.Rekor {
	return rekor.Rekor{Name: name, URL: s.URL(), Trusted: s.Trusted(), Client: follower{s}}
}

// Handler serves its checkpoint and tiles, which it doesn't do itself: read-only, in
// the layout of https://c2sp.org/tlog-tiles.
func (s *Server) Handler() (http.Handler, error) {
	return ledgerhttp.Handler(filepath.Join(s.config.Dir, treeDir))
}

func (s *Server) readTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return client.FileFetcher{Root: filepath.Join(s.config.Dir, treeDir)}.ReadTile(ctx, level, index, p)
}

// reached remembers where the server is.
func (s *Server) reached(url string) error {
	c, err := rekor.NewClientV2(url, s.readTile)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url, s.client = url, c
	return nil
}

// follower is a client of the server wherever it is.
type follower struct{ s *Server }

var errNotRunning = errors.New("the Rekor is not running")

func (f follower) now() (rekor.Client, error) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if f.s.client == nil {
		return nil, errNotRunning
	}
	return f.s.client, nil
}

func (f follower) Submit(ctx context.Context, digest [sha256.Size]byte, key *ecdsa.PrivateKey) ([]byte, error) {
	c, err := f.now()
	if err != nil {
		return nil, err
	}
	return c.Submit(ctx, digest, key)
}

func (f follower) Consistency(ctx context.Context, older, newer *formats.Checkpoint) (tlog.TreeProof, error) {
	c, err := f.now()
	if err != nil {
		return nil, err
	}
	return c.Consistency(ctx, older, newer)
}
