package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/paths"
)

// Bodies keeps each message's bytes beside the tree, found by leaf index. They lie
// in append-only segment files of some 128 MiB, named by their first leaf:
//
//	00000000000000000000.bodies    "SAKSIBD1", then for each body its length and
//	                               CRC-32C (4 bytes each, little endian) and bytes
//	00000000000000000000.offsets   where each body starts, 8 bytes, little endian
//
// The offsets can be made again from the bodies, and are, where they don't fit.
// One goroutine may write while any number read.
//
// A body never moves. Of one that was erased (see [Bodies.Erase]) what remains lies
// in its old place: the highest bit of its length is set, its bytes are the length of
// what remains (4 bytes, little endian), what remains, and zeros, and the sum is of
// those but the zeros.
type Bodies struct {
	dir      string
	maxBytes int64
	readOnly bool

	mu       sync.RWMutex
	segments []*segment // in order; the last is written to
	records  []byte     // what Append writes; kept for its memory
}

type segment struct {
	first   uint64
	count   uint64
	size    int64 // of the bodies file
	bodies  *os.File
	offsets *os.File
}

const (
	segmentMagic  = "SAKSIBD1"
	bodyHeader    = 8
	smallRecord   = 2 << 10 // what is read at once; most envelopes with one event are smaller
	segmentBytes  = 128 << 20
	largestBody   = 64 << 20 // more than any broker lets through
	keepRecords   = 16 << 20
	erasedFlag    = 1 << 31
	tornReads     = 3
	tornPause     = 5 * time.Millisecond
	bodiesSuffix  = ".bodies"
	offsetsSuffix = ".offsets"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn means that a segment's last record was not written whole.
var errTorn = errors.New("the record is not whole")

// OpenBodies opens the bodies of the first size leaves. What a crash left beyond
// them is cut off, unless readOnly; that one of them is missing is an error.
func OpenBodies(dir string, size uint64, readOnly bool) (*Bodies, error) {
	b := &Bodies{dir: dir, maxBytes: segmentBytes, readOnly: readOnly}
	if !readOnly {
		if err := durable.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open bodies: %w", err)
		}
	}
	if !readOnly {
		if err := b.redo(); err != nil {
			return nil, fmt.Errorf("open bodies in %s: %w", dir, err)
		}
	}
	if err := b.open(size); err != nil {
		b.Close()
		return nil, fmt.Errorf("open bodies in %s: %w", dir, err)
	}
	return b, nil
}

func (b *Bodies) open(size uint64) error {
	names, err := paths.List(b.dir, "", bodiesSuffix)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for i, name := range names {
		var first uint64
		if _, err := fmt.Sscanf(filepath.Base(name), "%020d"+bodiesSuffix, &first); err != nil {
			return fmt.Errorf("%s is not named like a segment", name)
		}
		if first >= size && first > 0 {
			if !b.readOnly {
				if err := errors.Join(os.Remove(name), RemoveIfThere(offsetsName(name))); err != nil {
					return err
				}
			}
			continue
		}
		next := size
		if i+1 < len(names) {
			fmt.Sscanf(filepath.Base(names[i+1]), "%020d", &next)
			next = min(next, size)
		}
		if i < len(b.segments) { // open already, and it may hold more by now
			if err := b.segments[i].extend(next - first); err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(name), err)
			}
			continue
		}
		s, err := b.openSegment(name, first, next-first)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		b.segments = append(b.segments, s)
	}
	if have := b.size(); have < size {
		return fmt.Errorf("the tree has %d leaves but there are bodies of %d only: bring back the missing segment files from a backup", size, have)
	}
	return nil
}

