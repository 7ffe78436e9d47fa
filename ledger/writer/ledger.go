package writer

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Config says where a ledger lies and what it signs with.
type Config struct {
	// Dir holds the tree, the bodies, the database and the lock.
	Dir string
	// LogKey signs checkpoints. Its name is the origin.
	LogKey note.Signer
	// EventKey signs the ledger's own events; the genesis names it.
	EventKey *events.Signer
	// Now is the clock for the ledger's own events; time.Now if nil.
	Now func() time.Time
	// Random is where nonces come from; crypto/rand's Reader if nil.
	Random io.Reader
	// Log is where the ledger tells of its work; slog.Default if nil.
	Log *slog.Logger
	// Took, if set, is called with what each party's messages came to when a chunk
	// of them is in the ledger. It must not wait for anything.
	Took func(map[string]ledger.Tally)
	// Admits, if set, is asked before each chunk is taken from the stream, and waits
	// for as long as the ledger is not to take any. Its error is the context's.
	Admits func(context.Context) error
	// Known, if set, is asked when the ledger is opened, before anything is changed, what
	// others know of the tree: see [Ledger.Continues].
	Known func(context.Context) ([]ledger.Known, error)
	// Contradicted, if set, is called once with a checkpoint that this log has signed,
	// and that is not of this tree: see [Ledger.Sighted]. It must not call the ledger.
	Contradicted func(*formats.Checkpoint)
}

// Ledger is a tree, its bodies and what follows from them, open for writing. Its
// methods may be called from any goroutine, but admission is one at a time.
type Ledger struct {
	config Config
	log    *slog.Logger
	cancel context.CancelFunc
	lock   *durable.Held
	tree   *tree
	bodies *archive.Bodies
	state  *state

	writing sync.Mutex // guards all below, and orders writes
	admit   *admission.State
	at      position
	epochs  []epoch
	failed  error

	grown   chan struct{} // holds a token when the tree has grown
	recheck chan struct{} // holds a token when the stream must be looked at anew

	registryChanged chan struct{} // holds a token when the registry has changed

	own           *formats.Log // as the genesis names it
	sighted       sighted
	contradiction chan error // holds why the ledger has failed, where others know better

	expired expired // of the one goroutine that erases
}

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

const stateFile = "state.db"

// Create makes a ledger whose leaf 0 is the genesis, an envelope signed by the
// first authority that it names, and publishes its first checkpoint. It refuses
// where there is a ledger; where an earlier Create was interrupted it goes on.
func Create(ctx context.Context, config Config, genesis []byte) error {
	config.setDefaults()
	if err := durable.MkdirAll(config.Dir, 0o700); err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	lock, err := lockDir(config.Dir)
	if err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tree, err := openTree(ctx, filepath.Join(config.Dir, archive.TreeDir), config.LogKey, config.Log)
	if err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	if tree.size > 0 {
		return fmt.Errorf("create ledger: there is one in %s already, with %d leaves", config.Dir, tree.size)
	}
	state, rules, err := admission.Start(genesis, admission.Memory{})
	if err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	recorder := events.RegistryRecorder(state.Registry.Genesis.Authorities[0].Authority)
	candidates := rules.Prepare([]admission.Message{{Subject: recorder.Subject(), Body: genesis}})
	verdict, err := state.Judge(candidates[0], 0)
	if err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	if verdict.Verdict != formats.Accepted {
		return fmt.Errorf("create ledger: genesis: %s: %s", verdict.Code, verdict.Reason)
	}
	leaf := verdict.Leaf(1, 0, recorder.Subject())
	leaf.Received = config.Now()
	bodies, err := archive.OpenBodies(filepath.Join(config.Dir, archive.BodiesDir), 0, false)
	if err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	defer bodies.Close()
	if err := bodies.Append([][]byte{genesis}); err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	if err := tree.add(ctx, [][]byte{leaf.Marshal()}); err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	if err := tree.close(ctx); err != nil {
		return fmt.Errorf("create ledger: publish its first checkpoint: %w", err)
	}
	return nil
}

