package verify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// bundleFile is a bundle that lies in a file: all of it is in memory but its leaves and
// their proof, which are read one by one.
type bundleFile struct {
	Bundle
	r             io.ReaderAt
	leaves, proof part
}

func (f *bundleFile) readLeaves() *leafReader {
	return &leafReader{r: f.reader(f.leaves)}
}

func (f *bundleFile) readProof() *hashReader {
	return &hashReader{f.reader(f.proof)}
}

func (f *bundleFile) reader(p part) *bufio.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(f.r, p.offset, p.size), int(min(p.size, readBlock)))
}

// openBundle reads a bundle but for leaves and proof.
func openBundle(r io.ReaderAt, size int64) (*bundleFile, error) {
	parts, err := openContainer(r, size)
	if err == nil {
		p := &bundleParser{r: r, parts: parts}
		var f *bundleFile
		if f, err = p.bundle(); err == nil {
			if err = f.checkOrder(); err == nil {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("evidence bundle: %w", err)
}

// ReadBundle reads a bundle into memory, all of it: that may be as much as [MaxBundle].
func ReadBundle(r io.ReaderAt, size int64) (*Bundle, error) {
	f, err := openBundle(r, size)
	if err != nil {
		return nil, err
	}
	b := &f.Bundle
	leaves := f.readLeaves()
	for l := leaves.peek(); l != nil; l = leaves.peek() {
		b.Leaves = append(b.Leaves, BundledLeaf{l.index, l.raw, l.line1, l.events})
		leaves.take()
	}
	if err := leaves.failed(); err != nil {
		return nil, fmt.Errorf("evidence bundle: %w", err)
	}
	hashes := f.readProof()
	for {
		hash, ok, err := hashes.next()
		if err != nil {
			return nil, fmt.Errorf("evidence bundle: %w", err)
		}
		if !ok {
			return b, nil
		}
		b.Proof = append(b.Proof, hash)
	}
}

// ParseBundle is [ReadBundle] of what is in memory already.
func ParseBundle(b []byte) (*Bundle, error) {
	return ReadBundle(bytes.NewReader(b), int64(len(b)))
}

// bundleParser takes members one by one, in their order.
type bundleParser struct {
	r     io.ReaderAt
	parts []part
}

// next returns the next member if it has this name, of at most so many bytes.
func (p *bundleParser) next(name string, most int64) ([]byte, bool, error) {
	if len(p.parts) == 0 || p.parts[0].name != name {
		return nil, false, nil
	}
	data, err := readMost(p.r, p.parts[0], most)
	p.parts = p.parts[1:]
	return data, true, err
}

func (p *bundleParser) must(name string, most int64) ([]byte, error) {
	data, ok, err := p.next(name, most)
	if err == nil && !ok {
		err = fmt.Errorf("%s is missing, or stands elsewhere", name)
	}
	return data, err
}

// mustBe returns the next member, unread.
func (p *bundleParser) mustBe(name string) (part, error) {
	if len(p.parts) == 0 || p.parts[0].name != name {
		return part{}, fmt.Errorf("%s is missing, or stands elsewhere", name)
	}
	found := p.parts[0]
	p.parts = p.parts[1:]
	return found, nil
}

// below tells whether the next member stands below a directory.
func (p *bundleParser) below(dir string) bool {
	return len(p.parts) > 0 && strings.HasPrefix(p.parts[0].name, dir+"/")
}

func (p *bundleParser) bundle() (*bundleFile, error) {
	f := &bundleFile{r: p.r}
	about, err := p.must(aboutMember, maxAbout)
	if err != nil {
		return nil, err
	}
	if f.About, f.Withheld, err = parseAbout(about); err != nil {
		return nil, err
	}
	for p.below("anchors") {
		if len(f.Anchors) == MaxAnchors {
			return nil, fmt.Errorf("it holds more than %d anchors", MaxAnchors)
		}
		a, err := p.anchor(len(f.Anchors))
		if err != nil {
			return nil, err
		}
		f.Anchors = append(f.Anchors, a)
	}
	if f.Checkpoint, err = p.must(checkpointMember, formats.MaxCheckpoint); err != nil {
		return nil, err
	}
	for p.below("cosigned") {
		if len(f.Cosigned) == MaxCosigned {
			return nil, fmt.Errorf("it holds more than %d cosigned checkpoints", MaxCosigned)
		}
		c, err := p.cosigned(len(f.Cosigned))
		if err != nil {
			return nil, err
		}
		f.Cosigned = append(f.Cosigned, c)
	}
	if f.leaves, err = p.mustBe(leavesMember); err != nil {
		return nil, err
	}
	if f.proof, err = p.mustBe(proofMember); err != nil {
		return nil, err
	}
	for p.below("timestamps") {
		if len(f.Timestamps) == MaxTimestamps {
			return nil, fmt.Errorf("it holds more than %d timestamps", MaxTimestamps)
		}
		t, err := p.timestamp(len(f.Timestamps))
		if err != nil {
			return nil, err
		}
		f.Timestamps = append(f.Timestamps, t)
	}
	if len(p.parts) > 0 {
		return nil, fmt.Errorf("there is no place for a file %s", p.parts[0].name)
	}
	return f, nil
}

func parseAbout(b []byte) (refs, withheld []events.Ref, _ error) {
	text, ok := strings.CutPrefix(string(b), aboutHead)
	if strings.HasPrefix(string(b), "saksi evidence v") && !ok {
		return nil, nil, errors.New("it is of another version than this program knows, saksi evidence v2: make it again with saksi evidence")
	}
	if !ok {
		return nil, nil, fmt.Errorf("%s does not begin with the line %q", aboutMember, strings.TrimSpace(aboutHead))
	}
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return nil, nil, fmt.Errorf("the last line of %s has no end", aboutMember)
		}
		line, hole := strings.CutSuffix(line, withheldMark)
		ref, err := events.ParseRef(line)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", aboutMember, err)
		}
		if refs = append(refs, ref); len(refs) > MaxEvents {
			return nil, nil, fmt.Errorf("it is about more than %d events", MaxEvents)
		}
		if hole {
			withheld = append(withheld, ref)
		}
		text = rest
	}
	return refs, withheld, nil
}

