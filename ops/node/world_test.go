package node_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/limiter"
	"github.com/saksi-ledger/saksi/ops/node"
	"github.com/saksi-ledger/saksi/schemas"
)

// testTime bounds each test: a node that hangs fails it.
const testTime = 5 * time.Minute

// world is a node that runs, and the authority beside it.
type world struct {
	*testing.T
	ctx       context.Context
	dir       string
	home      *home.Authority
	addresses home.Addresses
	registrar *authority.Registrar
	settings  settings
	stop      func()
}

// settings are what a world's node has that is not as usual.
type settings struct {
	limits limiter.Limits
	free   func(string) (int64, error)
	log    *slog.Logger
}

// newWorld makes an authority and starts its node on free ports. Both are gone
// when the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, settings{})
}

func newWorldWith(t *testing.T, s settings) *world {
	t.Helper()
	t.Parallel() // it mostly waits
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, settings: s, dir: filepath.Join(t.TempDir(), "authority")}
	var err error
	w.home, err = authority.Init(ctx, w.dir, authority.Plan{Origin: "ledger.example.my/saksi/test", Jurisdiction: "MY", Name: "mcmc"})
	w.must(err)
	w.start()
	t.Cleanup(func() { w.stop() })
	w.registrar, err = authority.OpenRegistrar(ctx, w.home)
	w.must(err)
	t.Cleanup(func() { w.registrar.Close() })
	return w
}

// start runs the node until w.stop, which fails the test if the node did not end
// in order. It has the addresses that it had before, if it ran before.
func (w *world) start() {
	w.Helper()
	running, cancel := context.WithCancel(w.ctx)
	ready, done := make(chan home.Addresses, 1), make(chan error, 1)
	listen, http := "127.0.0.1:0", "127.0.0.1:0"
	if w.addresses.NATSListen != "" { // who is connected finds it again
		listen, http = w.addresses.NATSListen, w.addresses.HTTPListen
	}
	go func() {
		done <- node.Run(running, node.Config{
			Home: w.home, NATSListen: listen, HTTPListen: http, Log: w.settings.log,
			Limits: w.settings.limits, Free: w.settings.free,
			Ready: func(a home.Addresses, _ *writer.Ledger) { ready <- a },
		})
	}()
	select {
	case w.addresses = <-ready:
	case err := <-done:
		cancel()
		w.Fatalf("the node ended before it was ready: %v", err)
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("the node ended with: %v", err)
		}
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// until polls for something that must come, bounded by the test's time.
func (w *world) until(what string, there func() bool) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-w.ctx.Done():
			w.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// party is an operator, with a plain connection of its own.
type party struct {
	home   *home.Operator
	signer *events.Signer
	nc     *nats.Conn
	denied chan error // what the broker refused

	mu       sync.Mutex
	rejected map[uint64]events.RejectedPlace // by leaf: what it was told
}

// enrol makes an operator with a facility and a recorder for it, and connects it.
func (w *world) enrol(name, facility string, recorders ...events.RecorderDeclared) *party {
	w.Helper()
	dir := filepath.Join(w.TempDir(), name)
	h, err := home.NewOperator(dir, name)
	w.must(err)
	request, err := home.ReadRequest(h.RequestFile())
	w.must(err)
	grant, _, err := w.registrar.AddOperator(w.ctx, request, "MY")
	w.must(err)
	grantFile := filepath.Join(w.TempDir(), name+".grant.json")
	w.must(home.WriteJSON(grantFile, grant, 0o600))
	_, err = h.Join(grantFile, "")
	w.must(err)
	_, err = w.registrar.AddFacility(w.ctx, events.FacilityDeclared{Facility: facility, Country: "MY", Occupants: []string{name}})
	w.must(err)
	for _, r := range recorders {
		_, err = w.registrar.AddRecorder(w.ctx, r)
		w.must(err)
	}
	p := &party{home: h, rejected: map[uint64]events.RejectedPlace{}, denied: make(chan error, 16)}
	p.signer, err = h.Signer()
	w.must(err)
	seed, err := h.ConnectionSeed()
	w.must(err)
	w.connect(p, name, grant.User, seed)
	return p
}

// enrolAuthority gives an authority a seat, for one facility, and connects it.
func (w *world) enrolAuthority(name, facility string) *party {
	w.Helper()
	p, _ := w.enrolSeat(name, events.Mandate{Facilities: []string{facility}, Families: []string{"*"}})
	return p
}

// enrolSeat gives an authority a seat, and connects it.
func (w *world) enrolSeat(name string, mandate events.Mandate) (*party, *home.MemberAuthority) {
	w.Helper()
	h, err := home.NewMemberAuthority(filepath.Join(w.TempDir(), name), name, home.KeySpec{})
	w.must(err)
	request, err := home.ReadRequest(h.RequestFile())
	w.must(err)
	grant := w.grantSeat(h, request, mandate)
	p := &party{rejected: map[uint64]events.RejectedPlace{}, denied: make(chan error, 16)}
	p.signer, err = h.Signer()
	w.must(err)
	seed, err := h.ConnectionSeed()
	w.must(err)
	w.connect(p, "registry."+name, grant.User, seed)
	return p, h
}

// grantSeat gives an authority its mandate, or another, and has it join.
func (w *world) grantSeat(h *home.MemberAuthority, request *home.Request, mandate events.Mandate) *home.Grant {
	w.Helper()
	grant, _, err := w.registrar.AddAuthority(w.ctx, request, "", mandate)
	w.must(err)
	file := filepath.Join(w.TempDir(), "grant.json")
	w.must(home.WriteJSON(file, grant, 0o600))
	_, err = h.Join(file, "")
	w.must(err)
	return grant
}

// enrolAtBroker lets somebody connect of whom the registry knows nothing.
func (w *world) enrolAtBroker(name string) *party {
	w.Helper()
	user, err := nkeys.CreateUser()
	w.must(err)
	public, err := user.PublicKey()
	w.must(err)
	seed, err := user.Seed()
	w.must(err)
	b, err := broker.Open(w.home.BrokerDir())
	w.must(err)
	admission, err := b.Admit(name, public, broker.Limits{})
	w.must(err)
	w.must(b.Push(w.ctx, w.addresses.LocalNATS, name))
	p := &party{rejected: map[uint64]events.RejectedPlace{}, denied: make(chan error, 16), signer: newSigner(w)}
	w.connect(p, name, admission.UserJWT, seed)
	return p
}

func (w *world) connect(p *party, name, jwt string, seed []byte) {
	w.Helper()
	var err error
	p.nc, err = nats.Connect(w.addresses.NATS, nats.UserJWTAndSeed(jwt, string(seed)), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond), nats.IgnoreAuthErrorAbort(), nats.SkipSubjectValidation(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case p.denied <- err:
			default:
			}
		}))
	w.must(err)
	w.Cleanup(p.nc.Close)
	_, err = p.nc.Subscribe(events.SubjectRejections(name), func(m *nats.Msg) {
		var place events.RejectedPlace
		if err := json.Unmarshal(m.Data, &place); err != nil {
			w.Errorf("told of a rejection in what is not JSON: %s", m.Data)
			return
		}
		p.mu.Lock()
		p.rejected[place.Leaf] = place
		p.mu.Unlock()
	})
	w.must(err)
	w.must(p.nc.FlushWithContext(w.ctx))
}

