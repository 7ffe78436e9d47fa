package events

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Disclosure is one personal fact that an event holds only as a digest: an
// SD-JWT disclosure for an object property (RFC 9901, section 4.2.1), in its
// base64url form.
type Disclosure string

// NewDisclosure makes the disclosure of name and value with a salt of 128 random
// bits read from random.
func NewDisclosure(name string, value any, random io.Reader) (Disclosure, error) {
	salt, err := randomText(random)
	if err != nil {
		return "", err
	}
	b, err := marshalJSON([]any{salt, name, value})
	if err != nil {
		return "", fmt.Errorf("disclosure of %s: %w", name, err)
	}
	return Disclosure(base64.RawURLEncoding.EncodeToString(b)), nil
}

// Digest returns what stands for d in an object's _sd array: the base64url
// SHA-256 of d's base64url form (RFC 9901, section 4.2.3).
func (d Disclosure) Digest() string {
	sum := sha256.Sum256([]byte(d))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Open returns what d discloses.
func (d Disclosure) Open() (name string, value any, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(d))
	if err == nil && base64.RawURLEncoding.EncodeToString(b) != string(d) {
		err = errors.New("it has line breaks, which the decoder lets pass")
	}
	if err != nil {
		return "", nil, fmt.Errorf("disclosure: not base64url: %w", err)
	}
	var parts []any
	if err := json.Unmarshal(b, &parts); err != nil {
		return "", nil, fmt.Errorf("disclosure: not JSON: %w", err)
	}
	if len(parts) == 3 {
		if name, ok := parts[1].(string); ok {
			return name, parts[2], nil
		}
	}
	return "", nil, fmt.Errorf("disclosure: want [salt, name, value], found %d elements", len(parts))
}

// sdStep is what the number of digests in an _sd array is padded to a multiple
// of, so that it says little about how many facts there are.
const sdStep = 4

// SD returns the _sd array for disclosures: their digests and enough decoys
// (RFC 9901, section 4.2.5) to make a multiple of four, sorted. It returns nil
// for none: an object about nobody needs no decoys.
func SD(disclosures []Disclosure, random io.Reader) ([]string, error) {
	if len(disclosures) == 0 {
		return nil, nil
	}
	digests := make([]string, 0, len(disclosures)+sdStep)
	for _, d := range disclosures {
		digests = append(digests, d.Digest())
	}
	for len(digests)%sdStep != 0 {
		decoy, err := randomText(random)
		if err != nil {
			return nil, err
		}
		digests = append(digests, Disclosure(decoy).Digest())
	}
	slices.Sort(digests)
	return digests, nil
}

// randomText returns 128 random bits in base64url.
func randomText(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
