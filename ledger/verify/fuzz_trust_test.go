package verify_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// FuzzOpenCheckpoint: what is believed is a note that the log signed, and another
// implementation of signed notes believes it too; it is written again as it was read.
func FuzzOpenCheckpoint(f *testing.F) {
	signer, log := fixedLog(f, origin)
	signed := someTree(f, 7).receipt(f, signer, 3).Checkpoint
	f.Add(signed)
	f.Add(bytes.Replace(signed, []byte("\n7\n"), []byte("\n07\n"), 1))
	f.Add(append(signed[:len(signed):len(signed)], "— someone else AAAAAA==\n"...))
	f.Add([]byte(origin + "\n7\n\n— x\n"))
	verifier, err := note.NewVerifier(log.Key())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := formats.ParseCheckpoint(text); err == nil && len(c.Origin) == 0 {
			t.Errorf("%q is a checkpoint without an origin", text)
		}
		c, err := log.OpenCheckpoint(text)
		if err != nil {
			return
		}
		n, err := note.Open(text, note.VerifierList(verifier))
		if err != nil {
			t.Fatalf("%q is believed, and the note package says %v", text, err)
		}
		plain, err := formats.ParseCheckpoint([]byte(n.Text))
		if err != nil || plain.Size != c.Size || plain.Root != c.Root || c.Origin != origin {
			t.Errorf("%q is %+v, and its text %+v: %v", text, c, plain, err)
		}
	})
}

// FuzzParseTrust: what a trust file names can be used, and is found by its name.
func FuzzParseTrust(f *testing.F) {
	_, log := fixedLog(f, origin)
	whole, err := json.Marshal(verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{{Origin: origin, Key: log.Key(), Owner: "mcmc, MY"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"v":1,"ledgers":[]}`))
	f.Add([]byte(`{"v":2,"ledgers":null}`))
	f.Add(bytes.Replace(whole, []byte(`"owner"`), []byte(`"ownr"`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		trust, err := verify.ParseTrust(text)
		if err != nil {
			return
		}
		for i := range trust.Ledgers {
			l := &trust.Ledgers[i]
			if found, ok := trust.Ledger(l.Origin); !ok || found != l {
				t.Errorf("%q: %s is not found", text, l.Origin)
			}
			if opened, err := l.Log(); err != nil || opened.Origin() == "" {
				t.Errorf("%q: %s has no key that opens: %v", text, l.Origin, err)
			}
		}
	})
}
