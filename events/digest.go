package events

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 digest. It reads and writes as "sha256:" and 64 lower-case
// hexadecimal digits.
type Digest [sha256.Size]byte

const (
	digestPrefix = "sha256:"
	digestLen    = len(digestPrefix) + 2*sha256.Size
)

// DigestOf returns the SHA-256 digest of b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// ParseDigest reads a digest in its one written form.
func ParseDigest(s string) (Digest, error) { return parseDigest([]byte(s)) }

func parseDigest(s []byte) (Digest, error) {
	var d Digest
	if len(s) != digestLen || string(s[:len(digestPrefix)]) != digestPrefix || !lowerHex(s[len(digestPrefix):]) {
		return d, fmt.Errorf("digest %q: want sha256: and 64 lower-case hexadecimal digits", clip(string(s)))
	}
	_, err := hex.Decode(d[:], s[len(digestPrefix):])
	return d, err
}

// IsZero reports whether d is unset.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns d in its written form.
func (d Digest) String() string { return string(d.append(nil)) }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return d.append(nil), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Digest) UnmarshalText(b []byte) error {
	parsed, err := parseDigest(b)
	if err == nil {
		*d = parsed
	}
	return err
}

func (d Digest) append(b []byte) []byte {
	return hex.AppendEncode(append(b, digestPrefix...), d[:])
}

func lowerHex(s []byte) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
