package rekor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// signature is what an entry holds beside the digest.
type signature struct {
	der []byte // ASN.1
	key []byte // DER SubjectPublicKeyInfo
}

// sign signs a digest. Without random bytes the signature is that of RFC 6979, always
// the same, so that a Rekor recognises an entry that it has already.
func sign(digest [sha256.Size]byte, key *ecdsa.PrivateKey, random io.Reader) (*signature, error) {
	der, err := key.Sign(random, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign with the anchor key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("sign with the anchor key: %w", err)
	}
	return &signature{der, public}, nil
}

// byLogAlone returns a checkpoint's note with the log's own signature and no others:
// cosignatures come later, and what is anchored must be one sequence of bytes.
func byLogAlone(log *verify.Log, checkpoint *verify.Checkpoint) ([]byte, error) {
	verifier, err := note.NewVerifier(log.Key())
	if err != nil {
		return nil, err
	}
	n, err := note.Open(checkpoint.Note, note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("checkpoint to be anchored: %w", err)
	}
	s := n.Sigs[0]
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(raw) < 5 || binary.BigEndian.Uint32(raw) != s.Hash {
		return nil, fmt.Errorf("checkpoint to be anchored: its signature is not as a signed note has it")
	}
	return []byte(n.Text + "\n— " + s.Name + " " + s.Base64 + "\n"), nil
}
