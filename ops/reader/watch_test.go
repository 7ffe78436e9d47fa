package reader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/reader"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

// The test binary is also the watcher that TestWatcherKilled kills:
// SAKSI_WATCH_CHILD names its home, SAKSI_WATCH_OUTPUT its file.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SAKSI_WATCH_CHILD"); dir != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		h, err := home.OpenReader(dir)
		if err == nil {
			err = reader.Watch(ctx, h, reader.WatchOptions{View: "touches", Output: os.Getenv("SAKSI_WATCH_OUTPUT")})
		}
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// watch watches touches, and returns the numbers of the changes it printed.
func watch(t *testing.T, h *home.Reader, o reader.WatchOptions) (numbers []uint64) {
	t.Helper()
	o.View = "touches"
	o.Print = func(messages []feeds.Message) error {
		for _, m := range messages {
			numbers = append(numbers, m.Change)
		}
		return nil
	}
	must(t, reader.Watch(testContext(t), h, o))
	return numbers
}

func TestWatchGoesOnWhereItStopped(t *testing.T) {
	w := newWorld(t)
	h := w.join("desk", home.ReadingMandate{Role: home.Supervisor})
	w.grow(100)
	isRun(t, watch(t, h, reader.WatchOptions{Count: 40}), 1, 40)
	isRun(t, watch(t, h, reader.WatchOptions{Count: 60}), 41, 100)

	// A file has a place of its own.
	path := filepath.Join(t.TempDir(), "touches.jsonl")
	file := func() []uint64 {
		text, err := os.ReadFile(path)
		must(t, err)
		return changes(t, string(text))
	}
	watch(t, h, reader.WatchOptions{Output: path, Count: 30})
	isRun(t, file(), 1, 30)
	w.grow(20)
	isRun(t, watch(t, h, reader.WatchOptions{Count: 20}), 101, 120)
	watch(t, h, reader.WatchOptions{Output: path, Count: 90})
	isRun(t, file(), 1, 120)
	if more := watch(t, h, reader.WatchOptions{Idle: 300 * time.Millisecond}); len(more) > 0 {
		t.Errorf("printed again: %v", more)
	}
}

func TestWatchWithinAMandate(t *testing.T) {
	w := newWorld(t)
	h := w.join("desk", home.ReadingMandate{Role: home.Analyst, Facilities: []string{"lab-1"}})
	w.grow(20)
	if got, want := watch(t, h, reader.WatchOptions{Count: 5}), []uint64{2, 4, 6, 8, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The mandate grows, for what is to come: what it left out before stays out.
	w.grant(h, home.ReadingMandate{Role: home.Analyst})
	var got []uint64
	for len(got) == 0 || got[len(got)-1] < 20 {
		got = append(got, watch(t, h, reader.WatchOptions{Idle: 300 * time.Millisecond})...)
	}
	if len(got) < 9 || got[0] < 11 || !slices.Contains(got, 13) || got[len(got)-1] != 20 {
		t.Errorf("with a wider mandate: %v", got)
	}
}

func TestSuspendedAndReadmitted(t *testing.T) {
	w := newWorld(t)
	ctx := testContext(t)
	h := w.join("desk", home.ReadingMandate{Role: home.Supervisor})
	w.grow(10)
	isRun(t, watch(t, h, reader.WatchOptions{Count: 10}), 1, 10)
	must(t, w.readership.Suspend(ctx, "desk"))
	err := reader.Watch(ctx, h, reader.WatchOptions{View: "touches", Print: func([]feeds.Message) error { return nil }})
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("suspended: %v", err)
	}
	if e, ok, err := w.home.Readers().ByName("desk"); err != nil || !ok || !e.Suspended {
		t.Errorf("in the register: %+v, %v", e, err)
	}
	request, err := home.ReadRequest(h.RequestFile())
	must(t, err)
	if _, err := w.readership.Add(ctx, request, home.ReadingMandate{Role: home.Supervisor}); err == nil || !strings.Contains(err.Error(), "suspended") {
		t.Errorf("added while suspended: %v", err)
	}
	w.grow(10)
	must(t, w.readership.Readmit(ctx, "desk"))
	isRun(t, watch(t, h, reader.WatchOptions{Count: 10}), 11, 20)
}

