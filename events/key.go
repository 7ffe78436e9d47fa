package events

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeyID identifies a public key: the lower-case hexadecimal SHA-256 of its DER
// SubjectPublicKeyInfo. Since it is computed from the key, a signature that
// names it can be checked against one key only.
type KeyID string

// PublicKey is a key that signs envelopes: Ed25519 (RFC 8032). The zero
// PublicKey is not valid.
type PublicKey struct {
	id  KeyID
	der string // SubjectPublicKeyInfo
	key ed25519.PublicKey
}

// NewPublicKey wraps pub, which must be an [ed25519.PublicKey].
func NewPublicKey(pub crypto.PublicKey) (PublicKey, error) {
	key, ok := pub.(ed25519.PublicKey)
	if !ok {
		return PublicKey{}, fmt.Errorf("public key of type %T: only Ed25519 signs envelopes", pub)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return PublicKey{id: KeyID(hex.EncodeToString(sum[:])), der: string(der), key: key}, nil
}

// ParsePublicKey reads a key as registry events hold it: the standard base64 of
// its DER SubjectPublicKeyInfo (RFC 8410).
func ParsePublicKey(s string) (PublicKey, error) {
	der, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key: not base64: %w", err)
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key: not a SubjectPublicKeyInfo: %w", err)
	}
	key, err := NewPublicKey(pub)
	if err != nil {
		return PublicKey{}, err
	}
	// The decoder lets line breaks pass, and x509 more than one encoding.
	if key.String() != s {
		return PublicKey{}, errors.New("public key: not the one written form of this key")
	}
	return key, nil
}

// ID returns the key's identifier.
func (k PublicKey) ID() KeyID { return k.id }

// IsZero reports whether k is unset.
func (k PublicKey) IsZero() bool { return k.key == nil }

// String returns the form that [ParsePublicKey] reads.
func (k PublicKey) String() string { return base64.StdEncoding.EncodeToString([]byte(k.der)) }

// Ed25519 returns the key's 32 bytes. They are shared, not copied.
func (k PublicKey) Ed25519() ed25519.PublicKey { return k.key }

// Verify reports whether sig is a signature of message, by the rules of Go's
// standard library: the verdict that counts in this ledger, whatever faster
// path came before it.
func (k PublicKey) Verify(message, sig []byte) bool {
	return !k.IsZero() && ed25519.Verify(k.key, message, sig)
}
