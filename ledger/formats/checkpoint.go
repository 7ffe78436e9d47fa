package formats

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxCheckpoint bounds a signed checkpoint, cosignatures included, in bytes.
const MaxCheckpoint = 64 << 10

// maxSize is the largest tree that is believed, in leaves. Beyond 2^62 the
// arithmetic of x/mod/sumdb/tlog doesn't end.
const maxSize = 1 << 52

// Checkpoint is a tree head that its log has signed
// (https://c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   tlog.Hash
	// Note is the signed note as it came, further signatures included.
	Note []byte
}

// Tree returns the checkpoint's size and root as x/mod/sumdb/tlog has them.
func (c *Checkpoint) Tree() tlog.Tree { return tlog.Tree{N: int64(c.Size), Hash: c.Root} }

// Reaches tells why a tree that ends at c can't have all that is under another checkpoint; nil
// if it seems to have it: that it does, hashes say.
func (c *Checkpoint) Reaches(wanted *Checkpoint) error {
	switch {
	case c.Origin != wanted.Origin:
		return fmt.Errorf("that is another ledger: %s, not %s", c.Origin, wanted.Origin)
	case c.Size < wanted.Size:
		return fmt.Errorf("it ends with leaf %d, as an older copy does: %d leaves are needed", int64(c.Size)-1, wanted.Size)
	case c.Size == wanted.Size && c.Root != wanted.Root:
		return fmt.Errorf("that is another tree of %s: it has another root with the same %d leaves", c.Origin, c.Size)
	}
	return nil
}

// Log is a ledger as its checkpoints name it: an origin and the key that signs
// them. It is safe for concurrent use.
type Log struct {
	verifier note.Verifier
	key      string
}

// NewLog returns the Log of a verifier key in the form of
// https://c2sp.org/signed-note, whose name is the origin.
func NewLog(key string) (*Log, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("log key %q: %w", key, err)
	}
	return &Log{verifier: v, key: key}, nil
}

// Origin returns the log's origin.
func (l *Log) Origin() string { return l.verifier.Name() }

// Key returns the log's verifier key.
func (l *Log) Key() string { return l.key }

// OpenCheckpoint checks the log's signature and origin on a signed checkpoint.
// Signatures by others are kept and not looked at.
func (l *Log) OpenCheckpoint(signed []byte) (*Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return nil, fmt.Errorf("checkpoint: %d bytes: the most is %d", len(signed), MaxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(l.verifier))
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", l.Origin(), err)
	}
	c, err := parseCheckpoint(n.Text)
	if err == nil {
		err = CheckSignatures(n.Sigs)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", l.Origin(), err)
	}
	if c.Origin != l.Origin() {
		return nil, fmt.Errorf("checkpoint has the origin %q: want %q", c.Origin, l.Origin())
	}
	c.Note = signed
	return c, nil
}

// CheckSignatures refuses signatures whose base64 has bits that mean nothing: package
// note lets them pass, and two notes would say the same.
func CheckSignatures(sigs []note.Signature) error {
	for _, s := range sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return fmt.Errorf("the signature of %s is not in strict base64", s.Name)
		}
	}
	return nil
}

// ParseCheckpoint reads a checkpoint's text, whoever has signed it or not. Signatures
// after it are not looked at.
func ParseCheckpoint(text []byte) (*Checkpoint, error) { return parseCheckpoint(string(text)) }

func parseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 || lines[0] == "" {
		return nil, errors.New("want an origin, a size and a root, a line each")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, fmt.Errorf("size %.40q is no decimal number", lines[1])
	}
	if size > maxSize {
		return nil, fmt.Errorf("a tree of %d leaves is not believed", size)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return nil, errors.New("the root is not the base64 of 32 bytes")
	}
	return &Checkpoint{Origin: lines[0], Size: uint64(size), Root: tlog.Hash(root)}, nil
}