func TestRequestsOfTheWrongRole(t *testing.T) {
	w := newWorld(t)
	o, err := home.NewOperator(filepath.Join(t.TempDir(), "op"), "nimbus-my")
	must(t, err)
	request, err := home.ReadRequest(o.RequestFile())
	must(t, err)
	if _, err := w.readership.Add(testContext(t), request, home.ReadingMandate{Role: home.Supervisor}); err == nil {
		t.Error("an operator was added as a reader")
	}
	// A request for one role isn't good for the other.
	request.Role = home.RoleReader
	path := filepath.Join(t.TempDir(), "request.json")
	must(t, home.WriteJSON(path, request, 0o644))
	if _, err := home.ReadRequest(path); err == nil {
		t.Error("a request whose role was changed is read")
	}
}

func TestWatchRefuses(t *testing.T) {
	w := newWorld(t)
	h := w.join("desk", home.ReadingMandate{Role: home.Supervisor})
	if err := reader.Watch(testContext(t), h, reader.WatchOptions{View: "secrets"}); err == nil || !strings.Contains(err.Error(), "secrets") {
		t.Errorf("a view that isn't there: %v", err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	w.grow(1)
	first, printed := make(chan error, 1), make(chan struct{}, 10)
	go func() {
		first <- reader.Watch(ctx, h, reader.WatchOptions{View: "touches", Print: func([]feeds.Message) error { printed <- struct{}{}; return nil }})
	}()
	<-printed
	if err := reader.Watch(ctx, h, reader.WatchOptions{View: "touches"}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two at once: %v", err)
	}
	cancel()
	must(t, <-first)
}

// The watcher is killed at random moments, also within a line: its file has every
// change once.
func TestWatcherKilled(t *testing.T) {
	slowtest.Skip(t, "kills a watcher in a loop")
	w := newWorld(t)
	h := w.join("desk", home.ReadingMandate{Role: home.Supervisor})
	dir := filepath.Dir(h.RequestFile())
	path := filepath.Join(t.TempDir(), "touches.jsonl")
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SAKSI_WATCH_CHILD="+dir, "SAKSI_WATCH_OUTPUT="+path)
		cmd.Stderr = os.Stderr
		must(t, cmd.Start())
		return cmd
	}
	cut := 0
	for range 8 {
		w.grow(700)
		cmd := start()
		time.Sleep(50*time.Millisecond + time.Duration(rand.IntN(400))*time.Millisecond)
		must(t, cmd.Process.Signal(syscall.SIGKILL))
		_ = cmd.Wait()
		// As if the kill had fallen into a write.
		if info, err := os.Stat(path); err == nil && info.Size() > 100 && rand.IntN(2) == 0 {
			must(t, os.Truncate(path, info.Size()-1-rand.Int64N(99)))
			cut++
		}
	}
	var text []byte
	for bytes.Count(text, []byte("\n")) < 5600 {
		watch(t, h, reader.WatchOptions{Output: path, Idle: 2 * time.Second})
		var err error
		text, err = os.ReadFile(path)
		must(t, err)
	}
	isRun(t, changes(t, string(text)), 1, 5600)
	t.Logf("cut within a line %d times", cut)
}

// A program with a NATS client, the credentials file and nothing of Saksi.
func TestPlainClient(t *testing.T) {
	w := newWorld(t)
	h := w.join("supervision-desk", home.ReadingMandate{Role: home.Supervisor})
	w.grow(25)
	ctx := testContext(t)

	nc, err := nats.Connect(w.url, nats.UserCredentials(h.CredsFile()))
	must(t, err)
	defer nc.Close()
	js, err := jetstream.NewWithDomain(nc, "feeds")
	must(t, err)
	consumer, err := js.Consumer(ctx, "FEEDS", "supervision-desk_touches")
	must(t, err)
	messages, err := consumer.Messages()
	must(t, err)
	defer messages.Stop()
	for want := 1; want <= 25; want++ {
		m, err := messages.Next()
		must(t, err)
		if got := m.Headers().Get("Saksi-Change"); got != fmt.Sprint(want) {
			t.Fatalf("change %s came, want %d", got, want)
		}
		must(t, m.Ack())
	}

	live, err := nc.SubscribeSync("feeds.touches.lab-1.*")
	must(t, err)
	must(t, nc.Flush())
	w.grow(2)
	m, err := live.NextMsg(5 * time.Minute)
	must(t, err)
	if m.Subject != "feeds.touches.lab-1.nimbus-my" {
		t.Errorf("live on %s", m.Subject)
	}
}

// The stock command line of NATS, with a reader's credentials. SAKSI_NATSCLI names
// the program; without it the test is skipped, but not where CI is set.
func TestNATSCommandLine(t *testing.T) {
	program := os.Getenv("SAKSI_NATSCLI")
	if program == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("SAKSI_NATSCLI doesn't name the nats program: go install github.com/nats-io/natscli/nats@v0.5.1")
		}
		t.Skip("SAKSI_NATSCLI doesn't name the nats program")
	}
	w := newWorld(t)
	h := w.join("supervision-desk", home.ReadingMandate{Role: home.Supervisor})
	w.join("other-desk", home.ReadingMandate{Role: home.Supervisor})
	w.grow(25)
	run := func(timeout string, args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append([]string{"--no-context", "--server", w.url, "--creds", h.CredsFile(), "--js-domain", "feeds", "--timeout", timeout}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	var numbers []uint64
	for _, count := range []string{"10", "15"} {
		out, err := run("20s", "consumer", "next", "FEEDS", "supervision-desk_touches", "--count", count, "--raw")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for line := range strings.Lines(out) {
			if line = strings.TrimSpace(line); line != "" {
				m, err := feeds.ParseMessage([]byte(line))
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				numbers = append(numbers, m.Change)
			}
		}
	}
	isRun(t, numbers, 1, 25)
	if out, err := run("20s", "consumer", "info", "FEEDS", "supervision-desk_touches"); err != nil || !strings.Contains(out, "feeds.touches.*.*") {
		t.Errorf("info: %v\n%s", err, out)
	}
	for _, args := range [][]string{
		{"consumer", "next", "FEEDS", "other-desk_touches", "--raw"},
		{"consumer", "info", "FEEDS", "other-desk_touches"},
		{"consumer", "add", "FEEDS", "mine", "--defaults", "--pull"},
		{"consumer", "add", "FEEDS", "mine", "--defaults", "--target", "feeds.touches.lab-1.x"},
		{"consumer", "rm", "FEEDS", "supervision-desk_touches", "--force"},
		{"stream", "info", "FEEDS"}, {"stream", "info", "EVENTS"}, {"stream", "get", "FEEDS", "1"}, {"stream", "purge", "FEEDS", "--force"},
		{"stream", "ls"},
		{"pub", "--jetstream", "feeds.touches.lab-1.x", "forged"}, {"pub", "--jetstream", "events.nimbus-my.lab-1.x", "forged"},
		{"account", "info"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			if out, err := run("1s", args...); err == nil && !refused(out) {
				t.Errorf("it went through:\n%s", out)
			}
		})
	}
}

// refused tells whether a command that ended well says that it got nothing.
func refused(out string) bool {
	out = strings.ToLower(out)
	return strings.Contains(out, "permissions violation") || strings.Contains(out, "no streams defined") || strings.Contains(out, "not available")
}
