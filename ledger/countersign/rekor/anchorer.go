package rekor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Config says what an [Anchorer] anchors, and where.
type Config struct {
	// Dir is [DirName] in the ledger's directory. It is made if need be.
	Dir    string
	Rekors []Rekor
	// Policy says in how many of them a checkpoint must stand to count as anchored. All
	// are asked whatever it says.
	Policy verify.AnchorPolicy
	// AnchorKey signs what is submitted: ECDSA P-256.
	AnchorKey *ecdsa.PrivateKey
	Log       *formats.Log
	// Reader reads the ledger, with bodies.
	Reader ledger.Reader
	// Size, if there, is the number of leaves that the ledger has added, published or
	// not. Without it, an anchor whose leaf is added and not yet published when Run
	// starts is recorded twice.
	Size func() uint64
	// Record adds the anchor to the ledger as a leaf: [writer.Ledger.RecordAnchor]. An
	// error that wraps [ledger.ErrFatal] ends Run, others are tried again.
	Record func(context.Context, events.AnchorRecorded) error
	// Announce, if there, is called with each [Announcement] in JSON, at least once. It
	// must return soon.
	Announce func([]byte)
	// Interval is the time between two anchors in the same Rekor, at the least; a
	// minute if 0. After a failure it is tried again sooner at first, and then not
	// less often than every Interval or minute, whichever is longer.
	Interval time.Duration
	// Timeout bounds one submission and its proof; half a minute if 0. A Rekor v2
	// answers only when it has published.
	Timeout time.Duration
	Logger  *slog.Logger
	// Now is the clock of Status; the system's if nil.
	Now func() time.Time
}

// Announcement is what is said of a new anchor.
type Announcement struct {
	Rekor string `json:"rekor"` // name of its directory
	Size  uint64 `json:"size"`
	// Entry is the TransparencyLogEntry, Checkpoint the signed note that it is about.
	Entry      rawJSON `json:"entry"`
	Checkpoint string  `json:"checkpoint"`
}

type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func (r *rawJSON) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}

const (
	defaultInterval = time.Minute
	defaultTimeout  = 30 * time.Second
	firstRetry      = time.Second
)

// Anchorer anchors a ledger's checkpoints, in each Rekor independently of the others.
type Anchorer struct {
	config Config
	lines  []*worker
}

// New checks a configuration.
func New(config Config) (*Anchorer, error) {
	switch {
	case config.AnchorKey == nil || config.AnchorKey.Curve != elliptic.P256():
		return nil, errors.New("anchoring: the anchor key is not ECDSA P-256")
	case config.Log == nil || config.Reader == nil || config.Record == nil || config.Dir == "":
		return nil, errors.New("anchoring: it needs Dir, Log, Reader and Record")
	}
	if config.Interval <= 0 {
		config.Interval = defaultInterval
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if len(config.Rekors) > 0 {
		if _, err := config.Policy.Of(len(config.Rekors)); err != nil {
			return nil, err
		}
	}
	a := &Anchorer{config: config}
	names := map[string]bool{}
	for _, r := range config.Rekors {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("anchoring: %w", err)
		}
		if names[r.Name] {
			return nil, fmt.Errorf("anchoring: there are two Rekors named %s", r.Name)
		}
		names[r.Name] = true
		a.lines = append(a.lines, newLine(&a.config, r))
	}
	return a, nil
}

// Run anchors until ctx ends, and then returns its error; before that only if the
// ledger failed. It is called once.
func (a *Anchorer) Run(ctx context.Context) error {
	if err := a.writePolicy(); err != nil {
		a.config.Logger.Warn("the anchor policy is not kept", "error", err)
	}
	var ways []func(context.Context) error
	for _, l := range a.lines {
		ways = append(ways, l.run)
	}
	return countersign.Run(ctx, ways...)
}

// Status returns how far each Rekor has come, in the order of the configuration. It
// is safe for concurrent use.
func (a *Anchorer) Status() []Status {
	all := make([]Status, len(a.lines))
	for i, l := range a.lines {
		all[i] = l.status.Get()
	}
	return all
}
