package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

// crashWorld is a node that runs as a process of its own, so that it can be
// killed, and an operator with an outbox.
type crashWorld struct {
	t        *testing.T
	binary   string
	home     *home.Authority
	dir      string
	node     *exec.Cmd
	nodeLog  *bytes.Buffer
	outbox   *client.Outbox
	client   *client.Client
	signer   *events.Signer
	recorder events.Recorder
	operator string          // the operator's home
	said     int             // events added so far
	asked    map[string]bool // pseudonyms, of those who were revealed
}

// newCrashWorld makes one. before, if not nil, runs when the home is made, and
// returns flags for up.
func newCrashWorld(t *testing.T, before func(*crashWorld) []string) *crashWorld {
	return newCrashWorldIn(t, filepath.Join(t.TempDir(), "reg"), before)
}

// newCrashWorldIn makes one whose authority's home is dir; the operator is elsewhere.
func newCrashWorldIn(t *testing.T, dir string, before func(*crashWorld) []string) *crashWorld {
	tmp := t.TempDir()
	w := &crashWorld{t: t, binary: program(t), dir: dir}
	ctx := testContext(t, 5*time.Minute)
	var err error
	w.home, err = authority.Init(ctx, w.dir, authority.Plan{Origin: "ledger.example.my/crash", Jurisdiction: "MY", Name: "mcmc"})
	must(t, err)
	t.Cleanup(func() { w.kill() })
	flags := []string{"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"}
	if before != nil {
		flags = before(w)
	}
	w.start(flags...)

	w.operator = filepath.Join(tmp, "op")
	operator, err := home.NewOperator(w.operator, "nimbus-my")
	must(t, err)
	request, err := home.ReadRequest(operator.RequestFile())
	must(t, err)
	registrar, err := authority.OpenRegistrar(ctx, w.home)
	must(t, err)
	grant, _, err := registrar.AddOperator(ctx, request, "CN")
	must(t, err)
	_, err = registrar.AddFacility(ctx, events.FacilityDeclared{Facility: "lab-1", Country: "MY"})
	must(t, err)
	_, err = registrar.AddRecorder(ctx, events.RecorderDeclared{Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion})
	must(t, err)
	must(t, registrar.Close())
	granted := filepath.Join(tmp, "op.grant")
	must(t, home.WriteJSON(granted, grant, 0o644))
	_, err = operator.Join(granted, "")
	must(t, err)

	w.recorder, err = events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	must(t, err)
	w.signer, err = operator.Signer()
	must(t, err)
	seed, err := operator.ConnectionSeed()
	must(t, err)
	log, err := grant.Ledger.Log()
	must(t, err)
	w.outbox, err = client.Open(ctx, operator.OutboxFile(), client.Options{MaxEvents: 2})
	must(t, err)
	t.Cleanup(func() { w.outbox.Close() })
	w.client, err = client.Dial(ctx, client.Config{NATSURL: grant.NATS, JWT: grant.User, Seed: seed, HTTP: grant.HTTP, Log: log, Party: "nimbus-my"})
	must(t, err)
	t.Cleanup(func() { w.client.Close() })
	return w
}

