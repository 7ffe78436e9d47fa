package feeds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
)

// The test binary is also the broker, the publisher and the subscriber that the
// tests below kill: what it is, and with what, is in SAKSI_FEEDS_CHILD.
const childVariable = "SAKSI_FEEDS_CHILD"

// child is what a process is to do.
type child struct {
	Role       string
	Dir, Store string
	Listen     string
	URL        string
	CredsFile  string
	Output     string
	// The history grows by Rate leaves a second since Began, up to Size.
	Began time.Time
	Rate  float64
	Size  uint64
	// Views, if set, is the engine's directory that the publisher reads instead.
	Views string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		var c child
		err := json.Unmarshal([]byte(text), &c)
		if err == nil {
			err = c.run(ctx)
		}
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, c.Role+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func (c child) run(ctx context.Context) error {
	switch c.Role {
	case "broker":
		s, err := broker.Start(ctx, broker.Config{Dir: c.Dir, StoreDir: c.Store, Listen: c.Listen})
		if err != nil {
			return err
		}
		defer s.Close()
		<-ctx.Done()
		return nil
	case "publisher":
		return c.publish(ctx)
	case "subscriber":
		return c.subscribe(ctx)
	}
	return errors.New("no such role")
}

func (c child) history() *history {
	h := newHistory(0)
	h.at = func() uint64 { return min(uint64(time.Since(c.Began).Seconds()*c.Rate), c.Size) }
	return h
}

func (c child) publish(ctx context.Context) error {
	auth, err := broker.Open(c.Dir)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(c.URL, append(broker.ConnectOptions(broker.RoleProjections, auth.CredsFile(broker.RoleProjections)),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true))...)
	if err != nil {
		return err
	}
	defer nc.Close()
	w := &world{options: broker.FeedsOptions{Lease: 600 * time.Millisecond}}
	config := feeds.Config{Conn: nc, Ensure: w.ensure, Origin: origin, Source: c.history(), Views: views, Holder: "node-1"}
	if c.Views != "" {
		store, err := projections.OpenStore(ctx, sqlite.New(c.Views), leafViews())
		if err != nil {
			return err
		}
		defer store.Close()
		config.Source, config.Views = store, feeds.ViewsOf(leafViews())
	}
	return feeds.Publish(ctx, config)
}

