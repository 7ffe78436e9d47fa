package verify_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// FuzzParseLeaf holds that a leaf has one written form, and is JSON.
func FuzzParseLeaf(f *testing.F) {
	for _, l := range someLeaves() {
		f.Add(l.Marshal())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := formats.ParseLeaf(text)
		if err != nil {
			return
		}
		if again := l.Marshal(); !bytes.Equal(again, text) {
			t.Errorf("%q\nis written again as\n%q", text, again)
		}
		var plain struct {
			V, Epoch, Seq    uint64
			First, Count, Of uint64
			Verdict          formats.Verdict
			Code, Digest     string
		}
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if plain.V != 1 || plain.Epoch != l.Epoch || plain.Seq != l.Seq || plain.Verdict != l.Verdict || plain.First != l.First ||
			plain.Count != l.Count || plain.Of != l.Of || plain.Code != l.Code || plain.Digest != l.Digest.String() {
			t.Errorf("%q is read as %+v, by encoding/json as %+v", text, l, plain)
		}
	})
}

// FuzzParseReceipt holds that a receipt has one written form, and that what we
// believe another implementation of tlog-proof believes too.
func FuzzParseReceipt(f *testing.F) {
	signer, log := fixedLog(f, origin)
	for _, n := range []int{1, 2, 7, 300} {
		f.Add(someTree(f, n).receipt(f, signer, n/2).Marshal())
	}
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n"))
	verifier, err := note.NewVerifier(log.Key())
	if err != nil {
		f.Fatal(err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(verifier))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := formats.ParseReceipt(text)
		if err != nil {
			return
		}
		if again := r.Marshal(); !bytes.Equal(again, text) {
			t.Errorf("%q\nis written again as\n%q", text, again)
		}
		if _, _, err := log.VerifyReceipt(r); err != nil {
			return
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(r.Leaf), text); err != nil {
			t.Errorf("%q\nis believed, and torchwood says %v", text, err)
		}
		if extra, err := torchwood.ProofExtraData(text); err != nil || !bytes.Equal(extra, r.Leaf) {
			t.Errorf("torchwood reads another leaf: %q, %v", extra, err)
		}
	})
}
