package events

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
)

// TypeSealed is what is said to one authority alone.
const TypeSealed = "saksi.sealed.v1"

// MaxSealed is the largest ciphertext of a sealed event, in bytes.
const MaxSealed = 96 << 10

// ageIntro begins every age file and its first stanza.
const ageIntro = "age-encryption.org/v1\n-> "

// Sealed is the data of a sealed event. It takes its sequence number and its leaf like any other; what it is about,
// nobody but the recipient learns, its type included.
type Sealed struct {
	Authority  string `json:"authority"`
	Recipient  string `json:"recipient"`  // the authority's age key (age1…), or the digest of a key's text
	Ciphertext string `json:"ciphertext"` // base64 of an age file that isn't armored; within it is an event line
}

// NewSealed wraps an age file (age-encryption.org/v1) that was encrypted to an authority's key. It looks at the file's
// first bytes only: whether the authority can open it, the authority alone can tell.
func NewSealed(authority, recipient string, file []byte) (Sealed, error) {
	switch {
	case !ValidName(authority):
		return Sealed{}, fmt.Errorf("seal event: authority %q: want a-z, 0-9 and -, at most %d long", clip(authority), maxName)
	case len(file) > MaxSealed:
		return Sealed{}, fmt.Errorf("seal event: %d bytes: the most is %d", len(file), MaxSealed)
	case !bytes.HasPrefix(file, []byte(ageIntro)):
		return Sealed{}, errors.New("seal event: not an age file of version 1, or an armored one")
	}
	return Sealed{Authority: authority, Recipient: recipient, Ciphertext: base64.StdEncoding.EncodeToString(file)}, nil
}

// File returns the age file.
func (s Sealed) File() ([]byte, error) {
	file, err := base64.StdEncoding.Strict().DecodeString(s.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("sealed event: not base64: %w", err)
	}
	return file, nil
}
