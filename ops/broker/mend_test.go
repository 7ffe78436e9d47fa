package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/ops/broker"
)

// storedStreams are the streams on disk, each with the subjects of its messages, which are
// their contents too, and with the account that has it.
var storedStreams = map[string]struct {
	hub      string
	messages []string
}{
	"EVENTS":      {"hub", []string{"events.a.lab-1.bastion-1", "events.b.lab-1.bastion-1", "events.a.lab-2.vpn-1", "registry.mcmc"}},
	"DISCLOSURES": {"hub", []string{"disclosures.a.mcmc.p-1.x", "disclosures.b.mcmc.p-2.x", "disclosures.a.mcmc.p-3.x"}},
	"FEEDS":       {"feeds-hub", feedSubjects},
	"POSITIONS":   {"feeds-hub", []string{"positions.feeds"}},
}

// tornWorld is a world whose store has all streams with messages, and a reader's consumer
// that has acknowledged two.
func tornWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	s := w.start()
	w.ensureAll()
	w.ensure(broker.Reader{Name: "r"})
	for name, stream := range storedStreams {
		js := w.js(stream.hub)
		for _, m := range stream.messages {
			if _, err := js.Publish(testContext(t), m, []byte(m)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	_, messages := fetch(t, w.reader("r"), "r_touches")
	for _, m := range messages[:2] {
		if err := m.DoubleAck(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	return w
}

func (w *world) ensureAll() {
	w.t.Helper()
	w.events()
	w.feeds()
	if _, err := broker.EnsureDisclosures(testContext(w.t), w.js("custodian"), w.streams().Disclosures); err != nil {
		w.t.Fatal(err)
	}
}

// streams are those of the worlds here, as a node would say.
func (w *world) streams() broker.Streams {
	return broker.Streams{
		Disclosures: broker.DisclosuresOptions{MaxAge: 7 * 365 * 24 * time.Hour, NewBytes: 64 << 20},
		Readers:     []broker.Reader{{Name: "r"}}, Views: views,
	}
}

// streamDir is a stream's directory in a world's store.
func (w *world) streamDir(stream string) string {
	account := w.auth.LedgerAccount()
	if storedStreams[stream].hub == "feeds-hub" {
		account = w.auth.ProjectionsAccount()
	}
	return filepath.Join(w.store, "jetstream", account, "streams", stream)
}

// copyOf is the same world for another test, with a store of its own.
func (w *world) copyOf(t *testing.T) *world {
	t.Helper()
	c := *w
	c.t, c.store = t, filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(c.store, os.DirFS(w.store)); err != nil {
		t.Fatal(err)
	}
	return &c
}

// startMended starts a server as a node does, and returns what it logged meanwhile.
func (w *world) startMended() (*broker.Server, string, error) {
	var out bytes.Buffer
	s, err := broker.Start(testContext(w.t), broker.Config{
		Dir: w.dir, StoreDir: w.store, Listen: ":0", Streams: w.streams(), Logger: slog.New(slog.NewTextHandler(&out, nil)),
	})
	if err == nil {
		w.t.Cleanup(s.Close)
		w.url = s.URL()
	}
	return s, out.String(), err
}

// stored are the messages that a stream has, in order.
func (w *world) stored(stream string) (messages []string) {
	w.t.Helper()
	ctx := testContext(w.t)
	s, err := w.js(storedStreams[stream].hub).Stream(ctx, stream)
	if err != nil {
		w.t.Fatalf("%s: %v", stream, err)
	}
	state := s.CachedInfo().State
	for seq := max(state.FirstSeq, 1); seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		} else if err != nil {
			w.t.Fatalf("%s: %v", stream, err)
		}
		if m.Subject != string(m.Data) {
			w.t.Errorf("%s: message %d on %s says %q", stream, seq, m.Subject, m.Data)
		}
		messages = append(messages, string(m.Data))
	}
	return messages
}

// Ways in which a power cut leaves a file.
var torn = map[string]func(path string) error{
	"missing": func(path string) error { return os.RemoveAll(path) },
	"empty":   func(path string) error { return os.Truncate(path, 0) },
	"half": func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	},
	"zeros": func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, make([]byte, info.Size()), 0o600)
	},
	"zeros at the end": func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		clear(b[len(b)*2/3:])
		return os.WriteFile(path, b, 0o600)
	},
	"flipped": func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		return os.WriteFile(path, b, 0o600)
	},
	"of another description": func(path string) error { return os.WriteFile(path, []byte("0123456789abcdef"), 0o600) },
}

