package events

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/saksi-ledger/saksi/events/canonical"
)

const (
	// MaxEnvelope is the largest envelope that is admitted, in bytes.
	MaxEnvelope = 256 << 10
	// MaxSignatures is the most signatures that an envelope can carry.
	MaxSignatures = 8

	maxKeyID     = 128
	maxSignature = 512
)

// Envelope is one message: line 1 is a DSSE envelope
// (https://github.com/secure-systems-lab/dsse, version 1.0.2) around the
// manifest, every further line one event. Lines end with a line feed, the last
// one too.
//
// Line 1 has one written form: keys in the order payloadType, payload,
// signatures, keyid, sig, no white space, standard base64 with padding.
type Envelope struct {
	Manifest   *Manifest
	Signatures []Signature
	// Lines are the events, without their line feeds. They may be fewer or more
	// than the manifest's digests: admission compares them.
	Lines [][]byte

	payload []byte
	line1   []byte
}

// Signature is one signature over the pre-authentication encoding of an
// envelope's payload.
type Signature struct {
	KeyID KeyID
	Sig   []byte
}

// Signer signs envelopes with one key.
type Signer struct {
	key    PublicKey
	signer crypto.Signer
}

// NewSigner returns a Signer for a private key of Ed25519 or ECDSA P-256, held in
// memory or elsewhere: s.Public must return an [ed25519.PublicKey] or an
// [*ecdsa.PublicKey], and s.Sign signatures as the standard library's own keys make
// them. An s that hashes by itself, as an ssh-agent does, is a [crypto.MessageSigner].
// It is as safe for concurrent use as s is.
func NewSigner(s crypto.Signer) (*Signer, error) {
	key, err := NewPublicKey(s.Public())
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, signer: s}, nil
}

// PublicKey returns the signer's public key.
func (s *Signer) PublicKey() PublicKey { return s.key }

// Sign signs any message, such as a request to take part, with the signer's key. The
// signature has been verified: a key held elsewhere that signs something else, or by
// other rules, is an error here and not a rejection later.
func (s *Signer) Sign(random io.Reader, message []byte) ([]byte, error) {
	hash := crypto.Hash(0)
	if s.key.Algorithm() == ECDSAP256 {
		hash = crypto.SHA256
	}
	sig, err := crypto.SignMessage(s.signer, random, message, hash)
	switch {
	case err != nil:
		return nil, err
	case !s.key.Verify(message, sig):
		return nil, fmt.Errorf("what key %.12s returned is not its signature (%s)", s.key.ID(), s.key.Algorithm())
	}
	return sig, nil
}

// Seal signs a manifest over lines and returns the envelope. It sets m.Events
// from lines; the rest of m must be filled. A line must not hold a line feed.
func Seal(m *Manifest, lines [][]byte, signers ...*Signer) (*Envelope, error) {
	switch {
	case len(lines) == 0 || len(lines) > MaxEvents:
		return nil, fmt.Errorf("seal envelope for %s: %d events: want 1 to %d", m.Recorder, len(lines), MaxEvents)
	case len(signers) == 0 || len(signers) > MaxSignatures:
		return nil, fmt.Errorf("seal envelope for %s: %d signers: want 1 to %d", m.Recorder, len(signers), MaxSignatures)
	}
	m.Events = make([]Digest, len(lines))
	for i, line := range lines {
		if bytes.IndexByte(line, '\n') >= 0 {
			return nil, fmt.Errorf("seal envelope for %s: event %d holds a line feed", m.Recorder, i+1)
		}
		m.Events[i] = DigestOf(line)
	}
	e := &Envelope{Manifest: m, Lines: lines, payload: m.Marshal()}
	message := e.SignedBytes()
	for _, s := range signers {
		sig, err := s.Sign(rand.Reader, message)
		if err != nil {
			return nil, fmt.Errorf("seal envelope for %s with key %.12s: %w", m.Recorder, s.key.ID(), err)
		}
		e.Signatures = append(e.Signatures, Signature{KeyID: s.key.ID(), Sig: sig})
	}
	e.line1 = e.marshalLine1()
	if size := e.Size(); size > MaxEnvelope {
		return nil, fmt.Errorf("seal envelope for %s: %d bytes: the most is %d", m.Recorder, size, MaxEnvelope)
	}
	return e, nil
}

// SignedBytes returns what the signatures are over: DSSE's pre-authentication
// encoding (PAE) of the payload.
func (e *Envelope) SignedBytes() []byte {
	b := make([]byte, 0, len(PayloadType)+len(e.payload)+32)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(PayloadType)), 10)
	b = append(b, ' ')
	b = append(b, PayloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(e.payload)), 10)
	b = append(b, ' ')
	return append(b, e.payload...)
}

// ManifestDigest returns the SHA-256 of the manifest as it was signed. It
// identifies the envelope: receipts are asked for by it, the next manifest
// names it as previous, and the same one again is a duplicate, however often and
// by whichever of its owner's keys it was signed: line 1 differs then, and so does
// its digest, which is what a leaf holds.
func (e *Envelope) ManifestDigest() Digest { return DigestOf(e.payload) }

