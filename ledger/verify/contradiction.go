package verify

import (
	"bytes"
	"fmt"
	"io"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Contradiction is what proof proves that a ledger has made against itself: a
// [*ForkStatement] or an [*OrderStatement].
type Contradiction interface {
	// Text returns all of it for people, and Said the same sentence by sentence.
	Text() string
	// TextIn is [TextOf] of its sentences.
	TextIn(columns int) string
	Said() []Sentence
}

// ReadProof reads a file that begins as proof of a fork or of a broken order does, at most
// one byte more than any can have, by which one that is longer is known; ok is false of any
// other file.
func ReadProof(r io.ReaderAt) (proof []byte, ok bool, err error) {
	head := make([]byte, max(len(forkHead), len(orderHead)))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, false, err
	}
	if !IsFork(head) && !IsOrder(head) {
		return nil, false, nil
	}
	proof, err = io.ReadAll(io.NewSectionReader(r, 0, max(MaxFork, MaxOrder)+1))
	return proof, true, err
}

// VerifyProof checks proof as [ReadProof] reads it.
func VerifyProof(b []byte, trust *Trust) (Contradiction, error) {
	if IsOrder(b) {
		s, err := VerifyOrder(b, trust)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := VerifyFork(b, trust)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// UnknownLedger is the error where a file is of a ledger that the trust file doesn't name:
// nothing was judged.
type UnknownLedger struct {
	Origin string
	says   string
}

func (e *UnknownLedger) Error() string { return e.says }

// openNamed opens a checkpoint by the ledger of the trust file that has its origin.
func (t *Trust) openNamed(note []byte) (*TrustedLedger, *formats.Checkpoint, error) {
	text, err := formats.ParseCheckpoint(note)
	if err != nil {
		return nil, nil, err
	}
	ledger, ok := t.Ledger(text.Origin)
	if !ok {
		return nil, nil, &UnknownLedger{text.Origin, fmt.Sprintf("the trust file names no ledger %s", safetext.Word(text.Origin))}
	}
	log, err := ledger.Log()
	if err != nil {
		return nil, nil, err
	}
	c, err := log.OpenCheckpoint(note)
	return ledger, c, err
}

// CutNote takes a signed note from the beginning of b: lines that are not empty, an
// empty line, and signatures.
func CutNote(b []byte) (note, rest []byte, ok bool) {
	end := bytes.Index(b, []byte("\n\n"))
	if end <= 0 || b[0] == '\n' {
		return nil, nil, false
	}
	end += 2
	signatures := 0
	for bytes.HasPrefix(b[end:], []byte("— ")) {
		line := bytes.IndexByte(b[end:], '\n')
		if line < 0 {
			return nil, nil, false
		}
		end += line + 1
		signatures++
	}
	return b[:end:end], b[end:], signatures > 0
}

func forkedCommit(c *formats.Checkpoint) ForkedCommit {
	return ForkedCommit{Size: c.Size, Root: c.Root, Digest: events.DigestOf(c.Note)}
}

// whose words the trust file's word about who owns a ledger, behind its name.
func whose(owner string) string {
	if owner == "" {
		return ""
	}
	return ", which is " + safetext.Word(owner) + "'s,"
}
