package verify_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// publicGood is Sigstore's Rekor v1. Its key is in every Sigstore client.
var publicGood = verify.TrustedRekor{
	Origin: "rekor.sigstore.dev", Version: 1, Owner: "Sigstore",
	Key: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==",
}

// TestSigstoreConformance takes the entries of Sigstore's conformance suite, made by
// real Rekors, and their damaged twins. What is wrong in some of the twins is not
// in the entry, but in the key of whoever signed.
func TestSigstoreConformance(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "sigstore-conformance")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("Sigstore's conformance suite is not beside the repository (../shared/data/sigstore-conformance): nothing was tested")
	}
	artifact, err := os.ReadFile(filepath.Join(dir, "a.txt"))
	if err != nil {
		t.Fatal(err)
	}
	// By case: what is wrong with the entry, and with it as an anchor of a.txt.
	cases := map[string]struct{ entry, anchor string }{
		"checkpoint-wrong-roothash_fail":               {"is for a tree of 23083062, its checkpoint of 75610772", ""},
		"inclusion-proof-corrupted-hash_fail":          {"does not lead to the root", ""},
		"managed-key-happy-path":                       {"", ""},
		"managed-key-wrong-key_fail":                   {"", "not a SubjectPublicKeyInfo"}, // a point that is not on the curve
		"rekor2-checkpoint-cosigned":                   {"", "no hashedrekord 0.0.2 with a key"},
		"rekor2-checkpoint-missing-origin_fail":        {"its checkpoint", ""},
		"rekor2-checkpoint-no-matching-signature_fail": {"its checkpoint: note has no verifiable signatures", ""},
		"rekor2-happy-path":                            {"", "no hashedrekord 0.0.2 with a key"}, // but a certificate
		"set-invalid-signature_fail":                   {"signature over its time does not hold", ""},
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "bundle.sigstore.json"))
	if err != nil || len(found) != len(cases) {
		t.Fatalf("%d cases, %v: want the %d that are known", len(found), err, len(cases))
	}
	for _, path := range found {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			want, ok := cases[name]
			if !ok {
				t.Fatal("a case that is not known")
			}
			text := conformanceEntry(t, path)
			rekor := publicGood
			if strings.HasPrefix(name, "rekor2") {
				rekor = stagingRekor(t, filepath.Dir(path))
			}
			entry, err := verify.ParseLogEntry(text)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := verify.ParseLogEntry(entry.Marshal()); err != nil || string(again.Marshal()) != string(entry.Marshal()) {
				t.Errorf("it is written again as %s, %v", entry.Marshal(), err)
			}
			proven, err := rekor.VerifyEntry(entry)
			expect(t, err, want.entry)
			if err != nil {
				return
			}
			if name == "managed-key-happy-path" && (proven.Index != 771488337 || proven.Checkpoint.Size != 649584076 || proven.IntegratedTime.Unix() != 1766077479) {
				t.Errorf("%+v", proven)
			}
			pemKey, err := os.ReadFile(filepath.Join(filepath.Dir(path), "key.pub"))
			if errors.Is(err, fs.ErrNotExist) {
				pemKey = pemOf(t, publicGood.Key) // some key
			} else if err != nil {
				t.Fatal(err)
			}
			key, err := verify.ParseAnchorKey(string(pemKey))
			if err == nil {
				_, err = rekor.VerifyAnchor(text, artifact, key)
			}
			expect(t, err, want.anchor)
			if want.anchor == "" {
				_, err := rekor.VerifyAnchor(text, artifact[1:], key)
				expect(t, err, "about other bytes")
				_, err = rekor.VerifyAnchor(text, artifact)
				expect(t, err, "none of the ledger's anchor keys")
				shard := rekor
				shard.Origin = "rekor.sigstore.dev - 1193050959916656506"
				_, err = shard.VerifyAnchor(text, artifact, key)
				expect(t, err, "")
				shard.Origin = "rekor.sigstore.dev - 2605736670972794746"
				_, err = shard.VerifyAnchor(text, artifact, key)
				expect(t, err, "origin")
			}
		})
	}
}

// expect fails the test unless err says what it must; nothing is no error.
func expect(t testing.TB, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("%v: want no error", err)
	case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
		t.Errorf("%v: want one that says %q", err, says)
	}
}

func conformanceEntry(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		VerificationMaterial struct {
			TlogEntries []json.RawMessage `json:"tlogEntries"`
		} `json:"verificationMaterial"`
	}
	if err := json.Unmarshal(text, &bundle); err != nil || len(bundle.VerificationMaterial.TlogEntries) != 1 {
		t.Fatalf("%v: want a bundle with one entry", err)
	}
	return bundle.VerificationMaterial.TlogEntries[0]
}

func stagingRekor(t *testing.T, dir string) verify.TrustedRekor {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "trusted_root.json"))
	if err != nil {
		t.Fatal(err)
	}
	var root struct {
		Tlogs []struct {
			BaseURL   string `json:"baseUrl"`
			PublicKey struct {
				RawBytes string `json:"rawBytes"`
			} `json:"publicKey"`
		} `json:"tlogs"`
	}
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	for _, l := range root.Tlogs {
		if host, ok := strings.CutPrefix(l.BaseURL, "https://log2025"); ok {
			return verify.TrustedRekor{Origin: "log2025" + host, Version: 2, Key: l.PublicKey.RawBytes}
		}
	}
	t.Fatal("no Rekor v2 in the trust root")
	return verify.TrustedRekor{}
}

func pemOf(t *testing.T, key string) []byte {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParsePKIXPublicKey(der); err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
