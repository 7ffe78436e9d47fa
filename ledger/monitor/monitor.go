package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Config says what a [Monitor] watches.
type Config struct {
	// Dir keeps what was seen. It is made if need be, and belongs to one process at a
	// time.
	Dir string
	// Trust names the ledger, and the trees before and after it.
	Trust *verify.Trust
	// URLs are where it is served. What one of them shows is compared with what all
	// others did.
	URLs []string
	// Compare are files with what others were shown: receipts, signed checkpoints, and
	// the checkpoints that another monitor has kept.
	Compare []string
	// Policy says which witnesses must have cosigned: the trust file's if nil.
	Policy *formats.Policy
	// Anchors says in how many of the trust file's Rekors leaves must come to stand; of
	// none if there are none in it.
	Anchors verify.AnchorPolicy
	// Token, if there, returns a bearer token, with which a successor's genesis is read.
	Token func(context.Context) (string, error)
	// Client is one of its own if nil.
	Client *http.Client
	// Timeout bounds one attempt of a request, of which there are up to five; 10 s if 0.
	Timeout time.Duration
	// LookTimeout bounds what one look at one address takes; 10 minutes if 0. What was
	// read by then is kept.
	LookTimeout time.Duration
	// Stale is for how long nothing new may come; two hours if 0: a ledger says every
	// hour that it is there.
	Stale time.Duration
	// Now is the system's clock if nil.
	Now func() time.Time
	// Report is called with everything that is seen, in order, by one goroutine.
	Report func(Sighting)
}

const (
	defaultTimeout     = 10 * time.Second
	defaultLookTimeout = 10 * time.Minute
	defaultStale       = 2 * time.Hour
	treesFile          = "trees.json"
)

// Monitor watches one ledger, through its trees. It is for one goroutine.
type Monitor struct {
	config Config
	lock   *durable.Held
	// trees are the origins of the ledger's trees as they followed each other. The last
	// one is the one that is served.
	trees []string
	kept  map[string]*kept
	worst Level // of the look that is going on
}

// Open opens what a monitor has kept, or begins.
func Open(config Config) (*Monitor, error) {
	if len(config.URLs) == 0 && len(config.Compare) == 0 || config.Dir == "" || config.Trust == nil {
		return nil, errors.New("monitor: it needs a directory, a trust file and an address")
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.LookTimeout <= 0 {
		config.LookTimeout = defaultLookTimeout
	}
	if config.Stale <= 0 {
		config.Stale = defaultStale
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Report == nil {
		config.Report = func(Sighting) {}
	}
	if n := len(config.Trust.Rekors); n > 0 {
		if _, err := config.Anchors.Of(n); err != nil {
			return nil, fmt.Errorf("monitor: the trust file: %w", err)
		}
	}
	if err := durable.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the monitor's directory: %w", err)
	}
	lock, err := lockDir(config.Dir)
	if err != nil {
		return nil, err
	}
	m := &Monitor{config: config, lock: lock, kept: map[string]*kept{}}
	if err := m.open(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Monitor) open() error {
	b, err := durable.ReadFile(filepath.Join(m.config.Dir, treesFile), maxState)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if err := json.Unmarshal(b, &m.trees); err != nil {
			return hinted{fmt.Errorf("%s: %w", filepath.Join(m.config.Dir, treesFile), err), damagedHint}
		}
	}
	for _, origin := range m.trees {
		if _, ok := m.config.Trust.Ledger(origin); !ok {
			return fmt.Errorf("the monitor in %s watches %s, which the trust file doesn't name", m.config.Dir, origin)
		}
		path := filepath.Join(dirOf(m.config.Dir, origin), stateFile)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return hinted{fmt.Errorf("the monitor in %s watches %s, and %s is missing", m.config.Dir, origin, path), damagedHint}
		}
		if _, err := m.tree(origin); err != nil {
			return err
		}
	}
	return nil
}

// tree returns what is kept of a tree that the trust file names.
func (m *Monitor) tree(origin string) (*kept, error) {
	if k := m.kept[origin]; k != nil {
		return k, nil
	}
	trusted, _ := m.config.Trust.Ledger(origin)
	k, err := openKept(m.config.Dir, trusted)
	if err != nil {
		return nil, err
	}
	m.kept[origin] = k
	return k, nil
}

// Close releases the directory.
func (m *Monitor) Close() error {
	var err error
	for _, k := range m.kept {
		err = errors.Join(err, k.hashes.close())
	}
	return errors.Join(err, m.lock.Close())
}

// Alarms returns what was found, ever, and can't be taken back.
func (m *Monitor) Alarms() []Sighting {
	var all []Sighting
	for _, origin := range m.trees {
		all = append(all, m.kept[origin].Alarms...)
	}
	slices.SortStableFunc(all, func(a, b Sighting) int { return a.Time.Compare(b.Time) })
	return all
}

