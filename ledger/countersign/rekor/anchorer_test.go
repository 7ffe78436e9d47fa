package rekor_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/readertest"
)

// site is a ledger with its anchors.
type site struct {
	*testing.T
	*readertest.World
	reader *archive.Directory
	dir    string
	key    *ecdsa.PrivateKey

	mu        sync.Mutex
	announced []rekor.Announcement
}

func newSite(t *testing.T) *site {
	t.Helper()
	w := readertest.New(t)
	reader, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return &site{T: t, World: w, reader: reader, dir: filepath.Join(w.Dir, rekor.DirName), key: newKey(t)}
}

func (s *site) config(rekors ...rekor.Rekor) rekor.Config {
	return rekor.Config{
		Dir: s.dir, Rekors: rekors, AnchorKey: s.key, Log: s.Log, Reader: s.reader, Size: s.Ledger.Size, Record: s.Ledger.RecordAnchor,
		Announce: func(b []byte) {
			var a rekor.Announcement
			if err := json.Unmarshal(b, &a); err != nil {
				s.Error(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.announced = append(s.announced, a)
		},
		Interval: 50 * time.Millisecond, Timeout: 20 * time.Second, Logger: slog.New(slog.NewTextHandler(s.Output(), nil)),
	}
}

// run runs an anchorer until the function that it returns is called, which waits for
// its end.
func (s *site) run(config rekor.Config) (_ *rekor.Anchorer, stop func()) {
	s.Helper()
	a, err := rekor.New(config)
	if err != nil {
		s.Fatal(err)
	}
	return a, readertest.Start(s.T, a.Run)
}

// grow adds n leaves that aren't the ledger's own.
func (s *site) grow(n int) {
	s.Helper()
	s.Grow(uint64(len(s.Bodies) + n))
}

// until waits for something to be so.
func (s *site) until(what string, so func() bool) {
	s.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("not so in 30 s: %s", what)
		}
	}
}

// recorded returns the anchors that the ledger itself says there are.
func (s *site) recorded() []events.AnchorRecorded {
	s.Helper()
	checkpoint, err := s.reader.Wait(s.Context(), s.Ledger.Size()-1)
	if err != nil {
		s.Fatal(err)
	}
	var all []events.AnchorRecorded
	for from := uint64(0); from < checkpoint.Size; {
		entries, err := s.reader.Entries(s.Context(), checkpoint, from)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range entries {
			from = e.Index + 1
			if e.Leaf.Subject != "ledger" {
				continue
			}
			envelope, err := events.ParseEnvelope(e.Body)
			if err != nil {
				s.Fatal(err)
			}
			event, err := events.ParseEvent(envelope.Lines[0])
			if err != nil {
				s.Fatal(err)
			}
			if event.Type != events.TypeAnchorRecorded {
				continue
			}
			var a events.AnchorRecorded
			if err := json.Unmarshal(event.Data, &a); err != nil {
				s.Fatal(err)
			}
			all = append(all, a)
		}
	}
	return all
}

// quiet waits until all that is kept is recorded.
func (s *site) quiet(rekors ...rekor.Rekor) {
	s.Helper()
	s.until("all anchors are recorded", func() bool {
		n := 0
		for _, r := range rekors {
			sizes, err := rekor.OpenStore(s.dir).Sizes(r.Name)
			if err != nil {
				s.Fatal(err)
			}
			n += len(sizes)
		}
		return n == len(s.recorded())
	})
}

// check verifies everything that is kept and recorded: each anchor once.
func (s *site) check(rekors ...rekor.Rekor) {
	s.Helper()
	store := rekor.OpenStore(s.dir)
	var kept []string
	for _, r := range rekors {
		sizes, err := store.Sizes(r.Name)
		if err != nil {
			s.Fatal(err)
		}
		for _, size := range sizes {
			stored, err := store.Read(r.Name, size)
			if err != nil {
				s.Fatal(err)
			}
			if _, err := r.Trusted.VerifyAnchor(stored.Entry, stored.Note, &s.key.PublicKey); err != nil {
				s.Error(err)
			}
			checkpoint, err := s.Log.OpenCheckpoint(stored.Note)
			if err != nil {
				s.Error(err)
			} else if checkpoint.Size != size {
				s.Errorf("the anchor of %d leaves is of a checkpoint of %d", size, checkpoint.Size)
			}
			kept = append(kept, events.DigestOf(stored.Entry).String())
		}
	}
	var said []string
	for _, a := range s.recorded() {
		said = append(said, a.Entry)
	}
	slices.Sort(kept)
	slices.Sort(said)
	if !slices.Equal(kept, said) {
		s.Errorf("kept and recorded differ:\nkept     %s\nrecorded %s", kept, said)
	}
}

