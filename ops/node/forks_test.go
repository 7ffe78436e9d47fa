package node_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/monitor"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// observers are those who have seen a ledger honest, and are now shown something else.
type observers struct {
	*world
	trust   *verify.Trust
	log     *formats.Log
	honest  *readertest.Forger
	seen    uint64 // leaves that all of them have seen
	bodies  http.Handler
	party   *party
	config  client.Config
	monitor string // directories, and an outbox's file
	copy    string
	witness string
	outbox  string
	cosign  *torchwood.CosignatureSigner
}

// everybody may read bodies.
type everybody struct{}

func (everybody) Authenticate(*http.Request) (token.Grantee, error) {
	return token.Grantee{Name: "auditor", Role: token.Auditor}, nil
}

// newObservers runs a ledger with an operator, and shows it to everybody.
func newObservers(t *testing.T) *observers {
	w := newWorld(t)
	o := &observers{world: w, party: w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion})}
	trust, err := w.home.Trust()
	w.must(err)
	o.trust, o.log = trust, w.log()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	w.must(err)
	seed, err := o.party.home.ConnectionSeed()
	w.must(err)
	grant, err := o.party.home.Grant()
	w.must(err)
	o.config = client.Config{NATSURL: w.addresses.NATS, JWT: grant.User, Seed: seed, HTTP: grant.HTTP, Log: o.log, Party: "nimbus-my"}
	o.outbox = filepath.Join(t.TempDir(), "outbox.db")
	add := func(box *client.Outbox, n int) {
		for range n {
			_, err := box.Add(w.ctx, recorder, []events.Draft{{Event: newEvent(w, recorder)}}, o.party.signer)
			w.must(err)
		}
	}
	box, err := client.Open(w.ctx, o.outbox, client.Options{MaxEvents: 1})
	w.must(err)
	add(box, 8)
	c, err := client.Dial(w.ctx, o.config)
	w.must(err)
	result, err := c.Flush(w.ctx, box, client.FlushOptions{})
	w.must(err)
	if result.Envelopes != 8 {
		t.Fatalf("%+v", result)
	}
	o.seen = box.Checkpoint().Size
	c.Close()
	add(box, 1) // what it sends when it next looks
	w.must(box.Close())

	d, err := archive.OpenDirectory(w.home.LedgerDir(), o.log)
	w.must(err)
	t.Cleanup(func() { d.Close() })
	o.bodies = ledgerhttp.Bodies(d, everybody{})
	key, err := w.home.LogKey()
	w.must(err)
	o.honest = readertest.NewForger(t, key, readertest.Leaves(t, w.home.LedgerDir(), o.log, o.seen))
	o.monitor, o.copy, o.witness = filepath.Join(t.TempDir(), "monitor"), filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "witness")
	url := o.serve(o.honest)
	if got := o.asMonitor(o.monitor, url); got != "nothing" {
		t.Fatalf("the monitor, at first: %s", got)
	}
	if got := o.asAuditor(o.copy, url); got != "nothing" {
		t.Fatalf("the auditor, at first: %s", got)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	o.cosign, err = torchwood.NewCosignatureSigner("witness.example/w", private)
	w.must(err)
	w.must(os.MkdirAll(o.witness, 0o700))
	w.must(witness.Add(o.witness, witness.Origin{Origin: o.log.Origin(), Key: o.log.Key()}))
	if got := o.asWitness(o.witness, 0, o.honest, o.seen); got != "nothing" {
		t.Fatalf("the witness, at first: %s", got)
	}
	return o
}

// serve serves a log's tiles, with the bodies that the real one has.
func (o *observers) serve(f *readertest.Forger) string {
	mux := http.NewServeMux()
	mux.Handle("/", f)
	mux.Handle("/bodies", o.bodies)
	server := httptest.NewServer(mux)
	o.Cleanup(server.Close)
	o.Cleanup(server.CloseClientConnections)
	return server.URL
}

// again returns a copy of what an observer has kept.
func (o *observers) again(dir string) string {
	to := filepath.Join(o.TempDir(), "again")
	o.must(os.CopyFS(to, os.DirFS(dir)))
	return to
}

func (o *observers) asMonitor(dir string, urls ...string) string {
	said := "nothing"
	m, err := monitor.Open(monitor.Config{Dir: dir, Trust: o.trust, URLs: urls, Timeout: 20 * time.Second, Report: func(s monitor.Sighting) {
		switch {
		case s.Proof != "":
			proof, err := os.ReadFile(s.Proof)
			o.must(err)
			_, err = verify.VerifyFork(proof, o.trust)
			o.must(err)
			said = "proof"
		case s.Level != monitor.Info && said == "nothing":
			said = "trouble: " + strings.ReplaceAll(string(s.Kind), "_", " ")
		}
	}})
	o.must(err)
	defer m.Close()
	_, err = m.Look(o.ctx)
	o.must(err)
	return said
}