// grow makes bodies that were opened for reading those of the first size leaves,
// which have been written meanwhile.
func (b *Bodies) grow(size uint64) error {
	b.mu.RLock()
	have := b.size()
	b.mu.RUnlock()
	if size <= have {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if size <= b.size() {
		return nil
	}
	if err := b.open(size); err != nil {
		return fmt.Errorf("open bodies in %s: %w", b.dir, err)
	}
	return nil
}

func offsetsName(bodies string) string {
	return strings.TrimSuffix(bodies, bodiesSuffix) + offsetsSuffix
}

func RemoveIfThere(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// openSegment opens a segment and makes it hold count bodies: no more, and it is
// an error if there are fewer.
func (b *Bodies) openSegment(name string, first, count uint64) (*segment, error) {
	flag := os.O_RDWR
	if b.readOnly {
		flag = os.O_RDONLY
	}
	s := &segment{first: first, count: count}
	var err error
	if s.bodies, err = os.OpenFile(name, flag, 0); err != nil {
		return nil, err
	}
	if !b.readOnly {
		flag |= os.O_CREATE
	}
	if s.offsets, err = os.OpenFile(offsetsName(name), flag, 0o600); err != nil {
		s.close()
		return nil, err
	}
	if s.size, err = s.end(count); err != nil {
		if s.size, err = s.reindex(count, b.readOnly); err != nil {
			s.close()
			return nil, err
		}
	}
	if !b.readOnly {
		if err := errors.Join(s.bodies.Truncate(s.size), s.offsets.Truncate(int64(count)*8)); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// extend takes note that the segment holds count bodies by now.
func (s *segment) extend(count uint64) error {
	end, err := s.end(count)
	if err != nil {
		return fmt.Errorf("%d bodies: %w", count, err)
	}
	s.count, s.size = count, end
	return nil
}

// end returns where the first count bodies end, if the offsets say so and the
// last body is whole there.
func (s *segment) end(count uint64) (int64, error) {
	if _, err := s.readHead(); err != nil {
		return 0, err
	}
	if count == 0 {
		return int64(len(segmentMagic)), nil
	}
	at, err := s.offset(count - 1)
	if err != nil {
		return 0, err
	}
	r, err := s.read(at)
	if err != nil {
		return 0, err
	}
	return r.end(at), nil
}

func (s *segment) readHead() (string, error) {
	head := make([]byte, len(segmentMagic))
	if _, err := s.bodies.ReadAt(head, 0); err != nil || string(head) != segmentMagic {
		return "", errors.New("not a segment of bodies: its head is damaged")
	}
	return string(head), nil
}

// reindex makes the offsets of the first count bodies again by walking through
// the segment.
func (s *segment) reindex(count uint64, readOnly bool) (int64, error) {
	if _, err := s.readHead(); err != nil && count > 0 {
		return 0, err
	} else if err != nil { // created, and not yet written to
		if readOnly {
			return 0, err
		}
		if _, err := s.bodies.WriteAt([]byte(segmentMagic), 0); err != nil {
			return 0, err
		}
	}
	at := int64(len(segmentMagic))
	offsets := make([]byte, 0, count*8)
	for n := range count {
		r, err := s.read(at)
		if err != nil {
			return 0, fmt.Errorf("body of leaf %d: %w", s.first+n, err)
		}
		offsets = binary.LittleEndian.AppendUint64(offsets, uint64(at))
		at = r.end(at)
	}
	if !readOnly {
		if _, err := s.offsets.WriteAt(offsets, 0); err != nil {
			return 0, err
		}
	}
	return at, nil
}

func (s *segment) offset(n uint64) (int64, error) {
	var raw [8]byte
	if _, err := s.offsets.ReadAt(raw[:], int64(n)*8); err != nil {
		return 0, err
	}
	at := binary.LittleEndian.Uint64(raw[:])
	if at < uint64(len(segmentMagic)) || at > 1<<62 {
		return 0, errTorn
	}
	return int64(at), nil
}

// record is a body as it lies in a segment.
type record struct {
	body   []byte
	space  int64 // in bytes, without the header
	erased bool  // and body is what remains
}

func (r *record) end(at int64) int64 { return at + bodyHeader + r.space }

// read returns the record that starts at at.
func (s *segment) read(at int64) (*record, error) {
	var start [smallRecord]byte
	n, err := s.bodies.ReadAt(start[:], at)
	if n < bodyHeader {
		return nil, errors.Join(errTorn, err)
	}
	length, sum := binary.LittleEndian.Uint32(start[:4]), binary.LittleEndian.Uint32(start[4:])
	r := &record{erased: length&erasedFlag != 0}
	length &^= erasedFlag
	if length > largestBody {
		return nil, errTorn
	}
	r.space = int64(length)
	body := make([]byte, length)
	if have := copy(body, start[bodyHeader:n]); have < len(body) {
		if _, err := s.bodies.ReadAt(body[have:], at+bodyHeader+int64(have)); err != nil {
			return nil, errors.Join(errTorn, err)
		}
	}
	if r.erased {
		var ok bool
		if body, r.body, ok = remainder(body); !ok {
			return nil, errTorn
		}
	} else {
		r.body = body
	}
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errTorn
	}
	return r, nil
}

func (s *segment) close() error {
	var err error
	for _, f := range []*os.File{s.bodies, s.offsets} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

func (b *Bodies) size() uint64 {
	if len(b.segments) == 0 {
		return 0
	}
	last := b.segments[len(b.segments)-1]
	return last.first + last.count
}

// Append keeps the bodies of the next leaves. They are durable when it returns:
// write, fsync, and so is where they begin. After an error nothing may be appended until they are opened again.
func (b *Bodies) Append(bodies [][]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.segments) == 0 || b.segments[len(b.segments)-1].size >= b.maxBytes {
		if err := b.roll(); err != nil {
			return fmt.Errorf("begin a segment of bodies: %w", err)
		}
	}
	s := b.segments[len(b.segments)-1]
	total := 0
	for _, body := range bodies {
		total += bodyHeader + len(body)
	}
	records := slices.Grow(b.records[:0], total)
	if cap(records) <= keepRecords {
		b.records = records
	}
	offsets := make([]byte, 0, 8*len(bodies))
	for _, body := range bodies {
		offsets = binary.LittleEndian.AppendUint64(offsets, uint64(s.size)+uint64(len(records)))
		records = binary.LittleEndian.AppendUint32(records, uint32(len(body)))
		records = binary.LittleEndian.AppendUint32(records, crc32.Checksum(body, castagnoli))
		records = append(records, body...)
	}
	if _, err := s.bodies.WriteAt(records, s.size); err != nil {
		return fmt.Errorf("append bodies: %w", err)
	}
	if _, err := s.offsets.WriteAt(offsets, int64(s.count)*8); err != nil {
		return fmt.Errorf("append bodies: %w", err)
	}
	if err := s.sync(); err != nil {
		return fmt.Errorf("append bodies: %w", err)
	}
	s.size += int64(len(records))
	s.count += uint64(len(bodies))
	return nil
}

// sync makes both files durable, at once: most file systems do both in one commit. Offsets
// could be made again from the bodies; but where the power went, any of their pages may be
// gone, and not just the last, by which that would be noticed.
func (s *segment) sync() error {
	offsets := make(chan error, 1)
	go func() { offsets <- s.offsets.Sync() }()
	err := s.bodies.Sync()
	return errors.Join(err, <-offsets)
}

// roll begins a new segment: create, write the head, fsync the directory.
func (b *Bodies) roll() error {
	first := b.size()
	base := filepath.Join(b.dir, fmt.Sprintf("%020d", first))
	bodies, err := os.OpenFile(base+bodiesSuffix, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	offsets, err := os.OpenFile(base+offsetsSuffix, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		bodies.Close()
		return err
	}
	if _, err := bodies.Write([]byte(segmentMagic)); err != nil {
		bodies.Close()
		offsets.Close()
		return err
	}
	b.segments = append(b.segments, &segment{first: first, size: int64(len(segmentMagic)), bodies: bodies, offsets: offsets})
	return durable.SyncDir(b.dir)
}

// Read returns the body of a leaf, or what remains of one that was erased.
func (b *Bodies) Read(leaf uint64) ([]byte, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	s, at, err := b.find(leaf)
	if err != nil {
		return nil, fmt.Errorf("body of leaf %d: %w", leaf, err)
	}
	r, err := s.read(at)
	for range tornReads { // another process may be erasing it at this moment
		if err == nil {
			break
		}
		time.Sleep(tornPause)
		r, err = s.read(at)
	}
	if err != nil {
		return nil, fmt.Errorf("body of leaf %d: %w", leaf, err)
	}
	return r.body, nil
}

// find returns where the body of a leaf lies.
func (b *Bodies) find(leaf uint64) (*segment, int64, error) {
	i := sort.Search(len(b.segments), func(i int) bool { return b.segments[i].first > leaf }) - 1
	if i < 0 || leaf >= b.segments[i].first+b.segments[i].count {
		return nil, 0, errors.New("there is no such leaf")
	}
	s := b.segments[i]
	at, err := s.offset(leaf - s.first)
	return s, at, err
}

// Close closes the segment files.
func (b *Bodies) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	for _, s := range b.segments {
		err = errors.Join(err, s.close())
	}
	b.segments = nil
	return err
}

// Files returns the files that the next body and its offset are written to, so that tests
// of a writer can make a write fail. Both are nil while there is no body.
func (b *Bodies) Files() (bodies, offsets *os.File) {
	if len(b.segments) == 0 {
		return nil, nil
	}
	last := b.segments[len(b.segments)-1]
	return last.bodies, last.offsets
}
