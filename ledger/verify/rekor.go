package verify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// maxTreeSize is the largest size and index that [tlog] takes.
const maxTreeSize = 1<<63 - 1

// TrustedRekor is a transparency log in which ledgers are anchored
// (https://docs.sigstore.dev/logging/overview).
type TrustedRekor struct {
	// Origin is the first line of the Rekor's checkpoints. Of version 1 that is
	// "<hostname> - <tree id>", or "<hostname>" alone for all of its trees.
	Origin string `json:"origin"`
	// Key signs them: ECDSA P-256 or Ed25519, as the base64 of its DER
	// SubjectPublicKeyInfo; of version 2 also as a verifier key
	// (https://c2sp.org/signed-note).
	Key string `json:"key"`
	// Version is 1 (Trillian) or 2 (tiles).
	Version int `json:"version"`
	// Owner says who runs it.
	Owner string `json:"owner,omitempty"`
	// Independent says that its owner is nobody whom the evidence is about: only
	// then does an anchor in it say more than the ledger's own word.
	Independent bool `json:"independent,omitzero"`
}

// rekor is a trusted Rekor's key, read.
type rekor struct {
	key   crypto.PublicKey
	name  string // of its signatures on notes
	logID [sha256.Size]byte
}

func (r *TrustedRekor) open() (*rekor, error) {
	opened := &rekor{name: r.Origin}
	der, err := base64.StdEncoding.Strict().DecodeString(r.Key)
	if err == nil {
		opened.key, err = x509.ParsePKIXPublicKey(der)
	}
	switch {
	case err == nil:
	case r.Version == 2:
		name, key, err := parseVerifierKey(r.Key)
		if err != nil {
			return nil, fmt.Errorf("its key is neither the base64 of a SubjectPublicKeyInfo nor a verifier key of Ed25519: %w", err)
		}
		if name != r.Origin {
			return nil, fmt.Errorf("its key is one of %.100q", name)
		}
		opened.key = key
	default:
		return nil, fmt.Errorf("its key is not the base64 of a SubjectPublicKeyInfo: %w", err)
	}
	switch key := opened.key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, errors.New("its key is ECDSA on another curve than P-256")
		}
	case ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("its key is a %T: want ECDSA P-256 or Ed25519", key)
	}
	// Encoded again, so that the id is that of the usual encoding.
	if der, err = x509.MarshalPKIXPublicKey(opened.key); err != nil {
		return nil, err
	}
	opened.logID = sha256.Sum256(der)
	switch r.Version {
	case 1:
		host, tree, one := strings.Cut(r.Origin, treeSeparator)
		if one && !decimal(tree) {
			return nil, fmt.Errorf("its origin has the tree id %.40q, which is no number", tree)
		}
		opened.name = host
	case 2:
		if key, ok := opened.key.(ed25519.PublicKey); ok {
			opened.logID = sha256.Sum256(append([]byte(r.Origin+"\n\x01"), key...))
		}
	default:
		return nil, fmt.Errorf("its version is %d: want 1 or 2", r.Version)
	}
	if opened.name == "" || strings.ContainsAny(opened.name, "+ \t\r\n") {
		return nil, fmt.Errorf("its origin %.100q can't be the name of a key", r.Origin)
	}
	return opened, nil
}

// Check says what is wrong with origin, key and version, if anything is.
func (r *TrustedRekor) Check() error {
	_, err := r.open()
	return err
}

// treeSeparator stands between host name and tree id in an origin of Rekor v1.
const treeSeparator = " - "

func decimal(s string) bool {
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && strconv.FormatUint(n, 10) == s
}

// parseVerifierKey reads a verifier key of Ed25519.
func parseVerifierKey(s string) (name string, _ ed25519.PublicKey, _ error) {
	if _, err := note.NewVerifier(s); err != nil {
		return "", nil, err
	}
	parts := strings.SplitN(s, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize {
		return "", nil, errors.New("not the key of a verifier")
	}
	return parts[0], key[1:], nil
}

// Name, KeyHash and Verify make a note.Verifier of it. C2SP's own key ids hash the
// name too; Rekor v1, and ECDSA in both versions, hash the encoded key alone. Both
// are the first four bytes of the log's id.
func (r *rekor) Name() string    { return r.name }
func (r *rekor) KeyHash() uint32 { return binary.BigEndian.Uint32(r.logID[:]) }
func (r *rekor) Verify(message, sig []byte) bool {
	switch key := r.key.(type) {
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, digest[:], sig)
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, sig)
	}
	return false
}

// ProvenEntry is what a Rekor has put its signature to about a [LogEntry].
type ProvenEntry struct {
	// Index is the entry's, over all shards of a Rekor v1.
	Index uint64
	// Checkpoint is the Rekor's, and covers the entry.
	Checkpoint *formats.Checkpoint
	// IntegratedTime is when the entry came, to the second, by the word of that
	// Rekor alone. It is zero in version 2, which gives none.
	IntegratedTime time.Time
}

// VerifyEntry checks that an entry of any kind stands in this Rekor: the checkpoint
// is signed by its key, of its origin, and of the size of the inclusion proof, which
// leads from the body to the checkpoint's root; in version 1 also the promise that
// holds the time. It says nothing about what the body means.
func (r *TrustedRekor) VerifyEntry(e *LogEntry) (*ProvenEntry, error) {
	proven, err := r.verifyEntry(e)
	if err != nil {
		return nil, fmt.Errorf("entry in the Rekor %s: %w", r.Origin, err)
	}
	return proven, nil
}