// tear leaves files below a stream's directory as given: "meta.inf empty" or, for each file
// that a pattern matches, "msgs/*.blk half".
func tear(dir string, how ...string) error {
	for _, h := range how {
		pattern, state, _ := strings.Cut(h, " ")
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) == 0 {
			return fmt.Errorf("%s: no such file in %s", pattern, dir)
		}
		for _, path := range paths {
			if err := torn[state](path); err != nil {
				return err
			}
		}
	}
	return nil
}

// What a power cut leaves of streams is mended: their messages are there, or as many as the
// blocks have, and they take more.
func TestTornStreams(t *testing.T) {
	const (
		all    = "all messages"
		some   = "a beginning of the messages"
		none   = "no message"
		acked  = "acknowledged stays so"
		again  = "delivered again"
		nobody = "no consumer"
	)
	cases := []struct {
		torn     []string
		messages string
		consumer string
	}{
		{[]string{"meta.sum missing", "obs/*/meta.sum missing"}, all, acked},
		{[]string{"meta.sum empty", "obs/*/meta.sum empty"}, all, acked},
		{[]string{"meta.sum half"}, all, acked},
		{[]string{"meta.sum zeros"}, all, acked},
		{[]string{"meta.sum of another description", "obs/*/meta.sum of another description"}, all, acked},
		{[]string{"meta.inf missing", "obs/*/meta.inf missing"}, all, acked},
		{[]string{"meta.inf empty"}, all, acked},
		{[]string{"meta.inf half", "obs/*/meta.inf half"}, all, acked},
		{[]string{"meta.inf zeros"}, all, acked},
		{[]string{"meta.inf zeros at the end"}, all, acked},
		{[]string{"meta.inf flipped"}, all, acked},
		{[]string{"meta.inf missing", "meta.sum missing"}, all, acked},
		{[]string{"meta.inf empty", "meta.sum empty", "obs/*/meta.inf empty", "obs/*/meta.sum empty"}, all, acked},
		{[]string{"meta.inf half", "meta.sum empty"}, all, acked},
		{[]string{"meta.inf zeros", "meta.sum zeros", "obs/*/meta.inf zeros", "obs/*/meta.sum zeros"}, all, acked},
		// The same, and the index of the messages was not written yet either.
		{[]string{"meta.sum empty", "msgs/index.db missing"}, all, acked},
		{[]string{"meta.inf empty", "meta.sum empty", "msgs/index.db empty"}, all, acked},
		// Blocks of messages, with and without a description.
		{[]string{"msgs/index.db missing"}, all, acked},
		{[]string{"msgs/index.db empty"}, all, acked},
		{[]string{"msgs/index.db half"}, all, acked},
		{[]string{"msgs/index.db zeros"}, all, acked},
		{[]string{"msgs/*.blk half"}, some, ""},
		{[]string{"msgs/*.blk half", "msgs/index.db missing"}, some, ""},
		{[]string{"msgs/*.blk zeros at the end", "msgs/index.db missing"}, some, ""},
		{[]string{"msgs/*.blk zeros", "msgs/index.db missing"}, none, ""},
		{[]string{"msgs/*.blk empty", "msgs/index.db missing"}, none, ""},
		{[]string{"meta.inf empty", "meta.sum missing", "msgs/*.blk half", "msgs/index.db missing"}, some, ""},
		{[]string{"meta.sum empty", "msgs missing"}, none, ""},
		{[]string{"meta.inf missing", "meta.sum missing", "msgs missing", "obs missing"}, none, nobody},
		{[]string{"msgs missing", "obs missing"}, none, nobody},
		// Consumers.
		{[]string{"obs/* missing"}, all, nobody},
		{[]string{"obs/*/o.dat missing"}, all, again},
		{[]string{"obs/*/o.dat empty"}, all, again},
		{[]string{"obs/*/o.dat zeros"}, all, nobody},
		{[]string{"obs/*/meta.inf empty", "obs/*/meta.sum empty", "obs/*/o.dat zeros"}, all, nobody},
	}
	whole := tornWorld(t)
	for _, c := range cases {
		t.Run(strings.Join(c.torn, ", "), func(t *testing.T) {
			w := whole.copyOf(t)
			for stream := range storedStreams {
				how := c.torn
				if stream != "FEEDS" { // the only one with consumers
					how = slices.DeleteFunc(slices.Clone(how), func(h string) bool { return strings.HasPrefix(h, "obs/") })
				}
				if err := tear(w.streamDir(stream), how...); err != nil {
					t.Fatal(err)
				}
			}
			s, log, err := w.startMended()
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			for name, stream := range storedStreams {
				got := w.stored(name)
				switch {
				case c.messages == all && !slices.Equal(got, stream.messages),
					c.messages == some && (len(got) >= len(stream.messages) || !slices.Equal(got, stream.messages[:len(got)])),
					c.messages == none && len(got) > 0:
					t.Errorf("%s has %q: want %s\n%s", name, got, c.messages, log)
				}
			}
			// The consumer is there without anybody making it anew, and knows what it knew.
			consumer, err := w.js("feeds-hub").Consumer(testContext(t), "FEEDS", "r_touches")
			switch {
			case c.consumer == nobody && !errors.Is(err, jetstream.ErrConsumerNotFound),
				c.consumer != nobody && err != nil,
				c.consumer == acked && consumer.CachedInfo().AckFloor.Stream != 2,
				c.consumer == again && consumer.CachedInfo().AckFloor.Stream != 0:
				t.Errorf("the consumer: %+v, %v, want %q\n%s", consumer, err, c.consumer, log)
			}
			// Each stream is as the node needs it, takes more, and can be started again.
			w.ensureAll()
			w.ensure(broker.Reader{Name: "r"})
			if c.messages == all && c.consumer != acked {
				if got, _ := fetch(t, w.reader("r"), "r_touches"); !slices.Equal(got, feedSubjects[:4]) {
					t.Errorf("the reader gets %q, want %q", got, feedSubjects[:4])
				}
			}
			before := map[string][]string{}
			for name, stream := range storedStreams {
				more := stream.messages[0]
				if _, err := w.js(stream.hub).Publish(testContext(t), more, []byte(more)); err != nil {
					t.Errorf("%s takes no more: %v", name, err)
				}
				before[name] = w.stored(name)
			}
			s.Close()
			if _, log, err = w.startMended(); err != nil || log != "" {
				t.Fatalf("started again: %v\n%s", err, log)
			}
			for name := range storedStreams {
				if after := w.stored(name); len(after) == 0 || !slices.Equal(after, before[name]) {
					t.Errorf("%s has %q after another start, %q before", name, after, before[name])
				}
			}
		})
	}
}

