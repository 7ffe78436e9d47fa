package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// redoFile holds an erasure on its way: the name of a segment, a line feed, where in
// it to write (8 bytes, little endian), what to write, and the CRC-32C of all that
// (4 bytes). What is erased is not in it.
const redoFile = "erasing.redo"

// Erase leaves of a leaf's body only what remains of it; an empty slice leaves nothing.
// The bytes of the rest are overwritten where they lie. It is durable when it returns,
// and never half done: what is to be written is fsynced in a file of its own first, and
// written again when the bodies are next opened, if it had not been finished. After an
// error the bodies must be opened again. Erasing what was erased is no error.
func (b *Bodies) Erase(leaf uint64, remains []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	fail := func(err error) error { return fmt.Errorf("erase the body of leaf %d: %w", leaf, err) }
	s, at, err := b.find(leaf)
	if err != nil {
		return fail(err)
	}
	r, err := s.read(at)
	if err != nil {
		return fail(err)
	}
	if bytes.Equal(r.body, remains) {
		return nil
	}
	record, err := erasedRecord(r.space, remains)
	if err != nil {
		return fail(err)
	}
	if err := b.writeRedo(s.bodies.Name(), at, record); err != nil {
		return fail(err)
	}
	return b.redo()
}

// erasedRecord returns what is written over a record of the given space.
func erasedRecord(space int64, remains []byte) ([]byte, error) {
	record := make([]byte, bodyHeader+space)
	binary.LittleEndian.PutUint32(record, uint32(space)|erasedFlag)
	content := record[bodyHeader:]
	used := 0
	switch {
	case int64(len(remains))+4 <= space:
		binary.LittleEndian.PutUint32(content, uint32(len(remains)))
		used = 4 + copy(content[4:], remains)
	case len(remains) > 0: // less than one line, which has its line feed and a digit, was taken out
		return nil, fmt.Errorf("what remains, %d bytes, does not fit into the place of %d", len(remains), space)
	}
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(content[:used], castagnoli))
	return record, nil
}

// remainder returns, of an erased record's content, what the sum is of and what
// remains of the body. A place of less than four bytes has no room to say that nothing
// does.
func remainder(content []byte) (summed, remains []byte, ok bool) {
	if len(content) < 4 {
		return nil, []byte{}, true
	}
	n := uint64(binary.LittleEndian.Uint32(content))
	if n > uint64(len(content)-4) {
		return nil, nil, false
	}
	return content[:4+n], content[4 : 4+n : 4+n], true
}

func (b *Bodies) writeRedo(segment string, at int64, record []byte) error {
	text := append([]byte(filepath.Base(segment)), '\n')
	text = binary.LittleEndian.AppendUint64(text, uint64(at))
	text = append(text, record...)
	text = binary.LittleEndian.AppendUint32(text, crc32.Checksum(text, castagnoli))
	f, err := os.OpenFile(filepath.Join(b.dir, redoFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return durable.SyncDir(b.dir)
}

// redo does what is in the redo file, if there is one: write, fsync, remove. One that
// is not whole was never begun, and the erasure is asked for again.
func (b *Bodies) redo() error {
	path := filepath.Join(b.dir, redoFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if name, at, record, ok := parseRedo(text); ok {
		f, err := os.OpenFile(filepath.Join(b.dir, name), os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("finish an erasure: %w", err)
		}
		_, err = f.WriteAt(record, at)
		if err == nil {
			err = f.Sync()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("finish an erasure: %w", err)
		}
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return durable.SyncDir(b.dir)
}

func parseRedo(text []byte) (name string, at int64, record []byte, ok bool) {
	if len(text) < 4 {
		return "", 0, nil, false
	}
	body, sum := text[:len(text)-4], binary.LittleEndian.Uint32(text[len(text)-4:])
	first, rest, found := bytes.Cut(body, []byte{'\n'})
	if !found || len(rest) < 8+bodyHeader || crc32.Checksum(body, castagnoli) != sum {
		return "", 0, nil, false
	}
	name = string(first)
	if filepath.Base(name) != name || !strings.HasSuffix(name, bodiesSuffix) {
		return "", 0, nil, false
	}
	return name, int64(binary.LittleEndian.Uint64(rest)), rest[8:], true
}

// Erased reports whether something of a leaf's body was erased.
func (b *Bodies) Erased(leaf uint64) (bool, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	s, at, err := b.find(leaf)
	if err != nil {
		return false, fmt.Errorf("body of leaf %d: %w", leaf, err)
	}
	r, err := s.read(at)
	if err != nil {
		return false, fmt.Errorf("body of leaf %d: %w", leaf, err)
	}
	return r.erased, nil
}
