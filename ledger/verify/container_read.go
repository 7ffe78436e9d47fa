package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// part is where a member's bytes are in a file.
type part struct {
	name   string
	offset int64
	size   int64
}

// readBlock is how much of a file is in memory at once, in bytes.
const readBlock = 64 << 10

// openContainer finds the members of what marshalContainer wrote, and refuses anything
// else: it writes again all that stands around their bytes, and compares. Whatever the
// size, memory is for members' names and one block.
func openContainer(r io.ReaderAt, size int64) ([]part, error) {
	if size > MaxBundle {
		return nil, fmt.Errorf("it has %d bytes: the most is %d", size, int64(MaxBundle))
	}
	var parts []part
	w := newFrame(&differing{r: r, size: size})
	at := int64(0)
	header := make([]byte, localHeader+maxMember)
	for {
		n, err := r.ReadAt(header[:min(int64(len(header)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if !bytes.HasPrefix(header[:n], []byte("PK\x03\x04")) {
			break
		}
		if n < localHeader {
			return nil, errors.New("it is cut short")
		}
		le := binary.LittleEndian
		crc, length, name := le.Uint32(header[14:]), int64(le.Uint32(header[18:])), int64(le.Uint16(header[26:]))
		p := part{offset: at + localHeader + name, size: length}
		if p.offset+p.size > size || len(parts) == maxMembers {
			return nil, errors.New("it is cut short, or a length in it was changed")
		}
		if name > maxMember || !plainName(string(header[localHeader:localHeader+name])) {
			return nil, fmt.Errorf("it holds a file with the name %.100q", header[localHeader:min(n, localHeader+int(name))])
		}
		p.name = string(header[localHeader : localHeader+name])
		if len(parts) > 0 && p.name <= parts[len(parts)-1].name {
			return nil, fmt.Errorf("%.100q can't stand there", p.name)
		}
		sum, err := checksum(r, p)
		if err != nil {
			return nil, err
		}
		if sum != crc {
			if le.Uint16(header[6:]) != 0 || le.Uint16(header[8:]) != 0 {
				return nil, fmt.Errorf("%s is packed as saksi evidence doesn't: was it unpacked, and packed again by another program?", p.name)
			}
			return nil, fmt.Errorf("the bytes of %s are not those whose checksum stands before them", p.name)
		}
		if err := w.header(p.name, crc, uint32(length)); err != nil {
			return nil, err
		}
		w.skip(length)
		parts = append(parts, p)
		at = p.offset + p.size
	}
	if len(parts) == 0 {
		head := make([]byte, min(size, 64))
		if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, &NotEvidence{notBundle(head)}
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	if w.at != size {
		return nil, fmt.Errorf("it has %d bytes, and its zip %d", size, w.at)
	}
	return parts, nil
}

func checksum(r io.ReaderAt, p part) (uint32, error) {
	hash := crc32.NewIEEE()
	_, err := io.CopyBuffer(hash, io.NewSectionReader(r, p.offset, p.size), make([]byte, max(1, min(p.size, readBlock))))
	return hash.Sum32(), err
}

// differing is written what a file must hold, and is an error where it doesn't.
type differing struct {
	r    io.ReaderAt
	size int64
	at   int64
}

func (d *differing) Write(b []byte) (int, error) {
	have := make([]byte, len(b))
	n, err := d.r.ReadAt(have, d.at)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	for i := range b[:n] {
		if b[i] != have[i] {
			return 0, fmt.Errorf("byte %d is not the one that saksi evidence writes there: it was changed, or packed again by another program", d.at+int64(i))
		}
	}
	if n < len(b) {
		return 0, errors.New("it is cut short")
	}
	d.at += int64(n)
	return n, nil
}

// skipper is a writer that passes over what needn't be written.
type skipper interface{ skip(n int64) }

func (d *differing) skip(n int64) { d.at += n }
