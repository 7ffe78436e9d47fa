package client

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// FuzzReply: a reply that is damaged changes nothing; one that is taken leaves the outbox
// with a checkpoint that the log has signed, and the envelope waiting, as no receipt of it
// can be made up.
func FuzzReply(f *testing.F) {
	const origin = "ledger.example.my/fuzz"
	private, public, err := note.GenerateKey(strings.NewReader(strings.Repeat("k", ed25519.SeedSize)), origin)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		f.Fatal(err)
	}
	log, err := formats.NewLog(public)
	if err != nil {
		f.Fatal(err)
	}
	leaf := []byte(`{"v":1}`)
	signed, err := note.Sign(&note.Note{Text: origin + "\n1\n" + tlog.RecordHash(leaf).String() + "\n"}, signer)
	if err != nil {
		f.Fatal(err)
	}
	head, err := json.Marshal(ReplyHead{Format: ReplyFormat, Checkpoint: signed})
	if err != nil {
		f.Fatal(err)
	}

	o := openOutbox(f, filepath.Join(f.TempDir(), "outbox.db"), Options{})
	recorder := mustRecorder(f, "nimbus-my/lab-1/bastion-1")
	event, err := events.NewEvent(recorder, events.TypeSessionClosed, "e-1", time.Unix(1_800_000_000, 0), map[string]any{}, bytes.NewReader(make([]byte, 16)))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := o.Add(testContext(f), recorder, []events.Draft{{Event: event}}, testSigner(f)); err != nil {
		f.Fatal(err)
	}
	pending, err := o.pendingByManifest(testContext(f))
	if err != nil || len(pending) != 1 {
		f.Fatal(len(pending), err)
	}
	var manifest events.Digest
	for manifest = range pending {
	}
	line, err := json.Marshal(Replied{Manifest: manifest, Receipt: []byte("c2sp.org/tlog-proof@v1\nindex 0\n\n" + string(signed))})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(append(bytes.Clone(head), '\n'), line...))
	f.Add(head)
	f.Add([]byte(`{"format":"saksi-reply-v1"}`))
	f.Add([]byte(`{"format":"saksi-parcel-v1"}`))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		received, err := o.Receive(t.Context(), log, bytes.NewReader(reply))
		if err == nil && (received.Receipts > 0 || received.Rejected > 0) {
			t.Errorf("%q settles what no ledger has: %+v", reply, received)
		}
		if seen := o.Checkpoint(); err == nil && (seen == nil || seen.Size != 1) {
			t.Errorf("%q is taken, and the outbox has seen %+v", reply, seen)
		}
		if pending, err := o.pendingByManifest(t.Context()); err != nil || len(pending) != 1 {
			t.Errorf("after %q, %d envelopes wait: %v", reply, len(pending), err)
		}
	})
}