func (p *bundleParser) anchor(i int) (a BundledAnchor, err error) {
	if a.Checkpoint, err = p.must(anchorMember(i, "checkpoint"), formats.MaxCheckpoint); err != nil {
		return a, err
	}
	if a.Consistency, err = p.consistency(anchorMember(i, "consistency")); err != nil {
		return a, err
	}
	a.Entry, err = p.must(anchorMember(i, "entry.json"), maxLogEntry)
	return a, err
}

func (p *bundleParser) cosigned(i int) (c BundledCosigned, err error) {
	if c.Checkpoint, err = p.must(cosignedMember(i, "checkpoint"), formats.MaxCheckpoint); err != nil {
		return c, err
	}
	c.Consistency, err = p.consistency(cosignedMember(i, "consistency"))
	return c, err
}

func (p *bundleParser) timestamp(i int) (t BundledTimestamp, err error) {
	if t.Checkpoint, err = p.must(timestampMember(i, "checkpoint"), formats.MaxCheckpoint); err != nil {
		return t, err
	}
	if t.Consistency, err = p.consistency(timestampMember(i, "consistency")); err != nil {
		return t, err
	}
	t.Token, err = p.must(timestampMember(i, "token"), MaxToken)
	return t, err
}

// consistency takes a consistency proof, if that is next.
func (p *bundleParser) consistency(name string) ([]tlog.Hash, error) {
	text, ok, err := p.next(name, maxProofText)
	if err != nil || !ok {
		return nil, err
	}
	hashes, err := formats.ParseHashes(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return hashes, nil
}

// maxProofText bounds a consistency proof, in bytes.
const maxProofText = 64 << 10

// errNoLeaf is what a bundle without leaves is told.
var errNoLeaf = errors.New("it holds no leaf")
