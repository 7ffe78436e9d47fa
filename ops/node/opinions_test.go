package node_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/torchwood"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	tessera "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// TestOutsideOpinions has a node's work judged by programs of other people: what
// is said to follow a standard must satisfy those who wrote the standard.
func TestOutsideOpinions(t *testing.T) {
	w := newWorld(t)
	p := w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: bastionName, Kind: events.RecorderBastion})
	c := newChain(w, bastionName)
	desk, err := operator.Open(w.ctx, p.home)
	w.must(err)
	defer desk.Close()
	var drafts []events.Draft
	for range 40 {
		drafts = append(drafts, events.Draft{Event: newEvent(w, c.recorder)})
	}
	for _, d := range drafts {
		_, err := desk.Outbox.Add(w.ctx, c.recorder, []events.Draft{d}, p.signer)
		w.must(err)
	}
	// More than one bundle of 256 leaves, so that the tree has a full tile.
	for range 280 {
		w.publish(p, c.recorder.Subject(), []byte("rejected\n"))
	}
	_, err = desk.Flush(w.ctx, client.FlushOptions{})
	w.must(err)

	t.Run("tlog-proof by torchwood", func(t *testing.T) { w.receiptsByTorchwood(t, desk) })
	w.stop()
	t.Run("tree by Tessera's fsck", w.treeByFsck)
	t.Run("envelopes by DSSE and CloudEvents", func(t *testing.T) { w.bodiesByOthers(t, p.signer.PublicKey()) })
	w.audit()
}

func (w *world) verifier() note.Verifier {
	w.Helper()
	v, err := note.NewVerifier(w.log().Key())
	w.must(err)
	return v
}

func (w *world) receiptsByTorchwood(t *testing.T, desk *operator.Client) {
	dir := t.TempDir()
	n, err := desk.Outbox.ExportReceipts(w.ctx, dir)
	if err != nil || n != 40 {
		t.Fatalf("%d receipts: %v", n, err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(w.home.Origin), torchwood.SingleVerifierPolicy(w.verifier()))
	for r, err := range desk.Outbox.Receipts(w.ctx) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, r.FileName()))
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := torchwood.ProofExtraData(text)
		if err != nil || !bytes.Equal(leaf, r.Proof.Leaf) {
			t.Errorf("%s holds another leaf: %s, %v", r.FileName(), leaf, err)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(leaf), text); err != nil {
			t.Errorf("%s: %v", r.FileName(), err)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(append(leaf, ' ')), text); err == nil {
			t.Errorf("%s: torchwood believes another leaf too", r.FileName())
		}
	}
}

func (w *world) treeByFsck(t *testing.T) {
	files := tessera.FileFetcher{Root: filepath.Join(w.home.LedgerDir(), "tree")}
	hasher := func(raw []byte) ([][]byte, error) {
		var bundle api.EntryBundle
		if err := bundle.UnmarshalText(raw); err != nil {
			return nil, err
		}
		hashes := make([][]byte, len(bundle.Entries))
		for i, e := range bundle.Entries {
			hashes[i] = rfc6962.DefaultHasher.HashLeaf(e)
		}
		return hashes, nil
	}
	if err := fsck.New(w.home.Origin, w.verifier(), files, hasher, fsck.Opts{N: 1}).Check(w.ctx); err != nil {
		t.Errorf("Tessera's fsck: %v", err)
	}
}

// bodiesByOthers reads every body that was accepted as DSSE and CloudEvents, the
// authority's and the operator's.
func (w *world) bodiesByOthers(t *testing.T, key events.PublicKey) {
	registrar, err := w.home.Signer()
	w.must(err)
	verifier, err := dsse.NewEnvelopeVerifier(dsseKey{key}, dsseKey{registrar.PublicKey()})
	w.must(err)
	text, err := archive.ReadCheckpoint(w.home.LedgerDir())
	w.must(err)
	checkpoint, err := w.log().OpenCheckpoint(text)
	w.must(err)
	archive, err := archive.OpenArchive(w.home.LedgerDir(), checkpoint.Size)
	w.must(err)
	defer archive.Close()
	read := 0
	for _, leaf := range w.leaves() {
		if leaf.Verdict != "accepted" {
			continue
		}
		body, err := archive.Body(leaf.index)
		w.must(err)
		line1, rest, _ := bytes.Cut(body, []byte("\n"))
		var envelope dsse.Envelope
		w.must(json.Unmarshal(line1, &envelope))
		keys, payload, err := verifier.VerifyAndDecode(w.ctx, &envelope)
		if err != nil || len(keys) != 1 {
			t.Errorf("leaf %d: DSSE accepts %d keys: %v", leaf.index, len(keys), err)
		}
		if _, err := events.ParseManifest(payload); err != nil || envelope.PayloadType != events.PayloadType {
			t.Errorf("leaf %d: DSSE decodes %q: %v", leaf.index, payload, err)
		}
		for line := range bytes.Lines(rest) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			var theirs event.Event
			if err := json.Unmarshal(line, &theirs); err != nil {
				t.Errorf("leaf %d: the CloudEvents SDK: %v", leaf.index, err)
				continue
			}
			ours, err := events.ParseEvent(line)
			w.must(err)
			if err := theirs.Validate(); err != nil {
				t.Errorf("leaf %d: the CloudEvents SDK: %v", leaf.index, err)
			}
			if theirs.ID() != ours.ID || theirs.Source() != ours.Source || theirs.Type() != ours.Type || theirs.SpecVersion() != "1.0" ||
				theirs.Extensions()["nonce"] != ours.Nonce || !bytes.Equal(theirs.Data(), ours.Data) || theirs.Time().IsZero() {
				t.Errorf("leaf %d: the CloudEvents SDK reads\n%s\nas\n%s", leaf.index, line, theirs)
			}
			read++
		}
	}
	if read < 40 {
		t.Errorf("%d events were read", read)
	}
}

// dsseKey lets the DSSE library verify with one of our keys, by the standard
// library alone.
type dsseKey struct{ key events.PublicKey }

func (k dsseKey) Verify(_ context.Context, data, sig []byte) error {
	key, ok := k.key.Crypto().(ed25519.PublicKey)
	if !ok || !ed25519.Verify(key, data, sig) {
		return errors.New("the signature does not hold")
	}
	return nil
}

func (k dsseKey) KeyID() (string, error)   { return string(k.key.ID()), nil }
func (k dsseKey) Public() crypto.PublicKey { return k.key.Crypto() }