func (o *observers) asWitness(dir string, old uint64, f *readertest.Forger, size uint64) string {
	w, err := witness.Open(dir, o.cosign, slog.New(slog.DiscardHandler))
	o.must(err)
	defer w.Close()
	if size < old {
		return "is not asked"
	}
	r := witness.Request{Old: old, Checkpoint: f.Sign(size)}
	if old > 0 && old < size {
		r.Proof = f.Prove(old, size)
	}
	if _, err = w.AddCheckpoint(r.Marshal()); err == nil {
		return "nothing"
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*", "evidence", "*.request"))
	o.must(err)
	if len(kept) == 0 {
		return "refuses"
	}
	return "refuses, and keeps both"
}

func (o *observers) asOutbox(url string) string {
	file := filepath.Join(o.TempDir(), "outbox.db")
	b, err := os.ReadFile(o.outbox)
	o.must(err)
	o.must(os.WriteFile(file, b, 0o600))
	box, err := client.Open(o.ctx, file, client.Options{MaxEvents: 1})
	o.must(err)
	defer box.Close()
	config := o.config
	config.HTTP, config.Poll = url, 100*time.Millisecond
	c, err := client.Dial(o.ctx, config)
	o.must(err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(o.ctx, 6*time.Second)
	defer cancel()
	_, err = c.Flush(ctx, box, client.FlushOptions{})
	var fork *client.ForkError
	evidence, err2 := box.Evidence(o.ctx)
	o.must(err2)
	switch {
	case errors.As(err, &fork) && len(evidence) == 1:
		return "refuses, and keeps both"
	case err == nil:
		return "nothing"
	case strings.Contains(err.Error(), "is not its"):
		return "refuses its receipt"
	case errors.Is(err, context.DeadlineExceeded):
		return "gets no receipt"
	}
	o.Errorf("the outbox: %v", err)
	return err.Error()
}

// asAuditor brings a copy up to date, or makes one, and audits it.
func (o *observers) asAuditor(dir, url string) string {
	reader, err := ledgerhttp.NewReader(url, o.log, ledgerhttp.ReaderOptions{
		Token: func(context.Context) (string, error) { return "token", nil }, Timeout: 20 * time.Second,
	})
	o.must(err)
	c, err := mirror.Create(dir, o.log, "auditor")
	o.must(err)
	defer c.Close()
	_, err = c.Fetch(o.ctx, reader, mirror.Options{As: "auditor", Recheck: true})
	var fork *mirror.ForkError
	switch {
	case errors.As(err, &fork):
		return "proof"
	case errors.Is(err, mirror.ErrOlder):
		return "trouble: older"
	case err != nil:
		return "bodies do not fit"
	}
	report, err := audit.Directory(o.ctx, dir, o.trust, nil)
	o.must(err)
	if len(report.Failures) > 0 {
		return "does not hold"
	}
	return "nothing"
}

// TestForks forks a ledger in every way, and holds who notices to the table in
// docs/monitor.md.
func TestForks(t *testing.T) {
	slowtest.Skip(t, "waits for receipts that don't come")
	o := newObservers(t)
	n := o.seen
	type row struct {
		name string
		f    *readertest.Forger
		show uint64
	}
	rows := []row{
		{"an old leaf is another, as many leaves", o.honest.Fork(4, n), n},
		{"an old leaf is another, more leaves", o.honest.Fork(4, n+5), n + 5},
		{"the genesis is another", o.honest.Fork(0, n+1), n + 1},
		{"the last leaf is another", o.honest.Fork(n-1, n), n},
		{"the tail is replaced by a longer one", o.honest.Fork(n-3, n+6), n + 6},
		{"the tail is replaced by a shorter one", o.honest.Fork(n-3, n-1), n - 1},
		{"an old copy, gone on", o.honest.Fork(n-3, n-2), n - 2},
		{"two tails: this one is shown the second", o.honest.Fork(n, n+4), n + 4},
		{"an older view", o.honest.Fork(n, n), n - 2},
		{"a view that never changes", o.honest.Fork(n, n), n},
	}
	var table []string
	for _, r := range rows {
		r.f.Show(r.show)
		url := o.serve(r.f)
		table = append(table, fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", r.name,
			o.asMonitor(o.again(o.monitor), url), o.asWitness(o.again(o.witness), n, r.f, r.show), o.asOutbox(url),
			o.asAuditor(o.again(o.copy), url), o.asAuditor(filepath.Join(t.TempDir(), "first"), url)))
	}
	// Two tails, of which each reader sees one, and somebody both.
	first, second := o.honest.Fork(n, n+3), o.honest.Fork(n, n+4)
	first.Leaves[n] = o.honest.Fork(n+1, n+1).Leaves[n] // where the second's leaves begin to be others
	w := o.again(o.witness)
	if got := o.asWitness(w, n, first, n+3); got != "nothing" {
		t.Errorf("the first tail's witness: %s", got)
	}
	table = append(table, fmt.Sprintf("| two tails: this one is shown both | %s | %s | %s | %s | %s |",
		o.asMonitor(o.again(o.monitor), o.serve(first), o.serve(second)), o.asWitness(w, n+3, second, n+4), "—", "—", "—"))

	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "monitor.md"))
	o.must(err)
	for _, line := range table {
		if !strings.Contains(string(docs), line+"\n") {
			t.Errorf("docs/monitor.md does not say\n%s", line)
		}
	}
}