func TestAnchorer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := startServer(t, t.TempDir()).Rekor("own")
	a, stop := s.run(s.config(r))

	// The first at once, though all there is is the genesis.
	s.until("the genesis is anchored and recorded", func() bool { return len(s.recorded()) == 1 })

	// The ledger's own leaves, its word about the anchor among them, are no reason.
	if err := s.Ledger.AppendClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(s.recorded()); n != 1 {
		t.Errorf("%d anchors, though nothing was added but the clock and an anchor", n)
	}
	if status := a.Status()[0]; status.Size != 1 || status.Error != "" || status.Time.IsZero() || status.Lag(s.Ledger.Size()).Leaves != 0 {
		t.Errorf("status: %+v", status)
	}

	s.grow(10)
	s.until("ten leaves more are anchored", func() bool { return len(s.recorded()) == 2 })
	second := s.recorded()[1]
	if second.Size != 13 || second.Rekor != "rekor.example.my" || second.Kind != "hashedrekord 0.0.2" || second.Index != 1 {
		t.Errorf("recorded: %+v", second)
	}
	stop()
	s.check(r)

	if n := len(s.announced); n != 2 {
		t.Fatalf("%d announcements of 2 anchors", n)
	}
	last := s.announced[1]
	if _, err := r.Trusted.VerifyAnchor(last.Entry, []byte(last.Checkpoint), &s.key.PublicKey); err != nil || last.Rekor != "own" || last.Size != 13 {
		t.Errorf("announced: %s of %d, %v", last.Rekor, last.Size, err)
	}
	statuses, err := rekor.ReadStatus(s.dir)
	if err != nil || len(statuses) != 1 || statuses[0].Size != 13 || statuses[0].Rekor != "own" {
		t.Errorf("status that is kept: %+v, %v", statuses, err)
	}
	list, err := rekor.OpenStore(s.dir).List(2)
	if err != nil || len(list) != 1 || list[0].Size != 13 {
		t.Errorf("anchors of at least 2 leaves: %d, %v", len(list), err)
	}

	// The next process finds nothing to do, and then goes on.
	_, stop = s.run(s.config(r))
	time.Sleep(300 * time.Millisecond)
	if n := len(s.recorded()); n != 2 {
		t.Errorf("%d anchors after it was started again, before 2", n)
	}
	s.grow(1)
	s.until("one leaf more is anchored", func() bool { return len(s.recorded()) == 3 })
	stop()
	s.check(r)
}

// timed is a client that remembers when it submitted.
type timed struct {
	rekor.Client
	mu sync.Mutex
	at []time.Time
}

func (c *timed) Submit(ctx context.Context, digest [32]byte, key *ecdsa.PrivateKey) ([]byte, error) {
	c.mu.Lock()
	c.at = append(c.at, time.Now())
	c.mu.Unlock()
	return c.Client.Submit(ctx, digest, key)
}

// At most every interval, whatever comes, and then all of it.
func TestInterval(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := startServer(t, t.TempDir()).Rekor("own")
	client := &timed{Client: r.Client}
	r.Client = client
	config := s.config(r)
	config.Interval = 2 * time.Second
	a, stop := s.run(config)
	s.until("the genesis is anchored", func() bool { return len(s.recorded()) == 1 })
	var waited bool
	for begun := time.Now(); time.Since(begun) < 2*time.Second; time.Sleep(50 * time.Millisecond) {
		s.grow(1)
		lag := a.Status()[0].Lag(s.Ledger.Size())
		waited = waited || lag.Leaves > 0 && lag.Since > 0
	}
	if !waited {
		t.Error("leaves waited, and its status never said so")
	}
	s.until("all that came is anchored", func() bool { return a.Status()[0].Waiting.IsZero() && a.Status()[0].Size >= uint64(len(s.Bodies)) })
	s.quiet(r)
	stop()
	for i := 1; i < len(client.at); i++ {
		// The first may have been noted late, by a busy machine.
		if apart := client.at[i].Sub(client.at[i-1]); apart < config.Interval*9/10 {
			t.Errorf("submissions %d and %d are %v apart", i, i+1, apart)
		}
	}
	s.check(r)
}