// Directories that a power cut has left half made, or not at all, are made again.
func TestTornDirectories(t *testing.T) {
	whole := tornWorld(t)
	for what, damage := range map[string]func(w *world) error{
		"no jetstream":       func(w *world) error { return os.RemoveAll(filepath.Join(w.store, "jetstream")) },
		"an empty jetstream": func(w *world) error { return emptied(filepath.Join(w.store, "jetstream")) },
		"no streams": func(w *world) error {
			return eachDir(w, func(dir string) error { return os.RemoveAll(filepath.Dir(dir)) })
		},
		"an account of nothing": func(w *world) error {
			return eachDir(w, func(dir string) error { return os.RemoveAll(filepath.Dir(dir)) })
		},
		"streams of nothing":     func(w *world) error { return eachDir(w, emptied) },
		"no accounts":            func(w *world) error { return os.RemoveAll(filepath.Join(w.store, "accounts")) },
		"accounts that are torn": func(w *world) error { return tear(w.store, "accounts/*.jwt half") },
		"accounts of nothing":    func(w *world) error { return tear(w.store, "accounts/*.jwt empty") },
		"accounts of zeros":      func(w *world) error { return tear(w.store, "accounts/*.jwt zeros") },
	} {
		t.Run(what, func(t *testing.T) {
			w := whole.copyOf(t)
			if err := damage(w); err != nil {
				t.Fatal(err)
			}
			if _, log, err := w.startMended(); err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			w.ensureAll()
			w.ensure(broker.Reader{Name: "r"})
			for name, stream := range storedStreams {
				before := len(w.stored(name))
				if strings.HasPrefix(what, "account") && what != "an account of nothing" && before != len(stream.messages) {
					t.Errorf("%s has %d messages, had %d", name, before, len(stream.messages))
				}
				if _, err := w.js(stream.hub).Publish(testContext(t), stream.messages[0], []byte(stream.messages[0])); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func eachDir(w *world, do func(dir string) error) error {
	for stream := range storedStreams {
		if err := do(w.streamDir(stream)); err != nil {
			return err
		}
	}
	return nil
}

func emptied(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o700)
}

// What can't be mended begins anew if its messages come from elsewhere. A stream whose
// messages nobody has is nobody's to throw away: the server doesn't start, and says which it
// is and what to do.
func TestStreamThatCantBeRecovered(t *testing.T) {
	whole := tornWorld(t)
	for what, damage := range map[string]func(dir string) error{
		"a file for the messages": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "msgs", "1.blk"), filepath.Join(dir, "kept")), os.RemoveAll(filepath.Join(dir, "msgs")),
				os.Rename(filepath.Join(dir, "kept"), filepath.Join(dir, "msgs")))
		},
		"a directory for the description": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "meta.inf")), os.Mkdir(filepath.Join(dir, "meta.inf"), 0o700))
		},
	} {
		for stream, say := range map[string]string{
			"EVENTS": "outboxes send the rest again", "FEEDS": "published again", "POSITIONS": "go on after what FEEDS holds", "DISCLOSURES": "",
		} {
			t.Run(stream+", "+what, func(t *testing.T) {
				w := whole.copyOf(t)
				if err := damage(w.streamDir(stream)); err != nil {
					t.Fatal(err)
				}
				_, log, err := w.startMended()
				if stream == "DISCLOSURES" {
					if err == nil || !strings.Contains(err.Error(), "stream DISCLOSURES can't be recovered: "+w.streamDir(stream)) ||
						!strings.Contains(err.Error(), "move it away to begin with an empty stream") {
						t.Fatalf("got %v", err)
					}
					if still := bytesBelow(t, w.streamDir(stream)); !bytes.Contains(still, []byte("disclosures.b.mcmc.p-2.x")) {
						t.Error("the messages are gone from the stream that was refused")
					}
					if err := os.Rename(w.streamDir(stream), filepath.Join(t.TempDir(), "away")); err != nil {
						t.Fatal(err)
					}
					_, log, err = w.startMended()
				} else if aside, _ := filepath.Glob(filepath.Join(w.store, "unfinished", "*", stream)); len(aside) != 1 || !strings.Contains(log, say) {
					t.Errorf("set aside are %v: %s", aside, log)
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, log)
				}
				if _, err := os.Stat(filepath.Join(w.store, "starting")); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("what the start needed is still there: %v", err)
				}
				w.ensureAll()
				w.ensure(broker.Reader{Name: "r"})
				for name, s := range storedStreams {
					got := w.stored(name)
					if name == stream && len(got) > 0 || name != stream && !slices.Equal(got, s.messages) {
						t.Errorf("%s has %q", name, got)
					}
				}
			})
		}
	}
}