func (r *TrustedRekor) verifyEntry(e *LogEntry) (*ProvenEntry, error) {
	opened, err := r.open()
	if err != nil {
		return nil, err
	}
	proof := &e.InclusionProof
	if !bytes.Equal(e.LogID.KeyID, opened.logID[:]) {
		return nil, errors.New("it names another log by its id")
	}
	checkpoint, err := r.openCheckpoint(opened, []byte(proof.Checkpoint.Envelope))
	if err != nil {
		return nil, err
	}
	switch {
	case proof.TreeSize != checkpoint.Size:
		return nil, fmt.Errorf("its inclusion proof is for a tree of %d, its checkpoint of %d", proof.TreeSize, checkpoint.Size)
	case !bytes.Equal(proof.RootHash, checkpoint.Root[:]):
		return nil, errors.New("its inclusion proof is for another root than its checkpoint's")
	case proof.LogIndex >= checkpoint.Size:
		return nil, fmt.Errorf("index %d is not in a tree of %d", proof.LogIndex, checkpoint.Size)
	}
	path := make(tlog.RecordProof, len(proof.Hashes))
	for i, h := range proof.Hashes {
		if len(h) != tlog.HashSize {
			return nil, fmt.Errorf("hash %d of its inclusion proof has %d bytes", i+1, len(h))
		}
		path[i] = tlog.Hash(h)
	}
	if err := tlog.CheckRecord(path, int64(checkpoint.Size), checkpoint.Root, int64(proof.LogIndex), tlog.RecordHash(e.CanonicalizedBody)); err != nil {
		return nil, errors.New("its inclusion proof does not lead to the root of its checkpoint")
	}
	proven := &ProvenEntry{Index: e.LogIndex, Checkpoint: checkpoint}
	switch {
	case r.Version == 1 && e.LogIndex < proof.LogIndex:
		return nil, fmt.Errorf("its index over all shards is %d, in its own %d", e.LogIndex, proof.LogIndex)
	case r.Version == 1:
		if err := opened.verifyPromise(e); err != nil {
			return nil, err
		}
		proven.IntegratedTime = time.Unix(int64(e.IntegratedTime), 0).UTC()
	case e.LogIndex != proof.LogIndex:
		return nil, fmt.Errorf("its index is %d, its inclusion proof is for %d", e.LogIndex, proof.LogIndex)
	case e.IntegratedTime != 0 || e.InclusionPromise != nil:
		return nil, errors.New("it has a time, which a Rekor of version 2 does not give")
	}
	return proven, nil
}

// openCheckpoint checks the Rekor's signature and origin on one of its checkpoints.
// Signatures by keys that are not known are ignored, as C2SP has it.
func (r *TrustedRekor) openCheckpoint(opened *rekor, signed []byte) (*formats.Checkpoint, error) {
	if len(signed) > formats.MaxCheckpoint {
		return nil, fmt.Errorf("a checkpoint of %d bytes: the most is %d", len(signed), formats.MaxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(opened))
	if err != nil {
		return nil, fmt.Errorf("its checkpoint: %w", err)
	}
	checkpoint, err := formats.ParseCheckpoint([]byte(n.Text))
	if err == nil {
		err = formats.CheckSignatures(n.Sigs)
	}
	if err != nil {
		return nil, fmt.Errorf("its checkpoint: %w", err)
	}
	host, tree, one := strings.Cut(checkpoint.Origin, treeSeparator)
	anyTree := r.Version == 1 && one && host == r.Origin && decimal(tree)
	if checkpoint.Origin != r.Origin && !anyTree {
		return nil, fmt.Errorf("its checkpoint has the origin %.100q", checkpoint.Origin)
	}
	checkpoint.Note = signed
	return checkpoint, nil
}

// OpenCheckpoint checks this Rekor's signature and origin on one of its checkpoints.
func (r *TrustedRekor) OpenCheckpoint(signed []byte) (*formats.Checkpoint, error) {
	opened, err := r.open()
	if err == nil {
		var checkpoint *formats.Checkpoint
		if checkpoint, err = r.openCheckpoint(opened, signed); err == nil {
			return checkpoint, nil
		}
	}
	return nil, fmt.Errorf("checkpoint of the Rekor %s: %w", r.Origin, err)
}

// verifyPromise checks version 1's signed entry timestamp, a signature over the
// canonical JSON (RFC 8785) of body, time, log and index.
func (r *rekor) verifyPromise(e *LogEntry) error {
	if e.InclusionPromise == nil || e.IntegratedTime == 0 {
		return errors.New("it has no signed time, as an entry of version 1 has")
	}
	var b []byte
	b = append(b, `{"body":"`...)
	b = base64.StdEncoding.AppendEncode(b, e.CanonicalizedBody)
	b = append(b, `","integratedTime":`...)
	b = strconv.AppendUint(b, e.IntegratedTime, 10)
	b = append(b, `,"logID":"`...)
	b = hex.AppendEncode(b, e.LogID.KeyID)
	b = append(b, `","logIndex":`...)
	b = strconv.AppendUint(b, e.LogIndex, 10)
	b = append(b, '}')
	if !r.Verify(b, e.InclusionPromise.SignedEntryTimestamp) {
		return errors.New("the signature over its time does not hold")
	}
	return nil
}