// Line1 returns line 1 without its line feed. It must not be changed.
func (e *Envelope) Line1() []byte { return e.line1 }

// Size returns the length of the marshalled envelope in bytes.
func (e *Envelope) Size() int {
	n := len(e.line1) + 1
	for _, line := range e.Lines {
		n += len(line) + 1
	}
	return n
}

// Marshal returns the whole envelope.
func (e *Envelope) Marshal() []byte {
	b := make([]byte, 0, e.Size())
	b = append(append(b, e.line1...), '\n')
	for _, line := range e.Lines {
		b = append(append(b, line...), '\n')
	}
	return b
}

// CheckDigests returns an error that names the first event that differs from what the
// manifest says, or that there are fewer or more events than digests.
func (e *Envelope) CheckDigests() error {
	return e.checkDigests(func([]byte) bool { return false })
}

func (e *Envelope) checkDigests(erased func(line []byte) bool) error {
	if len(e.Lines) != len(e.Manifest.Events) {
		return fmt.Errorf("%d events follow a manifest of %d", len(e.Lines), len(e.Manifest.Events))
	}
	for i, line := range e.Lines {
		if !erased(line) && DigestOf(line) != e.Manifest.Events[i] {
			return fmt.Errorf("event %d (line %d) is not the one whose digest was signed", i+1, i+2)
		}
	}
	return nil
}

const (
	line1Head = `{"payloadType":"` + PayloadType + `","payload":"`
	line1Sigs = `,"signatures":[`
)

func (e *Envelope) marshalLine1() []byte {
	b := make([]byte, 0, len(line1Head)+base64.StdEncoding.EncodedLen(len(e.payload))+200*len(e.Signatures)+32)
	b = append(b, line1Head...)
	b = base64.StdEncoding.AppendEncode(b, e.payload)
	b = append(b, '"')
	b = append(b, line1Sigs...)
	for i, s := range e.Signatures {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"keyid":"`...)
		b = append(b, s.KeyID...)
		b = append(b, `","sig":"`...)
		b = base64.StdEncoding.AppendEncode(b, s.Sig)
		b = append(b, `"}`...)
	}
	return append(b, "]}"...)
}

// ParseEnvelope reads the structure of an envelope: its lines, line 1 and the
// manifest. It looks neither into events nor at signatures or digests. The
// result aliases body.
func ParseEnvelope(body []byte) (*Envelope, error) {
	if len(body) == 0 || body[len(body)-1] != '\n' {
		return nil, errors.New("an envelope's last line ends with a line feed")
	}
	first := bytes.IndexByte(body, '\n')
	e, err := ParseLine1(body[:first:first])
	if err != nil {
		return nil, err
	}
	rest := body[first+1:]
	if n := bytes.Count(rest, []byte{'\n'}); n > 0 {
		e.Lines = make([][]byte, 0, n)
	}
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		e.Lines = append(e.Lines, rest[:end:end])
		rest = rest[end+1:]
	}
	return e, nil
}

// ParseLine1 reads line 1 of an envelope alone: an Envelope without its events.
func ParseLine1(line []byte) (*Envelope, error) {
	e := &Envelope{line1: line}
	r := canonical.NewReader(line)
	r.Literal(line1Head)
	payload := r.Quoted("the manifest in base64", len(line))
	r.Literal(line1Sigs)
	if !r.Skip("]}") {
		for more := true; more && r.OK(); more = r.Skip(`,`) {
			r.Literal(`{"keyid":"`)
			keyID := KeyID(r.Quoted("a key id", maxKeyID))
			r.Literal(`,"sig":"`)
			sig, err := decodeBase64(r.Quoted("a signature in base64", maxSignature))
			r.Literal(`}`)
			if err != nil {
				return nil, fmt.Errorf("line 1: signature %d: %w", len(e.Signatures)+1, err)
			}
			if len(e.Signatures) == MaxSignatures {
				return nil, fmt.Errorf("line 1: more than %d signatures", MaxSignatures)
			}
			if r.OK() && slices.ContainsFunc(e.Signatures, func(s Signature) bool { return s.KeyID == keyID }) {
				return nil, fmt.Errorf("line 1: two signatures by key %.12s", keyID)
			}
			e.Signatures = append(e.Signatures, Signature{KeyID: keyID, Sig: sig})
		}
		r.Literal(`]}`)
	}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	var err error
	if e.payload, err = decodeBase64(payload); err != nil {
		return nil, fmt.Errorf("line 1: payload: %w", err)
	}
	if e.Manifest, err = ParseManifest(e.payload); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	return e, nil
}

func decodeBase64(s []byte) ([]byte, error) {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Strict().Decode(b, s)
	if err != nil {
		return nil, fmt.Errorf("not standard base64: %w", err)
	}
	return b[:n], nil
}