// Open opens a ledger for writing and finishes or takes back what a crash left
// half-done. It waits for nothing but the disk, and for what config.Known asks. The error
// wraps [ledger.ErrContradicted] where the tree is not what others know of it; nothing is changed
// then.
func Open(ctx context.Context, config Config) (_ *Ledger, err error) {
	config.setDefaults()
	l := &Ledger{config: config, log: config.Log, grown: make(chan struct{}, 1), recheck: make(chan struct{}, 1), registryChanged: make(chan struct{}, 1),
		contradiction: make(chan error, 1)}
	defer func() {
		if err != nil {
			l.abandon()
			err = fmt.Errorf("open ledger: %w", err)
		}
	}()
	if _, err := os.Stat(filepath.Join(config.Dir, archive.TreeDir)); err != nil {
		return nil, fmt.Errorf("there is none in %s", config.Dir)
	}
	if l.lock, err = lockDir(config.Dir); err != nil {
		return nil, err
	}
	var life context.Context
	life, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if l.tree, err = openTree(life, filepath.Join(config.Dir, archive.TreeDir), config.LogKey, l.log); err != nil {
		return nil, err
	}
	if l.tree.size == 0 {
		return nil, fmt.Errorf("the one in %s has no genesis: its making was interrupted", config.Dir)
	}
	if l.state, err = openState(filepath.Join(config.Dir, stateFile)); err != nil {
		return nil, err
	}
	// Bodies beyond the tree are cut off next: not before the tree is known to be whole.
	if err := l.contradicted(ctx); err != nil {
		return nil, err
	}
	if l.bodies, err = archive.OpenBodies(filepath.Join(config.Dir, archive.BodiesDir), l.tree.size, false); err != nil {
		return nil, err
	}
	last, err := l.leaf(ctx, l.tree.size-1)
	if err != nil {
		return nil, err
	}
	l.at = positionOf(last)
	if err := l.restore(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// abandon lets everything go as a crash would.
func (l *Ledger) abandon() {
	if l.state != nil {
		l.state.close()
	}
	if l.bodies != nil {
		l.bodies.Close()
	}
	if l.cancel != nil {
		l.cancel()
	}
	if l.lock != nil {
		l.lock.Close()
	}
}

// Close publishes a last checkpoint and releases the ledger. After a fatal error
// it only releases it.
func (l *Ledger) Close(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	var err error
	if l.failed == nil {
		l.failed = fmt.Errorf("the ledger is closed: %w", ledger.ErrFatal)
		if err = l.tree.close(ctx); err != nil {
			err = fmt.Errorf("close ledger: %w", err)
		}
	}
	l.abandon()
	return err
}

// Size returns how many leaves the tree has.
func (l *Ledger) Size() uint64 {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.tree.size
}

// Standing returns the stream's sequence up to which messages have become leaves.
func (l *Ledger) Standing() (seq uint64) {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.at.seq
}

// Rules returns the rule set in force.
func (l *Ledger) Rules() *admission.Rules { return l.admit.Rules() }

// Registry calls f with the registry as it is. f must not keep it.
func (l *Ledger) Registry(f func(*admission.Registry)) {
	l.writing.Lock()
	defer l.writing.Unlock()
	f(l.admit.Registry)
}

// RegistryChanged has a value to receive when the registry has changed since the last
// one. One goroutine may receive.
func (l *Ledger) RegistryChanged() <-chan struct{} { return l.registryChanged }

// Checkpoint returns the newest published checkpoint, as signed by the log.
func (l *Ledger) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.tree.reader.ReadCheckpoint(ctx)
}

// TreeDir returns the directory that holds checkpoint, tiles and entry bundles in
// the layout of https://c2sp.org/tlog-tiles.
func (l *Ledger) TreeDir() string { return filepath.Join(l.config.Dir, archive.TreeDir) }

func (l *Ledger) leaf(ctx context.Context, index uint64) (*formats.Leaf, error) {
	leaves, err := archive.ReadEntries(ctx, l.tree.reader, index, l.tree.size)
	if err != nil {
		return nil, err
	}
	leaf, err := formats.ParseLeaf(leaves[0])
	if err != nil {
		return nil, fmt.Errorf("leaf %d: %w", index, err)
	}
	return leaf, nil
}
