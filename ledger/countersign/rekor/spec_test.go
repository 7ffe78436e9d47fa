package rekor_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

func TestParseSpec(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := note.NewEd25519VerifierKey("log.example.my/2026", public)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&newKey(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString(der)
	verifier := file("vkey", []byte(vkey+"\n"))
	pemFile := file("pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	b64File := file("b64", []byte(b64+"\n"))

	for spec, want := range map[string]struct {
		name    string
		trusted verify.TrustedRekor
	}{
		"https://rekor.example.my,key=" + verifier: {"rekor.example.my", verify.TrustedRekor{Origin: "log.example.my/2026", Key: vkey, Version: 2}},
		"https://rekor.example.my:8443/x,version=1,key=" + pemFile: {
			"rekor.example.my-8443", verify.TrustedRekor{Origin: "rekor.example.my", Key: b64, Version: 1},
		},
		"http://[::1]:3000,key=" + b64File + ",version=2,origin=o.example,owner=the bank,name=bank,independent,tiles=http://[::1]:3001/t": {
			"bank", verify.TrustedRekor{Origin: "o.example", Key: b64, Version: 2, Owner: "the bank", Independent: true},
		},
	} {
		r, err := rekor.ParseSpec(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if r.Name != want.name || r.Trusted != want.trusted || r.Client == nil || !strings.HasPrefix(spec, r.URL+",") {
			t.Errorf("%s: %+v", spec, r)
		}
	}
	for _, spec := range []string{
		"", "https://rekor.example.my", "rekor.example.my,key=" + verifier, "ftp://rekor.example.my,key=" + verifier,
		"https://rekor.example.my,key=" + filepath.Join(dir, "none"), "https://rekor.example.my,key=" + file("junk", []byte("junk")),
		"https://rekor.example.my,version=3,key=" + verifier, "https://rekor.example.my,version=1,key=" + verifier,
		"https://rekor.example.my,colour=red,key=" + verifier, "https://rekor.example.my,origin=other,key=" + verifier,
		"https://rekor.example.my,key=" + verifier + ",name=../x", "https://rekor.example.my,owner=,key=" + verifier,
		"https://rekor.example.my,version=1,tiles=https://x,key=" + pemFile, "https://rekor.example.my?x=y,key=" + verifier,
	} {
		if r, err := rekor.ParseSpec(spec); err == nil {
			t.Errorf("%s: taken as %+v", spec, r)
		}
	}
}