func (c child) subscribe(ctx context.Context) error {
	file, err := feeds.OpenFile(c.Output, "touches")
	if err != nil {
		return err
	}
	defer file.Close()
	// The engine numbers changes by leaf, of which each makes one here.
	have := file.Last().Change
	if c.Views != "" && have > 0 {
		have = have>>20 + 1
	}
	if have >= total("touches", c.Size) {
		return nil
	}
	nc, err := nats.Connect(c.URL, nats.UserCredentials(c.CredsFile), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	defer nc.Close()
	return feeds.Follow(ctx, feeds.Subscription{
		Conn: nc, Domain: events.FeedsDomain, Reader: readerName, View: "touches", After: file.Last(), Handle: file.Append, Patience: time.Minute,
		Count: int(total("touches", c.Size) - have),
	})
}

// crashWorld is a world whose parts are processes.
type crashWorld struct {
	*world
	child
	parts map[string]*exec.Cmd
	said  *bytes.Buffer
}

func newCrashWorld(t *testing.T, size uint64, rate float64) *crashWorld {
	slowtest.Skip(t, "kills the broker, the publisher and the subscriber")
	w := &crashWorld{world: newWorld(t), parts: map[string]*exec.Cmd{}, said: &bytes.Buffer{}}
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that stays the same
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	w.url = "nats://" + address
	tmp := t.TempDir()
	w.child = child{
		Dir: w.dir, Store: w.store, Listen: address, URL: w.url, CredsFile: filepath.Join(tmp, "reader.creds"),
		Output: filepath.Join(tmp, "touches.jsonl"), Began: time.Now(), Rate: rate, Size: size,
	}
	must(t, os.WriteFile(w.CredsFile, w.creds, 0o600))
	t.Cleanup(func() {
		for role := range w.parts {
			w.kill(role)
		}
		if t.Failed() {
			t.Logf("the processes said:\n%s", w.said)
		}
	})
	return w
}

func (w *crashWorld) run(role string) *exec.Cmd {
	w.t.Helper()
	c := w.child
	c.Role = role
	text, err := json.Marshal(c)
	must(w.t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	said, err := os.OpenFile(filepath.Join(w.t.TempDir(), role), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	must(w.t, err)
	cmd.Stdout, cmd.Stderr = said, said
	must(w.t, cmd.Start())
	w.parts[role] = cmd
	return cmd
}

// kill is kill -9.
func (w *crashWorld) kill(role string) {
	if cmd := w.parts[role]; cmd != nil {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		if f, ok := cmd.Stdout.(*os.File); ok {
			if b, err := os.ReadFile(f.Name()); err == nil && len(b) > 0 {
				fmt.Fprintf(w.said, "--- %s\n%s", role, b)
			}
			f.Close()
		}
		w.parts[role] = nil
	}
}

// wait waits until the subscriber has all.
func (w *crashWorld) wait() {
	w.t.Helper()
	done := make(chan error, 1)
	cmd := w.parts["subscriber"]
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			w.t.Errorf("the subscriber: %v", err)
		}
	case <-time.After(5 * time.Minute):
		w.t.Errorf("the subscriber doesn't come to its end")
		_ = cmd.Process.Kill()
		<-done
	}
}

// finish waits until the subscriber has all, and looks at what it wrote.
func (w *crashWorld) finish() {
	w.t.Helper()
	w.wait()
	text, err := os.ReadFile(w.Output)
	must(w.t, err)
	var got []string
	for _, m := range linesOf(w.t, text) {
		e, err := m.Event()
		must(w.t, err)
		if want := changeOf("touches", m.Change); e.Data.Leaf != want.Leaf || e.Data.Key != want.Key {
			w.t.Fatalf("change %d is %+v", m.Change, e.Data)
		}
		got = append(got, e.ID)
	}
	var want []string
	for n := uint64(1); n <= total("touches", w.Size); n++ {
		want = append(want, "touches/1/"+strconv.FormatUint(n, 10))
	}
	same(w.t, got, want)
}

func linesOf(t testing.TB, text []byte) (messages []*feeds.Message) {
	t.Helper()
	for line := range bytes.Lines(text) {
		m, err := feeds.ParseMessage(bytes.TrimSuffix(line, []byte("\n")))
		must(t, err)
		messages = append(messages, m)
	}
	return messages
}

func (w *crashWorld) lines() int {
	text, _ := os.ReadFile(w.Output)
	return bytes.Count(text, []byte("\n"))
}

// crashRounds is how many random moments are tried: SAKSI_CRASH_ROUNDS, or 4.
func crashRounds() int {
	if n, err := strconv.Atoi(os.Getenv("SAKSI_CRASH_ROUNDS")); err == nil {
		return n
	}
	return 4
}

// Publisher, subscriber and broker are killed at random moments; the subscriber's
// file holds every change once, and so does the stream.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := crashRounds()
	w := newCrashWorld(t, 4000+1500*uint64(rounds), 3000)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	roles := []string{"broker", "publisher", "subscriber"}
	for _, role := range roles {
		w.run(role)
	}
	for range rounds {
		for _, n := range random.Perm(3)[:1+random.IntN(3)] {
			role := roles[n]
			time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond)
			w.kill(role)
			time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
			w.run(role)
		}
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
	}
	at := w.lines()
	if cmd := w.parts["subscriber"]; cmd.ProcessState == nil && w.parts["publisher"].Process.Signal(syscall.Signal(0)) != nil {
		t.Error("the publisher gave up")
	}
	w.finish()
	t.Logf("%d of %d lines were there at the last kill", at, total("touches", w.Size))
	same(t, w.stored(), wanted(w.Size))
}

