package home

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"math/big"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/saksi-ledger/saksi/events"
)

// FuzzAgentSignature holds that what is taken from an agent for an ECDSA signature is
// the same two numbers in DER, written in the one way.
func FuzzAgentSignature(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		f.Fatal(err)
	}
	sig, err := signer.Sign(rand.Reader, []byte("message"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sig.Format, sig.Blob)
	f.Add(ssh.KeyAlgoED25519, make([]byte, 64))
	f.Add(ssh.KeyAlgoECDSA256, []byte("\x00\x00\x00\x01\x01\x00\x00\x00\x01\xff"))
	f.Add(ssh.KeyAlgoECDSA256, []byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, format string, blob []byte) {
		got := &ssh.Signature{Format: format, Blob: blob}
		if raw, err := agentSignature(events.Ed25519, got); err == nil && (len(raw) != 64 || format != ssh.KeyAlgoED25519) {
			t.Errorf("%x is a signature of Ed25519", raw)
		}
		der, err := agentSignature(events.ECDSAP256, got)
		if err != nil {
			return
		}
		var theirs, ours struct{ R, S *big.Int }
		if err := ssh.Unmarshal(blob, &theirs); err != nil {
			t.Fatal(err)
		}
		if rest, err := asn1.Unmarshal(der, &ours); err != nil || len(rest) > 0 || len(der) > 72 ||
			ours.R.Cmp(theirs.R) != 0 || ours.S.Cmp(theirs.S) != 0 || ours.R.Sign() <= 0 || ours.S.Sign() <= 0 {
			t.Errorf("%x becomes %x: %v", blob, der, err)
		}
	})
}