func (p *party) toldOf(leaf uint64) (events.RejectedPlace, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place, ok := p.rejected[leaf]
	return place, ok
}

// publish sends bytes as they are, and returns the stream's sequence number.
func (w *world) publish(p *party, subject string, body []byte) uint64 {
	w.Helper()
	m, err := p.nc.RequestWithContext(w.ctx, subject, body)
	if err != nil {
		w.Fatalf("publish on %q: %v", subject, err)
	}
	var ack struct {
		Seq   uint64
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil || ack.Error != nil || ack.Seq == 0 {
		w.Fatalf("publish on %q: the stream answered %s", subject, m.Data)
	}
	return ack.Seq
}

// entry is a leaf and where it stands.
type entry struct {
	*formats.Leaf
	index uint64
}

// log returns the ledger as its own trust file names it.
func (w *world) log() *formats.Log {
	w.Helper()
	trust, err := w.home.Trust()
	w.must(err)
	log, err := trust.Ledgers[0].Log()
	w.must(err)
	return log
}

// leaves reads what is under the published checkpoint, by sequence number in the
// stream.
func (w *world) leaves() map[uint64]entry {
	w.Helper()
	note, err := archive.ReadCheckpoint(w.home.LedgerDir())
	w.must(err)
	checkpoint, err := w.log().OpenCheckpoint(note)
	w.must(err)
	archive, err := archive.OpenArchive(w.home.LedgerDir(), checkpoint.Size)
	w.must(err)
	defer archive.Close()
	all := map[uint64]entry{}
	for next := uint64(0); next < checkpoint.Size; {
		raw, err := archive.Entries(w.ctx, next)
		w.must(err)
		for _, b := range raw {
			leaf, err := formats.ParseLeaf(b)
			w.must(err)
			all[leaf.Seq] = entry{leaf, next}
			next++
		}
	}
	return all
}

// leafOf waits for the leaf of a message of the stream.
func (w *world) leafOf(seq uint64) (found entry) {
	w.Helper()
	w.until(fmt.Sprintf("the leaf of message %d", seq), func() (ok bool) {
		found, ok = w.leaves()[seq]
		return ok
	})
	return found
}

func (w *world) audit() *audit.Report {
	w.Helper()
	trust, err := w.home.Trust()
	w.must(err)
	report, err := audit.Directory(w.ctx, w.dir, trust, nil)
	w.must(err)
	for _, failure := range report.Failures {
		w.Errorf("audit: %s", failure)
	}
	return report
}

// chain numbers a recorder's envelopes.
type chain struct {
	recorder events.Recorder
	next     uint64
	previous events.Digest
}

func newChain(w *world, name string) *chain {
	w.Helper()
	r, err := events.ParseRecorder(name)
	w.must(err)
	return &chain{recorder: r, next: 1}
}

// seal makes the next envelope of a chain, of n events.
func (c *chain) seal(w *world, n int, signers ...*events.Signer) *events.Envelope {
	w.Helper()
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = eventLine(w, c.recorder)
	}
	e, err := events.Seal(&events.Manifest{Recorder: c.recorder, Incarnation: 1, First: c.next, Previous: c.previous}, lines, signers...)
	w.must(err)
	c.next, c.previous = e.Manifest.Last()+1, e.ManifestDigest()
	return e
}

// newEvent returns an event that its schema accepts.
func newEvent(w *world, recorder events.Recorder) *events.Event {
	w.Helper()
	for _, example := range schemas.Examples() {
		if example.Type != events.TypeAccessPerformed || !example.Valid {
			continue
		}
		var whole struct{ Data json.RawMessage }
		w.must(json.Unmarshal(example.Event, &whole))
		var id [16]byte
		rand.Read(id[:])
		e, err := events.NewEvent(recorder, events.TypeAccessPerformed, hex.EncodeToString(id[:]), time.Now(), whole.Data, rand.Reader)
		w.must(err)
		return e
	}
	w.Fatal("there is no example of an access")
	return nil
}

func eventLine(w *world, recorder events.Recorder) []byte {
	w.Helper()
	line, err := newEvent(w, recorder).Marshal()
	w.must(err)
	return line
}
