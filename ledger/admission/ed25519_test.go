package admission_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// cctv are the Ed25519 vectors of C2SP's Community Cryptography Test Vectors
// (https://github.com/C2SP/CCTV/tree/main/ed25519), about which verifiers differ.
// They are kept beside the repository.
var cctv = filepath.Join("..", "..", "..", "shared", "data", "cctv-ed25519", "ed25519vectors.json")

// TestSignaturesAreJudgedAsTheStandardLibraryDoes holds the ledger to one
// verdict on signatures about which implementations disagree.
func TestSignaturesAreJudgedAsTheStandardLibraryDoes(t *testing.T) {
	text, err := os.ReadFile(cctv)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the vectors of CCTV are not at %s", cctv)
	}
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Number   int
		Key, Sig string
		Msg      string
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	good := 0
	for _, v := range vectors {
		key, err := hex.DecodeString(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := hex.DecodeString(v.Sig)
		if err != nil {
			t.Fatal(err)
		}
		want := ed25519.Verify(key, []byte(v.Msg), sig)
		public, err := events.NewPublicKey(ed25519.PublicKey(key))
		if err != nil {
			t.Fatalf("vector %d: %v", v.Number, err)
		}
		again, err := events.ParsePublicKey(public.String())
		if err != nil || again.ID() != public.ID() {
			t.Errorf("vector %d: its key does not come back: %v", v.Number, err)
		}
		if got := again.Verify([]byte(v.Msg), sig); got != want {
			t.Errorf("vector %d: %v: the standard library says %v", v.Number, got, want)
		}
		if want {
			good++
		}
	}
	if len(vectors) < 900 || good == 0 || good == len(vectors) {
		t.Errorf("%d of %d vectors are good: these are not the vectors", good, len(vectors))
	}
}
