package audit_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/digitorus/timestamp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/archive"
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
	d, err := archive.OpenDirectory(w.Dir, w.Log)
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
	var token, late func([]byte) []byte
	trust.Timestamps, token, late = authority(t)
	flipped := append([]byte{}, good...)
	flipped[len(flipped)-8] ^= 1
	tests := []struct {
		name  string
		files map[string][]byte
		says  string
		held  func(*audit.Report) bool
	}{
		{"an anchor", map[string][]byte{"anchors/r/%s.json": entry, "anchors/r/%s.note": good}, "", func(r *audit.Report) bool { return r.Anchors.Unknown == 1 }},
		{"an entry alone", map[string][]byte{"anchors/r/%s.json": entry}, "", func(r *audit.Report) bool { return r.Anchors == audit.Countersigned{} }},
		{"an anchor of another tree", map[string][]byte{"anchors/r/%s.json": entry, "anchors/r/%s.note": other}, "the anchor of 200 leaves in r has the root", nil},
		{"an anchor that isn't signed", map[string][]byte{"anchors/r/%s.json": entry, "anchors/r/%s.note": flipped}, "the anchor of 200 leaves in r: checkpoint of", nil},
		{"an anchor without an entry", map[string][]byte{"anchors/r/%s.json": []byte("{}"), "anchors/r/%s.note": good}, "the anchor of 200 leaves in r: anchor: ", nil},
		{"a token by nobody", map[string][]byte{"timestamps/a/%s.tst": []byte("token"), "timestamps/a/%s.note": good}, "", func(r *audit.Report) bool { return r.Timestamps.Unknown == 1 }},
		{"a token", map[string][]byte{"timestamps/a/%s.tst": token(good), "timestamps/a/%s.note": good}, "", func(r *audit.Report) bool {
			return r.Timestamps == audit.Countersigned{Checked: 1, Size: 200}
		}},
		{"a token by a revoked certificate", map[string][]byte{"timestamps/a/%s.tst": late(good), "timestamps/a/%s.note": good}, "", func(r *audit.Report) bool {
			return r.Timestamps == audit.Countersigned{Revoked: 1}
		}},
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

// authority returns a timestamp authority of a trust file by which its certificate was
// revoked, and what makes tokens of before and after that.
func authority(t *testing.T) (_ []verify.TrustedAuthority, before, after func(note []byte) []byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	certify := func(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
		t.Helper()
		template.NotBefore, template.NotAfter = time.Unix(1_700_000_000, 0), time.Unix(2_000_000_000, 0)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
		must(err)
		c, err := x509.ParseCertificate(der)
		must(err)
		return c
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	root = certify(root, root, rootKey, rootKey)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	must(err)
	certificate := certify(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "tsa"},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}}, root, key, rootKey)
	const revoked = 1_800_000_000
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Unix(revoked, 0), NextUpdate: time.Unix(revoked+1000, 0),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: time.Unix(revoked, 0), ReasonCode: 4}},
	}, root, rootKey)
	must(err)
	token := func(at int64) func(note []byte) []byte {
		return func(note []byte) []byte {
			digest := sha256.Sum256(note)
			response, err := (&timestamp.Timestamp{
				HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Time: time.Unix(at, 0), Accuracy: time.Second, Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true,
			}).CreateResponseWithOpts(certificate, key, crypto.SHA256)
			must(err)
			token, err := verify.TokenInResponse(response)
			must(err)
			return token
		}
	}
	return []verify.TrustedAuthority{{
		Name: "a", Certificates: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})),
		CRLs: string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list})),
	}}, token(revoked - 100), token(revoked + 100)
}
