package verify

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// writeLeaves writes the member that holds leaves: of each, a line with its index, the
// leaf, line 1 of its envelope, and a line for each of the envelope's events, empty for
// those that are not shown.
func writeLeaves(w io.Writer, leaves []BundledLeaf) error {
	b := bufio.NewWriterSize(w, readBlock)
	for i := range leaves {
		l := &leaves[i]
		leaf, err := formats.ParseLeaf(l.Leaf)
		if err != nil {
			return fmt.Errorf("leaf %d: %w", l.Index, err)
		}
		if leaf.Count > events.MaxEvents {
			return fmt.Errorf("leaf %d: %d events: the most is %d", l.Index, leaf.Count, events.MaxEvents)
		}
		fmt.Fprintf(b, "%d\n", l.Index)
		b.Write(l.Leaf)
		b.WriteByte('\n')
		b.Write(l.Line1)
		b.WriteByte('\n')
		next := 0
		for place := range int(leaf.Count) {
			if next < len(l.Events) && l.Events[next].Place == place {
				b.Write(l.Events[next].Line)
				next++
			}
			b.WriteByte('\n')
		}
		if next < len(l.Events) {
			return fmt.Errorf("leaf %d: it has %d events, and none at place %d", l.Index, leaf.Count, l.Events[next].Place)
		}
	}
	return b.Flush()
}

// leafReader reads them one by one. It proves nothing of what it reads.
type leafReader struct {
	r      *bufio.Reader
	before uint64
	begun  bool
	peeked *readLeaf
	err    error
}

// readLeaf is a leaf as it was read.
type readLeaf struct {
	index  uint64
	raw    []byte
	leaf   *formats.Leaf
	line1  []byte
	events []BundledEvent
}

// peek returns the next leaf without taking it; nil after the last, or after an error.
func (r *leafReader) peek() *readLeaf {
	if r.peeked == nil && r.err == nil {
		r.peeked, r.err = r.read()
	}
	return r.peeked
}

// take takes the leaf that peek returned.
func (r *leafReader) take() { r.peeked = nil }

// failed returns what ended the reading, if that wasn't the end.
func (r *leafReader) failed() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

func (r *leafReader) read() (*readLeaf, error) {
	text, err := readLine(r.r, 20)
	if err != nil {
		return nil, err
	}
	l := &readLeaf{}
	if l.index, err = strconv.ParseUint(string(text), 10, 63); err != nil || strconv.FormatUint(l.index, 10) != string(text) {
		return nil, fmt.Errorf("%s: %.40q is no index of a leaf", leavesMember, text)
	}
	if r.begun && l.index <= r.before {
		return nil, fmt.Errorf("leaf %d stands after leaf %d", l.index, r.before)
	}
	r.before, r.begun = l.index, true
	fail := func(err error) (*readLeaf, error) {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is cut short")
		}
		return nil, fmt.Errorf("leaf %d: %w", l.index, err)
	}
	if l.raw, err = readLine(r.r, formats.MaxLeaf); err != nil {
		return fail(err)
	}
	if l.leaf, err = formats.ParseLeaf(l.raw); err != nil {
		return fail(err)
	}
	switch {
	case l.leaf.Verdict != formats.Accepted:
		return nil, fmt.Errorf("leaf %d is %s: evidence is of accepted leaves", l.index, l.leaf.Verdict)
	case l.leaf.Count > events.MaxEvents:
		return fail(fmt.Errorf("%d events: the most is %d", l.leaf.Count, events.MaxEvents))
	}
	if l.line1, err = readLine(r.r, events.MaxEnvelope); err != nil {
		return fail(err)
	}
	for place := range int(l.leaf.Count) {
		line, err := readLine(r.r, events.MaxEnvelope)
		if err != nil {
			return fail(err)
		}
		if len(line) > 0 {
			l.events = append(l.events, BundledEvent{place, line})
		}
	}
	return l, nil
}

// readLine reads a line of at most so many bytes, and returns it without its line feed;
// [io.EOF] only where there is nothing more.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		some, err := r.ReadSlice('\n')
		line = append(line, some...)
		switch {
		case len(line) > most+1:
			return nil, fmt.Errorf("a line has more than %d bytes", most)
		case err == nil:
			return line[: len(line)-1 : len(line)-1], nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, errors.New("the last line has no end")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// hashReader reads hashes in base64, a line each.
type hashReader struct{ r *bufio.Reader }

// next returns false after the last.
func (h *hashReader) next() (tlog.Hash, bool, error) {
	line, err := readLine(h.r, base64.StdEncoding.EncodedLen(tlog.HashSize))
	if errors.Is(err, io.EOF) {
		return tlog.Hash{}, false, nil
	}
	if err == nil {
		var hash []byte
		if hash, err = formats.DecodeLine(line); err == nil && len(hash) == tlog.HashSize {
			return tlog.Hash(hash), true, nil
		}
	}
	return tlog.Hash{}, false, fmt.Errorf("%s: a line is not the base64 of 32 bytes", proofMember)
}
