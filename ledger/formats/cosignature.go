package formats

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
)

const (
	// cosignatureV1 is the type of a cosigner's Ed25519 key in a verifier key.
	cosignatureV1 = 0x04
	// lastSecond is the last that RFC 3339 can write: the end of the year 9999.
	lastSecond = 253402300799
)

// Cosigner is a witness as its cosignatures name it: a name and an Ed25519 key
// (https://c2sp.org/tlog-cosignature). It is a note.Verifier.
type Cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	vkey string
}

// NewCosigner returns the Cosigner of a verifier key in the form of
// https://c2sp.org/signed-note, of the type 0x04.
func NewCosigner(vkey string) (*Cosigner, error) {
	c, err := parseCosigner(vkey)
	if err != nil {
		return nil, fmt.Errorf("witness key %.200q: %w", vkey, err)
	}
	return c, nil
}

func parseCosigner(vkey string) (*Cosigner, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	id, text, _ := strings.Cut(rest, "+")
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsSpace) || len(id) != 8 || strings.ToLower(id) != id {
		return nil, errors.New("want NAME+ID+KEY, as a witness shows it")
	}
	hash, err := strconv.ParseUint(id, 16, 32)
	if err != nil {
		return nil, errors.New("its id is not hexadecimal")
	}
	key, err := DecodeLine([]byte(text))
	switch {
	case err != nil || len(key) == 0:
		return nil, errors.New("its key is not in base64")
	case key[0] == 0x01:
		return nil, errors.New("it is a log's key, not a witness's")
	case key[0] != cosignatureV1:
		return nil, fmt.Errorf("its type is %#02x: this program knows 0x04, Ed25519 cosignatures", key[0])
	case len(key) != 1+ed25519.PublicKeySize:
		return nil, errors.New("it is no Ed25519 key")
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	if binary.BigEndian.Uint32(sum[:]) != uint32(hash) {
		return nil, errors.New("its id is not that of its name and key")
	}
	return &Cosigner{name: name, hash: uint32(hash), key: key[1:], vkey: vkey}, nil
}

// Name returns the witness's name, which stands in its cosignatures.
func (c *Cosigner) Name() string { return c.name }

// KeyHash returns the id of name and key.
func (c *Cosigner) KeyHash() uint32 { return c.hash }

// Key returns the verifier key.
func (c *Cosigner) Key() string { return c.vkey }

// Verify checks a cosignature on a checkpoint's text.
func (c *Cosigner) Verify(text, sig []byte) bool {
	seconds, ok := cosignatureTime(sig)
	if !ok {
		return false
	}
	signed := append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
	return ed25519.Verify(c.key, signed, sig[8:])
}

// cosignatureTime takes the time from a timestamped_signature.
func cosignatureTime(sig []byte) (seconds uint64, ok bool) {
	if len(sig) != 8+ed25519.SignatureSize {
		return 0, false
	}
	seconds = binary.BigEndian.Uint64(sig)
	return seconds, seconds <= lastSecond
}

// Cosignature says, by a witness's word, that at Time the checkpoint was of the
// largest tree that the witness had seen of this log, and consistent with all that it
// had seen before.
type Cosignature struct {
	By   *Cosigner
	Time time.Time
	// Line is the signature as it stands in the note, with its line feed.
	Line []byte
}

// Cosignatures returns those on a checkpoint by witnesses of the list, in the list's
// order. Signatures by others are not looked at; one by a witness of the list that
// doesn't hold is an error. The log's own signature is not looked at either:
// [Log.OpenCheckpoint] does that.
func Cosignatures(signed []byte, witnesses []*Cosigner) ([]Cosignature, error) {
	if len(signed) > MaxCheckpoint {
		return nil, fmt.Errorf("cosignatures: %d bytes: the most is %d", len(signed), MaxCheckpoint)
	}
	if len(witnesses) == 0 {
		return nil, nil
	}
	verifiers := make([]note.Verifier, len(witnesses))
	for i, w := range witnesses {
		verifiers[i] = w
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	var unknown *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unknown):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cosignatures: %w", err)
	}
	if err := CheckSignatures(n.Sigs); err != nil {
		return nil, fmt.Errorf("cosignatures: %w", err)
	}
	if _, err := parseCheckpoint(n.Text); err != nil {
		return nil, fmt.Errorf("cosignatures: %w", err)
	}
	var found []Cosignature
	for _, w := range witnesses {
		for _, s := range n.Sigs {
			if s.Name != w.name || s.Hash != w.hash {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(s.Base64)
			if err != nil || len(raw) < 4 {
				return nil, fmt.Errorf("cosignatures: that of %s is not in base64", s.Name)
			}
			seconds, _ := cosignatureTime(raw[4:])
			found = append(found, Cosignature{w, time.Unix(int64(seconds), 0).UTC(), fmt.Appendf(nil, "— %s %s\n", s.Name, s.Base64)})
		}
	}
	return found, nil
}

// RecordCosignatures returns what the ledger says of a checkpoint's cosignatures.
func RecordCosignatures(c *Checkpoint, cosignatures []Cosignature) events.CheckpointCosigned {
	r := events.CheckpointCosigned{Size: events.Integer(c.Size), Root: c.Root.String(), Cosignatures: []events.Cosignature{}}
	for _, s := range cosignatures {
		_, signature, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(string(s.Line), "— "), "\n"), " ")
		r.Cosignatures = append(r.Cosignatures, events.Cosignature{Witness: s.By.name, Time: events.At(s.Time), Signature: signature})
	}
	return r
}

// RecordedCosignatures returns the cosignatures by witnesses of the list that the
// ledger of an origin recorded, checked. The log's own signature is not needed: what
// says that the checkpoint is this tree's is that the tree has this root.
func RecordedCosignatures(origin string, r *events.CheckpointCosigned, witnesses []*Cosigner) ([]Cosignature, error) {
	text := fmt.Appendf(nil, "%s\n%d\n%s\n\n", origin, int64(r.Size), r.Root)
	times := map[string]time.Time{}
	for _, s := range r.Cosignatures {
		if strings.ContainsFunc(s.Witness+s.Signature, unicode.IsSpace) {
			return nil, fmt.Errorf("recorded cosignatures: %.100q is no witness's name", s.Witness)
		}
		text = fmt.Appendf(text, "— %s %s\n", s.Witness, s.Signature)
		times[s.Signature] = s.Time.Time
	}
	if len(r.Cosignatures) == 0 {
		return nil, nil
	}
	found, err := Cosignatures(text, witnesses)
	if err != nil {
		return nil, fmt.Errorf("recorded: %w", err)
	}
	for _, s := range found {
		_, signature, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(string(s.Line), "— "), "\n"), " ")
		if !times[signature].Equal(s.Time) {
			return nil, fmt.Errorf("recorded cosignatures: %s says another time than that of its signature", s.By.name)
		}
	}
	return found, nil
}
