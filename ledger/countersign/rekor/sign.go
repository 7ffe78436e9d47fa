package rekor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
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
