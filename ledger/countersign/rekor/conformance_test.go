package rekor_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// TestConformance holds both versions to the same behaviour, against the real servers.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("v2", func(t *testing.T) {
		t.Parallel()
		conformance(t, startServer(t, t.TempDir()).Rekor("own"))
	})
	t.Run("v1", func(t *testing.T) {
		t.Parallel()
		conformance(t, rekorV1(t))
	})
}

// rekorV1 is the Rekor v1 that .ci/rekor-v1 started.
func rekorV1(t *testing.T) rekor.Rekor {
	t.Helper()
	base := os.Getenv("SAKSI_REKOR_V1")
	if base == "" {
		const without = "SAKSI_REKOR_V1 names no Rekor v1: start one with .ci/rekor-v1 start FILE, and read FILE"
		if os.Getenv("CI") == "true" {
			t.Fatal(without)
		}
		t.Skip(without)
	}
	// The test's server makes its key anew each time it starts, so it is asked for it.
	response, err := http.Get(base + "/api/v1/log/publicKey")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	key, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rekor.pub")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := rekor.ParseSpec(base + ",version=1,name=v1,origin=" + os.Getenv("SAKSI_REKOR_V1_ORIGIN") + ",key=" + file)
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(key); r.Trusted.Key != base64.StdEncoding.EncodeToString(block.Bytes) {
		t.Errorf("its key is read as %s", r.Trusted.Key)
	}
	return r
}

func conformance(t *testing.T, r rekor.Rekor) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	key := newKey(t)
	note := func() []byte {
		b := make([]byte, 100)
		rand.Read(b)
		return b
	}
	submit := func(note []byte) *verify.Anchor {
		t.Helper()
		answer, err := r.Client.Submit(ctx, sha256.Sum256(note), key)
		if err != nil {
			t.Fatal(err)
		}
		anchor, err := r.Trusted.VerifyAnchor(answer, note, &key.PublicKey)
		if err != nil {
			t.Fatalf("%v\n%s", err, answer)
		}
		return anchor
	}
	first := note()
	anchor := submit(first)
	if v1 := !anchor.IntegratedTime.IsZero(); v1 != (r.Trusted.Version == 1) {
		t.Errorf("a Rekor v%d gave the time %v", r.Trusted.Version, anchor.IntegratedTime)
	}
	// The one form in which it is kept verifies as well.
	if _, err := r.Trusted.VerifyAnchor(anchor.Entry.Marshal(), first, &key.PublicKey); err != nil {
		t.Errorf("in the form that is kept: %v", err)
	}

	// A trust file finds the Rekor by its key.
	trusted := &verify.TrustedLedger{AnchorKeys: []string{publicKeyOf(t, key)}}
	trust := &verify.Trust{Rekors: []verify.TrustedRekor{r.Trusted}}
	entry := anchor.Entry.Marshal()
	if a, err := trust.VerifyAnchor(trusted, entry, first); err != nil || a.Index != anchor.Index {
		t.Errorf("by a trust file: %+v, %v", a, err)
	}
	if _, err := trust.VerifyAnchor(trusted, entry, note()); err == nil || errors.Is(err, verify.ErrUnknownRekor) {
		t.Errorf("over other bytes: %v", err)
	}
	another := r.Trusted
	another.Key = publicKeyOf(t, newKey(t))
	for name, trust := range map[string]*verify.Trust{"no Rekor": {}, "one of the same name with another key": {Rekors: []verify.TrustedRekor{another}}} {
		if _, err := trust.VerifyAnchor(trusted, entry, first); !errors.Is(err, verify.ErrUnknownRekor) {
			t.Errorf("by a trust file with %s: %v", name, err)
		}
	}
	if _, err := trust.VerifyAnchor(&verify.TrustedLedger{}, entry, first); !errors.Is(err, verify.ErrUnknownRekor) {
		t.Errorf("by a trust file without the anchor key: %v", err)
	}

	// What is there already is as good as new.
	again := submit(first)
	if r.Trusted.Version == 1 && again.Index != anchor.Index {
		t.Errorf("submitted again it is entry %d, before %d", again.Index, anchor.Index)
	}

	// The tree grows, and can be shown to have only grown.
	newer := submit(note())
	if newer.Checkpoint.Size <= anchor.Checkpoint.Size {
		t.Fatalf("its tree had %d entries, and then %d", anchor.Checkpoint.Size, newer.Checkpoint.Size)
	}
	proof, err := r.Client.Consistency(ctx, anchor.Checkpoint, newer.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	check := func(root tlog.Hash) error {
		return tlog.CheckTree(proof, int64(newer.Checkpoint.Size), newer.Checkpoint.Root, int64(anchor.Checkpoint.Size), root)
	}
	if err := check(anchor.Checkpoint.Root); err != nil {
		t.Errorf("its trees of %d and %d: %v", anchor.Checkpoint.Size, newer.Checkpoint.Size, err)
	}
	if check(tlog.RecordHash([]byte("another"))) == nil {
		t.Error("the proof of consistency proves any root")
	}

	// Keys that are no use are refused, and time runs out.
	if _, err := r.Trusted.VerifyAnchor(anchor.Entry.Marshal(), first, &newKey(t).PublicKey); err == nil {
		t.Error("an entry by another key holds")
	}
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := r.Client.Submit(ended, sha256.Sum256(note()), key); err == nil {
		t.Error("it submitted after its context had ended")
	}
	if !bytes.Contains(anchor.Entry.CanonicalizedBody, []byte("hashedrekord")) {
		t.Errorf("its body: %s", anchor.Entry.CanonicalizedBody)
	}
}

func publicKeyOf(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}