// bytesBelow is what all files below a directory have.
func bytesBelow(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A process that is killed while its server starts leaves second names of the streams' files.
// What the server has deleted by then comes back; what it has not stays as it is.
func TestKilledWhileStarting(t *testing.T) {
	whole := tornWorld(t)
	for what, deleted := range map[string]string{"nothing deleted": "", "a block deleted": "msgs/*.blk", "all deleted": "*", "a description deleted": "meta.inf"} {
		t.Run(what, func(t *testing.T) {
			w := whole.copyOf(t)
			if err := os.CopyFS(filepath.Join(w.store, "starting"), os.DirFS(filepath.Join(w.store, "jetstream"))); err != nil {
				t.Fatal(err)
			}
			if deleted != "" {
				if err := eachDir(w, func(dir string) error { return tear(dir, deleted+" missing") }); err != nil {
					t.Fatal(err)
				}
			}
			if _, log, err := w.startMended(); err != nil || log != "" {
				t.Fatalf("%v\n%s", err, log)
			}
			for name, s := range storedStreams {
				if got := w.stored(name); !slices.Equal(got, s.messages) {
					t.Errorf("%s has %q", name, got)
				}
			}
		})
	}
}

// A stream that the node doesn't make is mended as far as what it says of itself goes.
func TestTornStreamOfOthers(t *testing.T) {
	for what, c := range map[string]struct {
		torn  []string
		empty bool
		want  string // an error
	}{
		"its checksum is torn":                      {torn: []string{"meta.sum empty"}},
		"its description is torn":                   {torn: []string{"meta.inf half"}, want: "stream OTHERS can't be recovered"},
		"its description is torn, and it was empty": {torn: []string{"meta.inf half", "meta.sum empty"}, empty: true},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			s := w.start()
			ctx := testContext(t)
			js := w.js("hub")
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "OTHERS", Subjects: []string{"others.>"}}); err != nil {
				t.Fatal(err)
			}
			if !c.empty {
				if _, err := js.Publish(ctx, "others.x", nil); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
			if err := tear(w.streamDir("OTHERS"), c.torn...); err != nil {
				t.Fatal(err)
			}
			_, log, err := w.startMended()
			switch {
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)), c.want == "" && err != nil:
				t.Fatalf("got %v\n%s", err, log)
			case c.want != "":
				return
			}
			_, err = w.js("hub").Stream(ctx, "OTHERS")
			if c.empty != errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Errorf("the stream: %v\n%s", err, log)
			}
		})
	}
}