// program is saksi, built with this test, which testscript has put on the path.
func program(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("saksi")
	must(t, err)
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testContext(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// start starts the node and waits until it serves.
func (w *crashWorld) start(flags ...string) {
	w.t.Helper()
	w.nodeLog = &bytes.Buffer{}
	w.node = exec.Command(w.binary, append([]string{"up", "--home", w.dir}, flags...)...)
	w.node.Stdout, w.node.Stderr = w.nodeLog, w.nodeLog
	must(w.t, w.node.Start())
	deadline := time.Now().Add(5 * time.Minute)
	for time.Now().Before(deadline) {
		if a, err := w.home.Addresses(); err == nil {
			if answer, err := http.Get("http://" + a.HTTPListen + "/healthz"); err == nil {
				answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					return
				}
			}
		}
		pause(20 * time.Millisecond)
	}
	w.kill()
	w.t.Fatalf("the node did not come up:\n%s", w.nodeLog)
}

// pause waits between two looks at a condition, or until a moment for a kill.
func pause(d time.Duration) { <-time.After(d) }

// kill is kill -9.
func (w *crashWorld) kill() {
	if w.node != nil {
		w.node.Process.Signal(syscall.SIGKILL)
		w.node.Wait()
		w.node = nil
	}
}

// add puts n more events into the outbox.
func (w *crashWorld) add(n int) {
	w.t.Helper()
	w.addAt(n, func(int) time.Time { return time.Now() })
}

// addAt puts n more events into the outbox, which happened at times.
func (w *crashWorld) addAt(n int, at func(i int) time.Time) {
	w.t.Helper()
	drafts := make([]events.Draft, n)
	for i := range drafts {
		w.said++
		e, err := events.NewEvent(w.recorder, events.TypeSessionClosed, "e-"+strconv.Itoa(w.said), at(i), map[string]any{
			"session": "s-" + strconv.Itoa(w.said), "ended": "normal",
			"actor": map[string]any{"id": "p-1", "kind": "person", "party": "operator", "employerCountry": "??", "officeCountry": "??", "physicalCountry": "??"},
		}, rand.Reader)
		must(w.t, err)
		drafts[i] = events.Draft{Event: e}
	}
	_, err := w.outbox.Add(w.t.Context(), w.recorder, drafts, w.signer)
	must(w.t, err)
}

func (w *crashWorld) flush() client.Result {
	w.t.Helper()
	done, err := w.client.Flush(testContext(w.t, 5*time.Minute), w.outbox, client.FlushOptions{})
	if err != nil {
		w.fail("flush: %v", err)
	}
	return done
}

// fail ends the test, saying what everybody was waiting for.
func (w *crashWorld) fail(format string, args ...any) {
	w.t.Helper()
	var here strings.Builder
	pprof.Lookup("goroutine").WriteTo(&here, 1)
	w.node.Process.Signal(syscall.SIGQUIT)
	w.node.Wait()
	w.node = nil
	w.t.Fatalf("%s\nthe node: %s\nthe client: %s", fmt.Sprintf(format, args...), w.nodeLog, here.String())
}

// check audits the ledger and looks for every event: once, none missing, and
// every receipt still good.
func (w *crashWorld) check() *audit.Report {
	w.t.Helper()
	ctx := testContext(w.t, 5*time.Minute)
	trust, err := w.home.Trust()
	must(w.t, err)
	report, err := audit.Directory(ctx, w.dir, trust, nil)
	must(w.t, err)
	if len(report.Failures) > 0 {
		w.t.Fatalf("the ledger does not hold: %q\n%s", report.Failures, w.nodeLog)
	}
	archive, err := archive.OpenArchive(w.home.LedgerDir(), report.Leaves)
	must(w.t, err)
	defer archive.Close()
	times := map[string]int{}
	entries := make([][]byte, 0, report.Leaves)
	for uint64(len(entries)) < report.Leaves {
		more, err := archive.Entries(ctx, uint64(len(entries)))
		must(w.t, err)
		entries = append(entries, more...)
	}
	for i, raw := range entries {
		leaf, err := formats.ParseLeaf(raw)
		must(w.t, err)
		if leaf.Verdict != formats.Accepted || leaf.Subject != w.recorder.Subject() {
			continue
		}
		body, err := archive.Body(uint64(i))
		must(w.t, err)
		envelope, err := events.ParseEnvelope(body)
		must(w.t, err)
		for _, line := range envelope.Lines {
			e, err := events.ParseEvent(line)
			must(w.t, err)
			times[e.ID]++
		}
	}
	for i := 1; i <= w.said; i++ {
		if n := times["e-"+strconv.Itoa(i)]; n != 1 {
			w.t.Errorf("event %d stands in the ledger %d times", i, n)
		}
	}
	if len(times) != w.said {
		w.t.Errorf("%d events in the ledger, %d were said", len(times), w.said)
	}
	for receipt, err := range w.outbox.Receipts(ctx) {
		must(w.t, err)
		if got := entries[receipt.Proof.Index]; !bytes.Equal(got, receipt.Proof.Leaf) {
			w.t.Errorf("leaf %d is %s, and there is a receipt for %s", receipt.Proof.Index, got, receipt.Proof.Leaf)
		}
	}
	return report
}

// compareViews makes the views again from leaf 0, and holds those of the running node to
// them.
func (w *crashWorld) compareViews() {
	w.t.Helper()
	if out, err := exec.CommandContext(testContext(w.t, 5*time.Minute), w.binary, "rebuild", "--home", w.dir, "--compare").CombinedOutput(); err != nil {
		w.t.Errorf("views made again differ: %v\n%s", err, out)
	}
}

// crashRounds is how many random moments are tried: SAKSI_CRASH_ROUNDS, or 8.
func crashRounds() int {
	if n, err := strconv.Atoi(os.Getenv("SAKSI_CRASH_ROUNDS")); err == nil {
		return n
	}
	return 8
}

func TestKilledAtAnyMoment(t *testing.T) {
	slowtest.Skip(t, "kills the node in a loop")
	w := newCrashWorld(t, nil)
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for round := range crashRounds() {
		w.add(1200)
		flushed := make(chan error, 1)
		go func() {
			_, err := w.client.Flush(testContext(t, 5*time.Minute), w.outbox, client.FlushOptions{})
			flushed <- err
		}()
		after := time.Duration(random.IntN(400)) * time.Millisecond
		pause(after)
		w.kill()
		w.start()
		if err := <-flushed; err != nil {
			t.Fatalf("round %d, killed after %v: %v\n%s", round, after, err, w.nodeLog)
		}
		w.check()
		w.compareViews()
	}
	report := w.check()
	t.Logf("%d leaves, %d duplicates, %d epochs", report.Leaves, report.Duplicates, report.Epochs)
}

func TestLostTail(t *testing.T) {
	for _, index := range []string{"index kept", "index gone"} {
		t.Run(index, func(t *testing.T) {
			w := newCrashWorld(t, nil)
			w.add(400)
			w.flush()
			w.kill()
			cutTail(t, w.home.StreamDir(), index == "index gone")
			w.start()
			w.add(100)
			w.flush()
			if report := w.check(); report.Epochs != 2 {
				t.Errorf("%d epochs: the lost tail should have opened a second\n%s", report.Epochs, w.nodeLog)
			}
			w.kill()
			w.start()
			w.add(2)
			w.flush()
			if report := w.check(); report.Epochs != 2 {
				t.Errorf("%d epochs after another start: want 2 still", report.Epochs)
			}
		})
	}
}

// cutTail cuts the last third off the last block file of EVENTS.
func cutTail(t *testing.T, streamDir string, index bool) {
	t.Helper()
	var last string
	must(t, filepath.WalkDir(streamDir, func(path string, d os.DirEntry, err error) error {
		if !strings.Contains(path, "/EVENTS/") {
			return err
		}
		if filepath.Ext(path) == ".blk" {
			last = max(last, path)
		}
		if index && d != nil && d.Name() == "index.db" {
			return os.Remove(path)
		}
		return err
	}))
	info, err := os.Stat(last)
	must(t, err)
	must(t, os.Truncate(last, info.Size()*2/3))
}

func TestStreamDeleted(t *testing.T) {
	w := newCrashWorld(t, nil)
	w.add(200)
	w.flush()
	w.kill()
	removed := 0
	must(t, filepath.WalkDir(w.home.StreamDir(), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "EVENTS" {
			removed++
			must(t, os.RemoveAll(path))
			return filepath.SkipDir
		}
		return err
	}))
	if removed != 1 {
		t.Fatalf("%d directories of the stream: want 1", removed)
	}
	w.start()
	w.add(100)
	w.flush()
	if report := w.check(); report.Epochs != 2 {
		t.Errorf("%d epochs: the deleted stream should have opened a second\n%s", report.Epochs, w.nodeLog)
	}
}

func TestStateDatabaseIsMadeAnew(t *testing.T) {
	w := newCrashWorld(t, nil)
	w.add(200)
	w.flush()
	w.kill()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(w.home.LedgerDir(), "state.db"+suffix))
	}
	w.start()
	w.add(100)
	w.flush()
	w.check()
}

// TestDamagedTileIsFound: proofs are read from tiles, so an audit looks at them
// too.
func TestDamagedTileIsFound(t *testing.T) {
	w := newCrashWorld(t, nil)
	w.add(20)
	w.flush()
	w.kill()
	w.check()
	tiles, err := filepath.Glob(filepath.Join(w.home.LedgerDir(), "tree", "tile", "0", "000.p", "*"))
	must(t, err)
	for _, tile := range tiles {
		hashes, err := os.ReadFile(tile)
		must(t, err)
		hashes[len(hashes)-1] ^= 1
		must(t, os.WriteFile(tile, hashes, 0o600))
	}
	trust, err := w.home.Trust()
	must(t, err)
	report, err := audit.Directory(testContext(t, 5*time.Minute), w.dir, trust, nil)
	must(t, err)
	if len(report.Failures) == 0 {
		t.Fatalf("%d damaged tiles went unnoticed", len(tiles))
	}
}