// Look looks once, everywhere, reports what it sees, and returns the worst of it. An
// error means that the monitor itself has failed, or that ctx ended; what was seen by
// then is kept.
func (m *Monitor) Look(ctx context.Context) (Level, error) {
	m.worst = Info
	for _, url := range m.config.URLs {
		err := m.lookWithin(ctx, url)
		if ctx.Err() != nil {
			return m.worst, ctx.Err()
		}
		if err != nil {
			return m.worst, err
		}
	}
	for _, path := range m.config.Compare {
		if err := m.compareFile(path); err != nil {
			return m.worst, err
		}
	}
	if len(m.trees) > 0 {
		k := m.kept[m.trees[len(m.trees)-1]]
		if since := m.config.Now().Sub(k.Seen); k.newest != nil && since > m.config.Stale {
			m.report(k, Sighting{Level: Trouble, Kind: Stale, Size: k.newest.Size, Text: fmt.Sprintf(
				"nothing new for %s: a ledger says every hour that it is there. Is it, or is this view an old one?", since.Round(time.Minute))})
		}
	}
	if len(m.trees) > 0 {
		m.unanchored(m.kept[m.trees[len(m.trees)-1]])
	}
	if len(m.Alarms()) > 0 {
		m.worst = Alarm
	}
	return m.worst, nil
}

// unanchored reports leaves that have waited too long to stand in as many of the trust
// file's Rekors as the policy wants.
func (m *Monitor) unanchored(k *kept) {
	if k.WaitsSince.IsZero() || len(m.config.Trust.Rekors) == 0 {
		return
	}
	if since := m.config.Now().Sub(k.WaitsSince); since > m.config.Stale {
		m.report(k, Sighting{Level: Trouble, Kind: Unanchored, Size: k.Spoken, Text: fmt.Sprintf(
			"%d leaves, and %d stand in %s of the trust file's %d Rekors: the rest waits for %s", k.Spoken, m.anchoredBy(k), m.config.Anchors, len(m.config.Trust.Rekors), since.Round(time.Minute))})
	}
}

// anchoredBy returns how many leaves stand in as many Rekors as the policy wants.
func (m *Monitor) anchoredBy(k *kept) uint64 {
	var sizes []uint64
	for i := range m.config.Trust.Rekors {
		sizes = append(sizes, k.Believed[m.config.Trust.Rekors[i].Origin])
	}
	return m.config.Anchors.Anchored(sizes)
}

func (m *Monitor) lookWithin(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, m.config.LookTimeout)
	defer cancel()
	return m.look(ctx, url)
}

// report fills in and tells a sighting.
func (m *Monitor) report(k *kept, s Sighting) {
	s.Time = m.config.Now().UTC()
	if k != nil {
		s.Ledger = k.Origin
	}
	if s.Level == Alarm || s.Level == Trouble && m.worst == Info {
		m.worst = s.Level
	}
	m.config.Report(s)
}

// alarm reports what can't be taken back, once, and keeps it.
func (m *Monitor) alarm(k *kept, s Sighting) error {
	s.Level, s.Time, s.Ledger = Alarm, m.config.Now().UTC(), k.Origin
	m.worst = Alarm
	for _, known := range k.Alarms {
		if known.Kind == s.Kind && known.Text == s.Text {
			return nil
		}
	}
	if len(k.Alarms) < maxProofs {
		k.Alarms = append(k.Alarms, s)
		if err := k.save(); err != nil {
			return err
		}
	}
	m.config.Report(s)
	return nil
}

func (m *Monitor) reader(url string, log *formats.Log) (*ledgerhttp.Reader, error) {
	return ledgerhttp.NewReader(url, log, ledgerhttp.ReaderOptions{
		Token: m.config.Token, Client: m.config.Client, Timeout: m.config.Timeout,
	})
}

// look looks at one address.
func (m *Monitor) look(ctx context.Context, url string) error {
	reader, err := m.reader(url, nil)
	if err != nil {
		return err
	}
	away := func(err error) error {
		m.report(nil, Sighting{Level: Trouble, Kind: Away, From: url, Text: err.Error()})
		return nil
	}
	note, err := reader.Note(ctx)
	if err != nil {
		return away(fmt.Errorf("fetch the checkpoint: %w", err))
	}
	trusted, c, err := m.config.Trust.OpenCheckpoint(note)
	if err != nil {
		return away(err)
	}
	k, err := m.tree(trusted.Origin)
	if err != nil {
		return err
	}
	if reader, err = m.reader(url, k.log); err != nil {
		return err
	}
	v := &view{Monitor: m, kept: k, reader: reader, url: url}
	return v.look(ctx, c)
}
