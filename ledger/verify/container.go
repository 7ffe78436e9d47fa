package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	// MaxBundle is the most bytes that a bundle can have. Nothing in it is compressed.
	MaxBundle  = 1 << 30
	maxMembers = 1<<16 - 2
	maxMember  = 96 // of a member's name

	localHeader   = 30
	centralHeader = 46
	endOfZip      = 22
	dosEpoch      = 0x21 // 1980-01-01, the first day that a zip can name
)

// member is one file of a bundle.
type member struct {
	name string
	// write writes its bytes, the same each time that it is called.
	write func(io.Writer) error
}

// bytesMember is a member that is in memory.
func bytesMember(name string, b []byte) member {
	return member{name, func(w io.Writer) error { _, err := w.Write(b); return err }}
}

// writeContainer writes members as the one zip that holds them
// (APPNOTE.TXT, https://pkware.com/appnote): stored, in the order of their names'
// bytes, dated 1980-01-01, with no extra fields, comments or flags.
func writeContainer(w io.Writer, members []member) error {
	if len(members) > maxMembers {
		return fmt.Errorf("it would hold %d files: the most is %d", len(members), maxMembers)
	}
	f := newFrame(w)
	for i, m := range members {
		if !plainName(m.name) || i > 0 && m.name <= members[i-1].name {
			return fmt.Errorf("%.100q can't stand there", m.name)
		}
		measured := &measure{}
		if err := m.write(measured); err != nil {
			return err
		}
		if f.at+int64(len(f.directory))+measured.size > MaxBundle-endOfZip-localHeader-centralHeader-2*maxMember {
			return fmt.Errorf("it would be longer than %d bytes", MaxBundle)
		}
		if err := f.header(m.name, measured.sum, uint32(measured.size)); err != nil {
			return err
		}
		if err := m.write(f); err != nil {
			return err
		}
	}
	return f.end()
}

// marshalContainer is writeContainer into memory.
func marshalContainer(members []member) ([]byte, error) {
	var b bytes.Buffer
	if err := writeContainer(&b, members); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// measure counts and sums what is written to it.
type measure struct {
	size int64
	sum  uint32
}

func (m *measure) Write(b []byte) (int, error) {
	m.size += int64(len(b))
	m.sum = crc32.Update(m.sum, crc32.IEEETable, b)
	return len(b), nil
}

// frame writes what stands around members.
type frame struct {
	w         io.Writer
	at        int64
	count     int
	directory []byte
}

func newFrame(w io.Writer) *frame { return &frame{w: w} }

func (f *frame) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	f.at += int64(n)
	return n, err
}

// skip passes over a member's bytes.
func (f *frame) skip(n int64) {
	f.w.(skipper).skip(n)
	f.at += n
}

// header writes what stands before a member's bytes.
func (f *frame) header(name string, crc, size uint32) error {
	le := binary.LittleEndian
	offset := uint32(f.at)
	common := le.AppendUint16(nil, 10)  // version 1.0 extracts it
	common = le.AppendUint16(common, 0) // no flags
	common = le.AppendUint16(common, 0) // stored
	common = le.AppendUint32(common, dosEpoch<<16)
	common = le.AppendUint32(common, crc)
	common = le.AppendUint32(common, size)
	common = le.AppendUint32(common, size)
	common = le.AppendUint16(common, uint16(len(name)))
	common = le.AppendUint16(common, 0) // no extra field

	f.count++
	f.directory = append(f.directory, "PK\x01\x02"...)
	f.directory = le.AppendUint16(f.directory, 10) // made by version 1.0
	f.directory = append(f.directory, common...)
	f.directory = append(f.directory, make([]byte, 10)...) // no comment, disk 0, no attributes
	f.directory = le.AppendUint32(f.directory, offset)
	f.directory = append(f.directory, name...)

	_, err := f.Write(append(append([]byte("PK\x03\x04"), common...), name...))
	return err
}

// end writes the directory.
func (f *frame) end() error {
	le := binary.LittleEndian
	at := uint32(f.at)
	b := append([]byte(nil), f.directory...)
	b = append(b, "PK\x05\x06\x00\x00\x00\x00"...)
	b = le.AppendUint16(b, uint16(f.count))
	b = le.AppendUint16(b, uint16(f.count))
	b = le.AppendUint32(b, uint32(len(f.directory)))
	b = le.AppendUint32(b, at)
	b = le.AppendUint16(b, 0)
	_, err := f.Write(b)
	return err
}

// NotEvidence is the error where a file is no evidence at all: nothing was judged. A file
// that begins as evidence does, and isn't, doesn't hold.
type NotEvidence struct {
	// Is says what it is, or isn't.
	Is string
}

func (e *NotEvidence) Error() string { return e.Is }

// Recognize returns an error, in which there is a [NotEvidence] if so, unless a file can be
// read as what [Verify], [VerifyProof] or [VerifyReceiptOf] judges. It judges nothing.
func Recognize(r io.ReaderAt, size int64) error {
	if _, ok, err := ReadProof(r); ok || err != nil {
		return err
	}
	if _, ok, err := ReadReceipt(r); ok || err != nil {
		return err
	}
	_, err := openBundle(r, size)
	return err
}

// notBundle says what b is instead.
func notBundle(b []byte) string {
	switch {
	case len(b) == 0:
		return "it is empty"
	case bytes.HasPrefix(b, []byte("c2sp.org/tlog-proof")):
		return "it is a receipt, no evidence bundle: a receipt proves a leaf, and saksi audit looks at receipts"
	}
	return "it is not the zip that an evidence bundle is"
}

func plainName(s string) bool {
	if s == "" || len(s) > maxMember {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '/' && c != '.' {
			return false
		}
	}
	return true
}

// readMost reads a part that is to be in memory whole.
func readMost(r io.ReaderAt, p part, most int64) ([]byte, error) {
	if p.size > most {
		return nil, fmt.Errorf("%s has %d bytes: the most is %d", p.name, p.size, most)
	}
	b := make([]byte, p.size)
	if _, err := r.ReadAt(b, p.offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}
