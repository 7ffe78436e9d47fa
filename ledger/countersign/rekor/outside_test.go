package rekor_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tleapi "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tilesverify "github.com/sigstore/rekor-tiles/v2/pkg/verify"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
)

// anchored runs an anchorer until the genesis is anchored, and returns that anchor.
func anchored(t *testing.T, r rekor.Rekor) (*site, *rekor.Stored) {
	t.Helper()
	s := newSite(t)
	_, stop := s.run(s.config(r))
	s.until("the genesis is anchored", func() bool { return len(s.recorded()) == 1 })
	stop()
	s.check(r)
	stored, err := rekor.OpenStore(s.dir).Read(r.Name, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s, stored
}

// rekor-tiles' own verifier accepts an anchor as it is kept.
func TestTilesVerify(t *testing.T) {
	t.Parallel()
	r := startServer(t, t.TempDir()).Rekor("own")
	_, stored := anchored(t, r)
	verifier, err := note.NewVerifier(r.Trusted.Key)
	if err != nil {
		t.Fatal(err)
	}
	var entry tleapi.TransparencyLogEntry
	if err := protojson.Unmarshal(stored.Entry, &entry); err != nil {
		t.Fatal(err)
	}
	if err := tilesverify.VerifyLogEntry(&entry, verifier); err != nil {
		t.Error(err)
	}
	entry.CanonicalizedBody[0]++
	if tilesverify.VerifyLogEntry(&entry, verifier) == nil {
		t.Error("it accepts any body")
	}
}

// rekor-cli finds the anchor by what was anchored, and verifies it.
func TestRekorCLI(t *testing.T) {
	t.Parallel()
	r := rekorV1(t)
	cli := os.Getenv("SAKSI_REKOR_CLI")
	if cli == "" {
		t.Fatal("SAKSI_REKOR_CLI names no rekor-cli, though there is a Rekor v1")
	}
	s, stored := anchored(t, r)
	anchor, err := r.Trusted.VerifyAnchor(stored.Entry, stored.Note, &s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.recorded()[0]; a.Kind != "hashedrekord 0.0.1" || a.Rekor != anchor.Checkpoint.Origin || a.Index < 0 {
		t.Errorf("recorded: %+v", a)
	}
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	// The signature is that of RFC 6979, so anyone with the key makes it again.
	digest := sha256.Sum256(stored.Note)
	signature, err := s.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	verify := func(note []byte) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, cli, "verify", "--rekor_server", r.URL, "--store_tree_state=false", "--type", "hashedrekord",
			"--artifact", file("checkpoint", note), "--signature", file("signature", signature),
			"--pki-format", "x509", "--public-key", file("anchor.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
		cmd.Env = append(os.Environ(), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := verify(stored.Note)
	if err != nil || !strings.Contains(out, "Inclusion Proof:") {
		t.Errorf("rekor-cli verify: %v\n%s", err, out)
	}
	if out, err := verify(bytes.Replace(stored.Note, []byte("\n1\n"), []byte("\n2\n"), 1)); err == nil {
		t.Errorf("rekor-cli verifies another checkpoint:\n%s", out)
	}
}