// The broker loses the end of what it acknowledged, as after a power cut. It is
// published again; the subscriber, who had some of it, has all of it once.
func TestBrokerLosesItsTail(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"index kept", "index gone"} {
		t.Run(index, func(t *testing.T) {
			w := newCrashWorld(t, 6000, 2500)
			for _, role := range []string{"broker", "publisher", "subscriber"} {
				w.run(role)
			}
			for deadline := time.Now().Add(5 * time.Minute); w.lines() < 1500; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("nothing comes")
				}
			}
			w.kill("broker")
			lost := cutTail(t, w.store, index == "index gone")
			w.run("broker")
			w.finish()
			t.Logf("cut %d bytes", lost)
			ids := w.stored()
			seen := map[string]int{}
			for _, id := range ids {
				seen[id]++
			}
			for _, id := range wanted(w.Size) {
				if seen[id] != 1 {
					t.Fatalf("%s is stored %d times", id, seen[id])
				}
			}
			same(t, ids, wanted(w.Size))
		})
	}
}

// cutTail cuts the last third off the last block file of FEEDS.
func cutTail(t *testing.T, store string, index bool) int64 {
	t.Helper()
	var last string
	must(t, filepath.WalkDir(store, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.Contains(path, string(filepath.Separator)+"FEEDS"+string(filepath.Separator)) {
			return err
		}
		if filepath.Ext(path) == ".blk" {
			last = max(last, path)
		}
		if index && d.Name() == "index.db" {
			return os.Remove(path)
		}
		return nil
	}))
	info, err := os.Stat(last)
	must(t, err)
	must(t, os.Truncate(last, info.Size()*2/3))
	return info.Size() - info.Size()*2/3
}

// A consumer that acknowledged what its stream has lost since is set right by the
// broker when it starts; this holds it to that.
func TestBrokerLosesWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(2001)
	w.publishTo(h, nil)
	checkNumbers(t, w.follow("touches", feeds.Mark{}, 2000, nil), 1, 2000)
	w.restart(func() { cutTail(t, w.store, true) })
	before := len(w.stored())
	if before == len(wanted(2001)) {
		t.Fatal("nothing was lost")
	}
	h.grow(2101)
	w.publishTo(h, nil)
	same(t, w.stored(), wanted(2101))
	checkNumbers(t, w.follow("touches", feeds.Mark{Version: 1, Change: 2000}, 100, nil), 2001, 2100)
	js, err := jetstream.NewWithDomain(w.reader(), events.FeedsDomain)
	must(t, err)
	c, err := js.Consumer(testContext(t), "FEEDS", readerName+"_touches")
	must(t, err)
	if info := c.CachedInfo(); info.NumPending > 0 || info.AckFloor.Stream == 0 {
		t.Errorf("consumer: %+v", info)
	}
}

// A stream that can't be opened begins anew, although it is written down how far publishing
// had come: all of it is published again, and a subscriber goes on where it was.
func TestFeedsBeginAnew(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(501)
	w.publishTo(h, nil)
	checkNumbers(t, w.follow("touches", feeds.Mark{}, 500, nil), 1, 500)
	w.restart(func() {
		found, err := filepath.Glob(filepath.Join(w.store, "jetstream", "*", "streams", "FEEDS", "msgs"))
		if err != nil || len(found) != 1 {
			t.Fatalf("the stream's messages are in %v: %v", found, err)
		}
		must(t, os.Rename(found[0], filepath.Join(t.TempDir(), "msgs")))
		must(t, os.WriteFile(found[0], nil, 0o600))
	})
	w.publishTo(h, nil)
	same(t, w.stored(), wanted(501))
	h.grow(601)
	w.publishTo(h, nil)
	same(t, w.stored(), wanted(601))
	checkNumbers(t, w.follow("touches", feeds.Mark{Version: 1, Change: 500}, 100, nil), 501, 600)
}
