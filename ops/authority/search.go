package authority

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/paths"
)

// search looks for the texts of targets in all files below a directory.
func search(dir string, targets []Target) (*Found, error) {
	var texts [][]byte
	for _, t := range targets {
		texts = append(texts, t.texts...)
	}
	wanted := newNeedles(texts)
	found := &Found{Hits: []string{}}
	err := paths.Walk(dir, func(path string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() {
			return nil
		}
		hit, n, err := wanted.inFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		found.Files++
		found.Bytes += n
		if hit {
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			found.Hits = append(found.Hits, name)
		}
		return nil
	})
	if err == nil && found.Files == 0 {
		err = errors.New("there is no file: nothing was searched")
	}
	if err != nil {
		return nil, fmt.Errorf("search %s for what was erased: %w", dir, err)
	}
	return found, nil
}

// needles are texts that are looked for at once, however many they are: each position is
// looked up by the eight bytes that stand there.
type needles struct {
	longest int
	short   [][]byte            // less than eight bytes: looked for one by one
	by      map[uint64][][]byte // by their first eight bytes
	may     [1 << 10]uint64     // which of 65,536 pairs of bytes a text begins with
}

func newNeedles(texts [][]byte) *needles {
	n := &needles{by: map[uint64][][]byte{}}
	for _, text := range texts {
		n.longest = max(n.longest, len(text))
		switch {
		case len(text) == 0:
		case len(text) < 8:
			n.short = append(n.short, text)
		default:
			key := binary.LittleEndian.Uint64(text)
			n.by[key] = append(n.by[key], text)
			n.may[uint16(key)>>6] |= 1 << (key & 63)
		}
	}
	return n
}

// in reports whether one of the texts is in part.
func (n *needles) in(part []byte) bool {
	for _, text := range n.short {
		if bytes.Contains(part, text) {
			return true
		}
	}
	if len(n.by) == 0 {
		return false
	}
	for i := 0; i+8 <= len(part); i++ {
		if pair := binary.LittleEndian.Uint16(part[i:]); n.may[pair>>6]&(1<<(pair&63)) == 0 {
			continue
		}
		for _, text := range n.by[binary.LittleEndian.Uint64(part[i:])] {
			if bytes.HasPrefix(part[i:], text) {
				return true
			}
		}
	}
	return false
}

// inFile reports whether a file holds one of the texts, reading it in parts that overlap
// by the longest, and how many bytes it read.
func (n *needles) inFile(path string) (bool, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, 0, err
	}
	defer f.Close()
	part := make([]byte, 0, 1<<20+n.longest)
	var total int64
	for {
		read, err := io.ReadFull(f, part[len(part):cap(part)])
		part, total = part[:len(part)+read], total+int64(read)
		if n.in(part) {
			return true, total, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, total, nil
		} else if err != nil {
			return false, total, err
		}
		keep := min(n.longest, len(part))
		part = part[:copy(part, part[len(part)-keep:])]
	}
}
