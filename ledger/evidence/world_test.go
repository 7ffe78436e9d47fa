package evidence_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server/posix"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/schemas"
)

// childMark has the test binary be a Rekor.
const childMark = "SAKSI_TEST_REKOR"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		posix.Main(os.Args[1:], os.Stdin)
		return
	}
	os.Exit(m.Run())
}

const origin = "ledger.example.my/test"

// world is a real ledger with an authority, an operator and its recorders.
type world struct {
	*testing.T
	ledger    *writer.Ledger
	dir       string
	log       *formats.Log
	reader    *archive.Directory
	authority *events.Signer
	operator  *events.Signer
	signers   map[events.Recorder]*events.Signer // of those who have others
	manifests map[events.Recorder]*events.Manifest
	seq       uint64
	anchorKey *ecdsa.PrivateKey
	trust     *verify.Trust
}

var (
	registry = events.RegistryRecorder("mcmc")
	bastion  = recorder("nimbus-my/lab-1/bastion-1")
)

func recorder(s string) events.Recorder {
	r, err := events.ParseRecorder(s)
	if err != nil {
		panic(err)
	}
	return r
}

// newWorld makes a ledger: leaf 1 admits the operator, 2 declares two facilities, 3
// the recorder.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), authority: newSigner(t), operator: newSigner(t), manifests: map[events.Recorder]*events.Manifest{}, signers: map[events.Recorder]*events.Signer{}}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	w.must(err)
	config := writer.Config{Dir: w.dir, EventKey: newSigner(t), Log: slog.New(slog.DiscardHandler)}
	config.LogKey, err = note.NewSigner(private)
	w.must(err)
	w.log, err = formats.NewLog(public)
	w.must(err)
	w.anchorKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	w.must(writer.Create(t.Context(), config, w.seal(registry, said{events.TypeGenesis, events.Genesis{
		Origin: origin, Jurisdiction: "MY", LogKey: public, LedgerKey: config.EventKey.PublicKey().String(),
		Authorities: []events.GenesisMandate{{
			Authority: "mcmc", Key: w.authority.PublicKey().String(), Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		Ruleset:   events.DigestOf(schemas.CurrentRuleset()).String(),
		Retention: events.Retention{Access: "P7Y", Facility: "P7Y", Attestation: "P7Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"},
	}})))
	w.ledger, err = writer.Open(t.Context(), config)
	w.must(err)
	t.Cleanup(func() { w.ledger.Close(context.Background()) })
	w.reader, err = archive.OpenDirectory(w.dir, w.log)
	w.must(err)
	t.Cleanup(func() { w.reader.Close() })

	w.say(registry, said{events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: "nimbus-my", Country: "CN", Keys: []string{w.operator.PublicKey().String()}}})
	w.say(registry, said{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-2", Country: "MY"}},
		said{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-1", Country: "MY"}})
	w.say(registry, said{events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: bastion.String(), Kind: events.RecorderBastion}})

	genesis, err := w.reader.Leaves(t.Context(), w.published(), 0)
	w.must(err)
	der, err := x509.MarshalPKIXPublicKey(w.anchorKey.Public())
	w.must(err)
	w.trust = &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{{
		Origin: origin, Key: public, Genesis: tlog.RecordHash(genesis[0].Raw), Owner: "mcmc", AnchorKeys: []string{base64.StdEncoding.EncodeToString(der)},
	}}}
	return w
}

func newSigner(t *testing.T) *events.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := events.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

type said struct {
	eventType string
	data      any
}

var sessionClosed = said{events.TypeSessionClosed, map[string]any{
	"session": "s-1", "ended": "normal",
	"actor": map[string]any{"id": "p-1", "kind": "person", "party": "operator", "employerCountry": "??", "officeCountry": "??", "physicalCountry": "??"},
}}

// seal makes the next envelope of a recorder, signed with the operator's key or the
// authority's.
func (w *world) seal(r events.Recorder, list ...said) []byte {
	w.Helper()
	m := w.manifests[r]
	if m == nil {
		m = &events.Manifest{Recorder: r, Incarnation: 1, First: 1}
		w.manifests[r] = m
	}
	lines := make([][]byte, len(list))
	for i, s := range list {
		event, err := events.NewEvent(r, s.eventType, fmt.Sprintf("e-%d", m.First+uint64(i)), time.Now(), s.data, rand.Reader)
		w.must(err)
		lines[i], err = event.Marshal()
		w.must(err)
	}
	signer := w.operator
	switch {
	case w.signers[r] != nil:
		signer = w.signers[r]
	case r.IsRegistry():
		signer = w.authority
	}
	envelope, err := events.Seal(m, lines, signer)
	w.must(err)
	m.First, m.Previous = m.Last()+1, envelope.ManifestDigest()
	return envelope.Marshal()
}

// say adds an envelope and returns its leaf, once it is published.
func (w *world) say(r events.Recorder, list ...said) uint64 {
	w.Helper()
	return w.admit(r, w.seal(r, list...))
}

func (w *world) admit(r events.Recorder, body []byte) uint64 {
	w.Helper()
	w.seq++
	_, err := w.ledger.Admit(w.Context(), w.ledger.Prepare([]writer.Received{{Subject: r.Subject(), Body: body, Seq: w.seq, Time: time.Now()}}))
	w.must(err)
	// Anchors may be recorded at any time: the leaf is the last of its sequence.
	checkpoint := w.published()
	for index := checkpoint.Size; index > 0; index-- {
		entries, err := w.reader.Leaves(w.Context(), checkpoint, index-1)
		w.must(err)
		if entries[0].Leaf.Seq == w.seq && entries[0].Leaf.Subject != "ledger" {
			return index - 1
		}
	}
	w.Fatal("what was said has no leaf")
	return 0
}

// published waits until all leaves are under a checkpoint.
func (w *world) published() *formats.Checkpoint {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
	defer cancel()
	checkpoint, err := w.reader.Wait(ctx, w.ledger.Size()-1)
	w.must(err)
	return checkpoint
}

// anchor anchors the ledger in a real Rekor of version 2, in a child process.
func (w *world) anchor() {
	w.Helper()
	r := w.startRekor("rekor.example.my", "own")
	w.anchorIn(verify.AnchorPolicy{}, r)
	w.trust.Rekors = append(w.trust.Rekors, r.Trusted)
}

func (w *world) startRekor(origin, name string) rekor.Rekor {
	w.Helper()
	self, err := os.Executable()
	w.must(err)
	s, err := server.StartServer(w.Context(), server.Config{
		Dir: w.TempDir(), Origin: origin, Owner: "mcmc", Executable: self, Env: []string{childMark + "=1"}, CheckpointInterval: 100 * time.Millisecond,
	})
	w.must(err)
	w.Cleanup(s.Stop)
	return s.Rekor(name)
}

// anchorIn anchors the ledger in Rekors until the test ends.
func (w *world) anchorIn(policy verify.AnchorPolicy, rekors ...rekor.Rekor) {
	w.Helper()
	anchorer, err := rekor.New(rekor.Config{
		Dir: filepath.Join(w.dir, rekor.DirName), Rekors: rekors, Policy: policy, AnchorKey: w.anchorKey, Log: w.log, Reader: w.reader,
		Size: w.ledger.Size, Record: w.ledger.RecordAnchor, Interval: 20 * time.Millisecond,
	})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- anchorer.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.Errorf("the anchorer ended with: %v", err)
		}
	})
}

// source reads the ledger's directory.
func (w *world) source() evidence.Source {
	w.Helper()
	anchors, err := evidence.OpenDirectory(w.dir)
	w.must(err)
	w.Cleanup(func() { anchors.Close() })
	return evidence.Source{Reader: w.reader, Log: w.log, Anchors: anchors}
}

// build makes evidence and verifies it as somebody with the trust file does.
func (w *world) build(source evidence.Source, options evidence.Options, requests ...string) *verify.Statement {
	w.Helper()
	var list []evidence.Request
	for _, text := range requests {
		r, err := evidence.ParseRequest(text)
		w.must(err)
		list = append(list, r)
	}
	ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
	defer cancel()
	bundle, err := evidence.Build(ctx, source, list, options)
	w.must(err)
	statement, err := verify.VerifyBundle(bundle, w.trust)
	w.must(err)
	return statement
}

func newP256Signer(t *testing.T) *events.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := events.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
