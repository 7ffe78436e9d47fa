package events

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
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

// Algorithm is how a key signs.
type Algorithm string

// The algorithms that sign envelopes, as admission rule sets name them.
const (
	// Ed25519 is RFC 8032's, over the message itself; a signature has 64 bytes.
	Ed25519 Algorithm = "ed25519"
	// ECDSAP256 is ECDSA (FIPS 186-5) on P-256 over the message's SHA-256; a
	// signature is the ASN.1 DER of ECDSA-Sig-Value (RFC 3279, 2.2.3), at most 72
	// bytes.
	ECDSAP256 Algorithm = "ecdsa-p256"
)

// PublicKey is a key that signs envelopes. The zero PublicKey is not valid.
type PublicKey struct {
	id  KeyID
	der string            // SubjectPublicKeyInfo
	ed  ed25519.PublicKey // one of these two
	ec  *ecdsa.PublicKey
}

// NewPublicKey wraps pub, which must be an [ed25519.PublicKey] or an
// [*ecdsa.PublicKey] on P-256.
func NewPublicKey(pub crypto.PublicKey) (PublicKey, error) {
	var k PublicKey
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		k.ed = pub
	case *ecdsa.PublicKey:
		if pub.Curve != elliptic.P256() {
			return PublicKey{}, fmt.Errorf("public key on the curve %s: of ECDSA only P-256 signs envelopes", pub.Params().Name)
		}
		k.ec = pub
	default:
		return PublicKey{}, fmt.Errorf("public key of type %T: only Ed25519 and ECDSA P-256 sign envelopes", pub)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return PublicKey{}, fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	k.id, k.der = KeyID(hex.EncodeToString(sum[:])), string(der)
	return k, nil
}

// ParsePublicKey reads a key as registry events hold it: the standard base64 of
// its DER SubjectPublicKeyInfo (RFC 8410; for P-256 RFC 5480, with the point
// uncompressed). A key has one such form, and so one identifier.
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
func (k PublicKey) IsZero() bool { return k.der == "" }

// String returns the form that [ParsePublicKey] reads.
func (k PublicKey) String() string { return base64.StdEncoding.EncodeToString([]byte(k.der)) }

// Algorithm returns how the key signs; empty for the zero PublicKey.
func (k PublicKey) Algorithm() Algorithm {
	switch {
	case k.ed != nil:
		return Ed25519
	case k.ec != nil:
		return ECDSAP256
	}
	return ""
}

// Crypto returns the key as the standard library has it: an [ed25519.PublicKey],
// an [*ecdsa.PublicKey], or nil for the zero PublicKey. It is shared, not copied.
func (k PublicKey) Crypto() crypto.PublicKey {
	switch {
	case k.ed != nil:
		return k.ed
	case k.ec != nil:
		return k.ec
	}
	return nil
}

// Verify reports whether sig is a signature of message, by the rules of Go's
// standard library: the verdict that counts in this ledger, whatever faster
// path came before it.
//
// One message can have more than one good signature. By ECDSA each signing gives
// another, and whoever has one, (r, s), can make (r, n-s) without the key; both
// count, since many signers make either. So nothing may be identified by a
// signature, or by what holds one: see [Envelope.ManifestDigest].
func (k PublicKey) Verify(message, sig []byte) bool {
	switch {
	case k.ed != nil:
		return ed25519.Verify(k.ed, message, sig)
	case k.ec != nil:
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(k.ec, digest[:], sig)
	}
	return false
}