// Between keeping and recording, a process may end. Whether its leaf was added or not,
// it is there once in the end.
func TestCrashBetween(t *testing.T) {
	t.Parallel()
	for name, persisted := range map[string]bool{"recorded and reported as failed": true, "failed and not recorded": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			r := startServer(t, t.TempDir()).Rekor("own")
			config := s.config(r)
			crash := errors.New("the process ends here")
			config.Record = func(ctx context.Context, anchor events.AnchorRecorded) error {
				if persisted {
					if err := s.Ledger.RecordAnchor(ctx, anchor); err != nil {
						t.Error(err)
					}
				}
				return errors.Join(crash, ledger.ErrFatal)
			}
			a, err := rekor.New(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Run(t.Context()); !errors.Is(err, crash) {
				t.Fatalf("Run: %v", err)
			}
			_, stop := s.run(s.config(r))
			s.until("the anchor is recorded", func() bool { return len(s.recorded()) == 1 })
			s.grow(1)
			s.until("the next is too", func() bool { return len(s.recorded()) == 2 })
			stop()
			s.check(r)
		})
	}
}

// Within one process too: an error that isn't the ledger's end is tried again.
func TestRecordFails(t *testing.T) {
	t.Parallel()
	for name, persisted := range map[string]bool{"recorded and reported as failed": true, "failed and not recorded": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			r := startServer(t, t.TempDir()).Rekor("own")
			config := s.config(r)
			var once sync.Once
			config.Record = func(ctx context.Context, anchor events.AnchorRecorded) (err error) {
				once.Do(func() {
					if persisted {
						s.Ledger.RecordAnchor(ctx, anchor)
					}
					err = errors.New("not this time")
				})
				if err != nil {
					return err
				}
				return s.Ledger.RecordAnchor(ctx, anchor)
			}
			a, stop := s.run(config)
			s.until("the anchor is recorded", func() bool { return len(s.recorded()) == 1 && a.Status()[0].Failures == 0 })
			stop()
			s.check(r)
		})
	}
}

// An anchor that can't be kept is not recorded until it can.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := startServer(t, t.TempDir()).Rekor("own")
	// Something stands where the note should be.
	obstacle := filepath.Join(s.dir, "own", "00000000000000000001.note")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	a, stop := s.run(s.config(r))
	s.until("it says that it failed", func() bool { return strings.Contains(a.Status()[0].Error, "keep an anchor") })
	if n := len(s.recorded()); n != 0 {
		t.Errorf("%d anchors are recorded that are not kept", n)
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	s.until("the anchor is recorded", func() bool { return len(s.recorded()) == 1 })
	stop()
	s.check(r)
}

// A Rekor that is away holds up no other, and catches up when it is back.
func TestAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := t.TempDir()
	away, here := startServer(t, dir), startServer(t, t.TempDir()).Rekor("here")
	gone := away.Rekor("away")
	away.Stop()
	a, stop := s.run(s.config(gone, here))
	s.until("the other is anchored in", func() bool { return a.Status()[1].Size == 1 })
	s.grow(5)
	s.until("the other is anchored in again", func() bool { return a.Status()[1].Size > 1 && a.Status()[0].Failures > 1 })
	status := a.Status()[0]
	if status.Size != 0 || status.Error == "" || status.Waiting.IsZero() || status.Lag(s.Ledger.Size()).Leaves != s.Ledger.Size() {
		t.Errorf("status of the one that is away: %+v", status)
	}
	stop()
	back := startServer(t, dir).Rekor("away")
	a, stop = s.run(s.config(back, here))
	s.until("it has caught up", func() bool { return a.Status()[0].Size >= 6 && a.Status()[0].Failures == 0 })
	s.quiet(back, here)
	stop()
	s.check(back, here)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := startServer(t, t.TempDir()).Rekor("own")
	for name, change := range map[string]func(*rekor.Config){
		"no anchor key":        func(c *rekor.Config) { c.AnchorKey = nil },
		"no reader":            func(c *rekor.Config) { c.Reader = nil },
		"two of a name":        func(c *rekor.Config) { c.Rekors = []rekor.Rekor{r, r} },
		"a name that goes out": func(c *rekor.Config) { r := r; r.Name = "../x"; c.Rekors = []rekor.Rekor{r} },
		"a key that is none":   func(c *rekor.Config) { r := r; r.Trusted.Key = "x"; c.Rekors = []rekor.Rekor{r} },
		"no client":            func(c *rekor.Config) { r := r; r.Client = nil; c.Rekors = []rekor.Rekor{r} },
	} {
		config := s.config(r)
		change(&config)
		if _, err := rekor.New(config); err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
}
