package audit_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// TestOutside puts beside a ledger what Rekors, timestamp authorities and witnesses could
// hold of it: what is of another tree, or not signed, does not hold; what the trust file
// names nobody for is counted, and nothing more.
func TestOutside(t *testing.T) {
	w := readertest.New(t)
	w.Grow(300)
	d, err := ledger.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cosigner, err := torchwood.NewCosignatureSigner("witness.example/w", private)
	if err != nil {
		t.Fatal(err)
	}
	trusted := w.Trusted
	trusted.WitnessPolicy = "witness w " + cosigner.Verifier().String() + "\nquorum w\n"
	trust := &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{trusted}}
	checkpoint := func(size uint64, root tlog.Hash, signers ...note.Signer) []byte {
		text := fmt.Sprintf("%s\n%d\n%s\n", w.LogKey.Name(), size, root)
		signed, err := note.Sign(&note.Note{Text: text}, append([]note.Signer{w.LogKey}, signers...)...)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	root, err := d.Root(t.Context(), 200)
	if err != nil {
		t.Fatal(err)
	}
	good, other := checkpoint(200, root), checkpoint(200, tlog.Hash{7})
	entry := []byte(`{"logIndex":"5","logId":{"keyId":"AA=="},"kindVersion":{"kind":"hashedrekord","version":"0.0.2"},"inclusionProof":{"logIndex":"5","rootHash":"` +
		strings.Repeat("A", 43) + `=","treeSize":"6","hashes":[],"checkpoint":{"envelope":"rekor.example\n6\nAA==\n\n— rekor.example AAAA\n"}},"canonicalizedBody":"AA=="}`)
	if _, err := verify.ParseLogEntry(entry); err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, good...)
	flipped[len(flipped)-8] ^= 1
	tests := []struct {
		name  string
		files map[string][]byte
		says  string
		held  func(*audit.Report) bool
	}{
		{"an anchor", map[string][]byte{"anchors/r/%s.json": entry, "anchors/r/%s.note": good}, "", func(r *audit.Report) bool { return r.Anchors.Unknown == 1 }},
		{"an entry alone", map[string][]byte{"anchors/r/%s.json": entry}, "", func(r *audit.Report) bool { return r.Anchors == audit.Outside{} }},
		{"an anchor of another tree", map[string][]byte{"anchors/r/%s.json": entry, "anchors/r/%s.note": other}, "the anchor of 200 leaves in r has the root", nil},
		{"an anchor that isn't signed", map[string][]byte{"anchors/r/%s.json": entry, "anchors/r/%s.note": flipped}, "the anchor of 200 leaves in r: checkpoint of", nil},
		{"an anchor without an entry", map[string][]byte{"anchors/r/%s.json": []byte("{}"), "anchors/r/%s.note": good}, "the anchor of 200 leaves in r: anchor: ", nil},
		{"a token by nobody", map[string][]byte{"timestamps/a/%s.tst": []byte("token"), "timestamps/a/%s.note": good}, "", func(r *audit.Report) bool { return r.Timestamps.Unknown == 1 }},
		{"a token over another tree", map[string][]byte{"timestamps/a/%s.tst": []byte("token"), "timestamps/a/%s.note": other}, "the timestamp of 200 leaves by a has the root", nil},
		{"cosigned", map[string][]byte{"cosigned/%s.quorum": checkpoint(200, root, cosigner)}, "", func(r *audit.Report) bool {
			return r.Cosigned == audit.Cosigned{Checkpoints: 1, Signatures: 1, Quorum: 200}
		}},
		{"cosigned by nobody", map[string][]byte{"cosigned/%s.some": good}, "", func(r *audit.Report) bool { return r.Cosigned == audit.Cosigned{Checkpoints: 1} }},
		{"another tree, cosigned", map[string][]byte{"cosigned/%s.quorum": checkpoint(200, tlog.Hash{7}, cosigner)}, "the cosigned checkpoint of 200 leaves has the root", nil},
		{"larger than the ledger", map[string][]byte{"cosigned/00000000000000000301.quorum": checkpoint(301, tlog.Hash{7}, cosigner)}, "", func(r *audit.Report) bool { return r.Cosigned == audit.Cosigned{} }},
	}
	for _, test := range tests {
		for _, dir := range []string{"anchors", "timestamps", "cosigned"} {
			if err := os.RemoveAll(filepath.Join(w.Dir, dir)); err != nil {
				t.Fatal(err)
			}
		}
		for name, b := range test.files {
			path := filepath.Join(w.Dir, strings.Replace(name, "%s", "00000000000000000200", 1))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		report, err := audit.Directory(t.Context(), w.Dir, trust, nil)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		switch {
		case test.says == "" && (len(report.Failures) > 0 || !test.held(report)):
			t.Errorf("%s: %v, %+v %+v %+v", test.name, report.Failures, report.Anchors, report.Timestamps, report.Cosigned)
		case test.says != "" && (len(report.Failures) != 1 || !strings.HasPrefix(report.Failures[0], test.says)):
			t.Errorf("%s: %v: want %q", test.name, report.Failures, test.says)
		}
	}
}