// A description that is written anew says what the server's own said. A stream that may take
// a share of the free disk may take as much beside what it holds already.
func TestDescriptionWrittenAnew(t *testing.T) {
	whole := tornWorld(t)
	kept, anew := whole.copyOf(t), whole.copyOf(t)
	configs := func(w *world) map[string]jetstream.StreamConfig {
		all := map[string]jetstream.StreamConfig{}
		for name, stream := range storedStreams {
			s, err := w.js(stream.hub).Stream(testContext(t), name)
			if err != nil {
				t.Fatal(err)
			}
			c := s.CachedInfo().Config
			c.Metadata = nil // of the server's version
			if w != kept && name == "DISCLOSURES" {
				if c.MaxBytes <= 64<<20 || c.MaxBytes > 65<<20 {
					t.Errorf("DISCLOSURES may take %d bytes", c.MaxBytes)
				}
				c.MaxBytes = 64 << 20
			}
			all[name] = c
		}
		return all
	}
	consumer := func(w *world) jetstream.ConsumerConfig {
		c, err := w.js("feeds-hub").Consumer(testContext(t), "FEEDS", "r_touches")
		if err != nil {
			t.Fatal(err)
		}
		config := c.CachedInfo().Config
		config.Metadata, config.Name = nil, "" // a durable's name is that
		return config
	}
	if err := eachDir(anew, func(dir string) error { return tear(dir, "meta.inf missing", "meta.sum missing") }); err != nil {
		t.Fatal(err)
	}
	if err := tear(anew.streamDir("FEEDS"), "obs/*/meta.inf missing", "obs/*/meta.sum missing"); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*world{kept, anew} {
		if _, log, err := w.startMended(); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	want, got := configs(kept), configs(anew)
	for name := range want {
		if w, g := fmt.Sprintf("%+v", want[name]), fmt.Sprintf("%+v", got[name]); w != g {
			t.Errorf("%s was\n%s\nand is\n%s", name, w, g)
		}
	}
	if w, g := fmt.Sprintf("%+v", consumer(kept)), fmt.Sprintf("%+v", consumer(anew)); w != g {
		t.Errorf("the consumer was\n%s\nand is\n%s", w, g)
	}
}
